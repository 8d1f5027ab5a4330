//! A small MCP server that does what its mode and each call's prompt tell it.

use std::io::{BufRead, Write};
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

/// The id of the only thread.
pub(crate) const ID: &str = "01a2019e-7c9d-7000-8000-000000000001";

pub(crate) fn say(message: &Value) {
    raw(&format!("{message}\n"));
}

fn raw(text: &str) {
    let mut out = std::io::stdout().lock();
    // A harness that has gone is the end of the story.
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

pub(crate) fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

/// Serves until the end of its input.
pub(crate) fn serve(mode: &str) -> ExitCode {
    match mode {
        "exits" => {
            eprintln!("cannot open the \u{1b}[31mdatabase\u{1b}[0m");
            return ExitCode::from(3);
        }
        "silent" => forever(),
        "junk" => raw("Server listening on stdio!\n"),
        _ => {}
    }
    let mut probe = Value::Null;
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        // Of half a line nobody can make anything.
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let id = &message["id"];
        match message["method"].as_str() {
            Some("initialize") if mode == "junk" => {}
            Some("initialize") if mode == "refuses" => {
                say(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32600, "message": "too old"}}));
            }
            Some("server/discover") if mode == "slow-probe" => probe = id.clone(),
            Some("server/discover") => unknown_method(id),
            Some("initialize") => {
                let result = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                    "serverInfo": {"name": "fake", "version": "1"}});
                say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
                if !probe.is_null() {
                    unknown_method(&probe);
                }
            }
            Some("tools/list") => {
                let names: &[&str] = if mode == "other-tools" { &["ask"] } else { &["codex", "codex-reply"] };
                let tools: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
                say(&json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}}));
            }
            Some("tools/call") => call(id, &message["params"]["arguments"]),
            _ => answered(&message),
        }
    }
    if mode == "deaf-to-eof" {
        forever();
    }
    ExitCode::SUCCESS
}

fn unknown_method(id: &Value) {
    say(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "method not found"}}));
}

fn result(text: &str) -> Value {
    json!({"structuredContent": {"threadId": ID, "content": text}, "content": [{"type": "text", "text": text}]})
}

fn answer(id: &Value, text: &str) {
    say(&json!({"jsonrpc": "2.0", "id": id, "result": result(text)}));
}

fn event(id: &Value, msg: Value) -> Value {
    let meta = json!({"requestId": id, "threadId": ID});
    json!({"jsonrpc": "2.0", "method": "codex/event", "params": {"_meta": meta, "id": "", "msg": msg}})
}

/// The first word of the prompt says what happens.
fn call(id: &Value, arguments: &Value) {
    let prompt = arguments["prompt"].as_str().expect("a prompt");
    match prompt.split(' ').next().unwrap_or_default() {
        "stuck" => {}
        "twice" => {
            answer(id, "one");
            answer(id, "two");
        }
        "error" => say(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "no such thread"}})),
        "tool-error" => {
            let mut result = result("Session not found for thread_id: x");
            result["isError"] = json!(true);
            say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        }
        "notes" => {
            let mut result = result("back");
            result["content"].as_array_mut().expect("blocks").push(json!({"type": "text", "text": "[rehydra] lost 1"}));
            let notes = json!([{"kind": "torn_tail", "text": "lost 1", "file": "x", "byte": 7}]);
            result["_meta"] = json!({"rehydra/rehydration": {"from": ID, "to": ID, "notes": notes}});
            say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
        }
        "half" => {
            raw(r#"{"jsonrpc":"2.0","id":"#);
            std::process::exit(1);
        }
        "flood" => loop {
            raw("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n\n\n");
        },
        "long" => {
            raw(&format!("\"{}\"\n", "x".repeat(200_000)));
            answer(id, "after it");
        }
        "configured" => {
            let settings = json!({"type": "session_configured", "cwd": "/work", "approval_policy": "never",
                "sandbox_policy": {"type": "read-only"}});
            say(&event(id, settings));
            answer(id, "configured");
        }
        "burst" => {
            let text = event(id, json!({"type": "agent_message", "message": "hi"})).to_string();
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": result("in the pipe")});
            raw(&format!("{text}\n{answer}\n"));
            forever();
        }
        "approval" => {
            let params = json!({"message": "Allow?", "codex_mcp_tool_call_id": id.to_string()});
            say(
                &json!({"jsonrpc": "2.0", "id": format!("ask {id}"), "method": "elicitation/create", "params": params}),
            );
        }
        "unknown-request" => say(&json!({"jsonrpc": "2.0", "id": format!("ask {id}"), "method": "roots/list"})),
        "forks" => {
            // It holds our stdout and outlives us: that is what the harness has to cope with.
            #[allow(clippy::zombie_processes)]
            let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().expect("sleep is there");
            answer(id, &child.id().to_string());
        }
        "env" => {
            let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
            answer(id, &names.join(" "));
        }
        "complains" => {
            eprint!("{}\nlast words", "a line of complaint\n".repeat(100));
            answer(id, "said");
        }
        _ => answer(id, &format!("you said: {prompt}")),
    }
}

/// The client answered a request of ours: that becomes the answer to the call.
fn answered(message: &Value) {
    if let Some(id) = message["id"].as_str().and_then(|id| id.strip_prefix("ask ")) {
        let id: i64 = id.parse().expect("a number");
        let said = message.get("result").or_else(|| message.get("error")).expect("an answer");
        answer(&json!(id), &said.to_string());
    }
}
