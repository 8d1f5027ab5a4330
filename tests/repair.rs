//! `rehydra repair` from outside: what it prints and how it ends.

use std::path::Path;
use std::process::{Command, Output};

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
    let told: Value = serde_json::from_slice(&output.stdout)?;
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
fn what_cannot_be_repaired_is_refused_and_nothing_is_written() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let whole = put(&dir.path().join("from"), &generated(Era::Envelope)?.bytes)?;
    let empty = dir.path().join("empty.jsonl");
    std::fs::write(&empty, "")?;
    let (to, unknown) = (dir.path().join("to"), Path::new("01a203fe-4f82-7021-8336-6f3d36f211b5"));
    let from = dir.path().join("from");
    let (to_text, from_text, whole_text) = (to.to_string_lossy(), from.to_string_lossy(), whole.to_string_lossy());
    let before = std::fs::read(&whole)?;
    for (args, source, says) in [
        (vec!["--out", &to_text], empty.as_path(), "metadata"),
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
