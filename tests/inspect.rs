//! `rehydra inspect` from outside: what it prints, what it writes for programs, and how it ends.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
const OTHER: &str = "01a203fe-4f82-7021-8336-6f3d36f211b5";

fn path_of(id: &str) -> String {
    format!("sessions/2026/11/22/rollout-2026-11-22T16-02-07-{id}.jsonl")
}

fn record(second: u32, kind: &str, payload: &str) -> String {
    format!("{{\"timestamp\":\"2026-11-22T16:02:{second:02}.000Z\",\"type\":\"{kind}\",\"payload\":{{{payload}}}}}\n")
}

fn meta(id: &str) -> String {
    let payload = format!(
        "\"id\":\"{id}\",\"timestamp\":\"2026-11-22T16:02:07.000Z\",\"cwd\":\"/project\",\"originator\":\"me\",\
         \"cli_version\":\"0.130.0\",\"source\":\"cli\",\"model_provider\":\"stub\""
    );
    record(7, "session_meta", &payload)
}

fn message(second: u32, role: &str, text: &str) -> String {
    let text = serde_json::to_string(text).expect("a text");
    let payload =
        format!("\"type\":\"message\",\"role\":\"{role}\",\"content\":[{{\"type\":\"input_text\",\"text\":{text}}}]");
    record(second, "response_item", &payload)
}

/// A thread with a turn that was compacted away, one that used a tool, and one that was taken back.
fn whole(id: &str) -> String {
    let call = "\"type\":\"function_call\",\"name\":\"shell\",\"arguments\":\"{\\\"cmd\\\":\\\"cat harbour.txt\\\"}\",\
         \"call_id\":\"c1\"";
    let output = "\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"the gate is blue\\nand old\"";
    let settings = "\"cwd\":\"/project/sub\",\"approval_policy\":\"never\",\
         \"sandbox_policy\":{\"type\":\"read-only\"},\"model\":\"stub-model\",\"summary\":\"auto\"";
    let brought = "\"message\":\"They greeted.\",\"replacement_history\":[{\"type\":\"message\",\"role\":\"user\",\
         \"content\":[{\"type\":\"input_text\",\"text\":\"They greeted.\"}]}]";
    [
        meta(id),
        message(8, "user", "Hello."),
        message(9, "assistant", "Hello, what can I do?"),
        record(10, "compacted", brought),
        record(11, "turn_context", settings),
        message(12, "user", &format!("Which colour has the gate? {}", "Look closely. ".repeat(40))),
        record(13, "response_item", call),
        record(14, "response_item", output),
        message(15, "assistant", "It is blue."),
        message(16, "user", "And the roof?"),
        record(17, "event_msg", "\"type\":\"thread_rolled_back\",\"num_turns\":1"),
    ]
    .concat()
}

/// The same with a line that is not UTF-8, one that would command a terminal, and a torn end.
fn damaged(id: &str) -> Vec<u8> {
    let mut bytes = whole(id).into_bytes();
    bytes.extend(b"{\"timestamp\":\"t\xff\",\"type\":\"response_item\"}\n");
    bytes.extend(message(18, "user", "\u{1b}[2J\u{202e}gone\n::error::no").bytes());
    bytes.extend(message(19, "assistant", "Cut short").bytes().take(90));
    bytes
}

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a directory"))
    }
    fn with(self, path: &str, bytes: impl AsRef<[u8]>) -> Place {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("below it")).expect("a directory");
        fs::write(path, bytes).expect("a file");
        self
    }
    fn inspect(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
        command.current_dir(self.0.path()).env_remove("CODEX_HOME").env("HOME", "/nowhere").env("NO_COLOR", "1");
        let output = command.arg("inspect").args(args).output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code().expect("no signal"), text(output.stdout), text(output.stderr))
    }
    fn json(&self, args: &[&str]) -> Value {
        let (_, out, _) = self.inspect(&[args, &["--json"]].concat());
        let value: Value = serde_json::from_str(&out).expect("JSON");
        let schema = serde_json::from_str(include_str!("../docs/inspect.schema.json")).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let wrong: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
        value
    }
}

#[test]
fn a_whole_thread_is_told_with_what_became_of_every_word() {
    let place = Place::new().with(&path_of(ID), whole(ID));
    let (code, out, err) = place.inspect(&[ID, "--home", ".", "--codex", "0.169.0"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn damage_is_told_by_its_bytes_and_nothing_in_it_acts_on_a_terminal() {
    let place = Place::new().with("copy.jsonl", damaged(ID));
    let (code, out, err) = place.inspect(&["copy.jsonl", "--full"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(!out.contains(['\u{1b}', '\u{202e}']) && !out.lines().any(|line| line.trim_start().starts_with("::")));
    insta::assert_snapshot!(out);
}

#[test]
fn a_home_shows_what_is_not_healthy_and_sums_up() {
    let place = Place::new()
        .with(&path_of(ID), whole(ID))
        .with(&path_of(OTHER), damaged(OTHER))
        .with(&format!("archived_sessions/rollout-2026-11-23T10-00-00-{}.jsonl", ID.replace("4d2b", "5d2b")), "");
    let (code, out, err) = place.inspect(&["."]);
    assert_eq!((code, err.as_str()), (1, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn a_file_without_a_session_meta_is_never_healthy() {
    let place = Place::new().with(&path_of(ID), message(8, "user", "Hello."));
    let (code, out, _) = place.inspect(&[&path_of(ID)]);
    assert!(code == 1 && out.starts_with("lossy") && out.contains("no session_meta"), "{code}\n{out}");
    let (code, out, _) = place.inspect(&["."]);
    assert!(code == 1 && out.contains("lossy 1"), "{code}\n{out}");
}

#[test]
fn json_says_the_same_to_programs() {
    let place = Place::new().with(&path_of(ID), whole(ID)).with(&path_of(OTHER), damaged(OTHER));
    let thread = place.json(&[ID, "--home", "."]);
    assert_eq!((&thread["exit_code"], &thread["home"]), (&Value::from(0), &Value::Null));
    let thread = &thread["thread"];
    assert_eq!((thread["verdict"].as_str(), thread["turns"].as_u64()), (Some("healthy"), Some(3)));
    let cwd = thread["meta"].as_array().expect("a list").iter().find(|value| value["name"] == "cwd").expect("a cwd");
    assert_eq!(
        (&cwd["value"], &cwd["from"], &cwd["line"]),
        (&"/project/sub".into(), &"turn_context".into(), &5.into())
    );
    assert_eq!(cwd["overrode"][0]["value"], "/project");
    let fates: Vec<_> =
        thread["transcript"].as_array().expect("a list").iter().map(|said| said["fate"].as_str()).collect();
    assert_eq!(fates.iter().filter(|fate| **fate == Some("compacted-away")).count(), 2, "{fates:?}");
    let lossy = place.json(&[OTHER, "--home", ".", "--full"]);
    let classes: Vec<_> =
        lossy["thread"]["damage"].as_array().expect("a list").iter().map(|d| d["class"].as_str()).collect();
    assert_eq!((&lossy["exit_code"], classes), (&Value::from(1), vec![Some("invalid-utf8"), Some("torn-tail")]));
    let home = place.json(&["."]);
    assert_eq!((&home["thread"], &home["home"]["files"]), (&Value::Null, &2.into()));
}

#[test]
fn the_schema_that_is_checked_in_is_the_one_that_is_printed() {
    let printed = Command::new(env!("CARGO_BIN_EXE_rehydra")).args(["schema", "inspect"]).output().expect("it runs");
    let printed = String::from_utf8(printed.stdout).expect("UTF-8");
    let file = include_str!("../docs/inspect.schema.json");
    assert!(printed == file, "regenerate it: cargo run -- schema inspect > docs/inspect.schema.json");
}

#[test]
fn what_is_not_there_is_a_wrong_command_line() {
    let place = Place::new().with("empty/x", "");
    for (args, says) in [
        (&["nothing.jsonl"][..], "nothing.jsonl is neither a file nor the id of a thread"),
        (&[ID, "--home", "."], "say with --home where it lies"),
        (&[ID], "no rollout of thread"),
        (&["empty"], "name the directory that holds them"),
        (&["empty/x", "--codex", "latest"], "give three numbers, such as 0.153.4"),
    ] {
        let (code, out, err) = place.inspect(args);
        assert!(code == 2 && out.is_empty() && err.contains(says), "{args:?}: {code}\n{out}{err}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_never_hangs() {
    let place = Place::new()
        .with("sessions/future.jsonl", meta(ID).replace("\"source\"", "\"history_mode\":\"cloud\",\"source\""));
    let fifo = place.0.path().join("sessions").join(format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"));
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).expect("a FIFO");
    let (code, out, _) = place.inspect(&[&fifo.display().to_string()]);
    assert!(code == 1 && out.starts_with("unreadable") && out.contains("not a regular file"), "{code}\n{out}");
    let (code, out, _) = place.inspect(&["sessions/future.jsonl"]);
    assert!(code == 1 && out.contains("unknown history_mode `cloud`"), "{code}\n{out}");
    let (code, out, _) = place.inspect(&["."]);
    assert!(code == 1 && out.contains("1 of 1 threads") && out.contains("unknown history_mode"), "{code}\n{out}");
}

#[test]
fn nothing_is_written() {
    let place = Place::new().with(&path_of(ID), damaged(ID));
    let file = place.0.path().join(path_of(ID));
    for path in file.ancestors().take(5) {
        let mode = if path.is_dir() { 0o555 } else { 0o444 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    }
    let before = listed(place.0.path());
    place.inspect(&["."]);
    place.inspect(&[ID, "--home", "."]);
    assert_eq!(listed(place.0.path()), before);
    for path in file.ancestors().take(5).filter(|path| path.is_dir()) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
}

/// Every path below `dir` with its length and time of change.
fn listed(dir: &Path) -> Vec<(std::path::PathBuf, u64, std::time::SystemTime)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).expect("readable").flatten() {
        let meta = entry.metadata().expect("readable");
        all.push((entry.path(), meta.len(), meta.modified().expect("a time")));
        if meta.is_dir() {
            all.extend(listed(&entry.path()));
        }
    }
    all.sort();
    all
}
