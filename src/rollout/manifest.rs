//! What is known of a recorded rollout: `manifest.json` beside it.
//!
//! A recording is placed into a home by a scenario, so what a server must send to the model cannot be learnt from
//! watching a conversation; the recorder wrote it down instead, from what the real Codex sent.

use serde::{Deserialize, Serialize};

use super::generate::Era;
use crate::marker::Marker;

/// What stands for the thread's directory in a recorded file.
pub const CWD_PLACEHOLDER: &str = "{cwd}";

/// All recordings of one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In the order in which they are documented.
    pub fixtures: Vec<Fixture>,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// How scenarios name it, e.g. `exec-0.153.4`.
    pub name: String,
    /// Its file beside the manifest.
    pub file: String,
    /// The Codex release that wrote it.
    pub codex: String,
    /// The subcommand that wrote it: `mcp-server`, `exec`, `app-server`.
    pub made_by: String,
    /// Shape of the file.
    pub era: Era,
    /// The thread's id.
    pub id: String,
    /// Its path below `CODEX_HOME`, `/` between parts: `sessions/2026/11/22/rollout-….jsonl`.
    pub file_name: String,
    /// Stands in the file wherever the thread's directory stood: [`CWD_PLACEHOLDER`].
    pub cwd: String,
    /// Sandbox of its last turn, as `sandbox_mode` names it.
    pub sandbox: Option<String>,
    /// Approval policy of its last turn.
    pub approval: Option<String>,
    /// Complete turns.
    pub turns: u32,
    /// What a server that continues the thread must send to the model, in order.
    pub markers: Vec<Marker>,
    /// Of the file as it stands in the repository, lower-case hexadecimal.
    pub sha256: String,
}
