//! `new-thread-id` and `stale-id`: which id a rehydrated thread has, and what becomes of the ones before it.
//!
//! A rehydrated reply names an id that no thread had before (or, where the profile declares `same`, the one it had).
//! That id must work: for the next reply and after the next restart, unless another life has the thread just then (where
//! that is refused, `rehydrates` tells). A client that has not noticed the change goes on
//! with an old id and must reach the newest continuation; where ids stay, the only one is old as soon as the thread was
//! brought back. It loses nothing *silently*: a server that says in its answer
//! that it branched or fell back to an ancestor has kept that promise, and `durable` judges the rest.

use super::outcome::{Outcome, one_line};
use super::threads::canonical;
use super::turn::Turn;
use super::view::View;
use super::{Invariant, history, notes};
use crate::journal::{Identity, Seq};

/// The reply names the right id, and that id works.
pub(super) fn new_thread_id(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    // Ids that a rehydration made, and the answer that told them.
    let mut made: Vec<(String, Seq)> = Vec::new();
    for turn in &view.turns {
        let Some(thread) = turn.thread else { continue };
        if let Some(told) = dead(turn, &made).filter(|_| !view.is_elsewhere(turn)) {
            let got = turn.answer.map(|a| one_line(&a.what.text)).unwrap_or_default();
            let text = format!("the id that the rehydration returned does not work: {got}");
            let mut evidence = vec![told];
            evidence.extend(turn.evidence());
            findings.push(turn.finding(Invariant::NewThreadId, ("an id that works", got), text, evidence));
        }
        let Some(answer) = turn.acknowledged().filter(|_| turn.restored) else { continue };
        looked |= turn.rehydrating;
        match &answer.what.id_returned {
            // A call that was sent beside the rehydrating one, or after it, repeats what that one made.
            Some(id) if !turn.rehydrating => made.push((canonical(id), answer.seq)),
            None if !turn.rehydrating => {}
            None => {
                let said = ("a thread id in the reply", "none");
                let text = format!("the reply that rehydrated thread `{thread}` names no id");
                findings.push(turn.finding(Invariant::NewThreadId, said, text, turn.evidence()));
            }
            Some(id) => {
                if let Some((expected, text)) = wrong(view, turn, thread, id) {
                    let said = (expected, id.clone());
                    findings.push(turn.finding(Invariant::NewThreadId, said, text, turn.evidence()));
                } else {
                    made.push((canonical(id), answer.seq));
                }
            }
        }
    }
    Outcome::conclude(findings, looked, "no call that rehydrates a thread was answered by a reply")
}

/// The answer that told the id which this turn was sent with and which turns out not to work.
fn dead(turn: &Turn<'_>, made: &[(String, Seq)]) -> Option<Seq> {
    if !turn.is_error() || !turn.requests.is_empty() {
        return None;
    }
    let sent = canonical(turn.call.what.id_sent.as_deref()?);
    made.iter().find(|(id, _)| *id == sent).map(|(_, seq)| *seq)
}

/// What id was expected, and what is wrong with this one.
fn wrong(view: &View<'_>, turn: &Turn<'_>, thread: &str, id: &str) -> Option<(String, String)> {
    let at = turn.call.at;
    let returned = canonical(id);
    let known = view.threads.known_before(id, at);
    let own = view.threads.ids(thread, at).any(|k| k == returned);
    match view.run.header.target.identity {
        Identity::New if own => {
            let text = format!("the rehydrated thread `{thread}` has an old id: {id}");
            Some(("an id that no thread had before".to_owned(), text))
        }
        Identity::New if known => {
            let text = format!("the rehydrated thread `{thread}` has the id of another thread: {id}");
            Some(("an id that no thread had before".to_owned(), text))
        }
        Identity::Same if !own => {
            let text = format!("the rehydrated thread `{thread}` has another id than it had: {id}");
            let expected = view.threads.ids(thread, at).next_back().unwrap_or("the id it had").to_owned();
            Some((expected, text))
        }
        _ => None,
    }
}

/// A client that goes on using an old id continues the newest continuation.
pub(super) fn stale_id(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.continued() {
        let (Some(thread), Some(id)) = (turn.thread, &turn.call.what.id_sent) else { continue };
        let since = match view.run.header.target.identity {
            Identity::New => view.threads.superseded(thread, id, turn.call.at),
            Identity::Same => brought_back(view, turn),
        };
        let Some(since) = since else { continue };
        let (Some(expected), Some(missing)) = (view.expected(turn), history::missing(view, turn)) else { continue };
        looked = true;
        let newer = history::made_since(view, turn, since);
        let lost: Vec<_> = missing.lost.iter().chain(&missing.since_superseded).filter(|m| newer.contains(m)).collect();
        if lost.is_empty() || notes::tells(view, turn, notes::About::History) {
            continue;
        }
        let names = view.names(lost);
        let mut evidence: Vec<Seq> = turn.requests.iter().take(1).map(|r| r.seq).collect();
        evidence.extend(&expected.evidence);
        let text = format!("a reply with the old id silently loses the turns made since: {names}");
        let said = (view.names(&expected.order), format!("without {names}"));
        findings.push(turn.finding(Invariant::StaleId, said, text, evidence));
    }
    Outcome::conclude(findings, looked, "no reply with a superseded id reached the model")
}

/// The answer of the turn that first brought the thread back, if one did before this turn.
fn brought_back<'r>(view: &View<'r>, turn: &Turn<'r>) -> Option<usize> {
    let first = view.turns_before(turn, turn.call.at).find(|t| t.rehydrating && t.is_reply())?;
    first.answer.map(|a| a.at).filter(|at| *at < turn.call.at)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{AnswerOutcome, IdChoice, TargetKind};

    fn returning(kind: TargetKind, id: Option<&str>) -> Story {
        let mut story = Story::restarted_on(kind);
        let history = story.history("main");
        story.say(Say { returned: id.map(str::to_owned), ..Say::reply("main", A, B, history) });
        story
    }

    #[test]
    fn a_new_id_that_works_is_what_was_promised() {
        let mut story = returning(TargetKind::Builtin, Some(B));
        let history = story.history("main");
        story.say(Say::reply("main", B, B, history));
        assert_eq!(story.says(Invariant::NewThreadId), Outcome::Held);
    }

    #[test]
    fn the_old_id_or_none_is_found() {
        let old = returning(TargetKind::Builtin, Some(&A.to_uppercase()));
        assert!(text(&old.says(Invariant::NewThreadId)).contains("has an old id"));
        let none = returning(TargetKind::Builtin, None);
        assert!(text(&none.says(Invariant::NewThreadId)).contains("names no id"));
    }

    #[test]
    fn another_thread_s_id_is_found() {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("decoy", C, vec![p(90)]);
        story.life();
        story.say(Say::start("main", A));
        story.restart();
        let history = story.history("main");
        story.say(Say::reply("main", A, C, history));
        assert!(text(&story.says(Invariant::NewThreadId)).contains("the id of another thread"));
    }

    #[test]
    fn an_id_that_does_not_work_for_the_next_reply_is_found() {
        let mut story = returning(TargetKind::Builtin, Some(B));
        story.say(Say::refused("main", B));
        assert!(text(&story.says(Invariant::NewThreadId)).contains("does not work"));
    }

    #[test]
    fn a_dead_id_told_by_a_call_beside_the_rehydrating_one_is_found() {
        let mut story = Story::restarted();
        let history = story.history("main");
        let (one, two) = (Say::reply("main", A, B, history.clone()), Say::reply("main", A, C, history));
        let (first, second) = (story.call(&one), story.call(&two));
        for (call, say) in [(first, &one), (second, &two)] {
            story.request(call, say);
            story.answer(call, say);
        }
        story.say(Say::refused("main", C));
        assert!(!story.says(Invariant::NewThreadId).findings().is_empty());
    }

    #[test]
    fn a_server_whose_ids_stay_must_keep_them() {
        assert_eq!(returning(TargetKind::CodexResume, Some(A)).says(Invariant::NewThreadId), Outcome::Held);
        let other = returning(TargetKind::CodexResume, Some(B));
        assert!(text(&other.says(Invariant::NewThreadId)).contains("another id than it had"));
    }

    #[test]
    fn an_error_names_no_id_to_judge() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        assert!(is_unjudged(&story.says(Invariant::NewThreadId)));
    }

    /// The first reply after the restart is answered under B; then the client goes on with A.
    fn stale(history_of_stale: fn(&Story) -> Vec<crate::journal::Item>) -> Story {
        let mut story = returning(TargetKind::Builtin, Some(B));
        let history = history_of_stale(&story);
        story.say(Say { id_is: IdChoice::First, ..Say::reply("main", A, B, history) });
        story
    }

    #[test]
    fn an_old_id_that_reaches_the_newest_continuation_holds() {
        assert_eq!(stale(|s| s.history("main")).says(Invariant::StaleId), Outcome::Held);
    }

    #[test]
    fn an_old_id_that_forks_silently_is_found() {
        let story = stale(|s| s.history("main")[..2].to_vec());
        assert!(
            text(&story.says(Invariant::StaleId)).contains("silently loses the turns made since: the prompt of step 2")
        );
    }

    #[test]
    fn where_ids_stay_the_only_one_must_reach_what_was_said_since() {
        let mut story = returning(TargetKind::CodexResume, Some(A));
        assert!(is_unjudged(&story.says(Invariant::StaleId)));
        let history = story.history("main");
        story.say(Say::reply("main", A, A, history));
        assert_eq!(story.says(Invariant::StaleId), Outcome::Held);
        let first_life = story.history("main")[..2].to_vec();
        story.restart();
        story.say(Say::reply("main", A, A, first_life));
        let found = story.says(Invariant::StaleId);
        assert!(text(&found).contains("silently loses the turns made since: the prompt of step 2"), "{found:?}");
    }

    #[test]
    fn a_branch_that_the_answer_tells_is_not_silent() {
        let mut story = returning(TargetKind::Builtin, Some(B));
        let old = story.history("main")[..2].to_vec();
        let notes = vec![note("branched_from_live")];
        story.say(Say { id_is: IdChoice::First, notes, ..Say::reply("main", A, C, old) });
        assert_eq!(story.says(Invariant::StaleId), Outcome::Held);
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn without_an_old_id_there_is_nothing_to_see() {
        assert!(is_unjudged(&returning(TargetKind::Builtin, Some(B)).says(Invariant::StaleId)));
        let mut story = returning(TargetKind::Builtin, Some(B));
        story.say(Say { outcome: AnswerOutcome::ToolError, ..Say::refused("main", A) });
        assert!(is_unjudged(&story.says(Invariant::StaleId)));
    }
}
