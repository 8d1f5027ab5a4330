//! What is known of a recorded rollout: `manifest.json` beside it.
//!
//! A recording is placed into a home by a scenario, so what a server must send to the model cannot be learnt from
//! watching a conversation; the recorder wrote it down instead, from what the real Codex sent. Who places a file of their
//! own writes the same by hand, and can leave out where it comes from.

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
    /// What a server that continues the thread must send to the model, in order.
    pub markers: Vec<Marker>,
    /// Of the file as it stands beside the manifest, lower-case hexadecimal; empty if nobody wrote it down.
    #[serde(default)]
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::marker;
    use crate::rollout::{ThreadId, read_history_bytes};

    fn dir() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
    }

    fn recorded() -> Vec<(Fixture, String)> {
        let manifest = fs::read(dir().join("manifest.json")).unwrap();
        let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
        let read = |fixture: Fixture| {
            let text = fs::read_to_string(dir().join(&fixture.file)).unwrap();
            (fixture, text)
        };
        manifest.fixtures.into_iter().map(read).collect()
    }

    #[test]
    fn every_recording_is_what_its_manifest_says() {
        for (fixture, text) in recorded() {
            let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, fixture.sha256, "{}", fixture.name);
            assert!(text.contains(&fixture.cwd), "{} holds no placeholder", fixture.name);
            let id = ThreadId::parse(&fixture.id).unwrap().to_string();
            assert!(fixture.file_name.ends_with(&format!("-{id}.jsonl")), "{}", fixture.file_name);
            assert!(text.lines().next().unwrap().contains(&id));
            let found = marker::find(&text);
            for one in &fixture.markers {
                assert!(found.contains(one), "{} lacks {one}", fixture.name);
            }
        }
    }

    #[test]
    fn every_recording_reads_as_the_history_that_codex_sent() {
        for (fixture, text) in recorded() {
            let bytes = text.replace(CWD_PLACEHOLDER, "/a/project").into_bytes();
            let history = read_history_bytes(bytes, Path::new(&fixture.file_name)).unwrap();
            let markers: Vec<_> = history.items.iter().flat_map(|item| marker::find(item.raw())).collect();
            assert_eq!(markers, fixture.markers, "{}", fixture.name);
            assert_eq!(history.cwd.as_deref(), Some(Path::new("/a/project")), "{}", fixture.name);
            assert_eq!(history.complete_turns, fixture.turns, "{}", fixture.name);
            assert!(!history.is_lossy(), "{}: {:?}", fixture.name, history.damage);
        }
    }

    #[test]
    fn there_is_one_recording_for_each_file_and_no_machine_in_any() {
        let all = recorded();
        let mut files: Vec<_> = fs::read_dir(dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
        files.retain(|name| Path::new(name).extension().is_some_and(|kind| kind == "jsonl"));
        assert_eq!(files.len(), all.len());
        for (fixture, text) in all {
            for name in ["/root/", "/home/", "/tmp/", "rehydra-token"] {
                assert!(!text.contains(name), "{} holds {name}", fixture.name);
            }
        }
    }
}
