//! The alarm works: every planted bug is caught, by the invariant that is about it.
//!
//! The binary that `cargo test` builds has the bugs in it (a dev-dependency of the crate on itself switches the feature
//! on), and `builtin:bug=NAME` is a target of it. A release has neither.
//!
//! The other way round, every story of the suite is failed by something: a bug, or a release of Codex with a gap in the
//! baseline. The stories say by what at their heads; further bugs stand in a table here. That the healthy server passes
//! all of them is for `tests/scenarios.rs`.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use rehydra::check::Invariant;
use rehydra::scenario::{Baseline, Gap, builtin, builtin_baseline};
use rehydra::serve::embedded::Bug;
use serde_json::Value;

/// A bug, the invariant that must catch it, and the scenarios in which it must show.
const BUGS: &[(&str, &str, &str)] = &[
    ("last-turn-dropped", "durable", "idle/kill-9"),
    ("first-turn-dropped", "durable", "idle/kill-9-twice"),
    ("turn-repeated", "once", "idle/kill-9"),
    ("process-cwd", "cwd", "idle/kill-9"),
    ("old-id-returned", "new-thread-id", "idle/kill-9"),
    ("dead-id-returned", "new-thread-id", "idle/kill-9-twice"),
    ("newest-file", "isolated", "idle/kill-9"),
    ("source-truncated", "source-kept", "idle/kill-9"),
    ("fresh-thread-for-unknown-id", "unknown-id", "unknown/unknown-id"),
    ("silent-blank-history", "honest", "idle/kill-9"),
    ("answers-before-writing", "durable", "idle/kill-9"),
    ("stale-id-forks-silently", "stale-id", "stale/at-once"),
    ("wider-sandbox", "no-wider", "idle/kill-9"),
    ("leaks-other-thread", "isolated", "threads/two-in-one-life"),
    ("environment-credential", "same-auth", "idle/kill-9"),
    ("orphan-child-process", "no-orphans", "idle/kill-9"),
    ("turns-swapped", "ordered", "idle/kill-9-twice"),
    ("text-cut", "durable", "idle/kill-9"),
    ("roles-lost", "nothing-invented", "idle/kill-9"),
    ("tool-outputs-dropped", "paired", "disk/envelope-era"),
    ("interruption-claimed", "nothing-invented", "idle/kill-9"),
    ("approval-widened", "no-wider", "idle/kill-9"),
    ("notes-kept-back", "honest", "disk/torn-reply"),
    ("notes-kept-back", "honest", "disk/cwd-gone"),
    ("other-file-truncated", "source-kept", "idle/kill-9"),
    ("alias-lost", "stale-id", "stale/after-another-restart"),
    ("canned-reply", "rehydrates", "idle/kill-9"),
    ("noise-on-stdout", "protocol", "idle/kill-9"),
    ("branch-untold", "honest", "races/branch-from-live"),
    ("branch-untold", "honest", "races/one-id-at-once"),
    ("branch-untold", "honest", "races/branch-in-mid-turn"),
    ("branch-aliased", "stale-id", "races/old-id-after-a-race"),
    ("leaks-other-thread", "isolated", "races/two-clients"),
    ("alias-lost", "stale-id", "races/taken-over-after-a-death"),
    ("cancel-ignored", "responsive", "client/cancel-then-reply"),
    ("first-turn-dropped", "durable", "client/stopped-with-calls-taken-back"),
    ("noise-on-stdout", "protocol", "client/probe-first"),
    ("last-turn-dropped", "durable", "client/probe-late"),
    ("turn-repeated", "once", "client/lazy-restart"),
    ("orphan-child-process", "no-orphans", "client/spawned-twice"),
    ("orphan-child-process", "no-orphans", "client/eof-term-kill"),
    ("first-turn-dropped", "durable", "client/eof-term-kill-in-mid-turn"),
    ("answers-before-writing", "durable", "client/int-term-kill"),
    ("newest-file", "isolated", "client/stopped-with-calls-piling-up"),
    ("first-turn-dropped", "durable", "client/half-a-frame"),
    ("silent-blank-history", "honest", "client/frames-of-no-sense"),
    ("turn-repeated", "once", "client/id-used-twice"),
    ("calls-home", "hermetic", "idle/kill-9"),
];

/// The cases of `rehydra run` with these arguments, from its JSON.
fn run(args: &[&str]) -> Vec<Value> {
    let runs = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_rehydra"))
        .env_remove("GITHUB_ACTIONS")
        .args(["run", "--json", "-", "--runs"])
        .arg(runs.path())
        .args(args)
        .output()
        .expect("rehydra starts");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let json = stdout.find("{\n").map(|at| &stdout[at..]).unwrap_or_default();
    let all: Value = serde_json::from_str(json)
        .unwrap_or_else(|error| panic!("no JSON: {error}\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr)));
    all["cases"].as_array().expect("cases").clone()
}

fn fired(case: &Value) -> BTreeSet<String> {
    let checks = case["checks"].as_array().expect("checks").iter();
    let found = checks.filter(|check| check["outcome"] == "findings");
    found.map(|check| check["invariant"].as_str().expect("a name").to_owned()).collect()
}

/// What the stories of the suite say at their heads: `# Red on TARGET: INVARIANT.`, each as target, invariant and story.
fn told_red() -> Vec<(String, String, String)> {
    let mut red = Vec::new();
    for (scenario, source) in builtin() {
        for line in source.lines().filter_map(|line| line.strip_prefix("# Red on ")) {
            let told = line.strip_suffix('.').and_then(|line| line.rsplit_once(": "));
            let (target, invariant) = told.unwrap_or_else(|| panic!("{scenario}: no target and invariant in `{line}`"));
            assert!(invariant.parse::<Invariant>().is_ok(), "{scenario}: no invariant is called `{invariant}`");
            red.push((target.to_owned(), invariant.to_owned(), scenario.clone()));
        }
    }
    red
}

/// Every bug with the stories in which it must show, each with the invariant that must catch it.
fn planted() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut planted: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (bug, invariant, scenario) in BUGS {
        let stories = planted.entry((*bug).to_owned()).or_default();
        stories.insert(((*scenario).to_owned(), (*invariant).to_owned()));
    }
    for (target, invariant, scenario) in told_red() {
        if let Some(bug) = target.strip_prefix("builtin:bug=") {
            planted.entry(bug.to_owned()).or_default().insert((scenario, invariant));
        }
    }
    planted
}

#[test]
fn every_planted_bug_is_caught_by_the_invariant_that_is_about_it() {
    let mut missed = Vec::new();
    for (bug, stories) in planted() {
        let target = format!("builtin:bug={bug}");
        let mut args = vec!["--target", &target];
        for (scenario, _) in &stories {
            args.extend(["--filter", scenario]);
        }
        let cases = run(&args);
        for (scenario, invariant) in &stories {
            let case = cases.iter().find(|case| case["scenario"] == **scenario);
            let caught = case.map(fired).unwrap_or_default();
            if !caught.contains(invariant) {
                missed.push(format!("{bug}: expected `{invariant}` on {scenario}, fired: {caught:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "bugs that were not caught:\n{}", missed.join("\n"));
}

#[test]
fn every_bug_has_a_story() {
    let planted = planted();
    for bug in Bug::ALL {
        assert!(planted.contains_key(bug.name()), "no story says that it finds `{bug}`");
    }
}

#[test]
fn a_story_that_nothing_fails_proves_nothing() {
    let baseline = Baseline::parse("baseline.toml", builtin_baseline()).unwrap_or_else(|wrong| panic!("{wrong}"));
    let told = told_red();
    for (target, invariant, scenario) in told.iter().filter(|(target, ..)| !target.starts_with("builtin:bug=")) {
        let covers = |gap: &&Gap| gap.covers(scenario, target) && gap.invariants.iter().any(|i| i.name() == invariant);
        assert!(baseline.gaps.iter().find(covers).is_some(), "{scenario}: the baseline has no {invariant} on {target}");
    }
    let named = |name: &str| BUGS.iter().any(|(.., scenario)| *scenario == name) || told.iter().any(|t| t.2 == name);
    let unnamed: Vec<String> = builtin().into_iter().map(|(name, _)| name).filter(|name| !named(name)).collect();
    assert!(unnamed.is_empty(), "nothing is known to fail these; say at their heads what does: {unnamed:?}");
}

/// The one case of a story that is no part of the suite, on the healthy server.
fn told(story: &str) -> Value {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("story.toml");
    std::fs::write(&path, story).expect("the story is written");
    run(&[path.to_str().expect("UTF-8")]).remove(0)
}

#[test]
fn a_turn_with_reasoning_and_tools_is_no_invention() {
    let case = told(
        r#"rehydra = 1
title  = "reasoning, a tool call and two messages"
proves = ["rehydrates", "durable", "ordered", "once", "nothing-invented", "paired"]
[[step]]
codex = { prompt = "Remember the colour blue.", model = { reasoning = "Hm.", text = "Noted." } }
[[step]]
reply.prompt = "Look it up."
reply.model = [
    { reasoning = "Where?", text = "Looking.", tools = [{ name = "shell", arguments = { command = ["echo", "{marker}"] } }] },
    { reasoning = "There.", text = "Found." },
]
[[step]]
restart = {}
[[step]]
reply = { prompt = "Which colour?", model = { reasoning = "Well.", text = "Blue." } }
[[step]]
reply = { prompt = "Sure?", model = { text = "Sure." } }
"#,
    );
    assert_eq!(case["verdict"], "pass", "{case:#}");
}

#[test]
fn a_call_that_nothing_excuses_is_to_be_replied_to() {
    let case = told(
        r#"rehydra = 1
title  = "an error that the story does not expect"
proves = ["responsive"]
[[step]]
codex = { prompt = "Remember the colour blue.", model = { text = "Noted." } }
[[step]]
reply = { prompt = "Which colour?", model = { text = "Blue.", fail = { http = 500 } } }
"#,
    );
    assert_eq!(case["verdict"], "fail", "{case:#}");
    assert!(case["reason"].to_string().contains("the scenario expects a reply, and got"), "{case:#}");
}
