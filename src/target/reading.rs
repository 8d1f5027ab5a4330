//! Reading what a target prints: journalled first, then understood, then told to the armed faults, and only then on.
//!
//! Semantics are read from the redacted line, so no secret finds its way around the redaction. What cannot be matched (an
//! answer to nothing, a line that is no message) stays a raw frame, which the check `protocol` reads.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex_lite::Regex;
use serde_json::Value;
use tokio::process::{ChildStderr, ChildStdout};
use tokio_util::sync::CancellationToken;

use super::calls::Reply;
use super::life::{Life, lock};
use super::mcp::{self, Event};
use super::speech::{APPROVAL, Speech, TOOL};
use super::tap::{Complaints, Frames};
use super::trouble::neutral;
use crate::fault::plan::{Action, Signal, Whom};
use crate::journal::{Broken, CallId, Kind, Lane, Seq, Stderr};
use crate::wire::{Caps, Line, LineReader, Message, ReadError};

/// Longest line of stderr that is kept whole, in bytes.
const STDERR_LINE_BYTES: u64 = 1 << 20;

/// Reads stdout to its end, or until told to stop.
pub(super) async fn stdout(life: Arc<Life>, pipe: ChildStdout, stop: CancellationToken) {
    let limits = &life.fixed.limits;
    let caps = Caps { line_bytes: limits.frame_bytes, total_bytes: limits.stdout_bytes };
    let mut reader = LineReader::new(pipe, caps, Arc::new(Frames(life.fixed.journal.clone())));
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(reader.rest()),
            next = reader.next() => next,
        };
        match next {
            Ok(Some((frame, line))) => heard(&life, frame, &line),
            Ok(None) => return,
            Err(error) => return give_up(&life, reader, &error, &stop).await,
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Evidence would be missing from here on, so the run cannot be judged: says so, ends the life, and empties the pipe.
async fn give_up(life: &Life, mut reader: LineReader<ChildStdout>, error: &ReadError, stop: &CancellationToken) {
    let remedy = match error {
        ReadError::Flood { .. } => "; stop what it prints, or raise the limit `stdout_bytes`",
        ReadError::Io(_) => "",
    };
    let text = format!("{}'s standard output cannot be recorded further: {error}{remedy}", life.fixed.profile.name);
    life.fixed.journal.append(Lane::Client, Kind::Broken(Broken { step: None, text }));
    life.act(Action::Kill { signal: Signal::Kill, whom: Whom::Group });
    tokio::select! {
        () = stop.cancelled() => {}
        () = reader.discard() => {}
    }
}

fn heard(life: &Life, frame: Seq, line: &Line) {
    let Line::Whole(bytes) = line else { return };
    let clean = life.fixed.journal.clean(bytes);
    match (Message::parse(&clean), &life.speech) {
        (Ok(message), Speech::AppServer(session)) => session.heard(life, frame, message),
        (Ok(message), Speech::Mcp { note }) => heard_mcp(life, frame, message, note.as_ref()),
        (Err(_), _) => {
            lock(&life.junk).get_or_insert_with(|| neutral(&String::from_utf8_lossy(&clean)));
        }
    }
}

fn heard_mcp(life: &Life, frame: Seq, message: Message, note: Option<&Regex>) {
    match message {
        Message::Response { id, outcome } => {
            let Some(id) = id.as_i64() else { return };
            if let Some(Reply { frame, outcome }) = life.calls.replied(id, Reply { frame, outcome }) {
                life.calls.answered(id, |call| mcp::answer(call, frame, outcome, note));
            }
        }
        Message::Notification { method, params } => notified(life, frame, &method, &params),
        Message::Request { id, method, params } => {
            let call = call_of(life, mcp::request_about(&params));
            life.saw(&method);
            life.fixed.armed.frame(call, &method);
            let asks = mcp::asks_approval(&method);
            if asks {
                life.fixed.armed.frame(call, APPROVAL);
            }
            match life.calls.approve(call) {
                None if asks => {}
                approve => {
                    let line = mcp::reply_line(&id, &method, approve == Some(true));
                    drop(life.outbox.send(line, |_| {}, || {}));
                }
            }
        }
    }
}

/// The call that a request id on the wire belongs to, ended or not; Codex writes the id as a text in some places.
fn call_of(life: &Life, id: &Value) -> Option<CallId> {
    let id = id.as_i64().or_else(|| id.as_str()?.parse().ok())?;
    life.calls.call_of(id)
}

fn notified(life: &Life, frame: Seq, method: &str, params: &Value) {
    let event = if method == "codex/event" { Event::read(params) } else { None };
    let Some(event) = event else {
        life.saw(method);
        return life.fixed.armed.frame(None, method);
    };
    let call = call_of(life, event.request);
    if let Some(settings) = call.and_then(|call| event.settings(call, frame)) {
        life.fixed.journal.append(Lane::Client, Kind::Settings(settings));
    }
    life.saw(event.name);
    life.fixed.armed.frame(call, event.name);
    if event.name == "exec_command_begin" {
        life.fixed.armed.frame(call, TOOL);
    }
    if let (Some(call), "session_configured") = (call, event.name) {
        life.fixed.armed.configured(call);
    }
}

/// Reads stderr to its end, or until told to stop; keeps it in `log` too, within the limit, redacted.
pub(super) async fn stderr(life: Arc<Life>, pipe: ChildStderr, log: PathBuf, stop: CancellationToken) {
    let journal = &life.fixed.journal;
    let caps = Caps { line_bytes: STDERR_LINE_BYTES, total_bytes: life.fixed.limits.stderr_bytes };
    let mut reader = LineReader::new(pipe, caps, Arc::new(Complaints(journal.clone())));
    let mut log = Log { path: &log, file: None };
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(reader.rest()),
            next = reader.next() => next,
        };
        match next {
            Ok(Some((_, line))) => {
                let bytes = match &line {
                    Line::Whole(bytes) | Line::Partial(bytes) => journal.clean(bytes),
                    Line::Long(long) => journal.clean(&long.head),
                };
                log.write(&bytes);
                life.complained(neutral(&String::from_utf8_lossy(&bytes)));
            }
            Ok(None) => return,
            Err(_) => break,
        }
        if stop.is_cancelled() {
            return;
        }
    }
    tokio::select! {
        () = stop.cancelled() => {}
        () = reader.discard() => {}
    }
    let text = format!("[rehydra] {} further bytes of stderr were dropped", reader.discarded());
    log.write(text.as_bytes());
    // On our lane, because these are our words.
    journal.append(Lane::Client, Kind::Stderr(Stderr { bytes: journal.body(text.as_bytes()) }));
}

/// The log file, made at the first line.
struct Log<'a> {
    path: &'a Path,
    file: Option<File>,
}

impl Log<'_> {
    /// A log that cannot be written is no reason to stop: the journal holds the same.
    fn write(&mut self, line: &[u8]) {
        if self.file.is_none() {
            self.file = File::options().create(true).append(true).mode(0o600).open(self.path).ok();
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(&[line, b"\n"].concat());
        }
    }
}
