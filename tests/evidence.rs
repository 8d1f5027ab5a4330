//! The directories that a run leaves: enough to judge it again, and nothing in them that is secret.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const REHYDRA: &str = env!("CARGO_BIN_EXE_rehydra");
/// How the bearer token of every run begins.
const TOKEN: &str = "rehydra-token-";

fn rehydra(args: &[&str], runs: &Path) -> Output {
    Command::new(REHYDRA).args(args).arg(runs).output().expect("rehydra starts")
}

/// Every regular file below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type") {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

fn holding(dir: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("readable");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files(dir).into_iter().filter(holds).collect()
}

#[test]
fn every_run_of_the_suite_is_judged_again_to_the_same_verdict_and_holds_no_token() {
    let runs = tempfile::tempdir().expect("a directory");
    let targets = ["--target", "builtin", "--target", "builtin:no-rehydrate"];
    let played = rehydra(&[&["run", "--keep"], &targets[..], &["--runs"]].concat(), runs.path());
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stdout));
    let replayed = rehydra(&["replay", "--same"], runs.path());
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stdout));
    assert_eq!(holding(runs.path(), TOKEN), Vec::<PathBuf>::new());
    // Home, journal and logs were there to be looked at.
    for name in ["config.toml", "journal.jsonl", "aliases.jsonl"] {
        assert!(files(runs.path()).iter().any(|path| path.ends_with(name)), "{name}");
    }
}

#[test]
fn a_target_that_prints_its_environment_gives_no_token_away() {
    let runs = tempfile::tempdir().expect("a directory");
    let command = format!("sh -c 'env; env >&2; exec {REHYDRA} serve --engine embedded'");
    let args = ["run", "--filter", "idle/kill-9-twice", "--target-command", &command, "--keep", "--runs"];
    let played = rehydra(&args, runs.path());
    // What it printed stands on its stdout, where nothing but messages may be.
    assert_eq!(played.status.code(), Some(1), "{}", String::from_utf8_lossy(&played.stdout));
    assert_eq!(holding(runs.path(), TOKEN), Vec::<PathBuf>::new());
    let shown = holding(runs.path(), "«redacted»");
    for name in ["journal.jsonl", "stderr-1.log"] {
        assert!(shown.iter().any(|path| path.ends_with(name)), "{name} shows that it was there: {shown:?}");
    }
    assert!(!String::from_utf8_lossy(&played.stdout).contains(TOKEN));
}
