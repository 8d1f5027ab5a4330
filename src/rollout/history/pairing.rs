//! Pairing: a request that the Responses API accepts has one output for each call.
//!
//! A process that dies while a tool runs leaves a call without an output; that is how every crash looks and no damage.
//! Such a call gets the output `aborted`, directly after it, as Codex 0.55 and later do it. An output whose call is
//! gone is taken out. Calls and outputs belong together by `call_id` wherever they stand; their order is not changed.

use std::collections::HashSet;

use serde_json::{Value, json};

/// What an item is in a pair.
enum Side<'a> {
    Call(Family, &'a str),
    Output(Family, &'a str),
    Neither,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    /// `function_call` and `local_shell_call`, both answered by `function_call_output`.
    Function,
    Custom,
    ToolSearch,
}

/// Pairs calls and outputs of a whole history. Pairing a paired history changes nothing.
pub fn pair(items: Vec<Value>) -> Vec<Value> {
    pair_by(items, |item| item, |_, aborted| aborted, |_| ())
}

/// The same over anything that carries an item: `aborted` makes the carrier of a new output from that of its call,
/// `orphan` is told each output that is taken out.
pub(super) fn pair_by<T>(
    carriers: Vec<T>,
    item: impl Fn(&T) -> &Value,
    aborted: impl Fn(&T, Value) -> T,
    mut orphan: impl FnMut(&T),
) -> Vec<T> {
    let mut calls = HashSet::new();
    let mut outputs = HashSet::new();
    for carrier in &carriers {
        match side(item(carrier)) {
            Side::Call(family, id) => calls.insert((family, id.to_owned())),
            Side::Output(family, id) => outputs.insert((family, id.to_owned())),
            Side::Neither => false,
        };
    }
    let mut paired = Vec::with_capacity(carriers.len());
    for carrier in carriers {
        match side(item(&carrier)) {
            Side::Output(family, id) if !calls.contains(&(family, id.to_owned())) => orphan(&carrier),
            // Inserting the id keeps a second call with the same one from getting a second output.
            Side::Call(family, id) if outputs.insert((family, id.to_owned())) => {
                let output = aborted(&carrier, aborted_output(family, id));
                paired.push(carrier);
                paired.push(output);
            }
            _ => paired.push(carrier),
        }
    }
    paired
}

fn side(item: &Value) -> Side<'_> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let (Some(kind), Some(id)) = (text("type"), text("call_id")) else { return Side::Neither };
    match kind {
        "function_call" | "local_shell_call" => Side::Call(Family::Function, id),
        "function_call_output" => Side::Output(Family::Function, id),
        "custom_tool_call" => Side::Call(Family::Custom, id),
        "custom_tool_call_output" => Side::Output(Family::Custom, id),
        // What a server's own search found is complete in itself.
        "tool_search_call" | "tool_search_output" if text("execution") == Some("server") => Side::Neither,
        "tool_search_call" => Side::Call(Family::ToolSearch, id),
        "tool_search_output" => Side::Output(Family::ToolSearch, id),
        _ => Side::Neither,
    }
}

fn aborted_output(family: Family, id: &str) -> Value {
    match family {
        Family::Function => json!({"type": "function_call_output", "call_id": id, "output": "aborted"}),
        Family::Custom => json!({"type": "custom_tool_call_output", "call_id": id, "output": "aborted"}),
        Family::ToolSearch => json!({
            "type": "tool_search_output", "call_id": id, "status": "completed", "execution": "client", "tools": [],
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Value {
        json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": id})
    }

    fn output(id: &str, text: &str) -> Value {
        json!({"type": "function_call_output", "call_id": id, "output": text})
    }

    #[test]
    fn a_dangling_call_is_answered_directly_after_it() {
        let paired = pair(vec![call("a"), call("b"), output("b", "ok")]);
        assert_eq!(paired, vec![call("a"), output("a", "aborted"), call("b"), output("b", "ok")]);
        assert_eq!(pair(paired.clone()), paired);
    }

    #[test]
    fn an_output_without_its_call_is_taken_out_and_told() {
        let mut told = 0;
        let items = vec![output("a", "lost"), call("b"), output("b", "ok")];
        let paired = pair_by(items, |item| item, |_, aborted| aborted, |_| told += 1);
        assert_eq!((paired, told), (vec![call("b"), output("b", "ok")], 1));
    }

    #[test]
    fn each_kind_of_call_gets_its_own_kind_of_output() {
        let shell = json!({"type": "local_shell_call", "call_id": "s", "action": {}});
        let custom = json!({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": ""});
        let search = json!({"type": "tool_search_call", "call_id": "t", "execution": "client"});
        let by_server = json!({"type": "tool_search_call", "call_id": "u", "execution": "server"});
        let kinds: Vec<String> = pair(vec![shell, custom, search, by_server])
            .iter()
            .map(|item| item["type"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            kinds,
            [
                "local_shell_call",
                "function_call_output",
                "custom_tool_call",
                "custom_tool_call_output",
                "tool_search_call",
                "tool_search_output",
                "tool_search_call",
            ]
        );
    }

    #[test]
    fn an_output_of_another_kind_does_not_answer_a_call() {
        let custom = json!({"type": "custom_tool_call_output", "call_id": "a", "output": "x"});
        assert_eq!(pair(vec![call("a"), custom]), vec![call("a"), output("a", "aborted")]);
    }
}
