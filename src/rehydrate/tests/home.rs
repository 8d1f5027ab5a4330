//! A home with one thread in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::rehydrate::{Continuation, Options, RehydrateError, try_rehydrate_from_disk};
use crate::rollout::draft::{Draft, NewThread};
use crate::rollout::locate::RolloutName;
use crate::rollout::meta::TurnContext;
use crate::rollout::settings::{Approval, Sandbox};
use crate::rollout::{Item, ThreadId, read_history};
use crate::world::{RealDisk, World};

/// The thread that every home holds.
pub(super) fn source_id() -> ThreadId {
    ThreadId::parse("01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a").unwrap()
}

/// A home with a cwd beside it.
pub(super) struct Home {
    dir: tempfile::TempDir,
}

/// A turn of which everything is there.
pub(super) fn turn(prompt: &str, reply: &str) -> Vec<Draft> {
    let answer = crate::rollout::draft::message("assistant", reply);
    vec![
        Draft::task_started(prompt),
        Draft::user_item(prompt),
        Draft::user_message(prompt),
        Draft::response_item(answer),
        Draft::agent_message(reply),
        Draft::task_complete(prompt, Some(reply)),
    ]
}

impl Home {
    /// An empty home.
    pub(super) fn empty() -> Home {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("home")).unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        Home { dir }
    }

    /// A home whose thread has said `blue` and `seven`, read-only and never asking.
    pub(super) fn with_a_thread() -> Home {
        let home = Home::empty();
        let mut records = vec![home.meta(), home.context()];
        records.extend(turn("remember blue", "blue noted"));
        records.extend(turn("and seven", "seven noted"));
        home.write(source_id(), &records);
        home
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub(super) fn cwd(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    pub(super) fn meta(&self) -> Draft {
        let thread = NewThread {
            id: source_id(),
            cwd: self.cwd(),
            originator: "codex_exec".into(),
            cli_version: "0.130.0".into(),
            source: "mcp".to_owned(),
            model_provider: "mock".into(),
            forked_from_id: None,
            base_instructions: Some("be brief".into()),
        };
        Draft::session_meta(&thread, Timestamp::UNIX_EPOCH)
    }

    pub(super) fn context(&self) -> Draft {
        let context = TurnContext {
            cwd: Some(self.cwd()),
            model: Some("model-x".into()),
            effort: Some("high".into()),
            sandbox: Some(Sandbox::ReadOnly),
            approval: Some(Approval::Never),
        };
        Draft::turn_context("1", &context)
    }

    /// Writes a rollout as Codex would have left it.
    pub(super) fn write(&self, id: ThreadId, records: &[Draft]) -> PathBuf {
        let bytes: Vec<u8> = records.iter().flat_map(|draft| draft.line(Timestamp::UNIX_EPOCH, None)).collect();
        let path = self.rollout(id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Where [`Home::write`] puts a rollout.
    pub(super) fn rollout(&self, id: ThreadId) -> PathBuf {
        self.path().join("sessions/2026/01/02").join(format!("rollout-2026-01-02T03-04-05-{id}.jsonl"))
    }

    pub(super) fn options(&self) -> Options {
        let options = Options::new("rehydra", "0.153.4", "mock", "default-model", Path::new("/server"));
        Options { lock_wait: Duration::from_millis(200), ..options }
    }

    pub(super) fn rehydrate(&self, id: ThreadId) -> Result<Option<Continuation>, RehydrateError> {
        self.rehydrate_in(&World::real(), id)
    }

    pub(super) fn rehydrate_in(&self, world: &World, id: ThreadId) -> Result<Option<Continuation>, RehydrateError> {
        try_rehydrate_from_disk(world, &self.path(), id, &self.options())
    }

    /// Every file in the home that a scan takes for a rollout, but the source.
    pub(super) fn continuations(&self) -> Vec<PathBuf> {
        let is_rollout = |path: &PathBuf| RolloutName::parse(&path.file_name().unwrap().to_string_lossy()).is_some();
        self.files().into_iter().filter(|path| *path != self.rollout(source_id())).filter(is_rollout).collect()
    }

    /// Every file in the home.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut dirs = vec![self.path()];
        let mut files = Vec::new();
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { dirs.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }
}

/// The texts of a history's messages, in order.
pub(super) fn texts(items: &[Value]) -> Vec<String> {
    let text = |item: &Value| item.pointer("/content/0/text").and_then(Value::as_str).map(str::to_owned);
    items.iter().filter_map(text).collect()
}

/// The texts of a rollout's live history.
pub(super) fn texts_of(path: &Path) -> Vec<String> {
    let items: Vec<Value> = read_history(&RealDisk, path).unwrap().items.iter().map(Item::value).collect();
    texts(&items)
}
