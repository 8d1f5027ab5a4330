//! Imports only ever point down the list of rooms: this test reads every `crate::` path of the sources and holds it.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, in the order of the house, and what it may import. `FREE` is what all may import.
const ROOMS: &[(&str, &[&str])] = &[
    ("testing", &["cli", "harness", "proc"]),
    (
        "cli",
        &[
            "harness",
            "report",
            "explore",
            "verdict",
            "player",
            "parser",
            "survey",
            "target",
            "scenario",
            "fault",
            "model",
            "serve",
            "rehydrate",
            "check",
            "codex",
            "responses",
            "rollout",
            "journal",
            "proc",
            "wire",
            "world",
        ],
    ),
    (
        "harness",
        &["report", "verdict", "player", "scenario", "target", "fault", "model", "check", "journal", "proc", "world"],
    ),
    ("report", &["explore", "verdict", "parser", "check", "scenario", "journal"]),
    ("explore", &["verdict", "player", "target", "scenario", "fault", "model", "check", "rollout", "journal", "world"]),
    ("verdict", &["scenario", "check", "journal"]),
    ("player", &["scenario", "target", "fault", "model", "rollout", "journal", "proc", "world"]),
    ("parser", &["rollout", "proc"]),
    ("survey", &["scenario", "target", "fault", "model", "journal", "world"]),
    ("target", &["scenario", "fault", "codex", "rollout", "proc", "wire", "journal", "world"]),
    ("scenario", &["fault", "model", "check", "codex", "rollout", "journal"]),
    ("fault", &["model", "rollout", "proc", "wire", "journal"]),
    ("model", &["responses", "journal"]),
    ("serve", &["rehydrate", "codex", "responses", "rollout", "proc", "wire", "world"]),
    ("rehydrate", &["rollout", "world"]),
    ("check", &["rollout", "journal"]),
    ("codex", &["proc", "wire"]),
    ("responses", &[]),
    ("rollout", &["world"]),
    ("journal", &[]),
    ("proc", &[]),
    ("wire", &[]),
    ("world", &[]),
    ("limits", &[]),
    ("marker", &[]),
    ("neutral", &[]),
    ("glob", &[]),
];

const FREE: &[&str] = &["marker", "limits", "neutral", "glob"];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The rooms that the text names after `crate::`, one by one or in braces.
fn imported(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    let word = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    for (at, _) in text.match_indices("crate::") {
        let line = text[..at].rsplit('\n').next().unwrap_or("");
        if line.trim_start().starts_with("//") || line.ends_with("$") {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut at_name = true;
            for (i, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_name = true,
                    c if at_name && c.is_alphabetic() => {
                        rooms.insert(word(&list[i..]));
                        at_name = false;
                    }
                    _ => {}
                }
            }
        } else {
            rooms.insert(word(rest));
        }
    }
    rooms
}

#[test]
fn imports_point_down_the_list_of_rooms() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).expect("below src").with_extension("");
        let room = inside.iter().next().and_then(|p| p.to_str()).expect("UTF-8").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: `{room}` is not a room of the list", file.display()));
            continue;
        };
        for target in imported(&fs::read_to_string(&file).expect("readable")) {
            let free = target == room || FREE.contains(&target.as_str());
            if !free && !allowed.contains(&target.as_str()) {
                wrong.push(format!("{}: `{room}` may not import `{target}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn the_list_itself_points_down() {
    for (n, (room, allowed)) in ROOMS.iter().enumerate() {
        for target in *allowed {
            let place = ROOMS.iter().position(|(name, _)| name == target);
            assert!(place > Some(n) || (*room == "scenario" && *target == "check"), "{room} → {target} points up");
        }
    }
}

#[test]
fn reads_every_form_of_import() {
    let text = "use crate::journal::Run;\nuse crate::{check::Outcome, rollout::{id, meta}};\n// crate::cli\nlet x = crate::proc::f();";
    let found: Vec<String> = imported(text).into_iter().collect();
    assert_eq!(found, ["check", "journal", "proc", "rollout"]);
}
