//! What Codex itself does with a rollout: resumes it, resumes it without some of it, or refuses it, and in which words.
//!
//! This room reads more than Codex does, so "it can be read" says nothing about `codex resume`. [`TABLE`] holds, for each
//! condition that a file can be in, what the releases in [`SEEN`] do with it; every row was tried on the real binaries,
//! and `tests/differential` tries each again. [`Facts`] are what the table asks of one file, gathered in one pass over
//! its bytes; [`predict`] applies the table to them.
//!
//! The facts describe the file as *Codex* takes it, which differs from how the reader takes it: to Codex a line is one
//! JSON value or nothing, so a record that shares its line, or has no timestamp, is salvaged here and unseen there.
//!
//! What is told holds for a thread that is resumed by its id through `codex app-server` in a home whose index Codex has
//! built itself. An index that is stale, a provider that the configuration lacks, and a second process that holds the
//! thread are conditions of the home and not of the file; they are not predicted.

mod facts;
mod files;
mod gather;
mod predict;
mod release;
mod session;
mod table;
mod twice;

pub use facts::{Base, Facts, Head, Mode, Unseen};
pub use gather::{gather, gather_bytes};
pub use predict::{Loss, Prediction, predict};
pub use release::{NotARelease, Release};
pub use table::{Does, Hidden, Row, SEEN, TABLE, markdown};
