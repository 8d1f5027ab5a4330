//! Codex releases from npm, installed once and kept.
//!
//! A release lies in `codex/<version>/` of a cache, as `npm install --prefix` leaves it. It is installed into a
//! directory of its own beside that and renamed into place when it is whole, so a reader never sees half of one; a lock
//! file lets one process install while others wait for its result. What an installer that died left behind is cleared by
//! the next one of the same release.
//!
//! A release counts as whole if its binary is there and either our completion marker or npm's own (the lock file that
//! npm writes last) is; anything less is replaced. Install scripts are not run. npm runs with the caller's environment
//! and configuration, for it may need a proxy or a registry of theirs: installing is no part of a run.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::bounded::{Ran, run};
use super::native;
use super::version::Version;
use crate::limits::INSTALL_MS;

/// A Codex that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its version.
    pub version: Version,
    /// Its native binary.
    pub native: PathBuf,
}

/// Why there is no Codex to start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// No place for the cache.
    #[error("there is no place for downloaded releases; set REHYDRA_CACHE to a directory")]
    NoCache,
    /// npm is missing.
    #[error(
        "npm is needed to install Codex {0} and is not on PATH; install Node.js, or put that release's `codex` on PATH \
         and use the target `codex`"
    )]
    NpmMissing(Version),
    /// npm failed.
    #[error(
        "npm could not install Codex {version}: {said}; `npm view @openai/codex versions` lists what there is, \
         without a network only releases in {} can be used", cache.display()
    )]
    NpmFailed {
        /// What was to be installed.
        version: Version,
        /// The last lines that npm printed.
        said: String,
        /// Where releases are kept.
        cache: PathBuf,
    },
    /// npm took too long.
    #[error("npm did not install Codex {0} within {limit} s; check the network and try again", limit = INSTALL_MS / 1000)]
    TimedOut(Version),
    /// Another process holds the lock for too long.
    #[error("another process has been installing Codex {version} for too long; end it, it holds {}", lock.display())]
    Locked {
        /// What is being installed.
        version: Version,
        /// The lock file.
        lock: PathBuf,
    },
    /// The release has no binary for this machine.
    #[error("Codex {version} has no binary for {} in {}; choose another release", std::env::consts::ARCH, dir.display())]
    NoBinary {
        /// Which release.
        version: Version,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// No `codex` on PATH.
    #[error("there is no `codex` on PATH; install it, or name a release as codex@VERSION")]
    NotOnPath,
    /// A `codex` that does not tell its version.
    #[error("{} does not tell a Codex version ({text}); put another `codex` first on PATH, or name a release as codex@VERSION", native.display())]
    NoVersion {
        /// The program.
        native: PathBuf,
        /// What it said instead.
        text: String,
    },
    /// The cache cannot be used.
    #[error("failed to {what} {}: {source}; check the directory or set REHYDRA_CACHE to another", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Installs a release into the user's cache, or finds it there. Blocks for at most twice [`INSTALL_MS`].
pub fn ensure(version: Version) -> Result<Installed, InstallError> {
    Cache::of_user().ok_or(InstallError::NoCache)?.ensure(version)
}

/// The `codex` on PATH: the native binary behind it, and its version. Blocks for as long as that takes to tell it.
pub fn find_on_path() -> Result<Installed, InstallError> {
    native::on_path(&std::env::var_os("PATH").unwrap_or_default())
}

/// The Codex at a path: the native binary behind it, and its version.
pub fn at(path: &Path) -> Result<Installed, InstallError> {
    native::at(path)
}

/// Where releases are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    npm: PathBuf,
}

/// In a release's directory: it is whole.
const MARKER: &str = ".rehydra-complete";
/// npm writes this when everything else is in place.
const NPM_MARKER: &str = "node_modules/.package-lock.json";

impl Cache {
    /// A cache in `root`, filled by the program `npm`.
    pub fn new(root: PathBuf, npm: PathBuf) -> Cache {
        Cache { root, npm }
    }

    /// `$REHYDRA_CACHE`, else `$XDG_CACHE_HOME/rehydra`, else `~/.cache/rehydra`; empty variables count as unset.
    pub fn of_user() -> Option<Cache> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("REHYDRA_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").filter(|dir| dir.is_absolute()).map(|dir| dir.join("rehydra")))
            .or_else(|| set("HOME").map(|dir| dir.join(".cache/rehydra")))?;
        // npm runs in a directory of its own, so a relative path would come to mean another one.
        Some(Cache::new(std::path::absolute(root).ok()?, PathBuf::from("npm")))
    }

    /// The directory of the cache, there or not.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Installs a release, or finds it installed.
    pub fn ensure(&self, version: Version) -> Result<Installed, InstallError> {
        if let Some(installed) = self.marked(version) {
            return Ok(installed);
        }
        let releases = self.releases();
        fs::create_dir_all(&releases).map_err(failed("make", &releases))?;
        let _lock = self.lock(version)?;
        // Somebody else may have installed it while we waited.
        if let Some(installed) = self.marked(version) {
            return Ok(installed);
        }
        self.clear_leftovers(version);
        let dir = self.dir(version);
        if dir.join(NPM_MARKER).is_file() && native::in_node_modules(&dir.join("node_modules")).is_some() {
            mark(&dir)?;
        } else {
            self.install(version)?;
        }
        self.marked(version).ok_or(InstallError::NoBinary { version, dir })
    }

    fn releases(&self) -> PathBuf {
        self.root.join("codex")
    }

    fn dir(&self, version: Version) -> PathBuf {
        self.releases().join(version.to_string())
    }

    fn marked(&self, version: Version) -> Option<Installed> {
        let dir = self.dir(version);
        if !dir.join(MARKER).is_file() {
            return None;
        }
        let native = native::in_node_modules(&dir.join("node_modules"))?;
        Some(Installed { version, native })
    }

    /// A release that `ensure` would use as it lies there.
    pub(super) fn whole(&self, version: Version) -> Option<Installed> {
        let dir = self.dir(version);
        if !dir.join(MARKER).is_file() && !dir.join(NPM_MARKER).is_file() {
            return None;
        }
        let native = native::in_node_modules(&dir.join("node_modules"))?;
        Some(Installed { version, native })
    }

    fn lock(&self, version: Version) -> Result<File, InstallError> {
        let path = self.releases().join(format!(".{version}.lock"));
        let file = File::options().append(true).create(true).open(&path).map_err(failed("open", &path))?;
        let (done, waited) = mpsc::channel();
        // The kernel's lock has no deadline; a thread that waits for one can be left behind.
        std::thread::spawn(move || done.send(file.lock().map(|()| file)));
        match waited.recv_timeout(Duration::from_millis(INSTALL_MS)) {
            Ok(locked) => locked.map_err(failed("lock", &path)),
            Err(_) => Err(InstallError::Locked { version, lock: path }),
        }
    }

    fn scratch_prefix(version: Version) -> String {
        format!(".install-{version}-")
    }

    /// Removes what installers of this release left that died. Called under its lock, so nobody works there.
    fn clear_leftovers(&self, version: Version) {
        let prefix = Cache::scratch_prefix(version);
        let Ok(entries) = fs::read_dir(self.releases()) else { return };
        for entry in entries.flatten().filter(|e| e.file_name().to_string_lossy().starts_with(&prefix)) {
            // What cannot be removed only takes up room; the next installer tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    fn install(&self, version: Version) -> Result<(), InstallError> {
        let releases = self.releases();
        let scratch = tempfile::Builder::new()
            .prefix(&Cache::scratch_prefix(version))
            .tempdir_in(&releases)
            .map_err(failed("make a directory in", &releases))?;
        let fresh = scratch.path().join("new");
        fs::create_dir(&fresh).map_err(failed("make", &fresh))?;
        self.run_npm(version, &fresh)?;
        if native::in_node_modules(&fresh.join("node_modules")).is_none() {
            return Err(InstallError::NoBinary { version, dir: self.dir(version) });
        }
        mark(&fresh)?;
        let dir = self.dir(version);
        match fs::rename(&dir, scratch.path().join("old")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("replace", &dir)(error)),
            _ => {}
        }
        fs::rename(&fresh, &dir).map_err(failed("move a release to", &dir))
    }

    fn run_npm(&self, version: Version, into: &Path) -> Result<(), InstallError> {
        let mut command = Command::new(&self.npm);
        command
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(into)
            .arg(format!("@openai/codex@{version}"))
            .current_dir(into);
        match run(&mut command, Duration::from_millis(INSTALL_MS)) {
            Ok(Ran { status: Some(status), .. }) if status.success() => Ok(()),
            Ok(Ran { status: None, .. }) => Err(InstallError::TimedOut(version)),
            Ok(Ran { output, .. }) => {
                Err(InstallError::NpmFailed { version, said: last_lines(&output), cache: self.releases() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(InstallError::NpmMissing(version)),
            Err(error) => Err(failed("run", &self.npm)(error)),
        }
    }
}

fn mark(dir: &Path) -> Result<(), InstallError> {
    let marker = dir.join(MARKER);
    fs::write(&marker, "").map_err(failed("write", &marker))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |source| InstallError::Io { what, path, source }
}

// Warnings and the name of npm's log file, which nobody has who reads a report, do not say why it failed.
fn last_lines(output: &str) -> String {
    let noise = ["npm warn", "npm WARN", "npm error A complete log of this run"];
    let telling = |line: &&str| !line.is_empty() && !noise.iter().any(|start| line.starts_with(start));
    let lines: Vec<_> = output.lines().map(str::trim).filter(telling).collect();
    if lines.is_empty() {
        return "it did not say why".to_owned();
    }
    lines[lines.len().saturating_sub(4)..].join(" / ")
}
