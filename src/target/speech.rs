//! What a life speaks: one of two dialects, and what differs between them.
//!
//! The dialect decides how a conversation is opened, which lines a call is made of, what a frame means, and what is asked
//! before a life is ended on purpose. All else (the pipes, the journal, the end of calls, the faults) is the same for both.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::Ask;
use super::app_server::Session;
use super::life::Life;
use super::live::Fixed;
use super::mcp::{self, Results};
use crate::journal::{Answer, Call, CallKind, Dialect, Kind, Lane, Seq, Tool, Tools};
use crate::wire::{self, Written};

/// What a fault may call the frame that asks for an approval, in both dialects.
pub(super) const APPROVAL: &str = "approval";
/// What a fault may call the frame that tells of a command which begins to run, in both dialects.
pub(super) const TOOL: &str = "tool";

/// See the module.
pub(super) enum Speech {
    /// The tools of an MCP server: a call is one request, its answer is the response.
    Mcp {
        /// How its results are read.
        results: Results,
    },
    /// Codex's app-server: a call is a thread that is there and a turn on it.
    AppServer(Session),
}

impl Speech {
    pub(super) fn new(fixed: &Fixed) -> Speech {
        match fixed.profile.dialect {
            Dialect::Mcp => Speech::Mcp { results: fixed.results.clone() },
            Dialect::AppServer => Speech::AppServer(Session::new(fixed.profile.identity, fixed.goes_on.clone())),
        }
    }

    /// The line of a request that is no call's, to be answered in that slot.
    pub(super) fn request(&self, slot: i64, method: &str, params: Value) -> Vec<u8> {
        match self {
            Speech::Mcp { .. } => wire::request(slot, method, params),
            Speech::AppServer(session) => session.request(slot, method, params),
        }
    }

    /// Writes a call; `None` if it has nothing to write yet.
    pub(super) fn call(&self, life: &Life, slot: i64, ask: Ask, done: oneshot::Sender<Answer>) -> Option<Written> {
        match self {
            Speech::Mcp { .. } => {
                let tools = &life.fixed.profile.tools;
                Some(write_call(life, slot, mcp::call_line(slot, &ask, tools), without_place(ask, tools), done))
            }
            Speech::AppServer(session) => session.call(life, slot, ask, done),
        }
    }

    /// The line that takes a call back; an app-server interrupts turns instead, which this client does not.
    pub(super) fn cancel(&self, slot: i64) -> Option<Vec<u8>> {
        match self {
            Speech::Mcp { .. } => Some(mcp::cancelled(slot)),
            Speech::AppServer(_) => None,
        }
    }

    /// Asks what it wants to know before the life is ended on purpose. Nothing is asked of a life that will not answer.
    pub(super) async fn take_leave(&self, life: &Life) {
        if let (Speech::AppServer(session), true) = (self, life.is_responsive()) {
            session.ask_what_shows(life).await;
        }
    }
}

/// The call as it went out: what its tool has no place for was never asked for.
fn without_place(ask: Ask, tools: &Tools) -> Ask {
    if ask.kind == CallKind::Reply {
        return ask;
    }
    let Tool { cwd, sandbox, approval, .. } = &tools.start;
    let kept = |part: Option<String>, place: &Option<String>| part.filter(|_| place.is_some());
    Ask { cwd: kept(ask.cwd, cwd), sandbox: kept(ask.sandbox, sandbox), approval: kept(ask.approval, approval), ..ask }
}

/// Writes the line that a call begins with, journalled as that call.
pub(super) fn write_call(life: &Life, slot: i64, line: Vec<u8>, ask: Ask, done: oneshot::Sender<Answer>) -> Written {
    let (call, armed) = (ask.call, Arc::clone(&life.fixed.armed));
    if ask.faulted {
        life.keep(call, &line);
    }
    life.outbox.send(line, |frame| open_call(life, slot, ask, vec![frame], done), move || armed.sent(call))
}

/// Journals a call and waits for its answer.
pub(super) fn open_call(life: &Life, slot: i64, ask: Ask, from: Vec<Seq>, done: oneshot::Sender<Answer>) {
    let (call, approve) = (ask.call, ask.approve);
    life.journal.append(Lane::Client, Kind::Call(called(ask, from)));
    life.calls.open(slot, call, approve, done);
}

/// The event of a call; without a frame, nothing of it was written.
pub(super) fn called(ask: Ask, from: Vec<Seq>) -> Call {
    let (id_sent, id_is) = ask.id.unzip();
    Call {
        from,
        call: ask.call,
        step: ask.step,
        client: ask.client,
        thread: ask.thread,
        kind: ask.kind,
        id_sent,
        id_is,
        marker: ask.marker,
        cwd: ask.cwd,
        sandbox: ask.sandbox,
        approval: ask.approval,
        faulted: ask.faulted,
        limit_ms: u64::try_from(ask.limit.as_millis()).unwrap_or(u64::MAX),
    }
}
