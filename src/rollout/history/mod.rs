//! What a thread says: to the model, and to people.
//!
//! Not every record reaches the model, and not every one that did still counts. The rules are those of Codex 0.117 and
//! later, as 0.130, 0.153.4 and 0.169 were seen to follow them.
//!
//! * **Items.** A `response_item` is sent, but for ghost snapshots, `system` messages, types that nobody knows, and messages
//!   and outputs with a part that nobody knows. What one agent said to another is sent as an `agent_message`.
//! * **Turns** begin at a user's message that Codex did not write itself; an environment context, `AGENTS.md`
//!   instructions, a `<turn_aborted>` and their like begin none. They end with `task_complete` (0.105 and later), before
//!   that with the assistant's message.
//! * **Compactions** replace what was before them by the history that they bring (0.87 and later), which may be empty; one
//!   that brings none (0.42 to about 0.80) leaves the newest 80 000 bytes of the users' own words and its summary, which
//!   a rollback takes for a turn.
//! * **Rollbacks** take the last turns back, with the context told directly before them and with a compaction that lies
//!   inside them; the history before that compaction is there again (0.153.4 and 0.169; older ones lose it).
//! * **Calls** without an output get one that says `aborted`; outputs without a call are taken out.
//! * **Segments.** What a fork or a revert of 0.148 and later inherits stands in other files ([`super::lineage`]).
//!
//! Two forms come of this. [`History`] is what the model would be sent. Its records are read once, in order, into a list
//! of *steps* that still count; a rollback cuts that list, so what it took back is gone and what it gave back is there
//! again. Items are kept as the text they are, and let go of when a compaction replaces them: memory follows the live
//! history and not the file. Should a rollback bring such items back, they are read a second time. [`read_history`] does
//! not even look at what a compaction near the end made irrelevant; [`read_whole_history`] does, and tells its damage.
//! [`Transcript`] is everything that was ever said, one entry at a time, each with what became of it.
//!
//! A file is read as long as it was when it was opened, so a writer at work does no harm.

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
