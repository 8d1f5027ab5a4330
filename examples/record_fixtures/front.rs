//! Codex's front ends, as one thread is held through them.

use std::path::{Path, PathBuf};

use rehydra::codex::version::Version;
use rehydra::target::home::Home;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::Fallible;
use crate::process::Process;
use crate::recipes::Through;
use crate::story::Ask;

/// Approval policy of the recorded threads.
pub(crate) const APPROVAL: &str = "never";

/// What a front end is started with.
pub(crate) struct Stage<'a> {
    pub(crate) native: PathBuf,
    pub(crate) codex: Version,
    pub(crate) home: &'a Home,
    pub(crate) sandbox: &'a str,
}

impl Stage<'_> {
    /// `codex exec`, of a new thread or of the one that stands in `file`.
    pub(crate) fn exec(&self, thread: Option<(&str, &Path)>, prompt: &str, image: Option<&Path>) -> Fallible<Process> {
        let text = |path: &Path| path.display().to_string();
        let mut args = vec!["exec".to_owned()];
        if let Some(image) = image {
            args.extend(["--image".to_owned(), text(image)]);
        }
        args.extend(["--skip-git-repo-check", "--sandbox", self.sandbox].map(str::to_owned));
        match thread {
            // Releases of the bare era know no subcommand for it.
            Some((_, file)) if self.codex < Version::new(0, 36, 0) => {
                args.extend(["-c".to_owned(), format!("experimental_resume={}", text(file))]);
            }
            Some((id, _)) => args.extend(["resume".to_owned(), id.to_owned()]),
            None => {}
        }
        args.push(prompt.to_owned());
        let mut process = Process::start(&self.native, self.home, &self.home.project(), &args)?;
        // Some releases wait for more of the prompt there.
        process.close();
        Ok(process)
    }
}

/// A front end at work.
pub(crate) struct Front<'a> {
    stage: &'a Stage<'a>,
    through: Through,
    server: Option<Process>,
    /// What runs: the request's id of an MCP call, or the turn's id.
    running: Value,
    /// The ids of the thread's turns that were completed.
    turns: Vec<String>,
    /// The thread's id, once there is one.
    pub(crate) thread: Option<String>,
}

impl<'a> Front<'a> {
    pub(crate) fn start(stage: &'a Stage<'a>, through: Through) -> Fallible<Front<'a>> {
        let server = match through {
            Through::Exec => None,
            Through::McpServer | Through::AppServer => Some(serve(stage, through)?),
        };
        Ok(Front { stage, through, server, running: Value::Null, turns: Vec::new(), thread: None })
    }

    /// Begins a turn; `file` is the thread's, if it has one.
    pub(crate) fn begin(&mut self, ask: &Ask, file: Option<&Path>) -> Fallible<()> {
        match self.through {
            Through::Exec => {
                let thread = self.thread.as_deref().zip(file);
                self.server = Some(self.stage.exec(thread, &ask.prompt, ask.image.as_deref())?);
            }
            Through::McpServer => self.running = json!(self.begin_call(ask)?),
            Through::AppServer => self.running = self.begin_turn(ask)?,
        }
        Ok(())
    }

    fn server(&mut self) -> Fallible<&mut Process> {
        self.server.as_mut().ok_or_else(|| "there is no process".into())
    }

    fn begin_call(&mut self, ask: &Ask) -> Fallible<u64> {
        let (name, arguments) = match &self.thread {
            None => {
                let cwd = self.stage.home.project();
                let settings = json!({ "sandbox": self.stage.sandbox, "approval-policy": APPROVAL, "cwd": cwd });
                ("codex", with(settings, "prompt", &ask.prompt))
            }
            Some(id) => {
                let key = match self.stage.codex {
                    old if old < Version::new(0, 36, 0) => "sessionId",
                    old if old < Version::new(0, 80, 0) => "conversationId",
                    _ => "threadId",
                };
                ("codex-reply", with(json!({ "prompt": ask.prompt }), key, id))
            }
        };
        self.server()?.ask("tools/call", &json!({ "name": name, "arguments": arguments }))
    }

    fn begin_turn(&mut self, ask: &Ask) -> Fallible<Value> {
        let id = match &self.thread {
            Some(id) => id.clone(),
            None => {
                let cwd = self.stage.home.project();
                let start = json!({ "cwd": cwd, "sandbox": self.stage.sandbox, "approvalPolicy": APPROVAL });
                let started = self.server()?.call("thread/start", &start)?;
                text_at(&started, "/thread/id")?
            }
        };
        self.thread = Some(id.clone());
        let mut input = vec![json!({ "type": "text", "text": ask.prompt })];
        input.extend(ask.image.as_ref().map(|path| json!({ "type": "localImage", "path": path })));
        let started = self.server()?.call("turn/start", &json!({ "threadId": id, "input": input }))?;
        Ok(text_at(&started, "/turn/id")?.into())
    }

    /// Waits until the turn has ended.
    pub(crate) fn finish(&mut self) -> Fallible<()> {
        match self.through {
            Through::Exec => {
                let process = self.server.take().ok_or("no turn runs")?;
                process.end()?.then_some(()).ok_or_else(|| "`codex exec` failed".into())
            }
            Through::McpServer => {
                let id = self.running.as_u64().ok_or("no call runs")?;
                let result = self.server()?.answer(id)?;
                let failed = result.get("isError") == Some(&json!(true));
                if failed { Err(format!("the call failed: {result}").into()) } else { Ok(()) }
            }
            Through::AppServer => {
                self.server()?.until(|frame| (frame.get("method")? == "turn/completed").then_some(()))?;
                self.turns.extend(self.running.as_str().map(str::to_owned));
                Ok(())
            }
        }
    }

    /// Interrupts the turn that runs, and waits for its end.
    pub(crate) fn interrupt(&mut self) -> Fallible<()> {
        match self.through {
            Through::Exec => {
                let process = self.server.take().ok_or("no turn runs")?;
                process.signal(Signal::INT)?;
                process.end().map(|_| ())
            }
            // The call that is cancelled is never answered; whoever asks next finds out when the turn is over.
            Through::McpServer => {
                let params = json!({ "requestId": self.running });
                self.server()?.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }))
            }
            Through::AppServer => {
                let params = json!({ "threadId": self.thread, "turnId": self.running });
                self.server()?.ask("turn/interrupt", &params)?;
                self.finish()
            }
        }
    }

    /// Kills the process in mid-turn.
    pub(crate) fn kill(&mut self) -> Fallible<()> {
        drop(self.server.take().ok_or("no process runs")?);
        Ok(())
    }

    /// Ends the server. One that waits for a call which was cancelled, as 0.114.0 does, is killed: all is written.
    pub(crate) fn end(mut self) {
        if let Some(server) = self.server.take() {
            let _ended = server.end();
        }
    }

    pub(crate) fn roll_back(&mut self) -> Fallible<()> {
        let params = json!({ "threadId": self.thread, "numTurns": 1 });
        self.server()?.call("thread/rollback", &params).map(|_| ())
    }

    pub(crate) fn revert(&mut self) -> Fallible<()> {
        let before = self.turns.pop().ok_or("there is no turn to take back")?;
        let params = json!({ "threadId": self.thread, "beforeTurnId": before });
        self.server()?.call("thread/revert", &params).map(|_| ())
    }

    pub(crate) fn fork(&mut self) -> Fallible<()> {
        let params =
            json!({ "threadId": self.thread, "cwd": self.stage.home.project(), "sandbox": self.stage.sandbox });
        let forked = self.server()?.call("thread/fork", &params)?;
        self.thread = Some(text_at(&forked, "/thread/id")?);
        Ok(())
    }

    pub(crate) fn archive(&mut self) -> Fallible<()> {
        let params = json!({ "threadId": self.thread });
        self.server()?.call("thread/archive", &params).map(|_| ())
    }
}

fn serve(stage: &Stage<'_>, through: Through) -> Fallible<Process> {
    let old = stage.codex < Version::new(0, 43, 0) && through == Through::McpServer;
    let subcommand = if old { "mcp" } else { through.subcommand() };
    // Not the thread's directory, so that the two are not taken for each other.
    let mut server = Process::start(&stage.native, stage.home, &stage.home.user(), &[subcommand])?;
    let client = json!({ "name": "rehydra", "title": "Rehydra", "version": env!("CARGO_PKG_VERSION") });
    if through == Through::McpServer {
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        server.call("initialize", &hello)?;
        server.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
    } else {
        let hello = json!({ "clientInfo": client, "capabilities": { "experimentalApi": true } });
        server.call("initialize", &hello)?;
        server.send(&json!({ "method": "initialized" }))?;
    }
    Ok(server)
}

fn with(mut object: Value, key: &str, text: &str) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), text.into());
    }
    object
}

fn text_at(frame: &Value, pointer: &str) -> Fallible<String> {
    let text = frame.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| format!("nothing at {pointer} of {frame}").into())
}
