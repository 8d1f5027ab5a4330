//! `rehydra repair` from outside: what it prints and how it ends.

use std::path::Path;
use std::process::{Command, Output};

use rehydra::rollout::draft::Draft;
use rehydra::rollout::generate::{Generated, Spec, generate};
use rehydra::rollout::mutate::{Mutator, Where, apply_all};
use rehydra::rollout::{Era, History, Item, ThreadId, read_whole_history};
use rehydra::world::RealDisk;
use serde_json::Value;

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

type Failure = Box<dyn std::error::Error>;

fn generated(era: Era) -> Result<Generated, Failure> {
    let spec = Spec {
        turns: 3,
        era,
        seed: 11,
        tools: 1,
        interrupted: false,
        compaction: None,
        sandbox: "read-only".to_owned(),
        approval: "never".to_owned(),
        ..Spec::default()
    };
    Ok(generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?))
}

/// A file that Codex refuses for a byte, and whose last record is torn.
fn damaged() -> Result<Vec<u8>, Failure> {
    let chosen = ["invalid-utf8", "torn-tail"].map(|name| Mutator::named(name).map(|mutator| (mutator, Where::Last)));
    let chosen: Vec<_> = chosen.into_iter().flatten().collect();
    Ok(apply_all(&chosen, &generated(Era::Paginated)?.bytes).bytes)
}

fn rehydra(args: &[&str], paths: &[&Path]) -> Result<Output, Failure> {
    Ok(Command::new(env!("CARGO_BIN_EXE_rehydra")).arg("repair").args(paths).args(args).output()?)
}

/// Puts a file below `home` where a generated rollout belongs.
fn put(home: &Path, bytes: &[u8]) -> Result<std::path::PathBuf, Failure> {
    let path = home.join(generated(Era::Envelope)?.path);
    std::fs::create_dir_all(path.parent().ok_or("no directory")?)?;
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// What `--json` says, which is as its schema has it.
fn told(output: &Output) -> Result<Value, Failure> {
    let value: Value = serde_json::from_slice(&output.stdout)?;
    let schema = serde_json::from_str(include_str!("../docs/repair.schema.json"))?;
    let validator = jsonschema::validator_for(&schema)?;
    let wrong: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    ensure(wrong.is_empty(), || format!("{wrong:#?}\n{value:#}"))?;
    Ok(value)
}

fn ensure(holds: bool, text: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(text().into()) }
}

fn shown(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_whole_thread_is_copied_and_nothing_is_told() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let source = put(&dir.path().join("from"), &generated(Era::Paginated)?.bytes)?;
    let to = dir.path().join("clean.jsonl");
    let output = rehydra(&["--out", &to.to_string_lossy()], &[&source])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure(output.status.code() == Some(0) && text.contains("damage  none"), || shown(&output))?;
    ensure(text.contains("3 complete turns, 13 items"), || shown(&output))?;
    let (copy, source) = (read_whole_history(&RealDisk, &to)?, read_whole_history(&RealDisk, &source)?);
    let values = |history: &History| history.items.iter().map(Item::value).collect::<Vec<_>>();
    ensure(values(&copy) == values(&source) && copy.meta.id != source.meta.id, || format!("{copy:?}"))
}

#[test]
fn losses_are_told_with_their_places_and_by_the_exit_code() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let bytes = damaged()?;
    let source = put(&dir.path().join("from"), &bytes)?;
    let to = dir.path().join("to");
    let output = rehydra(&["--json", "--out", &to.to_string_lossy()], &[&source])?;
    ensure(output.status.code() == Some(1), || shown(&output))?;
    let told = told(&output)?;
    let damage = read_whole_history(&RealDisk, &source)?.damage;
    let places = |list: &[Value]| list.iter().map(|d| d["bytes"].to_string()).collect::<Vec<_>>();
    let expected: Vec<_> = damage.iter().map(|d| format!("[{},{}]", d.bytes.start, d.bytes.end)).collect();
    ensure(places(told["damage"].as_array().ok_or("no list")?) == expected, || shown(&output))?;
    ensure(damage.len() > 1, || shown(&output))?;
    ensure(told["lossy"] == true && told["from"] == ID && std::fs::read(&source)? == bytes, || shown(&output))?;
    let path = told["path"].as_str().ok_or("no path")?;
    ensure(read_whole_history(&RealDisk, Path::new(path))?.damage.is_empty(), || shown(&output))
}

#[test]
fn a_complete_copy_keeps_what_a_compaction_replaced_and_says_how_much() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let spec = Spec { turns: 4, era: Era::Envelope, compaction: Some(2), ..Spec::default() };
    let thread = generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?);
    let source = put(&dir.path().join("from"), &thread.bytes)?;
    let out = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let live = rehydra(&["--json", "--out", &out("live")], &[&source])?;
    let complete = rehydra(&["--json", "--complete", "--out", &out("complete")], &[&source])?;
    let (live, complete) = (told(&live)?, told(&complete)?);
    ensure(live["kept"]["past"].is_null() && complete["kept"]["past"].as_u64() > Some(3), || format!("{complete:#}"))?;
    let text = |told: &Value| std::fs::read_to_string(told["path"].as_str().unwrap_or_default());
    let markers = rehydra::marker::find(&String::from_utf8(thread.bytes)?);
    let holds = |text: &str| markers.iter().filter(|marker| text.contains(&marker.to_string())).count();
    let (in_live, in_complete) = (holds(&text(&live)?), holds(&text(&complete)?));
    ensure(in_live < markers.len() && in_complete == markers.len(), || format!("{in_live}, {in_complete}"))?;
    let shown = rehydra(&["--complete", "--out", &out("shown")], &[&source])?;
    ensure(String::from_utf8_lossy(&shown.stdout).contains("which the model is no longer sent"), || self::shown(&shown))
}

#[test]
fn a_thread_of_several_files_is_repaired_into_one() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let home = dir.path().join("from");
    let base = generated(Era::Paginated)?.bytes;
    put(&home, &base)?;
    let ordinal = base.iter().filter(|byte| **byte == b'\n').count() as u64;
    let segment = "01a203fe-4f82-7021-8336-6f3d36f211b5";
    let meta = serde_json::json!({
        "id": ID, "timestamp": "2026-11-22T16:03:07.000Z", "cwd": "/a/project", "originator": "codex_exec",
        "cli_version": "0.153.4", "source": "exec", "model_provider": "stub", "history_mode": "paginated",
        "history_base": {"thread_id": ID, "end_ordinal_exclusive": ordinal, "end_byte_offset": base.len()},
    });
    let more = [Draft::other("session_meta", meta), Draft::user_item("And then?")];
    let lines = more.iter().zip(ordinal..).flat_map(|(draft, n)| draft.line(jiff::Timestamp::UNIX_EPOCH, Some(n)));
    let name = format!("sessions/2026/11/22/rollout-2026-11-22T16-03-07-{ID}_{segment}.jsonl");
    std::fs::write(home.join(name), lines.collect::<Vec<u8>>())?;
    let to = dir.path().join("clean.jsonl");
    let (home, out) = (home.to_string_lossy(), to.to_string_lossy());
    let output = rehydra(&["--json", "--home", &home, "--out", &out], &[Path::new(ID)])?;
    ensure(output.status.code() == Some(0), || shown(&output))?;
    let told = told(&output)?;
    ensure(told["kept"]["items"] == 14 && told["damage"].as_array().is_some_and(Vec::is_empty), || shown(&output))?;
    let copy = read_whole_history(&RealDisk, &to)?;
    ensure(copy.files.len() == 1 && copy.items.len() == 14, || format!("{copy:?}"))
}

#[test]
fn what_cannot_be_repaired_is_refused_and_nothing_is_written() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let whole = put(&dir.path().join("from"), &generated(Era::Envelope)?.bytes)?;
    let empty = dir.path().join("empty.jsonl");
    std::fs::write(&empty, "")?;
    let (to, unknown) = (dir.path().join("to"), Path::new("01a203fe-4f82-7021-8336-6f3d36f211b5"));
    let from = dir.path().join("from");
    let (to_text, from_text, whole_text) = (to.to_string_lossy(), from.to_string_lossy(), whole.to_string_lossy());
    let before = std::fs::read(&whole)?;
    let link = dir.path().join("link.jsonl");
    std::os::unix::fs::symlink("gone", &link)?;
    for (args, source, says) in [
        (vec!["--out", &to_text], empty.as_path(), "empty.jsonl: no session metadata is in it, nor anything else"),
        (vec!["--out", &to_text], dir.path(), "is a directory: name a rollout in it"),
        (vec!["--out", &to_text], &link, "is a link to something that is not there"),
        (vec!["--out", &to_text, "--home", "/nowhere"], unknown, "below /nowhere, which is no directory"),
        (vec!["--out", &to_text, "--home", &to_text], unknown, "which is no directory"),
        (vec!["--out", &to_text], &dir.path().join("absent.jsonl"), "neither a file nor the id"),
        (vec!["--out", &to_text, "--home", &from_text], unknown, "no rollout of thread"),
        (vec!["--out", &whole_text], &whole, "id of the source"),
        (vec!["--keep-id", "--out", &from_text], &whole, "exists already"),
    ] {
        let output = rehydra(&args, &[source])?;
        let told = String::from_utf8_lossy(&output.stderr).contains(says);
        ensure(output.status.code() == Some(2) && told, || shown(&output))?;
    }
    ensure(!to.exists() && std::fs::read(&whole)? == before, || "something was written".to_owned())
}

#[test]
fn a_thread_is_found_by_its_id_in_the_home_that_is_named() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let home = dir.path().join("from");
    put(&home, &generated(Era::WorldState)?.bytes)?;
    let text = home.to_string_lossy();
    let output = rehydra(&["--home", &text, "--out", &text], &[Path::new(ID)])?;
    ensure(output.status.code() == Some(0), || shown(&output))
}
