//! What `rehydra repair` writes is resumed by every Codex from 0.42 on, and the complete form by those that know compactions
//! with a history, and rollbacks.

use std::process::Command;

use libtest_mimic::Trial;
use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::marker::{self, Marker};
use rehydra::rollout::generate::{Spec, generate};
use rehydra::rollout::mutate::{Mutator, Where, apply_all};
use rehydra::rollout::{Era, ThreadId, read_history};
use rehydra::target::profile;
use rehydra::world::RealDisk;
use serde_json::Value;

use crate::exec;
use crate::stage::{self, Failure, Stage};

const VERSIONS: [&str; 5] = ["0.42.0", "0.105.0", "0.130.0", "0.153.4", "0.169.0"];
const COMPLETE: [&str; 4] = ["0.105.0", "0.130.0", "0.153.4", "0.169.0"];
const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

/// Damage for which Codex refuses a whole thread, and some that costs a record.
const DAMAGE: [&str; 6] =
    ["invalid-utf8", "meta-late", "garbage-before-meta", "glued-record", "last-ordinal-missing", "torn-tail"];

/// One trial for each release and era.
pub(crate) fn trials() -> Vec<Trial> {
    let pairs = VERSIONS.into_iter().flat_map(|version| Era::ALL.map(|era| (version, era)));
    let trial = |(version, era)| {
        let name = format!("codex {version} resumes the repaired copy of a damaged {era:?} file");
        Trial::test(name, move || crate::run(is_resumed(version, era)))
    };
    let complete = |version| {
        let name = format!("codex {version} resumes a complete copy with the live history alone");
        Trial::test(name, move || crate::run(is_resumed_from_a_complete_copy(version)))
    };
    pairs.map(trial).chain(COMPLETE.map(complete)).collect()
}

fn damaged(era: Era) -> Result<Vec<u8>, Failure> {
    let (sandbox, approval) = ("read-only".to_owned(), "never".to_owned());
    let spec = Spec { turns: 3, era, seed: 11, tools: 1, sandbox, approval, ..Spec::default() };
    let whole = generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?).bytes;
    let mutators = DAMAGE.iter().filter_map(|name| Mutator::named(name)).filter(|mutator| mutator.applies_to(era));
    let chosen: Vec<_> = mutators.enumerate().map(|(n, mutator)| (mutator, Where::Seed(n as u64))).collect();
    Ok(apply_all(&chosen, &whole).bytes)
}

/// A damaged file that Codex would refuse or lose some of is repaired into its home, and it goes on from there with
/// everything that could be read.
async fn is_resumed(version: &str, era: Era) -> Result<(), Failure> {
    repaired_and_resumed(version, &damaged(era)?, &[]).await.map(drop)
}

/// The model is sent what it would be sent of the source, and everything that was ever said is in the copy.
async fn is_resumed_from_a_complete_copy(version: &str) -> Result<(), Failure> {
    let spec = Spec {
        turns: 5,
        era: Era::Envelope,
        seed: 12,
        tools: 1,
        rolled_back: 1,
        compaction: Some(1),
        ..Spec::default()
    };
    let whole = generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?).bytes;
    // What Codex would refuse, so that a repair is needed.
    let noise = [b"\xff\n", whole.as_slice()].concat();
    let (history, copy) = repaired_and_resumed(version, &noise, &["--complete"]).await?;
    let ever: Vec<Marker> = marker::find(&String::from_utf8(whole)?);
    let lost = ever.iter().find(|marker| !copy.contains(&marker.to_string()));
    let past = ever.iter().any(|marker| !history.contains(marker));
    match lost {
        None if past => Ok(()),
        None => Err("everything is sent, so nothing was shown".into()),
        Some(lost) => Err(format!("{lost} is not in the copy").into()),
    }
}

/// Repairs a file into the home of a Codex, which then resumes it with the file's history. Gives that, and the copy.
async fn repaired_and_resumed(version: &str, bytes: &[u8], flags: &[&str]) -> Result<(Vec<Marker>, String), Failure> {
    let version: Version = version.parse()?;
    let native = install::ensure(version)?.native;
    let mut stage = Stage::new(profile::builtin(stage::rehydra()), Some(version))?;
    let away = tempfile::tempdir()?;
    let source = away.path().join(format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"));
    std::fs::write(&source, bytes)?;
    let home = stage.home.codex_home();
    let mut command = Command::new(stage::rehydra());
    command.arg("repair").arg(&source).args(flags).args(["--json", "--model-provider", "stub", "--out"]).arg(home);
    let output = command.output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let text = |key: &str| told[key].as_str().map(str::to_owned).ok_or("it tells too little");
    let (id, copy) = (text("id")?, std::fs::read_to_string(text("path")?)?);
    let items = read_history(&RealDisk, &source)?.items;
    let history: Vec<Marker> = items.iter().flat_map(|item| markers(&item.value())).collect();
    if history.len() < 5 {
        return Err(format!("too little is left to be resumed: {history:?}").into());
    }
    let (call, _) = exec::exec(&mut stage, &native, Some(&id)).await?;
    exec::received(&stage.journal, call, &history)?;
    stage.stub.stop().await;
    Ok((history, copy))
}

/// Every marker in the texts of a value, in order.
fn markers(value: &Value) -> Vec<Marker> {
    match value {
        Value::String(text) => marker::find(text),
        Value::Array(values) => values.iter().flat_map(markers).collect(),
        Value::Object(fields) => fields.values().flat_map(markers).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
