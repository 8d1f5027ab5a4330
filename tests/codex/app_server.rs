//! A real app-server driven line by line, for what no target does: forking and reverting threads.

use std::path::Path;
use std::process::Stdio;

use rehydra::target::home::Home;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::stage::{Failure, TURN};

/// One process.
pub(crate) struct AppServer {
    // Killed when it is dropped.
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    next: u64,
}

impl AppServer {
    /// Starts it on that home and opens it.
    pub(crate) async fn start(native: &Path, home: &Home) -> Result<AppServer, Failure> {
        let mut command = Command::new(native);
        command.arg("app-server").env_clear().envs(home.env()).current_dir(home.project());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().ok_or("no standard input")?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut server = AppServer { child, stdin, lines: BufReader::new(stdout).lines(), next: 0 };
        let client = json!({"name": "stage", "version": "1"});
        let params = json!({"clientInfo": client, "capabilities": {"experimentalApi": true}});
        server.call("initialize", params).await?;
        server.send(&json!({"jsonrpc": "2.0", "method": "initialized"})).await?;
        Ok(server)
    }

    /// The result of one request; its error is a failure.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        let is_answer = |message: &Value| message.get("id") == Some(&json!(id)) && message.get("method").is_none();
        let answer = self.await_message(is_answer).await?;
        answer.get("result").cloned().ok_or_else(|| format!("{method}: {answer}").into())
    }

    /// The thread that a start, a fork or a resume names.
    pub(crate) async fn thread(&mut self, method: &str, params: Value) -> Result<String, Failure> {
        let result = self.call(method, params).await?;
        let id = result.pointer("/thread/id").and_then(Value::as_str);
        id.map(str::to_owned).ok_or_else(|| format!("{method}: {result}").into())
    }

    /// One whole turn.
    pub(crate) async fn turn(&mut self, thread: &str, prompt: &str) -> Result<(), Failure> {
        let input = json!([{"type": "text", "text": prompt}]);
        self.call("turn/start", json!({"threadId": thread, "input": input})).await?;
        let is_end = |message: &Value| message.get("method") == Some(&json!("turn/completed"));
        self.await_message(is_end).await.map(drop)
    }

    /// Ends it with `kill -9`.
    pub(crate) async fn kill(mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }

    async fn send(&mut self, message: &Value) -> Result<(), Failure> {
        self.stdin.write_all(format!("{message}\n").as_bytes()).await?;
        Ok(self.stdin.flush().await?)
    }

    async fn await_message(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Failure> {
        let reading = async {
            while let Some(line) = self.lines.next_line().await? {
                let message: Value = serde_json::from_str(&line)?;
                if wanted(&message) {
                    return Ok(message);
                }
            }
            Err::<Value, Failure>("the app-server ended".into())
        };
        tokio::time::timeout(TURN, reading).await?
    }
}
