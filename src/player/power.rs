//! The step `power-loss`: the machine stops, and the home becomes what such an end leaves.
//!
//! Every life is ended at once; then what the injector saw of them is replayed ([`Written`]), and the session files are
//! made what a loss leaves of them. Nothing is guessed: where a file is not what was seen written, something was written
//! past the injector, and the step stops the run, because what a power loss would have left of it nobody knows.
//!
//! Only what the loss changes is touched, and what the story has changed since the last death is left alone. No link is
//! followed. What is taken is no loss that a server is excused for: what it acknowledged it should have synced, so the
//! journal names nothing as destroyed.
//!
//! Codex's sqlite files are no session files: they may stay, be gone, or be as they were a life ago (`sqlite.rs`).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::files::{read_regular, remove_with_empty_dirs, state, write_regular};
use super::story::{Stop, Story};
use crate::fault::power::Written;
use crate::journal::{BlobStore, Kind, Snapshot, SnapshotWhen};
use crate::scenario::PowerLoss;
use crate::target::Target;

/// Files that a message names.
const NAMED: usize = 3;

impl<T: Target> Story<T> {
    /// Stops the machine.
    pub(super) async fn power_loss(&mut self, step: &PowerLoss) -> Result<(), Stop> {
        if self.scenario.watches().is_nothing() {
            let text = "the lives before this power loss were not watched, so nobody knows what they have synced; say \
                        `needs = [\"power-loss\"]` before the first of them begins";
            return Err(Stop(text.to_owned()));
        }
        self.stop_all().await?;
        let written = self.written()?;
        let (now, left) = (written.now(), written.after(step.loss));
        let mutator = format!("power-loss: {}", step.loss);
        for told in now.keys().chain(left.keys()).collect::<BTreeSet<_>>() {
            let (before, after) = (now.get(told), left.get(told));
            if before != after {
                let path = self.homes.find(told).ok_or_else(|| Stop(format!("`{told}` lies in no home of the run")))?;
                self.lose(&path, before.map(Vec::as_slice), after.map(Vec::as_slice), &mutator)?;
            }
        }
        self.change_sqlite(step.sqlite, "power-loss: sqlite")
    }

    /// What the lives have written, up to the death of the last of them.
    fn written(&self) -> Result<Written, Stop> {
        let events = self.journal.events();
        let at_death = |kind: &Kind| matches!(kind, Kind::Snapshot(shown) if shown.when == SnapshotWhen::Death);
        let Some(last) = events.iter().rposition(|event| at_death(&event.kind)) else { return Ok(Written::default()) };
        let written = Written::replay(events.iter().take(last), &BlobStore::new(self.journal.dir()));
        let unseen = match events.get(last).map(|event| &event.kind) {
            Some(Kind::Snapshot(shown)) => unseen(&written, shown),
            _ => Vec::new(),
        };
        if unseen.is_empty() {
            return Ok(written);
        }
        let named: Vec<&str> = unseen.iter().take(NAMED).map(String::as_str).collect();
        let more = if unseen.len() > NAMED { format!(" and {} more", unseen.len() - NAMED) } else { String::new() };
        Err(Stop(format!(
            "what a power loss leaves cannot be told, because the target wrote session files in a way that was not seen: \
             {}{more}; leave the power loss out for this target",
            named.join(", ")
        )))
    }

    /// Makes one file what the loss leaves of it, unless it is not what the lives have left.
    fn lose(&self, path: &Path, before: Option<&[u8]>, after: Option<&[u8]>, mutator: &str) -> Result<(), Stop> {
        let failed = |error: io::Error| Stop(format!("failed to take a power loss to {}: {error}", path.display()));
        let there = read_regular(path).map_err(failed)?;
        if there.as_deref() != before {
            return Ok(());
        }
        match after {
            Some(bytes) => write_regular(path, bytes),
            None => remove_with_empty_dirs(path, &self.homes.all()),
        }
        .map_err(failed)?;
        self.changed(path, mutator, state(before.unwrap_or_default()), state(after.unwrap_or_default()));
        Ok(())
    }
}

/// What was written past the injector, or not to the end that it saw.
fn unseen(written: &Written, at_death: &Snapshot) -> Vec<String> {
    written.gaps().iter().cloned().chain(written.differs(at_death)).collect()
}
