//! Naming a rollout on a command line: by its file, or by its thread's id and the home in which that lies.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::neutral;
use crate::rollout::{ThreadId, find_segment, find_thread_path};
use crate::world::Disk;

/// Most characters of a path that a diagnostic quotes.
const PATH_CHARS: usize = 2_000;

/// Where a home keeps its rollouts.
pub(super) const TREES: [&str; 2] = ["sessions", "archived_sessions"];

/// `$CODEX_HOME`, else `~/.codex`; `None` where the environment names neither.
pub(super) fn codex_home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CODEX_HOME").or_else(|| Some(set("HOME")?.join(".codex")))
}

/// The rollout that `text` names: a file, or the id of a thread or a segment below `home` (`--home`, else
/// [`codex_home`]).
pub(super) fn rollout(disk: &dyn Disk, text: &Path, home: Option<&Path>) -> Result<PathBuf, Failure> {
    let refused = |why: &str| Err(Failure::usage(format!("{} {why}", shown(text))));
    match std::fs::metadata(text) {
        Ok(found) if found.is_dir() => {
            return refused(
                "is a directory: name a rollout in it, or the id of a thread, and with --home where that lies",
            );
        }
        Ok(_) => return Ok(text.to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => return refused(&format!("cannot be read: {error}")),
        Err(_) if text.is_symlink() => return refused("is a link to something that is not there"),
        Err(_) => {}
    }
    let Some(id) = text.to_str().and_then(|text| ThreadId::parse(text).ok()) else {
        return refused("is neither a file nor the id of a thread");
    };
    let home = home
        .map(Path::to_owned)
        .or_else(codex_home)
        .ok_or_else(|| Failure::usage("neither CODEX_HOME nor HOME is set; say with --home where the thread lies"))?;
    let failed = |error| Failure::usage(format!("failed to search {}: {error}", shown(&home)));
    let found = match find_thread_path(disk, &home, id).map_err(failed)? {
        Some(path) => Some(path),
        None => find_segment(disk, &home, id.uuid()).map_err(failed)?,
    };
    if found.is_none() {
        readable(&home)?;
    }
    found.ok_or_else(|| {
        let why = match TREES.iter().any(|tree| home.join(tree).is_dir()) {
            true => "",
            false if home.is_dir() => ", which holds neither `sessions` nor `archived_sessions`",
            false => ", which is no directory",
        };
        let home = shown(&home);
        Failure::usage(format!("no rollout of thread {id} below {home}{why}; say with --home where it lies"))
    })
}

/// That the directories in which `home` keeps its rollouts can be looked into, as far as they are there.
pub(super) fn readable(home: &Path) -> Result<(), Failure> {
    for tree in TREES.map(|tree| home.join(tree)).iter().filter(|tree| tree.is_dir()) {
        if let Err(error) = std::fs::read_dir(tree) {
            return Err(Failure::usage(format!("{} cannot be read: {error}", shown(tree))));
        }
    }
    Ok(())
}

/// A path as a line of a diagnostic quotes it.
fn shown(path: &Path) -> String {
    neutral::line(&path.display().to_string(), PATH_CHARS)
}
