//! The step `power-loss`: the machine stops, and the home becomes what such an end leaves.
//!
//! Every life is ended at once; then what the injector saw of them is replayed ([`Written`]), and the session files are
//! made what a loss leaves of them. Nothing is guessed: where a file is not what was seen written, something was written
//! past the injector, and the step stops the run, because what a power loss would have left of it nobody knows.
//!
//! Only what the loss changes is touched, and what the story has changed since the last death is left alone. No link is
//! followed. What is taken is no loss that a server is excused for: what it acknowledged it should have synced, so the
//! journal names nothing as destroyed.
//!
//! Codex's sqlite files are no session files: they may stay, be gone, or be as they were a life ago.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::story::{Stop, Story};
use crate::fault::plan::Watched;
use crate::fault::power::Written;
use crate::journal::{BlobStore, DamageDone, Kind, Lane, SESSION_DIRS, Snapshot, SnapshotWhen};
use crate::limits::BLOB_BYTES;
use crate::scenario::{PowerLoss, Sqlite, StepKind};
use crate::target::Target;

/// Deepest directory in which a sqlite file is looked for.
const DEPTH: usize = 4;
/// Files that a message names.
const NAMED: usize = 3;

/// The sqlite files of all homes, by their paths.
pub(super) type SqliteFiles = BTreeMap<PathBuf, Vec<u8>>;

impl<T: Target> Story<T> {
    /// Stops the machine.
    pub(super) async fn power_loss(&mut self, step: &PowerLoss) -> Result<(), Stop> {
        if self.scenario.watches() == Watched::Nothing {
            let text = "the lives before this power loss were not watched, so nobody knows what they have synced; say \
                        `needs = [\"power-loss\"]` before the first of them begins";
            return Err(Stop(text.to_owned()));
        }
        self.stop_all().await?;
        let written = self.written()?;
        let (now, left) = (written.now(), written.after(step.loss));
        let mutator = format!("power-loss: {}", step.loss);
        for told in now.keys().chain(left.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (now.get(told), left.get(told));
            if before != after {
                let path = self.homes.find(told).ok_or_else(|| Stop(format!("`{told}` lies in no home of the run")))?;
                self.lose(&path, before.map(Vec::as_slice), after.map(Vec::as_slice), &mutator)?;
            }
        }
        self.lose_sqlite(step.sqlite)
    }

    /// What the lives have written, up to the death of the last of them.
    fn written(&self) -> Result<Written, Stop> {
        let events = self.journal.events();
        let at_death = |kind: &Kind| matches!(kind, Kind::Snapshot(shown) if shown.when == SnapshotWhen::Death);
        let Some(last) = events.iter().rposition(|event| at_death(&event.kind)) else { return Ok(Written::default()) };
        let written = Written::replay(events.iter().take(last), &BlobStore::new(self.journal.dir()));
        let unseen = match events.get(last).map(|event| &event.kind) {
            Some(Kind::Snapshot(shown)) => unseen(&written, shown),
            _ => Vec::new(),
        };
        if unseen.is_empty() {
            return Ok(written);
        }
        let named: Vec<&str> = unseen.iter().take(NAMED).map(String::as_str).collect();
        let more = if unseen.len() > NAMED { format!(" and {} more", unseen.len() - NAMED) } else { String::new() };
        Err(Stop(format!(
            "what a power loss leaves cannot be told, because the target wrote session files in a way that was not seen: \
             {}{more}; leave the power loss out for this target",
            named.join(", ")
        )))
    }

    /// Makes one file what the loss leaves of it, unless it is not what the lives have left.
    fn lose(&self, path: &Path, before: Option<&[u8]>, after: Option<&[u8]>, mutator: &str) -> Result<(), Stop> {
        let failed = |error: io::Error| Stop(format!("failed to take a power loss to {}: {error}", path.display()));
        let there = read_regular(path).map_err(failed)?;
        if there.as_deref() != before {
            return Ok(());
        }
        match after {
            Some(bytes) => write_regular(path, bytes),
            None => remove_with_empty_dirs(path, &self.homes.all()),
        }
        .map_err(failed)?;
        let state = |bytes: Option<&[u8]>| super::disk::state(bytes.unwrap_or_default());
        let done = DamageDone {
            path: self.told(path),
            thread: None,
            mutator: mutator.to_owned(),
            before: state(before),
            after: state(after),
            destroyed: Vec::new(),
        };
        self.journal.append(Lane::Player, Kind::Damage(done));
        Ok(())
    }

    /// Remembers the sqlite files as a life begins, where a step of the story may bring them back.
    pub(super) fn keep_sqlite(&mut self) -> Result<(), Stop> {
        let older = |what: &StepKind| matches!(what, StepKind::PowerLoss(loss) if loss.sqlite == Sqlite::Older);
        if self.scenario.steps.iter().any(|step| older(&step.what)) {
            self.sqlite = self.sqlite_files()?;
        }
        Ok(())
    }

    fn lose_sqlite(&self, what: Sqlite) -> Result<(), Stop> {
        let left = match what {
            Sqlite::Kept => return Ok(()),
            Sqlite::Deleted => &SqliteFiles::new(),
            Sqlite::Older => &self.sqlite,
        };
        let mutator = format!("power-loss: sqlite {}", if what == Sqlite::Older { "a life older" } else { "deleted" });
        let now = self.sqlite_files()?;
        for path in now.keys().chain(left.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (now.get(path), left.get(path));
            if before != after {
                self.lose(path, before.map(Vec::as_slice), after.map(Vec::as_slice), &mutator)?;
            }
        }
        Ok(())
    }

    fn sqlite_files(&self) -> Result<SqliteFiles, Stop> {
        let mut found = SqliteFiles::new();
        for (_, home) in self.homes.all() {
            let failed = |error| Stop(format!("failed to read the sqlite files of {}: {error}", home.display()));
            collect(&home, DEPTH, &mut found).map_err(failed)?;
        }
        Ok(found)
    }
}

/// What was written past the injector, or not to the end that it saw.
fn unseen(written: &Written, at_death: &Snapshot) -> Vec<String> {
    written.gaps().iter().cloned().chain(written.differs(at_death)).collect()
}

fn collect(dir: &Path, depth: usize, found: &mut SqliteFiles) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (kind, name, path) = (entry.file_type()?, entry.file_name(), entry.path());
        if kind.is_dir() && depth > 0 && !SESSION_DIRS.iter().any(|dir| name == *dir) {
            collect(&path, depth - 1, found)?;
        } else if kind.is_file() && name.to_string_lossy().contains(".sqlite") {
            found.extend(read_regular(&path)?.map(|bytes| (path, bytes)));
        }
    }
    Ok(())
}

/// The content of a file that is one; nothing of one that is not there. A link is an error.
fn read_regular(path: &Path) -> io::Result<Option<Vec<u8>>> {
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

fn write_regular(path: &Path, bytes: &[u8]) -> io::Result<()> {
    refuse_links_above(path)?;
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(no_follow());
    io::Write::write_all(&mut options.open(path)?, bytes)
}

/// Removes a file, and the directories above it that hold nothing any more, up to the home.
fn remove_with_empty_dirs(path: &Path, homes: &[(String, PathBuf)]) -> io::Result<()> {
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
    }

    #[test]
    fn sqlite_files_are_found_with_what_lies_beside_them() {
        let home = tempfile::tempdir().unwrap();
        for name in ["state_5.sqlite", "state_5.sqlite-wal", "sqlite/logs_2.sqlite", "sessions/a.sqlite", "config.toml"]
        {
            write_regular(&home.path().canonicalize().unwrap().join(name), b"x").unwrap();
        }
        let mut found = SqliteFiles::new();
        collect(&home.path().canonicalize().unwrap(), DEPTH, &mut found).unwrap();
        let names: Vec<_> = found.keys().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["logs_2.sqlite", "state_5.sqlite", "state_5.sqlite-wal"]);
    }
}
