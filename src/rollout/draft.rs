//! Records to be written: kinds and payloads as the envelope eras hold them.
//!
//! The keys are those that Codex 0.42 to 0.169 need to take a record in. Nothing that only one version writes is here.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ThreadId;
use super::items::ItemFacts;
use super::meta::TurnContext;

/// A record without its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    kind: &'static str,
    payload: Value,
}

/// What the first line of a thread's rollout says.
#[derive(Clone, Debug, PartialEq)]
pub struct NewThread {
    /// The thread's id.
    pub id: ThreadId,
    /// Its cwd.
    pub cwd: std::path::PathBuf,
    /// Who creates it.
    pub originator: String,
    /// The version that is said to write it.
    pub cli_version: String,
    /// Through what it was begun: `mcp`, `exec`, `cli`, …. Codex lists by default only what a person began.
    pub source: String,
    /// The provider's name.
    pub model_provider: String,
    /// The thread it continues.
    pub forked_from_id: Option<ThreadId>,
    /// Base instructions; Codex 0.105 and later sends them on resume.
    pub base_instructions: Option<String>,
}

/// A message item with one text; an assistant's is `output_text`, every other `input_text`.
pub fn message(role: &str, text: &str) -> Value {
    let kind = if role == "assistant" { "output_text" } else { "input_text" };
    json!({"type": "message", "role": role, "content": [{"type": kind, "text": text}]})
}

impl Draft {
    /// `session_meta`, without `history_mode`: every version from 0.42 on reads such a file.
    pub fn session_meta(thread: &NewThread, at: Timestamp) -> Draft {
        let mut payload = Map::new();
        payload.insert("id".into(), thread.id.to_string().into());
        payload.insert("timestamp".into(), utc_millis(at).into());
        payload.insert("cwd".into(), path_text(&thread.cwd).into());
        payload.insert("originator".into(), thread.originator.as_str().into());
        payload.insert("cli_version".into(), thread.cli_version.as_str().into());
        payload.insert("source".into(), thread.source.as_str().into());
        payload.insert("model_provider".into(), thread.model_provider.as_str().into());
        if let Some(text) = &thread.base_instructions {
            payload.insert("base_instructions".into(), json!({ "text": text }));
        }
        if let Some(id) = thread.forked_from_id {
            payload.insert("forked_from_id".into(), id.to_string().into());
        }
        Draft { kind: "session_meta", payload: Value::Object(payload) }
    }

    /// `turn_context`. Policies that are not said are left out, and Codex then skips the record.
    pub fn turn_context(turn_id: &str, context: &TurnContext) -> Draft {
        let mut payload = Map::new();
        payload.insert("turn_id".into(), turn_id.into());
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                payload.insert(key.into(), value);
            }
        };
        put("cwd", context.cwd.as_deref().map(|cwd| path_text(cwd).into()));
        put("approval_policy", context.approval.as_ref().map(|approval| approval.to_value()));
        put("sandbox_policy", context.sandbox.as_ref().map(|sandbox| sandbox.to_value()));
        put("model", context.model.as_deref().map(Value::from));
        put("effort", context.effort.as_deref().map(Value::from));
        put("summary", Some("auto".into()));
        Draft { kind: "turn_context", payload: Value::Object(payload) }
    }

    /// A response item as it stands.
    pub fn response_item(item: Value) -> Draft {
        Draft { kind: "response_item", payload: item }
    }

    /// The item of a user's prompt.
    pub fn user_item(text: &str) -> Draft {
        Draft::response_item(message("user", text))
    }

    /// The event beside a user's prompt, which listings show as a preview.
    pub fn user_message(text: &str) -> Draft {
        Draft::event(json!({
            "type": "user_message", "message": text, "images": [], "local_images": [], "text_elements": [],
        }))
    }

    /// The event beside an assistant's message.
    pub fn agent_message(text: &str) -> Draft {
        Draft::event(json!({"type": "agent_message", "message": text}))
    }

    /// The event that stands beside a message item, so that listings and transcripts show it; `None` for items that no
    /// event accompanies: context that Codex wrote itself, tool calls, reasoning.
    pub fn event_beside(item: &Value) -> Option<Draft> {
        let item = item.to_string();
        let facts = ItemFacts::of(&item);
        let text = || facts.texts().join("\n");
        match facts.role.as_deref() {
            Some("user") if facts.begins_turn() => Some(Draft::user_message(&text())),
            Some("assistant") => Some(Draft::agent_message(&text())),
            _ => None,
        }
    }

    /// A turn begins.
    pub fn task_started(turn_id: &str) -> Draft {
        Draft::event(json!({"type": "task_started", "turn_id": turn_id, "model_context_window": null}))
    }

    /// A turn is complete.
    pub fn task_complete(turn_id: &str, last_agent_message: Option<&str>) -> Draft {
        let last = last_agent_message;
        Draft::event(json!({"type": "task_complete", "turn_id": turn_id, "last_agent_message": last}))
    }

    /// A turn ended before it was complete; `reason` is `interrupted` or `replaced`.
    pub fn turn_aborted(turn_id: &str, reason: &str) -> Draft {
        Draft::event(json!({"type": "turn_aborted", "turn_id": turn_id, "reason": reason}))
    }

    /// A compaction that brings its own history.
    pub fn compacted(message: &str, replacement_history: Vec<Value>) -> Draft {
        let payload = json!({"message": message, "replacement_history": replacement_history});
        Draft { kind: "compacted", payload }
    }

    /// Any event.
    pub fn event(payload: Value) -> Draft {
        Draft { kind: "event_msg", payload }
    }

    /// A record of any other kind.
    pub fn other(kind: &'static str, payload: Value) -> Draft {
        Draft { kind, payload }
    }

    /// The record's line with its newline; `ordinal` for paginated files alone.
    pub fn line(&self, at: Timestamp, ordinal: Option<u64>) -> Vec<u8> {
        let mut record = Map::new();
        record.insert("timestamp".into(), utc_millis(at).into());
        if let Some(ordinal) = ordinal {
            record.insert("ordinal".into(), ordinal.into());
        }
        record.insert("type".into(), self.kind.into());
        record.insert("payload".into(), self.payload.clone());
        let mut line = Value::Object(record).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

/// As every timestamp inside a rollout: UTC, milliseconds, `Z`.
pub fn utc_millis(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A path as JSON holds it. A path that is not UTF-8 can not stand in a rollout, neither Codex's nor this one.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_key_order_and_the_time_that_codex_writes() {
        let at: Timestamp = "2026-11-22T05:20:24.1239Z".parse().unwrap();
        let line = String::from_utf8(Draft::agent_message("hi").line(at, None)).unwrap();
        assert_eq!(
            line,
            "{\"timestamp\":\"2026-11-22T05:20:24.123Z\",\"type\":\"event_msg\",\"payload\":{\"type\":\"agent_message\",\"message\":\"hi\"}}\n"
        );
        let line = String::from_utf8(Draft::user_item("x").line(Timestamp::UNIX_EPOCH, Some(7))).unwrap();
        assert!(
            line.starts_with("{\"timestamp\":\"1970-01-01T00:00:00.000Z\",\"ordinal\":7,\"type\":\"response_item\""),
            "{line}"
        );
    }
}
