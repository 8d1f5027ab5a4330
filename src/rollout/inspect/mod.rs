//! A rollout, or a whole home, told to people and programs: plain data that can be drawn or written as JSON.
//!
//! [`file()`] tells of one thread what it is and which record says so, which files it is made of, what is wrong with them
//! byte by byte and what follows from that, what was said, and what each Codex would do with it. [`survey`] tells of a
//! home which files are not healthy, and sums up. Both read whole files from the front: a damaged byte that no history
//! needs any more is told as well. What a file lacks counts as much as what it holds: one without a `session_meta` is
//! never healthy, however well its lines read.
//!
//! Texts stand here as they stood in the files. Whoever shows them makes them harmless first ([`crate::neutral`]).

mod codex;
mod file;
mod glance;
mod home;
#[cfg(test)]
mod tests;
mod told;
mod transcript;

pub use codex::{CodexDoes, Without};
pub use file::{FileReport, Overrode, Part, Told, Wanted, file};
pub use glance::FileLine;
pub use home::{ClassTotal, HomeReport, Step, era_name, survey};
pub use told::{ClassCount, DamageTold, Follows, Verdict};
pub use transcript::{Became, Said, Who};
