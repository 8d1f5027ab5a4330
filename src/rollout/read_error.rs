//! Why a rollout cannot be read at all. Everything less is [`super::Damage`].

use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::world::Disk;

/// A rollout that cannot be read at all; everything less is [`super::Damage`].
#[derive(Debug, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub kind: ReadErrorKind,
}

/// See [`ReadError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The disk says no.
    #[error("failed to read: {0}")]
    Io(#[from] std::io::Error),
    /// There is nothing in it.
    #[error("no session metadata is in it, nor anything else: the file is empty")]
    Empty,
    /// No session metadata, neither as a record nor rebuilt.
    #[error("no session metadata is in it, and none can be rebuilt from its name and records: it may be no rollout")]
    NoMeta,
    /// A `history_mode` this build does not know: its data may be elsewhere.
    #[error("unknown history_mode `{0}`: a newer Codex wrote it and its history may lie elsewhere")]
    UnknownHistoryMode(String),
}

/// Opens a rollout.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Reader, ReadError> {
    Reader::open(disk, path).map_err(|error| ReadErrorKind::Io(error).at(path))
}

impl ReadErrorKind {
    pub(super) fn at(self, path: &Path) -> ReadError {
        ReadError { path: path.to_owned(), kind: self }
    }
}
