//! Whole records: missing, twice, in another order, of a kind or with keys that nobody knows.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Keep;
use super::bytes::insert_before;
use super::edit::{Edit, Line, is_body, item, item_mut};
use super::tail::change;

/// A record is not there.
pub(super) fn deleted(edit: &mut Edit, _: Keep) -> bool {
    edit.pick(is_body).map(|at| edit.lines.remove(at)).is_some()
}

/// A record stands twice.
pub(super) fn duplicated(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick(is_body) else { return false };
    let Some(text) = edit.lines.get(at).map(|line| line.text.clone()) else { return false };
    edit.insert(at + 1, text);
    true
}

/// A record and the one after it have changed places.
pub(super) fn swapped(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick_followed(is_body) else { return false };
    let Some(pair) = edit.lines.get_mut(at..at + 2) else { return false };
    if let [first, second] = pair {
        // Newlines stay where they are.
        std::mem::swap(&mut first.text, &mut second.text);
    }
    true
}

/// A record without a time.
pub(super) fn no_timestamp(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick(is_body) else { return false };
    edit.rewrite(at, |record| drop(remove(record, "timestamp")))
}

/// All times are numbers, as an importer wrote them.
pub(super) fn numeric_timestamps(edit: &mut Edit, _: Keep) -> bool {
    let mut any = false;
    for at in 0..edit.lines.len() {
        any |= edit.rewrite(at, |record| {
            if let Some(time) = record.get_mut("timestamp") {
                *time = (1_795_363_327_000_u64 + at as u64).into();
            }
        });
    }
    any
}

/// A record of a kind that no version writes today.
pub(super) fn unknown_kind(edit: &mut Edit, _: Keep) -> bool {
    insert_like(edit, "hologram", json!({"type": "beam", "text": "unknown"}))
}

/// A response item of a type that no version writes today.
pub(super) fn unknown_item(edit: &mut Edit, _: Keep) -> bool {
    insert_like(edit, "response_item", json!({"type": "hologram_call", "call_id": "call_h", "beam": 1}))
}

/// An event of a type that no version writes today.
pub(super) fn unknown_event(edit: &mut Edit, _: Keep) -> bool {
    insert_like(edit, "event_msg", json!({"type": "hologram_begin", "beam": [1.5]}))
}

/// A snapshot of the working tree, which early versions wrote as an item and no version sends.
pub(super) fn ghost_snapshot(edit: &mut Edit, _: Keep) -> bool {
    let commit = json!({"id": "0000000000000000000000000000000000000000", "parent": null,
        "preexisting_untracked_files": [], "preexisting_untracked_dirs": []});
    insert_like(edit, "response_item", json!({"type": "ghost_snapshot", "ghost_commit": commit}))
}

/// Keys that nobody knows, beside those of the record and of its payload.
pub(super) fn extra_keys(edit: &mut Edit, _: Keep) -> bool {
    extended(edit, &json!({"x_extra": {"a": [1, null]}, "x_more": "text"}))
}

/// Numbers that lose digits or the whole record where a reader goes through types of its own (openai/codex#35746).
pub(super) fn numbers(edit: &mut Edit, _: Keep) -> bool {
    extended(
        edit,
        &json!({"x_float": 1_795_363_327.123_450_7, "x_big": u64::MAX, "x_small": -0.000_000_1, "x_exp": 1e300}),
    )
}

/// A key stands twice in a payload; the last one is as it was.
pub(super) fn duplicate_key(edit: &mut Edit, _: Keep) -> bool {
    const KEY: &[u8] = b"\"payload\":{";
    let has_payload = |record: &Value| is_body(record) && record["payload"]["type"].is_string();
    let Some(line) = edit.pick(has_payload).and_then(|at| edit.line(at)) else { return false };
    let Some(at) = line.text.windows(KEY.len()).position(|window| window == KEY) else { return false };
    let at = at + KEY.len();
    line.text.splice(at..at, *b"\"type\":\"twice\",");
    true
}

/// A record with white space between its tokens, as an editor writes it.
pub(super) fn spaced(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| {
        let pretty = line.value().and_then(|value| serde_json::to_string_pretty(&value).ok());
        if let Some(pretty) = pretty {
            line.text = pretty.replace('\n', " ").into_bytes();
        }
    })
}

/// A text of a mebibyte in one record.
pub(super) fn long_line(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.pick(|record| is_body(record) && record.get("payload").is_some()) else { return false };
    edit.rewrite(at, |record| {
        record["payload"]["x_long"] = "lorem ipsum ".repeat((1 << 20) / 12).into();
    })
}

/// The output of a call is not there: the process died while the tool ran.
pub(super) fn dangling_call(edit: &mut Edit, _: Keep) -> bool {
    let is_output = |record: &Value| kind(record).is_some_and(|kind| kind.ends_with("_output"));
    edit.pick(is_output).map(|at| edit.lines.remove(at)).is_some()
}

/// The call of an output is not there.
pub(super) fn orphan_output(edit: &mut Edit, _: Keep) -> bool {
    const CALLS: [&str; 4] = ["function_call", "custom_tool_call", "local_shell_call", "tool_search_call"];
    let id = |record: &Value| item(record)?.get("call_id")?.as_str().map(str::to_owned);
    let is_output = |record: &Value| kind(record).is_some_and(|kind| kind.ends_with("_output"));
    let records = edit.lines.iter().filter_map(Line::value);
    let answered: HashSet<String> = records.filter(is_output).filter_map(|record| id(&record)).collect();
    let is_call = |record: &Value| {
        kind(record).is_some_and(|kind| CALLS.contains(&kind)) && id(record).is_some_and(|id| answered.contains(&id))
    };
    edit.pick(is_call).map(|at| edit.lines.remove(at)).is_some()
}

/// An output is an object, as an early version and some importers wrote it; every Codex that was seen skips the line.
pub(super) fn output_as_object(edit: &mut Edit, _: Keep) -> bool {
    const OUTPUTS: [&str; 2] = ["function_call_output", "custom_tool_call_output"];
    let Some(at) = edit.pick(|record| kind(record).is_some_and(|kind| OUTPUTS.contains(&kind))) else { return false };
    edit.rewrite(at, |record| {
        if let Some(output) = item_mut(record).and_then(|item| item.get_mut("output")) {
            *output = json!({"content": output.take(), "success": true});
        }
    })
}

/// A reasoning item with its text in the open, as other providers write it; the official API refuses it
/// (openai/codex#36551).
pub(super) fn reasoning_content(edit: &mut Edit, _: Keep) -> bool {
    let content = json!([{"type": "reasoning_text", "text": "in the open"}]);
    insert_like(edit, "response_item", json!({"type": "reasoning", "summary": [], "content": content}))
}

/// One item of a compaction's history lacks what its type needs, so the whole compaction cannot be used.
pub(super) fn bad_compaction_item(edit: &mut Edit, _: Keep) -> bool {
    let brings = |record: &Value| record["payload"]["replacement_history"].is_array();
    let Some(at) = edit.pick(brings) else { return false };
    edit.rewrite(at, |record| {
        let history = record.get_mut("payload").and_then(|payload| payload.get_mut("replacement_history"));
        if let Some(Value::Array(items)) = history {
            items.push(json!({"type": "message", "content": "no list and no role"}));
        }
    })
}

fn kind(record: &Value) -> Option<&str> {
    item(record)?.get("type")?.as_str()
}

pub(super) fn remove(record: &mut Value, key: &str) -> Option<Value> {
    record.as_object_mut()?.shift_remove(key)
}

/// Adds fields to the record that is picked, and to its payload.
fn extended(edit: &mut Edit, fields: &Value) -> bool {
    let Some(at) = edit.pick(|record| is_body(record) && record.get("type").is_some()) else { return false };
    edit.rewrite(at, |record| {
        add(record, fields);
        if let Some(payload) = record.get_mut("payload") {
            add(payload, fields);
        }
    })
}

fn add(target: &mut Value, fields: &Value) {
    if let (Some(target), Some(fields)) = (target.as_object_mut(), fields.as_object()) {
        target.extend(fields.clone());
    }
}

/// Puts a record before the one that is picked, with its time and, in a paginated file, its ordinal.
fn insert_like(edit: &mut Edit, kind: &str, payload: Value) -> bool {
    let Some(at) = edit.pick(|record| is_body(record) && record.get("type").is_some()) else { return false };
    let Some(mut record) = edit.value(at) else { return false };
    if record.get("payload").is_none() {
        return insert_before(edit, payload.to_string());
    }
    record["type"] = kind.into();
    record["payload"] = payload;
    edit.insert(at, record.to_string());
    true
}
