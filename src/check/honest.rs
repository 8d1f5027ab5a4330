//! `honest`: when something was lost, cut or narrowed, the answer says so.
//!
//! Lost is what another check sees missing (history, the turns behind an old id, the cwd, the width of a setting) and
//! also what the story took: history that its damage destroyed, a thread's directory that it removed. That is nobody's
//! fault, but the user must hear of it. So must he hear of a branch: whoever goes on with the thread elsewhere will not
//! know what is said here. One note about it is
//! enough, whatever its words. Settings and cwd are looked at in the turn that rehydrates, because that is when they change.

use std::path::Path;

use super::notes::About;
use super::outcome::Outcome;
use super::settings::{Cwd, cwd_of, narrowed};
use super::turn::Turn;
use super::view::View;
use super::{Invariant, applies, history, notes};

/// When something was lost, the answer says so; never success with a silent blank.
pub(super) fn honest(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued().filter(|t| t.is_reply()) {
        looked |= view.settles(turn);
        let untold = losses(view, turn).into_iter().filter(|(about, _)| !notes::tells(view, turn, *about));
        let losses: Vec<String> = untold.map(|(_, loss)| loss).collect();
        let Some(first) = losses.first() else { continue };
        let mut evidence = turn.evidence();
        evidence.extend(turn.requests.iter().take(1).map(|r| r.seq));
        let text = format!("the answer does not say that something was lost: {first}");
        let said = (format!("a note about: {}", losses.join("; ")), "a reply without a note");
        findings.push(turn.finding(Invariant::Honest, said, text, evidence));
    }
    Outcome::conclude(findings, looked, "no continued thread was answered by a reply of the model")
}

/// What was lost on the way to this turn, each in words.
fn losses(view: &View<'_>, turn: &Turn<'_>) -> Vec<(About, String)> {
    let mut losses = Vec::new();
    let client_maps = applies::not_applicable(&view.run.header.target, Invariant::StaleId).is_some();
    if turn.branches && !client_maps {
        losses.push((
            About::Branch,
            "the thread goes on beside another live process, which does not hear of it".to_owned(),
        ));
    }
    if let Some(missing) = history::missing(view, turn) {
        let since = missing.since_superseded.iter().filter(|_| !client_maps);
        let all: Vec<_> = missing.lost.iter().chain(since).collect();
        if !all.is_empty() {
            losses.push((About::History, format!("the model did not receive {}", view.names(all))));
        }
    }
    if let (Some(expected), Some(received)) = (view.expected(turn), view.received(turn)) {
        let destroyed: Vec<_> = expected.destroyed.iter().filter(|m| !received.all.contains(m)).collect();
        if !destroyed.is_empty() {
            losses
                .push((About::History, format!("the file was damaged and no longer holds {}", view.names(destroyed))));
        }
    }
    if turn.rehydrating {
        match cwd_of(view, turn) {
            Cwd::Changed(change) => losses.push((About::Directory, change.text())),
            Cwd::Kept(cwd) if is_gone(view, turn, &cwd) => {
                losses.push((About::Directory, format!("the thread's directory `{cwd}` is there no more")));
            }
            _ => {}
        }
        losses.extend(narrowed(view, turn).iter().map(|change| (About::Policy, change.text())));
    }
    losses
}

/// Whether the story removed that directory before the turn and did not put it back.
fn is_gone(view: &View<'_>, turn: &Turn<'_>, cwd: &str) -> bool {
    let above = |path: &str| !path.is_empty() && Path::new(cwd).starts_with(path);
    let mut fate = view.damage.iter().filter(|d| d.at < turn.call.at).filter_map(|d| match d.what.mutator.as_str() {
        "remove" | "move" if above(&d.what.path) => Some(true),
        "mkdir" | "write" | "move to" | "copy to" if Path::new(&d.what.path).starts_with(cwd) => Some(false),
        _ => None,
    });
    fate.next_back() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::TargetKind;

    #[test]
    fn a_silent_blank_is_found_and_a_told_one_is_not() {
        let mut story = Story::restarted();
        story.say(Say::reply("main", A, B, Vec::new()));
        assert_eq!(story.fired(), ["durable", "honest"]);
        let mut story = Story::restarted();
        story.say(Say { notes: vec![note("lost")], ..Say::reply("main", A, B, Vec::new()) });
        assert_eq!(story.fired(), ["durable"]);
        assert_eq!(story.says(Invariant::Honest), Outcome::Held);
    }

    #[test]
    fn what_damage_destroyed_must_be_told() {
        for notes in [Vec::new(), vec![note("torn_tail")]] {
            let mut story = Story::new(TargetKind::Builtin);
            story.place("old", A, vec![p(90), r(90)]);
            story.damage("old", A, vec![r(90)]);
            story.life();
            let told = !notes.is_empty();
            story.say(Say { notes, ..Say::reply("old", A, B, vec![user(p(90))]) });
            assert_eq!(story.says(Invariant::Honest) == Outcome::Held, told);
            assert_eq!(story.fired().is_empty(), told);
        }
    }

    #[test]
    fn a_server_that_saves_what_was_damaged_owes_no_note() {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("old", A, vec![p(90), r(90)]);
        story.damage("old", A, vec![r(90)]);
        story.life();
        story.say(Say::reply("old", A, B, vec![user(p(90)), assistant(r(90))]));
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn a_directory_that_is_gone_must_be_told() {
        for (notes, put_back, fires) in
            [(Vec::new(), false, true), (vec![note("cwd_missing")], false, false), (Vec::new(), true, false)]
        {
            let mut story = Story::new(TargetKind::Builtin);
            story.life();
            story.say(Say::start("main", A));
            story.death(Some("KILL"));
            story.file_step("remove", "/run/project");
            if put_back {
                story.file_step("mkdir", "/run/project");
            }
            story.life();
            let history = story.history("main");
            story.say(Say { notes, ..Say::reply("main", A, B, history) });
            assert_eq!(story.fired() == ["honest"], fires, "{:?}", story.says(Invariant::Honest));
        }
    }

    #[test]
    fn an_error_is_not_asked_for_honesty() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        assert!(is_unjudged(&story.says(Invariant::Honest)));
    }
}
