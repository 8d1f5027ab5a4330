//! Thread id or rollout id → file.
//!
//! Three ways, each tried when the one before has no answer: the days that the id's own time tells, the names of all
//! files, what stands inside files whose names fit nobody's question.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::head::Head;
use super::name::Spelled;
use super::walk::{RolloutFile, look_in, walk};
use super::{choose, days};
use crate::limits::CLIENT_ID_BYTES;
use crate::rollout::ThreadId;
use crate::world::Disk;

/// The rollout of the thread `id` below `home` (`sessions/**`, `archived_sessions/**`), or `None`.
///
/// `id` is untrusted: a text that is no UUID is `None`.
pub fn find_thread_path_by_id_str(disk: &dyn Disk, home: &Path, id: &str) -> io::Result<Option<PathBuf>> {
    if id.len() > CLIENT_ID_BYTES {
        return Ok(None);
    }
    match ThreadId::parse(id) {
        Ok(id) => find_thread_path(disk, home, id),
        Err(_) => Ok(None),
    }
}

/// The rollout of the thread `id` below `home`, or `None`; which of several is said in [`super`].
pub fn find_thread_path(disk: &dyn Disk, home: &Path, id: ThreadId) -> io::Result<Option<PathBuf>> {
    if let Some(path) = thread_by_its_day(disk, home, id) {
        return Ok(Some(path));
    }
    let spelled = Spelled::new(id.uuid());
    let mut named = Vec::new();
    walk(disk, home, |name| spelled.may_be_thread_of(name), |file| keep_if(&mut named, file, |name| name.0 == id));
    if let Some(file) = choose::head_of(disk, id, named) {
        return Ok(Some(file.path));
    }
    Ok(thread_by_content(disk, home, id))
}

/// The file of the rollout `rollout_id` below `home`, or `None`: the base that a `history_base` names.
///
/// A rollout's id is the *last* uuid of its name: a segment's own, or the thread's for the thread's root. A file with
/// records comes before one without, the active before the archived and the plain before the compressed.
///
/// Who follows a chain asks [`Segments`](super::Segments), which walks the home only once.
pub fn find_segment(disk: &dyn Disk, home: &Path, rollout_id: Uuid) -> io::Result<Option<PathBuf>> {
    if let Some(path) = segment_by_its_day(disk, home, rollout_id) {
        return Ok(Some(path));
    }
    let spelled = Spelled::new(rollout_id);
    let mut named = Vec::new();
    let fits = |name: &str| spelled.may_be_rollout_of(name);
    walk(disk, home, fits, |file| keep_if(&mut named, file, |name| name.1 == rollout_id));
    Ok(choose::copy_of(disk, named).map(|file| file.path))
}

fn keep_if(kept: &mut Vec<RolloutFile>, file: RolloutFile, fits: impl Fn((ThreadId, Uuid)) -> bool) {
    if file.name.as_ref().is_some_and(|name| fits((name.thread, name.rollout_id()))) {
        kept.push(file);
    }
}

/// The file that the days around the id's time tell, if nothing elsewhere can come before it but a copy by hand.
fn thread_by_its_day(disk: &dyn Disk, home: &Path, id: ThreadId) -> Option<PathBuf> {
    let spelled = Spelled::new(id.uuid());
    let only = only_one_around(disk, home, id.uuid(), |name| spelled.may_be_thread_of(name))?;
    let name = only.name.as_ref().filter(|name| name.thread == id && name.segment.is_none() && !name.compressed);
    name?;
    let head = Head::read(disk, &only.path);
    (head.is_legacy && head.id == Some(id)).then_some(only.path)
}

/// The same for a rollout, which has no second file but a copy by hand.
pub(super) fn segment_by_its_day(disk: &dyn Disk, home: &Path, rollout_id: Uuid) -> Option<PathBuf> {
    let spelled = Spelled::new(rollout_id);
    let only = only_one_around(disk, home, rollout_id, |name| spelled.may_be_rollout_of(name))?;
    let fits = only.name.as_ref().is_some_and(|name| name.rollout_id() == rollout_id && !name.compressed);
    (fits && Head::read(disk, &only.path).has_records).then_some(only.path)
}

/// The one file of the days around the id's time whose name is `wanted`; `None` if there are several.
fn only_one_around(disk: &dyn Disk, home: &Path, id: Uuid, wanted: impl Fn(&str) -> bool) -> Option<RolloutFile> {
    let mut found = Vec::new();
    for day in days::around(id)? {
        look_in(disk, &home.join("sessions").join(day), &wanted, |file| found.push(file));
    }
    let only = found.pop()?;
    found.is_empty().then_some(only)
}

/// Most files whose first records are read when no name fits.
const OPENED: usize = 1_000;

/// The file that gives itself the id, whatever its name says. Those that hold the id in a name of another form (a copy
/// "… (1).jsonl") are opened first, then active ones before archived ones, newest names first.
fn thread_by_content(disk: &dyn Disk, home: &Path, id: ThreadId) -> Option<PathBuf> {
    let spelled = Spelled::new(id.uuid());
    let mut best: BTreeSet<(bool, bool, String, PathBuf)> = BTreeSet::new();
    walk(
        disk,
        home,
        |_| true,
        |file| {
            best.insert((spelled.is_in(&file.file_name), file.is_active, file.file_name, file.path));
            if best.len() > OPENED {
                best.pop_first();
            }
        },
    );
    best.into_iter().rev().map(|(_, _, _, path)| path).find(|path| Head::read(disk, path).id == Some(id))
}
