//! Holds `docs/scenarios.md` and `docs/targets.md` to the formats: what they show is taken, and what a format has they name.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use rehydra::rollout::manifest::Manifest;
use rehydra::scenario::{Baseline, PLACEHOLDERS, Profiles, Scenario, schema};
use serde_json::Value;

const DOC: &str = include_str!("../docs/scenarios.md");
const TARGETS: &str = include_str!("../docs/targets.md");
/// What stands before an excerpt of a scenario.
const BEFORE: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n\n\
                      [[step]]\ncodex = { prompt = \"Hello.\", model = { text = \"Hi.\" } }\n\n";

fn blocks(language: &str) -> Vec<&'static str> {
    blocks_of(DOC, language)
}

fn blocks_of(doc: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    doc.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect()
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

#[test]
fn every_schema_that_is_checked_in_is_the_one_that_is_printed() {
    for name in ["scenario", "report", "expected", "parser", "parser-report", "inspect", "repair", "capture"] {
        let printed = Command::new(env!("CARGO_BIN_EXE_rehydra")).args(["schema", name]).output().expect("it runs");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.schema.json"));
        let checked_in = std::fs::read_to_string(&file).unwrap_or_default();
        let same = checked_in.as_bytes() == printed.stdout;
        assert!(same, "regenerate it: cargo run -- schema {name} > docs/{name}.schema.json");
    }
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

#[test]
fn every_profile_is_sound_and_has_every_key() {
    let examples = blocks_of(TARGETS, "toml");
    assert_eq!(examples.len(), 2);
    for source in &examples {
        Profiles::parse("docs/targets.md", Path::new("/"), source).unwrap_or_else(|wrong| panic!("{wrong}\n{source}"));
    }
    // What is wrong with an unknown key is told with all that are known.
    let wrong =
        Profiles::parse("x", Path::new("/"), "[target.a]\ncommand = [\"a\"]\nzzzzzzzz = 1\n").expect_err("a key");
    let limits = Profiles::parse("x", Path::new("/"), "[target.a]\ncommand = [\"a\"]\nlimits = { zzzzzzzz = 1 }\n");
    let known = format!("{wrong}{}", limits.expect_err("a limit"));
    let names: Vec<&str> = known.split('`').skip(1).step_by(2).filter(|name| !name.starts_with('z')).collect();
    assert!(names.len() > 18, "{names:?}");
    let places = PLACEHOLDERS.map(|name| format!("`{{{name}}}`"));
    let keys = names.iter().map(|name| format!("`{name}`"));
    let absent: Vec<_> = keys.chain(places).filter(|name| !TARGETS.contains(name.as_str())).collect();
    assert!(absent.is_empty(), "docs/targets.md says nothing of {absent:?}");
}
