//! What a grammar of tables and keys is made of.
//!
//! The keys of a file stand in constants of these types (`keys.rs`, `baseline.rs`) and nowhere else. Three readers share
//! them: `conform.rs` holds a file against them, `view.rs` takes values out by them and refuses a key that they do not
//! name, `schema.rs` writes them down as JSON Schema. A key that one of the three knows and another does not cannot be
//! written.

use crate::check::Invariant;

/// A table and its keys.
pub(super) struct TableShape {
    /// How the schema calls it; no two tables share one.
    pub(super) id: &'static str,
    /// How a message calls it.
    pub(super) name: &'static str,
    /// What it is for, in one sentence.
    pub(super) doc: &'static str,
    pub(super) keys: &'static [Key],
    /// Set where exactly one of the [`Presence::OneOf`] keys must stand: what to do if none or more than one does.
    pub(super) choice: Option<&'static str>,
    /// Keys that somebody may well write here and that are refused with a remedy of their own.
    pub(super) refused: &'static [Refused],
}

/// A key and its value.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) presence: Presence,
    pub(super) doc: &'static str,
}

/// When a key must or may stand.
#[derive(Clone, Copy)]
pub(super) enum Presence {
    Optional,
    /// Always; with what to write.
    Required(&'static str),
    /// Exactly one of the keys marked so.
    OneOf,
    /// Only beside that key.
    Beside(&'static str),
    /// Beside that key, and always beside it; with what to write.
    Completes(&'static str, &'static str),
}

/// A key that is refused here, and why.
pub(super) struct Refused {
    pub(super) key: &'static str,
    /// What is wrong, after the key's name.
    pub(super) why: &'static str,
    pub(super) help: &'static str,
}

/// A value.
pub(super) enum Shape {
    /// Exactly this number.
    Version(u64),
    Text(Text),
    /// One word of a closed list.
    Word(fn() -> Vec<&'static str>),
    Int {
        min: u64,
        max: u64,
    },
    Flag,
    /// `true`: the key says it all.
    Yes,
    Table(&'static TableShape),
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
        /// No value twice.
        unique: bool,
    },
    /// One of these; their TOML types differ.
    Either(&'static [Shape]),
    /// A table of anything that JSON can say.
    Object,
    /// A table whose keys are names that the author chooses.
    Map {
        of: &'static Shape,
        max: usize,
    },
}

/// A string: its length in characters and its form.
pub(super) struct Text {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// No line break.
    Line,
    /// A relative path that stays below where it begins.
    Path,
    /// A regular expression.
    Pattern,
    /// A regular expression with exactly one group.
    Group,
    /// A JSON pointer that points into something.
    Pointer,
}

/// A closed list of words and what each stands for.
pub(super) struct Words<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Words<T> {
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    pub(super) fn value(&self, name: &str) -> Option<T> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    pub(super) fn name(&self, value: T) -> Option<&'static str> {
        self.0.iter().find(|(_, v)| *v == value).map(|(name, _)| *name)
    }
}

impl TableShape {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys of which exactly one must stand.
    pub(super) fn choices(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().filter(|k| matches!(k.presence, Presence::OneOf)).map(|k| k.name)
    }
}

impl Shape {
    /// What a message says that the value must be.
    pub(super) fn describe(&self) -> String {
        match self {
            Shape::Version(number) => format!("the number {number}"),
            Shape::Text(_) => "a string".to_owned(),
            Shape::Word(words) => format!("one of {}", listed(&words())),
            Shape::Int { min, max } => format!("a whole number from {min} to {max}"),
            Shape::Flag => "true or false".to_owned(),
            Shape::Yes => "true".to_owned(),
            Shape::Table(_) | Shape::Object | Shape::Map { .. } => "a table".to_owned(),
            Shape::List { of, .. } => match of {
                Shape::Table(_) => "a list of tables".to_owned(),
                _ => "a list of strings".to_owned(),
            },
            Shape::Either(shapes) => shapes.iter().map(Shape::describe).collect::<Vec<_>>().join(", or "),
        }
    }
}

/// The names of all invariants.
pub(super) fn invariants() -> Vec<&'static str> {
    Invariant::ALL.iter().map(|i| i.name()).collect()
}

/// Words for a message: each in quotes.
pub(super) fn listed(words: &[&str]) -> String {
    words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ")
}

pub(super) const fn text(max: usize) -> Shape {
    Shape::Text(Text { min: 1, max, form: Form::Plain })
}

pub(super) const fn line(max: usize) -> Shape {
    Shape::Text(Text { min: 1, max, form: Form::Line })
}

pub(super) const fn path() -> Shape {
    Shape::Text(Text { min: 1, max: crate::limits::SCENARIO_PATH_CHARS, form: Form::Path })
}

pub(super) const fn pattern() -> Shape {
    Shape::Text(Text { min: 1, max: crate::limits::SCENARIO_PATTERN_CHARS, form: Form::Pattern })
}

pub(super) const fn pointer() -> Shape {
    Shape::Text(Text { min: 1, max: crate::limits::SCENARIO_PATH_CHARS, form: Form::Pointer })
}

pub(super) const fn required(name: &'static str, shape: Shape, write: &'static str, doc: &'static str) -> Key {
    Key { name, shape, presence: Presence::Required(write), doc }
}

pub(super) const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, presence: Presence::Optional, doc }
}

pub(super) const fn one_of(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, presence: Presence::OneOf, doc }
}

pub(super) const fn beside(name: &'static str, partner: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, presence: Presence::Beside(partner), doc }
}

pub(super) const fn completes(
    name: &'static str,
    partner: &'static str,
    shape: Shape,
    write: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, shape, presence: Presence::Completes(partner, write), doc }
}
