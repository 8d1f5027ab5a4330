//! Armed faults: waits for triggers, takes actions, tells the journal which fired.
//!
//! Whoever sees something happen calls in here at once: the recording client with every frame it reads, the stub model
//! at every gate, the injector at every touch of a file. The action is taken before the caller goes on, and a gate opens again only when the life that the
//! action ends is over, so that nothing of the old life happens after its fault. A ladder goes on by itself, rung by
//! rung, as long as the life is there.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::client::Rung;
use super::plan::{Action, Cut, Edge, Fault, Rehydration, Trigger};
use super::touch::{self, Touch};
use crate::journal::{CallId, FaultFired, Journal, Kind, Lane};
use crate::model::gate::{Gate, Point};

/// The running lives, as far as a fault can touch them.
pub trait Hands: Send + Sync {
    /// Acts at once, on the life that `call` was sent to. Nothing happens if that is over.
    fn act(&self, call: CallId, action: Action);
    /// Ready when the life that `call` was sent to has ended.
    fn ended(&self, call: CallId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// What that life was kept from doing to its files happens now.
    fn release(&self, call: CallId);
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
    /// How often what ends a hold has been seen.
    until_seen: u32,
    held: bool,
}

/// A fault that has fired at a file: what becomes of the touch, and who is to take its action.
#[derive(Clone, Debug)]
pub struct Due {
    /// The call whose fault it is.
    pub call: CallId,
    /// The fault.
    pub fault: Fault,
    /// How many bytes of the write land first.
    pub lands: u64,
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
        self.lock().push(Waiting { call, name, fault, seen: 0, fired: false, until_seen: 0, held: false });
    }

    /// The call has ended: its fault no longer waits, and is journalled as not fired if it has not. Says whether one has
    /// fired that ends the life.
    pub fn disarm(&self, call: CallId) -> bool {
        let gone: Vec<Waiting> = self.lock().extract_if(.., |w| w.call == call).collect();
        for waiting in gone.iter().filter(|w| !w.fired) {
            self.tell(waiting, false);
        }
        if gone.iter().any(|w| w.held) {
            self.release(call);
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

    /// Whether a fault of a call that is `ours` waits for something that is done to files of that path.
    pub fn names(&self, ours: &dyn Fn(CallId) -> bool, path: &str) -> bool {
        let named = |w: &&Waiting| !w.fired && touch::names(&w.fault.at, path);
        let calls: Vec<CallId> = self.lock().iter().filter(named).map(|w| w.call).collect();
        calls.into_iter().any(ours)
    }

    /// A life is about to touch a file. The fault that fires at it is given to whoever holds the life's files, to let
    /// happen what is to happen first and then [take](Self::take) the action.
    pub fn touched(&self, ours: &dyn Fn(CallId) -> bool, touch: &Touch<'_>) -> Option<Due> {
        // Asked without the lock, because whoever knows whose a call is may be about to ask here.
        let calls: Vec<CallId> =
            self.lock().iter().filter(|w| !w.fired && w.fault.at.is_about_files()).map(|w| w.call).collect();
        let calls: Vec<CallId> = calls.into_iter().filter(|call| ours(*call)).collect();
        let mut due = None;
        for waiting in self.lock().iter_mut().filter(|w| !w.fired && calls.contains(&w.call)) {
            let Some(lands) = touch::reaches(&mut waiting.seen, &waiting.fault.at, touch) else { continue };
            if due.is_none() {
                (waiting.fired, waiting.held) = (true, waiting.fault.what == Action::Hold);
                self.tell(waiting, true);
                due = Some(Due { call: waiting.call, fault: waiting.fault.clone(), lands });
            }
        }
        due
    }

    /// The fault of a call has fired, as a record says; its action was taken then.
    pub fn fire(&self, call: CallId) {
        for waiting in self.lock().iter_mut().filter(|w| w.call == call && !w.fired) {
            waiting.fired = true;
            self.tell(waiting, true);
        }
    }

    /// Takes the action of a fault that fired at a file. Must be called within a tokio runtime.
    pub fn take(&self, due: &Due) {
        let Some(hands) = self.hands.get() else { return };
        hands.act(due.call, due.fault.what);
        if !due.fault.then.is_empty() {
            tokio::spawn(climb(Arc::clone(hands), due.call, due.fault.then.clone()));
        }
    }

    fn release(&self, call: CallId) {
        if let Some(hands) = self.hands.get() {
            hands.release(call);
        }
    }

    /// Takes the actions that are due; says whether one of them ends the life.
    fn see(&self, call: Option<CallId>, seen: Seen<'_>) -> bool {
        let (mut due, mut released) = (Vec::new(), Vec::new());
        for waiting in self.lock().iter_mut() {
            if waiting.held
                && call.is_none_or(|c| c == waiting.call)
                && let Some(until) = &waiting.fault.until
                && matches(&mut waiting.until_seen, until, seen)
            {
                waiting.held = false;
                released.push(waiting.call);
            }
            if !waiting.fired
                && call.is_none_or(|c| c == waiting.call)
                && matches(&mut waiting.seen, &waiting.fault.at, seen)
            {
                waiting.fired = true;
                self.tell(waiting, true);
                due.push((waiting.call, waiting.fault.what, waiting.fault.then.clone()));
            }
        }
        released.into_iter().for_each(|call| self.release(call));
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
            Trigger::Write { path, op, n, byte } => write!(f, "{} #{n} of {path}{}", op.name(), within(*byte)),
            Trigger::Record { kind, n, byte } => write!(f, "record {kind} #{n}{}", within(*byte)),
            Trigger::Read { path, n } => write!(f, "read #{n} of {path}"),
            Trigger::Sync { path, n } => write!(f, "sync #{n} of {path}"),
        }
    }
}

fn within(byte: Cut) -> String {
    match byte {
        Cut::Nothing => String::new(),
        Cut::Bytes(bytes) => format!(" at byte {bytes}"),
        Cut::Half => " at its half".to_owned(),
        Cut::ButLast => " before its last byte".to_owned(),
        Cut::All => " after its last byte".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fault::plan::{FileError, FileOp};
    use crate::fault::write::{Attempt, Op};
    use crate::journal::Redactor;
    use crate::journal::testing::header;

    /// Remembers what it was told to do.
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Told {
        fn said(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl Hands for Told {
        fn act(&self, call: CallId, action: Action) {
            self.0.lock().unwrap().push(format!("{call}: {action:?}"));
        }

        fn ended(&self, _: CallId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(std::future::ready(()))
        }

        fn release(&self, call: CallId) {
            self.0.lock().unwrap().push(format!("{call}: release"));
        }
    }

    fn armed() -> (Armed, Arc<Told>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::create(dir.path(), &header("", 0), Redactor::new([]), || 0).unwrap();
        let (armed, told) = (Armed::new(journal), Arc::new(Told::default()));
        armed.set_hands(told.clone());
        (armed, told, dir)
    }

    fn write_to_sessions() -> Trigger {
        Trigger::Write { path: "sessions/*".to_owned(), op: FileOp::Write, n: 1, byte: Cut::Nothing }
    }

    /// A write to a session file by the life that calls with these numbers were sent to.
    fn touched(armed: &Armed, calls: &[CallId]) -> Option<Due> {
        let path = Path::new("/run/home/sessions/a");
        let attempt = Attempt { order: 1, tid: 1, op: Op::Write, path, to: None, offset: 0, data: b"abc" };
        armed.touched(&|call| calls.contains(&call), &Touch { attempt: &attempt, path: "sessions/a" })
    }

    #[test]
    fn what_is_held_goes_on_when_that_has_come_which_it_waits_for() {
        let (armed, told, _dir) = armed();
        let until = Some(Trigger::Frame { name: "answer".to_owned(), n: 2 });
        armed.arm(3, "f".to_owned(), Fault { until, ..Fault::new(write_to_sessions(), Action::Hold) });
        assert_eq!(touched(&armed, &[3]).map(|due| due.fault.what), Some(Action::Hold));
        armed.frame(Some(3), "answer");
        assert_eq!(told.said(), [""; 0]);
        armed.frame(Some(3), "answer");
        assert_eq!(told.said(), ["3: release"]);
        armed.disarm(3);
        assert_eq!(told.said(), [""; 0], "it is let go once");
    }

    #[test]
    fn what_is_held_waits_no_longer_than_its_call() {
        let (armed, told, _dir) = armed();
        let until = Some(Trigger::ModelEnd);
        armed.arm(3, "f".to_owned(), Fault { until, ..Fault::new(write_to_sessions(), Action::Hold) });
        assert!(touched(&armed, &[3]).is_some());
        assert!(!armed.disarm(3), "it ends no life");
        assert_eq!(told.said(), ["3: release"]);
    }

    #[test]
    fn a_life_s_writes_fire_only_the_faults_of_its_own_calls() {
        let (armed, _told, _dir) = armed();
        let what = Action::Errno { error: FileError::NoSpace, lasting: false };
        armed.arm(1, "f".to_owned(), Fault::new(write_to_sessions(), what));
        assert!(armed.names(&|call| call == 1, "sessions/a") && !armed.names(&|call| call == 2, "sessions/a"));
        assert!(touched(&armed, &[2]).is_none());
        assert_eq!(touched(&armed, &[1, 2]).map(|due| due.call), Some(1));
        assert!(touched(&armed, &[1, 2]).is_none(), "it fires once");
    }
}
