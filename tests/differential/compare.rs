//! What Codex sent to the model beside what our reader makes of the same file.
//!
//! Both sides are brought into one form first, by the rules below and no others. Each says which releases it is about; it
//! was seen on the releases that the trials run, and where one is not named all four do it.

use serde_json::{Map, Value, json};

use rehydra::rollout::codex_reads::Release;

use super::driver::PROMPT;

/// From 0.147 on items keep their ids, and what Codex adds gets one; before, none is sent.
const SENDS_IDS: Release = Release::new(0, 147, 0);
/// 0.169.0 sends its base instructions as the first message instead of `instructions`.
const INSTRUCTS_FIRST: Release = Release::new(0, 154, 0);
/// 0.105.0 puts the context before what it rebuilds from an old compaction.
const CONTEXT_FIRST_UNTIL: Release = Release::new(0, 117, 0);

/// The history in what was sent: without the prompt that asked for it and what Codex says in its own name around it.
/// `ours` is the normalised history of the reader.
pub(crate) fn sent(release: Release, mut items: Vec<Value>, ours: &[Value]) -> Result<Vec<Value>, String> {
    match items.pop() {
        Some(last) if text(&last).is_some_and(|text| text.starts_with(PROMPT)) => {}
        last => return Err(format!("the last item sent is no prompt of ours: {last:?}")),
    }
    if release >= INSTRUCTS_FIRST && items.first().is_some_and(|first| role(first) == Some("developer")) {
        items.remove(0);
    }
    let mut items: Vec<Value> = items.into_iter().map(|item| tidy(release, item)).collect();
    // Permissions and environment are told directly before the prompt; what the file itself ends with is ours as well.
    while items.len() > ours.len() && items.last().is_some_and(is_context) {
        items.pop();
    }
    while release < CONTEXT_FIRST_UNTIL && items.len() > ours.len() && items.first().is_some_and(is_context) {
        items.remove(0);
    }
    Ok(items)
}

/// The reader's history in the same form.
pub(crate) fn ours(release: Release, items: Vec<Value>) -> Vec<Value> {
    items.into_iter().map(|item| tidy(release, item)).collect()
}

/// Where the two differ, in a line; `None` if they do not.
pub(crate) fn difference(sent: &[Value], ours: &[Value]) -> Option<String> {
    let at = sent.iter().zip(ours).position(|(sent, ours)| !same(sent, ours));
    let at = at.unwrap_or(sent.len().min(ours.len()));
    if at == sent.len() && at == ours.len() {
        return None;
    }
    let shown = |item: Option<&Value>| item.map_or("nothing".to_owned(), brief);
    let (sent_item, our_item) = (shown(sent.get(at)), shown(ours.get(at)));
    Some(format!("item {at} of {}/{}: Codex sends {sent_item}, we {our_item}", sent.len(), ours.len()))
}

/// Whether all that was sent is ours, in our order.
pub(crate) fn is_part(sent: &[Value], ours: &[Value]) -> bool {
    let mut ours = ours.iter();
    sent.iter().all(|sent| ours.by_ref().any(|ours| same(sent, ours)))
}

/// An item, cut to what fits into a line.
fn brief(item: &Value) -> String {
    let text = item.to_string();
    let mut brief: String = text.chars().take(160).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}

/// An item in the form in which it is compared.
fn tidy(release: Release, item: Value) -> Value {
    let Value::Object(mut item) = without_nulls(item) else { return item_that_is_none() };
    // Bookkeeping of the harness, never for the model; and keys that Codex's types do not have.
    item.retain(|key, _| KEYS.contains(&key.as_str()));
    if release < SENDS_IDS {
        item.remove("id");
    }
    // Two names of one type; Codex writes either as `compaction`.
    if item.get("type").is_some_and(|kind| kind == "compaction_summary") {
        item.insert("type".into(), "compaction".into());
    }
    // The stub's model takes no images and no sounds: one is sent as a text that says so, a generated one empty.
    if item.get("type").is_some_and(|kind| kind == "image_generation_call") {
        item.insert("result".into(), "".into());
    }
    for parts in ["content", "output"] {
        if let Some(Value::Array(parts)) = item.get_mut(parts) {
            parts.iter_mut().filter(|part| is_picture(part)).for_each(|part| *part = json!({"type": "a picture"}));
        }
    }
    Value::Object(item)
}

fn item_that_is_none() -> Value {
    json!({"type": "no item"})
}

/// The keys of all kinds of items in Codex's types.
const KEYS: [&str; 23] = [
    "type",
    "id",
    "role",
    "content",
    "phase",
    "name",
    "namespace",
    "arguments",
    "call_id",
    "output",
    "input",
    "status",
    "action",
    "summary",
    "encrypted_content",
    "execution",
    "tools",
    "result",
    "revised_prompt",
    "author",
    "recipient",
    "query",
    "end_turn",
];

/// A key that is `null` is one that is not there: Codex writes some of them out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(key, value)| (key, without_nulls(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn is_picture(part: &Value) -> bool {
    let is = |kind| part.get("type").is_some_and(|of| of == kind);
    let says_so = part
        .get("text")
        .and_then(Value::as_str)
        .is_some_and(|text| text.starts_with("image content omitted") || text.starts_with("audio content omitted"));
    is("input_image") || is("input_audio") || (is("input_text") && says_so)
}

/// What Codex adds or rebuilds gets an id of its own (0.153.4, 0.169.0), so ids are compared where both have one.
fn same(sent: &Value, ours: &Value) -> bool {
    let without_id = |item: &Value| {
        let mut item = item.clone();
        if let Some(item) = item.as_object_mut() {
            item.shift_remove("id");
        }
        item
    };
    if sent.get("id").is_some() != ours.get("id").is_some() {
        return same(&without_id(sent), &without_id(ours));
    }
    sent == ours || is_cut(sent, ours)
}

/// Outputs are cut in the middle to what the model's policy allows; the file keeps them whole.
fn is_cut(sent: &Value, ours: &Value) -> bool {
    let (Some(sent), Some(ours)) = (sent.as_object(), ours.as_object()) else { return false };
    let rest = |item: &Map<String, Value>| item.iter().filter(|(key, _)| *key != "output").count();
    let others_match = rest(sent) == rest(ours)
        && sent.iter().filter(|(key, _)| *key != "output").all(|(key, value)| ours.get(key) == Some(value));
    let output = |item: &Map<String, Value>| item.get("output").and_then(Value::as_str).map(str::to_owned);
    let (Some(short), Some(whole)) = (output(sent), output(ours)) else { return false };
    let Some((head, tail)) = short.split_once(" truncated…") else { return false };
    let Some((head, _)) = head.rsplit_once('…') else { return false };
    others_match && head.lines().rev().take(1).all(|line| whole.contains(line)) && whole.ends_with(tail)
}

fn role(item: &Value) -> Option<&str> {
    item.get("role").and_then(Value::as_str)
}

fn text(item: &Value) -> Option<&str> {
    item.pointer("/content/0/text").and_then(Value::as_str)
}

/// A message that Codex says in its own name.
fn is_context(item: &Value) -> bool {
    match role(item) {
        Some("developer") => true,
        Some("user") => text(item).is_some_and(|text| text.starts_with("<environment_context>")),
        _ => false,
    }
}
