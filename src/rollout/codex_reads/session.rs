//! Whether Codex can use a `session_meta`.
//!
//! Codex reads it into a type, and a line that does not fit is no `session_meta` to it. These are the fields whose lack
//! or form was seen to cost a file its resume, alike on 0.105.0, 0.130.0, 0.153.4 and 0.169.0.

use serde_json::{Map, Value};

use crate::rollout::ThreadId;

/// Fields without which the line is nothing to Codex.
const NEEDED: [&str; 4] = ["timestamp", "cwd", "originator", "cli_version"];

/// What keeps Codex from using the payload of a `session_meta`: the name of a field.
pub(super) fn fault(payload: &Value) -> Option<&'static str> {
    let Some(fields) = payload.as_object() else { return Some("payload") };
    let is_id = fields.get("id").and_then(Value::as_str).is_some_and(|id| ThreadId::parse(id).is_ok());
    if !is_id {
        return Some("id");
    }
    if let Some(field) = NEEDED.into_iter().find(|field| !fields.get(*field).is_some_and(Value::is_string)) {
        return Some(field);
    }
    odd_form(fields)
}

/// Fields that may be missing but, where they are there, must have their form.
fn odd_form(fields: &Map<String, Value>) -> Option<&'static str> {
    let there = |field: &str| fields.get(field).filter(|value| !value.is_null());
    if there("git").is_some_and(|git| !git.is_object()) {
        return Some("git");
    }
    if there("base_instructions").is_some_and(|base| !base.get("text").is_some_and(Value::is_string)) {
        return Some("base_instructions");
    }
    // A name that is not known is `unknown` to Codex; an object has one key that is.
    let is_source = |source: &Value| match source {
        Value::String(_) => true,
        Value::Object(source) => source.keys().all(|key| SOURCES.contains(&key.as_str())),
        _ => false,
    };
    if fields.get("source").is_some_and(|source| !is_source(source)) {
        return Some("source");
    }
    None
}

/// Sources that are objects.
const SOURCES: [&str; 3] = ["subagent", "custom", "internal"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(field: &str, value: Value) -> Option<&'static str> {
        let mut payload = json!({
            "id": "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a", "timestamp": "t", "cwd": "/", "originator": "o",
            "cli_version": "v", "source": "cli", "git": null, "base_instructions": {"text": ""},
        });
        payload[field] = value;
        fault(&payload)
    }

    #[test]
    fn a_field_that_is_needed_or_has_another_form_is_named() {
        assert_eq!(with("novelty", json!(1.5)), None);
        for field in ["id", "timestamp", "cwd", "originator", "cli_version", "git", "base_instructions", "source"] {
            assert_eq!(with(field, json!(5)), Some(field));
        }
        assert_eq!(with("source", json!({"moon": 1})), Some("source"));
        assert_eq!(with("source", json!({"subagent": "review"})), None);
        assert_eq!(with("base_instructions", Value::Null), None);
        assert_eq!(fault(&json!([])), Some("payload"));
    }
}
