//! The chain: from an id that this process has never heard of to a thread that goes on.
//!
//! The steps are those of openai/codex#12594, locate the rollout, read its metadata, replay its history into a new
//! thread, with what that patch left open: an old id goes on leading to the newest continuation, two processes do not
//! continue one thread twice, policies never become wider, and nothing is lost in silence.
//!
//! The order of the writes is the promise. The continuation is made under a name that nobody looks for, synced, renamed,
//! its directory synced; then the alias is appended and synced; then the caller may go to the model. Death before the
//! rename leaves nothing that can be found. Death between rename and alias leaves a whole continuation that no one was
//! told of, and the next rehydration makes another. The source is never written to.

use std::path::Path;

use super::alias::{aliases_path, append_alias};
use super::continuation::{Continuation, GoingOn, Options, begin};
use super::error::RehydrateError;
use super::look_up::{look_up, secure};
use super::note::{Note, NoteKind};
use super::policy::narrow;
use super::tell::about_the_source;
use crate::rollout::{Item, ThreadId, read_history_in, read_session_meta_line};
use crate::world::World;

/// How much of a source is continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of its live history, a turn without an end included.
    Whole,
    /// What belongs to complete turns: the source is being written to.
    CompleteTurns,
}

/// Brings the thread back that the client calls `id`, or its newest continuation, as a new thread.
///
/// `None` if nothing on disk goes by that id; nothing was made then, no directory and no lock. An error means that
/// something was found and could not be continued; nothing of the attempt is left then. Blocks for the disk, and for
/// at most `options.lock_wait` while another process is at the same thread.
pub fn try_rehydrate_from_disk(
    world: &World,
    home: &Path,
    id: ThreadId,
    options: &Options,
) -> Result<Option<Continuation>, RehydrateError> {
    let Some(found) = look_up(&*world.disk, home, id)? else { return Ok(None) };
    let Some(source) = secure(world, home, id, found, options.lock_wait)? else { return Ok(None) };
    let extent = if source.loaded { Extent::CompleteTurns } else { Extent::Whole };

    let mut continuation = resume_thread_from_rollout(world, home, &source.found.path, extent, options)?;
    continuation.from = id;
    continuation.notes.extend(source.found.notes.iter().cloned());
    continuation.notes.extend(mismatch(source.found.id, &continuation));
    if extent == Extent::Whole {
        continuation.notes.extend(alias(world, home, source.found.id, continuation.id));
    }
    Ok(Some(continuation))
}

/// Makes a new thread below `home` that goes on where the rollout `source` ends, durable before this returns.
///
/// `source` may be any rollout, in this home or elsewhere. Nothing is remembered about where its id leads.
pub fn resume_thread_from_rollout(
    world: &World,
    home: &Path,
    source: &Path,
    extent: Extent,
    options: &Options,
) -> Result<Continuation, RehydrateError> {
    let meta = read_session_meta_line(&*world.disk, source)?;
    let history = read_history_in(&*world.disk, home, source)?;
    let policy = narrow(history.turn_context.as_ref(), &options.ceiling);
    let notes = about_the_source(&*world.disk, source, &history, extent);
    let items = match extent {
        Extent::CompleteTurns => history.of_complete_turns(),
        Extent::Whole => history.items,
    };
    let items = items.iter().map(Item::value).collect();
    let last = history.turn_context.unwrap_or_default();
    let going_on = GoingOn { meta, cwd: history.cwd, model: last.model, effort: last.effort, policy, items, notes };
    begin(world, home, source, going_on, options)
}

/// Notes down that `from` goes on as `to`; a note if that fails, because the reply works all the same.
fn alias(world: &World, home: &Path, from: ThreadId, to: ThreadId) -> Option<Note> {
    let error = append_alias(world, home, from, to, "rehydrated").err()?;
    let text = format!(
        "the alias from {from} to {to} could not be written ({error}); use {to} from now on, because after the next \
         restart {from} leads to what it held before this reply"
    );
    Some(Note::new(NoteKind::AliasUnwritable, text).at(&aliases_path(home), None))
}

fn mismatch(found: ThreadId, continuation: &Continuation) -> Option<Note> {
    let says = continuation.source_id;
    let text = format!("the rollout found under {found} says that its thread is {says}");
    (found != says).then(|| Note::new(NoteKind::IdMismatch, text).at(&continuation.source, None))
}
