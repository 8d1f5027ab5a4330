//! The injector of one life: begun with its process, heard to its end.

use std::io;
use std::sync::{Arc, Mutex};

use super::calls::Calls;
use super::home::HOME_VAR;
use super::life::lock;
use super::live::Fixed;
use crate::fault::files::LifeFiles;
use crate::fault::plan::Watched;
use crate::fault::write::{Supervisor, offer};
use crate::journal::Journal;
use crate::proc::Order;

/// See the module.
pub(super) struct Watching {
    files: Arc<LifeFiles>,
    supervisor: Mutex<Option<Supervisor>>,
}

impl Watching {
    /// Begins to wait for the process of the order, which is given what it needs to be watched. Nothing where the story has
    /// no need of it.
    pub(super) fn begin(fixed: &Fixed, journal: &Journal, order: &mut Order) -> io::Result<Option<Watching>> {
        let reads = match fixed.watched {
            Watched::Nothing => return Ok(None),
            Watched::Writes => false,
            Watched::Reads => true,
        };
        let usual = fixed.env.iter().find(|(name, _)| name == HOME_VAR).map(|(_, home)| home.into());
        let home = usual.unwrap_or_else(|| journal.dir().join("home"));
        let files = Arc::new(LifeFiles::new(journal.clone(), Arc::clone(&fixed.armed), home));
        let (gift, handover) = offer(reads)?;
        order.gift = Some(gift);
        let supervisor = Mutex::new(Some(Supervisor::start(handover, files.clone())?));
        Ok(Some(Watching { files, supervisor }))
    }

    /// Says which calls are sent to this life.
    pub(super) fn belongs_to(&self, calls: &Arc<Calls>) {
        let calls = Arc::downgrade(calls);
        self.files.set_calls(move |call| calls.upgrade().is_some_and(|calls| calls.knows(call)));
    }

    pub(super) fn release(&self) {
        if let Some(supervisor) = lock(&self.supervisor).as_ref() {
            supervisor.release();
        }
    }

    /// Waits until the last process of the life is gone, which its burial has seen to.
    pub(super) async fn end(&self, fixed: &Fixed) {
        let Some(supervisor) = lock(&self.supervisor).take() else { return };
        if fixed.profile.daemon {
            return lock(&fixed.daemons).push(supervisor);
        }
        // Its thread ends with the last of the processes; a wait for it must not hold up others.
        let _ = tokio::task::spawn_blocking(move || supervisor.join()).await;
    }
}
