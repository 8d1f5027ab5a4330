//! A command line that was typed in one directory and is run in another.
//!
//! A target never runs where its user does: each life has a working directory of its own, so that a server which takes
//! its process's cwd for a thread's is found out, and its PATH is not the user's. So what the command line means where it
//! was typed is settled before: the program is looked up, and a word that names a file becomes the file's absolute path.
//! Words that name no file, flags and directories among them, are left alone.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The words with the program and its files found from the directory `here`, programs on `path`.
pub(super) fn located(words: &[String], here: &Path, path: &OsStr) -> Result<Vec<String>, LocateError> {
    let Some((program, args)) = words.split_first() else { return Ok(Vec::new()) };
    let mut found = vec![text(located_program(program, here, path)?)];
    found.extend(args.iter().map(|word| {
        let file = here.join(word);
        let is_file = !word.is_empty() && !word.starts_with('-') && file.is_file();
        if is_file { text(file) } else { word.clone() }
    }));
    Ok(found)
}

fn located_program(program: &str, here: &Path, path: &OsStr) -> Result<PathBuf, LocateError> {
    if program.contains('/') {
        let file = here.join(program);
        return match file.metadata() {
            Err(_) => Err(LocateError::Missing(file)),
            Ok(_) if !is_program(&file) => Err(LocateError::NotRunnable(file)),
            Ok(_) => Ok(file),
        };
    }
    let mut found = std::env::split_paths(path).map(|dir| here.join(dir).join(program));
    found.find(|file| is_program(file)).ok_or_else(|| LocateError::NotOnPath(program.to_owned()))
}

fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// There is no such program.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LocateError {
    #[error("there is no program {}; check the path", .0.display())]
    Missing(PathBuf),
    #[error("{} cannot be run; make it executable, or put the program that reads it before it", .0.display())]
    NotRunnable(PathBuf),
    #[error("there is no program `{0}` on PATH; install it, or give its path")]
    NotOnPath(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_its_files_are_found_from_where_the_user_is() {
        let here = tempfile::tempdir().expect("a directory");
        let dir = here.path();
        std::fs::create_dir(dir.join("bin")).expect("a directory");
        for file in ["bin/node", "server.js"] {
            std::fs::write(dir.join(file), "").expect("a file");
        }
        std::fs::set_permissions(dir.join("bin/node"), std::fs::Permissions::from_mode(0o755)).expect("executable");
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let at = |name: &str| dir.join(name).display().to_string();
        let path = dir.join("bin").into_os_string();
        let found = |text: &str| located(&words(text), dir, &path);
        assert_eq!(
            found("node server.js --home bin"),
            Ok(vec![at("bin/node"), at("server.js"), "--home".into(), "bin".into()])
        );
        assert_eq!(found("bin/node -x"), Ok(vec![at("bin/node"), "-x".into()]));
        assert_eq!(found("deno x"), Err(LocateError::NotOnPath("deno".into())));
        assert_eq!(found("bin/deno x"), Err(LocateError::Missing(dir.join("bin/deno"))));
        assert_eq!(found("./server.js"), Err(LocateError::NotRunnable(dir.join("./server.js"))));
    }
}
