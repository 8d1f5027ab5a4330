//! What `rehydra repair` writes is resumed by every Codex from 0.42 on.

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
    pairs.map(trial).collect()
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
    let version: Version = version.parse()?;
    let native = install::ensure(version)?.native;
    let mut stage = Stage::new(profile::builtin(stage::rehydra()), Some(version))?;
    let away = tempfile::tempdir()?;
    let source = away.path().join(format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"));
    std::fs::write(&source, damaged(era)?)?;
    let home = stage.home.codex_home();
    let mut command = Command::new(stage::rehydra());
    command.arg("repair").arg(&source).args(["--json", "--model-provider", "stub", "--out"]).arg(home);
    let output = command.output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let id = told["id"].as_str().ok_or("no id")?.to_owned();
    let items = read_history(&RealDisk, &source)?.items;
    let history: Vec<Marker> = items.iter().flat_map(|item| markers(&item.value())).collect();
    if history.len() < 5 {
        return Err(format!("too little is left to be resumed: {history:?}").into());
    }
    let (call, _) = exec::exec(&mut stage, &native, Some(&id)).await?;
    exec::received(&stage.journal, call, &history)?;
    stage.stub.stop().await;
    Ok(())
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
