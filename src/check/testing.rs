//! A builder of small journals by hand, for the tests of the checks.
//!
//! A [`Story`] is told turn by turn and is healthy unless a test says otherwise: prompts and replies carry markers, the
//! history grows, files appear, snapshots are taken at births and deaths, settings stay. A test then changes the one
//! thing it is about.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Invariant, Outcome, judge};
use crate::journal::*;
use crate::limits::Limits;
use crate::marker::{Carrier, Marker};

pub(super) const A: &str = "01a2019e-7c9d-7000-8000-00000000000a";
pub(super) const B: &str = "01a2019e-7c9d-7000-8000-00000000000b";
pub(super) const C: &str = "01a2019e-7c9d-7000-8000-00000000000c";
pub(super) const NOBODY: &str = "01a20000-0000-7000-8000-000000000000";
pub(super) const CWD: &str = "/run/project";

/// The profile of a target of that kind.
pub(super) fn profile(kind: TargetKind) -> TargetProfile {
    let dialect = match kind {
        TargetKind::CodexResume | TargetKind::CodexFork => Dialect::AppServer,
        _ => Dialect::Mcp,
    };
    TargetProfile {
        name: "target".into(),
        kind,
        dialect,
        level: Level::CodexCompatible,
        identity: if kind == TargetKind::CodexResume { Identity::Same } else { Identity::New },
        command: vec!["target".into()],
        version: None,
        note: None,
        unknown_id_error: None,
        daemon: false,
        tools: crate::journal::Tools::default(),
        rollouts: true,
    }
}

/// The prompt's marker of call `n`.
pub(super) fn p(n: CallId) -> Marker {
    Marker::new(Carrier::Prompt, 1, u64::from(n))
}

/// The reply's marker of call `n`.
pub(super) fn r(n: CallId) -> Marker {
    Marker::new(Carrier::Reply, 1, 1000 + u64::from(n))
}

/// The marker of the reasoning of call `n`.
pub(super) fn t(n: CallId) -> Marker {
    Marker::new(Carrier::Reasoning, 1, 2000 + u64::from(n))
}

fn item(role: Option<&str>, kind: &str, markers: Vec<Marker>) -> Item {
    let preview = markers.iter().map(Marker::to_string).collect::<Vec<_>>().join(" ");
    Item { role: role.map(str::to_owned), kind: kind.into(), markers, call_id: None, context: None, preview }
}

pub(super) fn user(marker: Marker) -> Item {
    Item { preview: format!("Say on. {marker}"), ..item(Some("user"), "message", vec![marker]) }
}

pub(super) fn assistant(marker: Marker) -> Item {
    Item { preview: format!("Noted. {marker}"), ..item(Some("assistant"), "message", vec![marker]) }
}

pub(super) fn reasoning(marker: Marker) -> Item {
    item(None, "reasoning", vec![marker])
}

pub(super) fn bare(role: &str, preview: &str) -> Item {
    Item { preview: preview.into(), ..item(Some(role), "message", Vec::new()) }
}

pub(super) fn context(tag: &str) -> Item {
    Item { context: Some(tag.into()), ..bare("user", tag) }
}

pub(super) fn tool_call(id: &str) -> Item {
    Item { call_id: Some(id.into()), ..item(None, "function_call", Vec::new()) }
}

pub(super) fn tool_output(id: &str) -> Item {
    Item { call_id: Some(id.into()), ..item(None, "function_call_output", Vec::new()) }
}

/// One call and what comes of it.
#[derive(Clone, Debug)]
pub(super) struct Say {
    pub(super) client: Option<String>,
    pub(super) thread: String,
    pub(super) kind: CallKind,
    pub(super) sent: Option<String>,
    pub(super) id_is: IdChoice,
    pub(super) returned: Option<String>,
    /// The history part of its model request; none if the model is not asked.
    pub(super) history: Option<Vec<Item>>,
    pub(super) outcome: AnswerOutcome,
    /// Instead of the reply with its marker.
    pub(super) text: Option<String>,
    pub(super) raw: Option<Value>,
    pub(super) notes: Vec<Note>,
    pub(super) faulted: bool,
    pub(super) cwd_told: Option<String>,
    pub(super) sandbox: String,
    pub(super) approval: String,
    pub(super) digest: Option<String>,
    pub(super) refused: Option<Refusal>,
    /// Whether the journal tells what was planted.
    pub(super) planted: bool,
}

impl Say {
    fn new(thread: &str, kind: CallKind, sent: Option<&str>, returned: &str) -> Say {
        Say {
            client: None,
            thread: thread.into(),
            kind,
            sent: sent.map(str::to_owned),
            id_is: IdChoice::Current,
            returned: Some(returned.into()),
            history: Some(Vec::new()),
            outcome: AnswerOutcome::Reply,
            text: None,
            raw: None,
            notes: Vec::new(),
            faulted: false,
            cwd_told: Some(CWD.into()),
            sandbox: "read-only".into(),
            approval: "on-request".into(),
            digest: Some("d1".into()),
            refused: None,
            planted: true,
        }
    }

    pub(super) fn start(thread: &str, id: &str) -> Say {
        Say::new(thread, CallKind::Start, None, id)
    }

    pub(super) fn reply(thread: &str, sent: &str, returned: &str, history: Vec<Item>) -> Say {
        Say { history: Some(history), ..Say::new(thread, CallKind::Reply, Some(sent), returned) }
    }

    /// A reply that is refused before the model is asked.
    pub(super) fn refused(thread: &str, sent: &str) -> Say {
        Say {
            outcome: AnswerOutcome::ToolError,
            history: None,
            text: Some(format!("Session not found for thread_id: {sent}")),
            ..Say::new(thread, CallKind::Reply, Some(sent), sent)
        }
    }
}

pub(super) fn note(kind: &str) -> Note {
    Note { kind: kind.into(), text: kind.into() }
}

/// A journal in the making.
pub(super) struct Story {
    dir: TempDir,
    pub(super) header: Header,
    pub(super) events: Vec<Event>,
    pub(super) incarnation: Incarnation,
    pub(super) calls: CallId,
    histories: BTreeMap<String, Vec<Item>>,
    /// Session files as they are now.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Of the lives that begin from now on.
    pub(super) home: Option<String>,
    pub(super) credentials: Option<String>,
}

impl Story {
    pub(super) fn new(kind: TargetKind) -> Story {
        let scenario = ScenarioHeader {
            name: "idle/kill-9".into(),
            title: "a story".into(),
            source: String::new(),
            proves: vec!["durable".into()],
        };
        let header = Header {
            format: FORMAT,
            rehydra: "0".into(),
            started: "2026-11-22T00:00:00Z".into(),
            seed: 1,
            scenario,
            target: profile(kind),
            limits: Limits::default(),
        };
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (events, histories, files) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let (home, credentials) = (None, None);
        Story { dir, header, events, incarnation: 0, calls: 0, histories, files, home, credentials }
    }

    /// Our server: a thread `main` with one turn, killed and started again.
    pub(super) fn restarted() -> Story {
        Story::restarted_on(TargetKind::Builtin)
    }

    pub(super) fn restarted_on(kind: TargetKind) -> Story {
        let mut story = Story::new(kind);
        story.life();
        story.say(Say::start("main", A));
        story.restart();
        story
    }

    pub(super) fn push(&mut self, lane: Lane, kind: Kind) -> Seq {
        let event = self.event(lane, kind);
        let seq = event.seq;
        self.events.push(event);
        seq
    }

    fn event(&self, lane: Lane, kind: Kind) -> Event {
        let seq = self.events.len() as Seq + 1;
        Event { seq, at: seq, incarnation: self.incarnation, lane, kind }
    }

    pub(super) fn life(&mut self) {
        self.snapshot(SnapshotWhen::Birth);
        self.incarnation += 1;
        let process_cwd = format!("/run/life-{}", self.incarnation);
        self.push(
            Lane::Target,
            Kind::Life(Life {
                from: Vec::new(),
                process_cwd,
                home: self.home.clone(),
                credentials: self.credentials.clone(),
            }),
        );
    }

    pub(super) fn death(&mut self, asked: Option<&str>) {
        self.push(Lane::Target, Kind::Death(Death { from: Vec::new(), asked: asked.map(str::to_owned) }));
        self.snapshot(SnapshotWhen::Death);
    }

    /// Tells of something in a life that is not the newest.
    pub(super) fn of_life<T>(&mut self, life: Incarnation, tell: impl FnOnce(&mut Story) -> T) -> T {
        let newest = std::mem::replace(&mut self.incarnation, life);
        let told = tell(self);
        self.incarnation = newest;
        told
    }

    /// Tells one call to a life that is not the newest.
    pub(super) fn say_in(&mut self, life: Incarnation, say: Say) -> CallId {
        self.of_life(life, |story| story.say(say))
    }

    pub(super) fn death_of(&mut self, life: Incarnation, asked: Option<&str>) {
        self.of_life(life, |story| story.death(asked));
    }

    pub(super) fn restart(&mut self) {
        self.death(Some("KILL"));
        self.life();
    }

    /// What a correct server sends to the model for the thread, before the next prompt.
    pub(super) fn history(&self, thread: &str) -> Vec<Item> {
        self.histories.get(thread).cloned().unwrap_or_default()
    }

    pub(super) fn rollout_path(id: &str) -> String {
        format!("sessions/2026/11/22/rollout-2026-11-22T00-00-00-{id}.jsonl")
    }

    /// Tells one call with all that comes of it.
    pub(super) fn say(&mut self, say: Say) -> CallId {
        let call = self.call(&say);
        self.request(call, &say);
        self.answer(call, &say);
        call
    }

    pub(super) fn call(&mut self, say: &Say) -> CallId {
        self.calls += 1;
        let call = self.calls;
        if say.planted {
            self.push(Lane::Player, Kind::Planted(Planted { call, markers: vec![r(call)] }));
        }
        let start = say.kind == CallKind::Start;
        let event = Call {
            from: Vec::new(),
            call,
            step: call,
            client: say.client.clone(),
            thread: say.thread.clone(),
            kind: say.kind,
            id_sent: say.sent.clone(),
            id_is: (!start).then_some(say.id_is),
            marker: p(call),
            cwd: start.then(|| CWD.to_owned()),
            sandbox: start.then(|| "read-only".to_owned()),
            approval: start.then(|| "on-request".to_owned()),
            faulted: say.faulted,
            limit_ms: 20_000,
        };
        self.push(Lane::Client, Kind::Call(event));
        call
    }

    pub(super) fn request(&mut self, call: CallId, say: &Say) {
        let Some(history) = &say.history else { return };
        let mut items = history.clone();
        items.push(user(p(call)));
        let input: Vec<Value> = items.iter().map(|i| json!({"type": i.kind, "text": i.preview})).collect();
        let event = ModelRequest {
            from: Vec::new(),
            n: call,
            call: Some(call),
            of_turn: 1,
            items: items.clone(),
            cwd_told: say.cwd_told.clone(),
            credential_digest: say.digest.clone(),
            refused: say.refused.clone(),
            body: Body::Text(json!({"input": input}).to_string()),
        };
        self.push(Lane::Model, Kind::ModelRequest(event));
        if say.outcome == AnswerOutcome::Reply {
            items.push(assistant(r(call)));
            self.histories.insert(say.thread.clone(), items);
        }
    }

    pub(super) fn answer(&mut self, call: CallId, say: &Say) {
        let text = say.text.clone().unwrap_or_else(|| format!("Noted. {}", r(call)));
        let is_reply = say.outcome == AnswerOutcome::Reply;
        let event = Answer {
            from: Vec::new(),
            call,
            outcome: say.outcome,
            id_returned: say.returned.clone(),
            text,
            notes: say.notes.clone(),
            error_kind: None,
            raw: say.raw.clone(),
        };
        self.push(Lane::Client, Kind::Answer(event));
        if let (true, Some(id), Some(history)) = (is_reply, &say.returned, &say.history) {
            let settings = Settings {
                from: Vec::new(),
                call,
                cwd: say.cwd_told.clone(),
                sandbox: Some(say.sandbox.clone()),
                approval: Some(say.approval.clone()),
                source: SettingsSource::TurnContext,
            };
            self.push(Lane::Player, Kind::Settings(settings));
            let file = self.files.entry(Story::rollout_path(id)).or_default();
            file.extend_from_slice(format!("{{\"turn\":{call},\"items\":{}}}\n", history.len()).as_bytes());
        }
    }

    pub(super) fn snapshot(&mut self, when: SnapshotWhen) {
        self.push(Lane::Player, self.files_seen(when));
    }

    fn files_seen(&self, when: SnapshotWhen) -> Kind {
        let blobs = BlobStore::new(self.dir.path());
        let files = self.files.iter().map(|(path, bytes)| {
            let sha256 = blobs.put(bytes).expect("the blob is written");
            let (len, blob) = (bytes.len() as u64, Some(sha256.clone()));
            SnapshotFile { path: path.clone(), len, sha256, mode: 0o600, blob }
        });
        Kind::Snapshot(Snapshot { when, files: files.collect() })
    }

    pub(super) fn frame(&mut self, direction: Direction, text: &str) -> Seq {
        let frame = Frame { direction, bytes: Body::Text(text.into()), partial: false };
        self.push(Lane::Client, Kind::Frame(frame))
    }

    pub(super) fn fault(&mut self, call: CallId, fired: bool) {
        let (name, at) = (format!("step {call}"), "model-request 1".to_owned());
        self.push(Lane::Fault, Kind::Fault(FaultFired { name, at, call: Some(call), fired }));
    }

    pub(super) fn place(&mut self, thread: &str, id: &str, markers: Vec<Marker>) {
        let path = Story::rollout_path(id);
        self.files.insert(path.clone(), b"{}\n".to_vec());
        let placed = Placed {
            thread: thread.into(),
            id: id.into(),
            path,
            markers,
            unacknowledged: Vec::new(),
            cwd: Some(CWD.into()),
            sandbox: Some("read-only".into()),
            approval: Some("on-request".into()),
            complete: true,
            beside: Vec::new(),
        };
        self.push(Lane::Player, Kind::Placed(placed));
    }

    pub(super) fn damage(&mut self, thread: &str, id: &str, destroyed: Vec<Marker>) {
        let path = Story::rollout_path(id);
        if let Some(bytes) = self.files.get_mut(&path) {
            bytes.truncate(bytes.len() / 2);
        }
        let state = || FileState { len: 0, sha256: String::new() };
        let (thread, mutator) = (Some(thread.to_owned()), "torn-tail".to_owned());
        let done = DamageDone { path, thread, mutator, before: state(), after: state(), destroyed };
        self.push(Lane::Player, Kind::Damage(done));
    }

    pub(super) fn file_step(&mut self, mutator: &str, path: &str) {
        let state = || FileState { len: 0, sha256: String::new() };
        let (path, mutator) = (path.to_owned(), mutator.to_owned());
        let done = DamageDone { path, thread: None, mutator, before: state(), after: state(), destroyed: Vec::new() };
        self.push(Lane::Player, Kind::Damage(done));
    }

    /// The journal of the story, recorded to its end.
    pub(super) fn run(&self) -> Run {
        let blobs = BlobStore::new(self.dir.path());
        let mut events = self.events.clone();
        events.push(self.event(Lane::Player, self.files_seen(SnapshotWhen::End)));
        Run { header: self.header.clone(), events, blobs, cut_short: false }
    }

    /// What the check of one invariant says.
    pub(super) fn says(&self, invariant: Invariant) -> Outcome {
        outcome_of(&judge(&self.run(), None), invariant)
    }

    /// The names of the invariants that fire.
    pub(super) fn fired(&self) -> Vec<&'static str> {
        let outcomes = judge(&self.run(), None);
        outcomes.iter().filter(|(_, o)| !o.findings().is_empty()).map(|(i, _)| i.name()).collect()
    }
}

pub(super) fn outcome_of(outcomes: &[(Invariant, Outcome)], invariant: Invariant) -> Outcome {
    let found = outcomes.iter().find(|(i, _)| *i == invariant);
    found.map(|(_, outcome)| outcome.clone()).expect("every invariant is judged")
}

/// The text of the first finding.
pub(super) fn text(outcome: &Outcome) -> &str {
    outcome.findings().first().map(|f| f.text.as_str()).unwrap_or_else(|| panic!("no finding but {outcome:?}"))
}

pub(super) fn is_unjudged(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unjudged(_))
}
