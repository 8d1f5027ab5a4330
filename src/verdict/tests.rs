//! One journal header, outcomes by hand, and what becomes of them.

use super::*;
use crate::check::{Finding, Invariant, Outcome};
use crate::journal::testing::header;
use crate::journal::*;
use crate::scenario::{Baseline, Gap};

const TEXT: &str = "Session not found for thread_id: 01a2";

fn run(proves: &[&str]) -> Run {
    let mut header = header("", 0);
    header.target.name = "codex@0.153.4".into();
    header.scenario.name = "idle/kill-9".into();
    header.scenario.proves = proves.iter().map(|name| (*name).to_owned()).collect();
    let blobs = BlobStore::new(std::path::Path::new("nowhere"));
    let run = Run { header, events: Vec::new(), blobs, cut_short: false };
    with(run, 99, Kind::Snapshot(Snapshot { when: SnapshotWhen::End, files: Vec::new() }))
}

fn with(mut run: Run, seq: Seq, kind: Kind) -> Run {
    run.events.push(Event { seq, at: 0, incarnation: 1, lane: Lane::Player, kind });
    run
}

fn unexpected(call: CallId) -> Kind {
    Kind::Unexpected(Unexpected { call, expected: "a reply".into(), got: "ToolError: no".into() })
}

fn finding(invariant: Invariant, call: Option<CallId>) -> Finding {
    Finding {
        invariant,
        call,
        incarnation: 2,
        step: call,
        expected: String::new(),
        got: TEXT.into(),
        text: format!("{invariant} is broken"),
        evidence: vec![50],
    }
}

/// All invariants held, but for these.
fn outcomes(others: &[(Invariant, Outcome)]) -> Vec<(Invariant, Outcome)> {
    let of = |invariant: &Invariant| {
        let other = others.iter().find(|(i, _)| i == invariant).map(|(_, outcome)| outcome.clone());
        (*invariant, other.unwrap_or(Outcome::Held))
    };
    Invariant::ALL.iter().map(of).collect()
}

fn broken(invariant: Invariant) -> (Invariant, Outcome) {
    (invariant, Outcome::Findings(vec![finding(invariant, Some(2))]))
}

fn unjudged(invariant: Invariant) -> (Invariant, Outcome) {
    (invariant, Outcome::Unjudged("no model request".into()))
}

fn gap(invariants: &[Invariant]) -> Gap {
    Gap {
        line: 7,
        scenario: "idle/*".into(),
        target: "codex@0.153.4".into(),
        invariants: invariants.to_vec(),
        text: Some("Session not found for thread_id".into()),
        reason: "threads live in memory".into(),
        refs: Vec::new(),
        races: false,
    }
}

fn known(gaps: &[Gap]) -> Baseline {
    Baseline { gaps: gaps.to_vec(), source: String::new() }
}

fn none() -> Baseline {
    Baseline::default()
}

const REHYDRATES: Invariant = Invariant::Rehydrates;
const DURABLE: Invariant = Invariant::Durable;

#[test]
fn what_held_and_was_looked_at_passes() {
    assert_eq!(judge(&run(&["durable"]), &outcomes(&[]), &none()), Verdict::Pass);
}

#[test]
fn what_is_unjudged_and_not_to_be_proved_does_not_matter() {
    assert_eq!(judge(&run(&["durable"]), &outcomes(&[unjudged(Invariant::Lean)]), &none()), Verdict::Pass);
}

#[test]
fn what_was_to_be_proved_and_is_unjudged_is_an_error() {
    let verdict = judge(&run(&["durable"]), &outcomes(&[unjudged(DURABLE)]), &none());
    let text = "durable is to be proved and could not be judged: no model request".to_owned();
    assert_eq!(verdict, Verdict::Error { text });
}

#[test]
fn a_finding_of_a_call_explains_why_nothing_could_be_judged() {
    let outcomes = outcomes(&[broken(REHYDRATES), unjudged(DURABLE)]);
    let run = run(&["rehydrates", "durable"]);
    assert!(matches!(judge(&run, &outcomes, &none()), Verdict::Fail { .. }));
    assert!(matches!(judge(&run, &outcomes, &known(&[gap(&[REHYDRATES])])), Verdict::Gap { .. }));
}

#[test]
fn a_finding_about_no_call_explains_nothing() {
    let orphans = (Invariant::NoOrphans, Outcome::Findings(vec![finding(Invariant::NoOrphans, None)]));
    let outcomes = outcomes(&[orphans, unjudged(DURABLE)]);
    assert!(matches!(judge(&run(&["durable"]), &outcomes, &none()), Verdict::Error { .. }));
}

#[test]
fn findings_outside_what_is_to_be_proved_count_too() {
    let verdict = judge(&run(&["durable"]), &outcomes(&[broken(Invariant::Isolated)]), &none());
    assert_eq!(verdict, Verdict::Fail { reason: "broken: isolated".into() });
}

#[test]
fn exactly_what_the_baseline_lists_is_a_gap() {
    let verdict = judge(&run(&["rehydrates"]), &outcomes(&[broken(REHYDRATES)]), &known(&[gap(&[REHYDRATES])]));
    assert_eq!(verdict, Verdict::Gap { reason: "threads live in memory".into(), refs: Vec::new() });
}

#[test]
fn one_invariant_more_fails() {
    let outcomes = outcomes(&[broken(REHYDRATES), broken(DURABLE)]);
    let verdict = judge(&run(&["rehydrates"]), &outcomes, &known(&[gap(&[REHYDRATES])]));
    assert_eq!(verdict, Verdict::Fail { reason: "broken beyond what line 7 of the baseline lists: durable".into() });
}

#[test]
fn one_invariant_fewer_is_fixed() {
    let listed = known(&[gap(&[REHYDRATES, DURABLE])]);
    let verdict = judge(&run(&["rehydrates"]), &outcomes(&[broken(REHYDRATES)]), &listed);
    let reason = "line 7 of the baseline lists durable, which no longer fires: take it out".to_owned();
    assert_eq!(verdict, Verdict::Fixed { reason });
    assert!(matches!(judge(&run(&["durable"]), &outcomes(&[]), &listed), Verdict::Fixed { .. }));
}

#[test]
fn other_words_than_the_baseline_s_fail() {
    let other = Gap { text: Some("^no such session$".into()), ..gap(&[REHYDRATES]) };
    let verdict = judge(&run(&["rehydrates"]), &outcomes(&[broken(REHYDRATES)]), &known(&[other]));
    assert!(matches!(verdict, Verdict::Fail { reason } if reason.contains("not in the words `^no such session$`")));
}

#[test]
fn a_second_failure_in_other_words_is_not_excused() {
    let other = Finding { got: "panicked at src/lib.rs".into(), ..finding(REHYDRATES, Some(3)) };
    let both = (REHYDRATES, Outcome::Findings(vec![finding(REHYDRATES, Some(2)), other]));
    let verdict = judge(&run(&["rehydrates"]), &outcomes(&[both]), &known(&[gap(&[REHYDRATES])]));
    assert!(matches!(verdict, Verdict::Fail { reason } if reason.contains("not in the words")));
    let silent = Finding { got: "nothing".into(), ..finding(DURABLE, Some(2)) };
    let others = outcomes(&[broken(REHYDRATES), (DURABLE, Outcome::Findings(vec![silent]))]);
    let verdict = judge(&run(&["rehydrates"]), &others, &known(&[gap(&[REHYDRATES, DURABLE])]));
    assert!(matches!(verdict, Verdict::Gap { .. }), "words are those of one of the invariants");
}

#[test]
fn an_entry_about_another_case_is_not_this_one_s() {
    let other = Gap { target: "codex@0.130.0".into(), ..gap(&[REHYDRATES]) };
    let verdict = judge(&run(&["rehydrates"]), &outcomes(&[broken(REHYDRATES)]), &known(&[other]));
    assert_eq!(verdict, Verdict::Fail { reason: "broken: rehydrates".into() });
}

#[test]
fn a_racing_gap_may_fire_or_not() {
    let racing = known(&[Gap { races: true, ..gap(&[REHYDRATES]) }]);
    assert_eq!(judge(&run(&["rehydrates"]), &outcomes(&[]), &racing), Verdict::Pass);
    assert!(matches!(judge(&run(&["rehydrates"]), &outcomes(&[broken(REHYDRATES)]), &racing), Verdict::Gap { .. }));
    assert!(matches!(judge(&run(&["rehydrates"]), &outcomes(&[broken(DURABLE)]), &racing), Verdict::Fail { .. }));
}

#[test]
fn a_scenario_that_proves_only_what_cannot_apply_is_unsupported() {
    let na = (Invariant::Additive, Outcome::NotApplicable("no control"));
    let verdict = judge(&run(&["additive"]), &outcomes(std::slice::from_ref(&na)), &none());
    assert_eq!(verdict, Verdict::Unsupported { reason: "additive: no control".into() });
    assert_eq!(judge(&run(&["additive", "durable"]), &outcomes(std::slice::from_ref(&na)), &none()), Verdict::Pass);
    let crashed = outcomes(&[na, broken(Invariant::Responsive)]);
    assert!(matches!(judge(&run(&["additive"]), &crashed, &none()), Verdict::Fail { .. }));
}

#[test]
fn a_fault_that_never_fired_is_an_error_whatever_else_was_found() {
    let outcomes = outcomes(&[broken(Invariant::Reached), broken(REHYDRATES)]);
    let verdict = judge(&run(&["rehydrates"]), &outcomes, &known(&[gap(&[REHYDRATES])]));
    assert!(matches!(verdict, Verdict::Error { text } if text.starts_with("reached is broken")));
}

#[test]
fn a_harness_that_failed_is_an_error() {
    let event = Kind::Broken(Broken { step: Some(3), text: "the target did not open".into() });
    let verdict = judge(&with(run(&["durable"]), 1, event), &outcomes(&[broken(DURABLE)]), &none());
    assert_eq!(verdict, Verdict::Error { text: "step 3: the target did not open".into() });
    let cut = Run { cut_short: true, ..run(&["durable"]) };
    assert!(matches!(judge(&cut, &outcomes(&[]), &none()), Verdict::Error { .. }));
}

#[test]
fn a_target_that_asks_another_model_is_an_error() {
    let answer = Answer {
        from: Vec::new(),
        call: 1,
        outcome: AnswerOutcome::Reply,
        id_returned: None,
        text: "Noted.".into(),
        notes: Vec::new(),
        error_kind: None,
        raw: None,
    };
    let verdict = judge(&with(run(&["responsive"]), 1, Kind::Answer(answer)), &outcomes(&[]), &none());
    assert!(matches!(verdict, Verdict::Error { text } if text.contains("does not come to {stub}")));
}

#[test]
fn a_story_that_was_not_recorded_to_its_end_is_an_error_and_never_a_pass() {
    let stopped = Run { events: Vec::new(), ..run(&["durable"]) };
    let Verdict::Error { text } = judge(&stopped, &outcomes(&[]), &none()) else { panic!("it has no end") };
    assert!(text.contains("before its story"), "{text}");
}

#[test]
fn a_promise_that_this_build_does_not_know_is_an_error() {
    assert!(matches!(judge(&run(&["soon"]), &outcomes(&[]), &none()), Verdict::Error { .. }));
}

#[test]
fn an_expectation_that_was_not_met_fails() {
    let run = with(run(&["durable"]), 9, unexpected(1));
    let reason = "call 1: the scenario expects a reply, and got ToolError: no".to_owned();
    assert_eq!(judge(&run, &outcomes(&[]), &none()), Verdict::Fail { reason });
}

#[test]
fn an_expectation_that_a_finding_explains_is_not_counted_beside_it() {
    let listed = known(&[gap(&[REHYDRATES])]);
    let outcomes = outcomes(&[broken(REHYDRATES)]);
    let same = with(run(&["rehydrates"]), 60, unexpected(2));
    assert!(matches!(judge(&same, &outcomes, &listed), Verdict::Gap { .. }));
    let earlier = with(run(&["rehydrates"]), 40, unexpected(1));
    assert!(matches!(judge(&earlier, &outcomes, &listed), Verdict::Fail { .. }));
}

#[test]
fn the_worst_verdict_decides_the_exit_code() {
    let text = String::new;
    let (error, fail) = (Verdict::Error { text: text() }, Verdict::Fail { reason: text() });
    let (fixed, gap) = (Verdict::Fixed { reason: text() }, Verdict::Gap { reason: text(), refs: Vec::new() });
    let unsupported = Verdict::Unsupported { reason: text() };
    assert_eq!(exit_code(&[]), 0);
    assert_eq!(exit_code(&[&Verdict::Pass, &gap, &unsupported]), 0);
    assert_eq!(exit_code(&[&Verdict::Pass, &fixed]), 1);
    assert_eq!(exit_code(&[&fail, &Verdict::Pass]), 1);
    assert_eq!(exit_code(&[&fail, &error, &gap]), 3);
}

#[test]
fn an_entry_about_what_no_longer_exists_is_stale() {
    let baseline = known(&[gap(&[REHYDRATES])]);
    assert!(stale(&baseline, &["idle/kill-9", "turn/kill"]).is_empty());
    let text = "line 7 of the baseline is about `idle/*`, which is no scenario: take it out";
    assert_eq!(stale(&baseline, &["turn/kill"]), [text]);
    assert!(stale_targets(&baseline, |name| name.starts_with("codex@")).is_empty());
    assert_eq!(stale_targets(&baseline, |_| false).len(), 1);
}

#[test]
fn reasons_of_several_entries_read_as_one_text() {
    for (one, two, both) in [
        ("A sentence.", "Another one.", "A sentence. Another one."),
        ("a fragment", "another one", "a fragment; another one"),
    ] {
        let entry = |invariant, reason: &str| Gap { reason: reason.into(), ..gap(&[invariant]) };
        let known = known(&[entry(REHYDRATES, one), entry(DURABLE, two)]);
        let found = outcomes(&[broken(REHYDRATES), broken(DURABLE)]);
        let verdict = judge(&run(&["rehydrates"]), &found, &known);
        assert_eq!(verdict, Verdict::Gap { reason: both.into(), refs: Vec::new() });
    }
}
