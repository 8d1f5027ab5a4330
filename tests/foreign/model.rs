//! Asking the model by plain HTTP, from this process or from one beside it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

/// A message of the user.
pub(crate) fn user(text: &str) -> Value {
    json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
}

/// How the model is told where it works.
pub(crate) fn place(dir: &str) -> Value {
    user(&format!("<environment_context>\n  <cwd>{dir}</cwd>\n</environment_context>"))
}

/// The text of an assistant's message; of anything else none.
pub(crate) fn text(item: &Value) -> String {
    let parts = item["content"].as_array().filter(|_| item["role"] == "assistant");
    parts.into_iter().flatten().filter_map(|part| part["text"].as_str()).collect()
}

/// The output of a tool call, if the item is one: there are no tools here.
pub(crate) fn refuse_call(item: &Value) -> Option<Value> {
    let call = item["call_id"].as_str().filter(|_| item["type"] == "function_call")?;
    Some(json!({"type": "function_call_output", "call_id": call, "output": "there is no such tool"}))
}

/// Whether an exchange was given up, and the connection that it waits on.
#[derive(Default)]
pub(crate) struct Given(Mutex<(bool, Option<TcpStream>)>);

impl Given {
    /// Ends the exchange, or keeps it from beginning.
    pub(crate) fn up(&self) {
        let mut given = self.0.lock().expect("nothing panics here");
        given.0 = true;
        if let Some(stream) = given.1.take() {
            // A connection that is gone already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.0.lock().expect("nothing panics here").0
    }

    /// `false` if nobody is to wait any more.
    fn waits_on(&self, stream: &TcpStream) -> bool {
        let mut given = self.0.lock().expect("nothing panics here");
        given.1 = stream.try_clone().ok();
        !given.0
    }
}

/// One exchange with the Responses API: the items that the model says. An answer without its end is a failure.
pub(crate) fn respond(input: &[Value], given: &Given) -> Result<Vec<Value>, String> {
    let var = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (base, key) = (var("OPENAI_BASE_URL")?, var("OPENAI_API_KEY")?);
    let rest = base.strip_prefix("http://").ok_or("only http:// is spoken here")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = json!({"model": "mock-1", "stream": true, "input": input}).to_string();
    let failed = |error: std::io::Error| format!("the model does not answer: {error}");
    let mut stream = TcpStream::connect(host).map_err(failed)?;
    if !given.waits_on(&stream) {
        return Err("nobody wants to know any more".to_owned());
    }
    // 1.0, so that the body comes as it is and ends with the connection.
    let head = format!(
        "POST /{path}/responses HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).map_err(failed)?;
    read(BufReader::new(stream)).map_err(|why| format!("the model failed: {why}"))
}

fn read(mut answer: impl BufRead) -> Result<Vec<Value>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut status = String::new();
    answer.read_line(&mut status).map_err(failed)?;
    if status.split(' ').nth(1) != Some("200") {
        let mut all = String::new();
        answer.read_to_string(&mut all).map_err(failed)?;
        return Err(format!("{} {}", status.trim(), all.lines().last().unwrap_or_default()));
    }
    let mut items = Vec::new();
    for line in answer.lines() {
        let line = line.map_err(failed)?;
        let Some(data) = line.strip_prefix("data:") else { continue };
        let event: Value = serde_json::from_str(data.trim()).map_err(|error| error.to_string())?;
        match event["type"].as_str() {
            Some("response.output_item.done") => items.push(event["item"].clone()),
            Some("response.completed") => return Ok(items),
            Some("response.failed") => return Err(event.to_string()),
            _ => {}
        }
    }
    Err("its answer ends in the middle".to_owned())
}

/// A process that asks the model for one conversation.
pub(crate) struct Engine {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Engine {
    pub(crate) fn start() -> Engine {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["foreign-engine"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("an engine starts");
        let stdin = process.stdin.take().expect("piped");
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        Engine { process, stdin, stdout }
    }

    pub(crate) fn respond(&mut self, input: &[Value]) -> Result<Vec<Value>, String> {
        let failed = |error: std::io::Error| format!("the engine has gone: {error}");
        self.stdin.write_all(format!("{}\n", json!(input)).as_bytes()).map_err(failed)?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(failed)?;
        let said: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        match said["items"].as_array() {
            Some(items) => Ok(items.clone()),
            None => Err(said["error"].as_str().unwrap_or("the engine says nothing").to_owned()),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It is gone already if this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The engine's side. It waits to be killed: that its server has gone is no end to it.
pub(crate) fn engine() -> ExitCode {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let input: Vec<Value> = serde_json::from_str(&line).unwrap_or_default();
        let said = match respond(&input, &Given::default()) {
            Ok(items) => json!({"items": items}),
            Err(why) => json!({"error": why}),
        };
        let mut out = std::io::stdout().lock();
        if out.write_all(format!("{said}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    loop {
        std::thread::park();
    }
}
