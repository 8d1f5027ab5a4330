//! The journal: the ordered list of everything that happened in a run, and the only truth about it.
//!
//! A run is a directory. `journal.jsonl` holds a [`Header`] on its first line and one [`Event`] on each further one,
//! written in a single `write` as it happens, so that a killed harness leaves a readable journal; `blobs/<sha256>` holds
//! bodies that are too long to stand inline. Nothing else is needed to judge a run again.
//!
//! There are two layers. *Raw* events hold exact bytes and process facts. *Semantic* events say the same in the words
//! of the project, and each names in `from` the raw events it was read from. Checks read semantic events only
//! (`protocol` alone reads frames), so they are the same for every dialect, for foreign servers and for the simulator.
//!
//! Secrets never get in: the writer is given the secrets of the run and replaces them before an event is made. This room
//! imports nothing: time comes in as a function, paths as values.

mod body;
mod call;
mod event;
mod files;
mod header;
mod raw;
mod reader;
mod request;
mod tools;
mod writer;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use body::{BlobStore, Body, len_and_sha256, sha256_hex};
pub use call::*;
pub use event::*;
pub use files::*;
pub use header::{Dialect, FORMAT, Header, Identity, Level, ScenarioHeader, TargetKind, TargetProfile};
pub use raw::*;
pub use reader::{JournalError, Run};
pub use request::*;
pub use tools::{IdIn, Parts, Tool, Tools, put};
pub use writer::{Journal, Redactor};
