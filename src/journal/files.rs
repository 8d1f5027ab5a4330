//! What happens to files: what a life does to them, what the player does, and how they are at one moment.
//!
//! Paths are told from the usual home; a file of another home of the same run by its way from there.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};

use super::Body;
use crate::marker::Marker;

/// The directories of a home that hold what a server must keep.
pub const SESSION_DIRS: [&str; 3] = ["sessions", "archived_sessions", "rehydra"];

/// Whether that is a session file, or a directory of such, of any home of the run. Lock files hold nothing and are none.
pub fn is_session_path(told: &str) -> bool {
    let in_home = match told.strip_prefix(OTHER_HOMES) {
        Some(other) => other.split_once('/').map(|(_, below)| below),
        None => Some(told),
    };
    let top = in_home.map(|path| path.split('/').next().unwrap_or(path));
    top.is_some_and(|top| SESSION_DIRS.contains(&top)) && !told.ends_with(LOCK)
}

/// How the names of lock files end.
pub const LOCK: &str = ".lock";

/// Whether that is a home of the run, whose names may be those of directories of session files.
pub fn is_home_path(told: &str) -> bool {
    told.is_empty() || told.strip_prefix(OTHER_HOMES).is_some_and(|name| !name.contains('/'))
}

/// What stands before the names of other homes than the usual one.
const OTHER_HOMES: &str = "../home-";

/// Something that a life did to a session file, or was kept from doing, as the injector saw it; without the injector there
/// are none. They stand in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteSeen {
    /// Its place among all that the life did to files, from 1.
    pub order: u64,
    pub op: FileOp,
    pub path: String,
    /// Where a rename leads to; none if it leads out of the run. Of a file that is made as a further name: which file has
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Where in the file a write begins.
    pub offset: u64,
    /// How many bytes were to be written, or the length that a file was to have.
    pub len: u64,
    /// How many of them are in the file.
    pub landed: u64,
    /// With what it failed, as a number of Linux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Of the first record that was to be written.
    pub record_kind: Option<String>,
    /// What was to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// [`WriteSeen::errno`] of what never came to be done because its program was ended in the middle of it: `EINTR`.
pub const NEVER_DONE: i32 = 4;

/// What can be done to a file, or to a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FileOp {
    #[default]
    Write,
    /// Cut to a length, or emptied as it is opened.
    Truncate,
    Rename,
    Unlink,
    /// A file is made, or gets one more name.
    Create,
    /// A directory is made.
    Mkdir,
    /// `fsync` or `fdatasync`, of a file or of a directory.
    Sync,
    Read,
}

impl FileOp {
    /// The word for it, in scenarios and journals.
    pub const fn name(self) -> &'static str {
        match self {
            FileOp::Write => "write",
            FileOp::Truncate => "truncate",
            FileOp::Rename => "rename",
            FileOp::Unlink => "unlink",
            FileOp::Create => "create",
            FileOp::Mkdir => "mkdir",
            FileOp::Sync => "sync",
            FileOp::Read => "read",
        }
    }

    /// Whether a file or a name is another one after it.
    pub fn changes(self) -> bool {
        !matches!(self, FileOp::Sync | FileOp::Read)
    }
}

/// What the injector sees of a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// Nothing: the life runs without it.
    #[default]
    Nothing,
    /// Whatever it changes or syncs.
    Writes,
    /// The same and what it reads.
    Reads,
}

impl Watched {
    /// Whether the life runs without the injector.
    pub fn is_nothing(&self) -> bool {
        *self == Watched::Nothing
    }
}

/// The injector could not do as it was told, or something that a life did to its files may have passed it by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missed {
    pub text: String,
}

/// The player damaged a file, or changed one of the run's directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageDone {
    /// Below the home; absolute for what lies outside of it.
    pub path: String,
    /// Whose rollout it is; `None` for a `file` step.
    pub thread: Option<String>,
    /// The mutator's name, or what a `file` step does: `remove` (a directory with all that is in it), `write`, `mkdir`;
    /// of what a power loss has taken, `power-loss: ` and what that was.
    pub mutator: String,
    pub before: FileState,
    pub after: FileState,
    /// Markers that no reader can get from the file any more, as the mutator says.
    pub destroyed: Vec<Marker>,
    /// A correct reader refuses the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// Length and digest of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    pub len: u64,
    /// Hex.
    pub sha256: String,
}

/// The session files of the home at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub when: SnapshotWhen,
    pub files: Vec<SnapshotFile>,
}

/// See [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SnapshotWhen {
    /// After a life's end, before anything else touches the home.
    Death,
    /// Before the next life begins: what steps between two lives left.
    Birth,
    /// At the end of the run.
    End,
}

/// One file of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFile {
    /// Below the home.
    pub path: String,
    pub len: u64,
    pub sha256: String,
    pub mode: u32,
    /// The content, where it is a session file within the limit.
    pub blob: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_paths_are_those_of_every_home_but_locks() {
        for path in
            ["sessions/2026/11/22/a.jsonl", "sessions", "rehydra/aliases.jsonl", "../home-b/archived_sessions/a"]
        {
            assert!(is_session_path(path), "{path}");
        }
        for path in
            ["state_5.sqlite", "../project/sessions/a", "rehydra/locks/a.lock", "../sessions", "config.toml", ""]
        {
            assert!(!is_session_path(path), "{path}");
        }
        for (path, is_home) in [("", true), ("../home-b", true), ("../home-b/sessions", false), ("sessions", false)] {
            assert_eq!(is_home_path(path), is_home, "{path}");
        }
    }
}
