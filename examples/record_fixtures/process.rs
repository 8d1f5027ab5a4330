//! A Codex process: its pipes, its lines, and its end.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use rehydra::target::home::Home;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::Fallible;

const STEP: Duration = Duration::from_secs(20);

/// A process of a group of its own, so that the tools which it runs end with it.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    asked: u64,
}

impl Process {
    pub(crate) fn start<A: AsRef<OsStr>>(native: &Path, home: &Home, cwd: &Path, args: &[A]) -> Fallible<Process> {
        let mut command = Command::new(native);
        command.args(args).env_clear().envs(home.env()).current_dir(cwd).process_group(0);
        // Whoever records sees what it complains of.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or("no pipe to read from")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Process { child, stdin, lines, asked: 0 })
    }

    pub(crate) fn signal(&self, signal: Signal) -> Fallible<()> {
        let pid = Pid::from_raw(self.child.id().try_into()?).ok_or("no process id")?;
        Ok(kill_process_group(pid, signal)?)
    }

    /// Closes its input and waits until it has ended; whether it succeeded.
    pub(crate) fn end(mut self) -> Fallible<bool> {
        self.close();
        // The output ends when the process and all that it started have let go of it.
        loop {
            match self.lines.recv_timeout(STEP) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?.success()),
                Err(RecvTimeoutError::Timeout) => return Err("it does not end".into()),
            }
        }
    }

    /// Ends its input.
    pub(crate) fn close(&mut self) {
        drop(self.stdin.take());
    }

    pub(crate) fn send(&mut self, frame: &Value) -> Fallible<()> {
        let stdin = self.stdin.as_mut().ok_or("its input is closed")?;
        Ok(stdin.write_all(format!("{frame}\n").as_bytes())?)
    }

    /// Sends a request without waiting; its id.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Fallible<u64> {
        self.asked += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params }))?;
        Ok(self.asked)
    }

    /// Waits for the first message that `look` takes something from.
    pub(crate) fn until<T>(&mut self, mut look: impl FnMut(&Value) -> Option<T>) -> Fallible<T> {
        loop {
            let line = self.lines.recv_timeout(STEP).map_err(|_| "it says nothing more")?;
            if let Some(found) = serde_json::from_str::<Value>(&line).ok().as_ref().and_then(&mut look) {
                return Ok(found);
            }
        }
    }

    /// Waits for the answer to a request: its result.
    pub(crate) fn answer(&mut self, id: u64) -> Fallible<Value> {
        let answer = self.until(|frame| {
            let mine = frame.get("id") == Some(&json!(id)) && frame.get("method").is_none();
            mine.then(|| frame.get("result").cloned().ok_or_else(|| frame.to_string()))
        })?;
        answer.map_err(|refused| format!("it refused: {refused}").into())
    }

    /// Sends a request and waits for its result.
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Fallible<Value> {
        let id = self.ask(method, params)?;
        self.answer(id)
    }
}

impl Drop for Process {
    /// Ends it and its tools at once.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
