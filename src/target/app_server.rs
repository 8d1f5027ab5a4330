//! The dialect `app-server`: a call is a thread that is there and a turn on it.
//!
//! [`Client`] knows the protocol; here its events become journal entries, calls that end, and faults that see them. After
//! a restart a call sends exactly `thread/resume {threadId}` or `thread/fork {threadId}`, then `turn/start`: what Codex
//! restores by itself is what is tested. The call counts as sent when its first line is in the pipe, and as configured when
//! the result that starts or brings back its thread is read. After a fault that ends the life nothing more is written,
//! so that what follows in the pipe cannot be taken for a part of the story.
//!
//! Names of frames are methods (`turn/started`, `item/completed`, `turn/completed`), whichever call they belong to being
//! told by their turn, else by their thread. What the server warns of on a thread (`warning`) is a note of the call that is
//! next to end there; a server that says nothing of a loss has said nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Ask;
use super::calls::Reply;
use super::life::{Life, lock};
use super::speech::{APPROVAL, TOOL, open_call, write_call};
use crate::codex::app_server::{Client, End, Event, GoesOn, How, Outcome, Settings, Thread, accept, decline};
use crate::journal::{
    self, Answer, AnswerOutcome, CallId, CallKind, Identity, Kind, Lane, Note, Seq, SettingsSource, Shown, ShownTurn,
};
use crate::marker;
use crate::wire::{Message, Written};

/// One life's conversation in this dialect.
pub(super) struct Session {
    client: Mutex<Client<i64>>,
    threads: Mutex<Threads>,
}

/// The scenario's names of threads.
#[derive(Default)]
struct Threads {
    /// By the slot of a call under way.
    called: BTreeMap<i64, String>,
    /// By the id under which this life has brought a thread back and answered on it.
    back: BTreeMap<String, String>,
    /// Ids that were brought back.
    came: Vec<String>,
}

impl Session {
    pub(super) fn new(identity: Identity, goes_on: GoesOn) -> Session {
        let how = match identity {
            Identity::Same => How::Resume,
            Identity::New => How::Fork,
        };
        Session { client: Mutex::new(Client::new(how, goes_on)), threads: Mutex::default() }
    }

    /// The line of a request that is no call's.
    pub(super) fn request(&self, slot: i64, method: &str, params: Value) -> Vec<u8> {
        lock(&self.client).ask(slot, method, params)
    }

    /// Writes a call's first line, unless it waits for a thread that another call has asked for.
    pub(super) fn call(&self, life: &Life, slot: i64, ask: Ask, done: oneshot::Sender<Answer>) -> Option<Written> {
        lock(&self.threads).called.insert(slot, ask.thread.clone());
        // Held until the call is open, so that no answer comes before it.
        let mut client = lock(&self.client);
        let line = match (ask.kind, &ask.id) {
            (CallKind::Reply, Some((id, _))) => client.reply(slot, id, &ask.prompt),
            (CallKind::Start | CallKind::Reply, _) => Some(client.start(slot, &settings(&ask), &ask.prompt)),
        };
        match line {
            Some(line) => Some(write_call(life, slot, line, ask, done)),
            None => {
                open_call(life, slot, ask, Vec::new(), done);
                None
            }
        }
    }

    /// Reads a message.
    pub(super) fn heard(&self, life: &Life, frame: Seq, message: Message) {
        match message {
            Message::Response { id, outcome } => {
                let events = lock(&self.client).answered(frame, &id, outcome);
                self.follow(life, frame, events);
            }
            Message::Notification { method, params } => {
                let (about, events) = {
                    let mut client = lock(&self.client);
                    (client.about(&params), client.notified(frame, &method, &params))
                };
                seen(life, about, &method);
                if method == "item/started" && is_command(&params) {
                    seen(life, about, TOOL);
                }
                self.follow(life, frame, events);
            }
            Message::Request { id, method, params } => {
                let about = lock(&self.client).about(&params);
                seen(life, about, &method);
                let call = about.and_then(|slot| life.calls.call_of(slot));
                let accepted = accept(&id, &method);
                if accepted.is_some() {
                    seen(life, about, APPROVAL);
                }
                let line = match (life.calls.approve(call), accepted) {
                    (None, Some(_)) => return,
                    (Some(true), Some(accepted)) => accepted,
                    _ => decline(&id, &method),
                };
                drop(life.outbox.send(line, |_| {}, || {}));
            }
        }
    }

    fn follow(&self, life: &Life, frame: Seq, events: Vec<Event<i64>>) {
        for event in events {
            match event {
                Event::Replied { key, outcome } => drop(life.calls.replied(key, Reply { frame, outcome })),
                Event::Loaded { key, thread, back } => self.loaded(life, frame, key, thread, back),
                Event::Write { key, line, first } => write(life, key, line, first),
                Event::Ended { key, end } => self.ended(life, key, end),
            }
        }
    }

    fn loaded(&self, life: &Life, frame: Seq, slot: i64, thread: Thread, back: bool) {
        if back {
            lock(&self.threads).came.push(thread.id);
        }
        let Some(call) = life.calls.call_of(slot) else { return };
        let Settings { cwd, sandbox, approval } = thread.settings;
        let source = SettingsSource::Result;
        let shown = journal::Settings { from: vec![frame], call, cwd, sandbox, approval, source };
        life.journal.append(Lane::Client, Kind::Settings(shown));
        life.fixed.armed.configured(call);
    }

    fn ended(&self, life: &Life, slot: i64, end: End) {
        {
            let mut threads = lock(&self.threads);
            let name = threads.called.remove(&slot);
            if let (Some(id), Some(name), Outcome::Completed(_)) = (&end.thread, name, &end.outcome)
                && threads.came.contains(id)
            {
                threads.back.insert(id.clone(), name);
            }
        }
        life.calls.answered(slot, |call| answer(call, end));
    }

    /// Asks for the turns of each thread that this life has brought back and answered on. That is only done before the life
    /// is ended on purpose and with no turn under way: before that nothing of the harness's own may stand between a restart
    /// and the turn. A server that does not answer shows nothing.
    pub(super) async fn ask_what_shows(&self, life: &Life) {
        if !lock(&self.client).is_idle() {
            return;
        }
        let limit = Duration::from_millis(life.fixed.limits.call_ms);
        let back = lock(&self.threads).back.clone();
        for (id, thread) in back {
            let slot = life.calls.number();
            let (done, reply) = oneshot::channel();
            let line = self.request(slot, "thread/read", json!({"threadId": id, "includeTurns": true}));
            let mut asked = 0;
            let prepare = |frame| {
                asked = frame;
                life.calls.ask(slot, done);
            };
            drop(life.outbox.send(line, prepare, || {}));
            let Ok(Ok(Reply { frame, outcome: Ok(result) })) = timeout(limit, reply).await else { return };
            let shown = Shown { from: vec![asked, frame], thread, id, turns: turns(&result) };
            life.journal.append(Lane::Client, Kind::Shown(shown));
        }
    }
}

fn is_command(params: &Value) -> bool {
    params.pointer("/item/type").and_then(Value::as_str) == Some("commandExecution")
}

fn settings(ask: &Ask) -> Settings {
    Settings { cwd: ask.cwd.clone(), sandbox: ask.sandbox.clone(), approval: ask.approval.clone() }
}

fn seen(life: &Life, about: Option<i64>, method: &str) {
    life.saw(method);
    life.fixed.armed.frame(about.and_then(|slot| life.calls.call_of(slot)), method);
}

/// Writes the next line of a call that still waits, in a life that nothing was done to end.
fn write(life: &Life, slot: i64, line: Vec<u8>, first: bool) {
    let Some(call) = life.calls.call_of(slot) else { return };
    if life.asked().is_some() || !life.calls.waits(slot) {
        return;
    }
    let armed = Arc::clone(&life.fixed.armed);
    let then = move || {
        if first {
            armed.sent(call);
        }
    };
    drop(life.outbox.send(line, |_| {}, then));
}

/// The answer that the end of a call is.
fn answer(call: CallId, end: End) -> Answer {
    let End { thread, marks, outcome, warnings, raw } = end;
    let text_of = |key: &str| raw.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (outcome, text, error_kind) = match outcome {
        Outcome::Completed(text) => (AnswerOutcome::Reply, text, None),
        Outcome::Failed { message, kind } => (AnswerOutcome::ToolError, message, kind),
        Outcome::Interrupted => {
            (AnswerOutcome::ToolError, "the turn was interrupted".to_owned(), Some("interrupted".to_owned()))
        }
        Outcome::Refused => (AnswerOutcome::RpcError, text_of("message"), raw.get("code").map(Value::to_string)),
    };
    let notes = warnings.into_iter().map(|text| Note { kind: "warning".to_owned(), text }).collect();
    let (from, id_returned) = (marks, thread);
    Answer { from, call, outcome, id_returned, text, notes, error_kind, raw: Some(raw) }
}

/// The turns in the result of a `thread/read`.
fn turns(result: &Value) -> Vec<ShownTurn> {
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let thread = result.get("thread").unwrap_or(&Value::Null);
    let shown = |turn: Value| ShownTurn {
        status: turn.get("status").and_then(Value::as_str).map(str::to_owned),
        markers: list(&turn, "items").iter().flat_map(|item| marker::find(&item.to_string())).collect(),
    };
    list(thread, "turns").into_iter().map(shown).collect()
}
