//! Naming a rollout on a command line: by its file, or by its thread's id and the home in which that lies.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::rollout::{ThreadId, find_segment, find_thread_path};
use crate::world::Disk;

/// `$CODEX_HOME`, else `~/.codex`; `None` where the environment names neither.
pub(super) fn codex_home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CODEX_HOME").or_else(|| Some(set("HOME")?.join(".codex")))
}

/// The rollout that `text` names: a file, or the id of a thread or a segment below `home` (`--home`, else
/// [`codex_home`]).
pub(super) fn rollout(disk: &dyn Disk, text: &Path, home: Option<&Path>) -> Result<PathBuf, Failure> {
    if text.exists() {
        return Ok(text.to_owned());
    }
    let Some(id) = text.to_str().and_then(|text| ThreadId::parse(text).ok()) else {
        return Err(Failure::usage(format!("{} is neither a file nor the id of a thread", text.display())));
    };
    let home = home
        .map(Path::to_owned)
        .or_else(codex_home)
        .ok_or_else(|| Failure::usage("neither CODEX_HOME nor HOME is set; say with --home where the thread lies"))?;
    let failed = |error| Failure::usage(format!("failed to search {}: {error}", home.display()));
    let found = match find_thread_path(disk, &home, id).map_err(failed)? {
        Some(path) => Some(path),
        None => find_segment(disk, &home, id.uuid()).map_err(failed)?,
    };
    found.ok_or_else(|| {
        Failure::usage(format!("no rollout of thread {id} below {}; say with --home where it lies", home.display()))
    })
}
