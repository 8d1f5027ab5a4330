//! `shown-is-sent`: the turns that `thread/read` shows are what the model got.
//!
//! An app-server keeps two histories of a thread: the turns that a client shows to its user and the items that the model
//! receives. Judged is what was shown at the end of a life against the last turn of that thread that reached the model
//! in it: its last request, and the reply that the client was told. Compared are prompts and replies, each once, in
//! order: tool calls, reasoning and contextual messages are shown in other forms or not at all.
//!
//! A turn without an acknowledgement may stand in one of the two alone, because its death may lie between the writing of
//! the one and of the other: its prompt and what the model said to it may be shown or not, sent or not. A thread whose
//! history was compacted shows what the model no longer gets, by design, so it is not judged; nor is one that another life
//! goes on with at the same time.

use std::collections::HashSet;

use super::Invariant;
use super::outcome::{Finding, Outcome};
use super::turn::{Seen, Turn};
use super::view::View;
use crate::journal::{AnswerOutcome, Item, Seq, Shown};
use crate::marker::{self, Carrier, Marker};

/// The turns that a thread shows are what the model got of it.
pub(super) fn shown_is_sent(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for shown in &view.shown {
        let Some((turn, sent)) = sent(view, shown) else { continue };
        looked = true;
        let free = unacknowledged(view, turn, &sent, shown);
        let seen = in_talk(shown.what.turns.iter().flat_map(|t| &t.markers).filter(|m| !free.contains(m)));
        let sent = Sent { markers: in_talk(sent.markers.iter().filter(|m| !free.contains(m))), ..sent };
        findings.extend(difference(view, turn, shown, &sent, &seen));
    }
    Outcome::conclude(findings, looked, "no turns were shown of a thread that reached the model in the same life")
}

/// Prompts and replies that the model got, and those it said, of a thread.
struct Sent {
    seq: Seq,
    markers: Vec<Marker>,
}

/// The last turn of the thread in that life, and what the model got in it; none if that cannot be told.
fn sent<'v, 'r>(view: &'v View<'r>, shown: &Seen<'r, Shown>) -> Option<(&'v Turn<'r>, Sent)> {
    let here = |t: &&Turn<'_>| t.call.incarnation == shown.incarnation && !t.requests.is_empty();
    let turn = view.turns_of(&shown.what.thread, shown.at).filter(here).last()?;
    // What another life says of the thread meanwhile is shown, and cannot have been sent before.
    let first = view.turns_of(&shown.what.thread, shown.at).find(here)?;
    let meanwhile = |t: &Turn<'_>| t.answer.is_none_or(|answer| answer.at > first.call.at);
    let mut others = view.turns_of(&shown.what.thread, shown.at).filter(|t| t.call.incarnation != shown.incarnation);
    if others.any(meanwhile) {
        return None;
    }
    // Of a turn that never ended nobody knows what came of it.
    let ended = matches!(turn.outcome()?, AnswerOutcome::Reply | AnswerOutcome::ToolError | AnswerOutcome::RpcError);
    let request = turn.requests.iter().rfind(|r| r.what.refused.is_none()).filter(|_| ended)?;
    let items = &request.what.items;
    if items.iter().any(is_summary) {
        return None;
    }
    let told = if turn.is_reply() { turn.answer.map(|a| marker::find(&a.what.text)) } else { None };
    let told = told.unwrap_or_default();
    let markers = in_talk(items.iter().filter(|i| i.context.is_none()).flat_map(|i| &i.markers).chain(&told));
    Some((turn, Sent { seq: request.seq, markers }))
}

/// What may be shown or not, sent or not: of turns that were never acknowledged, and of a last one that failed what the
/// model did not get.
fn unacknowledged<'v>(
    view: &'v View<'_>,
    last: &'v Turn<'_>,
    sent: &Sent,
    shown: &'v Seen<'_, Shown>,
) -> HashSet<&'v Marker> {
    let planted = |turn: &'v Turn<'_>| turn.planted.unwrap_or_default().iter();
    let failed = Some(last).filter(|turn| !turn.is_reply()).into_iter().flat_map(planted);
    let earlier = view.turns_before(last, last.call.at).filter(|turn| turn.acknowledged().is_none());
    let earlier = earlier.flat_map(|turn| planted(turn).chain([&turn.call.what.marker]));
    let placed = view.placed.iter().filter(|p| p.what.thread == shown.what.thread && p.at < shown.at);
    let placed = placed.flat_map(|p| &p.what.unacknowledged);
    failed.filter(|m| !sent.markers.contains(m)).chain(earlier).chain(placed).collect()
}

fn is_summary(item: &Item) -> bool {
    item.kind.starts_with("compaction") || item.markers.iter().any(|m| m.carrier() == Some(Carrier::Summary))
}

/// The prompts and replies among some markers, each at its first place.
fn in_talk<'m>(markers: impl Iterator<Item = &'m Marker>) -> Vec<Marker> {
    let mut seen = HashSet::new();
    let talk = |m: &&Marker| matches!(m.carrier(), Some(Carrier::Prompt | Carrier::Reply));
    markers.filter(talk).filter(|m| seen.insert(*m)).cloned().collect()
}

/// What of the two differs, at most one finding.
fn difference(
    view: &View<'_>,
    turn: &Turn<'_>,
    shown: &Seen<'_, Shown>,
    sent: &Sent,
    seen: &[Marker],
) -> Option<Finding> {
    if sent.markers == seen {
        return None;
    }
    let thread = &shown.what.thread;
    let unsent: Vec<&Marker> = seen.iter().filter(|m| !sent.markers.contains(m)).collect();
    let unseen: Vec<&Marker> = sent.markers.iter().filter(|m| !seen.contains(m)).collect();
    let text = match (unsent.as_slice(), unseen.as_slice()) {
        ([], []) => format!("thread `{thread}` is shown in another order than the model got it"),
        ([], unseen) => {
            format!("the model got what thread `{thread}` does not show: {}", view.names(unseen.iter().copied()))
        }
        (unsent, []) => {
            format!("thread `{thread}` shows what the model did not get: {}", view.names(unsent.iter().copied()))
        }
        (unsent, unseen) => format!(
            "thread `{thread}` shows what the model did not get: {}; and hides what it got: {}",
            view.names(unsent.iter().copied()),
            view.names(unseen.iter().copied())
        ),
    };
    let said = (view.names(&sent.markers), view.names(seen));
    Some(turn.finding(Invariant::ShownIsSent, said, text, vec![shown.seq, sent.seq]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Kind, Lane, ShownTurn, TargetKind};

    /// A thread brought back and answered on; then it shows these turns.
    fn shows(turns: &[&[Marker]]) -> Story {
        let mut story = Story::restarted_on(TargetKind::CodexResume);
        let history = story.history("main");
        story.say(Say::reply("main", A, A, history));
        show(&mut story, turns);
        story
    }

    fn show(story: &mut Story, turns: &[&[Marker]]) {
        let turn = |markers: &&[Marker]| ShownTurn { status: Some("completed".into()), markers: markers.to_vec() };
        let turns = turns.iter().map(turn).collect();
        let shown = Shown { from: Vec::new(), thread: "main".into(), id: A.into(), turns };
        story.push(Lane::Client, Kind::Shown(shown));
    }

    #[test]
    fn what_is_shown_and_sent_alike_holds() {
        let story = shows(&[&[p(1), r(1)], &[p(2), r(2)]]);
        assert_eq!(story.says(Invariant::ShownIsSent), Outcome::Held);
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn a_reply_that_is_shown_and_never_sent_is_found() {
        let mut story = Story::restarted_on(TargetKind::CodexFork);
        story.say(Say::reply("main", A, B, vec![user(p(1))]));
        show(&mut story, &[&[p(1), r(1)], &[p(2), r(2)]]);
        let outcome = story.says(Invariant::ShownIsSent);
        assert!(text(&outcome).contains("shows what the model did not get: the reply of step 1"));
    }

    #[test]
    fn what_is_hidden_or_in_another_order_is_found() {
        let hidden = shows(&[&[p(2), r(2)]]);
        assert!(text(&hidden.says(Invariant::ShownIsSent)).contains("the model got what thread `main` does not show"));
        let order = shows(&[&[p(2), r(2)], &[p(1), r(1)]]);
        assert!(text(&order.says(Invariant::ShownIsSent)).contains("another order"));
        assert_eq!(order.fired(), ["shown-is-sent"]);
    }

    #[test]
    fn what_a_failed_turn_said_may_be_shown_or_not() {
        for turns in [&[p(2)][..], &[p(2), r(2)]] {
            let mut story = Story::restarted_on(TargetKind::CodexResume);
            let history = story.history("main");
            let failed =
                Say { outcome: AnswerOutcome::ToolError, text: Some("no".into()), ..Say::reply("main", A, A, history) };
            story.say(failed);
            show(&mut story, &[&[p(1), r(1)], turns]);
            assert_eq!(story.says(Invariant::ShownIsSent), Outcome::Held);
        }
    }

    #[test]
    fn a_turn_that_died_may_stand_in_one_of_the_two_alone() {
        for (shown, sent) in [(false, true), (true, false), (true, true)] {
            let mut story = Story::restarted_on(TargetKind::CodexResume);
            let mut history = story.history("main");
            let died =
                Say { outcome: AnswerOutcome::Closed, faulted: true, ..Say::reply("main", A, A, history.clone()) };
            story.say(died);
            story.restart();
            history.extend(sent.then(|| user(p(2))));
            story.say(Say::reply("main", A, A, history));
            let died = [p(2)];
            let died = if shown { &died[..] } else { &[] };
            show(&mut story, &[&[p(1), r(1)], died, &[p(3), r(3)]]);
            assert_eq!(story.says(Invariant::ShownIsSent), Outcome::Held);
            show(&mut story, &[died, &[p(3), r(3)]]);
            assert_eq!(story.says(Invariant::ShownIsSent).findings().len(), 1);
        }
    }

    #[test]
    fn a_compacted_thread_or_a_turn_without_an_end_shows_nothing() {
        let mut story = Story::restarted_on(TargetKind::CodexResume);
        let summary = Item { markers: vec![Marker::new(Carrier::Summary, 1, 7)], ..bare("user", "summary") };
        story.say(Say::reply("main", A, A, vec![summary]));
        show(&mut story, &[&[p(1), r(1)], &[p(2), r(2)]]);
        assert!(is_unjudged(&story.says(Invariant::ShownIsSent)));

        let mut story = Story::restarted_on(TargetKind::CodexResume);
        let history = story.history("main");
        story.say(Say { outcome: AnswerOutcome::Timeout, ..Say::reply("main", A, A, history) });
        show(&mut story, &[&[p(1), r(1)]]);
        assert!(is_unjudged(&story.says(Invariant::ShownIsSent)));
    }

    #[test]
    fn what_an_earlier_life_sent_is_not_compared() {
        let mut story = Story::restarted_on(TargetKind::CodexResume);
        show(&mut story, &[]);
        assert!(is_unjudged(&story.says(Invariant::ShownIsSent)));
    }
}
