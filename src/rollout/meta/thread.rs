//! What a thread is by now, each value with the record that says so.

use std::path::PathBuf;

use uuid::Uuid;

use super::super::era::Era;
use super::super::lineage::HistoryBase;
use super::super::place::Place;
use super::super::settings::{Approval, Sandbox};
use crate::rollout::ThreadId;

/// A value, where it comes from, and what it overrode.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// What counts.
    pub value: T,
    /// What says so.
    pub from: Source,
    /// Other values that were told and do not count, the next in rank first; at most one of each kind of source.
    pub overrode: Vec<(T, Source)>,
}

/// What says a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What kind of thing.
    pub kind: SourceKind,
    /// Which record; `None` for a file's name.
    pub place: Option<Place>,
}

/// See [`Source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// The first `session_meta`, or line 1 of a bare file.
    SessionMeta,
    /// The newest `turn_context` that still counts.
    TurnContext,
    /// The newest `thread_settings_applied` event that still counts (0.145 and later).
    ThreadSettingsApplied,
    /// The newest environment context that the model was told.
    EnvironmentContext,
    /// The file's name.
    FileName,
}

impl SourceKind {
    /// The name of the record's kind, as rollouts write it.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::SessionMeta => "session_meta",
            SourceKind::TurnContext => "turn_context",
            SourceKind::ThreadSettingsApplied => "thread_settings_applied",
            SourceKind::EnvironmentContext => "environment_context",
            SourceKind::FileName => "file name",
        }
    }
}

/// What a thread is by now.
///
/// `cwd` is that of the last `turn_context`, else of the last `thread_settings_applied`, else of the `session_meta`, else
/// the one that the last environment context tells. Model, effort, sandbox and approval are those of the newest record
/// that tells them, be it a `turn_context` or a `thread_settings_applied`; the provider's is the newest
/// `thread_settings_applied`, else the `session_meta`. All else is what the `session_meta` says. Records that a rollback
/// took back say nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadMeta {
    /// The thread's id; from the file's name where no `session_meta` tells it.
    pub id: Sourced<ThreadId>,
    /// The shape of its newest file.
    pub era: Era,
    /// Its working directory.
    pub cwd: Option<Sourced<PathBuf>>,
    /// When its newest file was begun, RFC 3339.
    pub created: Option<Sourced<String>>,
    /// The Codex version that began its newest file.
    pub writer_version: Option<Sourced<String>>,
    /// Which client began it.
    pub originator: Option<Sourced<String>>,
    /// The thread that it was forked from.
    pub forked_from: Option<Sourced<ThreadId>>,
    /// What its newest file inherits.
    pub base: Option<Sourced<HistoryBase>>,
    /// The thread that spawned it as a subagent.
    pub parent_thread: Option<Sourced<ThreadId>>,
    /// Of a subagent: ordinal of the first record that is its own; those before are its parent's context, replayed.
    pub subagent_history_start_ordinal: Option<Sourced<u64>>,
    /// Its newest file's own id, where that is not the thread's root.
    pub segment: Option<Sourced<Uuid>>,
    /// The model.
    pub model: Option<Sourced<String>>,
    /// The provider's name.
    pub provider: Option<Sourced<String>>,
    /// Reasoning effort.
    pub effort: Option<Sourced<String>>,
    /// Sandbox policy.
    pub sandbox: Option<Sourced<Sandbox>>,
    /// Approval policy.
    pub approval: Option<Sourced<Approval>>,
}

impl<T: PartialEq> Sourced<T> {
    /// The first of these; the others only where they differ from it. `None` if there are none.
    pub(in super::super) fn decide(told: impl IntoIterator<Item = (T, Source)>) -> Option<Sourced<T>> {
        let mut told = told.into_iter();
        let (value, from) = told.next()?;
        let mut overrode: Vec<(T, Source)> = Vec::new();
        for (other, source) in told {
            if other != value && overrode.iter().all(|(_, known)| known.kind != source.kind) {
                overrode.push((other, source));
            }
        }
        Some(Sourced { value, from, overrode })
    }
}
