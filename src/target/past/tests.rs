//! The record is played to where the player acts next, wherever the recorded server died between two calls.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::tape::Tape;
use super::{Cut, Recording};
use crate::fault::armed::Armed;
use crate::journal::*;
use crate::marker::{Carrier, Marker};
use crate::target::{Ask, Pending};

fn ask(call: CallId) -> Ask {
    Ask {
        call,
        step: call,
        client: None,
        thread: "main".into(),
        kind: CallKind::Reply,
        id: Some(("an id".into(), IdChoice::Current)),
        prompt: String::new(),
        marker: Marker::new(Carrier::Prompt, 1, 1),
        cwd: None,
        sandbox: None,
        approval: None,
        faulted: false,
        approve: None,
        limit: Duration::from_secs(1),
    }
}

fn answer(call: CallId, outcome: AnswerOutcome) -> Kind {
    let (text, notes) = (String::new(), Vec::new());
    Kind::Answer(Answer {
        from: Vec::new(),
        call,
        outcome,
        id_returned: None,
        text,
        notes,
        error_kind: None,
        raw: None,
    })
}

fn called(call: CallId) -> Kind {
    Kind::Call(crate::target::speech::called(ask(call), Vec::new()))
}

fn step(n: u32) -> Kind {
    Kind::Step(Step { n, what: "reply".into(), line: n })
}

/// A life with these events between its opening and the next step.
fn recording(dir: &Path, events: Vec<(Lane, Kind)>) -> Arc<Recording> {
    let life = Life { from: Vec::new(), process_cwd: String::new(), home: None, credentials: None, target: None };
    let all = std::iter::once((Lane::Target, Kind::Life(life))).chain(events);
    let number = |(n, (lane, kind))| Event { seq: n as Seq + 1, at: 0, incarnation: 1, lane, kind };
    let events = all.enumerate().map(number).collect();
    let blobs = BlobStore::new(dir);
    let run = Run { header: testing::header("past", 1), events, blobs, cut_short: false };
    Arc::new(Recording { run, dir: dir.to_owned() })
}

/// The first step's call and its answer, and then these.
fn after_one_call(events: Vec<(Lane, Kind)>) -> Vec<(Lane, Kind)> {
    let first = [(Lane::Player, step(1)), (Lane::Client, called(1)), (Lane::Client, answer(1, AnswerOutcome::Reply))];
    first.into_iter().chain(events).collect()
}

/// A tape of that record with its life opened, cut before an event.
fn opened(dir: &Path, recording: Arc<Recording>, before: Seq) -> (Journal, Tape) {
    let header = testing::header("past", 1);
    let journal = Journal::create(dir, &header, Redactor::new([]), || 0).expect("a journal");
    let armed = Arc::new(Armed::new(journal.clone()));
    let mut tape = Tape::new(recording, Cut { before, landed: 0 }, journal.clone(), armed);
    tape.open(1).expect("the life is opened");
    (journal, tape)
}

fn outcome(pending: Result<Pending, crate::target::TargetError>) -> AnswerOutcome {
    pending.expect("it is in the record").0.try_recv().expect("an answer").outcome
}

fn calls(journal: &Journal) -> Vec<CallId> {
    let call = |event: &Event| match &event.kind {
        Kind::Call(call) => Some(call.call),
        _ => None,
    };
    journal.events().iter().filter_map(call).collect()
}

const END: Seq = 99;

#[test]
fn a_life_that_ended_between_two_calls_has_ended_before_the_second() {
    let (then, now) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let record = recording(
        then.path(),
        after_one_call(vec![
            (Lane::Target, Kind::Exit(Exit { code: None, signal: Some(9) })),
            (Lane::Target, Kind::Death(Death { from: Vec::new(), asked: Some("KILL".into()) })),
            (Lane::Player, step(2)),
            (Lane::Client, called(2)),
            (Lane::Client, answer(2, AnswerOutcome::Closed)),
            (Lane::Player, step(3)),
        ]),
    );
    let (journal, mut tape) = opened(now.path(), record, END);
    assert_eq!(outcome(tape.send(ask(1))), AnswerOutcome::Reply);
    assert!(!tape.is_alive(), "the player sees it before it goes on");
    tape.bury().unwrap();
    assert_eq!(outcome(tape.send(ask(2))), AnswerOutcome::Closed);
    assert_eq!(calls(&journal), [1, 2]);
}

#[test]
fn a_life_that_the_player_ends_lives_until_then() {
    let (then, now) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let record = recording(
        then.path(),
        after_one_call(vec![(Lane::Player, step(2)), (Lane::Target, Kind::Exit(Exit { code: Some(0), signal: None }))]),
    );
    let (_, mut tape) = opened(now.path(), record, END);
    assert_eq!(outcome(tape.send(ask(1))), AnswerOutcome::Reply);
    assert!(tape.is_alive());
}

#[test]
fn a_call_that_comes_to_a_dead_server_is_told_with_its_end() {
    let (then, now) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let record = recording(then.path(), vec![(Lane::Player, step(1)), (Lane::Client, called(1))]);
    // Before the step, the last place at which nothing is asked.
    let (journal, mut tape) = opened(now.path(), record, 2);
    assert_eq!(outcome(tape.send(ask(1))), AnswerOutcome::Closed);
    assert_eq!(calls(&journal), [1]);
}
