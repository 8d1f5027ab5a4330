//! What a server writes: the files below its run's directory, links not followed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::limits::SURVEY_FILES;

/// Deepest directory that is looked into.
const DEPTH: usize = 12;

/// Every regular file below `dir`, by its path below it, sorted.
pub(super) fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(dir, dir, DEPTH, &mut found);
    found.sort();
    found
}

fn collect(top: &Path, dir: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            collect(top, &entry.path(), depth - 1, into);
        } else if kind.is_file() && into.len() < SURVEY_FILES {
            into.extend(entry.path().strip_prefix(top).map(Path::to_owned));
        }
    }
}

/// A file of a server as a profile names it: `{home}/sessions/…` for what lies in `CODEX_HOME`. `None` for what is the
/// harness's own or only temporary.
pub(super) fn shown(path: &Path) -> Option<String> {
    let first = path.iter().next()?.to_str()?;
    let rest = path.strip_prefix(first).ok()?;
    match first {
        "home" => Some(format!("{{home}}/{}", rest.display())),
        "project" => Some(format!("{{cwd}}/{}", rest.display())),
        "user" => Some(format!("{{run}}/{}", path.display())),
        life if life.starts_with("life-") => Some(format!("{{run}}/{}", path.display())),
        _ => None,
    }
}

/// Whether one of these files is a rollout of Codex, where Codex keeps them.
pub(super) fn are_rollouts(files: &[String]) -> bool {
    let is_one = |file: &String| {
        let name = file.strip_prefix("{home}/sessions/").and_then(|rest| rest.rsplit('/').next());
        name.is_some_and(|name| name.starts_with("rollout-") && name.ends_with(".jsonl"))
    };
    files.iter().any(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_the_directory_that_a_profile_knows() {
        let shown = |path: &str| super::shown(Path::new(path));
        assert_eq!(shown("home/db/a.json").as_deref(), Some("{home}/db/a.json"));
        assert_eq!(shown("user/.ask/a").as_deref(), Some("{run}/user/.ask/a"));
        assert_eq!(shown("project/a").as_deref(), Some("{cwd}/a"));
        assert_eq!(shown("life-1/a").as_deref(), Some("{run}/life-1/a"));
        assert_eq!((shown("journal.jsonl"), shown("tmp/a")), (None, None));
    }

    #[test]
    fn a_rollout_is_told_by_its_place_and_its_name() {
        let are = |file: &str| are_rollouts(&[file.to_owned()]);
        assert!(are("{home}/sessions/2026/01/02/rollout-2026-01-02T03-04-05-x.jsonl"));
        assert!(!are("{home}/sessions/2026/01/02/notes.jsonl"));
        assert!(!are("{run}/user/.codex/sessions/rollout-x.jsonl"));
    }

    #[test]
    fn links_lead_nowhere() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(dir.path().join("a/b")).expect("made");
        fs::write(dir.path().join("a/b/c"), "").expect("written");
        std::os::unix::fs::symlink("/", dir.path().join("root")).expect("linked");
        assert_eq!(below(dir.path()), [PathBuf::from("a/b/c")]);
    }
}
