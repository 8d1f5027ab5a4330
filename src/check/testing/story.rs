//! The journal that a story makes.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{A, CWD, Say, assistant, outcome_of, p, profile, r, user};
use crate::check::{Invariant, Outcome, judge};
use crate::journal::*;
use crate::limits::Limits;
use crate::marker::Marker;

/// A journal in the making.
pub(in crate::check) struct Story {
    dir: TempDir,
    pub(in crate::check) header: Header,
    pub(in crate::check) events: Vec<Event>,
    pub(in crate::check) incarnation: Incarnation,
    pub(in crate::check) calls: CallId,
    histories: BTreeMap<String, Vec<Item>>,
    /// Session files as they are now.
    pub(in crate::check) files: BTreeMap<String, Vec<u8>>,
    /// Of the lives that begin from now on.
    pub(in crate::check) home: Option<String>,
    pub(in crate::check) credentials: Option<String>,
}

impl Story {
    pub(in crate::check) fn new(kind: TargetKind) -> Story {
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
    pub(in crate::check) fn restarted() -> Story {
        Story::restarted_on(TargetKind::Builtin)
    }

    pub(in crate::check) fn restarted_on(kind: TargetKind) -> Story {
        let mut story = Story::new(kind);
        story.life();
        story.say(Say::start("main", A));
        story.restart();
        story
    }

    pub(in crate::check) fn push(&mut self, lane: Lane, kind: Kind) -> Seq {
        let event = self.event(lane, kind);
        let seq = event.seq;
        self.events.push(event);
        seq
    }

    fn event(&self, lane: Lane, kind: Kind) -> Event {
        let seq = self.events.len() as Seq + 1;
        Event { seq, at: seq, incarnation: self.incarnation, lane, kind }
    }

    pub(in crate::check) fn life(&mut self) {
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
                target: None,
            }),
        );
    }

    /// A life of another server.
    pub(in crate::check) fn life_of(&mut self, target: TargetProfile) {
        self.snapshot(SnapshotWhen::Birth);
        self.incarnation += 1;
        let (name, target) = (target.name.clone(), Some(Box::new(target)));
        let (argv, cwd, env) = (Vec::new(), "/run".to_owned(), Vec::new());
        self.push(
            Lane::Target,
            Kind::Spawn(Spawn { pid: 1, argv, cwd: cwd.clone(), env, target, watched: Watched::Nothing }),
        );
        let life = Life { from: Vec::new(), process_cwd: cwd, home: None, credentials: None, target: Some(name) };
        self.push(Lane::Target, Kind::Life(life));
    }

    pub(in crate::check) fn death(&mut self, asked: Option<&str>) {
        self.push(Lane::Target, Kind::Death(Death { from: Vec::new(), asked: asked.map(str::to_owned) }));
        self.snapshot(SnapshotWhen::Death);
    }

    /// Tells of something in a life that is not the newest.
    pub(in crate::check) fn of_life<T>(&mut self, life: Incarnation, tell: impl FnOnce(&mut Story) -> T) -> T {
        let newest = std::mem::replace(&mut self.incarnation, life);
        let told = tell(self);
        self.incarnation = newest;
        told
    }

    /// Tells one call to a life that is not the newest.
    pub(in crate::check) fn say_in(&mut self, life: Incarnation, say: Say) -> CallId {
        self.of_life(life, |story| story.say(say))
    }

    pub(in crate::check) fn death_of(&mut self, life: Incarnation, asked: Option<&str>) {
        self.of_life(life, |story| story.death(asked));
    }

    pub(in crate::check) fn restart(&mut self) {
        self.death(Some("KILL"));
        self.life();
    }

    /// What a correct server sends to the model for the thread, before the next prompt.
    pub(in crate::check) fn history(&self, thread: &str) -> Vec<Item> {
        self.histories.get(thread).cloned().unwrap_or_default()
    }

    pub(in crate::check) fn rollout_path(id: &str) -> String {
        format!("sessions/2026/11/22/rollout-2026-11-22T00-00-00-{id}.jsonl")
    }

    /// Tells one call with all that comes of it.
    pub(in crate::check) fn say(&mut self, say: Say) -> CallId {
        let call = self.call(&say);
        self.request(call, &say);
        self.answer(call, &say);
        call
    }

    pub(in crate::check) fn call(&mut self, say: &Say) -> CallId {
        self.calls += 1;
        let call = self.calls;
        if say.planted {
            self.push(Lane::Player, Kind::Planted(Planted { call, markers: vec![r(call)], effects: Vec::new() }));
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

    pub(in crate::check) fn request(&mut self, call: CallId, say: &Say) {
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

    pub(in crate::check) fn answer(&mut self, call: CallId, say: &Say) {
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

    pub(in crate::check) fn snapshot(&mut self, when: SnapshotWhen) {
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

    pub(in crate::check) fn frame(&mut self, direction: Direction, text: &str) -> Seq {
        let frame = Frame { direction, bytes: Body::Text(text.into()), partial: false };
        self.push(Lane::Client, Kind::Frame(frame))
    }

    pub(in crate::check) fn fault(&mut self, call: CallId, fired: bool) {
        let (name, at) = (format!("step {call}"), "model-request 1".to_owned());
        self.push(Lane::Fault, Kind::Fault(FaultFired { name, at, call: Some(call), fired }));
    }

    pub(in crate::check) fn place(&mut self, thread: &str, id: &str, markers: Vec<Marker>) {
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

    pub(in crate::check) fn damage(&mut self, thread: &str, id: &str, destroyed: Vec<Marker>) {
        let path = Story::rollout_path(id);
        if let Some(bytes) = self.files.get_mut(&path) {
            bytes.truncate(bytes.len() / 2);
        }
        let state = || FileState { len: 0, sha256: String::new() };
        let (thread, mutator) = (Some(thread.to_owned()), "torn-tail".to_owned());
        let done = DamageDone { path, thread, mutator, before: state(), after: state(), destroyed, refused: false };
        self.push(Lane::Player, Kind::Damage(done));
    }

    pub(in crate::check) fn file_step(&mut self, mutator: &str, path: &str) {
        let state = || FileState { len: 0, sha256: String::new() };
        let (path, mutator) = (path.to_owned(), mutator.to_owned());
        let done = DamageDone {
            path,
            thread: None,
            mutator,
            before: state(),
            after: state(),
            destroyed: Vec::new(),
            refused: false,
        };
        self.push(Lane::Player, Kind::Damage(done));
    }

    /// The journal of the story, recorded to its end.
    pub(in crate::check) fn run(&self) -> Run {
        let blobs = BlobStore::new(self.dir.path());
        let mut events = self.events.clone();
        events.push(self.event(Lane::Player, self.files_seen(SnapshotWhen::End)));
        Run { header: self.header.clone(), events, blobs, cut_short: false }
    }

    /// What the check of one invariant says.
    pub(in crate::check) fn says(&self, invariant: Invariant) -> Outcome {
        outcome_of(&judge(&self.run(), None), invariant)
    }

    /// The names of the invariants that fire.
    pub(in crate::check) fn fired(&self) -> Vec<&'static str> {
        let outcomes = judge(&self.run(), None);
        outcomes.iter().filter(|(_, o)| !o.findings().is_empty()).map(|(i, _)| i.name()).collect()
    }
}
