//! The continuation: a new thread that holds what another one had come to.
//!
//! On disk it is an envelope file of its own: a `session_meta` that names its source in `forked_from_id`, one
//! `turn_context` with the cwd and the policies it goes on under, and the *normalised live history*, each message with
//! the event that listings show. It holds no line of its source: copying lines is what made Codex's own forks grow
//! into copies of copies (openai/codex#29531). The `turn_context` stands there from the beginning, so that a death
//! before the first turn does not cost the thread its policies. The complete turns are not wrapped into a task: each
//! ends with its assistant's message, as in files of Codex before 0.105.
//!
//! Until the rename the file can be found by nobody; if anything fails it is removed again. The thread counts as loaded
//! in this process from before the rename, so that no other process can find it and think that nobody has it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::error::RehydrateError;
use super::lock::LoadedGuard;
use super::note::{Note, NoteKind};
use super::policy::{Ceiling, Narrowed};
use crate::limits::LOCK_WAIT_MS;
use crate::rollout::draft::NewThread;
use crate::rollout::meta::TurnContext;
use crate::rollout::settings::{Approval, Sandbox};
use crate::rollout::writer::Writer;
use crate::rollout::{SessionMeta, ThreadId};
use crate::world::World;

/// What the server brings to a rehydration.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What its flags, else its `config.toml`, allow at most.
    pub ceiling: Ceiling,
    /// Stands in the new `session_meta`.
    pub originator: String,
    /// Stands in the new `session_meta`; the Codex version that the server stands in for.
    pub cli_version: String,
    /// Stands in the new `session_meta`: the provider that the server now uses, not the source's.
    pub model_provider: String,
    /// The server's model, for the record of a thread whose source names none.
    pub model: String,
    /// Where a thread goes on whose source names no cwd; that is told.
    pub fallback_cwd: PathBuf,
    /// How long to wait for another process that is at the same thread.
    pub lock_wait: Duration,
}

impl Options {
    /// Options without a ceiling and with the usual wait.
    pub fn new(originator: &str, cli_version: &str, model_provider: &str, model: &str, fallback_cwd: &Path) -> Options {
        Options {
            ceiling: Ceiling::default(),
            originator: originator.to_owned(),
            cli_version: cli_version.to_owned(),
            model_provider: model_provider.to_owned(),
            model: model.to_owned(),
            fallback_cwd: fallback_cwd.to_owned(),
            lock_wait: Duration::from_millis(LOCK_WAIT_MS),
        }
    }
}

/// A thread brought back, on disk and loaded in this process.
pub struct Continuation {
    /// The new thread's id.
    pub id: ThreadId,
    /// The id that was asked for.
    pub from: ThreadId,
    /// The thread that it continues: the end of the alias chain of `from`.
    pub source_id: ThreadId,
    /// The rollout that it continues.
    pub source: PathBuf,
    /// Its own rollout.
    pub path: PathBuf,
    /// What the model is to be sent before the next user message, calls paired.
    pub history: Vec<Value>,
    /// The thread's cwd, whether or not it is still a directory; `None` where the source names none, and the new
    /// rollout then says `Options::fallback_cwd`.
    pub cwd: Option<PathBuf>,
    /// The model of the source's last turn.
    pub model: Option<String>,
    /// The reasoning effort of the source's last turn.
    pub effort: Option<String>,
    /// Never wider than the source's and the ceiling; never `Unknown`.
    pub sandbox: Sandbox,
    /// Never wider than the source's and the ceiling; never `Unknown`.
    pub approval: Approval,
    /// The source's base instructions.
    pub base_instructions: Option<String>,
    /// What the caller is owed.
    pub notes: Vec<Note>,
    /// Appends the coming turns.
    pub writer: Writer,
    /// Keep it as long as the thread is in memory.
    pub loaded: LoadedGuard,
}

impl fmt::Debug for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Continuation")
            .field("id", &self.id)
            .field("from", &self.from)
            .field("source", &self.source)
            .field("path", &self.path)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

/// What goes on of a source.
pub(super) struct GoingOn {
    pub(super) meta: SessionMeta,
    pub(super) cwd: Option<PathBuf>,
    pub(super) model: Option<String>,
    pub(super) effort: Option<String>,
    pub(super) policy: Narrowed,
    pub(super) items: Vec<Value>,
    pub(super) notes: Vec<Note>,
}

/// Makes the new thread and its rollout, durable before this returns.
pub(super) fn begin(
    world: &World,
    home: &Path,
    source: &Path,
    going_on: GoingOn,
    options: &Options,
) -> Result<Continuation, RehydrateError> {
    let id = ThreadId::from(world.ids.uuid());
    let GoingOn { meta, cwd, model, effort, policy, items, mut notes } = going_on;
    let thread = NewThread {
        id,
        cwd: cwd.clone().unwrap_or_else(|| options.fallback_cwd.clone()),
        originator: options.originator.clone(),
        cli_version: options.cli_version.clone(),
        source: "mcp".to_owned(),
        model_provider: options.model_provider.clone(),
        forked_from_id: Some(meta.id),
        base_instructions: meta.base_instructions.clone(),
    };
    let context = TurnContext {
        cwd: Some(thread.cwd.clone()),
        model: Some(model.clone().unwrap_or_else(|| options.model.clone())),
        effort: effort.clone(),
        sandbox: Some(policy.sandbox.clone()),
        approval: Some(policy.approval.clone()),
    };
    let loaded = LoadedGuard::take(&world.disk, home, id).unwrap_or_else(|error| {
        let text = format!("no lock could be had ({error}): other processes cannot see that the thread is in use here");
        notes.push(Note::new(NoteKind::LockUnavailable, text));
        LoadedGuard::none()
    });
    let writer = write(world, home, &thread, &context, &items)
        .map_err(|error| RehydrateError::io("write the continuation below", home, &error))?;
    notes.extend(policy.notes);
    Ok(Continuation {
        id,
        from: meta.id,
        source_id: meta.id,
        source: source.to_owned(),
        path: writer.path().to_owned(),
        history: items,
        cwd,
        model,
        effort,
        sandbox: policy.sandbox,
        approval: policy.approval,
        base_instructions: meta.base_instructions,
        notes,
        writer,
        loaded,
    })
}

fn write(world: &World, home: &Path, thread: &NewThread, context: &TurnContext, items: &[Value]) -> io::Result<Writer> {
    let mut writer = Writer::create(world, home, thread)?;
    writer.append_history(Some(context), items.iter().cloned())?;
    if let Err(error) = writer.publish() {
        // The rename may have happened. Nobody has been told of the id, so its name is taken away again.
        writer.withdraw();
        return Err(error);
    }
    Ok(writer)
}
