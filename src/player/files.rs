//! The step `file`: something of the run's directory is changed, moved, or made hard to reach.
//!
//! Paths stay inside the run's directory. What the journal tells is where something was and where it is then, so that the
//! checks know a thread again that the story has put elsewhere.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::story::{Stop, Story};
use crate::journal::{DamageDone, FileState, Kind, Lane, sha256_hex};
use crate::limits::BLOB_BYTES;
use crate::rollout::find_thread_path_by_id_str;
use crate::scenario::{FileStep, PathPart};
use crate::target::Target;

/// Deepest directory that is copied.
const DEPTH: usize = 16;

impl<T: Target> Story<T> {
    /// Changes a file of the run's directory.
    pub(super) fn file(&mut self, step: &FileStep) -> Result<(), Stop> {
        let mutator = step.name();
        match step {
            FileStep::Remove { path } => self.change(path, mutator, remove),
            FileStep::Write { path, text } => self.change(path, mutator, |path| fs::write(path, text)),
            FileStep::Mkdir { path } => self.change(path, mutator, |path| fs::create_dir_all(path)),
            FileStep::Chmod { path, mode } => self.change(path, &format!("{mutator} {mode:03o}"), |path| {
                fs::set_permissions(path, fs::Permissions::from_mode(*mode))
            }),
            FileStep::Touch { path, age_s } => {
                let now = SystemTime::from(self.world.clock.now());
                let then = now.checked_sub(Duration::from_secs(*age_s)).unwrap_or(SystemTime::UNIX_EPOCH);
                let times = fs::FileTimes::new().set_modified(then).set_accessed(then);
                self.change(path, mutator, |path| fs::File::open(path)?.set_times(times))
            }
            FileStep::Symlink { path, to } => {
                let to = self.filled(to)?;
                self.change(path, mutator, |path| {
                    make_parent(path)?;
                    std::os::unix::fs::symlink(&to, path)
                })
            }
            FileStep::Move { from, to } => self.put_elsewhere(from, to, mutator, |from, to| fs::rename(from, to)),
            FileStep::Copy { from, to } => self.put_elsewhere(from, to, mutator, |from, to| copy(from, to, DEPTH)),
            FileStep::Lock { path } => self.hold(path, mutator),
            FileStep::Unlock => {
                for (path, _held) in std::mem::take(&mut self.held) {
                    let state = state_of(&path);
                    self.changed(&path, mutator, state.clone(), state);
                }
                Ok(())
            }
            FileStep::Sqlite(what) => self.change_sqlite(*what, "sqlite"),
        }
    }

    fn change(&self, path: &str, mutator: &str, how: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Stop> {
        let path = self.filled(path)?;
        let before = state_of(&path);
        how(&path).map_err(|error| Stop(format!("failed to change {}: {error}", path.display())))?;
        self.changed(&path, mutator, before, state_of(&path));
        Ok(())
    }

    /// As another process would: whoever asks for the lock finds it taken.
    fn hold(&mut self, path: &str, mutator: &str) -> Result<(), Stop> {
        let file = self.filled(path)?;
        let failed = |error: io::Error| Stop(format!("failed to hold {}: {error}", file.display()));
        make_parent(&file).map_err(failed)?;
        let mut options = fs::OpenOptions::new();
        let held =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&file).map_err(failed)?;
        held.try_lock().map_err(|error| failed(error.into()))?;
        self.held.insert(file, held);
        self.change(path, mutator, |_| Ok(()))
    }

    /// To a name that nobody has.
    fn put_elsewhere(
        &self,
        from: &str,
        to: &str,
        mutator: &str,
        how: impl FnOnce(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), Stop> {
        let (from, to) = (self.filled(from)?, self.filled(to)?);
        let failed =
            |error: io::Error| Stop(format!("failed to {mutator} {} to {}: {error}", from.display(), to.display()));
        let before = state_of(&from);
        if fs::symlink_metadata(&to).is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        make_parent(&to).and_then(|()| how(&from, &to)).map_err(failed)?;
        self.changed(&from, mutator, before, state_of(&from));
        self.changed(&to, &format!("{mutator} to"), state(b""), state_of(&to));
        Ok(())
    }

    /// Tells the journal.
    pub(super) fn changed(&self, path: &Path, mutator: &str, before: FileState, after: FileState) {
        let (path, mutator) = (self.told(path), mutator.to_owned());
        let done = DamageDone { path, thread: None, mutator, before, after, destroyed: Vec::new(), refused: false };
        self.journal.append(Lane::Player, Kind::Damage(done));
    }

    /// A path of the story, with what only the run knows.
    fn filled(&self, path: &str) -> Result<PathBuf, Stop> {
        let mut filled = String::new();
        for part in PathPart::all(path) {
            match part {
                PathPart::Text(text) => filled.push_str(text),
                PathPart::Id(thread) => filled.push_str(self.id(thread)?),
                PathPart::Rollout(thread) => filled.push_str(&self.below_run(&self.rollout_of(thread)?)),
                PathPart::Dir(thread) => {
                    filled.push_str(&self.below_run(self.rollout_of(thread)?.parent().unwrap_or(&self.home)));
                }
                PathPart::Name(thread) => {
                    let rollout = self.rollout_of(thread)?;
                    filled.push_str(&rollout.file_name().unwrap_or_default().to_string_lossy());
                }
                PathPart::Unknown(word) => return Err(Stop(format!("`{{{word}}}` stands for nothing in `{path}`"))),
            }
        }
        self.inside(&filled)
    }

    fn below_run(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir).unwrap_or(path).to_string_lossy().into_owned()
    }

    fn id(&self, thread: &str) -> Result<&str, Stop> {
        self.book.current(thread).ok_or_else(|| Stop(format!("thread `{thread}` has no id yet")))
    }

    fn rollout_of(&self, thread: &str) -> Result<PathBuf, Stop> {
        let found = find_thread_path_by_id_str(&*self.world.disk, &self.home, self.id(thread)?);
        found.ok().flatten().ok_or_else(|| Stop(format!("thread `{thread}` has no rollout yet")))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let is_dir = fs::symlink_metadata(path)?.is_dir();
    if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) => fs::DirBuilder::new().recursive(true).mode(0o700).create(dir),
        None => Ok(()),
    }
}

/// Copies a file, or a directory with the files and directories in it; of links and sockets nothing is copied.
fn copy(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_file() {
        return fs::copy(from, to).map(drop);
    }
    if !kind.is_dir() {
        return Ok(());
    }
    if depth == 0 {
        return Err(io::Error::other("its directories are nested too deep"));
    }
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()), depth - 1)?;
    }
    Ok(())
}

/// What a file holds; nothing for a directory, and for what is not there or cannot be read.
fn state_of(path: &Path) -> FileState {
    state(&fs::read(path).unwrap_or_default())
}

pub(super) fn state(bytes: &[u8]) -> FileState {
    FileState { len: bytes.len() as u64, sha256: sha256_hex(bytes) }
}

/// The content of a file that is one; nothing of one that is not there. A link is an error.
pub(super) fn read_regular(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let status = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        status => status?,
    };
    refuse_links_above(path)?;
    if !status.is_file() || status.len() > BLOB_BYTES as u64 {
        return Err(io::Error::other("it is no regular file, or too long to be kept"));
    }
    fs::read(path).map(Some)
}

/// Makes a file hold those bytes, and the directories above it if they are missing. No link is followed.
pub(super) fn write_regular(path: &Path, bytes: &[u8]) -> io::Result<()> {
    refuse_links_above(path)?;
    make_parent(path)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(no_follow());
    io::Write::write_all(&mut options.open(path)?, bytes)
}

/// Removes a file, and the directories above it that hold nothing any more, up to the home.
pub(super) fn remove_with_empty_dirs(path: &Path, homes: &[(String, PathBuf)]) -> io::Result<()> {
    refuse_links_above(path)?;
    fs::remove_file(path)?;
    let inside = |dir: &&Path| homes.iter().any(|(_, home)| dir.starts_with(home) && *dir != home);
    for dir in path.ancestors().skip(1).take_while(inside) {
        match fs::remove_dir(dir) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The homes are told by real paths, so a path in one that is not real leads through a link.
fn refuse_links_above(path: &Path) -> io::Result<()> {
    let there = path.ancestors().skip(1).find(|dir| fs::symlink_metadata(dir).is_ok());
    match there {
        Some(dir) if dir.canonicalize()? != dir => {
            Err(io::Error::other(format!("{} leads through a link", dir.display())))
        }
        _ => Ok(()),
    }
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_with_the_directories_that_held_nothing_else() {
        let run = tempfile::tempdir().unwrap();
        let home = run.path().canonicalize().unwrap().join("home");
        let homes = [(String::new(), home.clone())];
        let (one, two) = (home.join("sessions/2026/01/a"), home.join("sessions/2026/02/b"));
        write_regular(&one, b"one").unwrap();
        write_regular(&two, b"two").unwrap();
        remove_with_empty_dirs(&one, &homes).unwrap();
        assert!(!home.join("sessions/2026/01").exists() && two.is_file());
        remove_with_empty_dirs(&two, &homes).unwrap();
        assert!(!home.join("sessions").exists() && home.is_dir());
    }

    #[test]
    fn no_link_is_followed() {
        let run = tempfile::tempdir().unwrap();
        let run = run.path().canonicalize().unwrap();
        fs::create_dir(run.join("outside")).unwrap();
        fs::write(run.join("outside/a"), "kept").unwrap();
        fs::create_dir(run.join("home")).unwrap();
        std::os::unix::fs::symlink(run.join("outside"), run.join("home/sessions")).unwrap();
        std::os::unix::fs::symlink(run.join("outside/a"), run.join("home/b")).unwrap();
        for path in ["home/sessions/a", "home/b"] {
            let path = run.join(path);
            assert!(read_regular(&path).is_err() && write_regular(&path, b"").is_err(), "{}", path.display());
        }
        assert_eq!(fs::read(run.join("outside/a")).unwrap(), b"kept");
        copy(&run.join("home"), &run.join("copied"), DEPTH).unwrap();
        assert_eq!(fs::read_dir(run.join("copied")).unwrap().count(), 0);
    }
}
