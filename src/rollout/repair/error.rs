//! Why there is no clean copy.

use std::io;
use std::path::{Path, PathBuf};

use super::super::ThreadId;
use super::super::meta::ReadError;

/// A repair that was not done; nothing was written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct RepairError {
    /// The file that it is about.
    pub path: PathBuf,
    /// Why.
    pub kind: RepairErrorKind,
}

/// See [`RepairError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairErrorKind {
    /// Nothing can be made of the source.
    #[error("{}", .0.kind)]
    Unreadable(Box<ReadError>),
    /// The destination is taken.
    #[error("exists already and is left as it is; choose another destination")]
    Exists,
    /// The id would be there twice.
    #[error("the home of the destination holds thread {0} already; leave out --keep-id, or choose another home")]
    IdTaken(ThreadId),
    /// The destination's name promises what the copy is not.
    #[error("{0}")]
    Name(String),
    /// The disk says no.
    #[error("failed to write: {0}")]
    Write(io::Error),
}

impl RepairErrorKind {
    pub(super) fn at(self, path: &Path) -> RepairError {
        RepairError { path: path.to_owned(), kind: self }
    }

    pub(super) fn writing(error: io::Error) -> RepairErrorKind {
        match error.kind() {
            io::ErrorKind::AlreadyExists => RepairErrorKind::Exists,
            _ => RepairErrorKind::Write(error),
        }
    }
}
