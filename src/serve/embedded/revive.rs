//! A continuation becomes a thread in memory.

use std::path::Path;

use super::bugs::Plant;
use super::log::Log;
use super::settings::Settings;
use super::thread::{State, Thread};
use crate::rehydrate::chain::try_rehydrate_from_disk;
use crate::rehydrate::continuation::{Continuation, Options};
use crate::rehydrate::error::RehydrateError;
use crate::rollout::ThreadId;
use crate::serve::threads::Revived;
use crate::world::World;

/// Brings threads back from one home.
pub(super) struct Reviver<'a> {
    pub(super) world: &'a World,
    pub(super) home: &'a Path,
    pub(super) options: Options,
    pub(super) plant: Plant,
}

impl Reviver<'_> {
    /// Brings back what the client calls `asked`; `None` if nothing on disk goes by that id. Blocks for the disk.
    pub(super) fn revive(&self, asked: ThreadId) -> Result<Option<Revived<Thread>>, RehydrateError> {
        let Some(continuation) = self.plant.bring_back(self, asked)? else { return Ok(None) };
        let (id, source) = (continuation.id, continuation.source_id);
        Ok(Some(Revived { id, source, thread: self.thread(continuation) }))
    }

    /// The chain itself.
    pub(super) fn rehydrate(&self, asked: ThreadId) -> Result<Option<Continuation>, RehydrateError> {
        try_rehydrate_from_disk(self.world, self.home, asked, &self.options)
    }

    fn thread(&self, continuation: Continuation) -> Thread {
        let settings = Settings {
            model: continuation.model.unwrap_or_else(|| self.options.model.clone()),
            effort: continuation.effort,
            cwd: continuation.cwd.unwrap_or_else(|| self.options.fallback_cwd.clone()),
            sandbox: continuation.sandbox,
            approval: continuation.approval,
            instructions: continuation.base_instructions.unwrap_or_else(Settings::default_instructions),
        };
        let state = State {
            settings,
            history: continuation.history,
            log: Log::new(continuation.writer, true, self.plant),
            announced: false,
            told: false,
            _loaded: continuation.loaded,
        };
        Thread {
            id: continuation.id,
            path: continuation.path,
            notes: Some(continuation.notes),
            state: tokio::sync::Mutex::new(state),
        }
    }
}
