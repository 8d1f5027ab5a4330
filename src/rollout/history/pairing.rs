//! Pairing: a request that the Responses API accepts has one output for each call.
//!
//! A process that dies while a tool runs leaves a call without an output; that is how every crash looks and no damage.
//! Such a call gets the output `aborted`, directly after it, as Codex 0.55 and later do it. An output whose call is
//! gone is taken out. Calls and outputs belong together by `call_id` wherever they stand; their order is not changed.

use std::collections::HashSet;

use serde_json::json;

use super::super::items::ItemFacts;
use super::item::Item;

/// What an item is in a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    is_call: bool,
    family: Family,
    call_id: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Family {
    /// `function_call` and `local_shell_call`, both answered by `function_call_output`.
    Function,
    Custom,
    ToolSearch,
}

impl Side {
    /// The side of an item; `None` for one that is in no pair.
    pub(super) fn of(facts: &ItemFacts<'_>) -> Option<Side> {
        let (is_call, family) = match facts.kind.as_deref()? {
            "function_call" | "local_shell_call" => (true, Family::Function),
            "function_call_output" => (false, Family::Function),
            "custom_tool_call" => (true, Family::Custom),
            "custom_tool_call_output" => (false, Family::Custom),
            // What a server's own search found is complete in itself.
            "tool_search_call" | "tool_search_output" if facts.execution.as_deref() == Some("server") => return None,
            "tool_search_call" => (true, Family::ToolSearch),
            "tool_search_output" => (false, Family::ToolSearch),
            _ => return None,
        };
        Some(Side { is_call, family, call_id: facts.call_id.as_deref()?.into() })
    }

    fn key(&self) -> (Family, &str) {
        (self.family, &self.call_id)
    }

    /// The output of a call that has none.
    fn aborted(&self) -> (String, Side) {
        let id = &self.call_id;
        let output = match self.family {
            Family::Function => json!({"type": "function_call_output", "call_id": id, "output": "aborted"}),
            Family::Custom => json!({"type": "custom_tool_call_output", "call_id": id, "output": "aborted"}),
            Family::ToolSearch => json!({
                "type": "tool_search_output", "call_id": id, "status": "completed", "execution": "client", "tools": [],
            }),
        };
        (output.to_string(), Side { is_call: false, ..self.clone() })
    }
}

/// Pairs calls and outputs of a whole history. Pairing a paired history changes nothing.
pub fn pair(items: Vec<Item>) -> Vec<Item> {
    let sided = items.into_iter().map(|item| (Side::of(&ItemFacts::of(item.raw())), item)).collect();
    let aborted =
        |call: &(Option<Side>, Item), text: String, side| (Some(side), Item::new(text.into(), call.1.place().clone()));
    pair_by(sided, |item| item.0.as_ref(), aborted, |_| ()).into_iter().map(|(_, item)| item).collect()
}

/// The same over anything that knows its side: `aborted` makes the carrier of a new output from that of its call,
/// `orphan` is told each output that is taken out.
pub(super) fn pair_by<T>(
    carriers: Vec<T>,
    side: impl Fn(&T) -> Option<&Side>,
    aborted: impl Fn(&T, String, Side) -> T,
    mut orphan: impl FnMut(&T),
) -> Vec<T> {
    if is_paired(carriers.iter().filter_map(&side)) {
        return carriers;
    }
    let (orphans, dangling) = unpaired(&carriers, side);
    let (mut orphans, mut dangling) = (orphans.into_iter().peekable(), dangling.into_iter().peekable());
    let mut paired = Vec::with_capacity(carriers.len().saturating_add(dangling.len()));
    for (at, carrier) in carriers.into_iter().enumerate() {
        if orphans.next_if_eq(&at).is_some() {
            orphan(&carrier);
            continue;
        }
        let output = dangling.next_if(|(call, ..)| *call == at).map(|(_, text, side)| aborted(&carrier, text, side));
        paired.push(carrier);
        paired.extend(output);
    }
    paired
}

/// Most calls that wait for their outputs at once in a history that is known at a glance to be paired.
const AT_ONCE: usize = 32;

/// Whether each output stands behind its call and each call has one, as in the history of a thread that never died. What
/// is not seen to be so may be paired all the same.
fn is_paired<'a>(sides: impl Iterator<Item = &'a Side>) -> bool {
    let mut open: Vec<&Side> = Vec::new();
    for side in sides {
        if side.is_call {
            open.push(side);
        } else if let Some(at) = open.iter().rposition(|call| call.key() == side.key()) {
            open.swap_remove(at);
        } else {
            return false;
        }
        if open.len() > AT_ONCE {
            return false;
        }
    }
    open.is_empty()
}

/// A call without an output: where it stands, and the output that it gets.
type Dangling = (usize, String, Side);

/// Where the outputs without a call stand, and the calls without an output.
fn unpaired<T>(carriers: &[T], side: impl Fn(&T) -> Option<&Side>) -> (Vec<usize>, Vec<Dangling>) {
    let sides = || carriers.iter().enumerate().filter_map(|(at, carrier)| Some((at, side(carrier)?)));
    let calls: HashSet<_> = sides().filter(|(_, side)| side.is_call).map(|(_, side)| side.key()).collect();
    let mut outputs: HashSet<_> = sides().filter(|(_, side)| !side.is_call).map(|(_, side)| side.key()).collect();
    let orphans = sides().filter(|(_, side)| !side.is_call && !calls.contains(&side.key())).map(|(at, _)| at).collect();
    // Inserting the id keeps a second call with the same one from getting a second output.
    let dangling = sides().filter(|(_, side)| side.is_call && outputs.insert(side.key())).map(|(at, side)| {
        let (text, output) = side.aborted();
        (at, text, output)
    });
    (orphans, dangling.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::rollout::Place;

    fn paired(values: Vec<Value>) -> Vec<Value> {
        let place = Place { file: 0, bytes: 0..0, line: None };
        let items = values.into_iter().map(|value| Item::new(value.to_string().into(), place.clone())).collect();
        let paired = pair(items);
        assert_eq!(pair(paired.clone()), paired);
        paired.iter().map(Item::value).collect()
    }

    fn call(id: &str) -> Value {
        json!({"type": "function_call", "name": "f", "arguments": "{}", "call_id": id})
    }

    fn output(id: &str, text: &str) -> Value {
        json!({"type": "function_call_output", "call_id": id, "output": text})
    }

    #[test]
    fn a_dangling_call_is_answered_directly_after_it() {
        let items = vec![call("a"), call("b"), output("b", "ok"), call("a")];
        assert_eq!(paired(items), vec![call("a"), output("a", "aborted"), call("b"), output("b", "ok"), call("a")]);
    }

    #[test]
    fn an_output_without_its_call_is_taken_out_and_told() {
        let mut told = 0;
        let sides = [output("a", "lost"), call("b"), output("b", "ok")]
            .map(|value| Side::of(&ItemFacts::of(&value.to_string())));
        let left = pair_by(sides.to_vec(), Option::as_ref, |_, _, side| Some(side), |_| told += 1);
        assert_eq!((left.as_slice(), told), (&sides[1..], 1));
    }

    #[test]
    fn each_kind_of_call_gets_its_own_kind_of_output() {
        let shell = json!({"type": "local_shell_call", "call_id": "s", "action": {}});
        let custom = json!({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": ""});
        let search = json!({"type": "tool_search_call", "call_id": "t", "execution": "client"});
        let by_server = json!({"type": "tool_search_call", "call_id": "u", "execution": "server"});
        let kinds: Vec<String> = paired(vec![shell, custom, search, by_server])
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
        assert_eq!(paired(vec![call("a"), custom]), vec![call("a"), output("a", "aborted")]);
    }
}
