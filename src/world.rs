//! The seams to the world: disk, clock and ids, with their real implementations.
//!
//! Everything below the engine reaches the world through these traits, so that a simulator can stand in for it. They
//! promise what a POSIX file system promises and nothing more: what was written is visible to the next reader; only
//! what was synced, by [`WriteFile::sync`] for bytes and [`Disk::sync_dir`] for names, survives a power loss.
//!
//! Paths are trusted here; whoever calls has refused what came from outside. Files are created 0600, directories 0700,
//! and only regular files are opened: a FIFO or a device with a rollout's name is an error and never a hang.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Seek, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The three seams together, cheap to clone.
#[derive(Clone)]
pub struct World {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

impl World {
    /// The real world.
    pub fn real() -> World {
        World { disk: Arc::new(RealDisk), clock: Arc::new(RealClock::default()), ids: Arc::new(RealIds) }
    }
}

/// What a name stands for, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Anything else: a dangling link, a FIFO, a device, a socket.
    Other,
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name alone.
    pub name: OsString,
    /// What it stands for, links followed.
    pub kind: EntryKind,
}

/// What is known of a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is.
    pub kind: EntryKind,
    /// Length in bytes.
    pub len: u64,
    /// Device and inode where the disk has such: tells two names of one directory.
    pub identity: Option<(u64, u64)>,
}

/// A file open for reading.
pub trait ReadFile: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadFile for T {}

/// A file open for appending.
pub trait WriteFile: Write + Send {
    /// Returns once what was written survives a power loss.
    fn sync(&mut self) -> io::Result<()>;
}

/// A held lock; dropping it frees it, and so does the death of the process.
pub trait Lock: Send {}

/// A file system.
pub trait Disk: Send + Sync {
    /// Opens a regular file to read. Anything else is `InvalidInput`.
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// Links followed.
    fn status(&self, path: &Path) -> io::Result<Status>;
    /// Sorted by name, so that no run depends on a directory's order.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// Shows every name of the directory until `each` breaks off, in whatever order the disk has them. The kind is `None`
    /// for a link, which is not followed, and where the directory does not tell it: who cares asks for the status.
    fn visit(&self, dir: &Path, each: &mut dyn FnMut(&OsStr, Option<EntryKind>) -> ControlFlow<()>) -> io::Result<()> {
        for entry in self.list(dir)? {
            if each(&entry.name, Some(entry.kind)).is_break() {
                break;
            }
        }
        Ok(())
    }
    /// Makes the directory and what is missing above it, 0700.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// A new file, 0600; an existing one is `AlreadyExists`.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Appends to a regular file, made 0600 if it is missing.
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;
    /// Replaces `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames to a name that nobody has: a `to` that exists is `AlreadyExists` and stays as it is, whoever makes it
    /// and when. A death in the middle may leave an empty file of that name where the disk has no better way.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        drop(self.create_new(to)?);
        self.rename(from, to).inspect_err(|_| drop(self.remove_file(to)))
    }
    /// Removes one file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory survive a power loss.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the exclusive lock of a file (made if missing), waiting at most `wait`; `None` if another still holds it.
    /// It is the file that has the name when this returns, so a holder may remove the name before it lets go.
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>>;
}

/// Time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> jiff::Timestamp;
    /// The zone in which Codex names files and day directories.
    fn zone(&self) -> jiff::tz::TimeZone;
    /// Monotonic time since some fixed moment.
    fn elapsed(&self) -> Duration;
}

/// Fresh ids.
pub trait Ids: Send + Sync {
    /// A version-7 UUID, later ones greater.
    fn uuid(&self) -> uuid::Uuid;
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl WriteFile for fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

struct RealLock {
    // Held for its lock, which the kernel frees with the descriptor.
    _file: fs::File,
}
impl Lock for RealLock {}

fn only_regular(file: fs::File, path: &Path) -> io::Result<fs::File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display())))
}

/// Whether `path` names this very file: between opening it and taking its lock its holder may have removed the name, and
/// somebody else may have made another.
fn has_name(file: &fs::File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn kind_of(meta: &fs::Metadata) -> EntryKind {
    if meta.is_file() {
        EntryKind::File
    } else if meta.is_dir() {
        EntryKind::Dir
    } else {
        EntryKind::Other
    }
}

// Opening a FIFO would otherwise wait for its other end.
fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits() as i32
}

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let file = fs::OpenOptions::new().read(true).custom_flags(nonblocking()).open(path)?;
        Ok(Box::new(only_regular(file, path)?))
    }

    fn status(&self, path: &Path) -> io::Result<Status> {
        use std::os::unix::fs::MetadataExt;
        let meta = fs::metadata(path)?;
        Ok(Status { kind: kind_of(&meta), len: meta.len(), identity: Some((meta.dev(), meta.ino())) })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = match entry.file_type()? {
                t if t.is_file() => EntryKind::File,
                t if t.is_dir() => EntryKind::Dir,
                _ => fs::metadata(entry.path()).map_or(EntryKind::Other, |meta| kind_of(&meta)),
            };
            entries.push(Entry { name: entry.file_name(), kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn visit(&self, dir: &Path, each: &mut dyn FnMut(&OsStr, Option<EntryKind>) -> ControlFlow<()>) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let kind = match entry.file_type() {
                Ok(t) if t.is_file() => Some(EntryKind::File),
                Ok(t) if t.is_dir() => Some(EntryKind::Dir),
                Ok(t) if !t.is_symlink() => Some(EntryKind::Other),
                _ => None,
            };
            if each(&entry.file_name(), kind).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(fs::OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let file =
            fs::OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(nonblocking()).open(path)?;
        Ok(Box::new(only_regular(file, path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match fs::hard_link(from, to) {
            Ok(()) => {
                // A temporary name that stays beside the real one does no harm.
                let _ = fs::remove_file(from);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links: the name is taken first.
            Err(_) => {
                drop(self.create_new(to)?);
                fs::rename(from, to).inspect_err(|_| drop(fs::remove_file(to)))
            }
        }
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let step = Duration::from_millis(2);
        let mut waited = Duration::ZERO;
        loop {
            let file = only_regular(options.open(path)?, path)?;
            match file.try_lock() {
                Ok(()) if has_name(&file, path)? => return Ok(Some(Box::new(RealLock { _file: file }))),
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) if waited < wait => {
                    // The kernel offers no lock with a deadline, so this polls, for at most `wait`.
                    #[allow(clippy::disallowed_methods)]
                    std::thread::sleep(step);
                    waited += step;
                }
                Err(fs::TryLockError::WouldBlock) => return Ok(None),
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

/// The operating system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct RealClock(std::time::Instant);

#[allow(clippy::disallowed_methods)] // the one place where ambient time enters
impl Default for RealClock {
    fn default() -> Self {
        RealClock(std::time::Instant::now())
    }
}

#[allow(clippy::disallowed_methods)] // the one place where ambient time enters
impl Clock for RealClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::system()
    }
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Ids from the operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealIds;

#[allow(clippy::disallowed_methods)] // the one place where randomness enters
impl Ids for RealIds {
    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_is_never_taken_from_anybody() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "ours").unwrap();
        fs::write(&to, "theirs").unwrap();
        assert_eq!(RealDisk.rename_new(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (b"ours".to_vec(), b"theirs".to_vec()));
        fs::remove_file(&to).unwrap();
        RealDisk.rename_new(&from, &to).unwrap();
        assert_eq!((from.exists(), fs::read(&to).unwrap()), (false, b"ours".to_vec()));
        assert!(RealDisk.rename_new(&from, &dir.path().join("third")).is_err());
        assert!(!dir.path().join("third").exists());
    }

    #[test]
    fn a_lock_counts_only_for_the_file_that_has_the_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.lock");
        let opened = fs::File::create(&path).unwrap();
        assert!(has_name(&opened, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!has_name(&opened, &path).unwrap());
        let other = fs::File::create(&path).unwrap();
        assert!(!has_name(&opened, &path).unwrap());
        assert!(has_name(&other, &path).unwrap());
    }
}
