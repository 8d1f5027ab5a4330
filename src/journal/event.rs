//! What can happen in a run: every kind of event, and those of the story and its lives. What happens in a call, at the
//! model, to files and in raw bytes stands beside this file.
//!
//! Every enum here is closed and externally tagged (`{"answer": {…}}`): no `flatten`, no `untagged`, so that a reader in
//! any language finds the kind by its only key and an unknown field is an error.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};

use super::{
    Answer, Call, DamageDone, Exit, Frame, Missed, ModelBytes, ModelRequest, Planted, Settings, Shown, Snapshot, Spawn,
    Stderr, Unexpected, WriteSeen,
};
use crate::marker::Marker;

/// Position of an event in its journal, from 1. The header has none.
pub type Seq = u64;
/// Number of a call in its run, from 1, whatever id it had on the wire.
pub type CallId = u32;
/// Number of a life of the target's process, from 1; 0 before the first.
pub type Incarnation = u32;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its position.
    pub seq: Seq,
    /// Microseconds since the run began.
    pub at: u64,
    /// The life during which it happened.
    pub incarnation: Incarnation,
    /// Who saw it.
    pub lane: Lane,
    /// What it was.
    pub kind: Kind,
}

/// Who saw an event: one column of a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lane {
    /// The player that follows the scenario.
    Player,
    /// The recording client.
    Client,
    /// The target's process.
    Target,
    /// The stub model.
    Model,
    /// The fault engine.
    Fault,
}

/// What happened. The first group is raw, the second semantic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // each variant's struct says what it is
#[non_exhaustive]
pub enum Kind {
    Frame(Frame),
    Stderr(Stderr),
    Spawn(Spawn),
    Exit(Exit),
    ModelBytes(ModelBytes),

    Step(Step),
    Life(Life),
    Death(Death),
    Unopened(Unopened),
    Placed(Placed),
    Planted(Planted),
    Call(Call),
    Answer(Answer),
    Unexpected(Unexpected),
    Settings(Settings),
    Shown(Shown),
    ModelRequest(ModelRequest),
    Fault(FaultFired),
    Write(WriteSeen),
    Missed(Missed),
    Damage(DamageDone),
    Snapshot(Snapshot),
    Effect(Effect),
    Leftover(Leftover),
    Launched(Launched),
    Egress(Egress),
    Broken(Broken),
}

/// The player begins a step of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From 1, as in the file.
    pub n: u32,
    /// The step's key: `codex`, `reply`, `restart` ….
    pub what: String,
    /// Its line in the file, from 1.
    pub line: u32,
}

/// A life has begun: spawned and opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    pub from: Vec<Seq>,
    /// The process cwd of this life, never a thread's.
    pub process_cwd: String,
    /// The story's name of its home, where that is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// The story's name of its credential for the model, where that is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The name of the server, where it is another than the run's own; the life's `Spawn` says what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A life is over: exited, reaped, its pipes drained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Death {
    pub from: Vec<Seq>,
    /// What the player did to end it: `KILL`, `TERM`, `INT`, `eof`; `None` if it ended by itself.
    pub asked: Option<String>,
}

/// [`Placed::thread`] of the decoy.
pub const DECOY: &str = "decoy";

/// A rollout that the player put into the home: a synthetic one, a recorded one, or the decoy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// The scenario's name for the thread; [`DECOY`] for the decoy.
    pub thread: String,
    pub id: String,
    /// Below the home.
    pub path: String,
    /// What a correct server sends to the model for it, in order.
    pub markers: Vec<Marker>,
    /// Markers that may come back or not: of a turn without an end.
    pub unacknowledged: Vec<Marker>,
    pub cwd: Option<String>,
    pub sandbox: Option<String>,
    pub approval: Option<String>,
    /// It holds at least one complete turn.
    pub complete: bool,
    /// Further files that were put there with it, below the home.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
}

impl Placed {
    /// Every file that was put there, below the home.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.path).chain(&self.beside).map(String::as_str)
    }
}

/// A fault's trigger came and its action was taken, or the step ended without.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFired {
    pub name: String,
    /// The trigger in the scenario's words.
    pub at: String,
    pub call: Option<CallId>,
    pub fired: bool,
}

/// A life was begun and its conversation could not be opened, by the target's doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unopened {
    /// What it did instead, what it printed, and what to do: the first line is a sentence of its own.
    pub text: String,
}

/// A tool ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    pub name: String,
}

/// Processes of an ended life that were still there when the limit had passed, counted before the harness cleared up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leftover {
    pub pids: Vec<u32>,
    pub waited_ms: u64,
}

/// The harness itself failed; the run's verdict is `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// The step during which it failed.
    pub step: Option<u32>,
    /// What went wrong and what to do about it.
    pub text: String,
}

/// A server under test started the Codex of its run. Told when the life ends in which it was noticed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launched {
    /// The binary that ran.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What the server gave it, as far as it is kept.
    pub args: Vec<String>,
}

/// Something in the run asked the run's proxy for another host, and was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// `host:port` or `host`; none where it did not say so in HTTP.
    pub host: Option<String>,
}
