//! A small app-server that does what each turn's prompt tells it. It prints no `jsonrpc` member, as Codex does not.

use std::io::BufRead;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::fake::{ID, forever, say};

/// The id that a fork of the only thread gets.
pub(crate) const FORKED: &str = "01a2019e-7c9d-7000-8000-000000000002";

/// Serves until the end of its input, or does at once what the mode says.
pub(crate) fn serve(mode: Option<&str>) -> ExitCode {
    match mode {
        Some("exits") => {
            eprintln!("error: unrecognized subcommand 'app-server'");
            return ExitCode::from(2);
        }
        Some("silent") => forever(),
        _ => {}
    }
    let wrong_id = mode == Some("wrong-id");
    let mut turns = 0;
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let message: Value = serde_json::from_str(&line).expect("the client writes JSON");
        assert!(message.get("jsonrpc").is_none(), "the client writes no `jsonrpc` member");
        let (id, params) = (&message["id"], &message["params"]);
        match message["method"].as_str() {
            Some("initialize") if wrong_id => say(&json!({"id": 77, "result": {"userAgent": "fake/1"}})),
            Some("initialize") => say(&json!({"id": id, "result": {"userAgent": "fake/1"}})),
            Some("initialized") => {}
            Some("thread/start") => say(&thread(id, ID, params)),
            Some(method @ ("thread/resume" | "thread/fork")) => match params["threadId"].as_str() {
                Some(ID | FORKED) if method == "thread/resume" => say(&thread(id, ID, &json!({}))),
                Some(ID | FORKED) => say(&thread(id, FORKED, &json!({}))),
                _ => say(&json!({"id": id, "error": {"code": -32600, "message": "no rollout found for thread id x"}})),
            },
            Some("thread/read") => {
                let items = json!([{"type": "userMessage", "content": [{"type": "text", "text": "rhp-00000000"}]}]);
                let turns = json!([{"id": "t", "status": "completed", "items": items}]);
                say(&json!({"id": id, "result": {"thread": {"id": params["threadId"], "turns": turns}}}));
            }
            Some("turn/start") => {
                turns += 1;
                turn(id, params, &format!("turn {turns}"));
            }
            _ => answered(&message),
        }
    }
    ExitCode::SUCCESS
}

fn thread(request: &Value, id: &str, named: &Value) -> Value {
    let cwd = named.get("cwd").cloned().unwrap_or(json!("/restored"));
    let sandbox = json!({"type": "readOnly", "networkAccess": false});
    json!({"id": request, "result": {"thread": {"id": id}, "cwd": cwd, "sandbox": sandbox, "approvalPolicy": "never"}})
}

fn said(thread: &Value, turn: &str, text: &str) -> Value {
    let item = json!({"type": "agentMessage", "text": text});
    json!({"method": "item/completed", "params": {"threadId": thread, "turnId": turn, "item": item}})
}

fn completed(thread: &Value, turn: &str, status: &str, error: Value) -> Value {
    let turn = json!({"id": turn, "items": [], "status": status, "error": error});
    json!({"method": "turn/completed", "params": {"threadId": thread, "turn": turn}})
}

/// The first word of the prompt says what happens.
fn turn(request: &Value, params: &Value, id: &str) {
    let thread = &params["threadId"];
    let prompt = params["input"][0]["text"].as_str().expect("a prompt");
    let begun = json!({"id": request, "result": {"turn": {"id": id, "items": [], "status": "inProgress"}}});
    match prompt.split(' ').next().unwrap_or_default() {
        "stuck" => say(&begun),
        "unanswered" => {}
        "wrong-id" => {
            say(&json!({"id": "other", "result": begun["result"]}));
            say(&said(thread, id, "to nobody"));
            say(&completed(thread, id, "completed", Value::Null));
        }
        "another-turn" => {
            say(&begun);
            say(&said(thread, "another turn", "to nobody"));
            say(&completed(thread, "another turn", "completed", Value::Null));
        }
        "warns" => {
            say(&json!({"method": "warning", "params": {"threadId": thread, "message": "the directory is gone"}}));
            say(&begun);
            say(&completed(thread, id, "completed", Value::Null));
        }
        "newer" => newer(request, thread, id),
        "early" => {
            say(&said(thread, id, "before the answer"));
            say(&completed(thread, id, "completed", Value::Null));
            say(&begun);
        }
        "fails" => {
            say(&begun);
            let error = json!({"message": "high demand", "codexErrorInfo": "internalServerError"});
            say(&completed(thread, id, "failed", error));
        }
        "interrupted" => {
            say(&begun);
            say(&completed(thread, id, "interrupted", Value::Null));
        }
        "approval" => {
            say(&begun);
            let params = json!({"threadId": thread, "turnId": id});
            let method = "item/commandExecution/requestApproval";
            say(&json!({"id": format!("{id} of {thread}"), "method": method, "params": params}));
        }
        "forever" => forever(),
        _ => {
            say(&begun);
            let started = json!({"threadId": thread, "turn": {"id": id}});
            say(&json!({"method": "turn/started", "params": started}));
            say(&said(thread, id, &format!("you said: {prompt}")));
            say(&completed(thread, "another turn", "completed", Value::Null));
            say(&completed(thread, id, "completed", Value::Null));
        }
    }
}

/// A turn of a release from the future: fields, items, notifications and a request that nobody knows.
fn newer(request: &Value, thread: &Value, id: &str) {
    let turn = json!({"id": id, "status": "inProgress", "mood": {"since": [1, 2]}});
    say(&json!({"method": "quantum/entangled", "params": [1, {"threadId": 7}], "emittedAtMs": 1}));
    say(&json!({"id": request, "result": {"turn": turn, "later": null}, "trace": "t"}));
    for item in [json!({"type": "hologram", "text": 5}), json!("no object"), json!({"type": "agentMessage"})] {
        say(&json!({"method": "item/completed", "params": {"threadId": thread, "turnId": id, "item": item}}));
    }
    say(&json!({"method": "turn/dreamt", "params": {"threadId": thread, "turnId": {"of": id}}}));
    let params = json!({"threadId": thread, "turnId": id});
    say(&json!({"id": format!("{id} of {thread}"), "method": "item/blessing/requestBlessing", "params": params}));
}

/// The client answered a request of ours: that becomes what the turn says.
fn answered(message: &Value) {
    let Some((id, thread)) = message["id"].as_str().and_then(|id| id.split_once(" of ")) else { return };
    let thread: Value = serde_json::from_str(thread).expect("a thread");
    let said_ = message.get("result").or_else(|| message.get("error")).expect("an answer");
    say(&said(&thread, id, &said_.to_string()));
    say(&completed(&thread, id, "completed", Value::Null));
}
