//! Suites on disk: files and directories of scenarios.
//!
//! A directory is walked in the order of names, so that the same directory always gives the same suite. Its scenarios
//! are the regular files that end in `.toml`; names that begin with a dot, `baseline.toml` and `rehydra.toml` are not
//! scenarios. A symbolic link inside a directory is followed only to a file below the directory: a suite is what
//! somebody named on the command line and nothing else. Files, depth and sizes are limited.
//!
//! Everything that is wrong comes back together, over all files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostics;
use super::profile::PROFILES_FILE;
use super::types::Scenario;
use crate::limits;

/// Name of a suite's baseline at its root.
pub const BASELINE_FILE: &str = "baseline.toml";

/// Why a suite cannot be used: one entry for each file.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct LoadError {
    /// In the order in which they were met.
    pub problems: Vec<Problem>,
}

/// What is wrong with one file of a suite.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It cannot be read at all.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why, and what to do.
        text: String,
    },
    /// It is not a sound scenario.
    Unsound(Diagnostics),
}

impl LoadError {
    /// The text for a person: plain, or `styled` with colours of the terminal.
    pub fn render(&self, styled: bool) -> String {
        self.problems.iter().map(|problem| problem.render(styled)).collect::<Vec<_>>().join("\n\n")
    }
}

impl Problem {
    /// The text for a person: plain, or `styled` with colours of the terminal.
    pub fn render(&self, styled: bool) -> String {
        match self {
            Problem::Unreadable { path, text } => {
                let text = format!("{} {text}", path.display());
                let help = "name scenario files (`.toml`), or directories that hold some";
                Diagnostics::refusal("", text, help).render(styled)
            }
            Problem::Unsound(diagnostics) => diagnostics.render(styled),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// The baseline that `path` is judged by: that at the root of the suite, which a directory is itself. A file's suite is the
/// nearest directory above it that holds one, but none above the root of the project that the file belongs to.
pub fn baseline_of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.join(BASELINE_FILE)).filter(|file| file.is_file());
    }
    suite_of(&fs::canonicalize(path).ok()?).map(|root| root.join(BASELINE_FILE))
}

/// The root of the suite that a file belongs to.
fn suite_of(real: &Path) -> Option<&Path> {
    for dir in real.ancestors().skip(1).take(limits::SUITE_DEPTH) {
        if dir.join(BASELINE_FILE).is_file() {
            return Some(dir);
        }
        if dir.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Reads the scenarios that `paths` name: a file is one scenario, a directory all of those below it. They come in the
/// order of the paths and within a path in the order of names; a file that is named twice comes once. A scenario is named by
/// its path below the root of its suite, so that its baseline knows it whether it is played alone or with the others.
///
/// # Errors
///
/// Everything that is wrong with any of them, and a path or a directory without scenarios.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Scenario>, LoadError> {
    let mut walk = Walk::default();
    for path in paths {
        if let Err(error) = walk.root(path) {
            walk.refuse(path, format!("cannot be read: {error}"));
        }
    }
    let Walk { found, mut problems, .. } = walk;
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for Found { name, path } in found {
        if let Some(other) = names.get(&name) {
            let text = format!("has the name `{name}`, which {} has too; rename one of them", other.display());
            problems.push(Problem::Unreadable { path, text });
            continue;
        }
        match text_of(&path) {
            Ok(source) => match Scenario::parse(&name, Some(&path), &source) {
                Ok(scenario) => scenarios.push(scenario),
                Err(diagnostics) => problems.push(Problem::Unsound(diagnostics)),
            },
            Err(error) => {
                problems.push(Problem::Unreadable { path: path.clone(), text: format!("cannot be read: {error}") })
            }
        }
        names.insert(name, path);
    }
    if problems.is_empty() { Ok(scenarios) } else { Err(LoadError { problems }) }
}

/// Text of a regular file of at most [`limits::SCENARIO_BYTES`]; one byte more is read, so that the parser can refuse it.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let limit = u64::try_from(limits::SCENARIO_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        io::Error::other(format!("it is not UTF-8 at byte {byte}; save it as UTF-8"))
    })
}

/// The name of the scenario at a path below a suite's root, `/` between parts; `None` if no scenario is there.
pub(super) fn is_scenario(path: &str) -> Option<&str> {
    let hidden = path.split('/').any(|part| part.starts_with('.'));
    let other = path == BASELINE_FILE || path == PROFILES_FILE;
    path.strip_suffix(".toml").filter(|name| !hidden && !other && !name.ends_with('/') && !name.is_empty())
}

struct Found {
    name: String,
    path: PathBuf,
}

#[derive(Default)]
struct Walk {
    found: Vec<Found>,
    /// Real paths of what was found.
    seen: BTreeSet<PathBuf>,
    problems: Vec<Problem>,
}

impl Walk {
    fn refuse(&mut self, path: &Path, text: String) {
        self.problems.push(Problem::Unreadable { path: path.to_owned(), text });
    }

    fn root(&mut self, path: &Path) -> io::Result<()> {
        let real = fs::canonicalize(path)?;
        if !fs::metadata(&real)?.is_dir() {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let below =
                suite_of(&real).and_then(|root| real.strip_prefix(root).ok()).map(|path| path.to_string_lossy());
            let name = below.as_deref().and_then(is_scenario).map_or(stem, str::to_owned);
            self.file(name, path.to_owned(), real);
            return Ok(());
        }
        let (before, problems) = (self.seen.len(), self.problems.len());
        self.directory(path, &real, "", 0)?;
        if self.seen.len() == before && self.problems.len() == problems {
            self.refuse(path, "holds no scenario: no file below it ends in `.toml`".to_owned());
        }
        Ok(())
    }

    fn file(&mut self, name: String, path: PathBuf, real: PathBuf) {
        if self.seen.insert(real) {
            self.found.push(Found { name, path });
        }
    }

    /// `below` is the path from the root, with a `/` behind it.
    fn directory(&mut self, dir: &Path, root: &Path, below: &str, depth: usize) -> io::Result<()> {
        if depth > limits::SUITE_DEPTH {
            self.refuse(dir, format!("lies more than {} directories below the suite's root", limits::SUITE_DEPTH));
            return Ok(());
        }
        let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let below = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type()?.is_dir() {
                self.directory(&path, root, &format!("{below}/"), depth + 1)?;
                continue;
            }
            let Some(name) = is_scenario(&below) else { continue };
            if self.found.len() >= limits::SUITE_FILES {
                self.refuse(&path, format!("is one file too many: a suite has at most {}", limits::SUITE_FILES));
                return Ok(());
            }
            match fs::canonicalize(&path) {
                Ok(real) if real.starts_with(root) => self.file(name.to_owned(), path, real),
                Ok(_) => {
                    self.refuse(&path, "leads out of the suite; name what it leads to on the command line".to_owned())
                }
                Err(error) => self.refuse(&path, format!("cannot be read: {error}")),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str =
        "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n[[step]]\ncodex = { prompt = \"Hello.\" }\n";

    fn suite(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("below the suite")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        dir
    }

    fn names(paths: &[PathBuf]) -> Vec<String> {
        load(paths).unwrap_or_else(|e| panic!("{e}")).into_iter().map(|s| s.name).collect()
    }

    #[test]
    fn a_directory_gives_its_scenarios_in_the_order_of_names() {
        let dir = suite(&[
            ("b.toml", SOUND),
            ("a/z.toml", SOUND),
            ("a/b/c.toml", SOUND),
            ("baseline.toml", ""),
            ("rehydra.toml", ""),
            (".hidden/x.toml", ""),
            ("notes.md", ""),
        ]);
        assert_eq!(names(&[dir.path().to_owned()]), ["a/b/c", "a/z", "b"]);
        assert_eq!(names(&[dir.path().join("a/z.toml"), dir.path().to_owned()]), ["a/z", "a/b/c", "b"]);
    }

    #[test]
    fn everything_wrong_is_told_over_all_files() {
        let dir = suite(&[("a.toml", "rehydra = 2"), ("b.toml", "rehydra = 3"), ("c.toml", SOUND)]);
        let gone = dir.path().join("gone.toml");
        let wrong = load(&[dir.path().to_owned(), gone]).expect_err("two are unsound and one is not there");
        let text = wrong.to_string();
        assert_eq!(wrong.problems.len(), 3);
        assert!(text.contains("a.toml:1:11") && text.contains("b.toml:1:11") && text.contains("gone.toml"), "{text}");
    }

    #[test]
    fn a_link_out_of_the_suite_is_refused_and_one_inside_is_no_second_scenario() {
        let outside = suite(&[("x.toml", SOUND)]);
        let dir = suite(&[("a.toml", SOUND)]);
        std::os::unix::fs::symlink(dir.path().join("a.toml"), dir.path().join("b.toml")).expect("a link");
        assert_eq!(names(&[dir.path().to_owned()]), ["a"]);
        std::os::unix::fs::symlink(outside.path().join("x.toml"), dir.path().join("c.toml")).expect("a link");
        std::os::unix::fs::symlink(outside.path(), dir.path().join("d")).expect("a link");
        let wrong = load(&[dir.path().to_owned()]).expect_err("a link leads out");
        assert!(wrong.to_string().contains("leads out of the suite"), "{wrong}");
    }

    #[test]
    fn what_is_no_text_of_the_right_size_is_refused() {
        let dir = suite(&[("big.toml", &"#".repeat(limits::SCENARIO_BYTES + 1))]);
        fs::write(dir.path().join("bytes.toml"), [0xff, 0xfe]).expect("a file");
        let text = load(&[dir.path().to_owned()]).expect_err("neither can be read").to_string();
        assert!(text.contains("too many") && text.contains("not UTF-8 at byte 0"), "{text}");
        let empty = suite(&[("notes.md", "")]);
        assert!(load(&[empty.path().to_owned()]).expect_err("nothing there").to_string().contains("no scenario"));
        assert!(load(&[PathBuf::from("/dev/null")]).expect_err("a device").to_string().contains("not a regular file"));
    }

    #[test]
    fn two_scenarios_cannot_share_a_name() {
        let (one, two) = (suite(&[("a.toml", SOUND)]), suite(&[("a.toml", SOUND)]));
        let wrong = load(&[one.path().to_owned(), two.path().to_owned()]).expect_err("one name, two files");
        assert!(wrong.to_string().contains("has the name `a`"), "{wrong}");
    }
}
