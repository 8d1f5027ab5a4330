//! The JSON report keeps to its schema, and the schema that is checked in is the one that the program prints.

use serde_json::{Value, json};

use super::rig::{EVERY_VERDICT, Place, STORY};

/// What a call wrote into `out.json`.
pub(crate) fn report(place: &Place) -> Value {
    serde_json::from_str(&place.read("out.json")).expect("JSON")
}

fn schema() -> Value {
    let came = Place::new(&[]).rehydra(&["schema", "report"]).to(0, &[]);
    serde_json::from_str(&came.out).expect("JSON")
}

#[track_caller]
fn is_valid(report: &Value) {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let wrong: Vec<_> = validator.iter_errors(report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{report:#}");
}

#[test]
fn the_schema_that_is_checked_in_is_the_one_that_is_printed() {
    let printed = Place::new(&[]).rehydra(&["schema", "report"]).to(0, &[]).out;
    let file = include_str!("../../docs/report.schema.json");
    assert!(printed == file, "regenerate it: cargo run -- schema report > docs/report.schema.json");
    jsonschema::meta::validate(&schema()).expect("a schema of its draft");
}

#[test]
fn every_verdict_is_written_as_the_schema_says() {
    let place = Place::with_every_verdict();
    let came = place.rehydra(&[&["run", "suite", "--json", "out.json"], &EVERY_VERDICT[..]].concat());
    came.to(3, &["FIXED line"]);
    let whole = report(&place);
    is_valid(&whole);
    let cases = whole["cases"].as_array().expect("cases").iter();
    let mut verdicts: Vec<_> = cases
        .map(|case| (case["scenario"].as_str(), case["target"].as_str(), case["verdict"].as_str()))
        .map(|(scenario, target, verdict)| format!("{} {} {}", scenario.unwrap(), target.unwrap(), verdict.unwrap()))
        .collect();
    verdicts.sort();
    let expected = [
        "a builtin pass",
        "a builtin:no-rehydrate gap",
        "a false error",
        "b builtin fixed",
        "b builtin:no-rehydrate fail",
        "b false error",
        "c builtin unsupported",
        "c builtin:no-rehydrate unsupported",
        "c false unsupported",
    ];
    assert_eq!(verdicts, expected);
    assert_eq!((&whole["version"], &whole["exit_code"]), (&json!(1), &json!(3)));
    assert_eq!(whole["cases"][0]["file"], "suite/a.toml");
    let stale = whole["stale"].as_array().expect("texts");
    assert!(stale.len() == 1 && stale[0].as_str().is_some_and(|text| text.contains("`gone`")), "{stale:?}");
    assert_eq!(whole["repeats"], json!([]));
}

#[test]
fn a_replay_is_written_as_the_schema_says() {
    let place = Place::new(&[("a.toml", STORY)]);
    place.rehydra(&["run", "a.toml", "--target", "builtin:no-rehydrate"]).to(1, &[]);
    let came = place.rehydra(&["replay", ".rehydra", "--json"]).to(1, &[]);
    let report: Value = serde_json::from_str(&came.out).expect("JSON and nothing else");
    is_valid(&report);
    assert_eq!(report.pointer("/cases/0/checks/0/findings/0/step"), Some(&json!(3)));
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let place = Place::new(&[("a.toml", STORY)]);
    place.rehydra(&["run", "a.toml", "--json", "out.json"]).to(0, &[]);
    let whole = report(&place);
    assert!(validator.is_valid(&whole));
    for (pointer, wrong) in [
        ("/version", json!(2)),
        ("/exit_code", json!(2)),
        ("/cases/0/verdict", json!("FAIL")),
        ("/cases/0/checks/0/outcome", json!("maybe")),
        ("/cases/0/took_ms", json!("long")),
        ("/repeats", json!(null)),
    ] {
        let mut other = whole.clone();
        *other.pointer_mut(pointer).expect("it is there") = wrong;
        assert!(!validator.is_valid(&other), "{pointer}");
    }
}
