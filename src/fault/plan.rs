//! Triggers and actions as data: one set of types for scenarios, sweep and exploration.
//!
//! `n` counts within the step, from 1. Nothing here says "after so many milliseconds": a trigger is an event.

use super::client::Rung;
pub use crate::journal::{FileOp, Watched};
pub use crate::model::gate::Edge;

/// A fault of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// When.
    pub at: Trigger,
    /// What.
    pub what: Action,
    /// What a client does next if that was meant to end the life and did not.
    pub then: Vec<Rung>,
    /// Of [`Action::Hold`]: what it waits for. It ends with the call or the life at the latest.
    pub until: Option<Trigger>,
}

impl Fault {
    /// A fault without more.
    pub fn new(at: Trigger, what: Action) -> Fault {
        Fault { at, what, then: Vec::new(), until: None }
    }
}

/// When a fault fires.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trigger {
    /// Our request's bytes are in the pipe; the target may not have read them.
    Sent,
    /// The `n`-th frame of that name was read from the target. A name is a method (`elicitation/create`), or the `type`
    /// of a `codex/event` over MCP (`session_configured`), or `answer` for the call's own answer.
    Frame {
        /// Its name.
        name: String,
        /// Which one.
        n: u32,
    },
    /// The `n`-th model request of the step is whole at the stub, nothing answered.
    ModelRequest {
        /// Which one.
        n: u32,
    },
    /// Around the `n`-th text chunk of the step.
    ModelChunk {
        /// Which one.
        n: u32,
        /// Which side.
        edge: Edge,
    },
    /// All items are done, `response.completed` is not sent.
    ModelEnd,
    /// A point of the rehydration by the first call after a restart.
    Rehydration(Rehydration),
    /// The `n`-th time that the life is about to touch a file so. Needs the injector, as all that follow do.
    Write {
        /// Pattern with stars on the file's path below the home.
        path: String,
        /// How the file is changed: any but a sync or a read, which have triggers of their own.
        op: FileOp,
        /// Which time.
        n: u32,
        /// How much of a write has landed when the action is taken.
        byte: Cut,
    },
    /// The `n`-th record of that kind is about to be written to a rollout.
    Record {
        /// Its `type`, or that of its payload: `session_meta`, `function_call`.
        kind: String,
        /// Which one.
        n: u32,
        /// How much of the record has landed when the action is taken.
        byte: Cut,
    },
    /// The life is about to read a file for the `n`-th time.
    Read {
        /// Pattern with stars on the file's path below the home.
        path: String,
        /// Which time.
        n: u32,
    },
    /// The life is about to sync a file or directory for the `n`-th time.
    Sync {
        /// Pattern with stars on the path below the home.
        path: String,
        /// Which time.
        n: u32,
    },
}

impl Trigger {
    /// Whether it is about a file, so that only the injector sees it.
    pub fn is_about_files(&self) -> bool {
        matches!(self, Trigger::Write { .. } | Trigger::Record { .. } | Trigger::Read { .. } | Trigger::Sync { .. })
    }
}

/// How much of what is being written has landed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// Nothing.
    #[default]
    Nothing,
    /// So many bytes, or all if it has fewer.
    Bytes(u64),
    /// Half of its bytes.
    Half,
    /// All but the last byte, which is the newline of a record.
    ButLast,
    /// All of it.
    All,
}

impl Cut {
    /// Of `len` bytes, how many land.
    pub fn of(self, len: u64) -> u64 {
        match self {
            Cut::Nothing => 0,
            Cut::Bytes(bytes) => bytes.min(len),
            Cut::Half => len / 2,
            Cut::ButLast => len.saturating_sub(1),
            Cut::All => len,
        }
    }
}

/// Observable points of a rehydration: none of them is a hook inside the server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rehydration {
    /// The call was sent.
    Call,
    /// Its `session_configured`, or the result of its `thread/resume` or `thread/fork`, was read.
    Configured,
    /// Its first model request is at the stub.
    Model,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Sends a signal that is meant to end the life.
    Kill {
        /// Which signal.
        signal: Signal,
        /// To whom.
        whom: Whom,
    },
    /// Closes the target's stdin.
    Eof,
    /// `SIGSTOP` to the group.
    Stop,
    /// `SIGCONT` to the group.
    Continue,
    /// The client takes the call back and no longer waits for it: `notifications/cancelled`.
    Cancel,
    /// The client writes the call's line once more, with the request id that it has.
    Repeat,
    /// What the life does to the file fails. Only at a file, as all that follow.
    Errno {
        /// With what.
        error: FileError,
        /// Whether whatever is done to files that the trigger's pattern names fails so from then on, for as long as the
        /// life lasts.
        lasting: bool,
    },
    /// The write is over with what has landed, and the life is told how much.
    Short,
    /// It happens later.
    Delay {
        /// So many milliseconds.
        ms: u64,
    },
    /// It does not happen before [`Fault::until`].
    Hold,
}

impl Action {
    /// Whether it is about a file, so that only the injector can do it.
    pub fn is_about_files(self) -> bool {
        matches!(self, Action::Errno { .. } | Action::Short | Action::Delay { .. } | Action::Hold)
    }
}

/// How something that is done to a file can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileError {
    /// `ENOSPC`: no space left on the device.
    NoSpace,
    /// `EIO`: the device failed.
    Io,
    /// `EROFS`: the file system is read-only.
    ReadOnly,
    /// `EDQUOT`: the user's quota is used up.
    Quota,
    /// `EMFILE`: the process has too many open files.
    TooManyFiles,
    /// `EACCES`: permission denied.
    Access,
}

impl FileError {
    /// Every one.
    pub const ALL: [FileError; 6] = [
        FileError::NoSpace,
        FileError::Io,
        FileError::ReadOnly,
        FileError::Quota,
        FileError::TooManyFiles,
        FileError::Access,
    ];

    /// As the kernel's headers name it.
    pub fn name(self) -> &'static str {
        match self {
            FileError::NoSpace => "ENOSPC",
            FileError::Io => "EIO",
            FileError::ReadOnly => "EROFS",
            FileError::Quota => "EDQUOT",
            FileError::TooManyFiles => "EMFILE",
            FileError::Access => "EACCES",
        }
    }

    /// Its number on Linux.
    pub fn errno(self) -> i32 {
        use rustix::io::Errno;
        let errno = match self {
            FileError::NoSpace => Errno::NOSPC,
            FileError::Io => Errno::IO,
            FileError::ReadOnly => Errno::ROFS,
            FileError::Quota => Errno::DQUOT,
            FileError::TooManyFiles => Errno::MFILE,
            FileError::Access => Errno::ACCESS,
        };
        errno.raw_os_error()
    }
}

/// Signals a scenario may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGKILL`.
    Kill,
    /// `SIGTERM`.
    Term,
    /// `SIGINT`.
    Int,
    /// `SIGABRT`.
    Abort,
}

/// Who gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The server's process alone.
    Server,
    /// Its whole process group.
    Group,
}
