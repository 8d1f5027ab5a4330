//! Pairing: each tool call has exactly one output and each output its call.
//!
//! The API refuses a request in which a call or an output stands alone, which is what a history that was cut in the
//! middle of a tool call looks like. Calls and outputs of one `call_id` are matched by number, so a second output of
//! one call has no call of its own. Order is not looked at: Codex does not look at it either.

use std::collections::BTreeMap;

use serde_json::Value;

use super::item;

/// A call or an output that stands alone. Displays as the words in which the API refuses the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpaired {
    /// A call has no output.
    #[error("No tool output found for {what} {call_id}.", what = words(.kind))]
    Call {
        /// The call's `type`.
        kind: String,
        /// Its id; empty if it has none.
        call_id: String,
    },
    /// An output has no call.
    #[error("No tool call found for {what} with call_id {call_id}.", what = words(.kind))]
    Output {
        /// The output's `type`.
        kind: String,
        /// Its id; empty if it has none.
        call_id: String,
    },
}

fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

/// Everything that stands alone, in the order of the items.
pub fn unpaired(items: &[Value]) -> Vec<Unpaired> {
    let mut calls: BTreeMap<(Family, &str), usize> = BTreeMap::new();
    let mut outputs: BTreeMap<(Family, &str), usize> = BTreeMap::new();
    for item in items {
        if item::is_call(item) {
            *calls.entry(key(item)).or_default() += 1;
        } else if item::is_output(item) {
            *outputs.entry(key(item)).or_default() += 1;
        }
    }
    let mut alone = Vec::new();
    for item in items {
        let (kind, call_id) = (item::kind(item).to_owned(), key(item).1.to_owned());
        if item::is_call(item) && !take_one(&mut outputs, key(item)) {
            alone.push(Unpaired::Call { kind, call_id });
        } else if item::is_output(item) && !take_one(&mut calls, key(item)) {
            alone.push(Unpaired::Output { kind, call_id });
        }
    }
    alone
}

/// Which outputs answer which calls: Codex answers a `local_shell_call` with a `function_call_output`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Function,
    Custom,
    Search,
}

fn key(item: &Value) -> (Family, &str) {
    let family = match item::kind(item) {
        kind if kind.starts_with("custom_tool_call") => Family::Custom,
        kind if kind.starts_with("tool_search") => Family::Search,
        _ => Family::Function,
    };
    (family, item::call_id(item).unwrap_or(""))
}

fn take_one<'a>(counts: &mut BTreeMap<(Family, &'a str), usize>, key: (Family, &'a str)) -> bool {
    match counts.get_mut(&key) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(id: &str) -> Value {
        item::function_call("fc", id, "shell", &json!({}))
    }

    fn told(items: &[Value]) -> Vec<String> {
        unpaired(items).iter().map(Unpaired::to_string).collect()
    }

    #[test]
    fn a_call_with_its_output_is_paired_in_any_order() {
        let output = item::function_call_output("c1", "x");
        assert_eq!(unpaired(&[call("c1"), output.clone()]), []);
        assert_eq!(unpaired(&[output, call("c1")]), []);
    }

    #[test]
    fn what_stands_alone_is_told_in_the_words_of_the_api() {
        assert_eq!(told(&[call("call_x")]), ["No tool output found for function call call_x."]);
        assert_eq!(
            told(&[item::function_call_output("call_x", "o")]),
            ["No tool call found for function call output with call_id call_x."]
        );
        let custom = json!({"type": "custom_tool_call_output", "call_id": "c", "output": "o"});
        assert_eq!(told(&[custom]), ["No tool call found for custom tool call output with call_id c."]);
    }

    #[test]
    fn a_second_output_has_no_call_of_its_own() {
        let output = item::function_call_output("c1", "x");
        assert_eq!(told(&[call("c1"), output.clone(), output]).len(), 1);
        assert_eq!(told(&[call("c1"), call("c1"), item::function_call_output("c1", "x")]).len(), 1);
    }

    #[test]
    fn a_local_shell_call_is_answered_by_a_function_output() {
        let shell = json!({"type": "local_shell_call", "call_id": "c", "action": {}});
        assert_eq!(unpaired(&[shell, item::function_call_output("c", "x")]), []);
    }

    #[test]
    fn an_output_of_another_family_does_not_pair() {
        let custom = json!({"type": "custom_tool_call_output", "call_id": "c", "output": "o"});
        assert_eq!(unpaired(&[call("c"), custom]).len(), 2);
    }

    #[test]
    fn a_call_without_any_id_stands_alone() {
        let call = json!({"type": "function_call", "name": "n", "arguments": "{}"});
        assert_eq!(unpaired(&[call]).len(), 1);
    }
}
