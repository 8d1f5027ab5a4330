//! From a notification to its answer: what is decided, and what is done.
//!
//! What is done to an open file (writes, `ftruncate`, syncs) is done here, in the caller's name, and is known when
//! [`Watch::happened`] hears of it. What is done to a name (`open`, `rename`, `unlink`, `mkdir`, …) and what is read is left
//! to the kernel, with the caller's own rights and umask, right *after* `happened`; whether it can succeed is looked up
//! before, and told as its errno if it cannot.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use libc::{seccomp_notif, seccomp_notif_resp};
use rustix::io::Errno;
use tokio::time::Instant;

use super::call::decode;
use super::install::Notifier;
use super::sight::{Deed, Held, Sight};
use super::{Decision, Then, Watch, sys, tracee};

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
const CONTINUE: u32 = 1;

/// See the module.
pub(super) struct Engine<'l> {
    listener: BorrowedFd<'l>,
    /// Whether signals can interrupt a call that waits for its answer; it would begin anew, and happen twice.
    interruptible: bool,
    sight: Sight,
    /// The last attempt's number.
    order: u64,
    /// Somebody was killed in the middle of a call, and those who were meant with it may still have calls waiting here.
    killed: bool,
    late: Vec<(Until, Held)>,
}

/// What a call that is put aside waits for.
enum Until {
    Time(Instant),
    Release,
}

/// What the caller is told.
enum Answer {
    Value(u64),
    Errno(Errno),
    /// Whatever the kernel says, which does it now.
    Continue,
    Never,
}

impl<'l> Engine<'l> {
    pub(super) fn new(notifier: &'l Notifier, reads: bool, watch: Arc<dyn Watch>) -> Engine<'l> {
        let (listener, interruptible) = (notifier.listener.as_fd(), notifier.interruptible);
        let (sight, late) = (Sight::new(reads, watch), Vec::new());
        Engine { listener, interruptible, sight, order: 0, killed: false, late }
    }

    /// How long until a delayed call is due.
    pub(super) fn due(&self) -> Option<Duration> {
        let times = self.late.iter().filter_map(|(until, _)| match until {
            Until::Time(at) => Some(at.saturating_duration_since(Instant::now())),
            Until::Release => None,
        });
        times.min()
    }

    /// Does what is due, and what was held if it is released.
    pub(super) fn go_on(&mut self, released: bool) {
        if self.late.is_empty() {
            return;
        }
        let now = Instant::now();
        let due = |until: &Until| match until {
            Until::Time(at) => *at <= now,
            Until::Release => released,
        };
        let ready: Vec<Held> = self.late.extract_if(.., |(until, _)| due(until)).map(|(_, held)| held).collect();
        for held in ready {
            if !self.is_over(&held) {
                self.perform(held, None);
            }
        }
    }

    /// Takes up a notification.
    pub(super) fn take(&mut self, notification: &seccomp_notif) {
        let (id, tid) = (notification.id, notification.pid);
        let call = decode(notification.data.nr.into(), notification.data.args);
        let seen = call.and_then(|call| self.sight.covered(id, tid, call));
        let doubts = self.sight.take_doubts();
        if !doubts.is_empty() {
            if !sys::is_valid(self.listener, id) {
                return;
            }
            doubts.into_iter().for_each(|doubt| self.sight.trouble(doubt));
        }
        match seen {
            Some(Ok(held)) => self.decide(held),
            Some(Err(refusal)) => drop(self.answer(id, &Answer::Errno(refusal))),
            None => drop(self.answer(id, &Answer::Continue)),
        }
    }

    fn decide(&mut self, mut held: Held) {
        // The number of a thread that was killed may be another's by now, whose file this is not.
        if self.is_over(&held) {
            return;
        }
        self.order += 1;
        held.order = self.order;
        match self.sight.watch.about_to(&held.attempt()) {
            Decision::Pass => self.perform(held, None),
            Decision::Cut { bytes, then } => self.perform(held, Some((bytes, then))),
            Decision::Delay(time) => self.late.push((Until::Time(Instant::now() + time), held)),
            Decision::Hold => self.late.push((Until::Release, held)),
        }
    }

    /// Whether nobody waits for the answer any more, or somebody who is to die before there is one.
    fn is_over(&self, held: &Held) -> bool {
        // In this order: a signal that is not pending any more has taken the notification away before.
        (self.killed && tracee::is_dying(held.tid)) || !sys::is_valid(self.listener, held.id)
    }

    /// Does it, as far as it is to be done, says so, and answers.
    fn perform(&mut self, mut held: Held, cut: Option<(u64, Then)>) {
        let wanted =
            cut.map_or(held.data.len(), |(bytes, _)| usize::try_from(bytes).unwrap_or(usize::MAX).min(held.data.len()));
        let (landed, met) = match &held.deed {
            Deed::Write { file, place, flags } if cut.is_none() && file.moves_nothing(*place, *flags) => {
                (held.data.len(), Ok(Answer::Continue))
            }
            Deed::Write { .. } if wanted == 0 => (0, Ok(Answer::Value(0))),
            Deed::Write { file, place, flags } => {
                let (begun, landed) = file.write(held.data.get(..wanted).unwrap_or_default(), *place, *flags);
                held.offset = begun;
                (landed.unwrap_or(0), landed.map(|landed| Answer::Value(landed as u64)))
            }
            _ if cut.is_some() => (0, Ok(Answer::Value(0))),
            Deed::Truncate { file, len } => (0, file.truncate(*len).map(|()| Answer::Value(0))),
            Deed::Sync { file, data_only } => (0, file.sync(*data_only).map(|()| Answer::Value(0))),
            Deed::Left { foreseen: Some(errno), .. } => (0, Err(*errno)),
            Deed::Left { foreseen: None, .. } => (0, Ok(Answer::Continue)),
        };
        if cut.is_some() {
            self.tell_what_is_inexact(&held, wanted, landed, met.as_ref().err(), cut);
        }
        let then = cut.map(|(_, then)| then);
        let (errno, answer) = match (then, met, &held.deed) {
            (Some(Then::NoReturn), met, _) => (met.err(), Answer::Never),
            (Some(Then::Errno(errno)), ..) => {
                let errno = Errno::from_raw_os_error(errno);
                (Some(errno), Answer::Errno(errno))
            }
            (Some(Then::Short), _, Deed::Left { foreseen, gives: true }) => (*foreseen, Answer::Continue),
            // What the kernel has been seen to refuse it is still asked about: it has the last word.
            (None, Err(errno), Deed::Left { .. }) => (Some(errno), Answer::Continue),
            (_, Err(errno), _) => (Some(errno), Answer::Errno(errno)),
            (_, Ok(answer), _) => (None, answer),
        };
        self.sight.watch.happened(&held.attempt(), landed as u64, errno.map(Errno::raw_os_error));
        self.killed |= matches!(answer, Answer::Never);
        if !self.answer(held.id, &answer) && self.interruptible && !tracee::is_dying(held.tid) {
            let path = held.path.display();
            self.sight.trouble(format!("a signal interrupted a call on {path} that had happened; it may happen twice"));
        }
        self.sight.take_back(held.data);
    }

    fn tell_what_is_inexact(
        &mut self,
        held: &Held,
        wanted: usize,
        landed: usize,
        error: Option<&Errno>,
        cut: Option<(u64, Then)>,
    ) {
        let path = held.path.display();
        let returns = cut.is_some_and(|(_, then)| then != Then::NoReturn);
        match &held.deed {
            Deed::Write { .. } if landed < wanted => {
                let why = error.map(|error| format!(": {error}")).unwrap_or_default();
                self.sight.trouble(format!("only {landed} of {wanted} bytes could be landed in {path}{why}"));
            }
            Deed::Write { file, place, flags } if landed > 0 && returns && file.moves_nothing(*place, *flags) => {
                self.sight.trouble(format!(
                    "{landed} bytes were landed in {path}, but without `pidfd_getfd` the program's position in the file \
                     could not be moved behind them: its next write goes to the same place"
                ));
            }
            Deed::Left { gives: true, .. } if cut.is_some_and(|(_, then)| then == Then::Short) => {
                self.sight.trouble(format!("an open of {path} cannot succeed without effect; it passed"));
            }
            _ => {}
        }
    }

    /// Whether there was still somebody to be answered.
    fn answer(&mut self, id: u64, answer: &Answer) -> bool {
        let (val, error, flags) = match answer {
            Answer::Value(value) => (i64::try_from(*value).unwrap_or(i64::MAX), 0, 0),
            Answer::Errno(errno) => (0, -errno.raw_os_error(), 0),
            Answer::Continue => (0, 0, CONTINUE),
            Answer::Never => return true,
        };
        match sys::answer(self.listener, seccomp_notif_resp { id, val, error, flags }) {
            Ok(()) => true,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => false,
            Err(error) => {
                self.sight.trouble(format!("a call could not be answered: {error}"));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::path::Path;
    use std::sync::Mutex;

    use super::*;
    use crate::fault::write::Attempt;

    #[derive(Default)]
    struct Book(Mutex<Vec<String>>);

    impl Watch for Book {
        fn covers(&self, _: &Path) -> bool {
            true
        }

        fn about_to(&self, _: &Attempt<'_>) -> Decision {
            Decision::Pass
        }

        fn happened(&self, _: &Attempt<'_>, _: u64, _: Option<i32>) {}

        fn trouble(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    #[test]
    fn of_a_caller_that_is_gone_nothing_is_told() {
        let file = tempfile::tempfile().unwrap();
        // Whatever is asked of it, this is not a listener for whom a call waits.
        let listener = File::open("/dev/null").unwrap().into();
        let notifier = Notifier { listener, interruptible: false };
        let book = Arc::new(Book::default());
        let mut engine = Engine::new(&notifier, false, book.clone());
        let fd = u64::try_from(file.as_raw_fd()).unwrap();
        let data = libc::seccomp_data {
            nr: i32::try_from(libc::SYS_fallocate).unwrap(),
            arch: 0,
            instruction_pointer: 0,
            args: [fd, 0, 0, 1, 0, 0],
        };
        engine.take(&seccomp_notif { id: 1, pid: std::process::id(), flags: 0, data });
        assert_eq!(*book.0.lock().unwrap(), [""; 0]);
        assert!(engine.sight.covered(1, std::process::id(), decode(data.nr.into(), data.args).unwrap()).is_none());
        assert_eq!(engine.sight.take_doubts().len(), 1, "there was something to tell");
    }
}
