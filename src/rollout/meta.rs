//! The session's metadata.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ThreadId;
use super::settings::{Approval, Sandbox};
use crate::world::Disk;

/// What the first `session_meta` of a rollout says (era A: line 1). Fields that may be missing are options.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionMeta {
    /// The thread's id.
    pub id: ThreadId,
    /// The cwd at creation.
    pub cwd: Option<PathBuf>,
    /// RFC 3339.
    pub timestamp: Option<String>,
    /// Who created it.
    pub originator: Option<String>,
    /// The Codex version that wrote it.
    pub cli_version: Option<String>,
    /// `legacy`, `paginated`, absent in older files.
    pub history_mode: Option<String>,
    /// The provider's name.
    pub model_provider: Option<String>,
    /// Base instructions text, where the file holds them.
    pub base_instructions: Option<String>,
    /// The thread it was forked from.
    pub forked_from_id: Option<ThreadId>,
    /// The payload as it stands.
    pub raw: Value,
}

/// The last `turn_context` of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnContext {
    /// The turn's cwd.
    pub cwd: Option<PathBuf>,
    /// The turn's model.
    pub model: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// Sandbox policy.
    pub sandbox: Option<Sandbox>,
    /// Approval policy.
    pub approval: Option<Approval>,
}

/// A rollout that cannot be read at all; everything less is [`super::reader::Damage`].
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
pub enum ReadErrorKind {
    /// The disk says no.
    #[error("failed to read: {0}")]
    Io(#[from] std::io::Error),
    /// No session metadata, neither as a record nor rebuilt.
    #[error("no session metadata at byte 0 or later; the id can only be told from the file's name")]
    NoMeta,
    /// A `history_mode` this build does not know: its data may be elsewhere.
    #[error("unknown history_mode `{0}`: a newer Codex wrote it and its history may lie elsewhere")]
    UnknownHistoryMode(String),
    /// The file continues another one by `history_base`, which this build does not follow yet.
    #[error("continues {0} by history_base, which is not followed yet")]
    Segment(String),
}

/// Reads the metadata of the rollout at `path`: the first `session_meta`, or line 1 of a bare file.
pub fn read_session_meta_line(disk: &dyn Disk, path: &Path) -> Result<SessionMeta, ReadError> {
    let _ = (disk, path);
    todo!()
}
