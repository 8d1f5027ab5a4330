//! From the id that a client sent to the rollout that goes on: alias, then disk, then both again under the lock.
//!
//! Looking up makes nothing on disk, so an id that nobody knows leaves no trace. Only once something was found is the
//! lock of that thread taken, and the look-up repeated under it: whoever was faster has written an alias by then, and
//! following it is what keeps two processes from continuing one thread twice.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::alias::{aliases_path, read_aliases};
use super::error::RehydrateError;
use super::lock::{RehydrationLock, is_loaded, lock_for_rehydration, rehydrating_lock_path};
use super::note::{Note, NoteKind};
use crate::limits::ALIAS_FALLBACKS;
use crate::rollout::{ThreadId, find_thread_path_by_id_str};
use crate::world::{Disk, EntryKind, World};

/// A thread that is on disk.
pub(super) struct Found {
    /// The newest thread of the chain that can be located.
    pub(super) id: ThreadId,
    /// Its rollout.
    pub(super) path: PathBuf,
    /// What the caller is owed about the way here.
    pub(super) notes: Vec<Note>,
    chain: Vec<ThreadId>,
}

/// A thread that is on disk and that no other process will continue in the meantime.
pub(super) struct Secured {
    pub(super) found: Found,
    /// A live process has it loaded.
    pub(super) loaded: bool,
    // Held to the alias write.
    _lock: Option<RehydrationLock>,
}

/// How often the end of the chain may move while its lock is waited for.
const LOOK_UPS: usize = 8;

/// Finds what `asked` leads to; `None`, and nothing made, if that is not on disk.
pub(super) fn look_up(disk: &dyn Disk, home: &Path, asked: ThreadId) -> Result<Option<Found>, RehydrateError> {
    let (chain, notes) = follow(disk, home, asked);
    locate(disk, home, chain, notes)
}

/// Takes the lock of what was found and looks again, until both agree. `None` if it is gone by then.
pub(super) fn secure(
    world: &World,
    home: &Path,
    asked: ThreadId,
    mut found: Found,
    wait: Duration,
) -> Result<Option<Secured>, RehydrateError> {
    let disk = &*world.disk;
    for _ in 0..LOOK_UPS {
        let lock = lock_for_rehydration(&world.disk, home, found.id, wait);
        let file = rehydrating_lock_path(home, found.id);
        if let Ok(None) = lock {
            let why = format!("another process is rehydrating this thread and did not finish within {wait:?}");
            return Err(RehydrateError::locked(&file, &why));
        }
        let Some(mut again) = look_again(disk, home, asked, &found)? else { return Ok(None) };
        if again.id != found.id {
            found = again;
            continue;
        }
        let lock = lock.unwrap_or_else(|error| {
            again.notes.push(unlocked(&file, &error));
            None
        });
        let loaded = is_loaded(&world.disk, home, again.id).unwrap_or_else(|error| {
            again.notes.push(unlocked(&file, &error));
            false
        });
        return Ok(Some(Secured { found: again, loaded, _lock: lock }));
    }
    let why = format!("its continuation moved {LOOK_UPS} times while it was waited for");
    Err(RehydrateError::locked(&rehydrating_lock_path(home, found.id), &why))
}

fn follow(disk: &dyn Disk, home: &Path, asked: ThreadId) -> (Vec<ThreadId>, Vec<Note>) {
    match read_aliases(disk, home) {
        Ok(aliases) => {
            let chain = aliases.chain(asked);
            let mut notes = aliases.notes;
            notes.extend(chain.broken);
            (chain.ids, notes)
        }
        Err(error) => {
            let text = format!("the aliases cannot be read ({error}), so there may be a newer continuation than this");
            (vec![asked], vec![Note::new(NoteKind::AliasUnreadable, text).at(&aliases_path(home), None)])
        }
    }
}

/// The newest id of the chain that has a rollout.
fn locate(
    disk: &dyn Disk,
    home: &Path,
    chain: Vec<ThreadId>,
    mut notes: Vec<Note>,
) -> Result<Option<Found>, RehydrateError> {
    let newest = chain.last().copied();
    // The id asked for is tried in any case, after the newest ones.
    let tried = chain.iter().skip(1).rev().take(ALIAS_FALLBACKS).chain(chain.first());
    for id in tried.copied() {
        let path = find_thread_path_by_id_str(disk, home, &id.to_string())
            .map_err(|error| RehydrateError::io("search for the rollouts of", home, &error))?;
        let Some(path) = path else { continue };
        if let Some(newest) = newest.filter(|newest| *newest != id) {
            let text = format!(
                "the rollout of the newest continuation {newest} is gone; the conversation goes on from {id}, \
                 without what was said since"
            );
            notes.push(Note::new(NoteKind::AliasDangling, text).at(&aliases_path(home), None));
        }
        return Ok(Some(Found { id, path, notes, chain }));
    }
    Ok(None)
}

/// Looks up once more, without searching the directories again where nothing has changed.
fn look_again(disk: &dyn Disk, home: &Path, asked: ThreadId, before: &Found) -> Result<Option<Found>, RehydrateError> {
    let (chain, notes) = follow(disk, home, asked);
    let there = disk.status(&before.path).is_ok_and(|status| status.kind == EntryKind::File);
    if there && chain == before.chain {
        let (path, notes) = (before.path.clone(), before.notes.clone());
        return Ok(Some(Found { id: before.id, path, notes, chain }));
    }
    locate(disk, home, chain, notes)
}

fn unlocked(file: &Path, error: &io::Error) -> Note {
    let text = format!("no lock could be had ({error}): another process may continue the same thread unseen");
    Note::new(NoteKind::LockUnavailable, text).at(file, None)
}
