//! `lean`: a restart and a turn add little to the disk.
//!
//! Between two snapshots the session files may grow by, for each call, 64 KiB and four times what its turn held (its
//! prompt, what tools and model added between its first and last request, the reply: formats store a message as an
//! item, as an event and in summaries of the turn), and for each call that rehydrated a thread, one copy of the live
//! history: the JSON of the items that its first request sent, with 128 bytes an item for the envelope, and messages
//! once more, because the format stores what was said as an item and as an event. A server whose threads keep their ids
//! appends to the file it has and needs no copy. Copies of copies exceed this quickly.

use serde_json::Value;

use super::Invariant;
use super::files::is_session;
use super::outcome::{Finding, Outcome};
use super::turn::{Seen, Turn};
use super::view::View;
use crate::journal::{Identity, ModelRequest, Snapshot};

/// What a call may add whatever it says: metadata, instructions, bookkeeping.
const CONSTANT_BYTES: u64 = 64 << 10;
/// How often a format may store what a turn held.
const TURN_COPIES: u64 = 4;
/// What wraps one item in a file.
const ENVELOPE_BYTES: u64 = 128;

/// A restart and one turn add at most the turn, a constant, and one copy of the live history.
pub(super) fn lean(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for (before, after) in view.snapshots.iter().zip(view.snapshots.iter().skip(1)) {
        let within = |t: &&Turn<'_>| before.at < t.call.at && t.call.at < after.at;
        let turns: Vec<&Turn<'_>> = view.turns.iter().filter(within).collect();
        let Some(first) = turns.iter().find(|t| t.rehydrating && !t.requests.is_empty()) else { continue };
        let Some(allowed) = turns.iter().map(|t| allowance(view, t)).sum::<Option<u64>>() else { continue };
        looked = true;
        let grown = growth(view, before, after);
        if grown > allowed {
            findings.push(Finding {
                invariant: Invariant::Lean,
                call: Some(first.call.what.call),
                incarnation: first.call.incarnation,
                step: Some(first.call.what.step),
                expected: format!("at most {allowed} bytes more"),
                got: format!("{grown} bytes more"),
                text: format!("the session files grew by {grown} bytes where {allowed} would do"),
                evidence: vec![before.seq, after.seq],
            });
        }
    }
    Outcome::conclude(findings, looked, "no rehydrated turn stands between two snapshots")
}

/// By how much the session files grew, what the story placed apart.
fn growth(view: &View<'_>, before: &Seen<'_, Snapshot>, after: &Seen<'_, Snapshot>) -> u64 {
    let since = || view.placed.iter().filter(|p| before.at < p.at && p.at < after.at);
    let placed = |path: &str| since().any(|p| p.what.paths().any(|placed| placed == path));
    let files = after.what.files.iter().filter(|f| is_session(&f.path) && !placed(&f.path));
    let had = |path: &str| before.what.files.iter().find(|f| f.path == path).map_or(0, |f| f.len);
    files.fold(0, |sum: u64, f| sum.saturating_add(f.len.saturating_sub(had(&f.path))))
}

/// What one call may add; none if its requests cannot be read.
fn allowance(view: &View<'_>, turn: &Turn<'_>) -> Option<u64> {
    let said = turn.answer.map_or(0, |a| a.what.text.len() as u64);
    let (Some(first), Some(last)) = (turn.requests.first(), turn.requests.last()) else {
        return Some(CONSTANT_BYTES + TURN_COPIES * said);
    };
    let begin = input_bytes(view, first.what, turn)?;
    let end = input_bytes(view, last.what, turn)?;
    let copy = match view.run.header.target.identity {
        Identity::New if turn.rehydrating => begin.all + begin.messages,
        _ => 0,
    };
    let held = begin.prompt + end.all.saturating_sub(begin.all) + said;
    Some(CONSTANT_BYTES.saturating_add(TURN_COPIES.saturating_mul(held)).saturating_add(copy))
}

/// How large the items of a request are in a file.
#[derive(Default)]
struct InputBytes {
    all: u64,
    /// Those of them that are messages.
    messages: u64,
    /// The one that holds the turn's own prompt, without its envelope.
    prompt: u64,
}

fn input_bytes(view: &View<'_>, request: &ModelRequest, turn: &Turn<'_>) -> Option<InputBytes> {
    let body: Value = serde_json::from_slice(&view.run.blobs.bytes(&request.body).ok()?).ok()?;
    let items = body.get("input")?.as_array()?;
    let own = turn.call.what.marker.as_str();
    let mut bytes = InputBytes::default();
    for item in items {
        let text = item.to_string();
        let stored = text.len() as u64 + ENVELOPE_BYTES;
        bytes.all += stored;
        if item.get("type").and_then(Value::as_str) == Some("message") {
            bytes.messages += stored;
        }
        if text.contains(own) {
            bytes.prompt = text.len() as u64;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::TargetKind;

    fn grown_by(bytes: usize) -> Story {
        let mut story = Story::restarted();
        let history = story.history("main");
        story.say(Say::reply("main", A, B, history));
        let file = story.files.get_mut(&Story::rollout_path(B)).expect("the continuation is there");
        file.extend(std::iter::repeat_n(b' ', bytes));
        story.death(Some("KILL"));
        story
    }

    #[test]
    fn a_small_addition_holds_and_a_large_one_is_found() {
        assert_eq!(grown_by(60 << 10).says(Invariant::Lean), Outcome::Held);
        let story = grown_by(80 << 10);
        assert_eq!(story.fired(), ["lean"]);
        assert!(text(&story.says(Invariant::Lean)).contains("the session files grew by"));
    }

    #[test]
    fn one_copy_of_a_long_history_as_items_and_events_is_allowed_and_two_are_not() {
        for copies in [1, 2] {
            let mut story = Story::new(TargetKind::Builtin);
            let long: Vec<_> = (0..4000).map(|n| bare("assistant", &format!("{n} {}", "x".repeat(100)))).collect();
            story.life();
            story.say(Say { history: Some(long.clone()), ..Say::start("main", A) });
            story.restart();
            story.say(Say::reply("main", A, B, story.history("main")));
            let file = story.files.get_mut(&Story::rollout_path(B)).expect("the continuation is there");
            file.extend(std::iter::repeat_n(b' ', copies * 4000 * 500));
            story.death(Some("KILL"));
            assert_eq!(story.says(Invariant::Lean) == Outcome::Held, copies == 1, "{copies} copies");
        }
    }

    #[test]
    fn what_the_story_placed_is_not_counted() {
        let mut story = grown_by(0);
        story.life();
        story.say(Say::reply("main", B, C, story.history("main")));
        story.place("other", NOBODY, Vec::new());
        story.files.insert(Story::rollout_path(NOBODY), vec![b' '; 1 << 20]);
        story.death(Some("KILL"));
        assert_eq!(story.says(Invariant::Lean), Outcome::Held);
    }

    #[test]
    fn without_a_rehydration_there_is_nothing_to_see() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        story.death(Some("KILL"));
        assert!(is_unjudged(&story.says(Invariant::Lean)));
    }
}
