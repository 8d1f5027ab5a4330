//! `reached`: the fault that the story is about really fired.
//!
//! A run whose fault never came shows nothing, however well it went. Where an earlier finding, or an earlier
//! expectation that was not met, is the reason (the call was refused, so its model request never came), the fault is
//! listed as unjudged and the finding decides. What the injector could not do, or did not see, is a fault that did not
//! happen as the story says.

use std::collections::HashSet;

use super::Invariant;
use super::outcome::{Finding, Outcome};
use super::view::View;
use crate::journal::{CallId, Incarnation, Seq};

/// A fault that did not fire.
struct Unfired {
    call: Option<CallId>,
    incarnation: Incarnation,
    seq: Seq,
    at: String,
}

/// Every fault fired, or a finding among `others` tells why it could not.
pub(super) fn reached(view: &View<'_>, others: &[&Finding]) -> Outcome {
    let unfired = unfired(view);
    let explained = |fault: &Unfired| {
        others.iter().any(|f| f.is_no_later_than(fault.call, fault.seq))
            || view.unexpected.iter().any(|u| fault.call.map_or(u.seq < fault.seq, |call| u.what.call <= call))
    };
    let (listed, guilty): (Vec<&Unfired>, Vec<&Unfired>) = unfired.iter().partition(|f| explained(f));
    let missed = view.missed.iter().map(|missed| Finding {
        invariant: Invariant::Reached,
        call: None,
        incarnation: missed.incarnation,
        step: None,
        expected: "that whatever the life does to its files is seen and done as told".to_owned(),
        got: missed.what.text.clone(),
        text: format!("the injector: {}", missed.what.text),
        evidence: vec![missed.seq],
    });
    let findings = missed.chain(guilty.into_iter().map(|fault| Finding {
        invariant: Invariant::Reached,
        call: fault.call,
        incarnation: fault.incarnation,
        step: view.turns.iter().find(|t| Some(t.call.what.call) == fault.call).map(|t| t.call.what.step),
        expected: format!("the fault at `{}`", fault.at),
        got: "the end of the call without it".to_owned(),
        text: format!("the fault at `{}` never fired", fault.at),
        evidence: vec![fault.seq],
    }));
    let reason = match listed.first() {
        Some(fault) => format!("the fault at `{}` could not fire after an earlier finding", fault.at),
        None => "the scenario has no fault".to_owned(),
    };
    let fired = view.faults.iter().any(|f| f.what.fired);
    Outcome::conclude(findings.collect(), fired && listed.is_empty(), reason)
}

fn unfired(view: &View<'_>) -> Vec<Unfired> {
    let told: HashSet<Option<CallId>> = view.faults.iter().map(|f| f.what.call).collect();
    let fired: HashSet<(Option<CallId>, &str)> =
        view.faults.iter().filter(|f| f.what.fired).map(|f| (f.what.call, f.what.name.as_str())).collect();
    let mut unfired: Vec<Unfired> = (view.faults.iter())
        .filter(|f| !f.what.fired && !fired.contains(&(f.what.call, f.what.name.as_str())))
        .map(|f| Unfired { call: f.what.call, incarnation: f.incarnation, seq: f.seq, at: f.what.at.clone() })
        .collect();
    // A call that has a fault and ended, and of whose fault the journal says nothing at all.
    let silent = view.turns.iter().filter(|t| t.call.what.faulted && !told.contains(&Some(t.call.what.call)));
    unfired.extend(silent.filter_map(|t| {
        let answer = t.answer?;
        let at = "an unnamed trigger".to_owned();
        Some(Unfired { call: Some(t.call.what.call), incarnation: answer.incarnation, seq: answer.seq, at })
    }));
    unfired
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{AnswerOutcome, Kind, Lane, Missed, TargetKind, Unexpected};

    fn faulted(fired: bool) -> Story {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        let history = story.history("main");
        let outcome = if fired { AnswerOutcome::Closed } else { AnswerOutcome::Reply };
        story.say(Say { faulted: true, outcome, ..Say::reply("main", A, A, history) });
        story.fault(2, fired);
        story
    }

    #[test]
    fn a_fault_that_fired_holds() {
        assert_eq!(faulted(true).says(Invariant::Reached), Outcome::Held);
    }

    #[test]
    fn a_fault_that_never_fired_is_found() {
        let outcome = faulted(false).says(Invariant::Reached);
        assert_eq!(text(&outcome), "the fault at `model-request 1` never fired");
    }

    #[test]
    fn a_fault_of_which_the_journal_says_nothing_did_not_fire() {
        let mut story = faulted(false);
        story.events.retain(|e| !matches!(e.kind, Kind::Fault(_)));
        assert!(!story.says(Invariant::Reached).findings().is_empty());
    }

    #[test]
    fn what_the_injector_missed_is_found_though_the_fault_fired() {
        let mut story = faulted(true);
        story.push(Lane::Fault, Kind::Missed(Missed { text: "a write passed by".into() }));
        assert_eq!(text(&story.says(Invariant::Reached)), "the injector: a write passed by");
    }

    #[test]
    fn an_earlier_finding_explains_why_a_fault_could_not_fire() {
        let mut story = Story::restarted();
        story.say(Say { faulted: true, ..Say::refused("main", A) });
        story.fault(2, false);
        assert_eq!(story.fired(), ["rehydrates"]);
        assert!(is_unjudged(&story.says(Invariant::Reached)));
    }

    #[test]
    fn a_later_finding_explains_nothing() {
        let mut story = faulted(false);
        story.restart();
        story.say(Say::refused("main", A));
        assert_eq!(story.fired(), ["rehydrates", "reached"]);
    }

    #[test]
    fn an_unmet_expectation_explains_it_as_well() {
        let mut story = faulted(false);
        let unexpected = Unexpected { call: 2, expected: "an interruption".into(), got: "a reply".into() };
        story.push(Lane::Player, Kind::Unexpected(unexpected));
        assert!(is_unjudged(&story.says(Invariant::Reached)));
    }

    #[test]
    fn a_story_without_a_fault_shows_nothing() {
        assert!(is_unjudged(&Story::restarted().says(Invariant::Reached)));
    }
}
