//! What a call is about: whether it is about a covered file, and everything that a decision and its execution need.
//!
//! Whatever comes past here without being covered is answered with "go on" and not looked at further. What cannot be looked
//! at, or is done in a way that cannot be recorded, is a doubt, and told as trouble, once, if its caller is still there: the
//! files of one that ends belong to root meanwhile, whoever it belonged to (seen with Linux 6.18), and it hides nothing.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::call::{Call, Flags, Memory, Name, Place};
use super::names::{Resolved, resolve};
use super::opened::{Opened, Untaken};
use super::tracee::{self, PATH_BYTES, Tracees};
use super::{Attempt, Op, Watch};

/// Most bytes that one call writes; the rest is left to the caller's next one, as the kernel does beyond 2 GiB.
const DATA_BYTES: usize = 64 << 20;
/// Most room that is kept for the next write.
const SPARE_BYTES: usize = 1 << 20;
/// Most different troubles that are told of one life.
const TROUBLES: usize = 64;

/// See the module.
pub(super) struct Sight {
    pub(super) watch: Arc<dyn Watch>,
    /// Whether reads are watched: a copy out of a covered file is one.
    reads: bool,
    tracees: Tracees,
    /// Whether descriptors can be taken, as far as is known.
    exact: bool,
    told: HashSet<String>,
    /// What is to be told of the call that is looked at.
    doubts: Vec<String>,
    /// For the path of an open file.
    room: Box<[u8; PATH_BYTES]>,
    /// An empty vector with the room of an earlier write.
    spare: Vec<u8>,
}

/// A covered call that has not been answered.
pub(super) struct Held {
    pub(super) id: u64,
    pub(super) tid: u32,
    pub(super) order: u64,
    pub(super) op: Op,
    pub(super) path: PathBuf,
    pub(super) to: Option<PathBuf>,
    pub(super) offset: u64,
    pub(super) data: Vec<u8>,
    pub(super) deed: Deed,
}

/// How it is done.
pub(super) enum Deed {
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

impl Sight {
    pub(super) fn new(reads: bool, watch: Arc<dyn Watch>) -> Sight {
        let (tracees, told, doubts, spare) = Default::default();
        Sight { watch, reads, tracees, exact: true, told, doubts, room: Box::new([0; PATH_BYTES]), spare }
    }

    /// Takes the data of a call that is over, for their room.
    pub(super) fn take_back(&mut self, mut data: Vec<u8>) {
        if data.capacity() <= SPARE_BYTES {
            data.clear();
            self.spare = data;
        }
    }

    /// What is to be told of the call that was looked at last, unless its caller is gone.
    pub(super) fn take_doubts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.doubts)
    }

    /// The call, if it is about a covered file; an errno for one that must not be done this way.
    pub(super) fn covered(&mut self, id: u64, tid: u32, call: Call) -> Option<Result<Held, Errno>> {
        let held = match call {
            Call::Write { fd, from, place, flags } => self.write(tid, fd, from, place, flags),
            Call::Read { fd, place } => {
                let path = self.path(tid, fd)?;
                let file = self.opened(tid, fd, &path).filter(Opened::is_regular)?;
                let left = Deed::Left { foreseen: None, gives: false };
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
                self.doubts.push(format!("{} was changed by `fallocate`, which is not recorded", path.display()));
                None
            }
            Call::Copy { what, from, to, refusal } => {
                let path = self.path(tid, to).or_else(|| self.reads.then(|| self.path(tid, from))?)?;
                let path = path.display();
                self.doubts.push(format!("`{what}` on {path} is answered as if it were not supported"));
                return Some(Err(Errno::from_raw_os_error(refusal)));
            }
            Call::TruncateByName { name, len } => self.named(tid, name, true, Op::Truncate { len }),
            Call::Unlink { name } => self.named(tid, name, false, Op::Unlink),
            Call::Mkdir { name } => self.named(tid, name, false, Op::Mkdir),
            Call::Make { name } => self.named(tid, name, false, Op::Create),
            Call::Link { from, to } => self.link(tid, from, to),
            Call::Rename { from, to } => self.rename(tid, from, to),
            Call::Open { name, flags } => self.open(tid, name, flags),
        };
        held.map(|held| Ok(Held { id, ..held }))
    }

    fn write(&mut self, tid: u32, fd: i32, from: Memory, place: Place, flags: u32) -> Option<Held> {
        let path = self.path(tid, fd)?;
        let file = self.opened(tid, fd, &path).filter(|file| file.is_regular() && file.can_write())?;
        if file.is_direct() {
            let path = path.display();
            self.doubts
                .push(format!("{path} is written past the kernel's cache (O_DIRECT); its writes pass, unrecorded"));
            return None;
        }
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
            self.doubts.push(format!("a write of more than {DATA_BYTES} bytes to {} is made shorter", path.display()));
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

    /// One more name of a file.
    fn link(&mut self, tid: u32, from: Name, to: Name) -> Option<Held> {
        let (from, to) = (self.resolved(tid, from, false)?, self.resolved(tid, to, false)?);
        let taken = to.there.is_ok().then_some(Errno::EXIST);
        let foreseen = from.there.err().or(if to.has_parent { taken } else { to.there.err() });
        let path = self.covers(to.path)?;
        Some(Held { to: Some(from.path), ..held(tid, Op::Create, path, Deed::Left { foreseen, gives: false }) })
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
        match self.tracees.path_of(tid, fd, &mut self.room) {
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
                self.doubts
                    .push(format!("{path}, as the program has it open, cannot be reached: {error}; a call passed"));
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
        self.doubts.push(format!(
            "the files of a process ({}) cannot be seen: {error}; what it writes passes unseen. It hides itself \
             (it is not dumpable) or belongs to another user",
            name.trim().escape_debug()
        ));
    }

    /// Tells each trouble once.
    pub(super) fn trouble(&mut self, text: String) {
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
    pub(super) fn attempt(&self) -> Attempt<'_> {
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
