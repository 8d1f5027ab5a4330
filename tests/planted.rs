//! The alarm works: every planted bug is caught, by the invariant that is about it.
//!
//! The binary that `cargo test` builds has the bugs in it (a dev-dependency of the crate on itself switches the feature
//! on), and `builtin:bug=NAME` is a target of it. A release has neither.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::process::Command;

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

#[test]
fn every_planted_bug_is_caught_by_the_invariant_that_is_about_it() {
    let mut missed = Vec::new();
    for (bug, invariant, scenario) in BUGS {
        let cases = run(&["--target", &format!("builtin:bug={bug}"), "--filter", scenario]);
        let caught = cases.iter().filter(|case| case["scenario"] == *scenario).map(fired);
        let caught: BTreeSet<String> = caught.flatten().collect();
        if !caught.contains(*invariant) {
            missed.push(format!("{bug}: expected `{invariant}` on {scenario}, fired: {caught:?}"));
        }
    }
    assert!(missed.is_empty(), "bugs that were not caught:\n{}", missed.join("\n"));
}

#[test]
fn the_same_scenarios_find_nothing_on_the_healthy_server() {
    let scenarios: BTreeSet<&str> = BUGS.iter().map(|(_, _, scenario)| *scenario).collect();
    let mut args = Vec::new();
    for scenario in &scenarios {
        args.extend(["--filter", scenario]);
    }
    let cases = run(&args);
    assert!(cases.len() >= scenarios.len());
    for case in cases {
        assert_eq!(case["verdict"], "pass", "{case:#}");
    }
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
