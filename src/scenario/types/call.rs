//! Calls: what is asked, what the model answers, how it must end.

use crate::fault::plan::Fault;
use crate::model::script::Response;

/// A call of [`StepKind::Together`](super::StepKind::Together).
#[derive(Clone, Debug, PartialEq)]
pub struct TogetherCall {
    /// Begins a thread rather than continuing one.
    pub start: bool,
    /// The call.
    pub call: Call,
}

/// `codex` or `reply`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The client that calls; [`MAIN_CLIENT`](super::MAIN_CLIENT) if the scenario gives none.
    pub client: String,
    /// The scenario's name for the thread; `main` if it gives none.
    pub thread: String,
    /// Which id a reply is sent with.
    pub id: Id,
    /// The prompt, without its marker.
    pub prompt: String,
    /// Directory below the run's, for a start (made if missing).
    pub cwd: Option<String>,
    /// For a start. `read-only`, `workspace-write`, `danger-full-access`.
    pub sandbox: Option<String>,
    /// For a start. `untrusted`, `on-failure`, `on-request`, `never`.
    pub approval: Option<String>,
    /// One answer per request of the turn, in order.
    pub model: Vec<Response>,
    /// What goes wrong during it.
    pub fault: Option<Fault>,
    /// How it must end.
    pub expect: Expect,
    /// Instead of the run's limit.
    pub limit_ms: Option<u64>,
    /// Bytes of filler behind the prompt.
    pub fill: u32,
    /// What is answered where the target asks for an approval.
    pub approve: Approve,
}

/// What is answered where the target asks for an approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approve {
    /// No, at once.
    #[default]
    Deny,
    /// Yes, at once.
    Accept,
    /// Nothing: it stays open.
    Hold,
}

/// Which id a reply is sent with.
#[derive(Clone, Debug, PartialEq)]
pub enum Id {
    /// The newest id that the thread is known by.
    Current,
    /// The id it had first.
    First,
    /// The one before the newest.
    Previous,
    /// This text, byte for byte; `{current}`, `{CURRENT}` (upper case), `{simple}` (without hyphens) stand for forms of
    /// the thread's newest id.
    Literal(String),
}

/// How a call must end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// The outcome.
    pub outcome: Expected,
    /// Regular expression on the answer's text.
    pub text: Option<String>,
}

/// See [`Expect`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// A reply; of a call with a fault that ends the life: an interruption.
    #[default]
    Default,
    /// A reply.
    Reply,
    /// An error answer.
    Error,
    /// Cut off by the step's fault.
    Interrupted,
    /// Anything that ends.
    Any,
}
