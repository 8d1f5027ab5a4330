//! `rehydrates`: a known id is answered by the model in a new life, not by an error.
//!
//! Judged is every reply to a thread that the life did not begin, if the thread has an acknowledged turn or was placed
//! with a complete one. An error that comes after the model was asked is the model's and no finding; a call that never
//! ends, or that dies with its server, is `responsive`'s. An empty history is `durable`'s and `honest`'s. A server that the
//! story keeps from its files, by permissions, by a lock or by a fault of the file system, may say so, and one whose file the
//! story has made such that a correct reader refuses it, should.
//!
//! A reply must be the model's: one that the model was never asked for is none, and neither is one with nothing in it of
//! what the model said. Two prompts may be put to the model at once, where a server takes the second into the turn that is
//! under way on the first; then what the model said to both is the reply to either.

use super::Invariant;
use super::outcome::{Outcome, one_line};
use super::turn::{Seen, Turn};
use super::view::View;
use crate::journal::{Item, ModelRequest};
use crate::marker::{self, Carrier, Marker};

/// A thread of an earlier life is answered by the model.
pub(super) fn rehydrates(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    let model_is_seen = view.turns.iter().any(|t| !t.requests.is_empty());
    for turn in view.turns.iter().filter(|t| t.restored && view.has_history(t)) {
        let Some(answer) = turn.answer else { continue };
        let along = asked_along(view, turn);
        let asked = !turn.requests.is_empty() || !along.is_empty();
        looked |= asked;
        let thread = turn.thread.unwrap_or_default();
        let got = one_line(&answer.what.text);
        let (expected, text) = if asked {
            if !is_of_somebody_else(turn, &along) {
                continue;
            }
            (
                "the model's words".to_owned(),
                format!("the reply to thread `{thread}` is not what the model said: {got}"),
            )
        } else if turn.is_error() && (view.is_kept_from_files(turn) || view.is_refused(turn)) {
            continue;
        } else if turn.is_error() {
            let text = format!("the reply to thread `{thread}` is answered by an error: {got}");
            (format!("an answer of the model to thread `{thread}`"), text)
        } else if turn.is_reply() && model_is_seen {
            let text = format!("the reply to thread `{thread}` is answered without asking the model");
            (format!("an answer of the model to thread `{thread}`"), text)
        } else {
            continue;
        };
        findings.push(turn.finding(Invariant::Rehydrates, (expected, got), text, turn.evidence()));
    }
    let reason = if model_is_seen { view.no_history_seen() } else { "no model request of the target reached the stub" };
    Outcome::conclude(findings, looked, reason)
}

/// The other calls with which the turn's prompt was put to the model before the turn was answered: it stands behind the
/// last words of the model in a request of theirs.
fn asked_along<'v, 'r>(view: &'v View<'r>, turn: &Turn<'r>) -> Vec<&'v Turn<'r>> {
    let until = turn.answer.map_or(usize::MAX, |answer| answer.at);
    let meanwhile = turn.call.at..until;
    let prompt = &turn.call.what.marker;
    let asks = |request: &&Seen<'_, ModelRequest>| {
        let mut asked = request.what.items.iter().rev().take_while(|item| is_said_to_the_model(item));
        meanwhile.contains(&request.at) && asked.any(|item| item.markers.contains(prompt))
    };
    let other = |t: &&Turn<'_>| t.call.what.call != turn.call.what.call && t.thread == turn.thread;
    view.turns.iter().filter(other).filter(|t| t.requests.iter().any(|request| asks(&request))).collect()
}

fn is_said_to_the_model(item: &Item) -> bool {
    item.kind == "message" && item.role.as_deref() != Some("assistant")
}

/// The model was asked and said something, and the reply has nothing of it. An empty reply to a turn with tool calls may
/// be one that ended before the model spoke.
fn is_of_somebody_else(turn: &Turn<'_>, along: &[&Turn<'_>]) -> bool {
    let turns = || std::iter::once(turn).chain(along.iter().copied());
    let planted: Vec<&Marker> = turns().flat_map(|t| t.planted.unwrap_or_default()).collect();
    let replies: Vec<&Marker> = planted.iter().copied().filter(|m| m.carrier() == Some(Carrier::Reply)).collect();
    let may_be_silent = replies.len() < planted.len();
    let answered = turns().flat_map(|t| &t.requests).any(|r| r.what.refused.is_none());
    let Some(answer) = turn.acknowledged().filter(|_| answered && !replies.is_empty()) else { return false };
    let told = marker::find(&answer.what.text);
    let silent = answer.what.text.trim().is_empty();
    let excused = silent && may_be_silent;
    !excused && !replies.into_iter().any(|m| told.contains(m))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{AnswerOutcome, FaultFired, IdChoice, Kind, Lane, TargetKind};

    #[test]
    fn an_error_for_a_known_thread_is_found_in_its_own_words() {
        let mut story = Story::restarted();
        story.say(Say::refused("main", A));
        assert_eq!(story.fired(), ["rehydrates"]);
        assert!(text(&story.says(Invariant::Rehydrates)).contains("Session not found for thread_id"));
    }

    #[test]
    fn an_answer_of_the_model_is_what_was_promised() {
        let mut story = Story::restarted();
        let history = story.history("main");
        story.say(Say::reply("main", A, B, history));
        assert_eq!(story.says(Invariant::Rehydrates), Outcome::Held);
    }

    #[test]
    fn an_error_of_the_model_is_not_the_server_s() {
        let mut story = Story::restarted();
        let history = story.history("main");
        story.say(Say { outcome: AnswerOutcome::ToolError, ..Say::reply("main", A, B, history) });
        assert_eq!(story.says(Invariant::Rehydrates), Outcome::Held);
    }

    #[test]
    fn a_server_that_is_kept_from_its_files_may_say_so() {
        for (steps, fires) in [
            (&["chmod 000"][..], false),
            (&["chmod 000", "chmod 600"], true),
            (&["lock"], false),
            (&["lock", "unlock"], true),
            (&["touch"], true),
        ] {
            let mut story = Story::restarted();
            steps.iter().for_each(|step| story.file_step(step, "sessions/a.jsonl"));
            story.say(Say::refused("main", A));
            assert_eq!(story.fired() == ["rehydrates"], fires, "{steps:?}");
        }
        for (at, fires) in [("write #1 of sessions/*", false), ("frame answer #1", true)] {
            let mut story = Story::restarted();
            let fault = FaultFired { name: "fault".to_owned(), at: at.to_owned(), call: Some(2), fired: true };
            story.say(Say { faulted: true, ..Say::refused("main", A) });
            let answer = story.events.pop().expect("the call has its answer");
            story.push(Lane::Fault, Kind::Fault(fault));
            story.push(answer.lane, answer.kind);
            assert_eq!(!story.says(Invariant::Rehydrates).findings().is_empty(), fires, "{at}");
        }
    }

    #[test]
    fn another_spelling_of_the_id_is_that_thread() {
        let mut story = Story::restarted();
        story.say(Say { id_is: IdChoice::Literal, ..Say::refused("main", &A.to_uppercase()) });
        assert!(!story.says(Invariant::Rehydrates).findings().is_empty());
        assert!(is_unjudged(&story.says(Invariant::UnknownId)));
    }

    #[test]
    fn a_thread_with_no_finished_turn_need_not_come_back() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say { outcome: AnswerOutcome::Closed, faulted: true, ..Say::start("main", A) });
        story.fault(1, true);
        story.restart();
        story.say(Say::refused("main", A));
        assert!(is_unjudged(&story.says(Invariant::Rehydrates)));
    }

    #[test]
    fn a_placed_thread_must_be_continued_by_the_first_life() {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("old", A, vec![p(90), r(90)]);
        story.life();
        story.say(Say::refused("old", A));
        assert_eq!(story.fired(), ["rehydrates"]);
    }

    #[test]
    fn a_canned_reply_is_no_answer_of_the_model() {
        let mut story = Story::restarted();
        story.say(Say { outcome: AnswerOutcome::Reply, ..Say::refused("main", A) });
        assert!(text(&story.says(Invariant::Rehydrates)).contains("without asking the model"));
    }

    #[test]
    fn a_reply_in_other_words_than_the_model_s_is_none() {
        for words in [String::new(), "Done.".to_owned(), format!("Noted. {}", r(1))] {
            let mut story = Story::restarted();
            let history = story.history("main");
            story.say(Say { text: Some(words.clone()), ..Say::reply("main", A, B, history) });
            assert_eq!(story.fired(), ["rehydrates"], "{words}");
        }
    }

    /// Two calls at once, both prompts in one request, which is the second call's; both are told `words`.
    fn two_prompts_at_once(between: Vec<Item>, words: &str) -> Story {
        let mut story = Story::restarted();
        let mut history = story.history("main");
        let first = Say { history: None, text: Some(words.into()), ..Say::reply("main", A, B, Vec::new()) };
        let one = story.call(&first);
        history.push(user(p(one)));
        history.extend(between);
        let second = Say { text: Some(words.into()), ..Say::reply("main", A, B, history) };
        let two = story.call(&second);
        story.request(two, &second);
        story.answer(one, &first);
        story.answer(two, &second);
        story
    }

    #[test]
    fn two_prompts_that_the_model_got_at_once_have_one_reply() {
        let story = two_prompts_at_once(Vec::new(), &format!("Noted. {}", r(3)));
        assert_eq!(story.says(Invariant::Rehydrates), Outcome::Held);
        let elsewhere = two_prompts_at_once(Vec::new(), "Done.");
        assert_eq!(elsewhere.says(Invariant::Rehydrates).findings().len(), 2);
    }

    #[test]
    fn what_was_said_to_a_later_prompt_alone_is_no_reply_to_the_first() {
        let story = two_prompts_at_once(vec![assistant(r(2))], &format!("Noted. {}", r(3)));
        assert!(text(&story.says(Invariant::Rehydrates)).contains("without asking the model"));
    }

    #[test]
    fn without_a_restart_there_is_nothing_to_see() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        assert!(is_unjudged(&story.says(Invariant::Rehydrates)));
    }
}
