//! Response items: what a request's `input` and a response's `output` consist of.
//!
//! Readers look at a [`Value`] and never fail: an item that is not even an object has the empty kind, no role and no
//! text. Makers give the items that the stub model and the embedded engine send, in the shapes that Codex 0.105.0 to
//! 0.169.0 accept.

use serde_json::{Value, json};

/// The item's `type`. A message may leave its type out (the API allows it), so an item with a role alone is one.
pub fn kind(item: &Value) -> &str {
    match item.get("type").and_then(Value::as_str) {
        Some(kind) => kind,
        None if role(item).is_some() => "message",
        None => "",
    }
}

/// `user`, `assistant`, `developer`, `system`, or whatever else stands there; `None` for items that have none.
pub fn role(item: &Value) -> Option<&str> {
    item.get("role").and_then(Value::as_str)
}

/// Whether it is a message of the user, a contextual one included.
pub fn is_user_message(item: &Value) -> bool {
    kind(item) == "message" && role(item) == Some("user")
}

/// The id that ties a tool call to its output. A `local_shell_call` may carry it as its `id`.
pub fn call_id(item: &Value) -> Option<&str> {
    let field = |name: &str| item.get(name).and_then(Value::as_str);
    match kind(item) {
        "local_shell_call" => field("call_id").or_else(|| field("id")),
        _ => field("call_id"),
    }
}

/// Whether it is a tool call that the client must give an output for. A `tool_search_call` that the API ran itself
/// (`execution: "server"`) is none.
pub fn is_call(item: &Value) -> bool {
    match kind(item) {
        "function_call" | "custom_tool_call" | "local_shell_call" => true,
        "tool_search_call" => !ran_on_server(item),
        _ => false,
    }
}

/// Whether it is the output of such a call.
pub fn is_output(item: &Value) -> bool {
    match kind(item) {
        "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => true,
        "tool_search_output" => !ran_on_server(item),
        _ => false,
    }
}

fn ran_on_server(item: &Value) -> bool {
    item.get("execution").and_then(Value::as_str) == Some("server")
}

/// All text of the item, its parts joined by newlines: of a message its content; of reasoning its summary and content;
/// of a call its name and arguments; of an output what the tool said.
pub fn text(item: &Value) -> String {
    let fields: &[&str] = match kind(item) {
        "reasoning" => &["summary", "content"],
        "function_call" => &["name", "arguments"],
        "custom_tool_call" => &["name", "input"],
        "local_shell_call" => &["action"],
        "tool_search_call" => &["arguments"],
        "tool_search_output" => &["tools"],
        kind if kind.ends_with("_output") => &["output"],
        _ => &["content"],
    };
    let mut parts = Vec::new();
    for field in fields {
        if let Some(value) = item.get(field) {
            collect_text(value, &mut parts);
        }
    }
    parts.join("\n")
}

/// Text stands as a string, in the `text` of a part, or in a list of either; anything else counts as its JSON, so that
/// nothing which reaches the model is overlooked.
fn collect_text(value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => parts.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|part| collect_text(part, parts)),
        Value::Object(part) => match part.get("text").and_then(Value::as_str) {
            Some(text) => parts.push(text.to_owned()),
            None if part.contains_key("image_url") => {}
            None => parts.push(value.to_string()),
        },
        other => parts.push(other.to_string()),
    }
}

/// The text that stands for what only the API can read; Codex sends it back as it is.
const SEALED: &str = "gAAAAABrehydra-sealed-by-the-stub-model";

/// A reasoning item with encrypted content.
pub fn sealed_reasoning(id: &str, summary: &str) -> Value {
    let mut reasoning = reasoning(id, summary);
    reasoning["encrypted_content"] = Value::from(SEALED);
    reasoning
}

/// Whether it is reasoning that carries encrypted content.
pub fn is_sealed(item: &Value) -> bool {
    kind(item) == "reasoning" && item.get("encrypted_content").is_some_and(Value::is_string)
}

/// The items of a request's `input`, which may also be one string: a user message. `None` if it is neither.
pub fn of_input(input: &Value) -> Option<Vec<Value>> {
    match input {
        Value::Array(items) => Some(items.clone()),
        Value::String(text) => Some(vec![user(text)]),
        _ => None,
    }
}

/// A user message.
pub fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// A developer message.
pub fn developer(text: &str) -> Value {
    json!({"type": "message", "role": "developer", "content": [{"type": "input_text", "text": text}]})
}

/// An assistant message as a response's output holds it.
pub fn assistant(id: &str, text: &str) -> Value {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    json!({"type": "message", "id": id, "status": "completed", "role": "assistant", "content": content})
}

/// A reasoning item with a summary of one part.
pub fn reasoning(id: &str, summary: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [{"type": "summary_text", "text": summary}], "encrypted_content": null})
}

/// A function call; its arguments go over the wire as JSON text.
pub fn function_call(id: &str, call_id: &str, name: &str, arguments: &Value) -> Value {
    let arguments = arguments.to_string();
    json!({"type": "function_call", "id": id, "status": "completed", "call_id": call_id, "name": name, "arguments": arguments})
}

/// The output of a function call.
pub fn function_call_output(call_id: &str, output: &str) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": output})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_in_every_shape_of_item() {
        let both = json!({"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]});
        assert_eq!(text(&both), "a\nb");
        assert_eq!(text(&json!({"role": "user", "content": "plain"})), "plain");
        assert_eq!(text(&reasoning("rs", "because")), "because");
        assert_eq!(text(&function_call("f", "c", "shell", &json!({"x": 1}))), "shell\n{\"x\":1}");
        assert_eq!(text(&function_call_output("c", "done")), "done");
        let parts =
            json!({"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "p"}]});
        assert_eq!(text(&parts), "p");
        assert_eq!(text(&json!({"type": "custom_tool_call", "name": "n", "input": "i"})), "n\ni");
        assert_eq!(
            text(&json!({"type": "custom_tool_call_output", "output": {"content": "kept"}})),
            "{\"content\":\"kept\"}"
        );
        assert_eq!(text(&json!({"role": "user", "content": [{"type": "input_image", "image_url": "data:…"}]})), "");
    }

    #[test]
    fn items_that_are_no_items_have_nothing() {
        for odd in [json!(null), json!(7), json!([]), json!({"type": 3}), json!({"content": 1})] {
            assert_eq!(kind(&odd), "");
            assert_eq!((role(&odd), call_id(&odd), is_call(&odd), is_output(&odd)), (None, None, false, false));
        }
    }

    #[test]
    fn a_message_may_leave_its_type_out() {
        assert_eq!(kind(&json!({"role": "assistant", "content": "x"})), "message");
    }

    #[test]
    fn a_local_shell_call_may_carry_its_call_id_as_id() {
        let call = json!({"type": "local_shell_call", "id": "lsh_1", "call_id": null, "action": {"type": "exec"}});
        assert_eq!(call_id(&call), Some("lsh_1"));
    }

    #[test]
    fn a_search_that_the_server_ran_needs_no_output() {
        assert!(is_call(&json!({"type": "tool_search_call", "call_id": "s", "execution": "client"})));
        assert!(!is_call(&json!({"type": "tool_search_call", "call_id": null, "execution": "server"})));
        assert!(!is_call(&json!({"type": "web_search_call", "id": "ws"})));
    }

    #[test]
    fn an_input_may_be_one_string() {
        assert_eq!(of_input(&json!("hello")), Some(vec![user("hello")]));
        assert_eq!(of_input(&json!({"no": "list"})), None);
    }
}
