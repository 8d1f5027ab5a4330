//! The first line of a journal: what was played, on what, within which limits.

use serde::{Deserialize, Serialize};

use super::tools::Tools;
use crate::limits::Limits;

/// Version of the journal format that this build writes and reads.
pub const FORMAT: u32 = 1;

/// Everything that `replay` needs besides the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of Rehydra that wrote it.
    pub rehydra: String,
    /// Wall-clock start, RFC 3339, UTC.
    pub started: String,
    /// The seed of markers, ids of synthetic rollouts and all else that is drawn.
    pub seed: u64,
    /// What was played.
    pub scenario: ScenarioHeader,
    /// On what.
    pub target: TargetProfile,
    /// Within which limits.
    pub limits: Limits,
}

/// The scenario, with its source text so that the run can be played again from its directory alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScenarioHeader {
    /// Path below the suite's root without `.toml`, e.g. `idle/kill-9`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The file as it was read.
    pub source: String,
    /// Names of the invariants it proves.
    pub proves: Vec<String>,
}

/// The server under test, resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetProfile {
    /// As the user named it: `builtin`, `codex@0.153.4`.
    pub name: String,
    /// Decides which invariants can apply.
    pub kind: TargetKind,
    /// What it speaks.
    pub dialect: Dialect,
    /// Which promises it makes.
    pub level: Level,
    /// Whether a rehydrated thread has a new id.
    pub identity: Identity,
    /// Program and arguments. A profile's placeholders stand in them; the journal's `Spawn` has them filled.
    pub command: Vec<String>,
    /// What it says of itself, where it is known before it is started (a Codex version).
    pub version: Option<String>,
    /// Pattern of a note that something was lost, for servers whose notes are only text.
    pub note: Option<String>,
    /// Pattern of the error for an unknown id.
    pub unknown_id_error: Option<String>,
    /// Whether it may leave a process behind on purpose.
    pub daemon: bool,
    /// How a conversation is had with its tools, in the dialect `mcp`. A journal that does not say means Codex's.
    #[serde(default)]
    pub tools: Tools,
    /// Whether it keeps its threads as Codex's rollouts below `CODEX_HOME/sessions`, and so brings back those that a
    /// story places there and can be judged by these files. A journal that does not say means that it does.
    #[serde(default = "yes")]
    pub rollouts: bool,
}

fn yes() -> bool {
    true
}

/// What kind of server it is (columns of the contract's table of applicability).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TargetKind {
    /// `rehydra serve`.
    Builtin,
    /// `rehydra serve --no-rehydrate`, the control.
    BuiltinControl,
    /// `codex mcp-server`.
    CodexMcp,
    /// `codex app-server`, continued by `thread/resume`.
    CodexResume,
    /// `codex app-server`, continued by `thread/fork`.
    CodexFork,
    /// Anybody's server.
    Foreign,
}

/// What a target speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Dialect {
    /// MCP over stdio.
    Mcp,
    /// Codex's app-server protocol over stdio.
    AppServer,
}

/// Which promises a target makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Those that hold for every server of this kind.
    Core,
    /// Those of servers that stand in for Codex's own.
    CodexCompatible,
}

/// What becomes of a thread's id when it is rehydrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The reply names a new one.
    New,
    /// It stays.
    Same,
}
