//! Why a thread that is on disk could not be brought back.
//!
//! An unknown id is not an error here: it is `None`, so that the caller can give its own answer unchanged. Everything
//! in this file means that something *was* found and that going on would have been a guess. The kind is for programs
//! and stays as it is; the text is for people, names the file (and the byte where one is known) and says what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::note::shown;
use crate::rollout::meta::{ReadError, ReadErrorKind};

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The source exists and its bytes cannot be read.
    Unreadable,
    /// The source holds no session metadata.
    NoMeta,
    /// A newer Codex wrote the source in a way this build does not know.
    UnknownHistoryMode,
    /// Another process is at the same thread and did not finish in time.
    Locked,
    /// The continuation could not be written, or the home could not be searched.
    Io,
}

impl ErrorKind {
    /// The stable, machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Unreadable => "unreadable",
            ErrorKind::NoMeta => "no_meta",
            ErrorKind::UnknownHistoryMode => "unknown_history_mode",
            ErrorKind::Locked => "locked",
            ErrorKind::Io => "io",
        }
    }
}

/// A failed rehydration. Nothing of it is left on disk, unless the disk refused that too.
#[derive(Debug)]
pub struct RehydrateError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What was being done, as a fragment that reads well after "failed to".
    pub doing: String,
    /// The file it is about.
    pub file: Option<PathBuf>,
    /// The place in that file, in bytes from its start.
    pub byte: Option<u64>,
    /// What went wrong.
    pub why: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl fmt::Display for RehydrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}", self.doing)?;
        if let Some(file) = &self.file {
            write!(f, " {}", shown(file))?;
        }
        if let Some(byte) = self.byte {
            write!(f, " at byte {byte}")?;
        }
        write!(f, ": {}; {}", self.why, self.remedy)
    }
}

impl std::error::Error for RehydrateError {}

impl RehydrateError {
    /// The disk refused something else than reading the source.
    pub(super) fn io(doing: &str, file: &Path, error: &io::Error) -> RehydrateError {
        RehydrateError {
            kind: ErrorKind::Io,
            doing: doing.to_owned(),
            file: Some(file.to_owned()),
            byte: None,
            why: error.to_string(),
            remedy: "check space and permissions there, then send the reply again",
        }
    }

    /// Somebody else holds the lock `file`.
    pub(super) fn locked(file: &Path, why: &str) -> RehydrateError {
        RehydrateError {
            kind: ErrorKind::Locked,
            doing: "take the lock".to_owned(),
            file: Some(file.to_owned()),
            byte: None,
            why: why.to_owned(),
            remedy: "end the process that holds it or send the reply again",
        }
    }
}

impl From<ReadError> for RehydrateError {
    fn from(error: ReadError) -> RehydrateError {
        let (kind, byte, remedy) = match &error.kind {
            ReadErrorKind::Io(_) => {
                (ErrorKind::Unreadable, None, "make the file readable for this user, then send the reply again")
            }
            ReadErrorKind::NoMeta | ReadErrorKind::Empty => (
                ErrorKind::NoMeta,
                Some(0),
                "restore its `session_meta` line from a backup, or run `rehydra repair` on a copy",
            ),
            ReadErrorKind::UnknownHistoryMode(_) => (
                ErrorKind::UnknownHistoryMode,
                None,
                "update rehydra, or continue the thread with the Codex that wrote it",
            ),
        };
        RehydrateError {
            kind,
            doing: "read the rollout".to_owned(),
            byte,
            why: error.kind.to_string(),
            file: Some(error.path),
            remedy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_file_byte_cause_and_remedy() {
        let error = RehydrateError::from(ReadError { path: "/h/r.jsonl".into(), kind: ReadErrorKind::NoMeta });
        assert_eq!(error.kind.name(), "no_meta");
        let text = error.to_string();
        assert!(
            text.starts_with(r#"failed to read the rollout "/h/r.jsonl" at byte 0: no session metadata"#),
            "{text}"
        );
        assert!(text.ends_with("run `rehydra repair` on a copy"), "{text}");
    }
}
