//! Holds a TOML tree against the grammar: every unknown key, wrong type, missing key and value out of range, each once.
//!
//! The walk only goes where the grammar goes, so its depth is the grammar's and not the file's; the one open place, a
//! tool call's arguments, has a limit of its own. Nothing is changed and nothing is taken out here: `view.rs` reads
//! afterwards, and whoever judges further asks [`sound`] whether a part is worth judging.

use std::ops::Range;

use toml_spanner::{Item, Key, Kind, Span, Table, Value};

use super::diagnostic::{Diagnostic, quoted};
use super::grammar::{Form, Presence, Refused, Shape, TableShape, Text, listed};
use super::suggest::nearest;
use crate::limits;

/// Where the findings go.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Diagnostic>,
    /// Lines of the file could not be read: what is missing may stand there, so its absence is no finding.
    pub(super) torn: bool,
}

impl Findings {
    /// A finding at a place, with what stands beside the caret and what to do.
    pub(super) fn add(&mut self, at: Range<usize>, message: String, label: &str, help: impl Into<String>) {
        let (label, help) = (label.to_owned(), help.into());
        self.found.push(Diagnostic { message, span: Some(at), label, related: None, help });
    }

    /// The same, with another place that explains it.
    pub(super) fn add_because(
        &mut self,
        at: Range<usize>,
        message: String,
        label: &str,
        because: (Range<usize>, &str),
        help: impl Into<String>,
    ) {
        self.add(at, message, label, help);
        if let Some(last) = self.found.last_mut() {
            last.related = Some((because.0, because.1.to_owned()));
        }
    }
}

/// Whether the value is as the grammar wants it, all the way down.
pub(super) fn sound(item: &Item<'_>, shape: &Shape) -> bool {
    let mut findings = Findings::default();
    value(item, shape, "it", 0..0, &mut findings);
    findings.found.is_empty()
}

/// A number of a version that this build does not know. Whoever finds one should judge nothing else by this shape.
pub(super) fn version(table: &Table<'_>, shape: &TableShape, into: &mut Findings) {
    for (key, item) in table {
        if let Some(known) = shape.key(key.name).filter(|k| matches!(k.shape, Shape::Version(_)))
            && item.kind() == Kind::Integer
        {
            value(item, &known.shape, &named(known), key.span.range(), into);
        }
    }
}

/// Holds a table against its shape; `at` is what the caret points at where something is missing.
pub(super) fn table(table: &Table<'_>, shape: &TableShape, at: Range<usize>, into: &mut Findings) {
    let mut strangers: Vec<&str> = Vec::new();
    for (key, item) in table {
        match shape.key(key.name) {
            Some(known) => value(item, &known.shape, &named(known), key.span.range(), into),
            None => {
                strangers.push(key.name);
                unknown(key, shape, into);
            }
        }
    }
    partners(table, shape, into);
    if into.torn {
        return;
    }
    for key in shape.keys {
        let partner = match key.presence {
            Presence::Required(write) => Some((None, write)),
            Presence::Completes(partner, write) => table.get_key_value(partner).map(|(k, _)| (Some(k.span), write)),
            Presence::Optional | Presence::OneOf | Presence::Beside(_) => None,
        };
        if let (Some((partner, write)), false) = (partner, table.contains_key(key.name))
            // A stranger that is near is this key misspelt, and is told already.
            && !strangers.iter().any(|stranger| nearest(stranger, [key.name]).is_some())
        {
            let at = partner.map_or(at.clone(), Span::range);
            let message = format!("{} has no `{}`", shape.name, key.name);
            into.add(at, message, "it is missing here", format!("add `{write}`"));
        }
    }
    choice(table, shape, at, !strangers.is_empty(), into);
}

/// Keys that stand without the key that they belong to.
fn partners(table: &Table<'_>, shape: &TableShape, into: &mut Findings) {
    for (key, _) in table {
        let Some(known) = shape.key(key.name) else { continue };
        if let Presence::Beside(partner) | Presence::Completes(partner, _) = known.presence
            && !table.contains_key(partner)
        {
            let message = format!("`{}` says something about `{partner}`, which is not there", known.name);
            into.add(
                key.span.range(),
                message,
                "nothing to belong to",
                format!("add `{partner}` or remove `{}`", known.name),
            );
        }
    }
}

/// Exactly one of the keys that exclude each other.
fn choice(table: &Table<'_>, shape: &TableShape, at: Range<usize>, strangers: bool, into: &mut Findings) {
    let Some(help) = shape.choice else { return };
    let mut chosen: Vec<&Key<'_>> =
        table.iter().map(|(key, _)| key).filter(|k| shape.choices().any(|c| c == k.name)).collect();
    chosen.sort_by_key(|key| key.span.start);
    match chosen.as_slice() {
        // A stranger is most likely the misspelt choice, and is told already.
        [] if strangers => {}
        [] => {
            let keys: Vec<String> = shape.choices().map(|c| format!("`{c}`")).collect();
            into.add(at, format!("{} has none of {}", shape.name, keys.join(", ")), "nothing is chosen here", help);
        }
        [first, second, ..] => {
            let message = format!("{} has both `{}` and `{}`", shape.name, first.name, second.name);
            into.add_because(second.span.range(), message, "one too many", (first.span.range(), "the first"), help);
        }
        [_] => {}
    }
}

fn unknown(key: &Key<'_>, shape: &TableShape, into: &mut Findings) {
    if let Some(Refused { key: name, why, help }) = shape.refused.iter().find(|refused| refused.key == key.name) {
        return into.add(key.span.range(), format!("`{name}` {why}"), "not here", *help);
    }
    let known: Vec<&str> = shape.keys.iter().map(|k| k.name).collect();
    let help = match nearest(key.name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "leave it empty: `{}`".to_owned(),
        None => format!("its keys are {}", known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")),
    };
    into.add(key.span.range(), format!("unknown key {} in {}", quoted(key.name), shape.name), "unknown key", help);
}

/// How messages call a key's value.
fn named(key: &super::grammar::Key) -> String {
    format!("`{}`", key.name)
}

/// Holds a value against its shape. `name` is how messages call it; its key stands at `at`.
fn value(item: &Item<'_>, shape: &Shape, name: &str, at: Range<usize>, into: &mut Findings) {
    let span = item.span().range();
    match (shape, item.value()) {
        (Shape::Table(inner), Value::Table(found)) => table(found, inner, at, into),
        (Shape::Object, Value::Table(found)) => object(found, into),
        (Shape::Map { of, max }, Value::Table(found)) => map(found, of, *max, name, span, into),
        (Shape::List { of, min, max, unique }, Value::Array(found)) => {
            let fault = match found.len() {
                0 if *min > 0 => Some((format!("{name} is empty"), "give it an entry".to_owned())),
                len if len < *min => {
                    Some((format!("{name} has too few entries: {len}"), format!("give it {min} or more")))
                }
                len if len > *max => Some((format!("{name} has too many entries: {len}"), format!("keep it to {max}"))),
                _ => None,
            };
            match fault {
                Some((message, help)) => into.add(span, message, "", help),
                None => list(found.as_slice(), of, name, *unique, into),
            }
        }
        (Shape::Text(shape), Value::String(found)) => text(found, shape, name, span, into),
        (Shape::Word(words), Value::String(found)) => word(found, &words(), name, span, into),
        (Shape::Int { min, max }, Value::Integer(found)) => {
            if !found.as_u64().is_some_and(|n| (*min..=*max).contains(&n)) {
                let message = format!("{name} is {}, which is out of range", found.as_i128());
                into.add(span, message, "out of range", format!("write {}", shape.describe()));
            }
        }
        (Shape::Version(known), Value::Integer(found)) => {
            if found.as_u64() != Some(*known) {
                let message = format!("{name} is {}, and this build knows {known} only", found.as_i128());
                into.add(span, message, "unknown version", format!("write {known}"));
            }
        }
        (Shape::Flag, Value::Boolean(_)) | (Shape::Yes, Value::Boolean(true)) => {}
        (Shape::Yes, Value::Boolean(false)) => {
            into.add(span, format!("{name} can only be true"), "not true", format!("remove {name}"));
        }
        (Shape::Either(shapes), _) => match shapes.iter().find(|s| kind(s) == item.kind()) {
            Some(one) => value(item, one, name, at, into),
            None => wrong_type(item, shape, name, span, into),
        },
        _ => wrong_type(item, shape, name, span, into),
    }
}

/// A table with names of the author's choice.
fn map(found: &Table<'_>, of: &Shape, max: usize, name: &str, span: Range<usize>, into: &mut Findings) {
    if found.len() > max {
        let message = format!("{name} has too many entries: {}", found.len());
        return into.add(span, message, "", format!("keep it to {max}"));
    }
    for (key, item) in found {
        value(item, of, &quoted(key.name), key.span.range(), into);
    }
}

fn list(found: &[Item<'_>], of: &Shape, name: &str, unique: bool, into: &mut Findings) {
    let mut seen: Vec<(&str, Range<usize>)> = Vec::new();
    for item in found {
        value(item, of, &format!("an entry of {name}"), item.span().range(), into);
        let Some(word) = item.as_str().filter(|_| unique) else { continue };
        match seen.iter().find(|(earlier, _)| *earlier == word) {
            Some((_, first)) => {
                let message = format!("{name} has {} twice", quoted(word));
                into.add_because(
                    item.span().range(),
                    message,
                    "again",
                    (first.clone(), "the first"),
                    "remove one of them",
                );
            }
            None => seen.push((word, item.span().range())),
        }
    }
}

fn text(found: &str, shape: &Text, name: &str, span: Range<usize>, into: &mut Findings) {
    let chars = found.chars().count();
    if chars < shape.min {
        return into.add(span, format!("{name} is empty"), "empty", format!("give {name} a text"));
    }
    if chars > shape.max {
        let message = format!("{name} is too long: {chars} characters");
        return into.add(span, message, "too long", format!("keep it to {} characters", shape.max));
    }
    match shape.form {
        Form::Plain => {}
        Form::Line if found.contains(['\n', '\r']) => {
            into.add(span, format!("{name} has more than one line"), "a line break in it", "keep it on one line");
        }
        Form::Line => {}
        Form::Path if leaves(found) => {
            let message = format!("{name} leaves the run's directory: {}", quoted(found));
            into.add(span, message, "leads out", "write a relative path with `/` and without `..`");
        }
        Form::Path => {}
        Form::Pattern => {
            if let Err(error) = regex_lite::Regex::new(found) {
                let help = "write a regular expression, and a backslash before a character that is to stand for itself";
                into.add(span, format!("{name} is no regular expression: {error}"), "cannot be read", help);
            }
        }
        Form::Group => group(found, name, span, into),
        Form::Pointer if !is_pointer(found) => {
            let help =
                "write the way from the outside in, each name after a `/`; in a name `~1` stands for `/`, `~0` for `~`";
            into.add(span, format!("{name} is no JSON pointer: {}", quoted(found)), "cannot be followed", help);
        }
        Form::Pointer => {}
    }
}

fn group(found: &str, name: &str, span: Range<usize>, into: &mut Findings) {
    let help = "write a regular expression with one group around what is wanted, as in `session: (\\S+)`";
    match regex_lite::Regex::new(found) {
        Err(error) => into.add(span, format!("{name} is no regular expression: {error}"), "cannot be read", help),
        Ok(pattern) if pattern.captures_len() != 2 => {
            let message = format!("{name} has {} groups, and one is needed", pattern.captures_len() - 1);
            into.add(span, message, "what is meant?", help);
        }
        Ok(_) => {}
    }
}

/// The same words as the pattern in `schema.rs`.
fn is_pointer(text: &str) -> bool {
    let escaped = |part: &str| part.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.starts_with('/') && escaped(text)
}

/// The same words as the pattern in `schema.rs`.
fn leaves(path: &str) -> bool {
    path.starts_with('/') || path.contains(['\\', '\0']) || path.split('/').any(|part| part == "..")
}

fn word(found: &str, known: &[&'static str], name: &str, span: Range<usize>, into: &mut Findings) {
    if !known.contains(&found) {
        let help = match nearest(found, known.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("it can be {}", listed(known)),
        };
        into.add(span, format!("{name} cannot be {}", quoted(found)), "unknown", help);
    }
}

fn wrong_type(item: &Item<'_>, shape: &Shape, name: &str, span: Range<usize>, into: &mut Findings) {
    let article = if matches!(item.kind(), Kind::Integer | Kind::Array) { "an" } else { "a" };
    let found = format!("{article} {}", item.kind());
    let help = match (shape, item.kind()) {
        (Shape::List { of: Shape::Table(_), .. }, Kind::Table) => {
            "write its name in two brackets instead of one".to_owned()
        }
        (Shape::List { .. }, Kind::String) => "put square brackets around it".to_owned(),
        (Shape::Text(_) | Shape::Word(_), Kind::Integer | Kind::Float | Kind::Boolean | Kind::DateTime) => {
            "put quotes around it".to_owned()
        }
        (Shape::Int { .. }, Kind::String) => "write the number without quotes".to_owned(),
        _ => format!("write {}", shape.describe()),
    };
    into.add(span, format!("{name} must be {}, and is {found}", shape.describe()), &found, help);
}

/// The TOML type of a value of that shape.
fn kind(shape: &Shape) -> Kind {
    match shape {
        Shape::Version(_) | Shape::Int { .. } => Kind::Integer,
        Shape::Text(_) | Shape::Word(_) => Kind::String,
        Shape::Flag | Shape::Yes => Kind::Boolean,
        Shape::Table(_) | Shape::Object | Shape::Map { .. } | Shape::Either(_) => Kind::Table,
        Shape::List { .. } => Kind::Array,
    }
}

/// What TOML can say and JSON cannot.
fn object(found: &Table<'_>, into: &mut Findings) {
    let mut waiting: Vec<(&Item<'_>, usize)> = found.iter().map(|(_, item)| (item, 1)).collect();
    while let Some((item, depth)) = waiting.pop() {
        if depth > limits::SCENARIO_NESTING {
            let help = format!("keep arguments to {} levels", limits::SCENARIO_NESTING);
            return into.add(item.span().range(), "arguments are nested too deeply".to_owned(), "too deep", help);
        }
        let fault = match item.value() {
            Value::Table(inner) => {
                waiting.extend(inner.iter().map(|(_, item)| (item, depth + 1)));
                None
            }
            Value::Array(inner) => {
                waiting.extend(inner.iter().map(|item| (item, depth + 1)));
                None
            }
            Value::DateTime(_) => Some("a date or time"),
            Value::Float(number) if !number.is_finite() => Some("a number that is not finite"),
            Value::Integer(number) if number.as_i64().is_none() && number.as_u64().is_none() => {
                Some("a number of more than 64 bits")
            }
            _ => None,
        };
        if let Some(what) = fault {
            let message = format!("arguments are sent as JSON, which has no form for {what}");
            into.add(item.span().range(), message, "not in JSON", "put quotes around it");
        }
    }
}
