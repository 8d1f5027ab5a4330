//! A clean file out of whatever can still be read of a thread.
//!
//! Real Codex refuses whole threads for little: one byte that is not UTF-8, a `session_meta` that is not the first
//! record, a base that is gone, a line without an ordinal, a file of before 0.36. [`repair`] reads such a thread with
//! the tolerance of [`super::reader`], its segments, forks and compressed files included, and writes one plain envelope
//! file that every Codex from 0.42 to 0.169 resumes: `session_meta` without `history_mode`, the settings of the last
//! turn, then the items that the model is to be sent, each message with the event that listings show.
//!
//! What is kept is the *live* history: what a correct Codex would send, calls paired with outputs. The complete form
//! ([`Form::Complete`]) keeps everything that was ever said, and with it the compactions and rollbacks, so that the model is
//! sent the same. How a Codex reads those is its own affair: 0.42 to about 0.80 take the summary of a compaction for the
//! whole of it, releases that do not know rollbacks send what was taken back, and 0.105 and 0.130 lose what stands before a
//! compaction that was rolled back ([`super::codex_reads`]).
//!
//! The source is opened to be read and never otherwise. The copy comes into being under a temporary name and takes its
//! own only where nobody has it ([`crate::world::Disk::rename_new`]), so nothing is overwritten, not even by a race. It
//! has an id of its own; the source's is kept only where no file of that thread lies in the same home, for two files
//! of one id are a damage of their own. The times of its records are those of the repair, in the complete form those at which they were first written.
//!
//! What was lost is told and not hidden: every [`super::Damage`] of the source with its place, and every field that had
//! to be filled because nothing readable says it ([`Filled`]).

mod complete;
mod copy;
mod destination;
mod error;

#[cfg(test)]
mod tests;

pub use copy::{Fallback, Filled, Form, Repaired, Request, repair};
pub use destination::Destination;
pub use error::{RepairError, RepairErrorKind};
