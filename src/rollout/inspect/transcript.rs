//! What was said, by whom and when, for people.
//!
//! This is the complete form of a history ([`crate::rollout::history::Transcript`]), each entry as a text: what a
//! compaction replaced and a rollback took back is there as well, with what became of it. Nothing is normalised.
//!
//! Texts are cut when they are taken in, so that a transcript costs memory by its number of entries and not by the size
//! of the file.

use serde::Serialize;
use serde_json::Value;

use crate::rollout::history::{Entry, Fate, NotSent};
use crate::rollout::items::ItemFacts;
use crate::rollout::record::Kind;

/// One thing that was said or done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct Said {
    /// Which file: 0 the one that was asked for, then its bases.
    pub file: u32,
    /// Its line, from 1.
    pub line: Option<u64>,
    /// When it was written, as it stands there.
    pub at: Option<String>,
    /// Who said or did it.
    pub who: Who,
    /// What, perhaps cut.
    pub text: String,
    /// How many characters the whole of it has.
    pub chars: u64,
    /// What became of it.
    pub fate: Became,
    /// Line of the record that made it so, in the file `by_file`.
    pub by_line: Option<u64>,
    /// File of that record.
    pub by_file: Option<u32>,
}

/// What became of something that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Became {
    /// It counts: the model is sent it.
    Live,
    /// A compaction replaced it.
    CompactedAway,
    /// A rollback took it back.
    RolledBack,
    /// The model is not sent it, by design, because it is unusable, or because its call is gone.
    NotSent,
}

impl Became {
    /// The words for it.
    pub fn name(self) -> &'static str {
        match self {
            Became::Live => "live",
            Became::CompactedAway => "compacted away",
            Became::RolledBack => "rolled back",
            Became::NotSent => "not sent",
        }
    }
}

/// Who said or did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Who {
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Codex, to the model: instructions, the environment, what it wrote in the user's name.
    Context,
    /// The model's reasoning, where it stands there readably.
    Reasoning,
    /// A call of a tool: its name, then its arguments.
    Call,
    /// What a tool gave back.
    Output,
    /// The history before was replaced by a summary.
    Compaction,
    /// Turns were taken back.
    Rollback,
    /// A turn was interrupted.
    Interruption,
    /// An item of another type.
    Item,
}

impl Who {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Who::User => "user",
            Who::Assistant => "assistant",
            Who::Context => "context",
            Who::Reasoning => "reasoning",
            Who::Call => "call",
            Who::Output => "output",
            Who::Compaction => "compaction",
            Who::Rollback => "rollback",
            Who::Interruption => "interruption",
            Who::Item => "item",
        }
    }
}

/// An entry as a text of which at most `chars` are kept; `None` where there is nothing to show.
pub(super) fn said(entry: &Entry, chars: usize) -> Option<Said> {
    let (who, text) = match entry.kind() {
        Kind::ResponseItem => item(entry)?,
        Kind::Compacted => compaction(&entry.value()),
        Kind::Event => event(&entry.value())?,
        _ => (Who::Item, entry.raw().to_owned()),
    };
    let count = text.chars().count();
    let text = match text.char_indices().nth(chars) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    };
    let (fate, by) = match &entry.fate {
        Fate::Live => (Became::Live, None),
        Fate::CompactedAway(by) => (Became::CompactedAway, Some(by)),
        Fate::RolledBack(by) => (Became::RolledBack, Some(by)),
        Fate::NotSent(_) => (Became::NotSent, None),
    };
    Some(Said {
        file: entry.place.file,
        line: entry.place.line,
        at: entry.timestamp().map(str::to_owned),
        who,
        text,
        chars: count as u64,
        fate,
        by_line: by.and_then(|by| by.line),
        by_file: by.map(|by| by.file),
    })
}

fn item(entry: &Entry) -> Option<(Who, String)> {
    // A ghost snapshot says nothing to people either.
    if entry.fate == Fate::NotSent(NotSent::ByDesign) && !entry.raw().contains("\"role\"") {
        return None;
    }
    let item = &entry.value();
    let text_at = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
    let said = match text_at("type") {
        "message" => (speaker(entry.raw()), parts(item.get("content"))),
        "reasoning" => (Who::Reasoning, reasoning(item)?),
        "function_call" => (Who::Call, spaced(text_at("name"), text_at("arguments"))),
        "custom_tool_call" => (Who::Call, spaced(text_at("name"), text_at("input"))),
        "local_shell_call" => (Who::Call, spaced("shell", &shown(item.get("action")))),
        "web_search_call" => (Who::Call, spaced("web_search", &shown(item.get("action")))),
        "tool_search_call" => (Who::Call, spaced("tool_search", &shown(item.get("arguments")))),
        "image_generation_call" => (Who::Call, "image_generation".to_owned()),
        "function_call_output" | "custom_tool_call_output" => (Who::Output, output(item.get("output"))),
        "tool_search_output" => (Who::Output, shown(item.get("tools"))),
        "ghost_snapshot" => return None,
        other => (Who::Item, spaced(other, &parts(item.get("content")))),
    };
    Some(said)
}

fn speaker(message: &str) -> Who {
    let facts = ItemFacts::of(message);
    match facts.role.as_deref() {
        Some("assistant") => Who::Assistant,
        Some("user") if facts.begins_turn() => Who::User,
        _ => Who::Context,
    }
}

/// The summary, and the readable content where there is one; nothing is to be seen of an encrypted one.
fn reasoning(item: &Value) -> Option<String> {
    let text = [item.get("summary"), item.get("content")].map(parts).join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn output(output: Option<&Value>) -> String {
    match output {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(_)) => parts(output),
        other => shown(other),
    }
}

/// The texts of a list of content parts; of a part without one, its type in brackets.
fn parts(content: Option<&Value>) -> String {
    let Some(parts) = content.and_then(Value::as_array) else { return String::new() };
    let text = |part: &Value| match part.get("text").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("?")),
    };
    parts.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn compaction(payload: &Value) -> (Who, String) {
    let message = payload.get("message").and_then(Value::as_str).unwrap_or_default();
    let brought = payload.get("replacement_history").and_then(Value::as_array);
    let brought = brought.map_or("by a summary".to_owned(), |items| format!("by {} items", items.len()));
    let colon = if message.is_empty() { "" } else { ":" };
    (Who::Compaction, spaced(&format!("the history before is replaced {brought}{colon}"), message))
}

fn event(payload: &Value) -> Option<(Who, String)> {
    match payload.get("type").and_then(Value::as_str)? {
        "thread_rolled_back" => {
            let turns = shown(payload.get("num_turns"));
            Some((Who::Rollback, format!("turns taken back: {turns}")))
        }
        "turn_aborted" => {
            let reason = payload.get("reason").and_then(Value::as_str).unwrap_or_default();
            Some((Who::Interruption, spaced("the turn ended early:", reason)))
        }
        _ => None,
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or(String::new(), Value::to_string)
}

fn spaced(a: &str, b: &str) -> String {
    format!("{a} {b}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rollout::draft::{Draft, message};
    use crate::rollout::history::read_transcript_bytes;

    const NAME: &str = "rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";

    fn all(drafts: Vec<Draft>, chars: usize) -> Vec<Said> {
        let id = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
        let meta = Draft::other("session_meta", json!({"id": id, "cwd": "/"}));
        let lines = std::iter::once(meta).chain(drafts);
        let bytes = lines.flat_map(|draft| draft.line(jiff::Timestamp::UNIX_EPOCH, None)).collect();
        let transcript = read_transcript_bytes(bytes, std::path::Path::new(NAME)).unwrap();
        transcript.filter_map(|entry| said(&entry.unwrap(), chars)).collect()
    }

    fn one(draft: Draft) -> Option<(Who, String)> {
        all(vec![draft], 100).pop().map(|said| (said.who, said.text))
    }

    fn of_item(item: Value) -> Option<(Who, String)> {
        one(Draft::response_item(item))
    }

    #[test]
    fn who_said_what_is_told_in_one_form_for_all() {
        assert_eq!(one(Draft::user_item("hello")), Some((Who::User, "hello".into())));
        assert_eq!(of_item(message("assistant", "hi")), Some((Who::Assistant, "hi".into())));
        for role in ["developer", "system"] {
            assert_eq!(of_item(message(role, "rules")), Some((Who::Context, "rules".into())));
        }
        let context = message("user", "<environment_context>x");
        assert_eq!(of_item(context), Some((Who::Context, "<environment_context>x".into())));
        let call = json!({"type": "function_call", "name": "shell", "arguments": "{\"a\":1}", "call_id": "c"});
        assert_eq!(of_item(call), Some((Who::Call, "shell {\"a\":1}".into())));
        let output = json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]});
        assert_eq!(of_item(output), Some((Who::Output, "[input_image]".into())));
        let encrypted = json!({"type": "reasoning", "summary": [], "encrypted_content": "x"});
        assert_eq!(of_item(encrypted), None);
        assert_eq!(of_item(json!({"type": "ghost_snapshot", "ghost_commit": {}})), None);
        assert_eq!(of_item(json!({"type": "hologram"})), Some((Who::Item, "hologram".into())));
    }

    #[test]
    fn what_became_of_it_is_told_with_the_record_that_made_it_so() {
        let rollback = Draft::event(json!({"type": "thread_rolled_back", "num_turns": 1}));
        let compacted = Draft::compacted("sum", vec![message("user", "a")]);
        let told = all(vec![Draft::user_item("a"), compacted, Draft::user_item("b"), rollback], 100);
        let fates: Vec<_> = told.iter().map(|said| (said.text.as_str(), said.fate, said.by_line)).collect();
        assert_eq!(
            fates,
            [
                ("a", Became::CompactedAway, Some(3)),
                ("the history before is replaced by 1 items: sum", Became::Live, None),
                ("b", Became::RolledBack, Some(5)),
                ("turns taken back: 1", Became::Live, None),
            ]
        );
        let aborted = Draft::event(json!({"type": "turn_aborted", "reason": "interrupted"}));
        assert_eq!(one(aborted), Some((Who::Interruption, "the turn ended early: interrupted".into())));
        assert_eq!(one(Draft::agent_message("again")), None);
    }

    #[test]
    fn a_long_text_is_cut_and_says_how_long_it_was() {
        let told = all(vec![Draft::user_item(&"ä".repeat(300))], 10);
        assert_eq!(told.iter().map(|said| (said.text.as_str(), said.chars)).collect::<Vec<_>>(), [("ääääääääää", 300)]);
    }
}
