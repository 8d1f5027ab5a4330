//! The decoy: a thread that wrong servers take for the right one.
//!
//! Every home holds one. It is newer than the story's thread, lies in the same day directory, its id begins with the
//! same eight hex digits, and its texts carry markers of their own, so that a server which takes the newest file, or
//! matches ids by their beginning, shows it in what the model receives.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::story::{Stop, Story};
use crate::journal::{DECOY, Placed};
use crate::rollout::ThreadId;
use crate::rollout::generate::{self, Era, Spec};
use crate::target::Target;

impl<T: Target> Story<T> {
    /// Puts a decoy beside the first thread that has an id, unless there is one for these eight digits already. Before
    /// any thread has an id, the decoy is just a stranger.
    pub(super) fn decoy(&mut self) -> Result<(), Stop> {
        let like = self.book.any().and_then(|id| Uuid::parse_str(id).ok());
        let digits = |id: &str| id.get(..8).map(str::to_owned);
        let standing = self.decoys.get(&self.home).and_then(|id| digits(id));
        if standing.is_some() && like.is_none_or(|like| standing == digits(&like.to_string())) {
            return Ok(());
        }
        let fresh = self.world.ids.uuid();
        let id = ThreadId::from(like.map_or(fresh, |like| beside(like, fresh)));
        let now = self.world.clock.now();
        let spec = Spec {
            turns: 2,
            era: Era::Envelope,
            seed: self.seed ^ 0xDEC0_DEC0 ^ u64::from(self.lives),
            sandbox: "danger-full-access".to_owned(),
            approval: "never".to_owned(),
            ..Spec::default()
        };
        let cwd = self.dir.join("decoy").display().to_string();
        let made = generate::generate(&spec, id, &cwd, newer(now));
        let placed = Placed {
            thread: DECOY.to_owned(),
            id: id.to_string(),
            path: made.path.display().to_string(),
            markers: made.markers,
            unacknowledged: Vec::new(),
            cwd: Some(cwd),
            sandbox: Some(spec.sandbox),
            approval: Some(spec.approval),
            complete: true,
            beside: Vec::new(),
        };
        self.decoys.insert(self.home.clone(), placed.id.clone());
        self.put(&made.bytes, placed)
    }
}

/// The first 32 bits of one id, all others of another.
fn beside(like: Uuid, fresh: Uuid) -> Uuid {
    let mut bytes = *fresh.as_bytes();
    bytes[..4].copy_from_slice(&like.as_bytes()[..4]);
    Uuid::from_bytes(bytes)
}

/// A minute ahead: later than whatever the story has written by now.
fn newer(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(60)).unwrap_or(now)
}
