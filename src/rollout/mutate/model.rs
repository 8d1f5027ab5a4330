//! A model of a correct reader, as simple as it can be made.
//!
//! It answers one question about a file, damaged or not: which markers is the model to be sent, in which order? It
//! holds the whole file, walks it forwards and builds every value, so that it can be seen to be right; nothing of the
//! crate's reader is used. The rules are those of Codex 0.117 and later (0.130, 0.153.4 and 0.169 were watched).
//!
//! Tolerance is a range and not a point, so there are two readings. A *plain* one skips every line that Codex skips.
//! A *salvaging* one uses whatever can be used: records glued to a torn one or to zero bytes, records without a
//! timestamp, with a byte that is not UTF-8, with half a surrogate pair, with a raw newline in a text. A correct reader
//! is one of the two or in between.

use std::collections::HashSet;

use serde_json::Value;

use super::lines::{Reading, records};
use crate::marker::{self, Marker};

/// The markers that the model is sent; `None` where a correct reader refuses the file.
pub(super) fn shown(bytes: &[u8], reading: Reading) -> Option<Vec<Marker>> {
    let records = records(bytes, reading);
    if records.is_empty() || has_unknown_mode(&records) {
        return None;
    }
    let mut log = Log::default();
    records.iter().for_each(|record| log.take(record));
    let mut markers = Vec::new();
    paired(log.items()).iter().for_each(|item| gather(item, &mut markers));
    Some(markers)
}

/// What a later version may keep elsewhere, nobody can read here.
fn has_unknown_mode(records: &[Value]) -> bool {
    let meta = records.iter().find(|record| text(record, "type") == Some("session_meta"));
    let mode = meta.and_then(|meta| meta.get("payload")?.get("history_mode"));
    mode.is_some_and(|mode| !matches!(mode.as_str(), Some("legacy" | "paginated")))
}

/// The records that still count.
#[derive(Default)]
struct Log(Vec<Entry>);

enum Entry {
    Item(Value),
    Compaction(Value),
}

impl Log {
    fn take(&mut self, record: &Value) {
        match (text(record, "type"), record.get("payload")) {
            (Some("response_item"), Some(item)) => self.item(item),
            (Some("compacted"), Some(payload)) if is_compaction(payload) => {
                self.0.push(Entry::Compaction(payload.clone()));
            }
            (Some("event_msg"), Some(event)) if text(event, "type") == Some("thread_rolled_back") => {
                if let Some(turns) = event.get("num_turns").and_then(Value::as_u64) {
                    self.roll_back(usize::try_from(turns).unwrap_or(usize::MAX));
                }
            }
            (Some(_), None) => self.item(record),
            _ => {}
        }
    }

    fn item(&mut self, item: &Value) {
        if is_sent(item) {
            self.0.push(Entry::Item(item.clone()));
        }
    }

    /// Takes the last turns back, and what Codex wrote in the user's name directly before them.
    fn roll_back(&mut self, turns: usize) {
        let begins = |entry: &Entry| matches!(entry, Entry::Item(item) if begins_turn(item));
        let beginnings: Vec<usize> =
            self.0.iter().enumerate().filter(|(_, entry)| begins(entry)).map(|(at, _)| at).collect();
        let kept = beginnings.len().saturating_sub(turns);
        let Some(cut) = beginnings.get(kept) else { return };
        self.0.truncate(*cut);
        let context = |entry: &Entry| matches!(entry, Entry::Item(item) if is_user(item) && !begins_turn(item));
        while kept > 0 && self.0.last().is_some_and(context) {
            self.0.pop();
        }
    }

    fn items(self) -> Vec<Value> {
        let mut items = Vec::new();
        for entry in self.0 {
            match entry {
                Entry::Item(item) => items.push(item),
                Entry::Compaction(payload) => match payload.get("replacement_history").and_then(Value::as_array) {
                    Some(history) => items = history.iter().filter(|item| is_sent(item)).cloned().collect(),
                    None => summarise(&mut items, text(&payload, "message").unwrap_or_default()),
                },
            }
        }
        items
    }
}

/// How much of the users' own words a compaction without a history of its own leaves, in bytes.
const KEPT_BYTES: usize = 80_000;

/// A compaction of 0.42 to about 0.80: the newest of the users' words, then the summary.
fn summarise(items: &mut Vec<Value>, summary: &str) {
    items.retain(begins_turn);
    let mut left = KEPT_BYTES;
    let mut from = items.len();
    while from > 0 && left > 0 {
        from -= 1;
        left = left.saturating_sub(items.get(from).map_or(0, |item| texts(item).map(str::len).sum()));
    }
    items.drain(..from);
    items.push(serde_json::json!({"type": "message", "role": "user", "content": [{"text": summary}]}));
}

/// Without the outputs whose call is not there.
fn paired(items: Vec<Value>) -> Vec<Value> {
    let family = |item: &Value| match text(item, "type")? {
        "function_call" | "local_shell_call" => Some((true, 'f')),
        "custom_tool_call" => Some((true, 'c')),
        "tool_search_call" => Some((true, 's')),
        "function_call_output" => Some((false, 'f')),
        "custom_tool_call_output" => Some((false, 'c')),
        "tool_search_output" => Some((false, 's')),
        _ => None,
    };
    let id = |item: &Value| text(item, "call_id").map(str::to_owned);
    let call = |item: &Value| family(item).filter(|(is_call, _)| *is_call).map(|(_, family)| (family, id(item)));
    let calls: HashSet<(char, Option<String>)> = items.iter().filter_map(call).collect();
    let orphan = |item: &Value| match family(item) {
        // A search that the provider itself ran has no id to be paired by.
        Some((false, family)) => id(item).is_some_and(|id| !calls.contains(&(family, Some(id)))),
        _ => false,
    };
    items.into_iter().filter(|item| !orphan(item)).collect()
}

fn is_compaction(payload: &Value) -> bool {
    match payload.get("replacement_history") {
        Some(Value::Array(items)) => items.iter().all(|item| !is_bad(item)),
        None | Some(Value::Null) => text(payload, "message").is_some(),
        Some(_) => false,
    }
}

fn is_sent(item: &Value) -> bool {
    const SENT: [&str; 16] = [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
        "image_generation_call",
        "compaction",
        "compaction_summary",
        "context_compaction",
        "agent_message",
        "additional_tools",
    ];
    let is_system = text(item, "type") == Some("message") && text(item, "role") == Some("system");
    text(item, "type").is_some_and(|kind| SENT.contains(&kind)) && !is_bad(item) && !is_system
}

/// It lacks what its type needs.
fn is_bad(item: &Value) -> bool {
    let has = |key: &str| text(item, key).is_some();
    let fits = match text(item, "type") {
        None => false,
        Some("message") => has("role") && item.get("content").is_some_and(Value::is_array),
        Some("function_call") => has("name") && has("arguments") && has("call_id"),
        Some("custom_tool_call") => has("name") && has("input") && has("call_id"),
        Some("function_call_output" | "custom_tool_call_output") => {
            has("call_id") && item.get("output").is_some_and(|output| output.is_string() || output.is_array())
        }
        Some(_) => true,
    };
    !fits
}

fn is_user(item: &Value) -> bool {
    text(item, "type") == Some("message") && text(item, "role") == Some("user")
}

/// A message that a user wrote, rather than Codex in the user's name.
fn begins_turn(item: &Value) -> bool {
    const CONTEXT: [&str; 6] = [
        "<environment_context>",
        "# agents.md instructions for ",
        "<turn_aborted>",
        "<user_shell_command>",
        "<subagent_notification>",
        "<skill>",
    ];
    let first = texts(item).next().unwrap_or_default().to_lowercase();
    is_user(item) && !CONTEXT.iter().any(|start| first.starts_with(start))
}

fn texts(item: &Value) -> impl Iterator<Item = &str> {
    let content = item.get("content").and_then(Value::as_array);
    content.into_iter().flatten().filter_map(|part| text(part, "text"))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// Every marker in the texts of a value, in order.
fn gather(value: &Value, markers: &mut Vec<Marker>) {
    match value {
        Value::String(text) => markers.extend(marker::find(text)),
        Value::Array(values) => values.iter().for_each(|value| gather(value, markers)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, markers)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Carrier;

    fn m(n: u64) -> Marker {
        Marker::new(Carrier::Prompt, 1, n)
    }

    fn record(kind: &str, payload: &str) -> String {
        format!("{{\"timestamp\":\"t\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
    }

    fn said(role: &str, n: u64) -> String {
        let text = m(n);
        record("response_item", &format!(r#"{{"type":"message","role":"{role}","content":[{{"text":"{text}"}}]}}"#))
    }

    fn plain(text: &str) -> Option<Vec<Marker>> {
        shown(text.as_bytes(), Reading::Plain)
    }

    #[test]
    fn a_rollback_takes_a_compaction_back_with_its_turn() {
        let compaction = record(
            "compacted",
            &format!(
                r#"{{"message":"","replacement_history":[{{"type":"message","role":"user","content":[{{"text":"{}"}}]}}]}}"#,
                m(9)
            ),
        );
        let told = [said("user", 1), said("assistant", 2), said("user", 3), compaction, said("assistant", 4)].concat();
        assert_eq!(plain(&told), Some(vec![m(9), m(4)]));
        let back = record("event_msg", r#"{"type":"thread_rolled_back","num_turns":1}"#);
        assert_eq!(plain(&format!("{told}{back}")), Some(vec![m(1), m(2)]));
    }

    #[test]
    fn a_compaction_without_a_history_leaves_what_users_said() {
        let compaction = record("compacted", &format!(r#"{{"message":"{}"}}"#, m(9)));
        let told = [said("user", 1), said("assistant", 2), compaction, said("user", 3)].concat();
        assert_eq!(plain(&told), Some(vec![m(1), m(9), m(3)]));
    }

    #[test]
    fn an_output_without_its_call_is_not_sent() {
        let output = |id: &str, n| {
            let text = m(n);
            record("response_item", &format!(r#"{{"type":"function_call_output","call_id":"{id}","output":"{text}"}}"#))
        };
        let call = record("response_item", r#"{"type":"function_call","name":"f","arguments":"","call_id":"a"}"#);
        assert_eq!(plain(&[call, output("a", 1), output("b", 2)].concat()), Some(vec![m(1)]));
    }

    #[test]
    fn a_mode_that_nobody_knows_is_refused() {
        let meta = |mode: &str| record("session_meta", &format!("{{\"id\":\"i\",\"history_mode\":\"{mode}\"}}"));
        assert_eq!(plain(&format!("{}{}", meta("columnar"), said("user", 1))), None);
        assert_eq!(plain(&format!("{}{}", meta("legacy"), said("user", 1))), Some(vec![m(1)]));
        assert_eq!(plain(""), None);
    }
}
