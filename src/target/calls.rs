//! The calls of one life: each ends exactly once, by whatever comes first.
//!
//! Taking a call out of the table is what ends it, so an answer, a time-out and the life's end cannot both win. The order
//! at an answer is the journal first, then the armed faults, then whoever waits: a fault at an answer acts before the
//! player can know of the answer. A second answer to the same id, or one that comes after the time-out, stays a raw frame.
//!
//! A call, and a request that is none of the story's (of the opening, for instance), is known by its *slot*, a number from
//! 0, counted anew in each life. In the dialect `mcp` the slot is the id on the wire, as real clients count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::fault::armed::Armed;
use crate::journal::{Answer, AnswerOutcome, CallId, Journal, Kind, Lane, Seq};

/// The answer to a request that is no call's.
#[derive(Debug)]
pub(super) struct Reply {
    /// The frame it was read from.
    pub(super) frame: Seq,
    /// Its `result` or `error`.
    pub(super) outcome: Result<Value, Value>,
}

enum Waiting {
    Call { call: CallId, done: oneshot::Sender<Answer>, timer: Option<AbortHandle> },
    Opening(oneshot::Sender<Reply>),
}

#[derive(Default)]
struct Table {
    next: i64,
    waiting: BTreeMap<i64, Waiting>,
    /// Calls that have ended too: their events may come late. With what is answered where an approval is asked for.
    known: BTreeMap<i64, (CallId, Option<bool>)>,
    over: bool,
}

impl Table {
    /// Takes out what waits in that slot, if it is of that kind.
    fn take(&mut self, id: i64, is: fn(&Waiting) -> bool) -> Option<Waiting> {
        if self.waiting.get(&id).is_some_and(is) { self.waiting.remove(&id) } else { None }
    }
}

/// See the module.
pub(super) struct Calls {
    journal: Journal,
    armed: Arc<Armed>,
    table: Mutex<Table>,
}

impl Calls {
    pub(super) fn new(journal: Journal, armed: Arc<Armed>) -> Calls {
        Calls { journal, armed, table: Mutex::default() }
    }

    /// A fresh slot.
    pub(super) fn number(&self) -> i64 {
        let mut table = self.lock();
        let id = table.next;
        table.next += 1;
        id
    }

    /// A call is about to be written; `approve` is what its approvals get.
    pub(super) fn open(&self, id: i64, call: CallId, approve: Option<bool>, done: oneshot::Sender<Answer>) {
        let mut table = self.lock();
        table.known.insert(id, (call, approve));
        if table.over {
            drop(table);
            return self.end(call, done, ended(call, AnswerOutcome::Closed, Vec::new()));
        }
        table.waiting.insert(id, Waiting::Call { call, done, timer: None });
    }

    /// A request that is no call's is about to be written. The sender is dropped when the life ends first.
    pub(super) fn ask(&self, id: i64, done: oneshot::Sender<Reply>) {
        let mut table = self.lock();
        if !table.over {
            table.waiting.insert(id, Waiting::Opening(done));
        }
    }

    /// The call's bytes are written: from now on its time runs.
    pub(super) fn time(self: &Arc<Self>, id: i64, limit: Duration) {
        let calls = Arc::clone(self);
        let running = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            calls.expire(id);
        });
        match self.lock().waiting.get_mut(&id) {
            Some(Waiting::Call { timer, .. }) => *timer = Some(running.abort_handle()),
            _ => running.abort(),
        }
    }

    /// The call's time is over.
    pub(super) fn expire(&self, id: i64) {
        let waiting = self.lock().waiting.remove(&id);
        if let Some(Waiting::Call { call, done, .. }) = waiting {
            self.end(call, done, ended(call, AnswerOutcome::Timeout, Vec::new()));
        }
    }

    /// A request that is no call's was answered; the reply comes back if the slot is a call's or nobody's.
    pub(super) fn replied(&self, id: i64, reply: Reply) -> Option<Reply> {
        let waiting = self.lock().take(id, |waiting| matches!(waiting, Waiting::Opening(_)));
        match waiting {
            Some(Waiting::Opening(done)) => done.send(reply).err(),
            _ => Some(reply),
        }
    }

    /// A call was answered.
    pub(super) fn answered(&self, id: i64, answer: impl FnOnce(CallId) -> Answer) {
        let waiting = self.lock().take(id, |waiting| matches!(waiting, Waiting::Call { .. }));
        if let Some(Waiting::Call { call, done, timer }) = waiting {
            if let Some(timer) = timer {
                timer.abort();
            }
            self.end(call, done, answer(call));
        }
    }

    /// Whether something still waits in that slot.
    pub(super) fn waits(&self, id: i64) -> bool {
        self.lock().waiting.contains_key(&id)
    }

    /// The call of a slot, ended or not.
    pub(super) fn call_of(&self, id: i64) -> Option<CallId> {
        self.lock().known.get(&id).map(|(call, _)| *call)
    }

    /// What is answered where an approval is asked for in that call: yes, no, or nothing. No, where nobody knows whose
    /// it is.
    pub(super) fn approve(&self, call: Option<CallId>) -> Option<bool> {
        let table = self.lock();
        let mut known = table.known.values();
        known.find(|(id, _)| Some(*id) == call).map_or(Some(false), |(_, approve)| *approve)
    }

    /// The slot in which a call still waits.
    pub(super) fn slot_of(&self, call: CallId) -> Option<i64> {
        let is = |waiting: &Waiting| matches!(waiting, Waiting::Call { call: c, .. } if *c == call);
        self.lock().waiting.iter().find(|(_, waiting)| is(waiting)).map(|(slot, _)| *slot)
    }

    /// The slot of the newest call, ended or not.
    pub(super) fn newest(&self) -> Option<i64> {
        self.lock().known.last_key_value().map(|(slot, _)| *slot)
    }

    /// Whether a call was sent to this life.
    pub(super) fn knows(&self, call: CallId) -> bool {
        self.lock().known.values().any(|(known, _)| *known == call)
    }

    /// The client took a call back by that frame.
    pub(super) fn cancelled(&self, id: i64, frame: Seq) {
        let waiting = self.lock().waiting.remove(&id);
        if let Some(Waiting::Call { call, done, timer }) = waiting {
            if let Some(timer) = timer {
                timer.abort();
            }
            self.end(call, done, ended(call, AnswerOutcome::Cancelled, vec![frame]));
        }
    }

    /// The life has ended with the event `exit`: so does every call.
    pub(super) fn close(&self, exit: Seq) {
        let waiting = {
            let mut table = self.lock();
            table.over = true;
            std::mem::take(&mut table.waiting)
        };
        for waiting in waiting.into_values() {
            if let Waiting::Call { call, done, timer } = waiting {
                if let Some(timer) = timer {
                    timer.abort();
                }
                self.end(call, done, ended(call, AnswerOutcome::Closed, vec![exit]));
            }
        }
    }

    fn end(&self, call: CallId, done: oneshot::Sender<Answer>, answer: Answer) {
        let unanswered = [AnswerOutcome::Closed, AnswerOutcome::Timeout, AnswerOutcome::Cancelled];
        let came = !unanswered.contains(&answer.outcome);
        self.journal.append(Lane::Client, Kind::Answer(answer.clone()));
        if came {
            self.armed.frame(Some(call), "answer");
        }
        // Whoever asked may not wait any more.
        let _ = done.send(answer);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An end without an answer.
pub(super) fn ended(call: CallId, outcome: AnswerOutcome, from: Vec<Seq>) -> Answer {
    let (id_returned, error_kind, raw) = (None, None, None);
    Answer { from, call, outcome, id_returned, text: String::new(), notes: Vec::new(), error_kind, raw }
}
