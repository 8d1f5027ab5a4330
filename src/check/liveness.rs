//! `responsive` and `no-orphans`: every call ends, and so does every process.
//!
//! A call ends by an answer or an error within its limit. One that is cut off because the story ended its life (by the
//! call's own fault, by the fault of a call beside it, or by a step) is no finding; one whose server died by itself is.
//! After a fault of the model the next call must work: an error without asking the model again is a finding. So is a life
//! that does not open where an earlier one did: its calls cannot even be sent.

use super::Invariant;
use super::outcome::{Finding, Outcome, one_line};
use super::turn::Turn;
use super::view::View;
use crate::journal::{AnswerOutcome, Event, Kind};

/// Every call ends within its limit, and a call that follows a model fault works.
pub(super) fn responsive(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    let mut opened = false;
    for event in &view.run.events {
        match &event.kind {
            Kind::Life(_) => opened = true,
            Kind::Unopened(unopened) if opened => findings.push(opens_no_more(event, &unopened.text)),
            _ => {}
        }
    }
    for (n, turn) in view.turns.iter().enumerate() {
        looked |= turn.answer.is_some();
        if let Some((got, text)) = endless(view, turn) {
            let limit = format!("an answer within {} ms", turn.call.what.limit_ms);
            findings.push(turn.finding(Invariant::Responsive, (limit, got), text, turn.evidence()));
        } else if let Some(before) = view.turns.get(..n).and_then(|before| broken_by_model(before, turn)) {
            let got = turn.answer.map(|a| one_line(&a.what.text)).unwrap_or_default();
            let text = format!("the thread is unusable after a model fault: {got}");
            let mut evidence = turn.evidence();
            evidence.extend(before.evidence());
            findings.push(turn.finding(Invariant::Responsive, ("an answer of the model", got), text, evidence));
        }
    }
    Outcome::conclude(findings, looked, "no call was made")
}

/// A life that does not open after one that did; the text's first line says what it did instead.
fn opens_no_more(event: &Event, text: &str) -> Finding {
    let (what, more) = text.split_once('\n').unwrap_or((text, ""));
    Finding {
        invariant: Invariant::Responsive,
        call: None,
        incarnation: event.incarnation,
        step: None,
        expected: "a conversation that opens as it did before".to_owned(),
        got: one_line(more),
        text: format!("life {} does not open: {what}", event.incarnation),
        evidence: vec![event.seq],
    }
}

/// What became of a call that has no proper end.
fn endless(view: &View<'_>, turn: &Turn<'_>) -> Option<(String, String)> {
    let thread = &turn.call.what.thread;
    match turn.outcome() {
        Some(AnswerOutcome::Timeout) => {
            let text = format!("a call to thread `{thread}` is not answered within {} ms", turn.call.what.limit_ms);
            Some(("nothing".to_owned(), text))
        }
        Some(AnswerOutcome::Closed) if !ended_by_story(view, turn) => Some((
            "the end of the server".to_owned(),
            format!("the server ends by itself during a call to thread `{thread}`"),
        )),
        // A harness that was stopped leaves calls without an end; that is no fault of the target's.
        None if view.run.incomplete().is_none() => {
            Some(("no end at all".to_owned(), format!("a call to thread `{thread}` has no end in the journal")))
        }
        _ => None,
    }
}

fn ended_by_story(view: &View<'_>, turn: &Turn<'_>) -> bool {
    let life = turn.call.incarnation;
    turn.call.what.faulted
        || view.faults.iter().any(|f| f.what.fired && view.life_of(f) == life)
        || view.deaths.iter().find(|d| d.incarnation == life).is_none_or(|d| d.what.asked.is_some())
}

/// The turn of the same thread and life just before, if the model failed it and this one was refused on its own.
fn broken_by_model<'v, 'r>(before: &'v [Turn<'r>], turn: &Turn<'r>) -> Option<&'v Turn<'r>> {
    if !turn.is_error() || !turn.requests.is_empty() {
        return None;
    }
    let same =
        |t: &&Turn<'r>| t.thread == turn.thread && t.thread.is_some() && t.call.incarnation == turn.call.incarnation;
    before.iter().rfind(same).filter(|t| t.is_error() && t.requests.iter().any(|r| r.what.refused.is_none()))
}

/// No process of an ended life is still there when its limit has passed.
pub(super) fn no_orphans(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    for event in &view.run.events {
        let Kind::Leftover(leftover) = &event.kind else { continue };
        if leftover.pids.is_empty() {
            continue;
        }
        let pids = leftover.pids.iter().take(8).map(u32::to_string).collect::<Vec<_>>().join(", ");
        let (count, waited) = (leftover.pids.len(), leftover.waited_ms);
        findings.push(Finding {
            invariant: Invariant::NoOrphans,
            call: None,
            incarnation: event.incarnation,
            step: None,
            expected: format!("no process {waited} ms after the end of the life"),
            got: format!("pids {pids}"),
            text: match count {
                1 => format!("a process of life {} outlives it", event.incarnation),
                _ => format!("{count} processes of life {} outlive it", event.incarnation),
            },
            evidence: vec![event.seq],
        });
    }
    Outcome::conclude(findings, !view.deaths.is_empty(), "no life ended")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Broken, Lane, Leftover, TargetKind, Unopened};

    fn one_call(outcome: AnswerOutcome, faulted: bool) -> Story {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say { outcome, faulted, ..Say::start("main", A) });
        story
    }

    #[test]
    fn a_call_that_is_answered_holds() {
        assert_eq!(one_call(AnswerOutcome::Reply, false).says(Invariant::Responsive), Outcome::Held);
    }

    #[test]
    fn a_call_that_hangs_is_found() {
        let story = one_call(AnswerOutcome::Timeout, false);
        assert_eq!(text(&story.says(Invariant::Responsive)), "a call to thread `main` is not answered within 20000 ms");
    }

    #[test]
    fn a_server_that_dies_by_itself_is_found_and_one_that_is_killed_is_not() {
        let mut crashed = one_call(AnswerOutcome::Closed, false);
        crashed.death(None);
        assert!(text(&crashed.says(Invariant::Responsive)).contains("ends by itself"));
        let mut killed = one_call(AnswerOutcome::Closed, true);
        killed.fault(1, true);
        killed.death(Some("KILL"));
        assert_eq!(killed.says(Invariant::Responsive), Outcome::Held);
    }

    #[test]
    fn a_call_beside_a_faulted_one_may_die_with_it() {
        let mut story = one_call(AnswerOutcome::Closed, false);
        story.fault(9, true);
        story.death(None);
        assert_eq!(story.says(Invariant::Responsive), Outcome::Held);
    }

    #[test]
    fn a_call_without_an_end_is_found_unless_the_harness_broke() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.call(&Say::start("main", A));
        assert!(text(&story.says(Invariant::Responsive)).contains("no end"));
        story.push(Lane::Player, Kind::Broken(Broken { step: None, text: "interrupted".into() }));
        assert!(is_unjudged(&story.says(Invariant::Responsive)));
    }

    #[test]
    fn a_thread_that_a_model_fault_made_unusable_is_found() {
        let mut story = one_call(AnswerOutcome::ToolError, false);
        story.say(Say { text: Some("thread is busy".into()), ..Say::refused("main", A) });
        assert!(text(&story.says(Invariant::Responsive)).contains("unusable after a model fault: thread is busy"));
        let mut usable = one_call(AnswerOutcome::ToolError, false);
        usable.say(Say::reply("main", A, A, Vec::new()));
        assert_eq!(usable.says(Invariant::Responsive), Outcome::Held);
    }

    #[test]
    fn a_life_that_opens_no_more_is_found_and_a_first_one_is_not() {
        let mut story = Story::new(TargetKind::Builtin);
        let text = "target `x` exited with code 3 before the conversation was open\n  on stderr: locked".to_owned();
        story.push(Lane::Target, Kind::Unopened(Unopened { text: text.clone() }));
        assert!(is_unjudged(&story.says(Invariant::Responsive)));
        story.life();
        story.say(Say::start("main", A));
        story.death(Some("KILL"));
        story.push(Lane::Target, Kind::Unopened(Unopened { text }));
        let outcome = story.says(Invariant::Responsive);
        assert!(self::text(&outcome).contains("does not open: target `x` exited with code 3"));
        assert_eq!(outcome.findings().first().map(|f| f.got.as_str()), Some("on stderr: locked"));
    }

    #[test]
    fn a_process_that_outlives_its_life_is_found() {
        let mut story = one_call(AnswerOutcome::Reply, false);
        assert!(is_unjudged(&story.says(Invariant::NoOrphans)));
        story.death(Some("KILL"));
        assert_eq!(story.says(Invariant::NoOrphans), Outcome::Held);
        story.push(Lane::Target, Kind::Leftover(Leftover { pids: Vec::new(), waited_ms: 2000 }));
        assert_eq!(story.says(Invariant::NoOrphans), Outcome::Held);
        story.push(Lane::Target, Kind::Leftover(Leftover { pids: vec![7, 8], waited_ms: 2000 }));
        assert_eq!(text(&story.says(Invariant::NoOrphans)), "2 processes of life 1 outlive it");
    }
}
