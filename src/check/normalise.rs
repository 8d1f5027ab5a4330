//! Makes what differs from run to run equal: ids, times, paths and ports become numbers in the order in which they come.
//!
//! Two runs of one story that behave alike then read alike, while an id that comes back where another was before still
//! shows, because equal things keep equal numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};
use serde_json::{Map, Value};

/// What is replaced. The order matters: a path may hold an id, an id may look like a time.
const VARIABLE: &str = concat!(
    r"(?P<path>/[\w.@%+=~-]+(?:/[\w.@%+=~:-]+)+)",
    r"|(?P<uuid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b)",
    r"|(?P<time>\b\d{4}-\d\d-\d\d(?:[T ]\d\d[:-]\d\d[:-]\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?)",
    r"|(?P<port>\b(?:127\.0\.0\.1|localhost):\d+)",
    r"|(?P<id>\b(?:resp|msg|call|rs|fc|item|turn|req)_[0-9A-Za-z-]+)",
    r"|(?P<marker>\brh[prcots]-[0-9a-z]{8}\b)",
);

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(VARIABLE).ok());

/// Numbers at least this large are times: seconds, milliseconds or finer since 1970.
const TIME_FROM: f64 = 1e9;

/// The names given so far in one run.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, usize>);

impl Names {
    /// `value` with everything variable in it replaced, its keys in order.
    pub(super) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => {
                let mut keys: Vec<&String> = fields.keys().collect();
                keys.sort();
                let mut sorted = Map::new();
                for key in keys {
                    let field = fields.get(key).unwrap_or(&Value::Null);
                    let plain =
                        if is_duration(key) && field.is_number() { "‹duration›".into() } else { self.value(field) };
                    sorted.insert(key.clone(), plain);
                }
                Value::Object(sorted)
            }
            Value::Number(n) if n.as_f64().is_some_and(|n| n >= TIME_FROM) => "‹time›".into(),
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let Some(pattern) = PATTERN.as_ref() else { return text.to_owned() };
        let replace = |found: &Captures<'_>| {
            let class = ["path", "uuid", "time", "port", "id", "marker"].into_iter().find(|c| found.name(c).is_some());
            match (class, found.get(0)) {
                (Some("time"), _) | (_, None) | (None, _) => "‹time›".to_owned(),
                (Some(class), Some(found)) => {
                    let next = self.0.len() + 1;
                    let number = *self.0.entry(found.as_str().to_owned()).or_insert(next);
                    format!("‹{class} {number}›")
                }
            }
        };
        pattern.replace_all(text, replace).into_owned()
    }
}

fn is_duration(key: &str) -> bool {
    ["_ms", "Ms", "_secs", "_nanos", "duration", "elapsed"].iter().any(|end| key.ends_with(end))
}

/// Where two values first differ, as a JSON pointer, and what stands there.
pub(super) fn first_difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    if a == b {
        return None;
    }
    let deeper =
        |key: &str, a: &Value, b: &Value| first_difference(a, b).map(|(path, a, b)| (format!("/{key}{path}"), a, b));
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let keys = x.keys().chain(y.keys().filter(|key| !x.contains_key(*key)));
            keys.into_iter()
                .find_map(|key| deeper(key, x.get(key).unwrap_or(&Value::Null), y.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            x.iter().zip(y).enumerate().find_map(|(n, (a, b))| deeper(&n.to_string(), a, b))
        }
        _ => Some((String::new(), a.to_string(), b.to_string())),
    }
    .or_else(|| Some((String::new(), a.to_string(), b.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(value: Value) -> Value {
        Names::default().value(&value)
    }

    #[test]
    fn two_runs_of_one_story_read_alike() {
        let run = |id: &str, dir: &str, port: u16| {
            json!({"threadId": id, "path": format!("/tmp/{dir}/sessions/rollout-{id}.jsonl"), "again": id,
                "url": format!("http://127.0.0.1:{port}/v1"), "at": "2026-11-22T05:05:04.123Z", "started": 1_795_000_000,
                "took_ms": port, "item": format!("msg_{port}"), "text": "blue"})
        };
        let one = run("01a2019e-7c9d-7000-8000-000000000001", "a", 4000);
        let two = run("01a2019e-7c9d-7000-8000-00000000000f", "b", 5000);
        assert_eq!(plain(one), plain(two));
    }

    #[test]
    fn an_id_in_the_wrong_place_still_shows() {
        let (a, b) = ("01a2019e-7c9d-7000-8000-000000000001", "01a2019e-7c9d-7000-8000-000000000002");
        assert_ne!(plain(json!([a, b, a])), plain(json!([a, b, b])));
        let (path, ..) = first_difference(&json!({"x": [1, {"y": 2}]}), &json!({"x": [1, {"y": 3}]})).expect("differ");
        assert_eq!(path, "/x/1/y");
    }

    #[test]
    fn a_url_is_not_taken_for_a_path() {
        assert_eq!(plain(json!("http://127.0.0.1:80/v1 x")), json!("http://‹port 1›/v1 x"));
    }
}
