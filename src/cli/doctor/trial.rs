//! The one thing that proves more than every probe: a conversation with our own server, killed and brought back.

use std::path::Path;
use std::time::Duration;

use super::finding::Finding;
use crate::harness;
use crate::limits::Limits;
use crate::player::{self, Plan};
use crate::report::{COLUMNS, explanations};
use crate::scenario::{self, Baseline, Scenario};
use crate::target::resolve::TargetName;
use crate::verdict::Verdict;
use crate::world::{Clock, RealClock};

const NAME: &str = "trial";
/// The story that is played.
const STORY: &str = "idle/kill-9";
/// How long it may take.
const TRIAL_MS: u64 = 30_000;

/// Plays the story in a directory of its own, which is removed again. Without a launcher there is nothing to play.
pub(super) fn trial(findings: &mut Vec<Finding>, launcher: Option<&Path>) {
    let Some(launcher) = launcher else { return };
    let clock = RealClock::default();
    findings.push(match played(launcher) {
        Ok(()) => {
            let text = format!("`{STORY}` passes on `builtin` in {} ms", clock.elapsed().as_millis());
            Finding::ok(NAME, text)
        }
        Err(text) => {
            let help = format!("`rehydra run --filter {STORY} --keep` plays it again and keeps the run's directory");
            Finding::fail(NAME, format!("`{STORY}` does not pass on `builtin`: {text}"), help)
        }
    });
}

fn played(launcher: &Path) -> Result<(), String> {
    let found = scenario::builtin().into_iter().find(|(name, _)| name == STORY);
    let (name, source) = found.ok_or("it is not in this binary")?;
    let scenario = Scenario::parse(&name, None, source).map_err(|wrong| wrong.to_string())?;
    let target = TargetName::Builtin.resolve().map_err(|error| error.to_string())?;
    let dir = tempfile::tempdir().map_err(|error| format!("no temporary directory can be made: {error}"))?;
    let run = dir.path().join("run");
    let limits = Limits { run_ms: TRIAL_MS, ..Limits::default() };
    let plan = Plan { launcher: Some(launcher), ..Plan::new(&scenario, &target, limits, &run) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("no threads can be made: {error}"))?;
    let limit = Duration::from_millis(2 * TRIAL_MS);
    let failure = runtime.block_on(async { tokio::time::timeout(limit, player::play(plan)).await });
    let failure = match failure {
        Ok(played) => played.err().map(|error| error.to_string()),
        Err(_) => Some(format!("it did not end within {} ms", 2 * TRIAL_MS)),
    };
    let case = harness::judge(&run, &Baseline::default(), failure);
    if case.verdict == Verdict::Pass {
        return Ok(());
    }
    let told = explanations(std::slice::from_ref(&case), COLUMNS).concat();
    Err(anstream::adapter::strip_str(&told).to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}
