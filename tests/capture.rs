//! `rehydra capture` from outside: what it writes shows the same damage and gives the same verdict, and nothing private
//! is left in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::Timestamp;
use rehydra::rollout::draft::{Draft, message};
use rehydra::rollout::generate::{Spec, generate};
use rehydra::rollout::mutate::{Mutator, Where, apply_all};
use rehydra::rollout::{Era, ThreadId};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
const SEGMENT: &str = "01a203fe-4f82-7021-8336-6f3d36f211b5";
const OTHER: &str = "01a203fe-5f82-7021-8336-6f3d36f211b5";

/// Words that must not come through, in every place that the stories below put them.
const SECRETS: [&str; 6] =
    ["quuxdirectory", "hunter2hunter2", "zanzibarproject", "Grüßdichgott", "sesamoeffnedich", "71635529418"];

fn name(ids: &str) -> String {
    format!("sessions/2026/11/22/rollout-2026-11-22T16-02-07-{ids}.jsonl")
}

fn put(home: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let path = home.join(name);
    std::fs::create_dir_all(path.parent().ok_or("no directory")?)?;
    std::fs::write(&path, bytes)?;
    Ok(path)
}

fn lines(drafts: &[Draft], first_ordinal: u64) -> Vec<u8> {
    let line = |(draft, ordinal): (&Draft, u64)| draft.line(Timestamp::UNIX_EPOCH, Some(ordinal));
    drafts.iter().zip(first_ordinal..).flat_map(line).collect()
}

/// A thread with a secret in each kind of place.
fn private() -> Vec<u8> {
    let [dir, password, project, greeting, sesame, number] = SECRETS;
    let meta = json!({
        "id": ID, "timestamp": "2026-11-22T16:02:07.000Z", "cwd": format!("/home/{dir}"), "originator": "codex_exec",
        "cli_version": "0.153.4", "source": "exec", "model_provider": "stub", "history_mode": "paginated",
        "git": {"repository_url": format!("git@example.org:{project}.git")},
    });
    let arguments = json!({password: number, "cmd": format!("login {password} --in {dir}")}).to_string();
    let drafts = [
        Draft::other("session_meta", meta),
        Draft::user_item(&format!("{greeting}, tell me all about {project}, and take your time.")),
        Draft::response_item(
            json!({"type": "function_call", "name": sesame, "call_id": "call_1", "arguments": arguments}),
        ),
        Draft::response_item(
            json!({"type": "function_call_output", "call_id": "call_1", "output": format!("a\nrho-00000001 {password}")}),
        ),
        Draft::response_item(message(
            "assistant",
            &format!("There is nothing to tell about {project} yet, I am afraid."),
        )),
        Draft::other(sesame, json!({project: sesame})),
    ];
    lines(&drafts, 0)
}

fn capture(args: &[&Path], out: &Path) -> Result<Output, Failure> {
    Ok(Command::new(env!("CARGO_BIN_EXE_rehydra")).arg("capture").args(args).arg("--out").arg(out).output()?)
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Everything that a capture wrote, with what it printed.
fn handed_over(out: &Path, output: &Output) -> Result<Vec<u8>, Failure> {
    let mut all = [output.stdout.clone(), output.stderr.clone()].concat();
    for entry in std::fs::read_dir(out)? {
        let entry = entry?;
        all.extend(entry.file_name().as_encoded_bytes());
        all.extend(std::fs::read(entry.path())?);
    }
    Ok(all)
}

fn hides(all: &[u8]) {
    for secret in SECRETS {
        for window in secret.as_bytes().windows(8) {
            let found = all.windows(8).any(|bytes| bytes == window);
            assert!(!found, "{secret}: {}", String::from_utf8_lossy(window));
        }
    }
}

#[test]
fn a_thread_with_secrets_and_damage_is_handed_over_without_them() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let chosen = ["invalid-utf8", "glued-record", "torn-tail"].map(Mutator::named).into_iter().flatten();
    let chosen: Vec<_> = chosen.map(|mutator| (mutator, Where::Seed(2))).collect();
    for (n, bytes) in [private(), apply_all(&chosen, &private()).bytes].into_iter().enumerate() {
        let home = dir.path().join(format!("home{n}"));
        put(&home, &name(ID), &bytes)?;
        let out = dir.path().join(format!("out{n}"));
        let output = capture(&[Path::new(ID), Path::new("--home"), &home], &out)?;
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let all = handed_over(&out, &output)?;
        hides(&all);
        assert!(!String::from_utf8_lossy(&all).contains(ID) && all.len() > bytes.len());
        assert_eq!(std::fs::read(home.join(name(ID)))?, bytes);
        assert_eq!(std::fs::metadata(out.join("captured.jsonl"))?.len(), bytes.len() as u64);
    }
    Ok(())
}

#[test]
fn every_file_of_the_thread_comes_along_and_no_other() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let home = dir.path().join("home");
    let spec = Spec { turns: 2, era: Era::Paginated, ..Spec::default() };
    let base = generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?).bytes;
    let ordinal = base.iter().filter(|byte| **byte == b'\n').count() as u64;
    let meta = json!({
        "id": ID, "timestamp": "2026-11-22T16:03:07.000Z", "cwd": "/a/project", "originator": "codex_exec",
        "cli_version": "0.153.4", "source": "exec", "model_provider": "stub", "history_mode": "paginated",
        "history_base": {"thread_id": ID, "end_ordinal_exclusive": ordinal, "end_byte_offset": base.len()},
    });
    let more = [
        Draft::other("session_meta", meta),
        Draft::user_item("One more question about the colours that were named."),
        Draft::response_item(message("assistant", "They were named in the order in which you named them.")),
    ];
    put(&home, &name(ID), &base)?;
    put(&home, &name(&format!("{ID}_{SEGMENT}")), &lines(&more, ordinal))?;
    put(&home, &name(OTHER), &base)?;
    let alias =
        |from: &str, to: &str| format!("{{\"v\":1,\"from\":\"{from}\",\"to\":\"{to}\",\"at\":\"\",\"reason\":\"\"}}\n");
    let before = "01a203fe-1111-7021-8336-6f3d36f211b5";
    let aliases = alias(before, ID) + &alias(OTHER, "01a203fe-2222-7021-8336-6f3d36f211b5");
    put(&home, "rehydra/aliases.jsonl", aliases.as_bytes())?;
    let out = dir.path().join("out");
    let output = capture(&[Path::new(ID), Path::new("--json"), Path::new("--home"), &home], &out)?;
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    let told = told(&output)?;
    assert_eq!((told["files"].as_array().map(Vec::len), &told["differences"]), (Some(3), &json!([])), "{told:#}");
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("manifest.json"))?)?;
    let fixture = &manifest["fixtures"][0];
    assert_eq!(fixture["also"].as_array().map(Vec::len), Some(2), "{manifest}");
    assert!(
        fixture["turns"].as_u64() >= Some(3) && fixture["markers"].as_array().is_some_and(|m| m.len() > 4),
        "{manifest}"
    );
    let kept = std::fs::read_to_string(out.join("beside-2.jsonl"))?;
    assert_eq!((kept.lines().count(), kept.contains(before)), (1, false), "{kept}");
    Ok(())
}

/// What `--json` says, which is as its schema has it.
fn told(output: &Output) -> Result<serde_json::Value, Failure> {
    let value: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let schema = serde_json::from_str(include_str!("../docs/capture.schema.json"))?;
    let validator = jsonschema::validator_for(&schema)?;
    let wrong: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
    Ok(value)
}

#[test]
fn a_compressed_thread_stays_compressed_and_one_that_breaks_off_breaks_off() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    // More than one block, so that something can be unpacked of a frame that breaks off; and what cannot be compressed.
    let noise =
        |n: u64| (0..3_000).map(|k| rehydra::journal::sha256_hex(&(n * 9_999 + k).to_le_bytes())).collect::<String>();
    let more = [Draft::user_item(&noise(1)), Draft::response_item(message("assistant", &noise(2)))];
    let plain = [private(), lines(&more, 6)].concat();
    let whole = zstd::encode_all(plain.as_slice(), 3)?;
    let cut = whole[..whole.len() / 2].to_vec();
    for (n, (bytes, damaged)) in [(whole, 0), (cut, 1)].into_iter().enumerate() {
        let home = dir.path().join(format!("home{n}"));
        put(&home, &format!("{}.zst", name(ID)), &bytes)?;
        let out = dir.path().join(format!("out{n}"));
        let output = capture(&[Path::new(ID), Path::new("--json"), Path::new("--home"), &home], &out)?;
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        let told = told(&output)?;
        assert!(told["damaged_places"].as_u64() >= Some(damaged), "{told:#}");
        let path = told["files"][0]["path"].as_str().ok_or("no path")?;
        assert!(path.ends_with(".jsonl.zst") && !path.contains(ID), "{told:#}");
        let captured = std::fs::read(out.join("captured.jsonl"))?;
        let mut text = Vec::new();
        let end = std::io::Read::read_to_end(&mut zstd::stream::Decoder::new(captured.as_slice())?, &mut text);
        assert_eq!(end.is_err(), damaged > 0, "{end:?}");
        assert!(text.starts_with(b"{\"timestamp\"") && text.len() > 1_000 && plain.len() >= text.len());
        hides(&[text, output.stdout].concat());
    }
    Ok(())
}

#[test]
fn nothing_is_overwritten_and_what_names_no_thread_is_refused() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let path = put(dir.path(), &format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"), &private())?;
    let out = dir.path().join("out");
    std::fs::create_dir(&out)?;
    let output = capture(&[&path], &out)?;
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert_eq!(std::fs::read_dir(&out)?.count(), 0);
    let nameless = put(dir.path(), "broken.jsonl", &private())?;
    let output = capture(&[&nameless], &dir.path().join("none"))?;
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(!dir.path().join("none").exists());
    let output = capture(&[&path], &dir.path().join("of a file"))?;
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    Ok(())
}
