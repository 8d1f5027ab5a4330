//! Codex on this machine: on PATH, in the cache, and whether more of it can be had.

use std::path::Path;

use rustix::fs::{Access, access};

use super::finding::{Finding, bytes};
use super::machine::nearest;
use crate::codex::install::{Cache, InstallError, find_on_path};
use crate::codex::inventory::{self, Size};
use crate::codex::version::Version;

const NAME: &str = "codex";

/// Codex itself, the cache and npm. None of them is needed for our own server or a foreign one.
pub(super) fn codex(findings: &mut Vec<Finding>) {
    on_path(findings);
    match Cache::of_user() {
        Some(cache) => cached(findings, &cache),
        None => {
            let help = "set HOME, or REHYDRA_CACHE to a directory";
            findings.push(Finding::warn("cache", "there is no place for downloaded releases", help));
        }
    }
    npm(findings);
}

fn on_path(findings: &mut Vec<Finding>) {
    let name = "`codex@VERSION` installs a release of its own";
    findings.push(match find_on_path() {
        Ok(found) => {
            let text = format!("{} on PATH, {}: {}", found.version, found.native.display(), dialects(found.version));
            Finding::ok(NAME, text)
        }
        Err(InstallError::NotOnPath) => {
            Finding::ok(NAME, format!("none on PATH, so the target `codex` is not there; {name}"))
        }
        Err(error) => Finding::warn(NAME, error.to_string(), name),
    });
}

/// What a release can be spoken to through, as its targets are named.
fn dialects(version: Version) -> String {
    let ways = [
        (version.has_mcp_server(), "mcp"),
        (version.has_app_server(), "app-server"),
        (version.has_fork(), "app-server:fork"),
    ];
    let has: Vec<&str> = ways.into_iter().filter_map(|(has, way)| has.then_some(way)).collect();
    if has.is_empty() { "nothing that a run can speak to".to_owned() } else { has.join(", ") }
}

fn cached(findings: &mut Vec<Finding>, cache: &Cache) {
    for found in cache.installed() {
        findings.push(Finding::ok(NAME, format!("{} in the cache: {}", found.version, dialects(found.version))));
    }
    let shown = cache.root().display();
    findings.push(match writable(cache.root()) {
        Ok(()) => {
            let Size { bytes: n, more } = cache.size();
            let more = if more { "more than " } else { "" };
            Finding::ok("cache", format!("{shown}, {more}{}", bytes(n)))
        }
        Err(why) => {
            let help = "make it writable, or set REHYDRA_CACHE to another directory";
            Finding::warn("cache", format!("nothing can be installed into {shown}: {why}"), help)
        }
    });
}

fn writable(root: &Path) -> Result<(), String> {
    let there = nearest(root).ok_or("it cannot be made")?;
    if !there.is_dir() {
        return Err(format!("{} is no directory", there.display()));
    }
    access(&there, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| error.to_string())
}

fn npm(findings: &mut Vec<Finding>) {
    let help = "install Node.js; without npm only the releases that are here already can be targets";
    let path = std::env::var_os("PATH").unwrap_or_default();
    findings.push(match inventory::program_on(&path, "npm") {
        None => Finding::warn("npm", "not on PATH, so no release of Codex can be installed", help),
        Some(npm) => match inventory::version_line(&npm) {
            Ok(version) => Finding::ok("npm", format!("{version}, {}", npm.display())),
            Err(why) => Finding::warn("npm", format!("{} does not work: {why}", npm.display()), help),
        },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_told_with_the_ways_to_speak_to_it() {
        let ways = |text: &str| dialects(text.parse().expect("a version"));
        assert_eq!(ways("0.153.4"), "mcp, app-server, app-server:fork");
        assert_eq!(ways("0.169.0"), "app-server, app-server:fork");
        assert_eq!(ways("0.55.0"), "mcp");
    }

    #[test]
    fn a_cache_below_a_file_is_told() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(writable(&file.path().join("cache")).is_err_and(|why| why.contains("no directory")));
    }
}
