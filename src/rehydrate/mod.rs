//! Rehydration: bringing a conversation back that this process has never heard of.
//!
//! A server's threads live in its memory and die with it, while their transcripts stay on disk. This room finds a
//! transcript by its thread's id and makes a *new* thread from it, with the same history, the same cwd and settings
//! that are never wider. [`chain`] is the whole of it in one page; [`alias`] remembers where an old id goes on,
//! [`lock`] keeps two processes apart, [`policy`] decides about sandbox and approvals, [`continuation`] is what comes
//! out, and every [`note`] is something that the person at the other end is owed.
//!
//! # What a server does with it
//!
//! 1. Looks in its own memory for the id, then for [`resolve`]`(id)`: asking the disk for a thread that this very
//!    process has loaded would make a branch of it.
//! 2. Lets one call at a time go for [`try_rehydrate_from_disk`], keyed by the resolved id, and remembers that both the
//!    id asked for and [`Continuation::source_id`] go on as the new one.
//! 3. Answers `None` in its own words for an unknown id, unchanged.
//! 4. Keeps [`Continuation::loaded`] as long as the thread is in memory, appends the coming turns with
//!    [`Continuation::writer`], and hands the notes on: all of them as metadata, [`owed_text`] as text.
//!
//! All of it blocks on the disk; an async caller puts it on a thread of its own.
//!
//! # What it refuses
//!
//! It never writes to a source, never opens a path that a record names, never reads or writes credentials, and never
//! guesses at a history that lies elsewhere: such a source is a [`RehydrateError`] with a kind, a file and a remedy.

pub mod alias;
pub mod chain;
pub mod continuation;
pub mod error;
pub mod lock;
mod look_up;
pub mod note;
pub mod policy;
mod tell;

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;

pub use alias::resolve;
pub use chain::{Extent, resume_thread_from_rollout, try_rehydrate_from_disk};
pub use continuation::{Continuation, Options};
pub use error::{ErrorKind, RehydrateError};
pub use lock::LoadedGuard;
pub use note::{Note, NoteKind, owed_text};
pub use policy::{Ceiling, Narrowed, narrow};
