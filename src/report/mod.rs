//! Reports: readers of finished runs. Nothing here plays or judges, and nothing but this room and `cli` prints.
//!
//! What a target said is data. Everything of it that reaches a terminal goes through [`crate::neutral`] first. Texts are painted and
//! made for a width in columns; whoever prints them takes the colours out where nobody sees them.

mod explain;
mod json;
mod matrix;
mod page;
mod progress;
mod telling;
#[cfg(test)]
mod testing;
mod told;
mod totals;

pub use explain::explanations;
pub use json::summary;
pub use matrix::matrix;
pub use page::{COLUMNS, columns, headline, word, wrapped};
pub use progress::Progress;
pub use totals::{reasons, totals};

use std::path::PathBuf;

use crate::check::{Invariant, Outcome};
use crate::journal::Run;
use crate::neutral::line as neutral;
use crate::verdict::Verdict;

/// One scenario played on one target and judged.
#[derive(Debug)]
#[non_exhaustive]
pub struct Case {
    /// The scenario's name.
    pub scenario: String,
    /// The target's name.
    pub target: String,
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
