//! Armed faults: waits for triggers, takes actions, tells the journal which fired.
//!
//! Whoever sees something happen calls in here at once: the recording client with every frame it reads, the stub model
//! at every gate. The action is taken before the caller goes on, and a gate opens again only when the life that the
//! action ends is over, so that nothing of the old life happens after its fault. A ladder goes on by itself, rung by
//! rung, as long as the life is there.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::client::Rung;
use super::plan::{Action, Edge, Fault, Rehydration, Trigger};
use crate::journal::{CallId, FaultFired, Journal, Kind, Lane};
use crate::model::gate::{Gate, Point};

/// The running lives, as far as a fault can touch them.
pub trait Hands: Send + Sync {
    /// Acts at once, on the life that `call` was sent to. Nothing happens if that is over.
    fn act(&self, call: CallId, action: Action);
    /// Ready when the life that `call` was sent to has ended.
    fn ended(&self, call: CallId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The faults of the calls under way.
pub struct Armed {
    journal: Journal,
    hands: OnceLock<Arc<dyn Hands>>,
    faults: Mutex<Vec<Waiting>>,
}

struct Waiting {
    call: CallId,
    name: String,
    fault: Fault,
    seen: u32,
    fired: bool,
}

/// Something that a trigger may be waiting for.
#[derive(Clone, Copy, Debug)]
enum Seen<'a> {
    Sent,
    Frame(&'a str),
    Configured,
    Model(Point),
}

impl Armed {
    /// No faults yet.
    pub fn new(journal: Journal) -> Armed {
        Armed { journal, hands: OnceLock::new(), faults: Mutex::default() }
    }

    /// Says on whom actions are taken. Only the first call counts.
    pub fn set_hands(&self, hands: Arc<dyn Hands>) {
        let _ = self.hands.set(hands);
    }

    /// Arms a fault for a call that is about to be sent.
    pub fn arm(&self, call: CallId, name: String, fault: Fault) {
        self.lock().push(Waiting { call, name, fault, seen: 0, fired: false });
    }

    /// The call has ended: its fault no longer waits, and is journalled as not fired if it has not. Says whether one has
    /// fired that ends the life.
    pub fn disarm(&self, call: CallId) -> bool {
        let gone: Vec<Waiting> = self.lock().extract_if(.., |w| w.call == call).collect();
        for waiting in gone.iter().filter(|w| !w.fired) {
            self.tell(waiting, false);
        }
        gone.iter().any(|w| w.fired && matches!(w.fault.what, Action::Kill { .. } | Action::Eof))
    }

    /// The call's bytes are in the pipe.
    pub fn sent(&self, call: CallId) {
        self.see(Some(call), Seen::Sent);
    }

    /// A frame of that name was read; `call` where the frame says whose it is.
    pub fn frame(&self, call: Option<CallId>, name: &str) {
        self.see(call, Seen::Frame(name));
    }

    /// The thread of that call is there: its `session_configured`, or the result that starts, resumes or forks it.
    pub fn configured(&self, call: CallId) {
        self.see(Some(call), Seen::Configured);
    }

    /// Takes the actions that are due; says whether one of them ends the life.
    fn see(&self, call: Option<CallId>, seen: Seen<'_>) -> bool {
        let mut due = Vec::new();
        for waiting in self.lock().iter_mut() {
            if !waiting.fired
                && call.is_none_or(|c| c == waiting.call)
                && matches(&mut waiting.seen, &waiting.fault.at, seen)
            {
                waiting.fired = true;
                self.tell(waiting, true);
                due.push((waiting.call, waiting.fault.what, waiting.fault.then.clone()));
            }
        }
        let ends = due.iter().any(|(_, action, _)| matches!(action, Action::Kill { .. }));
        let Some(hands) = self.hands.get() else { return ends };
        for (call, action, then) in due {
            hands.act(call, action);
            if !then.is_empty() {
                tokio::spawn(climb(Arc::clone(hands), call, then));
            }
        }
        ends
    }

    fn tell(&self, waiting: &Waiting, fired: bool) {
        let at = waiting.fault.at.to_string();
        let event = FaultFired { name: waiting.name.clone(), at, call: Some(waiting.call), fired };
        self.journal.append(Lane::Fault, Kind::Fault(event));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes one rung after the other until the life is over.
async fn climb(hands: Arc<dyn Hands>, call: CallId, then: Vec<Rung>) {
    for rung in then {
        tokio::select! {
            biased;
            () = hands.ended(call) => return,
            () = tokio::time::sleep(Duration::from_millis(rung.after_ms)) => hands.act(call, rung.end),
        }
    }
}

impl Gate for Armed {
    fn reach(&self, call: CallId, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let ends = self.see(Some(call), Seen::Model(point));
        match self.hands.get() {
            Some(hands) if ends => hands.ended(call),
            _ => Box::pin(std::future::ready(())),
        }
    }
}

/// Whether this is what the trigger waits for; `count` counts frames of the right name so far.
fn matches(count: &mut u32, at: &Trigger, seen: Seen<'_>) -> bool {
    match (at, seen) {
        (Trigger::Sent | Trigger::Rehydration(Rehydration::Call), Seen::Sent) => true,
        (Trigger::Frame { name, n }, Seen::Frame(got)) if name == got => {
            *count += 1;
            *count == *n
        }
        (Trigger::Rehydration(Rehydration::Configured), Seen::Configured) => true,
        (Trigger::ModelRequest { n }, Seen::Model(Point::Request { n: got })) => *n == got,
        (Trigger::Rehydration(Rehydration::Model), Seen::Model(Point::Request { n: 1 })) => true,
        (Trigger::ModelChunk { n, edge }, Seen::Model(Point::Chunk { n: got, edge: side })) => {
            *n == got && *edge == side
        }
        (Trigger::ModelEnd, Seen::Model(Point::End)) => true,
        _ => false,
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trigger::Sent => f.write_str("sent"),
            Trigger::Frame { name, n } => write!(f, "frame {name} #{n}"),
            Trigger::ModelRequest { n } => write!(f, "model-request {n}"),
            Trigger::ModelChunk { n, edge: Edge::Before } => write!(f, "before model-chunk {n}"),
            Trigger::ModelChunk { n, edge: Edge::After } => write!(f, "after model-chunk {n}"),
            Trigger::ModelEnd => f.write_str("model-end"),
            Trigger::Rehydration(Rehydration::Call) => f.write_str("rehydration call"),
            Trigger::Rehydration(Rehydration::Configured) => f.write_str("rehydration configured"),
            Trigger::Rehydration(Rehydration::Model) => f.write_str("rehydration model"),
        }
    }
}
