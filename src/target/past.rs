//! A target whose first lives are read from a journal: what a death left is made instead of played.
//!
//! A sweep tries every point at which a server could have died. What a death can leave on disk is known from one recorded
//! run, so only what comes after needs a server: [`Past`] answers the calls of the story from the record, as far as the
//! [`Cut`] lets it come, leaves the session files as they were there, and hands all later lives to the real target. The
//! player does not notice: it plants, sends, waits and buries as ever, and the journal that comes out tells the same story
//! as a live run would.
//!
//! Whatever the player journals itself is made anew, everything else is taken from the record: with the numbers of the new
//! journal, and with the new run's directory where the old one was named. Both names have the same length, so offsets in
//! files stay.

mod tape;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::tape::Tape;
use super::{Ask, End, LifePlan, Pending, Target, TargetError};
use crate::fault::armed::Armed;
use crate::fault::plan::Action;
use crate::journal::{Journal, Run, Seq, TargetProfile};

/// Where the record ends and the death comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cut {
    /// What stands before that event has happened.
    pub before: Seq,
    /// If that event is a write: how many of its bytes have landed as well.
    pub landed: u64,
}

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    /// Its journal.
    pub run: Run,
    /// Its directory, as its events name it.
    pub dir: PathBuf,
}

/// See the module.
pub struct Past<T> {
    live: T,
    tape: Arc<Mutex<Tape>>,
    /// The one client whose server the record is about.
    recorded: bool,
}

impl<T: Target> Past<T> {
    /// `live` is the target of the lives behind the cut; `journal` the new run's. The new run's directory has a name as long
    /// as the recorded one's, which the caller sees to.
    pub fn new(live: T, recording: Arc<Recording>, cut: Cut, journal: Journal, armed: Arc<Armed>) -> Past<T> {
        let tape = Tape::new(recording, cut, journal, armed);
        Past { live, tape: Arc::new(Mutex::new(tape)), recorded: true }
    }

    /// The record, as long as it is played.
    fn tape(&self) -> Option<MutexGuard<'_, Tape>> {
        let tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        (self.recorded && !tape.is_over()).then_some(tape)
    }
}

impl<T: Target> Target for Past<T> {
    fn profile(&self) -> &TargetProfile {
        self.live.profile()
    }

    fn another(&self) -> Past<T> {
        Past { live: self.live.another(), tape: Arc::clone(&self.tape), recorded: false }
    }

    async fn open(&self, plan: LifePlan) -> Result<(), TargetError> {
        if let Some(mut tape) = self.tape() {
            return tape.open(plan.incarnation);
        }
        self.live.open(plan).await
    }

    async fn send(&self, ask: Ask) -> Result<Pending, TargetError> {
        if let Some(mut tape) = self.tape() {
            return tape.send(ask);
        }
        self.live.send(ask).await
    }

    fn act(&self, action: Action) {
        if self.tape().is_none() {
            self.live.act(action);
        }
    }

    async fn write(&self, bytes: &[u8], whole: bool) {
        if self.tape().is_none() {
            self.live.write(bytes, whole).await;
        }
    }

    async fn cancel_last(&self) {
        if self.tape().is_none() {
            self.live.cancel_last().await;
        }
    }

    async fn wait_frame(&self, name: &str, limit: Duration) -> bool {
        let is_recorded = self.tape().is_some();
        is_recorded || self.live.wait_frame(name, limit).await
    }

    fn is_alive(&self) -> bool {
        match self.tape() {
            Some(tape) => tape.is_alive(),
            None => self.live.is_alive(),
        }
    }

    async fn bury(&self, end: Option<End>) -> Result<(), TargetError> {
        if let Some(mut tape) = self.tape() {
            return tape.bury();
        }
        self.live.bury(end).await
    }
}
