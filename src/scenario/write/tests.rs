//! Reading what was written gives the same story, for stories made at random and for those of the suite.

use proptest::prelude::*;
use serde_json::json;

use super::to_toml;
use crate::check::Invariant;
use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Cut, Edge, Fault, FileError, FileOp, Rehydration, Signal, Trigger, Whom};
use crate::fault::power::{DataLoss, Loss};
use crate::model::script::{self, Break, Drip, Effect, Failure, Mangled, Output, Response, Usage};
use crate::rollout::generate::{Era, Spec};
use crate::rollout::mutate::{Keep, Mutator};
use crate::scenario::*;

/// The story alone: neither its source nor its lines.
fn story(mut scenario: Scenario) -> Scenario {
    scenario.source = String::new();
    scenario.steps.iter_mut().for_each(|step| step.line = 0);
    scenario
}

fn read(name: &str, source: &str) -> Scenario {
    Scenario::parse(name, None, source).unwrap_or_else(|wrong| panic!("{wrong}\n\n{source}"))
}

#[test]
fn the_suite_survives_writing_and_reading() {
    for (name, source) in builtin() {
        let scenario = read(&name, source);
        let written = to_toml(&scenario);
        assert_eq!(story(read(&name, &written)), story(scenario), "{written}");
    }
}

#[test]
fn the_text_is_the_same_when_it_is_written_again() {
    for (name, source) in builtin() {
        let written = to_toml(&read(&name, source));
        assert_eq!(to_toml(&read(&name, &written)), written);
    }
}

/// Text with everything that has to be escaped.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z \"'\\\\{}=#\\[\\]\\n\\r\\t\u{0}\u{1b}\u{7f}\u{85}äöü🙂]{1,30}",
        Just("'''\"\"\"\\u0041".to_owned()),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let failure = prop_oneof![
        (400..600_u16, "[a-z{}\"]{0,9}").prop_map(|(status, body)| Failure::Http { status, body }),
        Just(Failure::Reset),
        (400..600_u16, proptest::option::of(0..9_u32), proptest::option::of(0..9_000_u64))
            .prop_filter("else it is plain", |(_, retry, above)| retry.is_some() || above.is_some())
            .prop_map(|(status, retry_after, above)| Failure::Refused {
                status,
                body: String::new(),
                retry_after,
                above,
            }),
        Just(Failure::EncryptedContent),
        Just(Failure::At(script::Place::Chunk(1), Break::Reset)),
        Just(Failure::At(script::Place::Start, Break::Stall)),
        Just(Failure::At(script::Place::Head, Break::Close)),
        Just(Failure::At(script::Place::Item(1), Break::Reset)),
        Just(Failure::Events(Mangled::DoneTwice)),
        Just(Failure::ContentType { value: "text/html".to_owned() }),
        Just(Failure::Stall { after: 1 }),
        Just(Failure::Close { after: 0 }),
        Just(Failure::NoCompleted),
        "[a-z ]{1,9}".prop_map(|message| Failure::Failed { message }),
        Just(Failure::Malformed { after: 1 }),
    ];
    let tool = (text(), text(), any::<i64>(), -1e9..1e9_f64).prop_map(|(name, key, whole, float)| Output::Call {
        name: name.replace(['\n', '\r'], " "),
        arguments: json!({ key: [whole, float, true, {}], "a b": { "": "x" } }),
    });
    let times = prop_oneof![Just((1, 1)), Just((0, 0)), Just((0, 2))];
    let effect = proptest::option::of(times.prop_map(|times| Effect { name: "wrote.1".to_owned(), times }));
    let run = (text(), any::<bool>(), effect).prop_map(|(command, escalate, effect)| Output::Run {
        command,
        escalate,
        effect,
    });
    let tool = prop_oneof![tool, run];
    let text_output = (text(), 1..9_u32).prop_map(|(text, chunks)| Output::Text { text, chunks });
    let usage = (0..1_000_u64, 0..1_000_u64).prop_map(|(input, output)| Usage { input, output });
    (
        proptest::option::of((text(), any::<bool>()).prop_map(|(summary, sealed)| match sealed {
            true => Output::Sealed { summary },
            false => Output::Reasoning { summary },
        })),
        text_output,
        proptest::collection::vec(tool, 0..3),
        proptest::option::of(usage),
        proptest::option::of(failure),
    )
        .prop_map(|(reasoning, text, tools, usage, failure)| Response {
            output: reasoning.into_iter().chain([text]).chain(tools).collect(),
            drip: usage.map(|usage| Drip { bytes: 1 + usage.input as u32, every_ms: 1 + usage.output as u32 }),
            usage,
            failure,
        })
}

fn action() -> impl Strategy<Value = Action> {
    let signal = prop_oneof![Just(Signal::Kill), Just(Signal::Term), Just(Signal::Int), Just(Signal::Abort)];
    let whom = prop_oneof![Just(Whom::Server), Just(Whom::Group)];
    prop_oneof![
        (signal, whom).prop_map(|(signal, whom)| Action::Kill { signal, whom }),
        Just(Action::Eof),
        Just(Action::Stop),
        Just(Action::Continue),
    ]
}

/// Triggers that come, whatever the model's response is.
fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        Just(Trigger::Sent),
        (text(), 1..5_u32).prop_map(|(name, n)| Trigger::Frame { name: name.replace(['\n', '\r'], " "), n }),
        Just(Trigger::ModelRequest { n: 1 }),
        Just(Trigger::Rehydration(Rehydration::Configured)),
    ]
}

/// What happens at a file.
fn at_file() -> impl Strategy<Value = Fault> {
    let path = || "[a-z]{1,9}/\\*".prop_map(String::from);
    let op = prop_oneof![Just(FileOp::Write), Just(FileOp::Rename), Just(FileOp::Mkdir)];
    let byte = prop_oneof![Just(Cut::Nothing), (0..99_u64).prop_map(Cut::Bytes), Just(Cut::Half), Just(Cut::All)];
    let error = prop::sample::select(&FileError::ALL[..]);
    let at = prop_oneof![
        (path(), op, 1..9_u32).prop_map(|(path, op, n)| Trigger::Write { path, op, n, byte: Cut::Nothing }),
        (path(), 1..9_u32).prop_map(|(path, n)| Trigger::Read { path, n }),
        (path(), 1..9_u32).prop_map(|(path, n)| Trigger::Sync { path, n }),
    ];
    let what = prop_oneof![
        (error, any::<bool>()).prop_map(|(error, lasting)| Action::Errno { error, lasting }),
        Just(Action::Delay { ms: 20 }),
        Just(Action::Hold),
    ];
    let until = |what| (what == Action::Hold).then(|| Trigger::Frame { name: "answer".to_owned(), n: 1 });
    let whole = (at, what).prop_map(move |(at, what)| Fault { until: until(what), ..Fault::new(at, what) });
    let kind = "[a-z_]{1,9}".prop_map(String::from);
    let kill = Action::Kill { signal: Signal::Kill, whom: Whom::Group };
    let what = prop_oneof![Just(kill), Just(Action::Short)];
    let cut = (kind, 1..9_u32, byte, what)
        .prop_map(|(kind, n, byte, what)| Fault::new(Trigger::Record { kind, n, byte }, what));
    prop_oneof![whole, cut]
}

/// A call to the thread `n`; what does not fit a start is taken away from one later.
fn call() -> impl Strategy<Value = Call> {
    let id = prop_oneof![
        Just(Id::Current),
        Just(Id::First),
        text().prop_map(Id::Literal),
        Just(Id::Literal("urn:uuid:{current}".to_owned())),
        Just(Id::Literal(String::new())),
    ];
    let expected =
        prop_oneof![Just(Expected::Default), Just(Expected::Reply), Just(Expected::Error), Just(Expected::Any)];
    let path = proptest::option::of(prop_oneof![Just("project".to_owned()), Just("a b/\"ä\"/..c".to_owned())]);
    (
        (id, text(), path, proptest::option::of(Just("workspace-write".to_owned()))),
        proptest::collection::vec(response(), 1..3),
        proptest::option::of(prop_oneof![
            (trigger(), action()).prop_map(|(at, what)| Fault { then: rungs(what), ..Fault::new(at, what) }),
            at_file(),
        ]),
        (expected, proptest::option::of("[a-z\\\\.]{1,5}x")),
        proptest::option::of(1..1_000_u64),
    )
        .prop_map(|((id, prompt, cwd, sandbox), model, fault, (outcome, text), limit_ms)| Call {
            client: MAIN_CLIENT.to_owned(),
            thread: "main".to_owned(),
            id,
            prompt,
            cwd,
            sandbox,
            approval: None,
            model,
            fault,
            expect: Expect { outcome, text: text.filter(|text| regex_lite::Regex::new(text).is_ok()) },
            fill: limit_ms.map_or(0, |ms| ms as u32),
            approve: if limit_ms.is_some() { Approve::Hold } else { Approve::Deny },
            limit_ms,
        })
}

fn start(call: Call, thread: String) -> StepKind {
    let fault = call.fault.filter(|fault| !matches!(fault.at, Trigger::Rehydration(_)));
    StepKind::Codex(Call { thread, id: Id::Current, fault, ..call })
}

fn reply(call: Call) -> Call {
    let fault = call.fault.filter(|fault| !matches!(fault.at, Trigger::Frame { n: 2.., .. }));
    Call { cwd: None, sandbox: None, approval: None, fault, ..call }
}

fn restart(n: u32) -> StepKind {
    let signal = |signal, whom| Ending::Signal { signal, whom };
    let end = match n % 5 {
        0 => signal(Signal::Kill, Whom::Server),
        1 => signal(Signal::Kill, Whom::Group),
        2 => signal(Signal::Term, Whom::Server),
        3 => signal(Signal::Abort, Whom::Group),
        _ => Ending::Eof,
    };
    let opening = if n.is_multiple_of(2) { Opening::Plain } else { Opening::Lazy };
    let label = |often: u32| n.is_multiple_of(often).then(|| "other.1".to_owned());
    let env = label(4).map(|_| ("A_NAME".to_owned(), "a \"value\"".to_owned()));
    let (home, credentials, tz) = (label(3), label(2), label(7));
    let target = n.is_multiple_of(5).then(|| "codex@0.169.0/app-server".to_owned());
    let (then, env) = (rungs(end.into()), env.into_iter().collect());
    StepKind::Restart(Restart { end, then, opening, target, home, credentials, retries: n % 3, tz, env })
}

/// Further rungs, where the first can be resisted.
fn rungs(first: Action) -> Vec<Rung> {
    let kill = |signal| Action::Kill { signal, whom: Whom::Group };
    match first {
        Action::Kill { signal: Signal::Kill, .. } => Vec::new(),
        Action::Kill { .. } => vec![Rung { after_ms: 400, end: kill(Signal::Kill) }],
        Action::Eof => vec![
            Rung { after_ms: 2_000, end: Action::Kill { signal: Signal::Term, whom: Whom::Server } },
            Rung { after_ms: 2_000, end: kill(Signal::Kill) },
        ],
        _ => Vec::new(),
    }
}

/// A second client comes, says something and goes.
fn second(call: Call, n: u32) -> Vec<StepKind> {
    let step = |act| StepKind::Client(ClientStep { name: "second".to_owned(), act });
    let fault = Fault::new(Trigger::Sent, Action::Repeat);
    let end = Ending::Signal { signal: Signal::Term, whom: Whom::Group };
    let last = match n % 2 {
        0 => ClientAct::End { end, then: rungs(end.into()) },
        _ => ClientAct::SendHalf("{\"jsonrpc\"".to_owned()),
    };
    vec![
        step(ClientAct::Open(Opening::ProbeFirst)),
        step(ClientAct::SendBytes(vec![0xff, 0x00, n as u8])),
        step(ClientAct::Send("it's \"x\" \\ \t".to_owned())),
        StepKind::Reply(Call { client: "second".to_owned(), fault: Some(fault), ..call }),
        step(ClientAct::CancelLast),
        step(last),
    ]
}

/// Steps that make sense after one another, whatever `call` and `n` are: the last of them begins a life.
fn steps(number: usize, call: Call, n: u32) -> Vec<StepKind> {
    let thread = format!("thread {number}");
    let chunk = Fault::new(Trigger::ModelChunk { n: 1, edge: Edge::Before }, Action::Stop);
    let plain = Response { output: vec![Output::Text { text: "a".to_owned(), chunks: 1 }], ..Response::default() };
    let what = match n % 10 {
        0 => vec![start(call, thread)],
        1 => {
            let spec = Spec {
                turns: n,
                era: Era::ALL[n as usize % 4],
                seed: u64::from(n),
                tools: n % 3,
                interrupted: n.is_multiple_of(2),
                compaction: Some(n).filter(|n| *n > 0),
                sandbox: "workspace-write".to_owned(),
                approval: "never".to_owned(),
                ..Spec::default()
            };
            vec![StepKind::Rollout(Synthetic { thread, spec, cwd: call.cwd })]
        }
        2 => vec![StepKind::Place(Place { thread, file: "recorded/x.jsonl".to_owned(), cwd: call.cwd })],
        3 => {
            let keep = [Keep::Bytes(u64::from(n)), Keep::Half, Keep::AllButNewline][n as usize % 3];
            let torn = Damage { thread: "main".to_owned(), mutator: Mutator::torn_tail(keep), seed: 1 };
            let others: Vec<Mutator> = Mutator::all().filter(|mutator| mutator.keep().is_none()).collect();
            let other = others[n as usize % others.len()];
            let other = Damage { thread: "main".to_owned(), mutator: other, seed: u64::from(n) };
            let kill = StepKind::Kill { signal: Signal::Int, whom: Whom::Group };
            let data = [DataLoss::Lost, DataLoss::Zeros, DataLoss::After(u64::from(n))][n as usize / 10 % 3];
            let loss = Loss { data, names: n.is_multiple_of(4) };
            let sqlite = [Sqlite::Kept, Sqlite::Deleted, Sqlite::Older][n as usize / 10 % 3];
            let lost = StepKind::PowerLoss(PowerLoss { loss, sqlite });
            vec![lost, StepKind::Damage(torn), StepKind::Damage(other), restart(0), kill]
        }
        4 => vec![
            StepKind::File(FileStep::Write { path: "a".to_owned(), text: call.prompt }),
            StepKind::File(FileStep::Mkdir { path: "b/c".to_owned() }),
            StepKind::File(FileStep::Remove { path: "b".to_owned() }),
            StepKind::File(match n / 10 % 8 {
                0 => FileStep::Move { from: "{rollout}".to_owned(), to: "home/archived_sessions/{name}".to_owned() },
                1 => FileStep::Copy { from: "home".to_owned(), to: "home-b".to_owned() },
                2 => FileStep::Symlink { path: "a".to_owned(), to: "{id:main}".to_owned() },
                3 => FileStep::Chmod { path: "{rollout}".to_owned(), mode: n },
                4 => FileStep::Touch { path: "a".to_owned(), age_s: u64::from(n) },
                5 => FileStep::Lock { path: "home/{id}.lock".to_owned() },
                6 => FileStep::Unlock,
                _ => FileStep::Sqlite(Sqlite::Garbage),
            }),
        ],
        5 => vec![
            StepKind::Pause { stop: true },
            StepKind::Pause { stop: false },
            StepKind::Wait { frame: "x".to_owned(), limit_ms: call.limit_ms },
            StepKind::Eof,
        ],
        6 => {
            let calls = [reply(call.clone()), reply(call)].map(|call| TogetherCall { start: false, call });
            vec![StepKind::Together(calls.to_vec())]
        }
        7 => vec![StepKind::Reply(Call { fault: Some(chunk), model: vec![plain], ..reply(call) })],
        8 => second(reply(call), n),
        _ => vec![StepKind::Reply(reply(call))],
    };
    what.into_iter().chain([restart(n)]).collect()
}

prop_compose! {
    fn scenario()(
        title in "[^\\r\\n]{1,40}",
        refs in proptest::collection::hash_set("[a-z/#0-9]{1,9}", 0..3),
        answers in proptest::collection::vec(response(), 0..2),
        moves in proptest::collection::vec((call(), 0..90_u32), 0..8),
        first in call(),
        last in call(),
    ) -> Scenario {
        let mut told = vec![start(Call { fault: None, ..first }, "main".to_owned()), restart(0)];
        told.extend(moves.into_iter().enumerate().flat_map(|(number, (call, n))| steps(number, call, n)));
        told.push(StepKind::Reply(Call { id: Id::Current, ..reply(last) }));
        Scenario {
            name: "made".to_owned(),
            path: None,
            source: String::new(),
            title,
            refs: refs.into_iter().collect(),
            proves: vec![Invariant::Rehydrates, Invariant::ShownIsSent],
            needs: vec![Need::Tools, Need::Mcp],
            models: answers.into_iter().map(|response| Unprompted { when: "^.*\\d".to_owned(), response }).collect(),
            steps: told.into_iter().map(|what| Step { line: 0, what }).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_what_was_written_gives_the_same_story(made in scenario()) {
        let written = to_toml(&made);
        prop_assert_eq!(story(read("made", &written)), made);
    }
}
