//! The record, played into a new journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::{Cut, Recording};
use crate::fault::armed::Armed;
use crate::fault::power::{Files, Written};
use crate::journal::{
    Answer, AnswerOutcome, Call, CallId, Death, Event, Exit, FileOp, Incarnation, Journal, Kind, Lane, NEVER_DONE, Seq,
    WriteSeen,
};
use crate::target::speech::called;
use crate::target::{Ask, Pending, TargetError};

/// How a killed process ends.
const SIGKILL: i32 = 9;

/// See the module.
pub(super) struct Tape {
    recording: Arc<Recording>,
    cut: Cut,
    journal: Journal,
    armed: Arc<Armed>,
    /// The next event of the record.
    at: usize,
    /// Numbers of the record, and what they are in the new journal.
    numbers: BTreeMap<Seq, Seq>,
    /// Calls that were sent and not answered yet.
    open: BTreeMap<CallId, Open>,
    /// What the lives have written so far.
    written: Written,
    life: Option<Incarnation>,
    /// The process of the recorded life has ended.
    exited: bool,
    /// The death at the cut has come.
    dead: bool,
    over: bool,
    /// Files that were laid so far.
    laid: Files,
}

/// A call that was sent.
struct Open {
    /// The journal's word for it, until the record's own comes.
    call: Option<Call>,
    done: oneshot::Sender<Answer>,
}

impl Tape {
    pub(super) fn new(recording: Arc<Recording>, cut: Cut, journal: Journal, armed: Arc<Armed>) -> Tape {
        Tape {
            recording,
            cut,
            journal,
            armed,
            at: 0,
            numbers: BTreeMap::new(),
            open: BTreeMap::new(),
            written: Written::default(),
            life: None,
            exited: false,
            dead: false,
            over: false,
            laid: Files::new(),
        }
    }

    /// The life in which the death comes is buried: what follows is no part of the record.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn is_alive(&self) -> bool {
        self.life.is_some() && !self.exited && !self.dead
    }

    /// Begins a recorded life.
    pub(super) fn open(&mut self, incarnation: Incarnation) -> Result<(), TargetError> {
        self.journal.begin_incarnation(incarnation);
        (self.life, self.exited) = (Some(incarnation), false);
        self.copy(|event| matches!(event.kind, Kind::Life(_)))?;
        if self.dead {
            return Err(TargetError::harness("the record ends before its first life is opened; cut it later"));
        }
        Ok(())
    }

    /// Answers a call as the record does, if it comes to that.
    pub(super) fn send(&mut self, ask: Ask) -> Result<Pending, TargetError> {
        let (done, answer) = oneshot::channel();
        let call = ask.call;
        self.open.insert(call, Open { call: Some(called(ask, Vec::new())), done });
        if self.dead {
            self.close();
            return Ok(Pending(answer));
        }
        // Up to where the player does something next: another call of this step, or the next step. What follows that may be
        // its doing.
        let next = call + 1;
        let is_mine = |event: &Event| matches!(&event.kind, Kind::Call(other) if other.call == call);
        if !self.recording.run.events.iter().any(is_mine) {
            return Err(TargetError::harness(format!("the record has no call {call}; record the story anew")));
        }
        self.copy_before(|event, open| match &event.kind {
            Kind::Call(call) => call.call == next,
            Kind::Step(_) => open == 0,
            Kind::Death(_) => true,
            _ => false,
        })?;
        Ok(Pending(answer))
    }

    /// Ends the life: by the death at the cut, or as it ended in the record.
    pub(super) fn bury(&mut self) -> Result<(), TargetError> {
        if !self.dead {
            self.copy(|event| matches!(event.kind, Kind::Death(_)))?;
        }
        self.life = None;
        if !self.dead {
            return Ok(());
        }
        let exit = self.numbers.values().next_back().copied();
        let death = Death { from: exit.into_iter().collect(), asked: Some("KILL".to_owned()) };
        self.append(Lane::Target, Kind::Death(death));
        self.over = true;
        Ok(())
    }

    /// Takes events up to and with the first that is the last.
    fn copy(&mut self, last: impl Fn(&Event) -> bool) -> Result<(), TargetError> {
        let mut found = false;
        self.copy_before(|event, _| std::mem::replace(&mut found, last(event)))
    }

    /// Takes events up to the first that the player is to come to by itself, or to the cut. `stop` is told how many calls
    /// are open.
    fn copy_before(&mut self, mut stop: impl FnMut(&Event, usize) -> bool) -> Result<(), TargetError> {
        let recording = Arc::clone(&self.recording);
        while let Some(event) = recording.run.events.get(self.at) {
            if stop(event, self.open.len()) {
                break;
            }
            if event.seq >= self.cut.before {
                self.die(event);
                break;
            }
            self.written.follow(event, &recording.run.blobs);
            self.at += 1;
            if event.lane != Lane::Player {
                self.take(event)?;
            }
        }
        self.lay()
    }

    fn take(&mut self, event: &Event) -> Result<(), TargetError> {
        if let Kind::Fault(fault) = &event.kind {
            // Whoever armed it tells of it.
            fault.call.filter(|_| fault.fired).into_iter().for_each(|call| self.armed.fire(call));
            return Ok(());
        }
        self.exited |= matches!(event.kind, Kind::Exit(_));
        let mut kind = self.here(&event.kind)?;
        let renumber = |from: &mut Vec<Seq>| {
            *from = from.iter().filter_map(|seq| self.numbers.get(seq)).copied().collect();
        };
        match &mut kind {
            Kind::Call(call) => {
                renumber(&mut call.from);
                let asked = self.open.get_mut(&call.call).and_then(|open| open.call.take());
                call.faulted = asked.is_some_and(|asked| asked.faulted);
            }
            Kind::Answer(answer) => renumber(&mut answer.from),
            Kind::Settings(settings) => renumber(&mut settings.from),
            Kind::Shown(shown) => renumber(&mut shown.from),
            Kind::Life(life) => renumber(&mut life.from),
            Kind::Death(death) => renumber(&mut death.from),
            Kind::ModelRequest(request) => renumber(&mut request.from),
            _ => {}
        }
        let answer = match &kind {
            Kind::Answer(answer) => Some(answer.clone()),
            _ => None,
        };
        let seq = self.append(event.lane, kind);
        self.numbers.insert(event.seq, seq);
        if let Some(answer) = answer
            && let Some(open) = self.open.remove(&answer.call)
        {
            let _ = open.done.send(answer);
        }
        Ok(())
    }

    /// The death at the cut; `event` is the first that does not happen, but for some bytes of it.
    fn die(&mut self, event: &Event) {
        if std::mem::replace(&mut self.dead, true) {
            return;
        }
        for call in self.open.keys() {
            self.armed.fire(*call);
        }
        if let (Kind::Write(seen), true) = (&event.kind, event.seq == self.cut.before) {
            let cut = Kind::Write(cut_short(seen.clone(), self.cut.landed));
            if let Ok(here) = self.here(&cut) {
                self.append(Lane::Fault, here);
            }
            self.written.follow(&Event { kind: cut, ..event.clone() }, &self.recording.run.blobs);
        }
        let exit = self.append(Lane::Target, Kind::Exit(Exit { code: None, signal: Some(SIGKILL) }));
        self.numbers.insert(Seq::MAX, exit);
        self.close();
    }

    /// Ends the calls that nothing will answer.
    fn close(&mut self) {
        for (call, open) in std::mem::take(&mut self.open) {
            if let Some(call) = open.call {
                self.append(Lane::Client, Kind::Call(call));
            }
            let answer = Answer {
                from: self.numbers.get(&Seq::MAX).copied().into_iter().collect(),
                call,
                outcome: AnswerOutcome::Closed,
                id_returned: None,
                text: String::new(),
                notes: Vec::new(),
                error_kind: None,
                raw: None,
            };
            self.append(Lane::Client, Kind::Answer(answer.clone()));
            let _ = open.done.send(answer);
        }
    }

    fn append(&self, lane: Lane, kind: Kind) -> Seq {
        match self.life {
            Some(life) => self.journal.of_life(life).append(lane, kind),
            None => self.journal.append(lane, kind),
        }
    }

    /// An event of the record as it is in the new run.
    fn here(&self, kind: &Kind) -> Result<Kind, TargetError> {
        let unread = |error: serde_json::Error| TargetError::harness(format!("an event of the record: {error}"));
        let text = serde_json::to_string(kind).map_err(unread)?;
        let (then, now) = (self.recording.dir.to_string_lossy(), self.journal.dir().to_string_lossy());
        // Most events name neither the directory nor a body that stands apart.
        if !text.contains(&*then) && !text.contains("\"blob\"") {
            return Ok(kind.clone());
        }
        let mut value: Value = serde_json::from_str(&text.replace(&*then, &now)).map_err(unread)?;
        self.bring_blobs(&mut value);
        serde_json::from_value(value).map_err(unread)
    }

    /// Puts the bodies that stand apart into the new run.
    fn bring_blobs(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                if let (1, Some(blob)) = (fields.len(), fields.get_mut("blob"))
                    && let Some(bytes) = blob
                        .get("sha256")
                        .and_then(Value::as_str)
                        .and_then(|name| self.recording.run.blobs.get(name).ok())
                    && let (Some(name), Some(there)) = (self.journal.blob(&self.renamed(bytes)), blob.get_mut("sha256"))
                {
                    *there = Value::String(name);
                }
                fields.values_mut().for_each(|value| self.bring_blobs(value));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.bring_blobs(value)),
            _ => {}
        }
    }

    /// Bytes of the record with the new run's directory.
    fn renamed(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let (then, now) = (self.recording.dir.to_string_lossy(), self.journal.dir().to_string_lossy());
        let (then, now) = (then.as_bytes(), now.as_bytes());
        if then.len() == now.len() {
            let places: Vec<usize> = memchr::memmem::find_iter(&bytes, then).collect();
            for at in places {
                if let Some(there) = bytes.get_mut(at..at + now.len()) {
                    there.copy_from_slice(now);
                }
            }
        }
        bytes
    }

    /// Leaves the session files as they are at this place of the record.
    fn lay(&mut self) -> Result<(), TargetError> {
        if let Some(gap) = self.written.gaps().first() {
            return Err(TargetError::harness(format!("the record does not say all that was written: {gap}")));
        }
        let files: Files = self.written.now().into_iter().map(|(path, bytes)| (path, self.renamed(bytes))).collect();
        let changed = |(path, bytes): &(&String, &Vec<u8>)| self.laid.get(*path) != Some(*bytes);
        for (path, bytes) in files.iter().filter(changed) {
            put(&self.real(path), bytes)
                .map_err(|error| TargetError::harness(format!("failed to write {path}: {error}")))?;
        }
        for path in self.laid.keys().filter(|path| !files.contains_key(*path)) {
            let _ = fs::remove_file(self.real(path));
        }
        self.laid = files;
        Ok(())
    }

    /// Where a file of the journal lies.
    fn real(&self, told: &str) -> PathBuf {
        match told.strip_prefix("../") {
            Some(beside) => self.journal.dir().join(beside),
            None => self.journal.dir().join("home").join(told),
        }
    }
}

/// What of it has happened when the program dies within it: of anything but a write nothing.
fn cut_short(seen: WriteSeen, landed: u64) -> WriteSeen {
    match seen.op {
        FileOp::Write => WriteSeen { landed: landed.min(seen.len), errno: None, ..seen },
        _ => WriteSeen { landed: 0, errno: Some(NEVER_DONE), ..seen },
    }
}

/// No path of a record leads out of its run: `..` stands at its beginning alone, which is taken off before.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if path.components().any(|part| matches!(part, std::path::Component::ParentDir)) {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "its path leads out of the run"));
    }
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    std::io::Write::write_all(&mut file, bytes)
}
