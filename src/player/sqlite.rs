//! The sqlite files that Codex keeps beside its rollouts, and what a story does to them.
//!
//! They hold nothing that is not in the rollouts, but a server may believe them all the same: an older copy, one that is
//! garbage, or one that knows of files that are elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::files::{read_regular, remove_with_empty_dirs, state, write_regular};
use super::story::{Stop, Story};
use crate::journal::SESSION_DIRS;
use crate::scenario::{FileStep, PowerLoss, Sqlite, StepKind};
use crate::target::Target;

/// Deepest directory in which a sqlite file is looked for.
const DEPTH: usize = 4;
/// What garbage is; longer than a page of a database.
const GARBAGE: &[u8] = &[b'~'; 8192];

/// The sqlite files of all homes, by their paths.
pub(super) type SqliteFiles = BTreeMap<PathBuf, Vec<u8>>;

impl<T: Target> Story<T> {
    /// Remembers them as a life begins, where a step of the story may bring them back.
    pub(super) fn keep_sqlite(&mut self) -> Result<(), Stop> {
        let older = |what: &StepKind| {
            matches!(
                what,
                StepKind::PowerLoss(PowerLoss { sqlite: Sqlite::Older, .. })
                    | StepKind::File(FileStep::Sqlite(Sqlite::Older))
            )
        };
        if self.scenario.steps.iter().any(|step| older(&step.what)) {
            self.sqlite = self.sqlite_files()?;
        }
        Ok(())
    }

    /// Does that to all of them; `label` is what the journal calls it.
    pub(super) fn change_sqlite(&self, what: Sqlite, label: &str) -> Result<(), Stop> {
        let now = self.sqlite_files()?;
        let (left, name) = match what {
            Sqlite::Kept => return Ok(()),
            Sqlite::Deleted => (SqliteFiles::new(), "deleted"),
            Sqlite::Older => (self.sqlite.clone(), "older"),
            Sqlite::Garbage => (
                now.keys().filter(|path| is_main(path)).map(|path| (path.clone(), GARBAGE.to_vec())).collect(),
                "garbage",
            ),
        };
        for path in now.keys().chain(left.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (now.get(path), left.get(path));
            if before == after {
                continue;
            }
            match after {
                Some(bytes) => write_regular(path, bytes),
                None => remove_with_empty_dirs(path, &self.homes.all()),
            }
            .map_err(|error| Stop(format!("failed to change {}: {error}", path.display())))?;
            let state = |bytes: Option<&Vec<u8>>| state(bytes.map(Vec::as_slice).unwrap_or_default());
            self.changed(path, &format!("{label} {name}"), state(before), state(after));
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

/// The database itself, and not its log or its index.
fn is_main(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "sqlite")
}

fn collect(dir: &Path, depth: usize, found: &mut SqliteFiles) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        // A home may have been moved away.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_files_are_found_with_what_lies_beside_them() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        for name in ["state_5.sqlite", "state_5.sqlite-wal", "sqlite/logs_2.sqlite", "sessions/a.sqlite", "config.toml"]
        {
            write_regular(&home.join(name), b"x").unwrap();
        }
        let mut found = SqliteFiles::new();
        collect(&home, DEPTH, &mut found).unwrap();
        let names: Vec<_> = found.keys().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["logs_2.sqlite", "state_5.sqlite", "state_5.sqlite-wal"]);
        assert_eq!(found.keys().filter(|path| is_main(path)).count(), 2);
        collect(&home.join("gone"), DEPTH, &mut found).unwrap();
    }
}
