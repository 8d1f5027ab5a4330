//! No defect: what every method does in a healthy engine.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::rehydrate::continuation::Continuation;
use crate::rehydrate::error::RehydrateError;
use crate::rollout::{IdError, ThreadId};
use crate::serve::embedded::model::Credential;
use crate::serve::embedded::revive::Reviver;
use crate::serve::embedded::thread::Thread;
use crate::serve::engine::Outcome;
use crate::serve::threads::Threads;
use crate::world::World;

/// Nothing.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve::embedded) struct Plant;

impl Plant {
    /// A healthy engine.
    pub(in crate::serve::embedded) const NONE: Plant = Plant;

    /// The world that the engine lives in.
    pub(in crate::serve::embedded) fn world(self, world: World) -> World {
        world
    }

    /// Called once, when the engine is made.
    pub(in crate::serve::embedded) fn start_of_life(self) {}

    /// What a turn makes is kept from the disk until the next one.
    pub(in crate::serve::embedded) fn holds_output_back(self) -> bool {
        false
    }

    /// An unknown id begins a thread.
    pub(in crate::serve::embedded) fn starts_unknown_threads(self) -> bool {
        false
    }

    /// Brings `asked` back from disk.
    pub(in crate::serve::embedded) fn bring_back(
        self,
        reviver: &Reviver<'_>,
        asked: ThreadId,
    ) -> Result<Option<Continuation>, RehydrateError> {
        reviver.rehydrate(asked)
    }

    /// Called after `asked` led to a thread.
    pub(in crate::serve::embedded) fn led(self, _: &Threads<Thread>, _asked: ThreadId) {}

    /// The credential for a turn.
    pub(in crate::serve::embedded) fn credential(
        self,
        _: &World,
        _home: &Path,
        _revived: bool,
        own: Credential,
    ) -> Credential {
        own
    }

    /// The thread that a client's text names.
    pub(in crate::serve::embedded) fn thread_id(self, text: &str) -> Result<ThreadId, IdError> {
        ThreadId::parse(text)
    }

    /// By what a turn hears that the client takes it back.
    pub(in crate::serve::embedded) fn cancel(self, own: &CancellationToken) -> &CancellationToken {
        own
    }

    /// What a call ends with.
    pub(in crate::serve::embedded) fn answered(self, _: &World, _: &Path, outcome: Outcome) -> Outcome {
        outcome
    }
}
