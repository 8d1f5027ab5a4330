//! What stands behind the two tools, in words that are free of MCP.
//!
//! An engine starts conversations and continues them. It knows nothing of frames, request ids or tool results: it gets a
//! checked request, tells what happens through an [`EventSink`], and ends with an [`Outcome`]. The adapter above turns
//! outcomes into the exact results that Codex's server gave; the simulator calls the same trait without any adapter.
//!
//! An outcome never panics its way out and never hangs on purpose: a call ends with an answer, with an error in
//! Codex's own words, or, once its [`CancellationToken`] fires, with [`Outcome::Cancelled`], after which the thread can
//! be used again.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::arguments::Refusal;
use super::events::Event;
use crate::rehydrate::note::Note;
use crate::rollout::{IdError, ThreadId};

/// How wide the sandbox of a new thread is: the variants that the tool's schema names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMode {
    /// No writes.
    ReadOnly,
    /// Writes below the thread's cwd.
    WorkspaceWrite,
    /// No sandbox.
    DangerFullAccess,
}

/// When commands of a new thread need an approval: the variants that the tool's schema names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalPolicy {
    /// The model asks when it wants.
    OnRequest,
    /// Never.
    Never,
}

/// The arguments of the tool `codex`, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StartRequest {
    /// The first user message; may be empty, as Codex allows.
    pub prompt: String,
    /// Overrides the configured model.
    pub model: Option<String>,
    /// The thread's cwd; a relative one is joined to the server's process cwd. It need not exist.
    pub cwd: Option<PathBuf>,
    /// Overrides the configured policy.
    pub approval: Option<ApprovalPolicy>,
    /// Overrides the configured sandbox.
    pub sandbox: Option<SandboxMode>,
    /// Overrides of single keys of `config.toml`.
    pub config: Map<String, Value>,
    /// Replaces the configured base instructions.
    pub base_instructions: Option<String>,
    /// A developer message in front of the conversation.
    pub developer_instructions: Option<String>,
}

/// The arguments of the tool `codex-reply`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyRequest {
    /// The thread that the client names: its newest continuation goes on.
    pub thread: ThreadId,
    /// The next user message.
    pub prompt: String,
}

/// That a call was answered by a thread that was brought back from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehydration {
    /// The id that the client gave.
    pub from: ThreadId,
    /// The continuation.
    pub to: ThreadId,
    /// What was lost, cut, narrowed or merely odd, in the order in which it was met.
    pub notes: Vec<Note>,
}

/// How a call ended: one variant for every kind of row in Codex's table of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The model answered.
    Reply {
        /// The thread that goes on.
        thread: ThreadId,
        /// The last assistant message of the turn; empty if there was none.
        text: String,
        /// Only of the call that brought the thread back.
        rehydration: Option<Rehydration>,
    },
    /// The turn broke off; the thread stays usable.
    TurnFailed {
        /// The thread that goes on.
        thread: ThreadId,
        /// What went wrong, in Codex's words where it has some.
        text: String,
        /// Only of the call that brought the thread back.
        rehydration: Option<Rehydration>,
    },
    /// A new thread could not be written, so there is none.
    StartFailed {
        /// Why, and what to do.
        text: String,
    },
    /// No thread in memory, no alias and no rollout has this id.
    NotFound {
        /// The id in its canonical form, which is how Codex repeats it.
        thread: ThreadId,
    },
    /// A rollout is there and cannot be brought back.
    RehydrationFailed {
        /// The id that the client gave.
        thread: ThreadId,
        /// Why, and what to do.
        text: String,
    },
    /// The call was wrong; no thread was touched.
    Refused(Refusal),
    /// The client took the call back; nothing is answered.
    Cancelled,
}

/// Where an engine tells what happens while it happens.
pub trait EventSink: Send + Sync {
    /// Returns once the event is on its way, so that awaited events keep their order and precede the result.
    fn emit(&self, event: Event) -> BoxFuture<'_, ()>;
}

/// What accompanies one call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Where its events go.
    pub events: &'a dyn EventSink,
    /// Fires when the client takes the call back.
    pub cancel: &'a CancellationToken,
}

/// A conversation engine.
pub trait Engine: Send + Sync {
    /// The thread that a client's text names: a UUID in any of its spellings, and nothing else.
    fn thread_id(&self, text: &str) -> Result<ThreadId, IdError> {
        ThreadId::parse(text)
    }
    /// Begins a thread and runs its first turn.
    fn start<'a>(&'a self, request: StartRequest, call: Call<'a>) -> BoxFuture<'a, Outcome>;
    /// Runs the next turn of a thread, after those that were asked for before it.
    fn reply<'a>(&'a self, request: ReplyRequest, call: Call<'a>) -> BoxFuture<'a, Outcome>;
}
