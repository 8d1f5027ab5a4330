//! A world in memory: a home whose files are bytes, a clock that ticks when it is looked at, and ids that count.
//!
//! The oracles read from it what a real disk would hold, thousands of times a second and without leaving anything behind.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehydra::world::{Clock, Disk, Entry, EntryKind, Ids, Lock, ReadFile, Status, World, WriteFile};

type File = Arc<Mutex<Vec<u8>>>;

/// A file system that holds regular files and the directories above them.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<PathBuf, File>>>);

impl Memory {
    /// One that holds this file.
    pub(crate) fn with(path: &Path, bytes: &[u8]) -> Memory {
        let memory = Memory::default();
        memory.put(path, bytes);
        memory
    }

    /// Adds a file, or replaces it.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        self.files().insert(path.to_owned(), Arc::new(Mutex::new(bytes.to_vec())));
    }

    /// The world of this disk.
    pub(crate) fn world(&self) -> World {
        World { disk: Arc::new(self.clone()), clock: Arc::new(Ticks::default()), ids: Arc::new(Counts::default()) }
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, File>> {
        self.0.lock().expect("nothing panics while it holds this")
    }

    fn new_file(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file = self.files().entry(path.to_owned()).or_default().clone();
        Ok(Box::new(Appends(file)))
    }
}

impl Disk for Memory {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let file = self.files().get(path).cloned().ok_or(ErrorKind::NotFound)?;
        let bytes = file.lock().expect("nothing panics while it holds this").clone();
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        let files = self.files();
        if let Some(file) = files.get(path) {
            let len = file.lock().expect("nothing panics while it holds this").len() as u64;
            return Ok(Status { kind: EntryKind::File, len, identity: None });
        }
        let is_dir = files.keys().any(|file| file.starts_with(path));
        is_dir.then_some(Status { kind: EntryKind::Dir, len: 0, identity: None }).ok_or(ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let files = self.files();
        let mut entries = BTreeSet::new();
        for path in files.keys() {
            let Ok(below) = path.strip_prefix(dir) else { continue };
            let mut parts = below.components();
            if let Some(name) = parts.next() {
                entries.insert((name.as_os_str().to_owned(), parts.next().is_none()));
            }
        }
        if entries.is_empty() {
            return Err(ErrorKind::NotFound.into());
        }
        let kind = |is_file| if is_file { EntryKind::File } else { EntryKind::Dir };
        Ok(entries.into_iter().map(|(name, is_file)| Entry { name, kind: kind(is_file) }).collect())
    }

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        if self.files().contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.new_file(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.new_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let file = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or(ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _: &Path, _: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        Err(ErrorKind::Unsupported.into())
    }
}

struct Appends(File);

impl Write for Appends {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nothing panics while it holds this").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl WriteFile for Appends {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Default)]
struct Ticks(AtomicU32);

impl Clock for Ticks {
    fn now(&self) -> jiff::Timestamp {
        let ticks = self.0.fetch_add(1, Ordering::Relaxed);
        jiff::Timestamp::from_millisecond(1_795_363_327_000 + i64::from(ticks)).expect("a time of this age")
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::UTC
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Default)]
struct Counts(AtomicU32);

impl Ids for Counts {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(
            (0x01a2_03fe << 96) + (7 << 76) + (8 << 60) + u128::from(self.0.fetch_add(1, Ordering::Relaxed)),
        )
    }
}
