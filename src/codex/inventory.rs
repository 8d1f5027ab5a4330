//! What of Codex is on this machine already: looked at, never installed, and without a network.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bounded::run;
use super::install::{Cache, Installed};
use super::native;
use crate::limits::{CACHE_FILES, PROBE_MS};

/// How much there is of something on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes in regular files.
    pub bytes: u64,
    /// There were more files than are counted, so it is more.
    pub more: bool,
}

impl Cache {
    /// The releases that are installed whole, the oldest first.
    pub fn installed(&self) -> Vec<Installed> {
        let Ok(entries) = fs::read_dir(self.root().join("codex")) else { return Vec::new() };
        let versions = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found: Vec<Installed> = versions.filter_map(|version| self.whole(version)).collect();
        found.sort_by_key(|installed| installed.version);
        found
    }

    /// What it takes up. Links are not followed.
    pub fn size(&self) -> Size {
        let mut size = Size::default();
        let mut left = CACHE_FILES;
        add(self.root(), &mut size, &mut left);
        size
    }
}

fn add(dir: &Path, size: &mut Size, left: &mut u32) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            size.more = true;
            return;
        }
        *left -= 1;
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => add(&entry.path(), size, left),
            Ok(meta) if meta.is_file() => size.bytes += meta.len(),
            _ => {}
        }
    }
}

/// The first program of that name on a PATH.
pub fn program_on(path: &OsStr, name: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join(name));
    found.into_iter().find(|file| native::is_executable(file))
}

/// The first line that a program prints when it is asked for its `--version`, control characters replaced. An error
/// says why there is none. Blocks for at most [`PROBE_MS`].
pub fn version_line(program: &Path) -> Result<String, String> {
    let ran = run(Command::new(program).arg("--version"), Duration::from_millis(PROBE_MS));
    let ran = ran.map_err(|error| error.to_string())?;
    let line = ran.output.lines().next().unwrap_or("it printed nothing").to_owned();
    match ran.status {
        None => Err(format!("no answer within {PROBE_MS} ms")),
        Some(status) if status.success() => Ok(line),
        Some(_) => Err(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codex::testing::script;

    fn cache() -> (tempfile::TempDir, Cache) {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::new(root.path().join("cache"), PathBuf::from("/nonexistent/npm"));
        (root, cache)
    }

    #[test]
    fn only_whole_releases_count() {
        let (_root, cache) = cache();
        assert_eq!((cache.installed(), cache.size()), (vec![], Size::default()));
        let platform = if cfg!(target_arch = "aarch64") { "codex-linux-arm64" } else { "codex-linux-x64" };
        for (version, marker) in [("0.169.0", true), ("0.9.0", true), ("0.130.0", false), ("notes", true)] {
            let dir = cache.root().join("codex").join(version);
            let vendor =
                format!("node_modules/@openai/{platform}/vendor/{}-unknown-linux-musl", std::env::consts::ARCH);
            fs::create_dir_all(dir.join(&vendor).join("bin")).unwrap();
            fs::write(dir.join(&vendor).join("bin/codex"), b"\x7fELF").unwrap();
            if marker {
                fs::write(dir.join(".rehydra-complete"), "").unwrap();
            }
        }
        let versions: Vec<String> = cache.installed().iter().map(|found| found.version.to_string()).collect();
        assert_eq!(versions, ["0.9.0", "0.169.0"]);
        assert_eq!(cache.size(), Size { bytes: 16, more: false });
    }

    #[test]
    fn counting_has_an_end() {
        let (_root, cache) = cache();
        fs::create_dir_all(cache.root()).unwrap();
        for n in 0..3 {
            fs::write(cache.root().join(n.to_string()), "x").unwrap();
        }
        let (mut size, mut left) = (Size::default(), 2);
        add(cache.root(), &mut size, &mut left);
        assert_eq!(size, Size { bytes: 2, more: true });
    }

    #[test]
    fn a_program_tells_its_version_or_why_not() {
        let (root, _) = cache();
        let npm = root.path().join("npm");
        script(&npm, "#!/bin/sh\n[ \"$1\" = --version ] && echo 10.9.2\n");
        assert_eq!(program_on(root.path().as_os_str(), "npm"), Some(npm.clone()));
        assert_eq!(version_line(&npm).as_deref(), Ok("10.9.2"));
        script(&npm, "#!/bin/sh\necho 'no \u{1b}[31mnode' >&2; exit 1\n");
        assert_eq!(version_line(&npm), Err("no \u{241b}[31mnode".to_owned()));
        assert_eq!(program_on(root.path().as_os_str(), "pnpm"), None);
        assert!(version_line(&root.path().join("gone")).is_err());
    }
}
