//! One process that we started, and its group.
//!
//! Reaping and signalling share one lock: a signal goes out before the kernel may give the number away, or not at all.
//! Everything takes `&self`, so a task that waits, a fault that kills and a drop that clears up can share a child.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How long a drop waits for a killed process, in seconds. Beyond it the zombie is left to die with us.
const DROP_WAIT_S: i64 = 1;

/// How long a stop is waited for, in milliseconds. Nothing can refuse it, but a target may have somebody continue it.
const STOP_WAIT_MS: u32 = 1_000;

/// How a process ended. Both are `None` where somebody else has reaped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
}

/// A child process that leads a group of its own. Dropping it kills the group.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    fd: AsyncFd<OwnedFd>,
    ended: Mutex<Option<Ended>>,
}

impl Child {
    /// Takes charge of a child that nobody else reaps. Needs a tokio runtime around it.
    pub(super) fn adopt(pid: Pid) -> io::Result<Child> {
        let fd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Child { pid, fd: watch(fd)?, ended: Mutex::new(None) })
    }

    /// Its process id, which is its group's too.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits for its end and reaps it. Any number of tasks may wait.
    pub async fn wait(&self) -> io::Result<Ended> {
        loop {
            let mut ready = self.fd.readable().await?;
            if let Some(ended) = self.try_wait()? {
                return Ok(ended);
            }
            ready.clear_ready();
        }
    }

    /// How it ended, if it has. Reaps it.
    pub fn try_wait(&self) -> io::Result<Option<Ended>> {
        let mut ended = self.lock();
        if ended.is_none() {
            *ended = reap(&self.fd)?;
        }
        Ok(*ended)
    }

    /// Signals this process alone. `false` if it is not there any more.
    pub fn signal(&self, signal: Signal) -> bool {
        let ended = self.lock();
        ended.is_none() && pidfd_send_signal(&self.fd, signal).is_ok()
    }

    /// Signals its whole group. `false` if this process has been reaped: what is left of the group is then found by
    /// [`super::find`].
    pub fn signal_group(&self, signal: Signal) -> bool {
        let ended = self.lock();
        ended.is_none() && kill_process_group(self.pid, signal).is_ok()
    }

    /// Stops its whole group, and returns once this process stands still: the kernel stops one thread after the other,
    /// and the rest work on until the last one has noticed. `false` if it ended instead, or somebody continued it.
    pub fn stop_group(&self) -> bool {
        if !self.signal_group(Signal::STOP) {
            return false;
        }
        for _ in 0..STOP_WAIT_MS {
            let stopped = waitid(WaitId::PidFd(self.fd.as_fd()), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
            if matches!(stopped, Ok(Some(_))) {
                return true;
            }
            let step = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
            // Readable once it has ended.
            if !matches!(poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&step)), Ok(0)) {
                return false;
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.signal_group(Signal::KILL) {
            let limit = Timespec { tv_sec: DROP_WAIT_S, tv_nsec: 0 };
            let _ = poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&limit));
            let _ = self.try_wait();
        }
    }
}

/// The status of a dead child of ours, reaped; `None` while it runs.
pub(super) fn reap(fd: impl AsFd) -> io::Result<Option<Ended>> {
    match waitid(WaitId::PidFd(fd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
        Ok(None) => Ok(None),
        Ok(Some(status)) => Ok(Some(Ended { code: status.exit_status(), signal: status.terminating_signal() })),
        // Whoever started us may ignore SIGCHLD, and then the kernel reaps by itself.
        Err(rustix::io::Errno::CHILD) => Ok(Some(Ended { code: None, signal: None })),
        Err(error) => Err(error.into()),
    }
}

/// Registers a pidfd with the runtime: it is readable once its process has ended.
#[allow(deprecated)] // in favour of an `unsafe` twin, for types whose descriptor may change; an `OwnedFd`'s cannot
pub(super) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}
