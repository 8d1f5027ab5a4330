//! A disk that says that it has synced, and has not.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::world::{Disk, Entry, EntryKind, Lock, ReadFile, Status, WriteFile};

/// What is not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsynced {
    /// Rollouts.
    Rollouts,
    /// The file of aliases.
    Aliases,
    /// Directories.
    Directories,
}

/// See the module.
pub(super) struct LyingDisk(pub(super) Arc<dyn Disk>, pub(super) Unsynced);

impl LyingDisk {
    fn writing(&self, path: &Path, file: Box<dyn WriteFile>) -> Box<dyn WriteFile> {
        let is_aliases = path.file_name() == Some(OsStr::new("aliases.jsonl"));
        match self.1 {
            Unsynced::Rollouts if !is_aliases => Box::new(NeverSynced(file)),
            Unsynced::Aliases if is_aliases => Box::new(NeverSynced(file)),
            _ => file,
        }
    }
}

struct NeverSynced(Box<dyn WriteFile>);

impl Write for NeverSynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl WriteFile for NeverSynced {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for LyingDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.0.open(path)
    }
    fn status(&self, path: &Path) -> io::Result<Status> {
        self.0.status(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.0.list(dir)
    }
    fn visit(&self, dir: &Path, each: &mut dyn FnMut(&OsStr, Option<EntryKind>) -> ControlFlow<()>) -> io::Result<()> {
        self.0.visit(dir, each)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.0.create_dir_all(dir)
    }
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.writing(path, self.0.create_new(path)?))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(self.writing(path, self.0.append(path)?))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename_new(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.1 == Unsynced::Directories { Ok(()) } else { self.0.sync_dir(dir) }
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        self.0.lock(path, wait)
    }
}
