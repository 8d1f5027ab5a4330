//! Servers that cannot be described: each lacks one thing that a survey needs.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::model;

/// Serves until the end of its input. `textless` has no tool that takes a text, `offline` asks no model, `elsewhere`
/// asks another host's, `idless` tells no id, `forgets` begins anew with each call, `failing` asks the model and fails.
pub(crate) fn serve(mode: &str) -> ExitCode {
    eprintln!("odd server, mode {mode}");
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let result = match message["method"].as_str() {
            Some("initialize") => json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "odd", "version": "1"}}),
            Some("tools/list") => json!({"tools": [tool(mode)]}),
            Some("tools/call") => call(mode, &message["params"]["arguments"]),
            _ => continue,
        };
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        let mut out = std::io::stdout().lock();
        if out.write_all(format!("{answer}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn tool(mode: &str) -> Value {
    let properties = match mode {
        "textless" => json!({"n": {"type": "number"}}),
        _ => json!({"prompt": {"type": "string"}, "session": {"type": "string"}}),
    };
    json!({"name": "go", "inputSchema": {"type": "object", "properties": properties}})
}

fn call(mode: &str, arguments: &Value) -> Value {
    let prompt = arguments["prompt"].as_str().unwrap_or_default();
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    match mode {
        "offline" => text("I know that without a model. session: abc1"),
        "elsewhere" => text(&format!("cannot reach the model: {}", elsewhere())),
        _ => match model::respond(&[model::user(prompt)], &model::Given::default()) {
            Err(why) => json!({"isError": true, "content": [{"type": "text", "text": why}]}),
            Ok(_) if mode == "failing" => {
                json!({"isError": true, "content": [{"type": "text", "text": "no \u{1b}[31mdisk"}]})
            }
            Ok(items) => {
                let said: String = items.iter().map(model::text).collect();
                if mode == "forgets" { text(&format!("{said}\nsession: abc1")) } else { text(&said) }
            }
        },
    }
}

/// Asks the proxy of its environment for a host of the Internet, as an HTTP client does.
fn elsewhere() -> String {
    let proxy = std::env::var("HTTPS_PROXY").unwrap_or_default();
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(proxy.trim_start_matches("http://"))?;
        stream.write_all(b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().unwrap_or_default().to_owned())
    };
    asked().unwrap_or_else(|error| error.to_string())
}
