//! From the text of a scenario to a [`Scenario`], or to everything that is wrong with it.
//!
//! Reading goes in four steps, each of which adds what it finds: the TOML itself, which goes on after an error on the
//! next line; its tree against the grammar of `keys.rs`; the values out of the tree; and the story that they tell
//! (`story.rs`), which judges only what the grammar found sound. A file with one finding is never played. Of a file for
//! another version of the format nothing is told but that, because its keys may mean something else.
//!
//! No input makes this panic, and memory stays in proportion to the text, whose length is limited first.

use std::path::Path;

use toml_spanner::Arena;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::grammar::TableShape;
use super::types::{Scenario, Step, StepKind, Unprompted};
use super::view::View;
use super::{conform, keys, parse_call, parse_step, story};
use crate::check::Invariant;
use crate::limits;

impl Scenario {
    /// Reads a scenario. `name` is what tables call it; `path` is the file that `source` was read from, if it is one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, in the order of the source.
    pub fn parse(name: &str, path: Option<&Path>, source: &str) -> Result<Scenario, Diagnostics> {
        let origin = path.map_or_else(|| format!("{name}.toml"), |path| path.display().to_string());
        read(&origin, source, &keys::FILE, |file, lines, findings| {
            let (steps, rounds) = told(file, findings);
            let proves: Vec<Invariant> =
                file.texts("proves").iter().filter_map(|name| name.parse::<Invariant>().ok()).collect();
            story::judge(file, &proves, &steps, findings);
            let steps = rounds.into_iter().flat_map(|round| round.of(&steps)).collect::<Vec<_>>();
            let lined = |told: Told<'_, '_>| Some(Step { line: lines.of(told.view.span().start), what: told.what? });
            Scenario {
                name: name.to_owned(),
                path: path.map(Path::to_owned),
                source: source.to_owned(),
                title: file.text("title").unwrap_or_default(),
                refs: file.texts("refs"),
                proves,
                needs: file.texts("needs").iter().filter_map(|name| keys::NEEDS.value(name)).collect(),
                models: file.views("model").into_iter().map(unprompted).collect(),
                steps: steps.into_iter().filter_map(lined).collect(),
            }
        })
    }
}

/// Which of the told steps come how often.
struct Rounds {
    steps: std::ops::Range<usize>,
    times: usize,
}

impl Rounds {
    fn of<'t, 'de>(self, told: &[Told<'t, 'de>]) -> Vec<Told<'t, 'de>> {
        let round = told.get(self.steps).unwrap_or_default();
        std::iter::repeat_n(round, self.times).flatten().cloned().collect()
    }
}

/// The steps as they are judged, and how often they come. A `repeat` is judged by two of its rounds: what is wrong with a
/// round after another one shows in the second.
fn told<'t, 'de>(file: View<'t, 'de>, findings: &mut conform::Findings) -> (Vec<Told<'t, 'de>>, Vec<Rounds>) {
    let (mut steps, mut rounds, mut total) = (Vec::new(), Vec::new(), 0_usize);
    for view in file.views("step") {
        let begin = steps.len();
        if view.chosen() != Some("repeat") {
            steps.push(Told { view, what: parse_step::step(view) });
            rounds.push(Rounds { steps: begin..steps.len(), times: 1 });
            total += 1;
            continue;
        }
        let repeat = view.view("repeat");
        let times = repeat.number("times").and_then(|times| usize::try_from(times).ok()).unwrap_or(1);
        let round = repeat.views("steps");
        let with = total.saturating_add(times.saturating_mul(round.len()));
        if with > limits::SCENARIO_STEPS {
            let message = format!("the story has {with} steps by here, which is too many");
            let help = format!("keep `times` so low that there are {} or fewer", limits::SCENARIO_STEPS);
            findings.add(repeat.value_span("times"), message, "too often", help);
            continue;
        }
        total = with;
        let first = round.iter().map(|view| Told { view: *view, what: parse_step::step(*view) });
        steps.extend(first);
        let end = steps.len();
        rounds.push(Rounds { steps: begin..end, times });
        if times > 1 {
            steps.extend_from_within(begin..end);
        }
    }
    (steps, rounds)
}

/// A step, and where its words stand.
#[derive(Clone)]
pub(super) struct Told<'t, 'de> {
    pub(super) view: View<'t, 'de>,
    /// `None` where it could not be made out.
    pub(super) what: Option<StepKind>,
}

fn unprompted(view: View<'_, '_>) -> Unprompted {
    Unprompted { when: view.text("when").unwrap_or_default(), response: parse_call::response(view) }
}

/// Reads a file of a shape; `make` takes the values out and may add findings of its own.
pub(super) fn read<T>(
    origin: &str,
    source: &str,
    shape: &'static TableShape,
    make: impl FnOnce(View<'_, '_>, &Lines, &mut conform::Findings) -> T,
) -> Result<T, Diagnostics> {
    if source.len() > limits::SCENARIO_BYTES {
        let message = format!("the file has {} bytes, which is too many", source.len());
        return Err(Diagnostics::refusal(origin, message, &format!("keep it to {} bytes", limits::SCENARIO_BYTES)));
    }
    let arena = Arena::new();
    let document = toml_spanner::parse_recoverable(source, &arena);
    let mut diagnostics = Diagnostics::new(origin, source);
    let mut findings = conform::Findings { found: Vec::new(), torn: document.has_errors() };
    conform::version(document.table(), shape, &mut findings);
    let made = if findings.found.is_empty() {
        document.errors().iter().for_each(|error| diagnostics.push(syntax(error, source)));
        conform::table(document.table(), shape, 0..0, &mut findings);
        Some(make(View::new(document.table(), shape), &Lines::new(source), &mut findings))
    } else {
        None
    };
    findings.found.into_iter().for_each(|finding| diagnostics.push(finding));
    diagnostics.sort();
    match made {
        Some(made) if diagnostics.is_empty() => Ok(made),
        _ => Err(diagnostics),
    }
}

/// What the TOML parser says, with a remedy where its kind alone does not show one.
fn syntax(error: &toml_spanner::Error, source: &str) -> Diagnostic {
    use toml_spanner::ErrorKind::{
        DuplicateKey, DuplicateTable, InvalidEscape, UnclosedArray, UnclosedInlineTable, UnquotedString,
        UnterminatedString,
    };
    let help = match error.kind() {
        DuplicateKey { .. } => "keep one of the two",
        DuplicateTable { .. } => "a step is written `[[step]]`, with two brackets",
        UnterminatedString(_) => "close the string on its line, or write it in three quotes",
        UnquotedString => "put quotes around it",
        InvalidEscape(_) => "write the backslash twice, or the string in single quotes",
        UnclosedArray => "close it with `]`",
        UnclosedInlineTable => "close it with `}`; a table in braces stands on one line",
        _ => "mend the TOML",
    };
    Diagnostic {
        message: error.message(source),
        span: Some(error.span().range()),
        label: error.primary_label().map(|(_, label)| label).unwrap_or_default(),
        related: error.secondary_label().map(|(span, label)| (span.range(), label)),
        help: help.to_owned(),
    }
}

/// The lines of a text.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    fn new(source: &str) -> Lines {
        Lines(source.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    pub(super) fn of(&self, byte: usize) -> u32 {
        u32::try_from(self.0.partition_point(|at| *at < byte) + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
