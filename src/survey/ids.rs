//! Where the result of a call may tell the conversation's id: every value that could be one, the likeliest first.
//!
//! A value of the structured content is named by its place. A value in a text is named by a pattern made of what stands
//! before it, so that the id of another conversation is found in the same way. What is ours (the prompt, the reply, the
//! directory) is no id, and neither is anything with a space in it.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::names::{CONVERSATIONS, HANDLES, words};
use crate::journal::IdIn;
use crate::limits::{CLIENT_ID_BYTES, SURVEY_ARGUMENTS, SURVEY_NESTING};
use crate::marker;

/// A value that may be a conversation's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The value.
    pub id: String,
    /// Where it stands.
    pub id_in: IdIn,
}

/// Longest text that is looked through, in bytes.
const TEXT_BYTES: usize = 64 << 10;

static TOKEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?").ok());

/// The values in a result that may be an id; `ours` are texts that we have said.
pub(super) fn told(result: &Value, ours: &[&str]) -> Vec<Told> {
    let mut found = Found { ours, values: Vec::new() };
    if let Some(fields) = result.as_object() {
        for (key, value) in fields.iter().filter(|(key, _)| *key != "content") {
            let place = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
            found.structured(value, place, key, 0);
        }
    }
    for text in texts(result) {
        let text = text.get(..TEXT_BYTES).unwrap_or(text);
        match serde_json::from_str::<Value>(text.trim()) {
            Ok(inner) if inner.is_object() || inner.is_array() => found.in_json(&inner, "", 0),
            _ => found.in_text(text),
        }
    }
    let mut values = found.values;
    // Stable: of equals the one that stands first, and structured content before text.
    values.sort_by_key(|(score, _)| -score);
    let mut all: Vec<Told> = Vec::new();
    for (_, told) in values {
        if !all.contains(&told) {
            all.push(told);
        }
    }
    all
}

/// The id in a result, read from that place.
pub(super) fn read(id_in: &IdIn, result: &Value) -> Option<String> {
    match id_in {
        IdIn::Pointer(pointer) => plain(result.pointer(pointer)?),
        IdIn::Text(pattern) => {
            let pattern = Regex::new(pattern).ok()?;
            texts(result).find_map(|text| Some(pattern.captures(text)?.get(1)?.as_str().to_owned()))
        }
    }
}

/// The texts of a result.
pub(super) fn texts(result: &Value) -> impl Iterator<Item = &str> {
    let blocks = result.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    blocks.iter().filter_map(|block| block.get("text")?.as_str())
}

struct Found<'a> {
    ours: &'a [&'a str],
    values: Vec<(i32, Told)>,
}

impl Found<'_> {
    fn structured(&mut self, value: &Value, place: String, key: &str, depth: usize) {
        if depth > SURVEY_NESTING {
            return;
        }
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let place = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                    self.structured(value, place, key, depth + 1);
                }
            }
            Value::Array(list) => {
                for (n, value) in list.iter().enumerate().take(SURVEY_ARGUMENTS) {
                    self.structured(value, format!("{place}/{n}"), key, depth + 1);
                }
            }
            leaf => {
                if let Some(id) = plain(leaf) {
                    self.add(5, key, id, IdIn::Pointer(place));
                }
            }
        }
    }

    fn in_json(&mut self, value: &Value, key: &str, depth: usize) {
        if depth > SURVEY_NESTING {
            return;
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.in_json(value, key, depth + 1)),
            Value::Array(list) => {
                list.iter().take(SURVEY_ARGUMENTS).for_each(|value| self.in_json(value, key, depth + 1));
            }
            leaf => {
                if let Some(id) = plain(leaf) {
                    let pattern = format!(r#""{}"\s*:\s*"?({})"#, regex_lite::escape(key), class(&id));
                    self.add(0, key, id, IdIn::Text(pattern));
                }
            }
        }
    }

    /// Words that follow a label, and UUIDs wherever they stand.
    fn in_text(&mut self, text: &str) {
        let Some(token) = TOKEN.as_ref() else { return };
        let mut before: Option<regex_lite::Match<'_>> = None;
        for found in token.find_iter(text) {
            let id = found.as_str();
            let between = before.and_then(|label| Some((label.as_str(), text.get(label.end()..found.start())?)));
            before = Some(found);
            if self.values.len() > 10 * SURVEY_ARGUMENTS {
                return;
            }
            if let Some((label, between)) = between.filter(|(_, gap)| gap.len() <= 6 && !gap.contains('\n')) {
                let pattern = format!("{}{}({})", regex_lite::escape(label), gap(between), class(id));
                self.add(0, label, id.to_owned(), IdIn::Text(pattern));
            }
            if is_uuid(id) {
                let pattern = "([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})".to_owned();
                self.add(-1, "", id.to_owned(), IdIn::Text(pattern));
            }
        }
    }

    fn add(&mut self, base: i32, key: &str, id: String, id_in: IdIn) {
        let is_ours = self.ours.iter().any(|text| text.contains(&id)) || !marker::find(&id).is_empty();
        if id.is_empty() || id.len() > CLIENT_ID_BYTES || id.contains(char::is_whitespace) || is_ours {
            return;
        }
        let named = named(key);
        let shape = shape(&id);
        // A word that nothing tells from any other word of a text.
        if named == 0 && shape <= 0 && matches!(id_in, IdIn::Text(_)) {
            return;
        }
        self.values.push((base + named + shape, Told { id, id_in }));
    }
}

fn named(key: &str) -> i32 {
    let words = words(key);
    let is = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    match () {
        () if is(&CONVERSATIONS) => 100,
        () if is(&["id", "uuid"]) => 80,
        () if is(&HANDLES) => 60,
        () => 0,
    }
}

fn shape(id: &str) -> i32 {
    let digits = id.chars().filter(char::is_ascii_digit).count();
    match () {
        () if is_uuid(id) => 30,
        () if id.contains(['/', '{', '<']) => -40,
        () if digits > 0 && id.len() >= 4 => 20,
        () if digits > 0 => 5,
        () => 0,
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::parse_str(text).is_ok()
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The characters of ids like this one.
fn class(id: &str) -> String {
    let mut others: Vec<char> = id.chars().filter(|c| !c.is_ascii_alphanumeric() && !"_-".contains(*c)).collect();
    others.sort_unstable();
    others.dedup();
    let others: String = others.iter().map(|c| regex_lite::escape(&c.to_string())).collect();
    format!("[A-Za-z0-9_{others}-]+")
}

/// What stands between a label and its value, whatever white space is in it.
fn gap(between: &str) -> String {
    let mut pattern = String::new();
    for c in between.chars() {
        match c.is_whitespace() {
            true if pattern.ends_with(r"\s*") => {}
            true => pattern.push_str(r"\s*"),
            false => pattern.push_str(&regex_lite::escape(&c.to_string())),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(result: &Value) -> Told {
        told(result, &["Remember blue. rhp-00000001"]).into_iter().next().expect("a value")
    }

    fn text(text: &str) -> Value {
        json!({"content": [{"type": "text", "text": text}]})
    }

    #[test]
    fn structured_content_comes_first_and_is_named_by_its_place() {
        let mut result = text("session: s-1 rhr-00000001");
        result["structuredContent"] =
            json!({"answer": "Noted. rhr-00000001", "model": "m-1", "meta": {"a/b": {"threadId": "t-1"}}});
        assert_eq!(first(&result).id_in, IdIn::Pointer("/structuredContent/meta/a~1b/threadId".into()));
    }

    #[test]
    fn a_pattern_finds_the_id_of_another_conversation_too() {
        for (one, other, id) in [
            ("Noted.\n\n(conversation: abc-41)", "Said.\n\n(conversation: xy_9)", "xy_9"),
            (r#"{"reply": "Noted.", "conversationId": "c1"}"#, "{\"conversationId\":\"c2\"}", "c2"),
            ("[session=7f3a] Noted.", "[session=aa01] Blue.", "aa01"),
            ("Session ID: `a1.b2`", "Session ID:   `a1.c3`.", "a1.c3"),
            (
                "started 0199a201-9e7c-7d00-8000-000000000001",
                "0199a201-9e7c-7d00-8000-0000000000ff",
                "0199a201-9e7c-7d00-8000-0000000000ff",
            ),
        ] {
            let found = told(&text(one), &[]);
            let read: Vec<_> = found.iter().filter_map(|told| super::read(&told.id_in, &text(other))).collect();
            assert!(read.iter().any(|read| read == id), "{one}: {found:?}");
            assert!(found.iter().all(|told| super::read(&told.id_in, &text(one)).is_some()), "{one}: {found:?}");
        }
    }

    #[test]
    fn the_likeliest_in_a_text_is_the_labelled_one() {
        let told = first(&text("Noted 3 things in 12ms. Thread abcdef\nsession: q1w2e3"));
        assert_eq!(told.id_in, IdIn::Text(r"session:\s*([A-Za-z0-9_-]+)".into()));
        assert_eq!(told.id, "q1w2e3");
    }

    #[test]
    fn what_is_ours_is_no_id() {
        let result = json!({"structuredContent": {"session": "Remember", "thread": "rhp-00000001", "chat": "a b",
            "id": "x".repeat(200), "conversation": ""}});
        assert_eq!(told(&result, &["Remember blue. rhp-00000001"]), []);
    }

    #[test]
    fn a_number_is_read_as_its_digits() {
        let result = json!({"structuredContent": {"session": 12}});
        assert_eq!(first(&result).id, "12");
        assert_eq!(read(&first(&result).id_in, &result).as_deref(), Some("12"));
    }

    #[test]
    fn no_result_is_looked_at_without_an_end() {
        let mut deep = json!("a1");
        for _ in 0..100 {
            deep = json!({"id": deep});
        }
        assert_eq!(told(&json!({"structuredContent": deep}), &[]), []);
        let long = "id a1 ".repeat(1_000_000);
        assert!(told(&text(&long), &[]).len() < 1_000);
        for odd in [json!(null), json!([1]), json!({"content": 5}), json!({"content": [5, {"text": 5}]})] {
            assert_eq!(told(&odd, &[]), []);
        }
    }
}
