//! A thread in memory.
//!
//! Its state stands behind a fair lock that a turn holds from begin to end: turns of one thread queue in the order in
//! which they came, turns of different threads do not meet. An item enters the history only once it was written, and a
//! call only once its output was too, since no request may hold one without the other.

use std::path::PathBuf;

use serde_json::Value;

use super::log::Log;
use super::settings::Settings;
use crate::rehydrate::lock::LoadedGuard;
use crate::rehydrate::note::Note;
use crate::rollout::ThreadId;

/// A thread that this process has loaded.
pub(super) struct Thread {
    pub(super) id: ThreadId,
    /// Its rollout.
    pub(super) path: PathBuf,
    /// What its rehydration had to tell; `None` for a thread that began here.
    pub(super) notes: Option<Vec<Note>>,
    pub(super) state: tokio::sync::Mutex<State>,
}

/// What a turn works on.
pub(super) struct State {
    pub(super) settings: Settings,
    /// Response items as the model saw and made them.
    pub(super) history: Vec<Value>,
    pub(super) log: Log,
    /// A `session_configured` has been sent.
    pub(super) announced: bool,
    /// The notes have been told in an answer.
    pub(super) told: bool,
    /// Tells other processes that the thread is in use; held for its lock.
    pub(super) _loaded: LoadedGuard,
}
