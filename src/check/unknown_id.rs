//! `unknown-id`: an id that leads nowhere gets the original answer, and nothing comes of it.
//!
//! The original is Codex's `mcp-server` (0.105.0, 0.130.0 and 0.153.4 answer alike): an id that is a UUID gets
//! `Session not found for thread_id: …` with the id in `structuredContent`, any other text gets
//! `Failed to parse thread_id: …` without. Our own server must answer deep-equal, down to the parser's words; Codex
//! itself is held to its texts; an app-server to `no rollout found for thread id …` or `invalid … id: …`; a foreign
//! server to its profile's pattern, else to any error at all.
//!
//! That nothing is created is seen in two ways: the model is not asked, and between the snapshots around the call no
//! more session files appear than the other calls there can have made, nor anything else where no call rehydrates.

use regex_lite::Regex;
use serde_json::{Value, json};

use super::outcome::{Finding, Outcome, one_line};
use super::turn::Turn;
use super::view::View;
use super::{Invariant, files};
use crate::journal::{Answer, CallKind, TargetKind};
use crate::rollout::ThreadId;

/// An id with no thread behind it is refused as the original refuses it.
pub(super) fn unknown_id(view: &View<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut looked = false;
    for turn in view.turns.iter().filter(|t| is_unknown(t)) {
        let (Some(answer), Some(id)) = (turn.answer, &turn.call.what.id_sent) else { continue };
        if let Some(request) = turn.requests.first() {
            looked = true;
            let text = format!("the model is asked for the unknown id `{}`", one_line(id));
            let evidence = vec![turn.call.seq, request.seq];
            findings.push(turn.finding(Invariant::UnknownId, ("no model request", "one"), text, evidence));
        }
        if !turn.is_error() && !turn.is_reply() {
            continue;
        }
        looked = true;
        if let Some((expected, text)) = defect(view, turn, answer.what, id) {
            let said = (expected, one_line(&told(answer.what)));
            findings.push(turn.finding(Invariant::UnknownId, said, text, turn.evidence()));
        } else if let Some(finding) = created(view, turn) {
            findings.push(finding);
        }
    }
    Outcome::conclude(findings, looked, "no reply with an unknown id was answered")
}

/// A reply with an id that no thread of its home has.
fn is_unknown(turn: &Turn<'_>) -> bool {
    turn.thread.is_none() && turn.call.what.id_sent.is_some()
}

fn told(answer: &Answer) -> String {
    answer.raw.as_ref().map_or_else(|| answer.text.clone(), Value::to_string)
}

/// What was expected and what is wrong with the answer, if something is.
fn defect(view: &View<'_>, turn: &Turn<'_>, answer: &Answer, id: &str) -> Option<(String, String)> {
    let shown = one_line(id);
    if turn.is_reply() {
        let text = format!("the unknown id `{shown}` is answered by a reply");
        return Some(("the original error".to_owned(), text));
    }
    let profile = &view.run.header.target;
    let is_uuid = ThreadId::parse(id).is_ok();
    let says = |words: &str| (words.to_owned(), answer.text.contains(words));
    let (expected, matches) = match profile.kind {
        TargetKind::CodexMcp if !is_uuid => says("Failed to parse thread_id: "),
        TargetKind::Builtin | TargetKind::BuiltinControl | TargetKind::CodexMcp => {
            let expected = not_deep_equal(answer, id)?;
            return Some((expected, format!("the error for `{shown}` is not the original's")));
        }
        TargetKind::CodexResume | TargetKind::CodexFork if is_uuid => says("no rollout found for thread id "),
        TargetKind::CodexResume | TargetKind::CodexFork => says("invalid "),
        TargetKind::Foreign => match &profile.unknown_id_error {
            Some(pattern) => (pattern.clone(), Regex::new(pattern).is_ok_and(|p| p.is_match(&answer.text))),
            None => return None,
        },
    };
    (!matches).then(|| (format!("`{expected}`"), format!("the error for `{shown}` has other words than it should")))
}

/// The result expected, if the answer is not exactly it.
fn not_deep_equal(answer: &Answer, id: &str) -> Option<String> {
    let original = |text: String, structured: Option<&str>| {
        let mut result = json!({"isError": true, "content": [{"type": "text", "text": text}]});
        if let (Some(id), Some(fields)) = (structured, result.as_object_mut()) {
            fields.insert("structuredContent".to_owned(), json!({"threadId": id, "content": text}));
        }
        result
    };
    let allowed = match ThreadId::parse(id) {
        Err(error) => vec![original(format!("Failed to parse thread_id: {error}"), None)],
        // The text and the field name the id as it was given or as its parser writes it.
        Ok(parsed) => {
            let spellings = [id.to_owned(), parsed.to_string()];
            let both = spellings.iter().flat_map(|a| spellings.iter().map(move |b| (a, b)));
            both.map(|(a, b)| original(format!("Session not found for thread_id: {a}"), Some(b))).collect()
        }
    };
    let same = answer.raw.as_ref().is_some_and(|raw| allowed.contains(raw));
    (!same).then(|| one_line(&allowed.first().map(Value::to_string).unwrap_or_default()))
}

/// More session files appeared around the call than other calls can have made, or one that bears the id.
fn created(view: &View<'_>, turn: &Turn<'_>) -> Option<Finding> {
    let at = turn.call.at;
    let before = view.snapshots.iter().rfind(|s| s.at < at)?;
    let after = view.snapshots.iter().find(|s| s.at > at)?;
    let since = || view.placed.iter().filter(|p| before.at < p.at && p.at < after.at);
    let placed = |path: &str| since().any(|p| p.what.paths().any(|placed| placed == path));
    let fresh: Vec<&str> = (after.what.files.iter())
        .filter(|f| files::is_session(&f.path) && !placed(&f.path))
        .filter(|f| !before.what.files.iter().any(|b| b.path == f.path))
        .map(|f| f.path.as_str())
        .collect();
    let within = view.turns.iter().filter(|t| before.at < t.call.at && t.call.at < after.at);
    let makers = within.filter(|t| t.call.what.kind == CallKind::Start || t.thread.is_some()).count();
    let id = ThreadId::parse(turn.call.what.id_sent.as_deref()?).map(|id| id.to_string());
    let named = id.ok().and_then(|id| fresh.iter().find(|path| path.contains(&id)));
    let others = || {
        let rehydrates = view.turns.iter().any(|t| before.at < t.call.at && t.call.at < after.at && t.restored);
        let mut files = after.what.files.iter().filter(|f| !files::is_session(&f.path));
        files.find(|f| !rehydrates && !before.what.files.iter().any(|b| b.path == f.path)).map(|f| f.path.as_str())
    };
    let surplus = || fresh.last().filter(|_| fresh.len() > makers);
    let path = named.or_else(surplus).copied().or_else(others)?;
    let said = ("no new file", path.to_owned());
    let text = format!("a file appears after a reply with an unknown id: {path}");
    Some(turn.finding(Invariant::UnknownId, said, text, vec![turn.call.seq, before.seq, after.seq]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::AnswerOutcome;
    use crate::journal::IdChoice;

    fn asked(kind: TargetKind, id: &str, text: &str, structured: Option<Value>) -> Story {
        let mut story = Story::restarted_on(kind);
        let mut raw = json!({"isError": true, "content": [{"type": "text", "text": text}]});
        if let (Some(value), Some(fields)) = (structured, raw.as_object_mut()) {
            fields.insert("structuredContent".into(), value);
        }
        let say = Say::refused("main", id);
        story.say(Say { id_is: IdChoice::Literal, text: Some(text.into()), raw: Some(raw), ..say });
        story.restart();
        story
    }

    fn original(id: &str) -> (String, Option<Value>) {
        let text = format!("Session not found for thread_id: {id}");
        (text.clone(), Some(json!({"threadId": id, "content": text})))
    }

    #[test]
    fn the_original_result_is_accepted_and_no_other() {
        let (text, structured) = original(NOBODY);
        assert_eq!(asked(TargetKind::Builtin, NOBODY, &text, structured.clone()).fired(), [""; 0]);
        assert_eq!(
            asked(TargetKind::Builtin, NOBODY, &text, structured.clone()).says(Invariant::UnknownId),
            Outcome::Held
        );
        assert_eq!(asked(TargetKind::CodexMcp, NOBODY, &text, structured).says(Invariant::UnknownId), Outcome::Held);
        assert_eq!(asked(TargetKind::Builtin, NOBODY, &text, None).fired(), ["unknown-id"]);
        let more = Some(json!({"threadId": NOBODY, "content": text, "hint": "start anew"}));
        assert_eq!(asked(TargetKind::Builtin, NOBODY, &text, more).fired(), ["unknown-id"]);
        assert_eq!(asked(TargetKind::Builtin, NOBODY, "No such thread", None).fired(), ["unknown-id"]);
    }

    #[test]
    fn what_is_no_uuid_gets_the_parser_s_words() {
        for id in ["../../etc/passwd", "", "*"] {
            let text = format!("Failed to parse thread_id: {}", ThreadId::parse(id).expect_err("no UUID"));
            assert_eq!(asked(TargetKind::Builtin, id, &text, None).says(Invariant::UnknownId), Outcome::Held, "{id}");
            let structured = Some(json!({"threadId": id, "content": text}));
            assert_eq!(asked(TargetKind::Builtin, id, &text, structured).fired(), ["unknown-id"], "{id}");
        }
        assert_eq!(asked(TargetKind::Builtin, "*", "Failed to parse thread_id: no", None).fired(), ["unknown-id"]);
        assert_eq!(asked(TargetKind::CodexMcp, "*", "Failed to parse thread_id: no", None).fired(), [""; 0]);
    }

    #[test]
    fn an_app_server_has_its_own_words() {
        let text = format!("no rollout found for thread id {NOBODY}");
        assert_eq!(asked(TargetKind::CodexFork, NOBODY, &text, None).fired(), [""; 0]);
        assert_eq!(asked(TargetKind::CodexFork, NOBODY, "gone", None).fired(), ["unknown-id"]);
        assert_eq!(asked(TargetKind::CodexFork, "*", "invalid session id: *", None).fired(), [""; 0]);
    }

    #[test]
    fn a_foreign_server_is_held_to_its_profile() {
        let mut story = asked(TargetKind::Foreign, NOBODY, "never heard of it", None);
        assert_eq!(story.says(Invariant::UnknownId), Outcome::Held);
        story.header.target.unknown_id_error = Some("no such session".into());
        assert_eq!(story.fired(), ["unknown-id"]);
    }

    #[test]
    fn a_fresh_thread_for_an_unknown_id_is_found() {
        let mut story = Story::restarted();
        story.say(Say { id_is: IdChoice::Literal, ..Say::reply("main", NOBODY, B, Vec::new()) });
        let outcome = story.says(Invariant::UnknownId);
        assert_eq!(outcome.findings().len(), 2, "the model was asked, and a reply came: {outcome:?}");
    }

    #[test]
    fn a_file_that_appears_for_an_unknown_id_is_found() {
        let (text_, structured) = original(NOBODY);
        let mut story = asked(TargetKind::Builtin, NOBODY, &text_, structured.clone());
        story.say(Say {
            id_is: IdChoice::Literal,
            text: Some(text_.clone()),
            raw: Some(
                json!({"isError": true, "content": [{"type": "text", "text": text_}], "structuredContent": structured}),
            ),
            ..Say::refused("main", NOBODY)
        });
        story.files.insert(Story::rollout_path(B), b"{}\n".to_vec());
        story.death(Some("KILL"));
        assert_eq!(story.fired(), ["unknown-id"]);
        assert!(text(&story.says(Invariant::UnknownId)).contains(B));
    }

    #[test]
    fn an_alias_for_an_unknown_id_is_found() {
        let (text_, structured) = original(NOBODY);
        let mut story = asked(TargetKind::Builtin, NOBODY, &text_, structured.clone());
        let content = json!([{"type": "text", "text": text_}]);
        let raw = json!({"isError": true, "content": content, "structuredContent": structured});
        let say = Say { id_is: IdChoice::Literal, text: Some(text_), raw: Some(raw), ..Say::refused("main", NOBODY) };
        story.say(say);
        story.files.insert("rehydra/aliases.jsonl".into(), b"{}\n".to_vec());
        story.death(Some("KILL"));
        assert_eq!(story.fired(), ["unknown-id"]);
        assert!(text(&story.says(Invariant::UnknownId)).ends_with("rehydra/aliases.jsonl"));
    }

    #[test]
    fn a_call_that_died_shows_nothing() {
        let mut story = Story::restarted();
        let say = Say { id_is: IdChoice::Literal, faulted: true, ..Say::refused("main", NOBODY) };
        story.say(Say { outcome: AnswerOutcome::Closed, ..say });
        assert!(is_unjudged(&story.says(Invariant::UnknownId)));
    }

    #[test]
    fn a_thread_that_the_story_moves_to_another_home_is_known_there() {
        let file = Story::rollout_path(A);
        let told = |moved: bool, home: Option<&str>| {
            let mut story = Story::restarted();
            story.death(Some("KILL"));
            if moved {
                story.file_step("move", &file);
                story.file_step("move to", &format!("../home-b/{file}"));
            } else {
                story.file_step("copy to", &format!("../home-b/{file}"));
            }
            story.home = home.map(str::to_owned);
            story.life();
            story.say(Say::refused("main", A));
            story.fired().contains(&"rehydrates")
        };
        assert!(told(true, Some("b")) && told(false, Some("b")) && told(false, None));
        assert!(!told(true, None), "where it was it is unknown");
    }

    #[test]
    fn in_another_home_an_id_is_unknown() {
        let answered = |say: Say| {
            let mut story = Story::new(TargetKind::Builtin);
            story.life();
            story.say(Say::start("main", A));
            story.home = Some("b".into());
            story.restart();
            story.say(say);
            story.home = None;
            story.restart();
            let history = story.history("main");
            story.say(Say::reply("main", A, B, history));
            story.death(Some("KILL"));
            story
        };
        let error = format!("Session not found for thread_id: {A}");
        let raw = json!({"isError": true, "content": [{"type": "text", "text": error}],
            "structuredContent": {"threadId": A, "content": error}});
        let refused = answered(Say { raw: Some(raw), ..Say::refused("main", A) });
        assert_eq!(refused.says(Invariant::UnknownId), Outcome::Held);
        assert_eq!(refused.fired(), [""; 0], "back in its own home the thread goes on");
        let replied = answered(Say::reply("main", A, C, Vec::new()));
        assert!(replied.fired().contains(&"unknown-id"), "{:?}", replied.fired());
    }
}
