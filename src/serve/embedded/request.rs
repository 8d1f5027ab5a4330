//! The body of a request to the model.
//!
//! Shape and keys are those that Codex 0.153.4 sends, without its tools. The history goes in as it stands in the
//! rollout, except for what was meant for the rollout alone: ids and states that a response gave its items, which the
//! API cannot look up again since nothing is stored there.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::settings::Settings;
use crate::responses::{context, item};
use crate::rollout::ThreadId;

/// The body for that history.
pub(super) fn body(thread: ThreadId, settings: &Settings, history: &[Value]) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(settings.model));
    body.insert("instructions".to_owned(), json!(settings.instructions));
    body.insert("input".to_owned(), history.iter().map(sent).collect());
    body.insert("tools".to_owned(), json!([]));
    body.insert("tool_choice".to_owned(), json!("auto"));
    body.insert("parallel_tool_calls".to_owned(), json!(false));
    if let Some(effort) = &settings.effort {
        body.insert("reasoning".to_owned(), json!({"effort": effort}));
    }
    body.insert("store".to_owned(), json!(false));
    body.insert("stream".to_owned(), json!(true));
    body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
    body.insert("prompt_cache_key".to_owned(), json!(thread.to_string()));
    Value::Object(body)
}

/// One item as it is sent.
fn sent(stored: &Value) -> Value {
    let Value::Object(fields) = stored else { return stored.clone() };
    let mut fields = fields.clone();
    fields.remove("internal_chat_message_metadata_passthrough");
    // The id of a local shell call may be the only thing that ties its output to it.
    if item::kind(stored) != "local_shell_call" {
        fields.remove("id");
        fields.remove("status");
    }
    Value::Object(fields)
}

/// The message that tells the model its cwd, where the history does not tell that one already.
pub(super) fn environment_context(cwd: &Path, history: &[Value]) -> Option<Value> {
    let cwd = cwd.to_string_lossy();
    let told = context::cwd_told(history).is_some_and(|told| told == cwd);
    (!told).then(|| item::user(&context::environment_context(&cwd)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cwd_is_told_at_the_start_and_when_it_has_changed() {
        let at_start = environment_context(Path::new("/a & b"), &[]).unwrap();
        let mut history = vec![at_start, item::user("hello <cwd>/x</cwd>")];
        assert_eq!(environment_context(Path::new("/a & b"), &history), None);
        history.extend(environment_context(Path::new("/c"), &history));
        assert_eq!(environment_context(Path::new("/c"), &history), None);
        assert!(environment_context(Path::new("/a & b"), &history).is_some());
    }

    #[test]
    fn what_a_response_gave_its_items_is_not_sent_back() {
        let call = item::function_call("fc_1", "call_1", "shell", &json!({}));
        assert_eq!(sent(&call).get("id"), None);
        assert_eq!(sent(&call)["call_id"], "call_1");
        let local = json!({"type": "local_shell_call", "id": "lsh_1", "action": {}});
        assert_eq!(sent(&local), local);
    }
}
