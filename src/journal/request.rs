//! The semantic event that proves most: what the model received.

#![allow(missing_docs)] // the fields whose names say it all; the others are documented
use serde::{Deserialize, Serialize};

use super::{Body, CallId, Seq};
use crate::marker::Marker;

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
#[non_exhaustive]
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
