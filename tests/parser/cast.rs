//! Parsers that are right but for one thing.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::ours;

pub(crate) fn play(role: &str) -> ExitCode {
    if role == "right" {
        return ours::main().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    let mut paths: Vec<String> = std::env::args().skip(1).collect();
    if !paths.is_empty() {
        let path = paths.remove(0);
        return answer(role, Path::new(&path)).unwrap_or(ExitCode::SUCCESS);
    }
    for path in io::stdin().lines() {
        if let Some(code) = answer(role, Path::new(&path.expect("a path"))) {
            return code;
        }
    }
    ExitCode::SUCCESS
}

/// Prints what the role says of the file, and the code with which it ends there, if it does.
fn answer(role: &str, path: &Path) -> Option<ExitCode> {
    let mut told = ours::told(path);
    let mut out = io::stdout();
    match role {
        "dies" => std::process::abort(),
        "gives-up" => return Some(ExitCode::from(7)),
        "dies-of-damage" if told["damaged"] == json!(true) => std::process::abort(),
        "hangs" => loop {
            std::thread::park();
        },
        "floods" => while out.write_all(&[b' '; 1 << 16]).is_ok() {},
        "says-hello" => told = json!("hello"),
        "misspells" => told["dammaged"] = json!(false),
        "invents" => push(&mut told, "assistant", "rhr-00000000"),
        "lies-about-its-cwd" => told["cwd"] = json!("/elsewhere"),
        "lies-about-its-id" => told["id"] = json!("01a203fe-0000-7000-8000-000000000000"),
        "alarms" => told["damaged"] = json!(true),
        "refuses" => told = json!({"error": "not today"}),
        "reassures" => told["damaged"] = json!(false),
        "writes" => fs::write(path, "mine now").expect("written"),
        "tells-nothing" => told = json!({"turns": told["turns"].take()}),
        _ => told["turns"] = retold(role, told["turns"].take()),
    }
    if role == "drops-the-last-turn-and-says-so" {
        told["damaged"] = json!(true);
    }
    writeln!(out, "{told}").expect("printed");
    None
}

/// The conversation as the role tells it.
fn retold(role: &str, turns: Value) -> Value {
    let Value::Array(mut turns) = turns else { return turns };
    match role {
        "drops-the-last-turn" | "drops-the-last-turn-and-says-so" => {
            turns.pop();
        }
        "drops-the-third-turn" => {
            let prompts: Vec<usize> = (0..turns.len()).filter(|n| turns[*n].to_string().contains("rhp-")).collect();
            if let Some(third) = prompts.get(2) {
                turns.remove(*third);
            }
        }
        "tells-backwards" => turns.reverse(),
        "tells-twice" => turns.extend(turns.clone()),
        "swaps-roles" => {
            for turn in &mut turns {
                let (user, assistant) = (turn["user"].take(), turn["assistant"].take());
                (turn["user"], turn["assistant"]) = (assistant, user);
            }
        }
        "tells-one-turn" => {
            let said = |who: &str| -> Value {
                turns.iter().filter_map(|turn| turn.get(who)?.as_array()).flatten().cloned().collect()
            };
            turns = vec![json!({"user": said("user"), "assistant": said("assistant"), "tools": said("tools")})];
        }
        "splits-turns" => {
            let apart = |turn: &Value| ["user", "assistant"].map(|who| json!({who: turn[who].clone()}));
            turns = turns.iter().flat_map(apart).collect();
        }
        other => unreachable!("no role {other}"),
    }
    Value::Array(turns)
}

fn push(told: &mut Value, who: &str, text: &str) {
    if let Value::Array(turns) = &mut told["turns"] {
        turns.push(json!({who: text}));
    }
}
