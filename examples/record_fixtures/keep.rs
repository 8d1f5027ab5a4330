//! What lies in a home, and how it gets into `fixtures/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rehydra::rollout::manifest::{Fixture, Manifest};

use crate::Fallible;
use crate::clean::Files;
use crate::recipes::RECIPES;

/// All rollouts of a home, by their path in it.
pub(crate) fn rollouts(codex_home: &Path) -> Fallible<Files> {
    let mut found = Files::new();
    let mut dirs = vec![codex_home.join("sessions"), codex_home.join("archived_sessions")];
    while let Some(dir) = dirs.pop() {
        if !dir.is_dir() {
            continue;
        }
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                found.insert(path.strip_prefix(codex_home)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// Waits until the rollouts hold a text: some releases answer before they have written.
pub(crate) fn wait_for(codex_home: &Path, text: &str) -> Fallible<()> {
    for _ in 0..600 {
        let holds = |bytes: &Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if rollouts(codex_home)?.values().any(holds) {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Err(format!("{text} was not written").into())
}

/// Waits until a tool whose command line holds a text runs, or no longer does.
pub(crate) fn wait_for_tool(text: &str, wanted: bool) -> Fallible<()> {
    for _ in 0..600 {
        let runs = |entry: fs::DirEntry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let shell = words.next().is_some_and(|program| program.ends_with("sh"));
            shell && words.any(|word| word.contains(text))
        };
        if fs::read_dir("/proc")?.flatten().any(runs) == wanted {
            return Ok(());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Err(format!("no tool began or ended with {text}").into())
}

/// The thread that a rollout's name says.
pub(crate) fn thread_of(path: &Path) -> Fallible<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // `rollout-`, the local time, `-`, and the id.
    name.get(28..64).map(str::to_owned).ok_or_else(|| format!("{} is no rollout", path.display()).into())
}

/// A recording: its entry, and its files as they are called beside the manifest.
pub(crate) struct Recorded {
    pub(crate) fixture: Fixture,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// Writes the files and replaces the entry in the manifest.
pub(crate) fn keep(dir: &Path, recorded: Recorded) -> Fallible<()> {
    let path = dir.join("manifest.json");
    let mut manifest: Manifest = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Manifest::default(),
    };
    manifest.fixtures.retain(|fixture| fixture.name != recorded.fixture.name);
    for (name, bytes) in recorded.files {
        fs::write(dir.join(name), bytes)?;
    }
    manifest.fixtures.push(recorded.fixture);
    manifest.fixtures.sort_by_key(|fixture| RECIPES.iter().position(|recipe| recipe.name == fixture.name));
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    Ok(fs::write(path, text)?)
}

/// The file that came since `before`: the one of the thread's name where several were moved, else the newest.
pub(crate) fn appeared(before: &Files, now: &Files, thread: Option<&Path>) -> Option<PathBuf> {
    let new: Vec<_> = now.keys().filter(|path| !before.contains_key(*path)).collect();
    let moved = new.iter().find(|path| path.file_name() == thread.and_then(Path::file_name));
    moved.or(new.last()).map(|path| path.to_path_buf())
}

/// How the files of a recording are called beside the manifest.
pub(crate) fn names(recipe: &str, thread: &Path, files: &Files) -> BTreeMap<PathBuf, String> {
    let name = |path: &Path, n: usize| {
        let text = path.display().to_string();
        let kind = if text.ends_with(".zst") { "jsonl.zst" } else { "jsonl" };
        if path == thread { format!("{recipe}.{kind}") } else { format!("{recipe}.base-{n}.{kind}") }
    };
    files
        .keys()
        .filter(|path| *path != thread)
        .chain([&thread.to_owned()])
        .enumerate()
        .map(|(n, path)| (path.clone(), name(path, n + 1)))
        .collect()
}
