//! A disk that fails at its *n*-th operation, once or from then on, for tests that loop over *n*.
//!
//! Every call counts, reads and writes of open files included. A failing write lands half of its bytes first. Failing
//! from then on is what a process sees whose disk is gone, and what the disk sees of a process that died: nothing
//! later is done, cleaning up included.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{Disk, Entry, Lock, ReadFile, RealDisk, Status, WriteFile};

/// How long the failure lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// One operation.
    Once,
    /// That operation and every later one.
    FromThenOn,
}

/// See the module.
#[derive(Clone)]
pub(crate) struct FaultyDisk(Arc<Counter>);

struct Counter {
    done: AtomicU64,
    at: u64,
    lasts: Lasts,
    on_lock: Mutex<Option<OnLock>>,
}

/// What another process does while the first lock is waited for.
type OnLock = Box<dyn FnOnce() + Send>;

impl FaultyDisk {
    /// Fails at operation `at`, from 0.
    pub(crate) fn new(at: u64, lasts: Lasts) -> FaultyDisk {
        FaultyDisk(Arc::new(Counter { done: AtomicU64::new(0), at, lasts, on_lock: Mutex::new(None) }))
    }

    /// Never fails, and lets another process get ahead while the first lock is waited for.
    pub(crate) fn overtaken(by: impl FnOnce() + Send + 'static) -> FaultyDisk {
        let disk = FaultyDisk::new(u64::MAX, Lasts::Once);
        *disk.0.on_lock.lock().unwrap() = Some(Box::new(by));
        disk
    }

    /// Whether the operation was reached.
    pub(crate) fn fired(&self) -> bool {
        self.0.done.load(Ordering::SeqCst) > self.0.at
    }

    fn step(&self) -> io::Result<()> {
        let n = self.0.done.fetch_add(1, Ordering::SeqCst);
        let fails = n == self.0.at || (n > self.0.at && self.0.lasts == Lasts::FromThenOn);
        if fails { Err(io::Error::other(format!("operation {n} fails on purpose"))) } else { Ok(()) }
    }
}

struct FaultyFile<F>(FaultyDisk, F);

impl<F: Read> Read for FaultyFile<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.step()?;
        self.1.read(buffer)
    }
}

impl<F: Seek> Seek for FaultyFile<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.step()?;
        self.1.seek(to)
    }
}

impl Write for FaultyFile<Box<dyn WriteFile>> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.0.step() {
            if self.0.0.done.load(Ordering::SeqCst) == self.0.0.at + 1 {
                self.1.write_all(&bytes[..bytes.len() / 2])?;
            }
            return Err(error);
        }
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

impl WriteFile for FaultyFile<Box<dyn WriteFile>> {
    fn sync(&mut self) -> io::Result<()> {
        self.0.step()?;
        self.1.sync()
    }
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.step()?;
        Ok(Box::new(FaultyFile(self.clone(), RealDisk.open(path)?)))
    }
    fn status(&self, path: &Path) -> io::Result<Status> {
        self.step()?;
        RealDisk.status(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.step()?;
        RealDisk.list(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.create_dir_all(dir)
    }
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.step()?;
        Ok(Box::new(FaultyFile(self.clone(), RealDisk.create_new(path)?)))
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.step()?;
        Ok(Box::new(FaultyFile(self.clone(), RealDisk.append(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename(from, to)
    }
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.rename_new(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        self.step()?;
        let overtake = self.0.on_lock.lock().unwrap().take();
        if let Some(overtake) = overtake {
            overtake();
        }
        RealDisk.lock(path, wait)
    }
}
