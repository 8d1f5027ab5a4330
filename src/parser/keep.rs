//! What is kept of a failure: the file, the answer that would have been right, and why this one was not.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::cases::{Case, era_name};
use super::judge::Judgement;
use crate::marker::{Carrier, Marker};

/// Writes `NAME/rollout-….jsonl` and `NAME/expected.json` below `dir`, other files of its home below `NAME/beside`, and
/// gives the directory.
pub fn keep(dir: &Path, case: &Case, judgement: &Judgement) -> io::Result<PathBuf> {
    let place = dir.join(&case.name);
    fs::create_dir_all(&place)?;
    let name = case.path.file_name().unwrap_or("rollout.jsonl".as_ref());
    fs::write(place.join(name), &case.bytes)?;
    for (path, bytes) in &case.beside {
        let path = place.join("beside").join(path.file_name().unwrap_or_default());
        fs::create_dir_all(place.join("beside"))?;
        fs::write(path, bytes)?;
    }
    fs::write(place.join("expected.json"), format!("{:#}\n", document(case, judgement)))?;
    Ok(place)
}

fn document(case: &Case, judgement: &Judgement) -> Value {
    let expected = &case.expected;
    let findings: Vec<Value> =
        judgement.findings.iter().map(|finding| json!({"kind": finding.kind, "text": finding.text})).collect();
    let mut document = json!({
        "class": case.class,
        "era": case.era.map(era_name),
        "outcome": judgement.outcome,
        "findings": findings,
        "expected": {
            "id": expected.ids,
            "cwd": expected.cwd,
            "turns": turns(&expected.must),
            "may_be_there": expected.may,
            "damaged": expected.damaged,
            "something_is_gone": expected.lossy,
            "may_be_refused": expected.refused,
        },
    });
    if let (Some(recipe), Some(map)) = (&case.recipe, document.as_object_mut()) {
        map.insert("made_of".to_owned(), Value::from(format!("{recipe:?}")));
    }
    document
}

/// The markers as an answer has them.
fn turns(must: &[Marker]) -> Vec<Value> {
    let mut turns: Vec<[Vec<&Marker>; 4]> = Vec::new();
    for marker in must {
        let place = match marker.carrier() {
            Some(Carrier::Prompt | Carrier::Summary) | None => 0,
            Some(Carrier::Reply) => 1,
            Some(Carrier::Call | Carrier::Output) => 2,
            Some(Carrier::Reasoning) => 3,
        };
        if place == 0 || turns.is_empty() {
            turns.push(Default::default());
        }
        if let Some(said) = turns.last_mut().and_then(|turn| turn.get_mut(place)) {
            said.push(marker);
        }
    }
    let turn = |[user, assistant, tools, reasoning]: &[Vec<&Marker>; 4]| json!({"user": user, "assistant": assistant, "tools": tools, "reasoning": reasoning});
    turns.iter().map(turn).collect()
}
