//! Holds `docs/scenarios.md` to the format: what it shows is taken, and what the format has it names.

use std::collections::BTreeSet;

use rehydra::rollout::manifest::Manifest;
use rehydra::scenario::{Baseline, Scenario, schema};
use serde_json::Value;

const DOC: &str = include_str!("../docs/scenarios.md");
/// What stands before an excerpt of a scenario.
const BEFORE: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n\n\
                      [[step]]\ncodex = { prompt = \"Hello.\", model = { text = \"Hi.\" } }\n\n";

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    DOC.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn every_example_is_sound() {
    let examples = blocks("toml");
    assert!(examples.len() >= 6, "{}", examples.len());
    for source in examples {
        if source.contains("[[gap]]") {
            Baseline::parse("docs/scenarios.md", source).unwrap_or_else(|wrong| panic!("{wrong}\n{source}"));
        } else {
            let whole = if source.contains("rehydra =") { source.to_owned() } else { format!("{BEFORE}{source}") };
            Scenario::parse("docs", None, &whole).unwrap_or_else(|wrong| panic!("{wrong}\n{source}"));
        }
    }
}

#[test]
fn the_manifest_is_one() {
    let [manifest] = blocks("json")[..] else { panic!("one manifest") };
    let manifest: Manifest = serde_json::from_str(manifest).expect("a manifest");
    assert_eq!(manifest.fixtures.len(), 1);
}

#[test]
fn every_key_and_every_word_is_named() {
    let mut names = BTreeSet::new();
    collect(&schema(), &mut names);
    assert!(names.len() > 60, "{names:?}");
    let baseline = ["gap", "scenario", "target", "invariants", "text", "reason", "refs", "races"];
    names.extend(baseline.map(str::to_owned));
    let words: BTreeSet<&str> = DOC.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).collect();
    let absent: Vec<_> = names.iter().filter(|name| !words.contains(name.as_str())).collect();
    assert!(absent.is_empty(), "docs/scenarios.md says nothing of {absent:?}");
}

/// The names of all properties, and the words of all closed lists.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(table) => {
            if let Some(Value::Object(properties)) = table.get("properties") {
                names.extend(properties.keys().cloned());
            }
            if let Some(Value::Array(words)) = table.get("enum") {
                names.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            table.values().for_each(|value| collect(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}
