//! Semantic events of a call: what was asked, what was answered, and what the target showed of it.
//!
//! They are the same for every dialect: a call is a tool's or a turn's, an answer is a result or the end of that turn.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallId, Seq};
use crate::marker::Marker;

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
    /// What its scripted commands leave behind, in the order in which they are called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<PlannedEffect>,
}

/// Something that a scripted command does, and how often it may happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedEffect {
    pub name: String,
    /// The number of the model's response in the turn that calls the command, from 1.
    pub of_turn: u32,
    /// Across deaths and retries, at least so often …
    pub least: u32,
    /// … and at most so often.
    pub most: u32,
}

/// We called the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub from: Vec<Seq>,
    pub call: CallId,
    pub step: u32,
    /// The client that called; `None` is the one that the scenario does not name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
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
#[non_exhaustive]
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
#[non_exhaustive]
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
