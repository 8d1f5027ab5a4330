//! Holding the two turns through one of Codex's front ends. Each returns what it answered.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rehydra::target::home::Home;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::Fallible;

/// Sandbox of the recorded threads: narrower than their home's configuration.
pub(crate) const SANDBOX: &str = "read-only";
/// Their approval policy.
pub(crate) const APPROVAL: &str = "never";

const STEP: Duration = Duration::from_secs(60);

/// What a front end is started with.
pub(crate) struct Stage<'a> {
    pub(crate) native: &'a Path,
    pub(crate) home: &'a Home,
    /// The process cwd of a server.
    pub(crate) cwd: PathBuf,
    pub(crate) prompts: &'a [String; 2],
}

impl Stage<'_> {
    fn command(&self, cwd: &Path) -> Command {
        let mut command = Command::new(self.native);
        command.env_clear().envs(self.home.env()).current_dir(cwd).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// `codex exec`, then `codex exec resume`: a terminal that came back to the thread.
pub(crate) async fn exec(stage: &Stage<'_>) -> Fallible<Vec<String>> {
    let project = stage.home.project();
    let [first, second] = stage.prompts;
    let mut replies = Vec::new();
    for prompt in [vec![first.as_str()], vec!["resume", "--last", second.as_str()]] {
        let mut command = stage.command(&project);
        command.args(["exec", "--skip-git-repo-check", "--sandbox", SANDBOX]).args(prompt);
        let Output { status, stdout, stderr } = timeout(STEP, command.output()).await??;
        if !status.success() {
            return Err(format!("`codex exec` ended with {status}: {}", String::from_utf8_lossy(&stderr)).into());
        }
        replies.push(String::from_utf8(stdout)?.trim_end().to_owned());
    }
    Ok(replies)
}

/// `codex mcp-server`: `codex`, then `codex-reply`.
pub(crate) async fn mcp_server(stage: &Stage<'_>) -> Fallible<Vec<String>> {
    let mut server = Server::start(stage, "mcp-server")?;
    let client = json!({ "name": "rehydra", "version": env!("CARGO_PKG_VERSION") });
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
    server.call("initialize", hello).await?;
    server.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
    let [first, second] = stage.prompts;
    let start = json!({
        "prompt": first, "cwd": stage.home.project(), "sandbox": SANDBOX, "approval-policy": APPROVAL,
    });
    let started = server.call("tools/call", json!({ "name": "codex", "arguments": start })).await?;
    let id = text_at(&started, "/structuredContent/threadId")?;
    let reply = json!({ "threadId": id, "prompt": second });
    let replied = server.call("tools/call", json!({ "name": "codex-reply", "arguments": reply })).await?;
    server.end().await?;
    Ok(vec![text_at(&started, "/structuredContent/content")?, text_at(&replied, "/structuredContent/content")?])
}

/// `codex app-server`: `thread/start`, then two `turn/start`.
pub(crate) async fn app_server(stage: &Stage<'_>) -> Fallible<Vec<String>> {
    let mut server = Server::start(stage, "app-server")?;
    let client = json!({ "name": "rehydra", "title": "Rehydra", "version": env!("CARGO_PKG_VERSION") });
    server.call("initialize", json!({ "clientInfo": client })).await?;
    server.send(json!({ "method": "initialized" })).await?;
    let start = json!({ "cwd": stage.home.project(), "sandbox": SANDBOX, "approvalPolicy": APPROVAL });
    let started = server.call("thread/start", start).await?;
    let id = text_at(&started, "/thread/id")?;
    let mut replies = Vec::new();
    for prompt in stage.prompts {
        let turn = json!({ "threadId": id, "input": [{ "type": "text", "text": prompt }] });
        server.call("turn/start", turn).await?;
        let mut said = String::new();
        loop {
            let frame = server.frame().await?;
            match frame.get("method").and_then(Value::as_str) {
                Some("item/completed") if frame.pointer("/params/item/type") == Some(&json!("agentMessage")) => {
                    said = text_at(&frame, "/params/item/text")?;
                }
                Some("turn/completed") => break,
                _ => {}
            }
        }
        replies.push(said);
    }
    server.end().await?;
    Ok(replies)
}

/// A server on two pipes, asked one thing at a time.
struct Server {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    asked: u64,
}

impl Server {
    fn start(stage: &Stage<'_>, subcommand: &str) -> Fallible<Server> {
        // Whoever records sees what the server complains of.
        let mut command = stage.command(&stage.cwd);
        let mut child = command.arg(subcommand).stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let stdin = child.stdin.take().ok_or("no pipe to write to")?;
        let lines = BufReader::new(child.stdout.take().ok_or("no pipe to read from")?).lines();
        Ok(Server { child, stdin, lines, asked: 0 })
    }

    async fn send(&mut self, frame: Value) -> Fallible<()> {
        Ok(timeout(STEP, self.stdin.write_all(format!("{frame}\n").as_bytes())).await??)
    }

    async fn frame(&mut self) -> Fallible<Value> {
        match timeout(STEP, self.lines.next_line()).await?? {
            Some(line) => Ok(serde_json::from_str(&line)?),
            None => Err("it closed its output".into()),
        }
    }

    /// Sends a request and waits for its result.
    async fn call(&mut self, method: &str, params: Value) -> Fallible<Value> {
        self.asked += 1;
        self.send(json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params })).await?;
        loop {
            let frame = self.frame().await?;
            if frame.get("id") == Some(&json!(self.asked)) && frame.get("method").is_none() {
                return frame.get("result").cloned().ok_or_else(|| format!("`{method}` failed: {frame}").into());
            }
        }
    }

    /// Closes its input and waits until it has ended.
    async fn end(self) -> Fallible<()> {
        let Server { mut child, stdin, lines, .. } = self;
        drop(stdin);
        let mut rest = lines.into_inner();
        let drained = async {
            let mut sink = Vec::new();
            rest.read_to_end(&mut sink).await
        };
        timeout(STEP, drained).await??;
        timeout(STEP, child.wait()).await??;
        Ok(())
    }
}

fn text_at(frame: &Value, pointer: &str) -> Fallible<String> {
    let text = frame.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("nothing at {pointer} of {frame}").into())
}
