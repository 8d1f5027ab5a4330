//! Triggers and actions as data: one set of types for scenarios, sweep and exploration.
//!
//! `n` counts within the step, from 1. Nothing here says "after so many milliseconds": a trigger is an event.

use super::client::Rung;
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
