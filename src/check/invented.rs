//! `nothing-invented`: what the model receives happened, and what it is asked somebody asked.
//!
//! Allowed are the expected history, the turns that were never acknowledged (whole, cut or absent), contextual messages
//! and the synthetic outputs that pair a tool call. A message which claims that the user interrupted a turn on purpose is
//! invented unless a call was cancelled or the source said so. A part of the history in a message of somebody else (the
//! model's reply as the user's words, a prompt as the system's) is invented too, unless the message quotes both sides of
//! the conversation, which is a way to tell it. What is of another thread did happen, elsewhere: that is `isolated`'s.
//! What an earlier turn of the thread should have received and did not happened too, so it is welcome when it comes back.

use std::collections::HashSet;

use super::expected::{Expected, Received, carries};
use super::history::missing;
use super::outcome::{Finding, Outcome};
use super::turn::{Seen, Turn};
use super::view::View;
use super::{Invariant, rollout_at_death};
use crate::journal::{AnswerOutcome, Item, ModelRequest, RefusalKind, TargetKind};
use crate::marker::{Carrier, Marker};

/// Nothing is in the history that never happened, and nothing is asked of the model that nobody asked.
pub(super) fn nothing_invented(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let (Some(expected), Some(received)) = (view.expected(turn), view.received(turn)) else { continue };
        looked |= view.settles(turn);
        let mut evidence = vec![received.seq];
        evidence.extend(&expected.evidence);
        for (got, text) in inventions(view, turn, &expected, &received) {
            let said = ("only what happened in this thread", got);
            findings.push(turn.finding(Invariant::NothingInvented, said, text, evidence.clone()));
        }
    }
    findings.extend(unasked(view));
    Outcome::conclude(findings, looked, view.no_history_seen())
}

/// What a turn received that never happened, each with a sentence about it.
fn inventions(
    view: &View<'_>,
    turn: &Turn<'_>,
    expected: &Expected<'_>,
    received: &Received<'_>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let thread = turn.thread.unwrap_or_default();
    let happened = expected.happened();
    let mut invented: Vec<&Marker> = (received.all.iter().copied())
        .filter(|m| !happened.contains(m) && !view.is_foreign(m, thread))
        .filter(|m| view.is_known(m) || !expected.output_untold)
        .collect();
    if !invented.is_empty() {
        let regained = missed_before(view, turn);
        invented.retain(|m| !regained.contains(*m));
        invented.sort();
    }
    if !invented.is_empty() {
        let names = view.names(invented.iter().copied());
        let text = format!("the model receives what is in no turn of this history: {names}");
        found.push((names, text));
    }
    if let Some((marker, item)) = misattributed(expected, received) {
        let who = item.role.as_deref().unwrap_or(&item.kind);
        let text = format!("{} reaches the model as words of the role `{who}`", view.name(marker));
        found.push((format!("`{}` from `{who}`", item.preview), text));
    }
    let base = expected.base_items.unwrap_or_default();
    let cancelled = view.turns.iter().filter(|t| t.outcome() == Some(AnswerOutcome::Cancelled)).count();
    let is_abort = |item: &Item| item.context.as_deref() == Some("turn_aborted");
    let aborts = received.items.iter().filter(|i| is_abort(i)).count();
    let told = match expected.base_items {
        Some(base) => base.iter().filter(|i| is_abort(i)).count(),
        None => rollout_at_death::aborts_in_source(view, turn),
    };
    if aborts > told + cancelled {
        let text = "the model is told that the user interrupted a turn on purpose, which no user did";
        found.push(("a message `turn_aborted`".to_owned(), text.to_owned()));
    }
    // A turn without an end may have been cut in the middle of a marker, and a manifest lists no texts.
    if expected.base_items.is_some() && expected.unacknowledged.len() == turn.own_count() {
        let foreign = view.run.header.target.kind == TargetKind::Foreign;
        // A foreign server has contextual messages of its own, which nobody here can tell from a user's words.
        let roles = [("assistant", "it never said"), ("user", "no user wrote")];
        for (role, deed) in roles.into_iter().take(if foreign { 1 } else { 2 }) {
            found.extend(unheard_of(&received.items, base, role).map(|item| {
                let text = format!("the model receives a message of the {role} that {deed}: `{}`", item.preview);
                (item.preview.clone(), text)
            }));
        }
    }
    found
}

/// What earlier turns of the thread should have received and did not.
fn missed_before<'r>(view: &View<'r>, turn: &Turn<'r>) -> HashSet<Marker> {
    let earlier = view.turns_before(turn, turn.call.at).filter(|t| t.shows_history());
    earlier.filter_map(|t| missing(view, t)).flat_map(|m| m.lost.into_iter().chain(m.since_superseded)).collect()
}

impl Turn<'_> {
    fn own_count(&self) -> usize {
        let planted = self.planted.unwrap_or_default().iter().filter(|m| **m != self.call.what.marker);
        1 + planted.collect::<HashSet<_>>().len()
    }
}

/// A part of the history in an item that says it came from somebody else, and in no item that says the truth.
fn misattributed<'r, 'e>(expected: &'e Expected<'_>, received: &Received<'r>) -> Option<(&'e Marker, &'r Item)> {
    let is_prompt = |m: &Marker| m.carrier() == Some(Carrier::Prompt);
    let one_sided = |item: &Item| item.markers.iter().all(is_prompt) || !item.markers.iter().any(is_prompt);
    let sides = [Some(Carrier::Prompt), Some(Carrier::Reply)];
    expected.all().filter(|m| sides.contains(&m.carrier()) && received.count(m) == 0).find_map(|marker| {
        // What was told that way before the death is the server's way of telling it.
        if expected
            .base_items
            .is_some_and(|base| base.iter().any(|i| i.markers.contains(marker) && !carries(i, marker)))
        {
            return None;
        }
        let item = received.items.iter().find(|i| i.markers.contains(marker) && one_sided(i))?;
        Some((marker, *item))
    })
}

/// A message of that role without a marker that the request before did not hold.
fn unheard_of<'r>(items: &[&'r Item], base: &[Item], role: &str) -> Option<&'r Item> {
    let bare = |i: &Item| i.role.as_deref() == Some(role) && i.markers.is_empty() && i.context.is_none();
    let known: HashSet<&str> = base.iter().filter(|i| bare(i)).map(|i| i.preview.as_str()).collect();
    items.iter().copied().find(|i| bare(i) && !known.contains(i.preview.as_str()))
}

/// Requests for which the scenario has no answer: somebody asked the model something of his own.
fn unasked(view: &View<'_>) -> Vec<Finding> {
    let unexpected = |request: &&Seen<'_, ModelRequest>| {
        request.what.refused.as_ref().is_some_and(|refused| refused.kind == RefusalKind::Unexpected)
    };
    let mut findings = Vec::new();
    for turn in &view.turns {
        for request in turn.requests.iter().filter(unexpected) {
            let got = format!("request {} of the turn", request.what.of_turn);
            let said = ("as many model requests as the scenario answers", got);
            let text = "the model is asked once more than the story has answers for";
            findings.push(turn.finding(Invariant::NothingInvented, said, text, vec![request.seq, turn.call.seq]));
        }
    }
    for request in view.strays.iter().filter(unexpected) {
        let last = request.what.items.iter().rfind(|i| i.role.as_deref() == Some("user"));
        findings.push(Finding {
            invariant: Invariant::NothingInvented,
            call: None,
            incarnation: request.incarnation,
            step: None,
            expected: "model requests that carry a prompt of the story".to_owned(),
            got: last.map_or_else(|| "no user message".to_owned(), |i| i.preview.clone()),
            text: "the model is asked something that is no prompt of the story".to_owned(),
            evidence: vec![request.seq],
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{CallKind, Refusal, TargetKind};

    fn rehydrated(change: impl FnOnce(&mut Vec<Item>)) -> Story {
        let mut story = Story::restarted();
        let mut history = story.history("main");
        change(&mut history);
        story.say(Say::reply("main", A, B, history));
        story
    }

    #[test]
    fn a_marker_of_nobody_is_invented() {
        let story = rehydrated(|h| h.push(assistant(r(500))));
        assert_eq!(story.fired(), ["nothing-invented"]);
    }

    #[test]
    fn what_was_lost_and_comes_back_is_not_invented() {
        let mut story = Story::restarted();
        let whole = story.history("main");
        story.say(Say::reply("main", A, B, Vec::new()));
        story.restart();
        let history = [whole, story.history("main")].concat();
        story.say(Say::reply("main", B, C, history));
        assert_eq!(story.fired(), ["durable", "honest"], "the loss alone is found");
    }

    #[test]
    fn an_unfinished_turn_may_be_there_or_not() {
        for with in [false, true] {
            let mut story = Story::new(TargetKind::Builtin);
            story.life();
            story.say(Say::start("main", A));
            let cut = Say { outcome: AnswerOutcome::Closed, faulted: true, returned: None, ..Say::start("main", A) };
            let history = story.history("main");
            story.say(Say { history: Some(history.clone()), text: Some(String::new()), ..cut_reply(cut) });
            story.fault(2, true);
            story.restart();
            let unfinished = if with { vec![user(p(2)), assistant(r(2))] } else { Vec::new() };
            story.say(Say::reply("main", A, B, [history, unfinished].concat()));
            assert_eq!(story.fired(), [""; 0], "with the unfinished turn: {with}");
            assert_eq!(story.says(Invariant::NothingInvented), Outcome::Held);
        }
    }

    fn cut_reply(cut: Say) -> Say {
        Say { kind: CallKind::Reply, sent: Some(A.into()), ..cut }
    }

    #[test]
    fn a_claim_that_the_user_interrupted_is_invented() {
        let story = rehydrated(|h| h.push(context("turn_aborted")));
        assert_eq!(story.fired(), ["nothing-invented"]);
        assert_eq!(rehydrated(|h| h.insert(0, context("environment_context"))).fired(), [""; 0]);
    }

    #[test]
    fn a_message_that_the_assistant_never_said_is_invented() {
        let story = rehydrated(|h| h.push(bare("assistant", "As we discussed,")));
        assert_eq!(story.fired(), ["nothing-invented"]);
    }

    #[test]
    fn words_of_a_user_that_nobody_wrote_are_invented() {
        let story = rehydrated(|h| h.push(bare("user", "Please continue.")));
        assert_eq!(story.fired(), ["nothing-invented"]);
        assert!(text(&story.says(Invariant::NothingInvented)).contains("of the user that no user wrote"));
        assert_eq!(rehydrated(|h| h.insert(0, bare("developer", "You are a coding agent."))).fired(), [""; 0]);
    }

    #[test]
    fn history_under_another_role_is_invented() {
        for role in ["system", "developer"] {
            let story = rehydrated(|h| h.iter_mut().for_each(|item| item.role = Some(role.into())));
            assert_eq!(story.fired(), ["nothing-invented"], "{role}");
        }
        let swapped = rehydrated(|h| {
            for item in h {
                let other = if item.role.as_deref() == Some("user") { "assistant" } else { "user" };
                item.role = Some(other.into());
            }
        });
        let told = format!("the prompt of step 1 ({}) reaches the model as words of the role `assistant`", p(1));
        assert_eq!(text(&swapped.says(Invariant::NothingInvented)), told);
    }

    #[test]
    fn a_message_that_quotes_both_sides_is_a_way_to_tell_the_history() {
        let quoted = Item { markers: vec![p(1), r(1)], ..bare("user", "user: … assistant: …") };
        assert_eq!(rehydrated(|h| *h = vec![quoted.clone()]).fired(), [""; 0]);
        let mut story = Story::restarted();
        let say = Say::reply("main", A, B, Vec::new());
        let call = story.call(&say);
        story.request(call, &say);
        if let Some(crate::journal::Kind::ModelRequest(request)) = story.events.last_mut().map(|e| &mut e.kind) {
            request.items = vec![Item { markers: vec![p(1), r(1), p(2)], ..quoted }];
        }
        story.answer(call, &say);
        assert_eq!(story.fired(), [""; 0], "in the message of the prompt as well");
    }

    #[test]
    fn what_the_model_said_beside_the_words_told_is_not_invented() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        let say = Say::start("main", A);
        let call = story.call(&say);
        let told = crate::journal::Planted { call, markers: vec![t(1), r(50), r(1)] };
        story.events.retain(|e| !matches!(e.kind, crate::journal::Kind::Planted(_)));
        story.push(crate::journal::Lane::Player, crate::journal::Kind::Planted(told));
        story.request(call, &say);
        story.answer(call, &say);
        story.restart();
        let all = vec![user(p(1)), reasoning(t(1)), assistant(r(50)), assistant(r(1))];
        story.say(Say::reply("main", A, B, all));
        assert_eq!(story.fired(), [""; 0]);
        assert_eq!(story.says(Invariant::NothingInvented), Outcome::Held);
    }

    #[test]
    fn a_request_that_the_story_has_no_answer_for_is_found() {
        let mut story = Story::restarted();
        let refused = Refusal { kind: RefusalKind::Unexpected, text: "no script".into() };
        let history = story.history("main");
        story.say(Say { refused: Some(refused), ..Say::reply("main", A, B, history) });
        assert_eq!(story.fired(), ["nothing-invented"]);
    }
}
