//! Why a story told by hand cannot go on, in words for the person whose test it stops.

use std::fmt;
use std::path::PathBuf;

/// Why the harness stops. Its `Debug` form is its text, because that is what a test prints that returns it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for does not exist or cannot be read: a target, a scenario, a baseline. Nothing was played.
    #[error("{0}")]
    Wrong(String),
    /// The stage could not be set: no runtime, a directory that cannot be made, a target that is not to be had.
    #[error("{0}")]
    Setup(String),
    /// The run cannot go on, e.g. because the target does not start. It can be finished, and its verdict is an error.
    #[error("{text}\n  run          {}", .dir.display())]
    Stopped {
        /// Why, and what to do.
        text: String,
        /// The run's directory.
        dir: PathBuf,
    },
    /// A call ended otherwise than it was to end. The story may go on.
    #[error("step {step} expects {expected}, and got {got}\n  run          {}", .dir.display())]
    Unexpected {
        /// The step's number, from 1.
        step: u32,
        /// How it was to end.
        expected: String,
        /// How it ended, with the target's words on one line.
        got: String,
        /// The run's directory.
        dir: PathBuf,
    },
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
