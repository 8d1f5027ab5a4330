//! The history as the model gets it.

use std::path::{Path, PathBuf};

use super::super::damage::Damage;
use super::super::meta::{ReadError, SessionMeta, ThreadMeta, TurnContext};
use super::super::place::Place;
use super::assemble::assemble;
use super::checkpoint::{FIRST_STEP_BYTES, walk_from_the_end};
use super::files::Files;
use super::item::Item;
use super::pairing;
use super::summary::Summary;
use super::walk::Walk;
use crate::world::Disk;

/// What a rollout says once it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What its file says of itself.
    pub meta: SessionMeta,
    /// What the thread is by now, with sources.
    pub thread: ThreadMeta,
    /// Its last turn context.
    pub turn_context: Option<TurnContext>,
    /// The thread's cwd: last turn context, else meta, else `<cwd>` of the last environment context, else unknown.
    pub cwd: Option<PathBuf>,
    /// Response items as they go to the model, normalised: calls paired, ghosts dropped.
    pub items: Vec<Item>,
    /// Number of complete turns among what was read.
    pub complete_turns: u32,
    /// How many of `items` belong to complete turns (a prefix): the rest is of a turn without an end.
    pub complete_items: usize,
    /// What was wrong with what was read, each with its place.
    pub damage: Vec<Damage>,
    /// The files it was read from: the one that was asked for, then its bases. [`Damage::file`] counts them.
    pub files: Vec<PathBuf>,
    /// Where reading began, if that was not the thread's first record: what stands before neither matters to `items` nor
    /// was looked at.
    pub read_from: Option<Place>,
}

impl History {
    /// The items up to the end of the last complete turn, paired.
    pub fn of_complete_turns(&self) -> Vec<Item> {
        pairing::pair(self.items.get(..self.complete_items).unwrap_or(&self.items).to_vec())
    }

    /// Something that a turn said can no longer be read.
    pub fn is_lossy(&self) -> bool {
        self.damage.iter().any(Damage::is_lossy)
    }
}

/// Reads the history of the thread whose rollout is `path`.
///
/// The files that it continues are looked for below the home that `path` lies in. Nothing is read that a later
/// compaction made irrelevant, where that can be told from the file's end; damage there is not told either.
/// [`read_whole_history`] reads, and tells, everything.
pub fn read_history(disk: &dyn Disk, path: &Path) -> Result<History, ReadError> {
    let (files, broken) = Files::on_disk(disk, None, path)?;
    read(&files, broken)
}

/// The same with the home given, for a rollout that lies elsewhere.
pub fn read_history_in(disk: &dyn Disk, home: &Path, path: &Path) -> Result<History, ReadError> {
    let (files, broken) = Files::on_disk(disk, Some(home), path)?;
    read(&files, broken)
}

/// The same from the first record on: all damage is told and all turns are counted.
pub fn read_whole_history(disk: &dyn Disk, path: &Path) -> Result<History, ReadError> {
    let (files, broken) = Files::on_disk(disk, None, path)?;
    read_whole(&files, broken)
}

/// The whole history of bytes in memory; `path` stands for the file they were read from, whose name may be needed for
/// its id. A file that they continue is not looked for, and told as missing.
pub fn read_history_bytes(bytes: Vec<u8>, path: &Path) -> Result<History, ReadError> {
    let (files, broken) = Files::in_memory(bytes, path)?;
    read_whole(&files, broken)
}

fn read(files: &Files<'_>, broken: Vec<Damage>) -> Result<History, ReadError> {
    match walk_from_the_end(files, &broken, FIRST_STEP_BYTES)? {
        Some(walk) => history_of(files, walk),
        None => read_whole(files, broken),
    }
}

/// The history of bytes in memory, read from the end; `None` where that can not be.
#[cfg(test)]
pub(super) fn read_bytes_from_the_end(bytes: Vec<u8>, path: &Path, first_step: u64) -> Option<History> {
    let (files, broken) = Files::in_memory(bytes, path).ok()?;
    let walk = walk_from_the_end(&files, &broken, first_step).ok()??;
    history_of(&files, walk).ok()
}

fn read_whole(files: &Files<'_>, broken: Vec<Damage>) -> Result<History, ReadError> {
    let mut walk = Walk::default();
    broken.into_iter().for_each(|damage| walk.damages.tell(damage));
    walk.all(files, None)?;
    history_of(files, walk)
}

fn history_of(files: &Files<'_>, walk: Walk) -> Result<History, ReadError> {
    let Walk { meta, steps, mut damages, end, began: read_from, .. } = walk;
    let (place, is_bare) = (meta.place().cloned(), meta.is_bare());
    let meta = meta.finish(files.asked(), end, &mut damages)?;
    let summary = Summary { meta: &meta, place: place.as_ref(), is_bare, path: files.asked(), steps: &steps };
    let thread = summary.thread();
    let turn_context = summary.turn_context().cloned();
    let cwd = thread.cwd.as_ref().map(|cwd| cwd.value.clone());
    let complete_turns = steps.complete_turns();
    let live_from = steps.live_from().map(Place::position);
    let (items, complete_items) = assemble(steps, &mut damages);
    let damage = damages.finish(|damage| live_from.is_some_and(|from| Place::end_of(damage) <= from));
    let files = files.paths().cloned().collect();
    Ok(History { meta, thread, turn_context, cwd, items, complete_turns, complete_items, damage, files, read_from })
}
