//! How clients come and go: what the server reads, what ends it, and which life is whose.

use std::path::PathBuf;

use libtest_mimic::Trial;
use rehydra::fault::client::{Opening, Rung};
use rehydra::fault::plan::{Action, Fault, Signal, Trigger, Whom};
use rehydra::journal::{AnswerOutcome, Body, Direction, Frame, Kind};
use rehydra::target::{End, LifePlan, Target};
use serde_json::Value;

use crate::rig::{KILL, Plan, Rig, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_plain_client_initializes_and_lists_the_tools", || opens(Opening::Plain, "old", PLAIN)),
        trial("a_probe_comes_first_and_is_waited_for", || opens(Opening::ProbeFirst, "old", PROBED)),
        trial("a_late_answer_to_a_probe_hurts_nobody", || opens(Opening::ProbeLate, "slow-probe", PROBED)),
        trial("a_lazy_client_asks_for_no_tools", || opens(Opening::Lazy, "old", LAZY)),
        trial("a_life_that_is_thrown_away_gets_the_probe_and_no_more", thrown),
        trial("a_ladder_is_climbed_as_far_as_it_takes", climbed),
        trial("a_server_that_ends_at_once_meets_one_rung", first_rung),
        trial("a_fault_climbs_its_ladder_too", faulty_ladder),
        trial("a_call_that_is_taken_back_is_waited_for_no_longer", taken_back),
        trial("a_call_is_written_again_with_the_id_it_has", repeated),
        trial("half_a_line_has_no_end", half),
        trial("each_client_has_a_life_of_its_own", two_lives),
    ]
}

const PLAIN: &[&str] = &["0 initialize", "- notifications/initialized", "1 tools/list", "2 tools/call"];
const PROBED: &[&str] = &[
    "server-discover-probe-1 server/discover",
    "0 initialize",
    "- notifications/initialized",
    "1 tools/list",
    "2 tools/call",
];
const LAZY: &[&str] =
    &["server-discover-probe-1 server/discover", "0 initialize", "- notifications/initialized", "1 tools/call"];

async fn open(rig: &Rig, opening: Option<Opening>) {
    let plan =
        LifePlan { incarnation: 1, process_cwd: rig.dir.path().to_owned(), opening, differs: Default::default() };
    rig.target.open(plan).await.expect("the life begins");
}

fn frames(rig: &Rig, direction: Direction) -> Vec<Frame> {
    rig.all(|kind| match kind {
        Kind::Frame(frame) if frame.direction == direction => Some(frame),
        _ => None,
    })
}

/// Id and method of each line that was written.
fn written(rig: &Rig) -> Vec<String> {
    let frames = frames(rig, Direction::In);
    let word = |frame: &Frame| {
        let Body::Text(text) = &frame.bytes else { return "a long line".to_owned() };
        let line: Value = serde_json::from_str(text).expect("JSON");
        let id = line.get("id").map_or("-".to_owned(), |id| id.as_str().map_or(id.to_string(), str::to_owned));
        format!("{id} {}", line["method"].as_str().unwrap_or_default())
    };
    frames.iter().map(word).collect()
}

async fn opens(opening: Opening, mode: &'static str, lines: &'static [&'static str]) {
    let rig = Plan::fake(mode).rig();
    open(&rig, Some(opening)).await;
    assert_eq!(rig.call("hello").await.text, "you said: hello");
    rig.bury(KILL).await;
    assert_eq!(written(&rig), lines);
}

async fn thrown() {
    let rig = Plan::fake("old").rig();
    open(&rig, None).await;
    rig.bury(KILL).await;
    assert_eq!(written(&rig), ["server-discover-probe-1 server/discover"]);
    assert!(!rig.story().contains(&"life".to_owned()), "nobody opened it");
    assert_eq!(rig.story().last().map(String::as_str), Some("death"));
}

const TERM: Action = Action::Kill { signal: Signal::Term, whom: Whom::Server };

fn rungs(times: [u64; 3]) -> Vec<Rung> {
    let kill = Action::Kill { signal: Signal::Kill, whom: Whom::Group };
    times.into_iter().zip([Action::Eof, TERM, kill]).map(|(after_ms, end)| Rung { after_ms, end }).collect()
}

/// Exit code, signal, and what was asked for.
fn end(rig: &Rig) -> (Option<i32>, Option<i32>, Option<String>) {
    let exits = rig.all(|kind| match kind {
        Kind::Exit(exit) => Some((exit.code, exit.signal)),
        _ => None,
    });
    let asked = rig.all(|kind| match kind {
        Kind::Death(death) => Some(death.asked),
        _ => None,
    });
    assert_eq!((exits.len(), asked.len()), (1, 1));
    assert!(!rig.story().contains(&"leftover".to_owned()));
    (exits[0].0, exits[0].1, asked[0].clone())
}

async fn climbed() {
    let rig = Plan::fake("deaf-to-eof").rig();
    rig.open(1).await;
    rig.bury(Some(End::Ladder(rungs([0, 50, 60_000])))).await;
    assert_eq!(end(&rig), (None, Some(15), Some("eof".to_owned())));
}

async fn first_rung() {
    let rig = Plan::fake("old").rig();
    rig.open(1).await;
    rig.bury(Some(End::Ladder(rungs([0, 60_000, 60_000])))).await;
    assert_eq!(end(&rig), (Some(0), None, Some("eof".to_owned())));
}

async fn faulty_ladder() {
    let rig = Plan::fake("deaf-to-eof").rig();
    rig.open(1).await;
    let then = rungs([0, 50, 60_000]).split_off(1);
    let fault = Fault { then, ..Fault::new(Trigger::Sent, Action::Eof) };
    rig.armed.arm(rig.next(), "f".into(), fault);
    assert_eq!(rig.call("stuck").await.outcome, AnswerOutcome::Closed);
    rig.bury(None).await;
    assert_eq!(end(&rig), (None, Some(15), Some("eof".to_owned())));
}

async fn taken_back() {
    let rig = Plan::fake("old").rig();
    rig.open(1).await;
    let call = rig.next();
    rig.armed.arm(call, "f".into(), Fault::new(Trigger::Sent, Action::Cancel));
    assert_eq!(rig.call("stuck").await.outcome, AnswerOutcome::Cancelled);
    assert!(!rig.armed.disarm(call), "the life goes on");
    assert_eq!(rig.call("hello").await.outcome, AnswerOutcome::Reply);
    rig.bury(KILL).await;
    assert_eq!(written(&rig)[3..], ["2 tools/call", "- notifications/cancelled", "3 tools/call"]);
    let cancel = &frames(&rig, Direction::In)[4].bytes;
    assert!(matches!(cancel, Body::Text(text) if text.contains("\"requestId\":2")), "{cancel:?}");
}

async fn repeated() {
    let rig = Plan::fake("old").rig();
    rig.open(1).await;
    rig.armed.arm(rig.next(), "f".into(), Fault::new(Trigger::Sent, Action::Repeat));
    let mut ask = rig.ask("hello");
    ask.faulted = true;
    let answer = rig.target.send(ask).await.expect("sent").0.await.expect("every call ends");
    assert_eq!(answer.outcome, AnswerOutcome::Reply);
    rig.bury(Some(End::Eof)).await;
    let calls = frames(&rig, Direction::In).split_off(3);
    assert_eq!((calls.len(), &calls[0].bytes), (2, &calls[1].bytes));
}

async fn half() {
    let rig = Plan::fake("old").rig();
    rig.open(1).await;
    rig.target.write(b"{\"jsonrpc\"", false).await;
    rig.bury(Some(End::Eof)).await;
    let last = frames(&rig, Direction::In).pop().expect("a frame");
    assert_eq!((last.partial, last.bytes), (true, Body::Text("{\"jsonrpc\"".to_owned())));
}

async fn two_lives() {
    let rig = Plan::fake("old").rig();
    let second = rig.target.another();
    rig.open(1).await;
    let process_cwd: PathBuf = rig.dir.path().to_owned();
    second
        .open(LifePlan { incarnation: 2, process_cwd, opening: Some(Opening::Plain), differs: Default::default() })
        .await
        .expect("it begins");
    let kill = Action::Kill { signal: Signal::Kill, whom: Whom::Server };
    rig.armed.arm(rig.next(), "f".into(), Fault::new(Trigger::Sent, kill));
    let pending = second.send(rig.ask("stuck")).await.expect("sent");
    assert_eq!(pending.0.await.expect("every call ends").outcome, AnswerOutcome::Closed);
    assert_eq!((second.is_alive(), rig.target.is_alive()), (false, true));
    assert_eq!(rig.call("hello").await.text, "you said: hello");
    second.bury(None).await.expect("buried");
    rig.bury(KILL).await;
    let lives = |is: fn(&Kind) -> bool| {
        let events = rig.events();
        events.iter().filter(|event| is(&event.kind)).map(|event| event.incarnation).collect::<Vec<_>>()
    };
    assert_eq!(lives(|kind| matches!(kind, Kind::Spawn(_))), [1, 2]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Call(_))), [2, 1]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Answer(_))), [2, 1]);
    assert_eq!(lives(|kind| matches!(kind, Kind::Death(_))), [2, 1]);
    let frames = lives(|kind| matches!(kind, Kind::Frame(frame) if frame.direction == Direction::In));
    assert_eq!(frames, [1, 1, 1, 2, 2, 2, 2, 1]);
}
