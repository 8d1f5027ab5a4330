//! What can happen in a run.
//!
//! Every enum here is closed and externally tagged (`{"answer": {…}}`): no `flatten`, no `untagged`, so that a reader in
//! any language finds the kind by its only key and an unknown field is an error.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Body;
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
pub enum Kind {
    Frame(Frame),
    Stderr(Stderr),
    Spawn(Spawn),
    Exit(Exit),
    ModelBytes(ModelBytes),

    Step(Step),
    Life(Life),
    Death(Death),
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
    Damage(DamageDone),
    Snapshot(Snapshot),
    Effect(Effect),
    Leftover(Leftover),
    Broken(Broken),
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From us to the target, or from the target to the model.
    In,
    /// From the target to us, or from the model to the target.
    Out,
}

/// One line on the target's stdin (`In`) or stdout (`Out`), without its newline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub direction: Direction,
    pub bytes: Body,
    /// The line had no newline: the writer died or closed in the middle of it.
    pub partial: bool,
}

/// One line of the target's stderr.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stderr {
    pub bytes: Body,
}

/// A process was started for this life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    pub pid: u32,
    pub argv: Vec<String>,
    pub cwd: String,
    /// Names of the environment variables it was given; values only of those that hold no secret.
    pub env: Vec<(String, String)>,
}

/// The process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
}

/// Bytes on a connection to the stub model: a request's head and body (`In`), a part of the answer (`Out`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelBytes {
    pub connection: u32,
    pub direction: Direction,
    pub bytes: Body,
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
}

/// A life is over: exited, reaped, its pipes drained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Death {
    pub from: Vec<Seq>,
    /// What the player did to end it: `KILL`, `TERM`, `INT`, `eof`; `None` if it ended by itself.
    pub asked: Option<String>,
}

/// A rollout that the player put into the home: a synthetic one, a recorded one, or the decoy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// The scenario's name for the thread; `decoy` for the decoy.
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
}

/// Whether a call begins a thread or continues one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// The tool `codex`, or `thread/start`.
    Start,
    /// The tool `codex-reply`, or `turn/start`.
    Reply,
}

/// Markers that the player put into what the model will say during a call. Journalled before the call, so that a check
/// tells the output of a turn without an end from something that never happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    pub call: CallId,
    /// Of its scripted responses, in order; the prompt's own marker stands in [`Call`].
    pub markers: Vec<Marker>,
}

/// We called the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub from: Vec<Seq>,
    pub call: CallId,
    pub step: u32,
    /// The scenario's name for the thread.
    pub thread: String,
    pub kind: CallKind,
    /// The thread id as it was sent, byte for byte.
    pub id_sent: Option<String>,
    /// How that id was chosen; `None` for a start.
    pub id_is: Option<IdChoice>,
    pub marker: Marker,
    /// Settings named in the call.
    pub cwd: Option<String>,
    pub sandbox: Option<String>,
    pub approval: Option<String>,
    /// The scenario gives this call a fault that may end it.
    pub faulted: bool,
    pub limit_ms: u64,
}

/// How the id of a reply was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdChoice {
    /// The newest id that the thread is known by.
    Current,
    /// The id it had first.
    First,
    /// The one before the newest.
    Previous,
    /// Written in the scenario.
    Literal,
}

/// How a call ended. Every call gets exactly one of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub from: Vec<Seq>,
    pub call: CallId,
    pub outcome: AnswerOutcome,
    pub id_returned: Option<String>,
    /// The first text block, or the error's message.
    pub text: String,
    pub notes: Vec<Note>,
    /// A machine-readable kind of error where the target gives one.
    pub error_kind: Option<String>,
    /// The result or error object as it came; `null` is one too, so an answer without any has no such field.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub raw: Option<Value>,
}

fn there<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}

/// See [`Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOutcome {
    /// A result without `isError`.
    Reply,
    /// A result with `isError`.
    ToolError,
    /// A JSON-RPC error.
    RpcError,
    /// The life ended first.
    Closed,
    /// Nothing within the limit.
    Timeout,
    /// We cancelled it.
    Cancelled,
}

/// A call ended otherwise than its scenario demands. No promise of the server's, but a failure of the story: it fails
/// the run unless a finding of the same or an earlier call is the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unexpected {
    pub call: CallId,
    /// In the scenario's words: `reply`, `an error matching …`.
    pub expected: String,
    pub got: String,
}

/// Something a server says about a rehydration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    pub kind: String,
    pub text: String,
}

/// Settings under which a turn runs, as something other than the call itself shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub from: Vec<Seq>,
    pub call: CallId,
    pub cwd: Option<String>,
    /// `read-only`, `workspace-write` or `danger-full-access`; other text as it stands.
    pub sandbox: Option<String>,
    pub approval: Option<String>,
    pub source: SettingsSource,
}

/// Where settings were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingsSource {
    /// The `session_configured` notification.
    SessionConfigured,
    /// The last `turn_context` that the target wrote for the turn.
    TurnContext,
    /// A result: of the call, or of what starts or brings back its thread (`thread/start`, `thread/resume`,
    /// `thread/fork`).
    Result,
}

/// The target was asked for the turns of a thread, at the end of a life, and showed these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub from: Vec<Seq>,
    /// The scenario's name for the thread.
    pub thread: String,
    /// The id that was asked for.
    pub id: String,
    pub turns: Vec<ShownTurn>,
}

/// One turn of a [`Shown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownTurn {
    /// `completed`, `interrupted`, `failed`, `inProgress`; `None` if it has none.
    pub status: Option<String>,
    /// Markers in its items, in order.
    pub markers: Vec<Marker>,
}

/// A whole request arrived at the stub model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRequest {
    pub from: Vec<Seq>,
    /// Number in the run, from 1.
    pub n: u32,
    /// The call whose turn it belongs to, found by the newest marker in the last user message.
    pub call: Option<CallId>,
    /// Number within that turn, from 1; 0 for a request that belongs to no turn.
    pub of_turn: u32,
    pub items: Vec<Item>,
    /// `<cwd>` of the last environment context in it.
    pub cwd_told: Option<String>,
    /// SHA-256 of the credential, hex; `None` if there was none.
    pub credential_digest: Option<String>,
    /// The stub refused it, and why.
    pub refused: Option<Refusal>,
    pub body: Body,
}

/// One item of a model request's input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// `user`, `assistant`, `developer`, `system`; `None` for items that have none.
    pub role: Option<String>,
    /// The item's `type`: `message`, `function_call` ….
    pub kind: String,
    pub markers: Vec<Marker>,
    pub call_id: Option<String>,
    /// The tag of a contextual message (`environment_context`, `turn_aborted` …), or `aborted` for a synthetic output.
    pub context: Option<String>,
    /// The beginning of its text, at most 160 characters.
    pub preview: String,
}

/// Why the stub refused a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// What the target was told.
    pub text: String,
}

/// See [`Refusal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// No script is left for it.
    Unexpected,
    /// A tool call without output, or an output without its call.
    Unpaired,
    /// No bearer token, or a wrong one.
    Unauthorized,
    /// Not a request of the Responses API, or too large.
    Malformed,
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

/// One write to a covered file (the injector's; none without it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteSeen {
    pub path: String,
    pub offset: u64,
    pub len: u64,
    pub landed: u64,
    pub record_kind: Option<String>,
}

/// The player damaged a file, or changed one of the run's directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DamageDone {
    /// Below the home; absolute for what lies outside of it.
    pub path: String,
    /// Whose rollout it is; `None` for a `file` step.
    pub thread: Option<String>,
    /// The mutator's name, or what a `file` step does: `remove` (a directory with all that is in it), `write`, `mkdir`.
    pub mutator: String,
    pub before: FileState,
    pub after: FileState,
    /// Markers that no reader can get from the file any more, as the mutator says.
    pub destroyed: Vec<Marker>,
}

/// Length and digest of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    pub len: u64,
    /// Hex.
    pub sha256: String,
}

/// The session files of the home at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub when: SnapshotWhen,
    pub files: Vec<SnapshotFile>,
}

/// See [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotWhen {
    /// After a life's end, before anything else touches the home.
    Death,
    /// Before the next life begins: what steps between two lives left.
    Birth,
    /// At the end of the run.
    End,
}

/// One file of a [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotFile {
    /// Below the home.
    pub path: String,
    pub len: u64,
    pub sha256: String,
    pub mode: u32,
    /// The content, where it is a session file within the limit.
    pub blob: Option<String>,
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
