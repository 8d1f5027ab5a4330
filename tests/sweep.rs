//! `rehydra sweep` as a user calls it: every crash point of a conversation, on servers that keep their promises and on
//! one that does not.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

const CONVERSATION: &str = r#"rehydra = 1
title   = "a conversation of two turns"
proves  = ["responsive", "protocol"]

[[step]]
codex = { prompt = "Remember the colour blue.", model = { text = "Noted." } }

[[step]]
reply = { prompt = "And the number seven.", model = { text = "Seven, noted.", chunks = 2 } }
"#;

struct Swept {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    json: Value,
}

fn sweep(dir: &Path, story: &str, more: &[&str]) -> Swept {
    let file = dir.join("conversation.toml");
    fs::write(&file, story).expect("written");
    sweep_of(dir, &file, more)
}

/// The same of a file, or of a story of the suite by its name.
fn sweep_of(dir: &Path, story: &Path, more: &[&str]) -> Swept {
    let json = dir.join("sweep.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
    command.current_dir(dir).arg("sweep").arg(story).args(["--out", "sweep", "--json"]).arg(&json).args(more);
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let json = fs::read(&json).map(|bytes| serde_json::from_slice(&bytes).expect("JSON")).unwrap_or(Value::Null);
    Swept { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr), json }
}

fn number(json: &Value, key: &str) -> u64 {
    json.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn list<'j>(json: &'j Value, key: &str) -> &'j [Value] {
    json.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn no_death_at_any_point_breaks_a_promise_of_our_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let swept = sweep(dir.path(), CONVERSATION, &["--live", "10"]);
    assert_eq!(swept.code, Some(0), "{}{}", swept.stdout, swept.stderr);
    let played = list(&swept.json, "swept");
    assert_eq!(played.len() as u64, number(&swept.json, "states"), "every state was played");
    assert!(number(&swept.json, "points") > number(&swept.json, "states"), "some points leave the same");
    let has = |words: &str| played.iter().any(|one| one["point"].as_str().is_some_and(|point| point.contains(words)));
    for words in ["at byte 1 of", "power loss with", "before touch", "before frame", "before exit"] {
        assert!(has(words), "no point is `{words}`");
    }
    let live = played.iter().filter(|one| !one["live"].is_null()).count();
    assert!(live >= 3, "only {live} were played live as well");
    assert_eq!(list(&swept.json, "differ"), &[] as &[Value]);
}

#[test]
fn a_placed_thread_a_restart_and_a_second_home_are_swept_as_well() {
    for (story, place) in [
        ("disk/compacted", "power loss with"),
        ("stale/after-another-restart", "touch"),
        ("homes/a-thread-in-each", "../home-"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let swept = sweep_of(dir.path(), Path::new(story), &["--max", "24", "--live", "50"]);
        assert_eq!(swept.code, Some(0), "{story}: {}{}", swept.stdout, swept.stderr);
        let points = list(&swept.json, "swept").iter().filter_map(|one| one["point"].as_str());
        assert!(points.filter(|point| point.contains(place)).count() > 0, "{story}: no point has {place}");
        assert!(list(&swept.json, "swept").iter().any(|one| !one["live"].is_null()), "{story}: none was played live");
    }
}

#[test]
fn no_second_death_breaks_one_either() {
    let dir = tempfile::tempdir().expect("a directory");
    let swept = sweep(dir.path(), CONVERSATION, &["--max", "1", "--live", "0", "--depth", "2", "--pairs", "24"]);
    assert_eq!(swept.code, Some(0), "{}{}", swept.stdout, swept.stderr);
    let pairs =
        list(&swept.json, "swept").iter().filter(|one| one["point"].as_str().is_some_and(|p| p.contains("; then")));
    assert!(pairs.count() >= 16);
}

#[test]
fn the_control_loses_every_thread_and_so_no_point_is_to_blame() {
    let dir = tempfile::tempdir().expect("a directory");
    let swept = sweep(dir.path(), CONVERSATION, &["--target", "builtin:no-rehydrate", "--max", "10", "--live", "0"]);
    assert_eq!(swept.code, Some(0), "{}{}", swept.stdout, swept.stderr);
    assert!(swept.stdout.contains("a death while nothing happens breaks rehydrates"), "{}", swept.stdout);
}

#[test]
fn a_sweep_that_was_stopped_goes_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = sweep(dir.path(), CONVERSATION, &["--shard", "1/8", "--live", "0"]);
    let whole = sweep(dir.path(), CONVERSATION, &["--max", "12", "--live", "0"]);
    assert_eq!((first.code, whole.code), (Some(0), Some(0)), "{}{}", whole.stdout, whole.stderr);
    let again = sweep(dir.path(), CONVERSATION, &["--max", "12", "--live", "0"]);
    let lines = fs::read_dir(dir.path().join("sweep")).expect("kept").flatten();
    let kept = lines.filter(|entry| entry.file_name().to_string_lossy().starts_with("points-"));
    let kept: usize = kept.map(|entry| fs::read_to_string(entry.path()).expect("read").lines().count()).sum();
    let played = |swept: &Swept| list(&swept.json, "swept").len();
    assert_eq!(played(&whole), 12);
    assert_eq!(played(&again), 12);
    assert!(kept <= played(&first) + played(&whole), "nothing was played twice");
}

#[test]
fn what_is_no_plain_conversation_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = format!(
        "{CONVERSATION}\n[[step]]\nkill = {{}}\n\n[[step]]\nrestart = {{}}\n\n[[step]]\nreply = {{ prompt = \"?\" }}\n"
    );
    let swept = sweep(dir.path(), &story, &[]);
    assert_eq!(swept.code, Some(2), "{}", swept.stderr);
    assert!(swept.stderr.contains("line 11") && swept.stderr.contains("ends or stops a life"), "{}", swept.stderr);
    let none = sweep(dir.path(), CONVERSATION, &["--target", "nobody"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
}
