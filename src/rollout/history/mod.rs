//! The model-visible history.
//!
//! Not every record reaches the model, and not every one that did still counts: a compaction replaces what was before
//! it, a rollback takes turns back, and with them a compaction that lies inside them. The rules are those of Codex
//! 0.117 and later, as 0.130, 0.153.4 and 0.169 were seen to follow them (they differ from older versions where those
//! got a compaction inside a rolled-back span wrong).
//!
//! Records are read once, in order, into a list of *steps* that still count; a rollback cuts that list, so what it took
//! back is gone and what it gave back is there again. When a compaction brings its own history, the items before it are
//! let go of and only their places kept: memory follows the live history and not the file. Should a rollback bring
//! such items back, they are read a second time.
//!
//! The file is read as long as it was when it was opened, so a writer at work does no harm.

mod assemble;
mod checkpoint;
mod compaction;
mod complete;
mod fidelity;
mod files;
mod item;
mod pairing;
#[cfg(test)]
mod properties;
mod steps;
mod summary;
#[cfg(test)]
mod tests;
mod walk;

pub use complete::{Entry, Fate, NotSent, Transcript, read_transcript, read_transcript_bytes};
pub use fidelity::{History, read_history, read_history_bytes, read_history_in, read_whole_history};
pub use item::Item;
pub use pairing::pair;
