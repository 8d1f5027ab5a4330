//! What `rehydra init` finds out, and what `rehydra run` says of the server that it describes.

use libtest_mimic::Trial;
use rehydra::codex::install;

use crate::rig::Place;

pub(crate) fn trials(codex_missing: bool) -> Vec<Trial> {
    let trial = |name: &str, test: fn()| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    };
    vec![
        trial("a healthy server passes whatever its profile lets be played", healthy),
        trial("an id that stands in the text alone is found, and that it changes", two),
        trial("arguments within arguments and an id within JSON are found", nested),
        trial("a server with an empty history for every id breaks durable and honest", forgetful),
        trial("an engine that outlives its server breaks no-orphans", engine),
        trial("our own server is described as codex-compatible", ours),
        trial("codex mcp-server is described, and does not come back", codex).with_ignored_flag(codex_missing),
        trial("what is there already is not overwritten", kept),
        trial("what the user knows goes into the profile", told),
    ]
}

fn healthy() {
    let place = Place::new();
    let found = [
        "`ask` begins with /question, `ask` goes on with /question; the directory goes to /dir, and the model is told",
        "told at /structuredContent/session",
        "taken at /session; an unknown one gets `no such session: ",
        "its requests come to the stub with OPENAI_BASE_URL and OPENAI_API_KEY",
        "after kill -9 the whole conversation came back under its id; that the directory was gone was told",
        "level core; its tools are its own, and it keeps no rollouts of Codex",
        "wrote rehydra.toml; next: `rehydra run` plays the suite on it",
    ];
    let came = place.init(&[], &["foreign-server", "ask"]).to(0, &found);
    assert_eq!(came.err, "", "nobody sees progress here");
    let profile = place.profile();
    for line in [
        "[target.mine]",
        r#"start = { tool = "ask", prompt = "/question", cwd = "/dir" }"#,
        r#"reply = { tool = "ask", prompt = "/question", id = "/session" }"#,
        r#"id-in = { pointer = "/structuredContent/session" }"#,
        r#"identity = "same""#,
        r#"level = "core""#,
        "rollouts = false",
        "unknown-id-error = '^no such session: '",
        r"note = '^\[notice\]'",
        r#"env = { OPENAI_BASE_URL = "{stub}/v1", OPENAI_API_KEY = "{token}" }"#,
    ] {
        assert!(profile.lines().any(|found| found == line), "no `{line}` in:\n{profile}");
    }
    let cases = place.run(&[]);
    let is_bad = |name: &str, verdict: &str| !BEYOND.contains(&name) && verdict != "pass" && verdict != "unsupported";
    let bad: Vec<_> = cases.iter().filter(|(name, verdict, _)| is_bad(name, verdict)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let passed = cases.iter().filter(|(_, verdict, _)| verdict == "pass").count();
    assert!(passed >= 25, "only {passed} of {} scenarios say anything", cases.len());
}

/// What a small server that does one thing after the other cannot give: it takes no call back, does not stand frames of
/// no sense, bytes that are no text or an id that comes twice, takes an item that the model tells twice for two, finds the
/// model by the variables that one story changes, and does not share a conversation with another process.
const BEYOND: [&str; 11] = [
    "client/bytes-that-are-no-text",
    "client/cancel-then-reply",
    "client/frames-of-no-sense",
    "client/id-used-twice",
    "client/stopped-with-calls-taken-back",
    "effects/call-told-twice",
    "homes/another-environment",
    "model/item-done-twice",
    "races/branch-from-live",
    "races/branch-in-mid-turn",
    "races/one-id-at-once",
];

/// A conversation that is killed, one whose directory goes, and an id that nobody knows.
const FEW: [&str; 3] = ["idle/kill-9-twice", "disk/cwd-gone", "unknown/unknown-id"];

fn passes(place: &Place) {
    let cases = place.run(&FEW);
    assert_eq!(cases.len(), FEW.len());
    assert!(cases.iter().all(|(_, verdict, _)| verdict == "pass"), "{cases:?}");
}

fn two() {
    let place = Place::new();
    let found = ["`begin` begins with /message, `continue` goes on with /message", "came back under a new id"];
    place.init(&[], &["foreign-server", "two"]).to(0, &found);
    let profile = place.profile();
    assert!(profile.contains(r"id-in = { text = 'conversation:\s*([A-Za-z0-9_-]+)' }"), "{profile}");
    assert!(profile.contains(r#"identity = "new""#), "{profile}");
    assert!(profile.contains(r#"unknown-id-error = "^'.*' is not one of the conversations here""#), "{profile}");
    passes(&place);
}

fn nested() {
    let place = Place::new();
    place.init(&[], &["foreign-server", "nested"]).to(0, &["`chat` begins with /input/text", "does not exist`"]);
    let profile = place.profile();
    assert!(profile.contains(r#"args = { options = { mode = "fast" } }"#), "{profile}");
    assert!(profile.contains(r#"id = "/options/conversation_id""#), "{profile}");
    passes(&place);
}

fn forgetful() {
    let place = Place::new();
    let found = ["an unknown one is answered as if it were known", "after kill -9 it answered with an empty history"];
    place.init(&[], &["foreign-server", "forgetful"]).to(0, &found);
    for (scenario, verdict, broken) in place.run(&["idle/kill-9", "turn/kill-between-chunks"]) {
        assert_eq!(
            (verdict.as_str(), broken.as_slice()),
            ("fail", ["durable", "honest"].map(str::to_owned).as_slice()),
            "{scenario}"
        );
    }
    let calm = place.run(&["calm/no-fault"]);
    assert!(calm.iter().all(|(_, verdict, _)| verdict == "pass"), "without a restart it forgets nothing: {calm:?}");
}

fn engine() {
    let place = Place::new();
    place.init(&[], &["foreign-server", "engine"]).to(0, &["1 process outlived it"]);
    for (scenario, verdict, broken) in place.run(&["idle/kill-9"]) {
        assert_eq!((verdict.as_str(), broken.as_slice()), ("fail", ["no-orphans".to_owned()].as_slice()), "{scenario}");
    }
    // What is killed with its server, or told to go, leaves nothing.
    let orderly = place.run(&["idle/group-killed", "idle/eof"]);
    assert!(orderly.iter().all(|(_, verdict, _)| verdict == "pass"), "{orderly:?}");
}

fn ours() {
    let place = Place::new();
    let ours = [env!("CARGO_BIN_EXE_rehydra"), "serve", "--engine", "embedded"];
    let found = ["by CODEX_HOME alone", "came back under a new id", "codex-compatible", "it keeps Codex's rollouts"];
    place.rehydra(&[&["init", "--name", "ours", "--"], ours.as_slice()].concat()).to(0, &found);
    assert!(place.profile().contains("[target.ours]"));
    let cases = place.run(&["idle/kill-9", "disk/torn-tail", "stale/at-once", "unknown/unknown-id"]);
    assert!(cases.iter().all(|(_, verdict, _)| verdict == "pass"), "{cases:?}");
}

fn codex() {
    let version = "0.153.4".parse().expect("a version");
    let codex = install::ensure(version).expect("npm installs it").native.display().to_string();
    let place = Place::new();
    let says = ["codex-compatible", "the conversation did not come back: `Session not found for thread_id: "];
    place.rehydra(&["init", "--", &codex, "mcp-server"]).to(0, &says);
    let cases = place.run(&["idle/kill-9", "calm/no-fault"]);
    let verdict =
        |name: &str| cases.iter().find(|(case, ..)| case == name).map(|(_, v, broken)| (v.as_str(), broken.clone()));
    assert_eq!(verdict("calm/no-fault"), Some(("pass", vec![])));
    assert_eq!(verdict("idle/kill-9"), Some(("fail", vec!["rehydrates".to_owned()])));
}

fn kept() {
    let place = Place::new();
    std::fs::write(place.path("rehydra.toml"), "mine").expect("written");
    place.init(&[], &["foreign-server", "ask"]).to(2, &["rehydra.toml is there already", "--force"]);
    assert_eq!(std::fs::read_to_string(place.path("rehydra.toml")).expect("there"), "mine");
    place.init(&["--out", "nowhere/x.toml"], &["foreign-server", "ask"]).to(2, &["nowhere is no directory"]);
    place.init(&["--out", "other.toml"], &["foreign-server", "ask"]).to(0, &["wrote other.toml", "./rehydra.toml"]);
    place.init(&["--force"], &["foreign-server", "ask"]).to(0, &["wrote rehydra.toml"]);
    assert!(place.profile().contains("[target.mine]"));
}

fn told() {
    let place = Place::new();
    let flags = ["--name", "a.b", "--env", "OPENAI_BASE_URL={stub}/v1", "--env", "X=1", "--limit", "call_ms=15000"];
    place.init(&flags, &["foreign-server", "ask"]).to(0, &["with OPENAI_BASE_URL and X and OPENAI_API_KEY"]);
    let profile = place.profile();
    assert!(profile.contains(r#"[target."a.b"]"#), "{profile}");
    assert!(profile.contains("limits = { call_ms = 15000 }"), "{profile}");
    passes(&place);
    for (flags, says) in [
        (["--env", "X"], "`--env X` sets nothing"),
        (["--env", "HOME=/"], "`HOME` is set for the run"),
        (["--name", "a b"], "is no name for a target"),
        (["--limit", "call_ms=0"], "changes nothing"),
    ] {
        place.init(&[&["--force"], flags.as_slice()].concat(), &["foreign-server", "ask"]).to(2, &[says]);
    }
}
