//! The server under test, as the player sees it: lives that begin and end, and calls that are answered or not.
//!
//! A target appends to the journal what it does and sees: raw frames and process facts, and above them `Call`, `Answer`,
//! `Settings`, `Life`, `Death` and `Leftover`. It hands every frame to the armed faults before it goes on reading, so a
//! fault acts at that frame and not at a later one.

mod app_server;
mod burial;
mod calls;
mod command;
pub mod home;
mod life;
pub mod live;
mod mcp;
mod opening;
pub mod profile;
mod reading;
pub mod resolve;
mod speech;
mod tap;
mod trouble;

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use crate::fault::plan::{Action, Signal, Whom};
use crate::journal::{Answer, CallId, CallKind, IdChoice, Incarnation, TargetProfile};
use crate::marker::Marker;

/// A server under test.
pub trait Target: Send + Sync {
    /// What it is.
    fn profile(&self) -> &TargetProfile;
    /// Begins a life: spawns the process in `plan.process_cwd` and opens the conversation.
    fn open(&self, plan: LifePlan) -> impl Future<Output = Result<(), TargetError>> + Send;
    /// Writes one call. Ready once the kernel took its bytes.
    fn send(&self, ask: Ask) -> impl Future<Output = Result<Pending, TargetError>> + Send;
    /// Acts on the running life, at once. Nothing happens if there is none.
    fn act(&self, action: Action);
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By a signal.
    Signal(Signal, Whom),
    /// By closing stdin.
    Eof,
}

/// One call, with what the journal wants to know of it.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its number in the run.
    pub call: CallId,
    /// The step it belongs to.
    pub step: u32,
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

/// The target cannot be used: the run's verdict is `error`, with this text.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct TargetError {
    /// What went wrong, what the target printed, and what to do.
    pub text: String,
}
