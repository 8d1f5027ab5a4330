//! From a notification to its answer: what the call is about, what is decided, what is done.
//!
//! What is done to an open file (writes, `ftruncate`, syncs) is done here, in the caller's name, and is known when
//! [`Watch::happened`] hears of it. What is done to a name (`open`, `rename`, `unlink`, `mkdir`, …) and what is read is left
//! to the kernel, with the caller's own rights and umask, right *after* `happened`; whether it can succeed is looked up
//! before, and told as its errno if it cannot.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use libc::{seccomp_notif, seccomp_notif_resp};
use rustix::io::Errno;
use tokio::time::Instant;

use super::call::{Call, Flags, Memory, Name, Place, decode};
use super::names::{Resolved, resolve};
use super::opened::{Opened, Untaken};
use super::tracee::{self, PATH_BYTES, Tracees};
use super::{Attempt, Decision, Op, Then, Watch, sys};

/// Most bytes that one call writes; the rest is left to the caller's next one, as the kernel does beyond 2 GiB.
const DATA_BYTES: usize = 64 << 20;
/// Most different troubles that are told of one life.
const TROUBLES: usize = 64;

/// See the module.
pub(super) struct Engine<'l> {
    listener: BorrowedFd<'l>,
    /// Whether reads are watched: a copy out of a covered file is one.
    reads: bool,
    watch: Arc<dyn Watch>,
    tracees: Tracees,
    /// Whether descriptors can be taken, as far as is known.
    exact: bool,
    /// The last attempt's number.
    order: u64,
    /// Somebody was killed in the middle of a call, and those who were meant with it may still have calls waiting here.
    killed: bool,
    late: Vec<(Until, Held)>,
    told: HashSet<String>,
    /// An empty vector with the room of the last write.
    spare: Vec<u8>,
}

/// What a call that is put aside waits for.
enum Until {
    Time(Instant),
    Release,
}

/// A covered call that has not been answered.
struct Held {
    id: u64,
    tid: u32,
    order: u64,
    op: Op,
    path: PathBuf,
    to: Option<PathBuf>,
    offset: u64,
    data: Vec<u8>,
    deed: Deed,
}

/// How it is done.
enum Deed {
    Write {
        file: Opened,
        place: Place,
        flags: u32,
    },
    Truncate {
        file: Opened,
        len: u64,
    },
    Sync {
        file: Opened,
        data_only: bool,
    },
    /// By the kernel. `gives` says that it answers with something that only it can give.
    Left {
        foreseen: Option<Errno>,
        gives: bool,
    },
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
    pub(super) fn new(listener: BorrowedFd<'l>, reads: bool, watch: Arc<dyn Watch>) -> Engine<'l> {
        let (tracees, late, told, spare) = Default::default();
        Engine { listener, reads, watch, tracees, exact: true, order: 0, killed: false, late, told, spare }
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
            self.finish(held, None);
        }
    }

    /// Takes up a notification.
    pub(super) fn take(&mut self, notification: &seccomp_notif) {
        let (id, tid) = (notification.id, notification.pid);
        let call = decode(i64::from(notification.data.nr), notification.data.args);
        match call.and_then(|call| self.covered(id, tid, call)) {
            Some(Ok(held)) => self.decide(held),
            Some(Err(refusal)) => self.answer(id, &Answer::Errno(refusal)),
            None => self.answer(id, &Answer::Continue),
        }
    }

    fn decide(&mut self, mut held: Held) {
        // The number of a thread that was killed may be another's by now, whose file this is not.
        if self.is_over(&held) {
            return;
        }
        self.order += 1;
        held.order = self.order;
        match self.watch.about_to(&held.attempt()) {
            Decision::Pass => self.finish(held, None),
            Decision::Cut { bytes, then } => self.finish(held, Some((bytes, then))),
            Decision::Delay(time) => self.late.push((Until::Time(Instant::now() + time), held)),
            Decision::Hold => self.late.push((Until::Release, held)),
        }
    }

    /// Whether nobody waits for the answer any more, or somebody who is to die before there is one.
    fn is_over(&self, held: &Held) -> bool {
        !sys::is_valid(self.listener, held.id) || (self.killed && tracee::is_dying(held.tid))
    }

    fn finish(&mut self, mut held: Held, cut: Option<(u64, Then)>) {
        if self.is_over(&held) {
            return;
        }
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
        self.watch.happened(&held.attempt(), landed as u64, errno.map(Errno::raw_os_error));
        self.killed |= matches!(answer, Answer::Never);
        self.answer(held.id, &answer);
        self.spare = held.data;
        self.spare.clear();
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
                self.trouble(format!("only {landed} of {wanted} bytes could be landed in {path}{why}"));
            }
            Deed::Write { file, place, flags } if landed > 0 && returns && file.moves_nothing(*place, *flags) => {
                self.trouble(format!(
                    "{landed} bytes were landed in {path}, but without `pidfd_getfd` the program's position in the file \
                     could not be moved behind them: its next write goes to the same place"
                ));
            }
            Deed::Left { gives: true, .. } if cut.is_some_and(|(_, then)| then == Then::Short) => {
                self.trouble(format!("an open of {path} cannot succeed without effect; it passed"));
            }
            _ => {}
        }
    }

    fn answer(&mut self, id: u64, answer: &Answer) {
        let (val, error, flags) = match answer {
            Answer::Value(value) => (i64::try_from(*value).unwrap_or(i64::MAX), 0, 0),
            Answer::Errno(errno) => (0, -errno.raw_os_error(), 0),
            Answer::Continue => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
            Answer::Never => return,
        };
        match sys::answer(self.listener, seccomp_notif_resp { id, val, error, flags }) {
            Ok(()) => {}
            // Its caller has died.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
            Err(error) => self.trouble(format!("a call could not be answered: {error}")),
        }
    }

    /// The call, if it is about a covered file; an errno for one that must not be done this way.
    fn covered(&mut self, id: u64, tid: u32, call: Call) -> Option<Result<Held, Errno>> {
        let held = match call {
            Call::Write { fd, from, place, flags } => self.write(tid, fd, from, place, flags),
            Call::Read { fd, place } => {
                let path = self.path(tid, fd)?;
                let file = self.opened(tid, fd, &path).filter(Opened::is_regular)?;
                let left = Deed::Left { foreseen: None, gives: true };
                Some(Held { offset: file.offset_of_read(place), ..held(tid, Op::Read, path, left) })
            }
            Call::Truncate { fd, len } => {
                let path = self.path(tid, fd)?;
                let file = self.opened(tid, fd, &path).filter(|file| file.is_regular() && file.can_write())?;
                Some(held(tid, Op::Truncate { len }, path, Deed::Truncate { file, len }))
            }
            Call::Sync { fd, data_only } => {
                let path = self.path(tid, fd)?;
                let file = self.opened(tid, fd, &path)?;
                Some(held(tid, Op::Sync, path, Deed::Sync { file, data_only }))
            }
            Call::Allocate { fd } => {
                let path = self.path(tid, fd)?;
                self.trouble(format!("{} was changed by `fallocate`, which is not recorded", path.display()));
                None
            }
            Call::Copy { what, from, to, refusal } => {
                let path = self.path(tid, to).or_else(|| self.reads.then(|| self.path(tid, from))?)?;
                let path = path.display();
                self.trouble(format!("`{what}` on {path} is answered as if it were not supported"));
                return Some(Err(Errno::from_raw_os_error(refusal)));
            }
            Call::TruncateByName { name, len } => self.named(tid, name, true, Op::Truncate { len }),
            Call::Unlink { name } => self.named(tid, name, false, Op::Unlink),
            Call::Mkdir { name } => self.named(tid, name, false, Op::Mkdir),
            Call::Link { name } => self.named(tid, name, false, Op::Create),
            Call::Rename { from, to } => self.rename(tid, from, to),
            Call::Open { name, flags } => self.open(tid, name, flags),
        };
        held.map(|held| Ok(Held { id, ..held }))
    }

    fn write(&mut self, tid: u32, fd: i32, from: Memory, place: Place, flags: u32) -> Option<Held> {
        let path = self.path(tid, fd)?;
        let file = self.opened(tid, fd, &path).filter(|file| file.is_regular() && file.can_write())?;
        let mut data = std::mem::take(&mut self.spare);
        let whole = match from {
            Memory::One { at, len } => {
                let len = usize::try_from(len).unwrap_or(usize::MAX);
                tracee::read(tid, &[(at, len.min(DATA_BYTES))], &mut data).ok()?;
                len <= DATA_BYTES
            }
            Memory::Many { list, count } => {
                let places = tracee::iovecs(tid, list, count, DATA_BYTES)?;
                tracee::read(tid, &places, &mut data).ok()?;
                data.len() < DATA_BYTES
            }
        };
        if !whole {
            self.trouble(format!("a write of more than {DATA_BYTES} bytes to {} is made shorter", path.display()));
        }
        if data.is_empty() {
            return None;
        }
        let offset = file.offset(place, flags);
        Some(Held { offset, data, ..held(tid, Op::Write, path, Deed::Write { file, place, flags }) })
    }

    /// A call about one name. It is foreseen that what is to be made must not be there, and everything else must.
    fn named(&mut self, tid: u32, name: Name, follow: bool, op: Op) -> Option<Held> {
        let found = self.resolved(tid, name, follow)?;
        let foreseen = match (op, found.there) {
            (Op::Mkdir | Op::Create, Ok(_)) => Some(Errno::EXIST),
            (Op::Mkdir | Op::Create, Err(error)) => (!found.has_parent).then_some(error),
            (_, there) => there.err(),
        };
        self.covers(found.path).map(|path| held(tid, op, path, Deed::Left { foreseen, gives: false }))
    }

    fn rename(&mut self, tid: u32, from: Name, to: Name) -> Option<Held> {
        let (from, to) = (self.resolved(tid, from, false)?, self.resolved(tid, to, false)?);
        if !self.watch.covers(&from.path) && !self.watch.covers(&to.path) {
            return None;
        }
        let foreseen = from.there.err().or(if to.has_parent { None } else { to.there.err() });
        let left = Deed::Left { foreseen, gives: false };
        Some(Held { to: Some(to.path), ..held(tid, Op::Rename, from.path, left) })
    }

    fn open(&mut self, tid: u32, name: Name, flags: Flags) -> Option<Held> {
        let flags = match flags {
            Flags::Are(flags) => flags,
            Flags::StandAt(at) => {
                let mut bytes = Vec::new();
                tracee::read(tid, &[(at, 8)], &mut bytes).ok()?;
                u64::from_ne_bytes(bytes.try_into().ok()?)
            }
        };
        let has = |flag: i32| flags & u64::from(flag.unsigned_abs()) != 0;
        if !has(libc::O_CREAT) && !has(libc::O_TRUNC) {
            return None;
        }
        let alone = has(libc::O_CREAT) && has(libc::O_EXCL);
        let found = self.resolved(tid, name, !alone && !has(libc::O_NOFOLLOW))?;
        let (op, foreseen) = match found.there {
            Ok(Some(1..)) if has(libc::O_TRUNC) && !alone => (Op::Truncate { len: 0 }, None),
            Ok(_) => return None,
            Err(error) if has(libc::O_CREAT) => (Op::Create, (!found.has_parent).then_some(error)),
            Err(_) => return None,
        };
        self.covers(found.path).map(|path| held(tid, op, path, Deed::Left { foreseen, gives: true }))
    }

    /// The path of a covered open file.
    fn path(&mut self, tid: u32, fd: i32) -> Option<PathBuf> {
        let mut room = [0; PATH_BYTES];
        match self.tracees.path_of(tid, fd, &mut room) {
            Ok(path) if path.first() == Some(&b'/') => {
                let path = Path::new(OsStr::from_bytes(path));
                self.watch.covers(path).then(|| path.to_owned())
            }
            Ok(_) | Err(Errno::NOENT | Errno::SRCH) => None,
            Err(error) => {
                self.hidden(tid, error);
                None
            }
        }
    }

    fn opened(&mut self, tid: u32, fd: i32, path: &Path) -> Option<Opened> {
        match Opened::take(&mut self.tracees, &mut self.exact, tid, fd) {
            Ok(file) => Some(file),
            Err(Untaken::NotThere) => None,
            Err(Untaken::Refused(error)) => {
                let path = path.display();
                self.trouble(format!("{path}, as the program has it open, cannot be reached: {error}; a call passed"));
                None
            }
        }
    }

    fn resolved(&mut self, tid: u32, name: Name, follow: bool) -> Option<Resolved> {
        let found = resolve(tid, name, follow);
        if let Some(Resolved { there: Err(error @ (Errno::ACCESS | Errno::PERM)), has_parent: false, .. }) = &found {
            self.hidden(tid, *error);
        }
        found
    }

    fn covers(&self, path: PathBuf) -> Option<PathBuf> {
        self.watch.covers(&path).then_some(path)
    }

    fn hidden(&mut self, tid: u32, error: Errno) {
        let name = std::fs::read_to_string(format!("/proc/{tid}/comm")).unwrap_or_default();
        self.trouble(format!(
            "the files of a process ({}) cannot be seen: {error}; what it writes passes unseen. It hides itself \
             (it is not dumpable) or belongs to another user",
            name.trim().escape_debug()
        ));
    }

    /// Tells each trouble once.
    fn trouble(&mut self, text: String) {
        if self.told.len() < TROUBLES && !self.told.contains(&text) {
            self.watch.trouble(&text);
            self.told.insert(text);
        }
    }
}

fn held(tid: u32, op: Op, path: PathBuf, deed: Deed) -> Held {
    Held { id: 0, tid, order: 0, op, path, to: None, offset: 0, data: Vec::new(), deed }
}

impl Held {
    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            order: self.order,
            tid: self.tid,
            op: self.op,
            path: &self.path,
            to: self.to.as_deref(),
            offset: self.offset,
            data: &self.data,
        }
    }
}
