//! Every trigger fires at the point that it names, with every action, on our own server and on a real Codex.
//!
//! Each trial plays one story through the library and reads the journal: what had happened when the fault fired, and
//! that nothing happened afterwards that the fault rules out. The trials on the real Codex need npm, as those of
//! `codex.rs` do.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

#[path = "stage/npm.rs"]
mod npm;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::check;
use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::journal::{AnswerOutcome, Body, CallId, Direction, Kind, Run, Seq};
use rehydra::limits::Limits;
use rehydra::player::{LiveError, Plan, play};
use rehydra::scenario::{Baseline, Scenario};
use rehydra::target::foreign::Setup;
use rehydra::target::profile;
use rehydra::target::resolve::Resolved;
use rehydra::verdict::{self, Verdict};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Test = fn() -> Result<(), Failure>;

const REHYDRA: &str = env!("CARGO_BIN_EXE_rehydra");

const CODEX: &str = "0.153.4";
/// The chunks of the faulted call's reply.
const CHUNKS: usize = 4;

/// Where a fault fires.
#[derive(Clone, Copy)]
enum At {
    Sent,
    /// The call's event or answer of that name was read.
    Frame(&'static str),
    Request,
    /// So many chunks were taken and no more.
    Chunks(usize),
    End,
}

/// Triggers of a call in the life that began its thread.
const LOADED: &[(&str, At)] = &[
    ("sent = \"call\"", At::Sent),
    ("frame = \"agent_message\"", At::Frame("agent_message")),
    ("frame = \"answer\"", At::Frame("answer")),
    ("model-request = 1", At::Request),
    ("model-chunk = 1, edge = \"before\"", At::Chunks(0)),
    ("model-chunk = 1, edge = \"after\"", At::Chunks(1)),
    ("model-chunk = 3, edge = \"before\"", At::Chunks(2)),
    ("model-chunk = 3, edge = \"after\"", At::Chunks(3)),
    ("model-chunk = 4, edge = \"after\"", At::Chunks(4)),
    ("model-end = true", At::End),
];

/// Triggers of the first call after a restart.
const RESTORED: &[(&str, At)] = &[
    ("rehydration = \"call\"", At::Sent),
    ("rehydration = \"configured\"", At::Frame("session_configured")),
    ("rehydration = \"model\"", At::Request),
    ("model-chunk = 2, edge = \"after\"", At::Chunks(2)),
];

/// Actions that end the life at once, and what the journal calls them.
const DEADLY: &[(&str, &str)] = &[
    ("kill = { signal = \"KILL\", whom = \"server\" }", "KILL"),
    ("kill = { signal = \"KILL\", whom = \"group\" }", "KILL"),
    ("kill = { signal = \"TERM\", whom = \"server\" }", "TERM"),
    ("kill = { signal = \"INT\", whom = \"server\" }", "INT"),
    ("kill = { signal = \"ABRT\", whom = \"server\" }", "ABRT"),
];

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let missing = npm::missing();
    let mut trials = Vec::new();
    for (at, point) in LOADED {
        for (what, asked) in DEADLY {
            let test = move || ends_at(&ours(), false, at, what, *point, asked);
            trials.push(Trial::test(format!("builtin: {at}: {what}"), test));
        }
        let test = move || ends_at(&codex()?, false, at, DEADLY[0].0, *point, DEADLY[0].1);
        trials.push(Trial::test(format!("codex {CODEX}: {at}"), test).with_ignored_flag(missing));
        trials.push(Trial::test(format!("builtin: {at}: eof"), move || drains_at(at, *point)));
    }
    for (at, point) in RESTORED {
        let test = move || ends_at(&ours(), true, at, DEADLY[0].0, *point, DEADLY[0].1);
        trials.push(Trial::test(format!("builtin: {at}, after a restart"), test));
    }
    let others: [(&str, Test); 7] = [
        ("of two processes for one life the first is thrown away", twice),
        ("a stopped server goes on when it is continued", stopped),
        ("of calls together the fault of one ends all", together),
        ("a request counts within its turn", second_request),
        ("a server that ends by itself fails its story and not the harness", crashes),
        ("a journal beyond its limit is told and never judged", full),
        ("a run beyond its limit still buries its life", late),
    ];
    for (name, test) in others {
        trials.push(Trial::test(name, move || test().map_err(failed)));
    }
    libtest_mimic::run(&args, trials).exit_code()
}

fn failed(failure: Failure) -> Failed {
    Failed::from(failure.to_string())
}

fn ours() -> Resolved {
    Resolved { profile: profile::builtin(Path::new(REHYDRA)), version: None, setup: Setup::default() }
}

fn codex() -> Result<Resolved, Failed> {
    let version: Version = CODEX.parse()?;
    let native = install::ensure(version)?.native;
    Ok(Resolved { profile: profile::codex_mcp(CODEX, &native), version: Some(version), setup: Setup::default() })
}

/// A run that was played, and its directory for as long as it is looked at.
struct Played {
    run: Run,
    ended: Result<(), LiveError>,
    _dir: tempfile::TempDir,
}

fn played(target: &Resolved, limits: Limits, steps: &str) -> Result<Played, Failure> {
    let source = format!("rehydra = 1\ntitle = \"a trial\"\nproves = [\"responsive\"]\n{steps}");
    let scenario = Scenario::parse("trial", None, &source).map_err(|error| error.to_string())?;
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let launcher = Some(Path::new(REHYDRA));
    let plan = Plan { launcher, ..Plan::new(&scenario, target, limits, dir.path()) };
    let ended = runtime.block_on(play(plan));
    let run = Run::read(dir.path())?;
    Ok(Played { run, ended, _dir: dir })
}

/// Plays to a whole journal.
fn told(target: &Resolved, steps: &str) -> Result<Run, Failure> {
    let Played { run, ended, .. } = played(target, Limits { open_ms: 60_000, ..Limits::default() }, steps)?;
    ended?;
    run.incomplete().map_or(Ok(run), |why| Err(why.into()))
}

/// What a journal says, in the words of these trials.
trait Says {
    fn seq(&self, is: impl Fn(&Kind) -> bool) -> Vec<Seq>;
    /// When the one fault of the story fired.
    fn fired(&self) -> Seq;
    /// Moments at which the stub's answers held `text`.
    fn model_said(&self, text: &str) -> Vec<Seq>;
    /// Moments at which the target's lines held `text`.
    fn target_said(&self, text: &str) -> Vec<Seq>;
    fn outcome(&self, call: CallId) -> Vec<AnswerOutcome>;
    fn asked(&self) -> Vec<Option<String>>;
}

fn holds(body: &Body, text: &str) -> bool {
    matches!(body, Body::Text(body) if body.contains(text))
}

impl Says for Run {
    fn seq(&self, is: impl Fn(&Kind) -> bool) -> Vec<Seq> {
        self.events.iter().filter(|event| is(&event.kind)).map(|event| event.seq).collect()
    }

    fn fired(&self) -> Seq {
        let faults = self.seq(|kind| matches!(kind, Kind::Fault(_)));
        let fired = self.seq(|kind| matches!(kind, Kind::Fault(fault) if fault.fired));
        assert_eq!((faults.len(), fired.len()), (1, 1), "the fault fires, and once");
        fired[0]
    }

    fn model_said(&self, text: &str) -> Vec<Seq> {
        self.seq(|kind| {
            matches!(kind, Kind::ModelBytes(said) if said.direction == Direction::Out && holds(&said.bytes, text))
        })
    }

    fn target_said(&self, text: &str) -> Vec<Seq> {
        self.seq(|kind| matches!(kind, Kind::Frame(f) if f.direction == Direction::Out && holds(&f.bytes, text)))
    }

    fn outcome(&self, call: CallId) -> Vec<AnswerOutcome> {
        let answers = self.events.iter().filter_map(|event| match &event.kind {
            Kind::Answer(answer) if answer.call == call => Some(answer.outcome),
            _ => None,
        });
        answers.collect()
    }

    fn asked(&self) -> Vec<Option<String>> {
        let deaths = self.events.iter().filter_map(|event| match &event.kind {
            Kind::Death(death) => Some(death.asked.clone()),
            _ => None,
        });
        deaths.collect()
    }
}

/// The bytes that carry a chunk of the second call; the first call's reply comes in one.
const CHUNK: &str = "response.output_text.delta";

/// A thread of one turn, and a second call with that fault.
fn story(restored: bool, at: &str, what: &str) -> String {
    let restart = if restored { "[[step]]\nrestart = {}\n" } else { "" };
    format!(
        "[[step]]\ncodex = {{ prompt = \"One.\", model = {{ text = \"First.\" }} }}\n{restart}\
         [[step]]\nreply.prompt = \"Two.\"\nreply.model = {{ text = \"Second, in parts.\", chunks = {CHUNKS} }}\n\
         reply.fault = {{ at = {{ {at} }}, {what} }}\n"
    )
}

/// What had happened when the fault fired; for what the model said, that this was all of it.
fn assert_point(run: &Run, point: At, and_no_more: bool) {
    let fired = run.fired();
    let call = run.seq(|kind| matches!(kind, Kind::Call(call) if call.call == 2))[0];
    let request = run.seq(|kind| matches!(kind, Kind::ModelRequest(request) if request.call == Some(2)));
    let since = |seqs: Vec<Seq>| seqs.into_iter().filter(|seq| *seq > call).collect::<Vec<_>>();
    let before = |seqs: &[Seq]| seqs.iter().filter(|seq| **seq < fired).count();
    let (chunks, completed) = (since(run.model_said(CHUNK)), since(run.model_said("response.completed")));
    assert!(call < fired);
    match point {
        At::Sent => {}
        At::Frame("answer") => assert_eq!(before(&since(run.seq(|kind| matches!(kind, Kind::Answer(_))))), 1),
        At::Frame(name) => {
            let said = since(run.target_said(&format!("\"{name}\"")));
            assert_eq!(before(&said), 1, "`{name}` was read, and read first");
        }
        At::Request => {
            assert_eq!(before(&request), 1);
            assert_eq!(before(&since(run.model_said(""))), 0, "nothing is answered yet");
        }
        At::Chunks(n) => {
            assert_eq!(before(&chunks), n);
            assert_eq!(before(&completed), 0);
        }
        At::End => {
            assert_eq!((before(&chunks), before(&completed)), (CHUNKS, 0));
            assert_eq!(before(&since(run.model_said("response.output_item.done"))), 1);
        }
    }
    // A life that has ended gets nothing more, so what was taken by then is all that was ever taken.
    let until = run.seq(|kind| matches!(kind, Kind::Call(call) if call.call == 3)).first().copied().unwrap_or(Seq::MAX);
    if and_no_more && matches!(point, At::Request | At::Chunks(_) | At::End) {
        let later: Vec<Seq> = run.model_said("").into_iter().filter(|seq| (fired..until).contains(seq)).collect();
        assert!(later.is_empty(), "fired at {fired}, and the stub still wrote at {later:?}");
    }
}

/// The fault ends the life at its point, and the conversation goes on in the next life where the server can do that.
fn ends_at(target: &Resolved, restored: bool, at: &str, what: &str, point: At, asked: &str) -> Result<(), Failed> {
    let next = "[[step]]\nrestart = {}\n[[step]]\nreply = { prompt = \"Three.\", model = { text = \"Third.\" } }\n";
    let run = told(target, &(story(restored, at, what) + next)).map_err(failed)?;
    assert_point(&run, point, true);
    let answered = matches!(point, At::Frame("answer"));
    let outcome = run.outcome(2);
    // The server may have answered before it died of a frame; at every other point it cannot have.
    match point {
        At::Frame("agent_message") | At::Sent => assert_eq!(outcome.len(), 1),
        _ => assert_eq!(outcome, [if answered { AnswerOutcome::Reply } else { AnswerOutcome::Closed }]),
    }
    let lives = run.asked();
    let life = usize::from(restored);
    assert_eq!(lives[life].as_deref(), Some(asked));
    assert_eq!(lives.len(), life + 2);
    if target.version.is_none() {
        assert_eq!(run.outcome(3), [AnswerOutcome::Reply]);
    }
    Ok(())
}

/// A closed stdin lets the call end: the server drains, then the life ends.
fn drains_at(at: &str, point: At) -> Result<(), Failed> {
    let run = told(&ours(), &story(false, at, "eof = {}")).map_err(failed)?;
    assert_point(&run, point, false);
    assert_eq!(run.outcome(2), [AnswerOutcome::Reply]);
    assert_eq!(run.asked(), [Some("eof".to_owned())]);
    let code = run.events.iter().find_map(|event| match &event.kind {
        Kind::Exit(exit) => Some((exit.code, exit.signal)),
        _ => None,
    });
    assert_eq!(code, Some((Some(0), None)));
    Ok(())
}

fn stopped() -> Result<(), Failure> {
    let stop = story(true, "model-chunk = 2, edge = \"after\"", "stop = {}")
        .replace("reply.prompt", "reply.limit_ms = 3000\nreply.prompt");
    let go_on = "[[step]]\nsignal = \"CONT\"\n[[step]]\nwait = { frame = \"task_complete\" }\n";
    let run = told(&ours(), &(stop + go_on))?;
    let fired = run.fired();
    let continued = run.seq(|kind| matches!(kind, Kind::Step(step) if step.what == "signal"))[0];
    assert_eq!(run.outcome(2), [AnswerOutcome::Timeout]);
    let completed = run.target_said("task_complete");
    assert!(completed.iter().all(|seq| !(fired..continued).contains(seq)), "a stopped server says nothing");
    assert!(completed.iter().any(|seq| *seq > continued), "it goes on where it stood");
    Ok(())
}

fn twice() -> Result<(), Failure> {
    let steps = "[[step]]\nclient = { opening = \"twice\" }\n\
         [[step]]\ncodex = { prompt = \"One.\", model = { text = \"First.\" } }\n";
    let run = told(&ours(), steps)?;
    let lives = |is: fn(&Kind) -> bool| {
        run.events.iter().filter(|event| is(&event.kind)).map(|event| event.incarnation).collect::<Vec<_>>()
    };
    assert_eq!(lives(|kind| matches!(kind, Kind::Spawn(_))), [1, 2]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Life(_))), [2]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Death(_))), [1, 2]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Call(_))), [2]);
    assert_eq!(run.outcome(1), [AnswerOutcome::Reply]);
    Ok(())
}

fn together() -> Result<(), Failure> {
    let kill = DEADLY[0].0;
    let steps = format!(
        "[[step]]\ntogether = [\n\
         {{ codex = {{ prompt = \"One.\", model = {{ text = \"First.\", chunks = 2, fail = {{ stall-after = 1 }} }} }} }},\n\
         {{ codex = {{ prompt = \"Two.\", thread = \"other\", model = {{ text = \"Second.\", chunks = 2 }}, \
         fault = {{ at = {{ model-chunk = 1, edge = \"after\" }}, {kill} }} }} }},\n]\n"
    );
    let run = told(&ours(), &steps)?;
    run.fired();
    assert_eq!((run.outcome(1), run.outcome(2)), (vec![AnswerOutcome::Closed], vec![AnswerOutcome::Closed]));
    assert_eq!(run.asked(), [Some("KILL".to_owned())]);
    Ok(())
}

fn second_request() -> Result<(), Failure> {
    let kill = DEADLY[0].0;
    let call = "{ name = \"shell\", arguments = { command = [\"true\"] } }";
    let steps = format!(
        "[[step]]\ncodex = {{ prompt = \"One.\", model = {{ text = \"First.\" }} }}\n\
         [[step]]\nreply.prompt = \"Two.\"\nreply.model = [{{ tools = [{call}] }}, {{ text = \"Second.\" }}]\n\
         reply.fault = {{ at = {{ model-request = 2 }}, {kill} }}\n"
    );
    let run = told(&ours(), &steps)?;
    let requests = run.seq(|kind| matches!(kind, Kind::ModelRequest(request) if request.call == Some(2)));
    assert_eq!(requests.len(), 2);
    assert!(requests[1] < run.fired());
    assert_eq!(run.outcome(2), [AnswerOutcome::Closed]);
    Ok(())
}

fn crashes() -> Result<(), Failure> {
    let story = "[[step]]\ncodex = { prompt = \"One.\", model = { text = \"First.\" } }\n\
         [[step]]\nreply = { prompt = \"Two.\", model = { text = \"Second.\" } }\n\
         [[step]]\nreply = { prompt = \"Three.\", model = { text = \"Third.\" } }\n";
    // The opening takes three lines, so it hears no call, or one; after that its input ends, and with it the server.
    let (closed, reply) = (AnswerOutcome::Closed, AnswerOutcome::Reply);
    for (lines, outcomes) in [("1 2 3", vec![closed]), ("1 2 3 4", vec![reply, closed, closed])] {
        let hear = format!("for line in {lines}; do read -r line; printf \"%s\\n\" \"$line\"; done");
        let command = format!("sh -c '{hear} | exec {REHYDRA} serve --engine embedded'");
        let run = told(
            &Resolved { profile: profile::from_command(&command)?, version: None, setup: Setup::default() },
            story,
        )?;
        assert_eq!((1..=3).flat_map(|call| run.outcome(call)).collect::<Vec<_>>(), outcomes);
        let verdict = verdict::judge(&run, &check::judge(&run, None), &Baseline::default());
        assert!(matches!(verdict, Verdict::Fail { .. }), "{verdict:?}");
    }
    Ok(())
}

fn full() -> Result<(), Failure> {
    let limits = Limits { journal_bytes: 12_000, ..Limits::default() };
    let steps = "[[step]]\ncodex = { prompt = \"One.\", model = { text = \"First.\" } }\n";
    let Played { run, ended, .. } = played(&ours(), limits, steps)?;
    let told = ended.expect_err("the journal is full").to_string();
    assert!(told.contains("12000 bytes"), "{told}");
    assert!(run.incomplete().is_some());
    Ok(())
}

fn late() -> Result<(), Failure> {
    // A stopped process does not see the end of its input, so the limit comes while the life is being buried.
    let limits = Limits { run_ms: 2_000, call_ms: 3_000, ..Limits::default() };
    let steps = "[[step]]\ncodex = { prompt = \"One.\", model = { text = \"First.\" } }\n\
         [[step]]\nsignal = \"STOP\"\n[[step]]\neof = {}\n";
    let Played { run, ended, .. } = played(&ours(), limits, steps)?;
    ended?;
    assert!(run.incomplete().is_some_and(|why| why.contains("its limit of 2000 ms")));
    let order = run.seq(|kind| matches!(kind, Kind::Broken(_) | Kind::Exit(_) | Kind::Death(_) | Kind::Snapshot(_)));
    let last = &run.events[order[order.len() - 1] as usize - 1].kind;
    assert!(matches!(last, Kind::Snapshot(_)), "the last snapshot follows the death");
    assert_eq!(run.asked(), [Some("eof".to_owned())]);
    Ok(())
}
