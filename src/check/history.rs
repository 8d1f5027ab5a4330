//! `durable`, `ordered`, `once`, `isolated`: the history that a continued turn received, held against the one it should
//! have received.
//!
//! Together with `nothing-invented` they divide one comparison between them, so that each fault has its own name. What
//! is missing is `durable`'s, but for turns that a client with a superseded id would lose, which are `stale-id`'s. What
//! is of another thread is `isolated`'s and not also invented. The place of a marker is judged only among markers that
//! are there.

use std::collections::HashSet;

use super::outcome::Outcome;
use super::turn::Turn;
use super::view::View;
use super::wording::Reworded;
use super::{Invariant, rollout_at_death, wording};
use crate::marker::{self, Marker};

/// Parts of the expected history that a turn did not receive.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// The server lost them.
    pub(super) lost: Vec<Marker>,
    /// They were made after the id that the client uses was superseded.
    pub(super) since_superseded: Vec<Marker>,
}

/// What the turn should have received and did not; none where there is nothing to compare.
pub(super) fn missing<'r>(view: &View<'r>, turn: &Turn<'r>) -> Option<Missing> {
    let expected = view.expected(turn)?;
    let received = view.received(turn)?;
    let newer = made_since_superseded(view, turn);
    let absent = expected.all().filter(|m| !received.all.contains(m)).cloned();
    let (since_superseded, lost) = absent.partition(|m| newer.contains(m));
    Some(Missing { lost, since_superseded })
}

/// Markers of the thread's turns since the id of this turn was superseded; empty for a current id.
fn made_since_superseded<'r>(view: &View<'r>, turn: &Turn<'r>) -> HashSet<Marker> {
    let (Some(thread), Some(id)) = (turn.thread, &turn.call.what.id_sent) else { return HashSet::new() };
    let Some(told) = view.threads.superseded(thread, id, turn.call.at) else { return HashSet::new() };
    // The turn whose answer told the newer id was the first to be made into the continuation.
    made_since(view, turn, told)
}

/// Markers of the thread's turns before this one that were answered at `since` or later.
pub(super) fn made_since<'r>(view: &View<'r>, turn: &Turn<'r>, since: usize) -> HashSet<Marker> {
    (view.turns_before(turn, turn.call.at))
        .filter(|t| t.answer.is_some_and(|a| a.at >= since))
        .flat_map(|t| t.own_markers())
        .collect()
}

impl Turn<'_> {
    /// The markers that came into being in this turn, as far as the journal tells.
    pub(super) fn own_markers(&self) -> Vec<Marker> {
        let told = self.answer.map(|a| crate::marker::find(&a.what.text)).unwrap_or_default();
        let planted = self.planted.unwrap_or_default().iter().cloned();
        std::iter::once(self.call.what.marker.clone()).chain(planted).chain(told).collect()
    }
}

/// Everything in the expected history is in what the model receives.
pub(super) fn durable(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let (Some(expected), Some(missing)) = (view.expected(turn), missing(view, turn)) else { continue };
        let Some(received) = view.received(turn) else { continue };
        looked |= view.settles(turn) && !expected.order.is_empty();
        let mut evidence = vec![received.seq];
        evidence.extend(&expected.evidence);
        if !missing.lost.is_empty() {
            let (gone, all) = (missing.lost.len(), expected.all().count());
            findings.push(turn.finding(
                Invariant::Durable,
                (view.names(expected.all()), view.names(received.placed.iter().copied())),
                format!("{gone} of {all} parts of the history do not reach the model: {}", view.names(&missing.lost)),
                evidence,
            ));
        } else if let Some(Reworded { marker, was, is }) = wording::reworded(view, &expected, &received) {
            let text = format!("{} reaches the model in other words", view.name(&marker));
            findings.push(turn.finding(Invariant::Durable, (was, is), text, evidence));
        } else {
            findings.extend(rollout_at_death::compare(view, turn, &expected, &received));
        }
    }
    Outcome::conclude(findings, looked, view.no_history_seen())
}

/// What is there is in the order in which it happened.
pub(super) fn ordered(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let (Some(expected), Some(received)) = (view.expected(turn), view.received(turn)) else { continue };
        let mut seen = HashSet::new();
        let got: Vec<&Marker> = received.placed.iter().copied().filter(|m| seen.insert(*m)).collect();
        // A later prompt that is part of the expected history already keeps its place there.
        let mut happened = HashSet::new();
        let in_order = expected.order.iter().chain(&expected.later).filter(|m| happened.insert(*m));
        let should: Vec<&Marker> = in_order.filter(|m| seen.contains(*m)).collect();
        let is: Vec<&Marker> = got.into_iter().filter(|m| happened.contains(m)).collect();
        looked |= view.settles(turn) && should.len() > 1;
        let mut evidence = vec![received.seq];
        evidence.extend(&expected.evidence);
        let said = (view.names(should.iter().copied()), view.names(is.iter().copied()));
        if let Some((right, wrong)) = should.iter().zip(&is).find(|(a, b)| a != b) {
            let text = format!("{} stands where {} belongs", view.name(wrong), view.name(right));
            findings.push(turn.finding(Invariant::Ordered, said, text, evidence));
        } else if let Some(after) = received.own_prompt_at.and_then(|n| received.placed.get(n..)?.first())
            && happened.contains(*after)
        {
            let text = format!("{} stands after the prompt of the turn itself", view.name(after));
            findings.push(turn.finding(Invariant::Ordered, said, text, evidence));
        }
    }
    Outcome::conclude(findings, looked, "no turn received two parts of an expected history")
}

/// What is there is there exactly once (or as often as the request before the death held it).
pub(super) fn once(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let (Some(expected), Some(received)) = (view.expected(turn), view.received(turn)) else { continue };
        looked |= view.settles(turn) && expected.order.iter().any(|m| received.all.contains(m));
        let own = &turn.call.what.marker;
        let mut seen = HashSet::new();
        let repeated: Vec<&Marker> = (received.placed.iter().copied())
            .filter(|m| seen.insert(*m))
            .filter(|m| *m == own || received.counts.get(m).is_some_and(|n| *n > expected.allowed(m)))
            .collect();
        let Some(first) = repeated.first() else { continue };
        let times = received.counts.get(first).map_or(0, |n| *n) + usize::from(*first == own);
        let mut evidence = vec![received.seq];
        evidence.extend(&expected.evidence);
        findings.push(turn.finding(
            Invariant::Once,
            ("each part of the history once", format!("{} {times} times", view.name(first))),
            format!("the model receives more than once: {}", view.names(repeated.iter().copied())),
            evidence,
        ));
    }
    Outcome::conclude(findings, looked, "no turn received a part of an expected history")
}

/// Nothing of another thread is in any history or any answer.
pub(super) fn isolated(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let looked = view.continued().any(|t| view.settles(t));
    for turn in &view.turns {
        let Some(thread) = turn.thread else { continue };
        let told = turn.acknowledged().map(|a| (a.seq, marker::find(&a.what.text)));
        if let Some((answer, foreign)) =
            told.and_then(|(seq, told)| Some((seq, told.into_iter().find(|m| view.is_foreign(m, thread))?)))
        {
            let name = view.name(&foreign);
            let said = (format!("only what is of thread `{thread}`"), name.clone());
            let text = format!("the client is told what is of another thread: {name}");
            findings.push(turn.finding(Invariant::Isolated, said, text, vec![answer, turn.call.seq]));
        }
        let Some(request) = turn
            .requests
            .iter()
            .find(|r| r.what.items.iter().flat_map(|i| &i.markers).any(|m| view.is_foreign(m, thread)))
        else {
            continue;
        };
        let markers = request.what.items.iter().flat_map(|i| &i.markers);
        let mut foreign: Vec<&Marker> = markers.filter(|m| view.is_foreign(m, thread)).collect();
        foreign.sort();
        foreign.dedup();
        let names = view.names(foreign.iter().copied());
        findings.push(turn.finding(
            Invariant::Isolated,
            (format!("only what is of thread `{thread}`"), names.clone()),
            format!("the model receives what is of another thread: {names}"),
            vec![request.seq, turn.call.seq],
        ));
    }
    Outcome::conclude(findings, looked, view.no_history_seen())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{IdChoice, Item, Kind, TargetKind};

    const FIVE: [Invariant; 5] =
        [Invariant::Durable, Invariant::Ordered, Invariant::Once, Invariant::NothingInvented, Invariant::Isolated];

    fn rehydrated(change: impl FnOnce(&mut Vec<Item>)) -> Story {
        let mut story = Story::restarted();
        let mut history = story.history("main");
        change(&mut history);
        story.say(Say::reply("main", A, B, history));
        story
    }

    #[test]
    fn a_whole_history_holds_all_five() {
        let story = rehydrated(|_| {});
        for invariant in FIVE {
            assert_eq!(story.says(invariant), Outcome::Held, "{invariant}");
        }
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn without_a_model_request_there_is_nothing_to_see() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        for invariant in FIVE {
            assert!(is_unjudged(&story.says(invariant)), "{invariant}");
        }
    }

    #[test]
    fn a_lost_reply_is_found_by_its_name() {
        let story = rehydrated(|h| drop(h.pop()));
        let outcome = story.says(Invariant::Durable);
        let expected = format!("1 of 2 parts of the history do not reach the model: the reply of step 1 ({})", r(1));
        assert_eq!(text(&outcome), expected);
        assert_eq!(story.fired(), ["durable", "honest"]);
    }

    #[test]
    fn history_lost_within_one_life_is_found_too() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        story.say(Say::reply("main", A, A, Vec::new()));
        assert!(!story.says(Invariant::Durable).findings().is_empty());
    }

    #[test]
    fn a_look_before_the_restart_does_not_settle_what_comes_after_it() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        let history = story.history("main");
        story.say(Say::reply("main", A, A, history));
        assert_eq!(story.says(Invariant::Durable), Outcome::Held);
        story.restart();
        story.say(Say::refused("main", A));
        assert!(is_unjudged(&story.says(Invariant::Durable)));
    }

    #[test]
    fn what_damage_destroyed_is_not_expected() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        story.death(Some("KILL"));
        story.damage("main", A, vec![r(1)]);
        story.life();
        story.say(Say::reply("main", A, B, vec![user(p(1))]));
        assert_eq!(story.says(Invariant::Durable), Outcome::Held);
        assert_eq!(story.says(Invariant::NothingInvented), Outcome::Held);
    }

    #[test]
    fn of_a_placed_rollout_its_manifest_is_expected() {
        let placed = |history: Vec<Item>| {
            let mut story = Story::new(TargetKind::Builtin);
            story.place("old", A, vec![p(90), r(90)]);
            story.life();
            story.say(Say::reply("old", A, B, history));
            story.says(Invariant::Durable)
        };
        assert_eq!(placed(vec![user(p(90)), assistant(r(90))]), Outcome::Held);
        assert!(text(&placed(vec![user(p(90))])).contains("in the placed rollout of `old`"));
    }

    #[test]
    fn a_swapped_history_is_out_of_order() {
        let story = rehydrated(|h| h.reverse());
        assert_eq!(story.fired(), ["ordered"]);
        assert!(text(&story.says(Invariant::Ordered)).contains("stands where the prompt of step 1"));
    }

    #[test]
    fn history_after_the_prompt_of_the_turn_is_out_of_order() {
        let mut story = Story::restarted();
        let say = Say::reply("main", A, B, vec![user(p(1)), user(p(2)), assistant(r(1))]);
        // The request's own prompt is then the repeated one; only the last message is the prompt.
        story.say(say);
        assert!(story.fired().contains(&"once"));
        let mut story = Story::restarted();
        let call = story.call(&Say::reply("main", A, B, Vec::new()));
        let mut say = Say::reply("main", A, B, vec![user(p(1))]);
        story.request(call, &say);
        if let Some(crate::journal::Kind::ModelRequest(request)) = story.events.last_mut().map(|e| &mut e.kind) {
            request.items.push(assistant(r(1)));
        }
        say.history = None;
        story.answer(call, &say);
        assert_eq!(story.fired(), ["ordered"]);
    }

    #[test]
    fn a_part_that_comes_twice_is_found() {
        let story = rehydrated(|h| h.extend(h.clone()));
        assert_eq!(story.fired(), ["once"]);
        assert!(
            text(&story.says(Invariant::Once)).starts_with("the model receives more than once: the prompt of step 1")
        );
    }

    #[test]
    fn a_prompt_that_is_sent_twice_is_found() {
        let story = rehydrated(|h| h.push(user(p(2))));
        assert_eq!(story.fired(), ["once"]);
    }

    #[test]
    fn what_stood_twice_before_the_death_may_do_so_after_it() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say { history: Some(vec![user(p(77)), user(p(77))]), ..Say::start("main", A) });
        story.restart();
        let history = story.history("main");
        story.say(Say::reply("main", A, B, history));
        assert_eq!(story.says(Invariant::Once), Outcome::Held);
    }

    #[test]
    fn another_thread_s_history_is_not_isolated_and_not_also_invented() {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("decoy", C, vec![p(90), r(90)]);
        story.life();
        story.say(Say::start("main", A));
        story.restart();
        let mut history = story.history("main");
        history.insert(0, assistant(r(90)));
        story.say(Say::reply("main", A, B, history));
        assert_eq!(story.fired(), ["isolated"]);
        assert!(text(&story.says(Invariant::Isolated)).contains("placed rollout of `decoy`"));
    }

    #[test]
    fn an_answer_out_of_another_thread_is_not_isolated() {
        let mut story = Story::restarted();
        story.say(Say::start("other", C));
        let history = story.history("main");
        story.say(Say { text: Some(format!("Noted. {}", r(2))), ..Say::reply("main", A, B, history) });
        assert!(text(&story.says(Invariant::Isolated)).starts_with("the client is told what is of another thread"));
    }

    #[test]
    fn reasoning_of_a_turn_that_is_over_may_go() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        let say = Say { history: Some(vec![reasoning(t(1))]), ..Say::start("main", A) };
        let call = story.call(&say);
        for event in &mut story.events {
            if let Kind::Planted(planted) = &mut event.kind {
                planted.markers.insert(0, t(1));
            }
        }
        story.request(call, &say);
        story.answer(call, &say);
        story.restart();
        story.say(Say::reply("main", A, B, vec![user(p(1)), assistant(r(1))]));
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn one_of_two_turns_at_once_that_leads_nowhere_is_lost() {
        let mut story = Story::restarted();
        let history = story.history("main");
        let (one, two) = (Say::reply("main", A, B, history.clone()), Say::reply("main", A, C, history));
        let calls = [story.call(&one), story.call(&two)];
        story.request(calls[0], &one);
        story.request(calls[1], &two);
        story.answer(calls[0], &one);
        story.answer(calls[1], &two);
        assert_eq!(story.fired(), [""; 0]);
        let history = story.history("main");
        story.say(Say::reply("main", C, C, history));
        assert_eq!(story.fired(), ["durable", "honest"]);
        assert!(text(&story.says(Invariant::Durable)).contains("the prompt of step 2"));
    }

    #[test]
    fn turns_made_after_the_old_id_are_not_durable_s_to_miss() {
        let mut story = Story::restarted();
        let old = story.history("main");
        story.say(Say::reply("main", A, B, old.clone()));
        story.say(Say { id_is: IdChoice::First, ..Say::reply("main", A, C, old) });
        assert_eq!(story.fired(), ["honest", "stale-id"]);
    }
}
