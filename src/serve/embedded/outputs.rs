//! The output of a tool call in an engine that runs no tools.
//!
//! The API refuses a history in which a call stands alone, so each call gets its output at once, in the shape that
//! belongs to its kind, and the model is told in plain words that nothing ran.

use serde_json::{Value, json};

use crate::responses::item;

/// What every call is told.
const NOT_EXECUTED: &str = "not executed by this engine";

/// The output for `item` if it is a call that needs one.
pub(super) fn not_executed(item: &Value) -> Option<Value> {
    if !item::is_call(item) {
        return None;
    }
    let call_id = item::call_id(item)?;
    Some(match item::kind(item) {
        "custom_tool_call" => {
            json!({"type": "custom_tool_call_output", "call_id": call_id, "output": NOT_EXECUTED})
        }
        // A search has no place for words: it found nothing.
        "tool_search_call" => json!({
            "type": "tool_search_output", "call_id": call_id, "status": "completed", "execution": "client", "tools": []
        }),
        _ => item::function_call_output(call_id, NOT_EXECUTED),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::pairing::unpaired;

    #[test]
    fn every_kind_of_call_is_paired_with_its_output() {
        for call in [
            item::function_call("fc", "c", "shell", &json!({})),
            json!({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": ""}),
            json!({"type": "local_shell_call", "call_id": "c", "action": {}}),
            json!({"type": "tool_search_call", "call_id": "c", "execution": "client"}),
        ] {
            let output = not_executed(&call).unwrap();
            assert_eq!(unpaired(&[call.clone(), output]), [], "{call}");
        }
    }

    #[test]
    fn what_is_no_call_gets_no_output() {
        assert_eq!(not_executed(&item::assistant("m", "text")), None);
        assert_eq!(not_executed(&json!({"type": "function_call"})), None);
    }
}
