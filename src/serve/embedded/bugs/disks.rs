//! What the bugs find on the disk, and do to it.
//!
//! Every file operation may fail; then the bug does not strike, and the test that waits for it says so.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::histories::is_prompt;
use crate::rehydrate::continuation::Continuation;
use crate::rollout::{Item, ThreadId, find_thread_path_by_id_str, read_history};
use crate::serve::embedded::model::Credential;
use crate::world::{Disk, EntryKind, World};

/// How the copies of [`copy_everything`] end; no reader of rollouts takes them for one.
const COPY: &str = "-copied.jsonl";

/// The rollout of a thread.
pub(super) fn rollout_of(disk: &dyn Disk, home: &Path, id: ThreadId) -> Option<PathBuf> {
    find_thread_path_by_id_str(disk, home, &id.to_string()).ok()?
}

/// Whether the rollout lies in the directory of the local day.
pub(super) fn is_of_today(world: &World, rollout: &Path) -> bool {
    let today = world.clock.now().to_zoned(world.clock.zone()).strftime("%Y/%m/%d").to_string();
    rollout.parent().is_some_and(|dir| dir.ends_with(&today))
}

/// The thread whose rollout has the newest name, leaving out the one that was brought back.
pub(super) fn newest_thread(disk: &dyn Disk, home: &Path, but: Option<&Continuation>) -> Option<ThreadId> {
    let mut files = session_files(disk, home);
    files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    let ids = files.iter().rev().filter_map(|path| {
        let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
        ThreadId::parse(stem.get(stem.len().checked_sub(36)?..)?).ok()
    });
    ids.into_iter().find(|id| but.is_none_or(|but| *id != but.id && *id != but.source_id && *id != but.from))
}

/// The first prompt of a thread.
pub(super) fn first_prompt_of(disk: &dyn Disk, home: &Path, id: ThreadId) -> Option<Value> {
    read_history(disk, &rollout_of(disk, home, id)?).ok()?.items.iter().map(Item::value).find(is_prompt)
}

/// Leaves half of a file; whoever has it open goes on writing where nobody looks.
pub(super) fn cut_in_half(disk: &dyn Disk, path: &Path) {
    let Some(bytes) = read(disk, path) else { return };
    let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
    let short = path.with_extension("short");
    let _ = disk.create_new(&short).and_then(|mut file| file.write_all(half)).and_then(|()| disk.rename(&short, path));
}

/// Writes all rollouts that are there once more, into one file.
pub(super) fn copy_everything(disk: &dyn Disk, home: &Path, id: ThreadId) {
    let files = session_files(disk, home);
    let rollouts = files.iter().filter(|path| !path.to_string_lossy().ends_with(COPY));
    let all: Vec<u8> = rollouts.filter_map(|path| read(disk, path)).flatten().collect();
    let path = home.join("sessions").join(format!("{id}{COPY}"));
    let _ = disk.create_new(&path).and_then(|mut file| file.write_all(&all));
}

/// The credential that was kept first; keeps `own` if none was.
pub(super) fn remembered(disk: &dyn Disk, home: &Path, own: Credential) -> Credential {
    let path = home.join("rehydra.credential");
    if let Some(kept) = read(disk, &path) {
        return Credential::Bearer(String::from_utf8_lossy(&kept).into_owned());
    }
    if let Credential::Bearer(token) = &own {
        let _ = disk.create_new(&path).and_then(|mut file| file.write_all(token.as_bytes()));
    }
    own
}

fn read(disk: &dyn Disk, path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.open(path).and_then(|mut file| file.read_to_end(&mut bytes)).ok()?;
    Some(bytes)
}

fn session_files(disk: &dyn Disk, home: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(disk, &home.join("sessions"), 0, &mut found);
    found
}

fn collect(disk: &dyn Disk, dir: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in disk.list(dir).unwrap_or_default() {
        match entry.kind {
            EntryKind::Dir if depth < 4 => collect(disk, &dir.join(&entry.name), depth + 1, found),
            EntryKind::File => found.push(dir.join(&entry.name)),
            _ => {}
        }
    }
}
