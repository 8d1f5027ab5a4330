//! This crate's own reader behind the contract of `rehydra parser`: the live history of each path on standard input.
//!
//! ```text
//! cargo run --example parser_ours -- FILE
//! rehydra parser --batch -- target/debug/examples/parser_ours
//! ```

use std::io::{self, Write};
use std::path::Path;

use rehydra::rollout::history::Item;
use rehydra::rollout::{History, read_history};
use rehydra::world::RealDisk;
use serde_json::{Map, Value, json};

pub(crate) fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    if let Some(path) = std::env::args_os().nth(1) {
        return writeln!(out, "{}", told(Path::new(&path)));
    }
    for path in io::stdin().lines() {
        writeln!(out, "{}", told(Path::new(&path?)))?;
        out.flush()?;
    }
    Ok(())
}

pub(crate) fn told(path: &Path) -> Value {
    match read_history(&RealDisk, path) {
        Ok(history) => answer(&history),
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn answer(history: &History) -> Value {
    let mut turns: Vec<Map<String, Value>> = vec![Map::new()];
    for item in history.items.iter().map(Item::value) {
        let who = match (item["type"].as_str(), item["role"].as_str()) {
            (_, Some("assistant")) => "assistant",
            (_, Some(_)) => "user",
            (Some("reasoning"), _) => "reasoning",
            _ => "tools",
        };
        if who == "user" {
            turns.push(Map::new());
        }
        let Some(turn) = turns.last_mut() else { continue };
        let mut said = Vec::new();
        texts(&item, &mut said);
        if let Value::Array(all) = turn.entry(who).or_insert_with(|| json!([])) {
            all.extend(said);
        }
    }
    json!({
        "id": history.meta.id.to_string(),
        "cwd": history.cwd.as_ref().map(|cwd| cwd.to_string_lossy()),
        "turns": turns,
        "damaged": history.is_lossy(),
        "form": "live",
    })
}

/// Every text of an item.
fn texts(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::String(_) => into.push(value.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, into)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
