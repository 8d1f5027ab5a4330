//! Every point at which a recorded conversation could have been cut off.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::fault::plan::{Cut as Bytes, Trigger};
use crate::fault::power::{Files, Loss, Written};
use crate::journal::{CallId, Event, FileOp, Incarnation, Kind, Lane, NEVER_DONE, Run, WriteSeen, is_session_path};
use crate::target::past::Cut;

/// What the trigger of a live run names: the session files of whatever home.
pub(super) const SESSIONS: &str = "{,../home-*/}{sessions,archived_sessions,rehydra}{,/*}";

/// A point at which the server dies.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Where the record ends.
    pub cut: Cut,
    /// The life that dies.
    pub life: Incarnation,
    /// The step under way, or the last one.
    pub step: u32,
    /// The call under way.
    pub call: Option<CallId>,
    /// In words: `write 9 (turn_context) at byte 100 of 800`.
    pub what: String,
    /// What a live run waits for; none if no call is under way, or nothing is done to a file.
    pub at: Option<Trigger>,
    /// What the machine loses, where it stops with the server.
    pub loss: Option<Loss>,
}

/// The points of a run.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// How many there are.
    pub all: usize,
    /// Those that leave different files or different acknowledged turns, in the order of the run.
    pub distinct: Vec<Point>,
}

/// Lists the points of a recorded run. The first life must have been opened, and the last snapshot is behind all of them.
pub fn points(run: &Run) -> Points {
    let mut walk = Walk::new(run);
    for event in &run.events {
        walk.come_to(event);
        walk.pass(event);
    }
    walk.found
}

struct Walk<'r> {
    run: &'r Run,
    written: Written,
    found: Points,
    /// What the points so far leave.
    seen: BTreeSet<u64>,
    step: u32,
    life: Option<Incarnation>,
    open: BTreeSet<CallId>,
    answered: u32,
    /// How often each thing was done to a file since the newest call was planted.
    counts: BTreeMap<&'static str, u32>,
    writes: u32,
    /// How many of each other thing there were.
    others: BTreeMap<&'static str, u32>,
}

impl<'r> Walk<'r> {
    fn new(run: &'r Run) -> Walk<'r> {
        Walk {
            run,
            written: Written::default(),
            found: Points::default(),
            seen: BTreeSet::new(),
            step: 0,
            life: None,
            open: BTreeSet::new(),
            answered: 0,
            counts: BTreeMap::new(),
            writes: 0,
            others: BTreeMap::new(),
        }
    }

    /// The points right before an event, and within it.
    fn come_to(&mut self, event: &Event) {
        if self.life != Some(event.incarnation) || self.step == 0 {
            return;
        }
        match &event.kind {
            Kind::Write(seen) if is_session_path(&seen.path) && seen.op != FileOp::Read => self.touch(event, seen),
            Kind::Frame(_) => self.between(event, "frame"),
            Kind::ModelBytes(_) => self.between(event, "model's bytes"),
            Kind::Exit(_) => self.between(event, "exit"),
            _ => {}
        }
    }

    /// Right before something that is not done to a file.
    fn between(&mut self, event: &Event, what: &'static str) {
        let n = self.others.entry(what).or_default();
        *n += 1;
        let what = format!("before {what} {n}, after touch {}", self.writes);
        self.point(event, 0, what, None, self.written.clone());
    }

    fn touch(&mut self, event: &Event, seen: &WriteSeen) {
        self.writes += 1;
        let name = seen.op.name();
        let n = self.counts.entry(name).or_default();
        *n += 1;
        let n = *n;
        let of = seen.record_kind.as_deref().map(|kind| format!(" ({kind})")).unwrap_or_default();
        let number = self.writes;
        if seen.op != FileOp::Write {
            let path = SESSIONS.to_owned();
            let at = match seen.op {
                FileOp::Sync => Trigger::Sync { path, n },
                op => Trigger::Write { path, op, n, byte: Bytes::Nothing },
            };
            let what = format!("before touch {number}, {name} of {}", seen.path);
            return self.point(event, 0, what, Some(at), self.written.clone());
        }
        let len = seen.landed;
        // A live run's write may be some bytes longer or shorter: a duration has more digits.
        let cuts = [
            (0, Bytes::Nothing),
            (1, Bytes::Bytes(1)),
            (len / 2, Bytes::Half),
            (len.saturating_sub(1), Bytes::ButLast),
            (len, Bytes::All),
        ];
        for (landed, byte) in cuts {
            let part = Kind::Write(WriteSeen { landed, errno: (landed == 0).then_some(NEVER_DONE), ..seen.clone() });
            let mut written = self.written.clone();
            written.follow(&Event { kind: part, ..event.clone() }, &self.run.blobs);
            let what = format!("touch {number}, write{of}, at byte {landed} of {len}");
            let at = Trigger::Write { path: SESSIONS.to_owned(), op: FileOp::Write, n, byte };
            self.point(event, landed, what, Some(at), written);
        }
    }

    /// The death of the process there, and where nothing has landed every power loss.
    fn point(&mut self, event: &Event, landed: u64, what: String, at: Option<Trigger>, left: Written) {
        let at = at.filter(|_| !self.open.is_empty());
        self.found.all += 1;
        if self.is_new(&left.now()) {
            self.found.distinct.extend(self.made(event, landed, what.clone(), at.clone(), None));
        }
        if landed > 0 {
            return;
        }
        for loss in left.losses() {
            self.found.all += 1;
            if self.is_new(&left.after(loss)) {
                let what = format!("{what}, power loss with {loss}");
                self.found.distinct.extend(self.made(event, landed, what, at.clone(), Some(loss)));
            }
        }
    }

    /// Whether no point before leaves these files and turns.
    fn is_new(&mut self, files: &Files) -> bool {
        let mut hasher = DefaultHasher::new();
        (files, self.answered, &self.open, self.step, self.life).hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }

    fn made(&self, event: &Event, landed: u64, what: String, at: Option<Trigger>, loss: Option<Loss>) -> Option<Point> {
        let (life, call) = (self.life?, self.open.iter().next_back().copied());
        let cut = Cut { before: event.seq, landed };
        Some(Point { cut, life, step: self.step, call, what, at, loss })
    }

    /// What is so after an event.
    fn pass(&mut self, event: &Event) {
        self.written.follow(event, &self.run.blobs);
        match &event.kind {
            Kind::Step(step) => self.step = step.n,
            Kind::Life(_) => self.life = Some(event.incarnation),
            Kind::Exit(_) => self.life = None,
            Kind::Planted(_) if event.lane == Lane::Player => self.counts.clear(),
            Kind::Call(call) => drop(self.open.insert(call.call)),
            Kind::Answer(answer) => {
                self.open.remove(&answer.call);
                self.answered += 1;
            }
            _ => {}
        }
    }
}
