//! How a life ends: asked to, waited for, drained, counted, and only then cleared up.
//!
//! A process that was asked to end and does not, within the limit of a call, is journalled as [`Leftover`] before its
//! group is killed: still being there after the end is exactly what `no-orphans` promises does not happen. `Death` keeps
//! what was asked for, `Exit` shows the `SIGKILL` that it took.

use std::time::Duration;

use tokio::time::timeout;

use super::life::{Life, Phase};
use super::{End, TargetError};
use crate::fault::client::Rung;
use crate::fault::plan::Action;
use crate::journal::{Death, Kind, Lane, Leftover};
use crate::proc;

/// How long a process may take to die of `SIGKILL`. Only one that waits on hardware needs any.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Ends the life and counts what it leaves. The order of the events is `Exit`, the open calls' `Answer`s, `Leftover`,
/// `Death`.
pub(super) async fn bury(life: &Life, end: Option<End>) -> Result<(), TargetError> {
    match end {
        Some(End::Signal(signal, whom)) => life.act(Action::Kill { signal, whom }),
        Some(End::Eof) => life.act(Action::Eof),
        Some(End::Ladder(rungs)) => climb(life, &rungs).await,
        None => {}
    }
    let limit_ms = life.fixed.limits.call_ms;
    if timeout(Duration::from_millis(limit_ms), life.exited()).await.is_err() {
        left(life, proc::find(&life.scope).iter().map(|process| process.pid).collect(), limit_ms);
        life.child.signal_group(proc::Signal::KILL);
        if timeout(KILL_LIMIT, life.exited()).await.is_err() {
            let text = format!(
                "process {} of target `{}` does not die of SIGKILL; it waits on something in the kernel, see \
                 /proc/{0}/stack, and the machine may need a restart",
                life.child.pid(),
                life.fixed.profile.name
            );
            return Err(TargetError::harness(text));
        }
    }
    let Phase::Over { exit, deadline, .. } = life.over().await else {
        return Err(TargetError::harness("the watcher of the target's process has ended early; run again"));
    };
    // A daemon stays on purpose until the run ends, and then goes with it.
    if !life.fixed.profile.daemon {
        let pids = proc::wait_gone(&life.scope, deadline).await;
        if !pids.is_empty() {
            left(life, pids, life.fixed.limits.leftover_ms);
            proc::clear(&life.scope, KILL_LIMIT).await;
        }
    }
    life.files_told().await;
    life.journal.append(Lane::Target, Kind::Death(Death { from: vec![exit], asked: life.asked() }));
    Ok(())
}

/// Takes one rung after the other until the process has ended.
async fn climb(life: &Life, rungs: &[Rung]) {
    for rung in rungs {
        if timeout(Duration::from_millis(rung.after_ms), life.exited()).await.is_ok() {
            return;
        }
        life.act(rung.end);
    }
}

fn left(life: &Life, pids: Vec<u32>, waited_ms: u64) {
    life.journal.append(Lane::Target, Kind::Leftover(Leftover { pids, waited_ms }));
}
