//! From an npm package, or a `codex` on PATH, to the native binary.
//!
//! What npm puts on PATH is a script that starts the binary as its child, so a signal to it would hit the wrong process.
//! The binary itself is static and stands in a `vendor` directory: of the package `@openai/codex-linux-…` in releases
//! from 0.105.0 on (seen), of `@openai/codex` itself in older ones; below the target triple in `codex/` (0.105.0,
//! 0.130.0) or in `bin/` (0.153.4, 0.169.0). Up to 0.36.0 the binaries of all platforms stand in the `bin/` of
//! `@openai/codex`, named after their triple.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::bounded::run;
use super::install::{InstallError, Installed};
use super::version::Version;
use crate::limits::PROBE_MS;

/// The native binary below a `node_modules` directory, if it is there.
pub(super) fn in_node_modules(node_modules: &Path) -> Option<PathBuf> {
    let scope = node_modules.join("@openai");
    let package = scope.join("codex");
    let platform = format!("codex-linux-{}", npm_arch());
    // npm hoists the platform's package beside the main one, or nests it below.
    let packages = [scope.join(&platform), package.join("node_modules/@openai").join(&platform), package];
    let vendored = packages.iter().find_map(|package| in_vendor(&package.join("vendor")));
    vendored.or_else(|| {
        let bin = scope.join("codex/bin");
        triples().iter().map(|triple| bin.join(format!("codex-{triple}"))).find(|file| is_elf(file))
    })
}

fn triples() -> [String; 2] {
    ["musl", "gnu"].map(|libc| format!("{}-unknown-linux-{libc}", std::env::consts::ARCH))
}

fn in_vendor(vendor: &Path) -> Option<PathBuf> {
    triples().iter().find_map(|triple| {
        let triple = vendor.join(triple);
        ["bin/codex", "codex/codex"].iter().map(|file| triple.join(file)).find(|file| is_elf(file))
    })
}

fn npm_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn is_elf(file: &Path) -> bool {
    let mut magic = [0; 4];
    let mut read = || -> std::io::Result<bool> {
        if !fs::metadata(file)?.is_file() {
            return Ok(false);
        }
        fs::File::open(file)?.read_exact(&mut magic)?;
        Ok(magic == *b"\x7fELF")
    };
    read().unwrap_or(false)
}

/// The first executable `codex` on a PATH, as the binary behind it, and its version.
pub(super) fn on_path(path: &OsStr) -> Result<Installed, InstallError> {
    let found = std::env::split_paths(path).filter(|dir| dir.is_absolute()).map(|dir| dir.join("codex"));
    let Some(found) = found.into_iter().find(|file| is_executable(file)) else {
        return Err(InstallError::NotOnPath);
    };
    at(&found)
}

/// The Codex at a path, as the binary behind it, and its version.
pub(super) fn at(found: &Path) -> Result<Installed, InstallError> {
    let native = behind_script(found).unwrap_or_else(|| found.to_owned());
    let version = tell_version(&native)?;
    Ok(Installed { version, native })
}

pub(super) fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

// npm's script is `node_modules/@openai/codex/bin/codex.js`. Anything else, a wrapper of a user's own too, is used as it is.
fn behind_script(found: &Path) -> Option<PathBuf> {
    let script = found.canonicalize().ok()?;
    if !script.ends_with("@openai/codex/bin/codex.js") {
        return None;
    }
    in_node_modules(script.ancestors().nth(4)?)
}

/// Asks a binary for its version: `codex-cli 0.153.4`.
fn tell_version(native: &Path) -> Result<Version, InstallError> {
    let failed = |text: String| InstallError::NoVersion { native: native.to_owned(), text };
    let mut command = Command::new(native);
    let ran = run(command.arg("--version"), Duration::from_millis(PROBE_MS)).map_err(|e| failed(e.to_string()))?;
    if ran.status.is_none() {
        return Err(failed(format!("no answer within {PROBE_MS} ms")));
    }
    let version = ran.output.lines().find_map(|line| line.strip_prefix("codex-cli ")?.trim().parse().ok());
    version.ok_or_else(|| failed(ran.output.lines().next().unwrap_or("it printed nothing").to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::codex::testing::script;

    fn place(file: &Path, text: &[u8]) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn triple() -> String {
        format!("vendor/{}-unknown-linux-musl", std::env::consts::ARCH)
    }

    #[test]
    fn finds_the_binary_in_every_layout() {
        let hoisted = format!("@openai/codex-linux-{}", npm_arch());
        let nested = format!("@openai/codex/node_modules/{hoisted}");
        for package in [hoisted.as_str(), nested.as_str(), "@openai/codex"] {
            for file in ["bin/codex", "codex/codex"] {
                let modules = tempfile::tempdir().unwrap();
                let native = modules.path().join(package).join(triple()).join(file);
                place(&native, b"#!/bin/sh\n");
                assert_eq!(in_node_modules(modules.path()), None, "a script is no binary");
                place(&native, b"\x7fELF and more");
                assert_eq!(in_node_modules(modules.path()), Some(native));
            }
        }
        let modules = tempfile::tempdir().unwrap();
        let name = format!("@openai/codex/bin/codex-{}-unknown-linux-musl", std::env::consts::ARCH);
        let native = modules.path().join(name);
        place(&native, b"\x7fELF");
        assert_eq!(in_node_modules(modules.path()), Some(native));
    }

    #[test]
    fn looks_through_npms_script_on_path() {
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().canonicalize().unwrap().join("lib/node_modules");
        let script = modules.join("@openai/codex/bin/codex.js");
        place(&script, b"#!/usr/bin/env node\n");
        let native = modules.join(format!("@openai/codex-linux-{}", npm_arch())).join(triple()).join("bin/codex");
        place(&native, b"\x7fELF");
        let link = root.path().join("bin/codex");
        fs::create_dir_all(root.path().join("bin")).unwrap();
        symlink(&script, &link).unwrap();
        assert_eq!(behind_script(&link), Some(native));
    }

    #[test]
    fn takes_the_first_executable_on_path_and_asks_it() {
        let root = tempfile::tempdir().unwrap();
        place(&root.path().join("a/codex"), b"");
        fs::set_permissions(root.path().join("a/codex"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::create_dir(root.path().join("b")).unwrap();
        script(&root.path().join("b/codex"), "#!/bin/sh\necho codex-cli 0.130.0\n");
        let path = std::env::join_paths([root.path().join("a"), root.path().join("b")]).unwrap();
        let found = on_path(&path).unwrap();
        assert_eq!(found.native, root.path().join("b/codex"));
        assert_eq!(found.version, Version::new(0, 130, 0));
    }

    #[test]
    fn says_what_to_do_when_there_is_none_or_it_is_something_else() {
        let root = tempfile::tempdir().unwrap();
        let error = on_path(root.path().as_os_str()).unwrap_err().to_string();
        assert!(error.contains("codex@VERSION"), "{error}");
        script(&root.path().join("codex"), "#!/bin/sh\necho codex the editor\n");
        let error = on_path(root.path().as_os_str()).unwrap_err().to_string();
        assert!(error.contains("codex the editor"), "{error}");
    }
}
