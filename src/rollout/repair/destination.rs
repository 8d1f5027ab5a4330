//! Where a clean copy goes, and under which id.
//!
//! Codex finds a thread by the id in a file's name, so name and `session_meta` must agree: below a home the copy is
//! named by its id, and a path whose name is a rollout's decides the id.

use std::path::{Path, PathBuf};

use super::super::lineage::home_of;
use super::super::locate::{RolloutName, find_thread_path};
use super::super::writer::relative_path;
use super::super::{SessionMeta, ThreadId};
use super::error::{RepairError, RepairErrorKind};
use crate::world::{Disk, World};

/// Where the copy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Below this `CODEX_HOME`, at `sessions/YYYY/MM/DD` by its name.
    Home(PathBuf),
    /// To this file.
    File(PathBuf),
}

impl Destination {
    /// What a path on a command line means: a file if its name has an extension and no directory has that name, else a
    /// home, which is made if it is missing.
    pub fn of(path: &Path) -> Destination {
        if path.extension().is_some() && !path.is_dir() {
            Destination::File(path.to_owned())
        } else {
            Destination::Home(path.to_owned())
        }
    }

    /// The copy's id and path.
    pub(super) fn choose(
        &self,
        world: &World,
        source: &Path,
        meta: &SessionMeta,
        keep_id: bool,
    ) -> Result<(ThreadId, PathBuf), RepairError> {
        let disk = &*world.disk;
        let (id, path) = match self {
            Destination::File(path) => (id_by_name(world, path, meta.id, keep_id)?, path.clone()),
            Destination::Home(home) => {
                let id = if keep_id { meta.id } else { fresh(world) };
                let kept = keep_id.then(|| kept_path(source, id)).flatten();
                let now = || relative_path(id, world.clock.now(), &world.clock.zone());
                (id, home.join(kept.unwrap_or_else(now)))
            }
        };
        if disk.status(&path).is_ok() {
            return Err(RepairErrorKind::Exists.at(&path));
        }
        let home = match self {
            Destination::File(path) => home_of(path),
            Destination::Home(home) => Some(home.as_path()),
        };
        if keep_id && home.is_some_and(|home| holds(disk, home, source, id)) {
            return Err(RepairErrorKind::IdTaken(id).at(&path));
        }
        Ok((id, path))
    }
}

fn fresh(world: &World) -> ThreadId {
    ThreadId::from(world.ids.uuid())
}

/// The id of a copy at `path`: what its name says where that is a rollout's, else the source's or a new one.
fn id_by_name(world: &World, path: &Path, of_source: ThreadId, keep_id: bool) -> Result<ThreadId, RepairError> {
    let refused = |text: &str| Err(RepairErrorKind::Name(text.to_owned()).at(path));
    let file_name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if file_name.ends_with(".zst") {
        return refused("the copy is a plain file: give a name that does not end with .zst");
    }
    match RolloutName::parse(file_name) {
        None if keep_id => Ok(of_source),
        None => Ok(fresh(world)),
        Some(RolloutName { segment: Some(_), .. }) => {
            refused("the copy is no segment of another file: give a name with one id")
        }
        Some(name) if name.thread == of_source && !keep_id => {
            refused("the name has the id of the source: say so with --keep-id, or give another name")
        }
        Some(name) if name.thread != of_source && keep_id => {
            refused("the name has another id than the source: leave out --keep-id, or give another name")
        }
        Some(name) => Ok(name.thread),
    }
}

/// The path below a home that the name of the source stands for; `None` if it is not the name of a whole rollout.
fn kept_path(source: &Path, id: ThreadId) -> Option<PathBuf> {
    let file_name = source.file_name()?.to_str()?;
    let name = RolloutName::parse(file_name).filter(|name| name.thread == id && name.segment.is_none())?;
    let day = name.time.get(..10)?;
    let dir = day.split('-').fold(PathBuf::from("sessions"), |dir, part| dir.join(part));
    Some(dir.join(file_name.strip_suffix(".zst").unwrap_or(file_name)))
}

/// Whether `home` holds the source itself, or another file of its thread.
fn holds(disk: &dyn Disk, home: &Path, source: &Path, id: ThreadId) -> bool {
    let identity = |dir: &Path| disk.status(dir).ok().and_then(|status| status.identity);
    let same = home_of(source).is_some_and(|other| identity(home).is_some() && identity(home) == identity(other));
    same || matches!(find_thread_path(disk, home, id), Ok(Some(_)))
}
