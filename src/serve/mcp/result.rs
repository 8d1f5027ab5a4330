//! Outcomes as tool results.
//!
//! The first text block and `structuredContent` are exactly Codex's, and `isError` is left out on success, as Codex
//! does. What a rehydration adds stands beside them: `_meta["rehydra/rehydration"]`, and a second text block when
//! something was lost, cut, narrowed or branched. An outcome that is Codex's own error gets no addition at all.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};

use crate::rehydrate::note::{Note, owed_text};
use crate::rollout::ThreadId;
use crate::serve::engine::{Outcome, Rehydration};

/// The key below which a result tells of a rehydration.
pub(super) const REHYDRATION_META: &str = "rehydra/rehydration";

/// The result of a call; that of a cancelled one is dropped by rmcp.
pub(super) fn tool_result(outcome: Outcome) -> CallToolResult {
    match outcome {
        Outcome::Reply { thread, text, rehydration } => {
            with_rehydration(structured(false, thread, text), rehydration.as_ref())
        }
        Outcome::TurnFailed { thread, text, rehydration } => {
            with_rehydration(structured(true, thread, text), rehydration.as_ref())
        }
        Outcome::NotFound { thread } => structured(true, thread, format!("Session not found for thread_id: {thread}")),
        Outcome::RehydrationFailed { thread, text } => structured(true, thread, text),
        Outcome::StartFailed { text } => plain(text),
        Outcome::Refused(refusal) => plain(refusal.to_string()),
        Outcome::Cancelled => plain("cancelled".to_owned()),
    }
}

fn structured(is_error: bool, thread: ThreadId, text: String) -> CallToolResult {
    let content = StructuredContent { thread_id: thread.to_string(), content: text };
    let mut result = plain(content.content.clone());
    result.is_error = is_error.then_some(true);
    result.structured_content = Some(content.to_json());
    result
}

fn plain(text: String) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// What `outputSchema` promises. The compiler holds both fields to be there.
struct StructuredContent {
    thread_id: String,
    content: String,
}

impl StructuredContent {
    fn to_json(&self) -> Value {
        let StructuredContent { thread_id, content } = self;
        json!({"threadId": thread_id, "content": content})
    }
}

fn with_rehydration(mut result: CallToolResult, rehydration: Option<&Rehydration>) -> CallToolResult {
    let Some(rehydration) = rehydration else { return result };
    if let Some(text) = owed_text(&rehydration.notes) {
        result.content.push(ContentBlock::text(text));
    }
    let mut meta = serde_json::Map::new();
    meta.insert(REHYDRATION_META.to_owned(), rehydration_json(rehydration));
    result.meta = Some(MetaObject(meta));
    result
}

fn rehydration_json(rehydration: &Rehydration) -> Value {
    let notes: Vec<Value> = rehydration.notes.iter().map(Note::to_json).collect();
    json!({"from": rehydration.from.to_string(), "to": rehydration.to.to_string(), "notes": notes})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehydrate::note::NoteKind;
    use crate::serve::arguments::Refusal;
    use crate::serve::schema;

    fn id(last: u8) -> ThreadId {
        ThreadId::parse(&format!("01a2019e-7c9d-7000-8000-0000000000{last:02}")).unwrap()
    }

    fn frame(outcome: Outcome) -> Value {
        let mut result = tool_result(outcome);
        // rmcp does the same for every client that opened with `initialize`.
        result.result_type = None;
        serde_json::to_value(result).unwrap()
    }

    fn rehydrated(notes: Vec<Note>) -> Option<Rehydration> {
        Some(Rehydration { from: id(1), to: id(2), notes })
    }

    fn outcomes() -> Vec<Outcome> {
        let note = Note::new(NoteKind::Cut, "cut");
        vec![
            Outcome::Reply { thread: id(1), text: "r".into(), rehydration: None },
            Outcome::Reply { thread: id(2), text: "r".into(), rehydration: rehydrated(vec![note.clone()]) },
            Outcome::TurnFailed { thread: id(1), text: "t".into(), rehydration: None },
            Outcome::TurnFailed { thread: id(2), text: "t".into(), rehydration: rehydrated(vec![note]) },
            Outcome::NotFound { thread: id(1) },
            Outcome::RehydrationFailed { thread: id(1), text: "f".into() },
            Outcome::StartFailed { text: "s".into() },
            Outcome::Refused(Refusal::UnknownTool("nope".into())),
            Outcome::Cancelled,
        ]
    }

    #[test]
    fn every_result_is_an_error_or_matches_the_output_schema() {
        let schema = schema::output_schema();
        let required: Vec<&str> = schema["required"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
        for outcome in outcomes() {
            let result = frame(outcome);
            match result.get("structuredContent") {
                None => assert_eq!(result["isError"], json!(true)),
                Some(Value::Object(content)) => {
                    assert!(content.keys().map(String::as_str).eq(required.iter().copied()));
                    assert!(content.values().all(Value::is_string));
                    assert_eq!(content["content"], result["content"][0]["text"]);
                }
                Some(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn success_has_codexs_keys_and_no_others() {
        let result = frame(Outcome::Reply { thread: id(1), text: "r".into(), rehydration: None });
        let expected = json!({
            "content": [{"type": "text", "text": "r"}],
            "structuredContent": {"threadId": id(1).to_string(), "content": "r"}
        });
        assert_eq!(result, expected);
    }

    #[test]
    fn an_unknown_id_gets_codexs_result_and_no_other_key() {
        let text = format!("Session not found for thread_id: {}", id(1));
        let expected = json!({
            "content": [{"type": "text", "text": text}],
            "structuredContent": {"threadId": id(1).to_string(), "content": text},
            "isError": true
        });
        assert_eq!(frame(Outcome::NotFound { thread: id(1) }), expected);
    }

    #[test]
    fn a_loss_is_told_in_a_second_block_and_leaves_the_first_alone() {
        let loss = Note::new(NoteKind::Lost, "the last record is gone");
        let news = Note::new(NoteKind::Damaged, "a blank line");
        let result =
            frame(Outcome::Reply { thread: id(2), text: "r".into(), rehydration: rehydrated(vec![news, loss]) });
        assert_eq!(result["content"][0]["text"], "r");
        assert_eq!(result["content"][1]["text"], "[rehydra] the last record is gone");
        assert_eq!(result["_meta"][REHYDRATION_META]["notes"].as_array().unwrap().len(), 2);
        assert_eq!(result["_meta"][REHYDRATION_META]["from"], id(1).to_string());
    }
}
