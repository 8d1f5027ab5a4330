//! The supervisor: one thread of the harness for each life, which answers what the filter asks.
//!
//! It waits for the notifier, then for notifications, until the last process with the filter is gone or the supervisor is
//! dropped. It never waits for the program: a call that is to be late is put aside, and the next one is taken.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::engine::Engine;
use super::install::Handover;
use super::{Watch, sys};

/// Answers the calls of one life. Dropping it ends that: calls that still wait, or come later, fail with `ENOSYS`.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// Rung when one of the others has changed.
    bell: OwnedFd,
    stop: AtomicBool,
    /// How often [`Supervisor::release`] was called.
    releases: AtomicU64,
    notifications: AtomicU64,
}

impl Supervisor {
    /// Begins to wait for the notifier of a launcher that is started, or will be, with the other end of `handover`.
    pub fn start(handover: Handover, watch: Arc<dyn Watch>) -> io::Result<Supervisor> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (stop, releases, notifications) = Default::default();
        let shared = Arc::new(Shared { bell, stop, releases, notifications });
        let of_thread = Arc::clone(&shared);
        let serve = move || {
            if let Err(error) = serve(&of_thread, &handover, &watch) {
                watch.trouble(&format!("the injector has stopped: {error}; writes fail from here on"));
            }
        };
        let thread = std::thread::Builder::new().name("rehydra-injector".into()).spawn(serve)?;
        Ok(Supervisor { shared, thread: Some(thread) })
    }

    /// Lets all calls go on that are held now.
    pub fn release(&self) {
        self.shared.releases.fetch_add(1, Ordering::SeqCst);
        self.shared.ring();
    }

    /// How many calls have been asked about so far, covered or not.
    pub fn notifications(&self) -> u64 {
        self.shared.notifications.load(Ordering::Relaxed)
    }

    /// Waits until the last process with the filter is gone. Kernels before 6.11 count one that nobody has reaped.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.ring();
        // A watch that owns its supervisor is dropped by the thread itself.
        let thread = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }
}

fn serve(shared: &Shared, handover: &Handover, watch: &Arc<dyn Watch>) -> io::Result<()> {
    while !wait(shared, handover.as_fd(), None)?.intersects(PollFlags::IN | PollFlags::HUP) {
        if shared.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
    }
    // Without one the launcher has failed, and said why.
    let Some(notifier) = handover.take()? else { return Ok(()) };
    let listener = &notifier.listener;
    sys::wake_in_place(listener.as_fd());
    let mut engine = Engine::new(&notifier, handover.reads, Arc::clone(watch));
    let mut releases = 0;
    loop {
        let ready = wait(shared, listener.as_fd(), engine.due())?;
        if shared.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let released = shared.releases.load(Ordering::SeqCst);
        engine.go_on(std::mem::replace(&mut releases, released) != released);
        if ready.contains(PollFlags::IN) {
            match sys::receive(listener.as_fd()) {
                Ok(notification) => {
                    shared.notifications.fetch_add(1, Ordering::Relaxed);
                    engine.take(&notification);
                }
                // The caller has died, or a signal came, before it could be taken.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(error) => return Err(error),
            }
        } else if ready.intersects(PollFlags::HUP | PollFlags::ERR) {
            return Ok(());
        }
    }
}

/// Waits for the descriptor, the bell, or for `limit` to pass; what the descriptor is ready for.
fn wait(shared: &Shared, fd: BorrowedFd<'_>, limit: Option<Duration>) -> io::Result<PollFlags> {
    let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN), PollFd::new(&shared.bell, PollFlags::IN)];
    match poll(&mut fds, limit.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let [fd, bell] = fds.map(|fd| fd.revents());
    if bell.contains(PollFlags::IN) {
        let _ = rustix::io::read(&shared.bell, &mut [0; 8]);
    }
    Ok(fd)
}
