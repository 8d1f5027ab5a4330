//! One entry of a manifest, and all of them.

use serde::{Deserialize, Serialize};

use super::Feature;
use crate::marker::Marker;
use crate::rollout::Era;

/// What stands for the thread's directory in a recorded file.
pub const CWD_PLACEHOLDER: &str = "{cwd}";
/// What stands for `CODEX_HOME` in a recorded file: 0.124.0 names it among the directories that a sandbox may write.
pub const HOME_PLACEHOLDER: &str = "{home}";

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
    #[serde(default)]
    pub codex: String,
    /// The subcommand that wrote it: `mcp-server`, `exec`, `app-server`.
    #[serde(default)]
    pub made_by: String,
    /// Shape of the file.
    #[serde(default)]
    pub era: Option<Era>,
    /// The thread's id.
    pub id: String,
    /// Its path below `CODEX_HOME`, `/` between parts: `sessions/2026/11/22/rollout-….jsonl`.
    pub file_name: String,
    /// Stands in the file wherever the thread's directory stood: [`CWD_PLACEHOLDER`].
    #[serde(default)]
    pub cwd: String,
    /// Sandbox of its last turn, as `sandbox_mode` names it.
    pub sandbox: Option<String>,
    /// Approval policy of its last turn.
    pub approval: Option<String>,
    /// Complete turns.
    pub turns: u32,
    /// How it is known what a server must send.
    #[serde(default)]
    pub truth: Truth,
    /// What a server that continues the thread must send to the model, in order.
    pub markers: Vec<Marker>,
    /// What the files hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Feature>,
    /// Texts of Codex's own that a line of ours stands for, by what stands around them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// Of the file as it stands beside the manifest, lower-case hexadecimal; empty if nobody wrote it down.
    #[serde(default)]
    pub sha256: String,
    /// The other files that lay in the home: what the thread was forked from, or its earlier segments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<OtherFile>,
}

impl Fixture {
    /// Each of its files, the thread's newest first.
    pub fn files(&self) -> impl Iterator<Item = OtherFile> + '_ {
        let Fixture { file, file_name, sha256, .. } = self;
        let newest = OtherFile { file: file.clone(), file_name: file_name.clone(), sha256: sha256.clone() };
        std::iter::once(newest).chain(self.also.iter().cloned())
    }
}

/// A file that belongs to a recording and is not the thread's newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherFile {
    /// Its file beside the manifest.
    pub file: String,
    /// Its path below `CODEX_HOME`.
    pub file_name: String,
    /// Of the file as it stands beside the manifest.
    pub sha256: String,
}

/// How it is known what a server must send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Truth {
    /// Somebody says so.
    #[default]
    Told,
    /// A new process of the release that wrote the thread resumed it, and the model received it.
    Resumed,
}
