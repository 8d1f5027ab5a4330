//! The second look of `durable`: what the bytes on disk said when the thread was loaded.
//!
//! The expected history comes from requests and answers. This look comes from another side: the rollout as it lay there
//! in the last snapshot before the call, read by our own reader. What a complete turn holds there and the model does
//! not receive was lost, even if no answer ever told it (of two messages of one reply the client is told the last).
//! Turns that were never acknowledged may be there or not, so they are left out, and so is reasoning, which servers
//! may drop between turns. A file that cannot be read says nothing.

use std::path::Path;

use super::Invariant;
use super::expected::{Expected, Received};
use super::outcome::Finding;
use super::threads::canonical;
use super::turn::Turn;
use super::view::View;
use crate::journal::{Seq, SnapshotFile};
use crate::marker::{self, Carrier, Marker};
use crate::rollout::history::{Item, read_history_bytes};
use crate::rollout::locate::RolloutName;

/// What a complete turn in the rollout holds and the turn did not receive.
pub(super) fn compare(
    view: &View<'_>,
    turn: &Turn<'_>,
    expected: &Expected<'_>,
    received: &Received<'_>,
) -> Option<Finding> {
    let (thread, id) = (turn.thread?, turn.call.what.id_sent.as_deref()?);
    if !turn.rehydrating || view.threads.superseded(thread, id, turn.call.at).is_some() {
        return None;
    }
    let (file, snapshot) = source(view, turn)?;
    let held = markers_in(view, file)?;
    let said = |m: &Marker| !matches!(m.carrier(), Some(Carrier::Reasoning) | None);
    let lost: Vec<&Marker> = (held.iter())
        .filter(|m| said(m) && !received.all.contains(m))
        .filter(|m| !expected.unacknowledged.contains(m) && !view.is_foreign(m, thread))
        .collect();
    if lost.is_empty() {
        return None;
    }
    let names = view.names(lost);
    let text = format!("the rollout held what does not reach the model: {names}");
    let words = (format!("what {} held", file.path), view.names(received.placed.iter().copied()));
    Some(turn.finding(Invariant::Durable, words, text, vec![received.seq, snapshot]))
}

/// How often the source itself says that the user interrupted a turn on purpose.
pub(super) fn aborts_in_source(view: &View<'_>, turn: &Turn<'_>) -> usize {
    let source = source(view, turn);
    let bytes = source.and_then(|(file, _)| view.run.blobs.get(file.blob.as_deref()?).ok());
    let history = source.zip(bytes).and_then(|((file, _), b)| read_history_bytes(b, Path::new(&file.path)).ok());
    let items = history.map(|history| history.items).unwrap_or_default();
    let values = items.iter().map(Item::value).filter(|item| item.get("role").is_some_and(|role| role == "user"));
    values.filter(|item| item.to_string().contains(r#""text":"<turn_aborted>"#)).count()
}

/// The rollout of the newest id of the turn's strand that has one, in the last snapshot before the call.
fn source<'r>(view: &View<'r>, turn: &Turn<'r>) -> Option<(&'r SnapshotFile, Seq)> {
    let snapshot = view.snapshots.iter().rfind(|s| s.at < turn.call.at)?;
    let file_of = |id: &str| {
        let files = snapshot.what.files.iter();
        files.into_iter().find(|f| {
            let name = f.path.rsplit('/').next().and_then(RolloutName::parse);
            name.is_some_and(|n| n.segment.is_none() && !n.compressed && n.thread.to_string() == canonical(id))
        })
    };
    let file = view.ids(turn).into_iter().find_map(file_of)?;
    Some((file, snapshot.seq))
}

/// The markers of complete turns, as our reader finds them.
fn markers_in(view: &View<'_>, file: &SnapshotFile) -> Option<Vec<Marker>> {
    let bytes = view.run.blobs.get(file.blob.as_deref()?).ok()?;
    let history = read_history_bytes(bytes, Path::new(&file.path)).ok()?;
    Some(history.of_complete_turns().iter().flat_map(|item| marker::find(item.raw())).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::testing::*;
    use serde_json::json;

    use super::*;

    /// A rollout with one complete turn whose texts carry these markers.
    fn rollout(markers: &[(&str, Marker)]) -> Vec<u8> {
        let record = |kind: &str, payload: serde_json::Value| {
            json!({"timestamp": "2026-11-22T00:00:00.000Z", "type": kind, "payload": payload}).to_string() + "\n"
        };
        let meta = json!({"id": A, "timestamp": "2026-11-22T00:00:00.000Z", "cwd": CWD, "originator": "x",
            "cli_version": "0.130.0", "source": "mcp", "model_provider": "mock"});
        let mut text =
            record("session_meta", meta) + &record("event_msg", json!({"type": "task_started", "turn_id": "1"}));
        for (role, marker) in markers {
            let kind = if *role == "user" { "input_text" } else { "output_text" };
            let content = json!([{"type": kind, "text": format!("text {marker}")}]);
            text += &record("response_item", json!({"type": "message", "role": role, "content": content}));
        }
        text += &record("event_msg", json!({"type": "task_complete", "turn_id": "1"}));
        text.into_bytes()
    }

    fn continued(markers: &[(&str, Marker)]) -> Story {
        let mut story = Story::new(crate::journal::TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        story.files.insert(Story::rollout_path(A), rollout(markers));
        story.restart();
        let history = story.history("main");
        story.say(Say::reply("main", A, B, history));
        story
    }

    #[test]
    fn what_the_client_was_never_told_but_the_disk_held_is_missed() {
        let story = continued(&[("user", p(1)), ("assistant", r(300)), ("assistant", r(1))]);
        assert_eq!(story.fired(), ["durable"]);
        assert!(text(&story.says(Invariant::Durable)).starts_with("the rollout held what does not reach the model"));
    }

    #[test]
    fn a_rollout_that_says_the_same_changes_nothing() {
        let story = continued(&[("user", p(1)), ("assistant", r(1))]);
        assert_eq!(story.says(Invariant::Durable), Outcome::Held);
    }

    #[test]
    fn an_unreadable_rollout_says_nothing() {
        assert_eq!(continued(&[]).says(Invariant::Durable), Outcome::Held);
    }
}
