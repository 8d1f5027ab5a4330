//! The test of somebody's rollout parser, in whatever language it is written.
//!
//! The parser is run on files whose content is known: generated in every era, damaged by every mutator, recorded from
//! real Codex releases. What it says of each on its standard output ([`Answer`], a small JSON object that a few lines of
//! any language can print) is held against what a correct reader must still get, which the generator and the mutators
//! know from the bytes alone and no reader of this crate has a say in.
//!
//! The judgement keeps apart what users of a parser must keep apart: text that is gone and *told*, text that is gone in
//! silence, text that was made up or stands in the wrong place, and a program that dies, hangs, floods its reader or says
//! something that is no answer. What a parser does not tell is not judged, and the table says that it is not told.
//!
//! The command is a stranger's: it runs in a group of its own, in an empty directory, with a clean environment, and what
//! it prints and how long it may take have limits. It gets a copy of each file, and is found out if it changes it.

mod answer;
mod cases;
mod command;
mod contract;
mod judge;
mod keep;
mod shrink;
mod suite;

pub use answer::{Answer, Form, Said, Turn};
pub use cases::{Case, Expected, Plan, Recipe, cases, classes, recorded};
pub use command::{Command, CommandError, Mode, Ran, StartError};
pub use contract::{CONTRACT, schema};
pub use judge::{Fact, Finding, FindingKind, Judgement, Outcome, judge};
pub use keep::keep;
pub use shrink::smaller;
pub use suite::{Played, Suite, SuiteError, play};
