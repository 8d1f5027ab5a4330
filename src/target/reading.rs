//! Reading what a target prints: journalled first, then understood, then told to the armed faults, and only then on.
//!
//! Semantics are read from the redacted line, so no secret finds its way around the redaction. What cannot be matched (an
//! answer to nothing, a line that is no message) stays a raw frame, which the check `protocol` reads.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;
use tokio::process::{ChildStderr, ChildStdout};
use tokio_util::sync::CancellationToken;

use super::calls::Reply;
use super::life::{Life, lock};
use super::mcp::{self, Event, Results};
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
    // A program that is no server may print for ever; one that is has something else to say first.
    let caps = Caps { line_bytes: limits.frame_bytes, total_bytes: limits.preamble_bytes.min(limits.stdout_bytes) };
    let mut conversing = false;
    let mut reader = LineReader::new(pipe, caps, Arc::new(Frames(life.journal.clone())));
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(reader.rest()),
            next = reader.next() => next,
        };
        match next {
            Ok(Some((frame, line))) => {
                if heard(&life, frame, &line) && !conversing {
                    conversing = true;
                    reader.allow(limits.stdout_bytes);
                }
            }
            Ok(None) => return,
            Err(ReadError::Flood { .. }) if !conversing => return drown(&life, reader, &stop).await,
            Err(error) => return give_up(&life, reader, &error, &stop).await,
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// No message came so far: there is no conversation to open. Ends the life, and empties the pipe.
async fn drown(life: &Life, mut reader: LineReader<ChildStdout>, stop: &CancellationToken) {
    if let Some((frame, line)) = reader.rest() {
        heard(life, frame, &line);
    }
    life.drowned.store(true, Ordering::Relaxed);
    life.act(Action::Kill { signal: Signal::Kill, whom: Whom::Group });
    tokio::select! {
        () = stop.cancelled() => {}
        () = reader.discard() => {}
    }
}

/// Evidence would be missing from here on, so the run cannot be judged: says so, ends the life, and empties the pipe.
async fn give_up(life: &Life, mut reader: LineReader<ChildStdout>, error: &ReadError, stop: &CancellationToken) {
    let remedy = match error {
        ReadError::Flood { .. } => "; stop what it prints, or raise the limit `stdout_bytes`",
        ReadError::Io(_) => "",
    };
    let name = neutral(&life.fixed.profile.name);
    let text = format!("the standard output of target `{name}` cannot be recorded further: {error}{remedy}");
    life.journal.append(Lane::Client, Kind::Broken(Broken { step: None, text }));
    life.act(Action::Kill { signal: Signal::Kill, whom: Whom::Group });
    tokio::select! {
        () = stop.cancelled() => {}
        () = reader.discard() => {}
    }
}

/// Reads a line; whether it was a message.
fn heard(life: &Life, frame: Seq, line: &Line) -> bool {
    let (bytes, message) = match line {
        Line::Whole(bytes) => {
            let clean = life.journal.clean(bytes);
            let message = Message::parse(&clean).ok();
            (clean, message)
        }
        Line::Partial(bytes) => (life.journal.clean(bytes), None),
        Line::Long(long) => (life.journal.clean(&long.head), None),
    };
    match (message, &life.speech) {
        (Some(message), Speech::AppServer(session)) => session.heard(life, frame, message),
        (Some(message), Speech::Mcp { results }) => heard_mcp(life, frame, message, results),
        (None, _) => {
            lock(&life.junk).get_or_insert_with(|| neutral(&String::from_utf8_lossy(&bytes)));
            return false;
        }
    }
    true
}

fn heard_mcp(life: &Life, frame: Seq, message: Message, results: &Results) {
    match message {
        Message::Response { id, outcome } => {
            let Some(id) = slot_of(&id) else { return };
            if let Some(Reply { frame, outcome }) = life.calls.replied(id, Reply { frame, outcome }) {
                life.calls.answered(id, |call| results.answer(call, frame, outcome));
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

/// The slot of a response.
fn slot_of(id: &Value) -> Option<i64> {
    if id.as_str() == Some(mcp::PROBE_ID) { Some(mcp::PROBE_SLOT) } else { id.as_i64() }
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
        life.journal.append(Lane::Client, Kind::Settings(settings));
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
    let journal = &life.journal;
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
