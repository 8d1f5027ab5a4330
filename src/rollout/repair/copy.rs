//! Reading the source and writing the copy.

use std::path::PathBuf;

use serde_json::Value;

use super::super::draft::NewThread;
use super::super::meta::{SessionMeta, TurnContext};
use super::super::writer::Writer;
use super::super::{Damage, History, Item, ThreadId, read_whole_history};
use super::complete;
use super::destination::Destination;
use super::error::{RepairError, RepairErrorKind};
use crate::world::World;

/// What to repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The rollout; of a thread with several files the one that a resume would open.
    pub source: PathBuf,
    /// Where the copy goes.
    pub destination: Destination,
    /// The copy keeps the thread's id. Refused where the destination's home holds the thread already.
    pub keep_id: bool,
    /// What is kept.
    pub form: Form,
    /// What stands in for what the source does not say.
    pub fallback: Fallback,
}

/// What a copy keeps of a thread. The model is sent the same of either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// What the model is to be sent, and nothing else.
    #[default]
    Live,
    /// Everything that was ever said, with the compactions and rollbacks that say what the model is no longer sent.
    Complete,
}

/// What stands in a copy where the source says nothing that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// For the thread's cwd.
    pub cwd: PathBuf,
    /// For the name of its model provider. Codex 0.130 and later refuse to resume a thread whose provider is not
    /// configured.
    pub model_provider: String,
}

/// A field that the source does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its key in `session_meta`.
    pub field: &'static str,
    /// What stands there now.
    pub value: String,
}

/// A clean copy, durable on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// The thread's id in the source.
    pub from: ThreadId,
    /// Its id in the copy.
    pub id: ThreadId,
    /// The copy.
    pub path: PathBuf,
    /// Complete turns that are kept.
    pub turns: u32,
    /// Items that are kept and that the model is sent, answers to unanswered calls included.
    pub items: usize,
    /// Items and compactions that are kept and that the model is no longer sent; `None` in the live form, which keeps none.
    pub past: Option<u64>,
    /// Records of the copy.
    pub records: u64,
    /// What nothing readable said.
    pub filled: Vec<Filled>,
    /// What was wrong with the source, each with its place and what became of it.
    pub damage: Vec<Damage>,
}

impl Repaired {
    /// Something that a turn said, or a setting of the thread, is not in the copy.
    pub fn is_lossy(&self) -> bool {
        self.filled.iter().any(|filled| filled.field == "cwd") || self.damage.iter().any(Damage::is_lossy)
    }
}

/// Writes a clean copy of a thread. Nothing is left behind where this fails.
pub fn repair(world: &World, request: &Request) -> Result<Repaired, RepairError> {
    let source = &request.source;
    let history = read_whole_history(&*world.disk, source)
        .map_err(|error| RepairErrorKind::Unreadable(Box::new(error)).at(source))?;
    let (id, path) = request.destination.choose(world, source, &history.meta, request.keep_id)?;
    let (thread, filled) = thread(id, &history, &request.fallback);
    let context = context(&history, &thread);
    let failed = |error| RepairErrorKind::writing(error).at(&path);
    let mut writer = Writer::create_at(world, path.clone(), &thread).map_err(failed)?;
    let past = match request.form {
        Form::Live => {
            writer.append_history(context.as_ref(), history.items.iter().map(Item::value)).map_err(failed)?;
            None
        }
        Form::Complete => {
            writer.append_history(context.as_ref(), []).map_err(failed)?;
            let appended = complete::append(&mut writer, world, source, &history);
            Some(appended.map_err(|kind| match kind {
                RepairErrorKind::Unreadable(_) => kind.at(source),
                kind => kind.at(&path),
            })?)
        }
    };
    if let Err(error) = writer.publish() {
        writer.withdraw();
        return Err(failed(error));
    }
    Ok(Repaired {
        from: history.meta.id,
        id,
        turns: history.complete_turns,
        items: history.items.len(),
        past,
        records: writer.records(),
        path: writer.path().to_owned(),
        filled,
        damage: history.damage,
    })
}

/// What line 1 of the copy says, and which of it nothing in the source says. Who wrote the source and through what it
/// was begun decide in which listings Codex shows it, so they are kept; a source that names them in another form than a
/// text (a sub-agent's) counts as a program's.
fn thread(id: ThreadId, history: &History, fallback: &Fallback) -> (NewThread, Vec<Filled>) {
    let SessionMeta { originator, cli_version, model_provider, forked_from_id, base_instructions, raw, .. } =
        &history.meta;
    let mut filled = Vec::new();
    let mut fill = |field, value: String| {
        filled.push(Filled { field, value: value.clone() });
        value
    };
    let cwd = history.cwd.clone();
    let cwd = cwd.unwrap_or_else(|| fill("cwd", fallback.cwd.to_string_lossy().into_owned()).into());
    // Files of before 0.55 name no provider: there was one.
    let named = model_provider.clone();
    let model_provider = named.unwrap_or_else(|| fill("model_provider", fallback.model_provider.clone()));
    let text = |given: &Option<String>, otherwise: &str| given.clone().unwrap_or_else(|| otherwise.to_owned());
    let source = raw.get("source").and_then(Value::as_str).map(str::to_owned);
    let thread = NewThread {
        id,
        cwd,
        originator: text(originator, "rehydra"),
        cli_version: text(cli_version, env!("CARGO_PKG_VERSION")),
        source: text(&source, "exec"),
        model_provider,
        forked_from_id: if id == history.meta.id { *forked_from_id } else { Some(history.meta.id) },
        base_instructions: base_instructions.clone(),
    };
    (thread, filled)
}

/// The settings of the last turn, as far as they can be read; none where the source has none.
fn context(history: &History, thread: &NewThread) -> Option<TurnContext> {
    let context = history.turn_context.clone()?;
    Some(TurnContext { cwd: Some(thread.cwd.clone()), ..context })
}
