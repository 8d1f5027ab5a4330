//! `rehydra generate` as a user meets it: files with their answers, nothing overwritten unasked.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use rehydra::marker::Marker;
use rehydra::rollout::generate::Expected;
use rehydra::rollout::mutate::shown;
use rehydra::rollout::read_history;
use rehydra::world::RealDisk;
use serde_json::Value;

/// The exit code, and what was printed.
fn generate(dir: &Path, args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
    let output = command.current_dir(dir).arg("generate").args(args).output().expect("rehydra runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn answer(path: &Path) -> Expected {
    serde_json::from_slice(&fs::read(path).expect("an answer")).expect("an answer of this form")
}

/// Every marker in the texts of an item, in order.
fn gather(value: &Value, markers: &mut Vec<Marker>) {
    match value {
        Value::String(text) => markers.extend(rehydra::marker::find(text)),
        Value::Array(values) => values.iter().for_each(|value| gather(value, markers)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, markers)),
        _ => {}
    }
}

#[test]
fn a_file_stands_with_its_answer_and_is_not_overwritten_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["--out", "one.jsonl", "--tools", "5", "--reasoning", "--compaction", "2", "--turns", "4"];
    assert_eq!(generate(dir.path(), &args), (0, "one.jsonl\n".to_owned()));
    let file = fs::read(dir.path().join("one.jsonl")).unwrap();
    let expected = answer(&dir.path().join("one.jsonl.expected.json"));
    assert_eq!((expected.turns, shown(&file).unwrap()), (4, expected.markers()));
    let (code, told) = generate(dir.path(), &args);
    assert!(code == 2 && told.contains("--force"), "{told}");
    let (code, _) = generate(dir.path(), &["--out", "one.jsonl", "--force"]);
    assert_eq!((code, fs::read(dir.path().join("one.jsonl")).unwrap() == file), (0, false));
}

#[test]
fn a_damaged_file_says_what_is_left_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (code, told) = generate(dir.path(), &["--out", "home/", "--damage", "record-duplicated,torn-tail,compressed"]);
    assert_eq!(code, 0, "{told}");
    let path = dir.path().join(told.trim());
    assert!(told.trim().ends_with(".jsonl.zst"), "{told}");
    let damaged = answer(&dir.path().join(format!("{}.expected.json", told.trim()))).damaged.unwrap();
    assert_eq!(damaged.mutators, ["record-duplicated", "torn-tail", "compressed"]);
    let shown = shown(&fs::read(path).unwrap()).unwrap();
    assert_eq!(shown, damaged.must_show);
    let refused = |args: &[&str]| generate(dir.path(), args);
    let (code, told) = refused(&["--out", "x", "--era", "bare", "--damage", "duplicate-ordinal"]);
    assert!(code == 2 && told.contains("era bare"), "{told}");
    let (code, told) = refused(&["--out", "x", "--damage", "orphan-output"]);
    assert!(code == 2 && told.contains("offers no place for `orphan-output`"), "{told}");
    let (code, told) = refused(&["--out", "x", "--damage", "magic"]);
    assert!(code == 2 && told.contains("--list"), "{told}");
    assert!(!dir.path().join("x").exists());
}

#[test]
fn every_thread_of_a_home_is_read_as_its_answer_says() {
    let dir = tempfile::tempdir().unwrap();
    let (code, told) = generate(dir.path(), &["--out", "home", "--home", "40", "--seed", "7"]);
    assert_eq!(code, 0, "{told}");
    let home = dir.path().join("home");
    let mut threads = 0;
    for entry in fs::read_dir(home.join("expected")).unwrap() {
        let expected = answer(&entry.unwrap().path());
        let history = read_history(&RealDisk, &home.join(&expected.file)).expect("a thread that can be read");
        let mut markers = Vec::new();
        history.items.iter().for_each(|item| gather(&item.value(), &mut markers));
        assert_eq!(markers, expected.markers(), "{}", expected.file);
        threads += 1;
    }
    assert_eq!(threads, 40);
}

#[test]
fn the_list_names_every_class() {
    let dir = tempfile::tempdir().unwrap();
    let (code, told) = generate(dir.path(), &["--list"]);
    assert_eq!(code, 0);
    for mutator in rehydra::rollout::mutate::Mutator::all() {
        assert!(told.contains(&format!("  {} ", mutator.name())), "{} is not listed", mutator.name());
    }
}
