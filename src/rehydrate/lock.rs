//! Locks between processes that share a home.
//!
//! Two questions are answered by the kernel and not by the content of a file, so that a killed process never leaves a
//! lock behind:
//!
//! * *Is somebody rehydrating this thread right now?* `<id>.rehydrating.lock` is held from the look-up to the alias
//!   write, for the id at the end of the alias chain. Whoever comes second waits, looks again and finds the alias.
//! * *Is this thread loaded in a live process?* `<id>.loaded.lock` is held as long as a thread is in a process's memory
//!   ([`LoadedGuard`]), and Codex from 0.147 on holds `thread-writer-locks/<id>.lock` in the same way.
//!
//! Both of our files lie under `$CODEX_HOME/rehydra/locks/`, and each is removed by its holder at the end; whether a file
//! is there means nothing all the same, since a killed process leaves its own behind. A thread is loaded only by the
//! process that made it, because every rehydration makes a new one. A question is asked by taking the lock for a moment
//! and only of files that exist: asking makes nothing, it clears away what a killed process of ours left, and Codex's
//! files are never made nor removed here.
//!
//! A file system without locks is an error here; callers go on without and tell so.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::rollout::ThreadId;
use crate::world::{Disk, EntryKind, Lock};

/// The lock under which one process at a time rehydrates a thread; dropping it frees it and leaves no file.
pub struct RehydrationLock {
    // Held for its lock.
    _held: Held,
}

/// Where the lock of a thread's rehydration stands.
pub fn rehydrating_lock_path(home: &Path, id: ThreadId) -> PathBuf {
    locks_dir(home).join(format!("{id}.rehydrating.lock"))
}

/// Takes the rehydration lock of `id`; `None` if another still holds it after `wait`. Blocks the calling thread.
pub fn lock_for_rehydration(
    disk: &Arc<dyn Disk>,
    home: &Path,
    id: ThreadId,
    wait: Duration,
) -> io::Result<Option<RehydrationLock>> {
    disk.create_dir_all(&locks_dir(home))?;
    let held = Held::take(disk, rehydrating_lock_path(home, id), wait)?;
    Ok(held.map(|held| RehydrationLock { _held: held }))
}

/// Says to other processes that a thread is in this one's memory, until it is dropped.
pub struct LoadedGuard(Option<Held>);

/// A lock of ours and its file.
struct Held {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    // Held for its lock; freed after the file's name is gone.
    _lock: Box<dyn Lock>,
}

impl Held {
    fn take(disk: &Arc<dyn Disk>, path: PathBuf, wait: Duration) -> io::Result<Option<Held>> {
        let Some(lock) = disk.lock(&path, wait)? else { return Ok(None) };
        Ok(Some(Held { disk: Arc::clone(disk), path, _lock: lock }))
    }
}

impl LoadedGuard {
    /// Marks the thread `id`, which this process has just made, as loaded.
    ///
    /// Errors where the file system has no locks, and `WouldBlock` where another holds this thread already, which for
    /// a fresh id means that two sources of ids gave the same.
    pub fn take(disk: &Arc<dyn Disk>, home: &Path, id: ThreadId) -> io::Result<LoadedGuard> {
        disk.create_dir_all(&locks_dir(home))?;
        let path = loaded_lock_path(home, id);
        match Held::take(disk, path.clone(), Duration::ZERO)? {
            Some(held) => Ok(LoadedGuard(Some(held))),
            None => Err(io::Error::new(io::ErrorKind::WouldBlock, format!("{} is held", path.display()))),
        }
    }

    /// A guard that holds nothing, for a home without locks.
    pub fn none() -> LoadedGuard {
        LoadedGuard(None)
    }

    /// Whether other processes can see it.
    pub fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A file that stays says nothing without its lock.
        let _ = self.disk.remove_file(&self.path);
    }
}

impl std::fmt::Debug for LoadedGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LoadedGuard").field(&self.0.as_ref().map(|held| &held.path)).finish()
    }
}

/// Whether a live process has the thread `id` loaded, this one included: one of ours or a Codex from 0.147 on.
pub fn is_loaded(disk: &Arc<dyn Disk>, home: &Path, id: ThreadId) -> io::Result<bool> {
    let (ours, codexs) = (loaded_lock_path(home, id), codex_lock_path(home, id));
    if is_file(&**disk, &ours)? && Held::take(disk, ours, Duration::ZERO)?.is_none() {
        return Ok(true);
    }
    Ok(is_file(&**disk, &codexs)? && disk.lock(&codexs, Duration::ZERO)?.is_none())
}

fn is_file(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.status(path) {
        Ok(status) => Ok(status.kind == EntryKind::File),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn locks_dir(home: &Path) -> PathBuf {
    home.join("rehydra").join("locks")
}

fn loaded_lock_path(home: &Path, id: ThreadId) -> PathBuf {
    locks_dir(home).join(format!("{id}.loaded.lock"))
}

/// Codex's own lock of a loaded thread (seen with 0.147 … 0.169; 0.145 has none).
fn codex_lock_path(home: &Path, id: ThreadId) -> PathBuf {
    home.join("thread-writer-locks").join(format!("{id}.lock"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::world::RealDisk;

    fn id() -> ThreadId {
        ThreadId::from(uuid::Uuid::from_u128(7))
    }

    fn disk() -> Arc<dyn Disk> {
        Arc::new(RealDisk)
    }

    #[test]
    fn a_second_rehydration_waits_in_vain_while_the_first_holds_the_lock() {
        let home = tempfile::tempdir().unwrap();
        let first = lock_for_rehydration(&disk(), home.path(), id(), Duration::ZERO).unwrap();
        assert!(first.is_some());
        assert!(lock_for_rehydration(&disk(), home.path(), id(), Duration::from_millis(4)).unwrap().is_none());
        drop(first);
        assert!(!rehydrating_lock_path(home.path(), id()).exists());
        assert!(lock_for_rehydration(&disk(), home.path(), id(), Duration::ZERO).unwrap().is_some());
    }

    #[test]
    fn a_thread_is_loaded_as_long_as_its_guard_lives_and_leaves_no_file() {
        let home = tempfile::tempdir().unwrap();
        assert!(!is_loaded(&disk(), home.path(), id()).unwrap());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "asking makes nothing");
        let guard = LoadedGuard::take(&disk(), home.path(), id()).unwrap();
        assert!(guard.is_held());
        assert!(is_loaded(&disk(), home.path(), id()).unwrap());
        assert_eq!(LoadedGuard::take(&disk(), home.path(), id()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(guard);
        assert!(!is_loaded(&disk(), home.path(), id()).unwrap());
        assert!(!loaded_lock_path(home.path(), id()).exists());
    }

    #[test]
    fn a_thread_that_codex_has_loaded_is_seen_and_its_file_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = codex_lock_path(home.path(), id());
        fs::create_dir(path.parent().unwrap()).unwrap();
        let file = fs::File::create(&path).unwrap();
        assert!(!is_loaded(&disk(), home.path(), id()).unwrap(), "a file without a lock means nothing");
        file.try_lock().unwrap();
        assert!(is_loaded(&disk(), home.path(), id()).unwrap());
        drop(file);
        assert!(!is_loaded(&disk(), home.path(), id()).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_cleared_away_by_the_next_who_asks() {
        let home = tempfile::tempdir().unwrap();
        let path = loaded_lock_path(home.path(), id());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        assert!(!is_loaded(&disk(), home.path(), id()).unwrap());
        assert!(!path.exists());
    }
}
