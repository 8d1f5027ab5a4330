//! Reports: readers of finished runs. Nothing here plays or judges, and nothing but this room and `cli` prints.
//!
//! What a target said is data. Everything of it that reaches a terminal goes through [`crate::neutral`] first. Texts are painted and
//! made for a width in columns; whoever prints them takes the colours out where nobody sees them.
//!
//! A report for a machine that renders or obeys text of its own (an XML parser, a CI log, a Markdown page) makes what it is
//! given harmless in the manner of that machine, each in its own file: `junit.rs`, `github.rs`, `markdown.rs`.

mod alike;
mod explain;
mod github;
mod json;
mod junit;
mod last_words;
mod markdown;
mod matrix;
mod page;
mod parser;
mod progress;
mod repeats;
mod sweep;
mod tally;
mod telling;
#[cfg(test)]
mod testing;
mod told;
mod totals;

pub use explain::{NOT_PLAYED, explanations};
pub use github::annotations;
pub use json::{document, schema};
pub use junit::junit;
pub use markdown::{SUMMARY_BYTES, markdown};
pub use matrix::matrix;
pub use page::{COLUMNS, columns, headline, word, wrapped};
pub use parser::{Parsed, parser_document, parser_junit, parser_schema, parser_text};
pub use progress::Progress;
pub use repeats::repeats;
pub use sweep::{sweep_json, sweep_text};
pub use tally::{Tally, tallies};
pub use totals::{reasons, totals};

use std::path::PathBuf;

use crate::check::{Invariant, Outcome};
use crate::journal::Run;
use crate::neutral::line as neutral;
use crate::verdict::Verdict;

/// What a call came to, as every report is made from it.
#[derive(Clone, Copy, Debug)]
pub struct Results<'a> {
    /// Scenario by scenario, and for each target in order as many as it was played.
    pub cases: &'a [Case],
    /// Entries of the baseline about something that does not exist any more: one text each.
    pub stale: &'a [String],
    /// The whole of it, in milliseconds.
    pub elapsed_ms: u64,
}

/// One scenario played on one target and judged.
#[derive(Debug)]
#[non_exhaustive]
pub struct Case {
    /// The scenario's name.
    pub scenario: String,
    /// The target's name.
    pub target: String,
    /// The file it was read from; `None` for one inside the binary, and for a recorded run.
    pub path: Option<PathBuf>,
    /// What came out.
    pub verdict: Verdict,
    /// What each check said.
    pub outcomes: Vec<(Invariant, Outcome)>,
    /// What was recorded; `None` if nothing could be.
    pub run: Option<Run>,
    /// The run's directory, where it was kept.
    pub dir: Option<PathBuf>,
    /// The command that plays it again.
    pub again: String,
    /// The command that judges its run again.
    pub judge_again: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Case {
    /// A verdict with nothing behind it yet.
    pub(crate) fn bare(scenario: &str, target: &str, verdict: Verdict) -> Case {
        Case {
            scenario: scenario.to_owned(),
            target: target.to_owned(),
            path: None,
            verdict,
            outcomes: Vec::new(),
            run: None,
            dir: None,
            again: String::new(),
            judge_again: String::new(),
            took_ms: 0,
        }
    }
}
