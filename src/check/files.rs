//! `source-kept`: no session file is lost, shortened or rewritten.
//!
//! Two snapshots in a row are compared. Every session file of the first must be in the second: byte for byte the same
//! where a continuation is a thread of its own, else with its old content as a prefix, and the same for the files that a
//! life which runs across both may be writing. What the story itself placed or
//! damaged between the two is left out. A file that was moved (archived) with its content is not lost, and neither is a
//! compressed one of which a plain file holds what it held: so 0.153.4 and 0.169.0 leave a thread that they resume.
//!
//! Session files are `.jsonl` and `.jsonl.zst` below `sessions/` and `archived_sessions/`.

use std::path::Path;

use super::Invariant;
use super::applies::source_stays_identical;
use super::outcome::{Finding, Outcome};
use super::threads::canonical;
use super::turn::Seen;
use super::view::View;
use crate::journal::{Snapshot, SnapshotFile, TargetProfile};
use crate::limits::ROLLOUT_UNPACKED_BYTES;
use crate::rollout::{is_packed, unpack};

/// Whether a path below a home is a session file. That of another home of the run begins with `../` and its name.
pub(super) fn is_session(path: &str) -> bool {
    let path = path.strip_prefix("../").and_then(|path| path.split_once('/')).map_or(path, |(_, below)| below);
    let inside = path.starts_with("sessions/") || path.starts_with("archived_sessions/");
    inside && (path.ends_with(".jsonl") || path.ends_with(".jsonl.zst"))
}

/// No session file is lost, shortened or rewritten, and the source of a continuation stays as it was.
pub(super) fn source_kept(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for (before, after) in view.snapshots.iter().zip(view.snapshots.iter().skip(1)) {
        let touched = touched(view, before, after);
        let is_touched = |path: &str| touched.iter().any(|touched| Path::new(path).starts_with(touched));
        for file in before.what.files.iter().filter(|f| is_session(&f.path) && !is_touched(&f.path)) {
            looked = true;
            let may_grow = appends(view, before, after) || is_open(view, before, file);
            if let Some((got, text)) = fate(view, file, after.what, may_grow) {
                findings.push(finding(view, before, after, file, (got, text)));
            }
        }
    }
    Outcome::conclude(findings, looked, "no session file was there at two moments")
}

/// Whether a server that was there between two snapshots goes on with a thread in the file that it has.
fn appends(view: &View<'_>, before: &Seen<'_, Snapshot>, after: &Seen<'_, Snapshot>) -> bool {
    let appends = |target: &TargetProfile| !source_stays_identical(target.kind);
    let mut there = view.targets_between(before.at, after.at).peekable();
    if there.peek().is_none() {
        // What was left between two lives: whoever was there last may have written it late.
        return view.targets().into_iter().any(appends);
    }
    there.any(appends)
}

/// What the story touched between two snapshots, each with all that lies below it.
fn touched<'r>(view: &View<'r>, before: &Seen<'r, Snapshot>, after: &Seen<'r, Snapshot>) -> Vec<&'r str> {
    let within = |at: usize| before.at < at && at < after.at;
    let placed = view.placed.iter().filter(|p| within(p.at)).flat_map(|p| p.what.paths());
    let damaged = view.damage.iter().filter(|d| within(d.at)).map(|d| d.what.path.as_str());
    placed.chain(damaged).collect()
}

/// Whether a life that was running at the snapshot may be writing that file: it is of a thread that the life named, or the
/// life has not said which thread is whose.
fn is_open(view: &View<'_>, before: &Seen<'_, Snapshot>, file: &SnapshotFile) -> bool {
    let running = view.turns.iter().filter(|t| view.is_running(t.call.incarnation, before.at));
    running.into_iter().any(|t| match t.answer.and_then(|answer| answer.what.id_returned.as_deref()) {
        Some(id) => file.path.contains(&canonical(id)),
        None => true,
    })
}

/// What became of a file, if it is not what it should be.
fn fate(view: &View<'_>, file: &SnapshotFile, after: &Snapshot, may_grow: bool) -> Option<(String, String)> {
    let path = &file.path;
    let Some(now) = after.files.iter().find(|f| f.path == *path) else {
        let moved = |f: &SnapshotFile| {
            f.sha256 == file.sha256 || plain_name(&f.path) == plain_name(path) && holds(view, f, file)
        };
        if after.files.iter().any(moved) {
            return None;
        }
        return Some(("nothing".to_owned(), format!("the session file {path} is gone")));
    };
    if now.sha256 == file.sha256 && now.len == file.len {
        return None;
    }
    let lengths = format!("{} bytes, before {}", now.len, file.len);
    if now.len < file.len {
        return Some((lengths, format!("the session file {path} is shorter than it was")));
    }
    if !may_grow {
        return Some((lengths, format!("the source {path} did not stay as it was")));
    }
    let text = || format!("the session file {path} was rewritten: what it held is not a prefix of what it holds");
    (!holds(view, now, file)).then(|| (lengths, text()))
}

/// The name of a file as it is when it is not compressed.
fn plain_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".zst").unwrap_or(name)
}

/// Whether `now` begins with what `then` held. Where a content is not in the journal, its length must do.
fn holds(view: &View<'_>, now: &SnapshotFile, then: &SnapshotFile) -> bool {
    let content = |f: &SnapshotFile| f.blob.as_deref().and_then(|b| view.run.blobs.get(b).ok());
    match (content(then), content(now)) {
        (Some(old), Some(new)) if is_packed(&old) && !is_packed(&new) => {
            let (old, whole) = unpack(&old, ROLLOUT_UNPACKED_BYTES.min(new.len() as u64 + 1));
            whole.is_ok() && new.starts_with(&old)
        }
        (Some(old), Some(new)) => new.starts_with(&old),
        _ => now.len >= then.len,
    }
}

fn finding(
    view: &View<'_>,
    before: &Seen<'_, Snapshot>,
    after: &Seen<'_, Snapshot>,
    file: &SnapshotFile,
    (got, text): (String, String),
) -> Finding {
    let within = |at: usize| before.at < at && at < after.at;
    let turn = view.turns.iter().find(|t| t.rehydrating && within(t.call.at));
    Finding {
        invariant: Invariant::SourceKept,
        call: turn.map(|t| t.call.what.call),
        incarnation: after.incarnation,
        step: turn.map(|t| t.call.what.step),
        expected: format!("{} bytes with the digest {}…", file.len, file.sha256.get(..12).unwrap_or(&file.sha256)),
        got,
        text,
        evidence: vec![before.seq, after.seq],
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::TargetKind;

    /// A thread rehydrated in a second life, in which `change` happens to the files as well.
    fn second_life(kind: TargetKind, change: impl FnOnce(&mut Story)) -> Story {
        let mut story = Story::restarted_on(kind);
        let history = story.history("main");
        let returned = if kind == TargetKind::CodexResume { A } else { B };
        story.say(Say::reply("main", A, returned, history));
        change(&mut story);
        story.death(Some("KILL"));
        story
    }

    fn source(story: &mut Story) -> &mut Vec<u8> {
        story.files.get_mut(&Story::rollout_path(A)).expect("the source is there")
    }

    #[test]
    fn a_source_that_stays_holds() {
        assert_eq!(second_life(TargetKind::Builtin, |_| {}).says(Invariant::SourceKept), Outcome::Held);
    }

    #[test]
    fn a_source_may_grow_only_where_the_thread_keeps_its_id() {
        assert_eq!(second_life(TargetKind::CodexResume, |_| {}).says(Invariant::SourceKept), Outcome::Held);
        let grown = second_life(TargetKind::Builtin, |s| source(s).extend(b"{}\n"));
        assert!(text(&grown.says(Invariant::SourceKept)).contains("did not stay as it was"));
        let appended = second_life(TargetKind::CodexMcp, |s| source(s).extend(b"{}\n"));
        assert_eq!(appended.says(Invariant::SourceKept), Outcome::Held);
    }

    #[test]
    fn lost_shortened_and_rewritten_files_are_told_apart() {
        let lost = second_life(TargetKind::CodexMcp, |s| drop(s.files.remove(&Story::rollout_path(A))));
        assert!(text(&lost.says(Invariant::SourceKept)).contains("is gone"));
        let short = second_life(TargetKind::CodexMcp, |s| source(s).truncate(3));
        assert!(text(&short.says(Invariant::SourceKept)).contains("shorter"));
        let rewritten = second_life(TargetKind::CodexMcp, |s| *source(s) = vec![b'x'; 500]);
        assert!(text(&rewritten.says(Invariant::SourceKept)).contains("was rewritten"));
        assert_eq!(rewritten.fired(), ["source-kept"]);
    }

    #[test]
    fn an_archived_file_is_not_lost() {
        let moved = second_life(TargetKind::Builtin, |s| {
            let bytes = s.files.remove(&Story::rollout_path(A)).expect("the source is there");
            s.files.insert(Story::rollout_path(A).replace("sessions/2026/11/22", "archived_sessions"), bytes);
        });
        assert_eq!(moved.says(Invariant::SourceKept), Outcome::Held);
        let cut = second_life(TargetKind::Builtin, |s| {
            let bytes = s.files.remove(&Story::rollout_path(A)).expect("the source is there");
            s.files
                .insert(Story::rollout_path(A).replace("sessions/2026/11/22", "archived_sessions"), bytes[..3].into());
        });
        assert!(text(&cut.says(Invariant::SourceKept)).contains("is gone"));
    }

    #[test]
    fn a_compressed_file_that_was_unpacked_is_not_lost() {
        let unpacked = |keep: usize| {
            let mut story = Story::restarted_on(TargetKind::CodexResume);
            let plain = source(&mut story).clone();
            let packed = zstd::encode_all(plain.as_slice(), 3).expect("it is compressed");
            let (path, beside) = (Story::rollout_path(A), format!("{}.zst", Story::rollout_path(A)));
            story.files.remove(&path);
            story.files.insert(beside.clone(), packed);
            story.life();
            story.files.remove(&beside);
            story.files.insert(path, [&plain[..keep.min(plain.len())], b"[]\n"].concat());
            story.death(Some("KILL"));
            match story.says(Invariant::SourceKept) {
                Outcome::Findings(findings) => findings.iter().any(|finding| finding.text.contains(".zst is gone")),
                _ => false,
            }
        };
        assert_eq!((unpacked(usize::MAX), unpacked(1)), (false, true));
    }

    #[test]
    fn what_the_story_damaged_is_no_finding() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        story.death(Some("KILL"));
        story.damage("main", A, Vec::new());
        story.life();
        assert!(story.fired().is_empty());
    }

    #[test]
    fn what_a_file_step_removed_is_no_finding_and_all_else_is_still_looked_at() {
        let removed = second_life(TargetKind::Builtin, |s| {
            s.file_step("remove", "sessions/2026");
            s.files.clear();
        });
        assert!(removed.fired().is_empty());
        let beside = second_life(TargetKind::Builtin, |s| {
            s.file_step("write", "config.toml");
            source(s).truncate(3);
        });
        assert_eq!(beside.fired(), ["source-kept"]);
    }

    #[test]
    fn without_a_file_there_is_nothing_to_see() {
        let mut story = Story::new(TargetKind::Foreign);
        story.life();
        story.death(Some("KILL"));
        assert!(is_unjudged(&story.says(Invariant::SourceKept)));
    }
}
