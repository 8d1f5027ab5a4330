//! The server under test, as the player sees it: lives that begin and end, and calls that are answered or not.
//!
//! A target appends to the journal what it does and sees: raw frames and process facts, and above them `Call`, `Answer`,
//! `Settings`, `Life`, `Death` and `Leftover`. It hands every frame to the armed faults before it goes on reading, so a
//! fault acts at that frame and not at a later one.

mod app_server;
mod burial;
mod calls;
mod command;
pub mod egress;
pub mod foreign;
pub mod home;
mod life;
pub mod live;
mod mcp;
mod opening;
pub mod past;
pub mod profile;
mod reading;
pub mod resolve;
mod speech;
pub mod stand_in;
mod tap;
mod trouble;
mod watching;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Signal, Whom};
use crate::journal::{Answer, CallId, CallKind, IdChoice, Incarnation, TargetProfile};
use crate::marker::Marker;

/// A server under test.
pub trait Target: Send + Sync {
    /// What it is.
    fn profile(&self) -> &TargetProfile;
    /// The same server as another client meets it: with a process of its own, on the same home.
    fn another(&self) -> Self
    where
        Self: Sized;
    /// Begins a life: spawns the process in `plan.process_cwd` and opens the conversation.
    fn open(&self, plan: LifePlan) -> impl Future<Output = Result<(), TargetError>> + Send;
    /// Writes one call. Ready once the kernel took its bytes. Where no life is left to hear it, because the last one
    /// ended by itself, the call ends as `Closed`: that is what a client of such a server meets.
    fn send(&self, ask: Ask) -> impl Future<Output = Result<Pending, TargetError>> + Send;
    /// Acts on the running life, at once. Nothing happens if there is none.
    fn act(&self, action: Action);
    /// Writes a text as it stands, as a line or (`whole` is false) as the beginning of one. Ready once the kernel took its
    /// bytes, or the pipe is closed.
    fn write(&self, text: &str, whole: bool) -> impl Future<Output = ()> + Send;
    /// Waits until a frame of that name has been read in this life (`true`), or the limit or the life has ended.
    fn wait_frame(&self, name: &str, limit: Duration) -> impl Future<Output = bool> + Send;
    /// Whether a life is running.
    fn is_alive(&self) -> bool;
    /// Ends the running life as `end` says (waits if it is `None`: somebody else already did), reaps it, drains its
    /// pipes, ends its open calls as `Closed`, counts what it left behind, and only then clears up.
    fn bury(&self, end: Option<End>) -> impl Future<Output = Result<(), TargetError>> + Send;
}

/// How a life begins.
#[derive(Clone, Debug)]
pub struct LifePlan {
    /// Its number, from 1.
    pub incarnation: Incarnation,
    /// The process's cwd: another one in each life and never a thread's.
    pub process_cwd: PathBuf,
    /// How the client opens it; `None` for a process that is thrown away before it can answer.
    pub opening: Option<Opening>,
    /// What is different in this life.
    pub differs: Differs,
}

/// What is different in one life from what the others of its run have.
#[derive(Clone, Debug, Default)]
pub struct Differs {
    /// The story's name of its home.
    pub home: Option<String>,
    /// The story's name of its credential.
    pub credentials: Option<String>,
    /// Variables of its environment that are others or more.
    pub env: Vec<(String, String)>,
}

/// How a life is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By a signal.
    Signal(Signal, Whom),
    /// By closing stdin.
    Eof,
    /// By one rung after the other, each if the life is still there after its wait.
    Ladder(Vec<Rung>),
}

/// One call, with what the journal wants to know of it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its number in the run.
    pub call: CallId,
    /// The step it belongs to.
    pub step: u32,
    /// The client that calls; `None` is the one that the scenario does not name.
    pub client: Option<String>,
    /// The scenario's name for the thread.
    pub thread: String,
    /// Start or reply.
    pub kind: CallKind,
    /// The id, byte for byte; a reply has one.
    pub id: Option<(String, IdChoice)>,
    /// The prompt, marker included.
    pub prompt: String,
    /// The marker in it.
    pub marker: Marker,
    /// For a start.
    pub cwd: Option<String>,
    /// For a start.
    pub sandbox: Option<String>,
    /// For a start.
    pub approval: Option<String>,
    /// The scenario gives it a fault.
    pub faulted: bool,
    /// What is answered where the target asks for an approval; nothing if it is to stay open.
    pub approve: Option<bool>,
    /// Until it counts as timed out.
    pub limit: Duration,
}

/// A call under way.
#[derive(Debug)]
pub struct Pending(pub tokio::sync::oneshot::Receiver<Answer>);

/// The target cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct TargetError {
    /// Whose doing it is.
    pub whose: Whose,
    /// What went wrong, what the target printed, and what to do.
    pub text: String,
}

/// Whose doing an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The server's under test: its process was there, or was to be, and did not do what a server does.
    Server,
    /// The harness's, or the machine's: it says nothing about the server.
    Harness,
}

impl TargetError {
    /// An error that says nothing about the server.
    pub(crate) fn harness(text: impl Into<String>) -> TargetError {
        TargetError { whose: Whose::Harness, text: text.into() }
    }
}
