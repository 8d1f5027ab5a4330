//! `additive`: without a restart, rehydration on or off makes no difference.
//!
//! The story is played twice, on the target and on its control, and the two journals are compared: the frames that the
//! server wrote and the model requests it made, ids, times, paths and ports normalised. A story that continues a thread
//! in a later life, or a placed one, is not compared, because there the two must differ; nor is one whose calls
//! overlap, because there the order of frames is chance.
//!
//! Where the injector saw what the target's lives read, a session file that is read while a reply to a thread in memory is
//! under way is a finding too; see [`not_looked_at`](super::not_looked_at) for where it did not.

use serde_json::Value;

use super::Invariant;
use super::normalise::{Names, first_difference};
use super::outcome::{Finding, Outcome, one_line};
use super::turn::Turn;
use super::view::View;
use crate::journal::{Body, CallKind, Direction, Event, FileOp, Kind, Run, Seq, is_session_path};

/// Compares a run with its control's.
pub(super) fn additive(run: &View<'_>, control: Option<&Run>) -> Outcome {
    let Some(control) = control else { return Outcome::Unjudged("no run of the control was given".to_owned()) };
    let control = View::new(control);
    if [run, &control].iter().any(|v| v.turns.iter().any(|t| t.restored)) {
        return Outcome::Unjudged("the story continues a thread that its life did not begin".to_owned());
    }
    if overlaps(run) {
        return Outcome::Unjudged("calls overlap, so the order of frames is chance".to_owned());
    }
    if control.run.incomplete().is_some() {
        return Outcome::Unjudged("the control's run is incomplete".to_owned());
    }
    let pairs = [
        ("frame", series(run.run, frame_of), series(control.run, frame_of)),
        ("model request", series(run.run, request_of), series(control.run, request_of)),
    ];
    let looked = pairs.iter().all(|(_, ours, theirs)| !ours.is_empty() && !theirs.is_empty());
    let differ = pairs.iter().filter_map(|(what, ours, theirs)| difference(run, what, ours, theirs));
    let findings = differ.chain(run.turns.iter().filter_map(|turn| reading(run, turn))).collect();
    Outcome::conclude(findings, looked, "no frame or no model request to compare")
}

/// The first session file that was read for a reply to a thread in memory.
fn reading(view: &View<'_>, turn: &Turn<'_>) -> Option<Finding> {
    let is_in_memory = turn.call.what.kind == CallKind::Reply && turn.thread.is_some() && !turn.restored;
    let answer = turn.answer.filter(|_| is_in_memory)?;
    let during = view.run.events.get(turn.call.at..answer.at)?;
    let (seq, path) = during.iter().find_map(|event| match &event.kind {
        Kind::Write(seen) if seen.op == FileOp::Read && is_session_path(&seen.path) => Some((event.seq, &seen.path)),
        _ => None,
    })?;
    let text = format!("a reply to a thread in memory reads `{path}`");
    Some(turn.finding(Invariant::Additive, ("no session file read", path), text, vec![turn.call.seq, seq]))
}

fn overlaps(view: &View<'_>) -> bool {
    view.turns.windows(2).any(|pair| match pair {
        [first, second] => first.answer.is_none_or(|a| second.call.at < a.at),
        _ => false,
    })
}

type Series = Vec<(Seq, Value)>;

fn frame_of(event: &Event) -> Option<&Body> {
    match &event.kind {
        Kind::Frame(frame) if frame.direction == Direction::Out && !frame.partial => Some(&frame.bytes),
        _ => None,
    }
}

fn request_of(event: &Event) -> Option<&Body> {
    match &event.kind {
        Kind::ModelRequest(request) => Some(&request.body),
        _ => None,
    }
}

/// Every such body of a run, normalised; what is no JSON is compared as text.
fn series(run: &Run, pick: fn(&Event) -> Option<&Body>) -> Series {
    let mut names = Names::default();
    let bodies = run.events.iter().filter_map(|e| Some((e.seq, run.blobs.bytes(pick(e)?).ok()?)));
    let parse = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
    };
    bodies.map(|(seq, bytes)| (seq, names.value(&parse(bytes)))).collect()
}

/// The first place at which two series differ.
fn difference(view: &View<'_>, what: &str, ours: &Series, theirs: &Series) -> Option<Finding> {
    let differing = ours.iter().zip(theirs).enumerate().find_map(|(n, ((seq, a), (_, b)))| {
        let (path, got, expected) = first_difference(a, b)?;
        Some((*seq, expected, got, format!("{what} {} differs from the control's at `{path}`", n + 1)))
    });
    let (seq, expected, got, text) = differing.or_else(|| {
        let (have, want) = (ours.len(), theirs.len());
        let last = ours.get(want.min(have.saturating_sub(1))).map_or(0, |(seq, _)| *seq);
        let text = format!("there are {have} {what}s where the control has {want}");
        (have != want).then(|| (last, want.to_string(), have.to_string(), text))
    })?;
    let incarnation = view.run.events.iter().find(|e| e.seq == seq).map_or(0, |e| e.incarnation);
    Some(Finding {
        invariant: Invariant::Additive,
        call: None,
        incarnation,
        step: None,
        expected: one_line(&expected),
        got: one_line(&got),
        text,
        evidence: vec![seq],
    })
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Lane, TargetKind, WriteSeen};

    fn calm(kind: TargetKind, id: &str, cwd: &str) -> Story {
        let mut story = Story::new(kind);
        story.life();
        story.say(Say::start("main", id));
        story.frame(
            Direction::Out,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"result":{{"threadId":"{id}","cwd":"{cwd}"}}}}"#),
        );
        story
    }

    fn compare(story: &Story, control: &Story) -> Outcome {
        outcome_of(&judge(&story.run(), Some(&control.run())), Invariant::Additive)
    }

    #[test]
    fn two_runs_that_differ_in_ids_and_paths_alone_are_equal() {
        let control = calm(TargetKind::BuiltinControl, B, "/run/b/project");
        assert_eq!(compare(&calm(TargetKind::Builtin, A, "/run/a/project"), &control), Outcome::Held);
    }

    #[test]
    fn another_frame_is_found_with_its_place() {
        let control = calm(TargetKind::BuiltinControl, B, "/run/b/project");
        let outcome = compare(&calm(TargetKind::Builtin, A, "elsewhere"), &control);
        assert_eq!(text(&outcome), "frame 1 differs from the control's at `/result/cwd`");
    }

    #[test]
    fn one_frame_more_is_found() {
        let control = calm(TargetKind::BuiltinControl, B, "/run/b/project");
        let mut story = calm(TargetKind::Builtin, A, "/run/a/project");
        story.frame(Direction::Out, r#"{"jsonrpc":"2.0","method":"extra"}"#);
        assert_eq!(text(&compare(&story, &control)), "there are 2 frames where the control has 1");
    }

    #[test]
    fn another_model_request_is_found() {
        let control = calm(TargetKind::BuiltinControl, B, "/run/b/project");
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say { history: Some(vec![bare("developer", "extra")]), ..Say::start("main", A) });
        story.frame(
            Direction::Out,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"result":{{"threadId":"{A}","cwd":"/run/a/p"}}}}"#),
        );
        assert!(text(&compare(&story, &control)).starts_with("model request 1 differs"));
    }

    #[test]
    fn a_story_with_a_restart_or_without_a_control_is_not_compared() {
        let mut restarted = Story::restarted();
        restarted.say(Say::refused("main", A));
        assert!(is_unjudged(&compare(&restarted, &restarted)));
        assert!(is_unjudged(&calm(TargetKind::Builtin, A, "/run/a/p").says(Invariant::Additive)));
    }

    fn seen(op: FileOp, path: &str) -> WriteSeen {
        let path = path.to_owned();
        WriteSeen {
            order: 1,
            op,
            path,
            to: None,
            offset: 0,
            len: 0,
            landed: 0,
            errno: None,
            record_kind: None,
            body: None,
        }
    }

    #[test]
    fn a_session_file_that_is_read_for_a_thread_in_memory_is_found() {
        let read = |during: CallKind| {
            let mut story = calm(TargetKind::Builtin, A, "/run/a/project");
            let say = match during {
                CallKind::Start => Say::start("other", B),
                CallKind::Reply => Say::reply("main", A, A, story.history("main")),
            };
            let call = story.call(&say);
            story.push(Lane::Fault, Kind::Write(seen(FileOp::Write, "sessions/2026/11/22/a.jsonl")));
            story.push(Lane::Fault, Kind::Write(seen(FileOp::Read, "rehydra/locks/a.lock")));
            story.push(Lane::Fault, Kind::Write(seen(FileOp::Read, "sessions/2026/11/22/a.jsonl")));
            story.answer(call, &say);
            compare(&story, &story)
        };
        assert_eq!(read(CallKind::Start), Outcome::Held);
        assert_eq!(text(&read(CallKind::Reply)), "a reply to a thread in memory reads `sessions/2026/11/22/a.jsonl`");
    }

    #[test]
    fn overlapping_calls_are_not_compared() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        let (one, two) = (Say::start("one", A), Say::start("two", B));
        let (first, second) = (story.call(&one), story.call(&two));
        story.answer(first, &one);
        story.answer(second, &two);
        assert!(is_unjudged(&compare(&story, &story)));
    }
}
