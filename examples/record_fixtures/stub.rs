//! The model: a Responses API on a loopback port, which answers what it was told to, in order.
//!
//! The library's stub holds a run to what a scenario expects and refuses everything else. A recording wants the opposite:
//! whatever a release of two years asks for is answered, and what it sent is kept to be looked at. A request whose last
//! item is a text without a marker is no turn of ours but Codex asking for a summary.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::Fallible;

/// One answer of the model.
pub(crate) struct Reply {
    pub(crate) items: Vec<Item>,
    /// What it claims to have cost; above the configured limit Codex sums up.
    pub(crate) tokens: u64,
}

/// One item of an answer.
pub(crate) enum Item {
    Text(String),
    Reasoning(String),
    /// A command line, for whatever tool the request offers.
    Shell(String),
    /// A patch, for the freeform tool.
    Patch(String),
}

#[derive(Default)]
struct Told {
    replies: VecDeque<Reply>,
    summary: String,
    /// Up to 0.73.0 or so a turn goes on after Codex has summed up, even if it had ended.
    goes_on: Option<String>,
    requests: Vec<Value>,
    answered: u64,
    trouble: Vec<String>,
}

/// The running model. It ends with the process.
#[derive(Clone)]
pub(crate) struct Stub {
    told: Arc<Mutex<Told>>,
    pub(crate) port: u16,
}

impl Stub {
    pub(crate) fn start() -> Fallible<Stub> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let stub = Stub { told: Arc::default(), port: listener.local_addr()?.port() };
        let server = stub.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(&connection));
            }
        });
        Ok(stub)
    }

    /// What it says to the next requests, and when it is asked for a summary.
    pub(crate) fn expect(&self, replies: Vec<Reply>, summary: Option<[String; 2]>) {
        self.with(|told| {
            told.replies.extend(replies);
            if let Some([summary, goes_on]) = summary {
                told.summary = summary;
                told.goes_on = Some(goes_on);
            }
        });
    }

    /// The items of the last request.
    pub(crate) fn last_input(&self) -> Fallible<Vec<Value>> {
        let input =
            self.with(|told| told.requests.last().and_then(|request| request.get("input")?.as_array().cloned()));
        input.ok_or_else(|| "the model was not asked".into())
    }

    /// All answers were fetched, and nothing else was asked for.
    pub(crate) fn came_true(&self) -> Fallible<()> {
        let (left, trouble) = self.with(|told| (told.replies.len(), told.trouble.clone()));
        if left > 0 || !trouble.is_empty() {
            return Err(format!("{left} answers were not fetched; {trouble:?}").into());
        }
        Ok(())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Told) -> T) -> T {
        look(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn serve(&self, connection: &TcpStream) {
        if let Err(error) = self.answer(connection) {
            self.with(|told| told.trouble.push(error.to_string()));
        }
    }

    fn answer(&self, mut connection: &TcpStream) -> Fallible<()> {
        let mut reader = BufReader::new(connection);
        let mut head = String::new();
        let mut length = 0;
        while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {
            let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let asked = head.lines().next().unwrap_or_default().to_owned();
        if !asked.starts_with("POST") || !asked.contains("/responses ") {
            // Some releases look for a list of models.
            write!(connection, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
            return Ok(());
        }
        let request: Value = serde_json::from_slice(&body)?;
        let stream = self.with(|told| told.stream(request))?;
        write!(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{stream}")?;
        Ok(())
    }
}

impl Told {
    fn stream(&mut self, request: Value) -> Fallible<String> {
        let reply = if wants_summary(&request) {
            Reply { items: vec![Item::Text(self.summary.clone())], tokens: 10 }
        } else {
            let text = |text| Reply { items: vec![Item::Text(text)], tokens: 100 };
            let reply = self.replies.pop_front().or_else(|| self.goes_on.take().map(text));
            reply.ok_or_else(|| format!("nothing to answer to {request}"))?
        };
        self.answered += 1;
        let id = format!("resp_{}", self.answered);
        let mut events = vec![json!({ "type": "response.created", "response": { "id": id } })];
        for (item, n) in reply.items.into_iter().zip(0..) {
            let item = item.to_json(&request, &format!("{}_{n}", self.answered));
            events.push(json!({ "type": "response.output_item.added", "output_index": n, "item": item }));
            events.push(json!({ "type": "response.output_item.done", "output_index": n, "item": item }));
        }
        let usage = json!({
            "input_tokens": reply.tokens, "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": 1, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": reply.tokens + 1,
        });
        events.push(json!({ "type": "response.completed", "response": { "id": id, "usage": usage } }));
        self.requests.push(request);
        let frame = |event: Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
        Ok(events.into_iter().map(frame).collect())
    }
}

fn wants_summary(request: &Value) -> bool {
    let last = request.get("input").and_then(Value::as_array).and_then(|input| input.last());
    last.is_some_and(|item| item.get("role").is_some() && rehydra::marker::find(&item.to_string()).is_empty())
}

impl Item {
    fn to_json(&self, request: &Value, number: &str) -> Value {
        match self {
            Item::Text(text) => {
                let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
                json!({ "type": "message", "id": format!("msg_{number}"), "role": "assistant", "content": content })
            }
            Item::Reasoning(text) => json!({
                "type": "reasoning", "id": format!("rs_{number}"),
                "summary": [{ "type": "summary_text", "text": text }],
                "encrypted_content": "b3BhcXVlIHRvIGV2ZXJ5b25l",
            }),
            Item::Shell(command) => {
                let (name, arguments) = shell(request, command);
                json!({
                    "type": "function_call", "id": format!("fc_{number}"), "call_id": format!("call_{number}"),
                    "name": name, "arguments": arguments.to_string(),
                })
            }
            Item::Patch(patch) => json!({
                "type": "custom_tool_call", "id": format!("ctc_{number}"), "call_id": format!("call_{number}"),
                "name": "apply_patch", "input": patch,
            }),
        }
    }
}

fn shell(request: &Value, command: &str) -> (&'static str, Value) {
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<_> = tools.filter_map(|tool| tool.get("name")?.as_str()).collect();
    if names.contains(&"exec_command") {
        ("exec_command", json!({ "cmd": command, "login": false, "yield_time_ms": 30_000 }))
    } else if names.contains(&"shell_command") {
        ("shell_command", json!({ "command": command, "login": false }))
    } else {
        ("shell", json!({ "command": ["sh", "-c", command] }))
    }
}
