//! A covered file as it is open in the caller, and what is done to it in the caller's name.
//!
//! There are two ways to it, the rungs. *Exact*: the caller's own open file, taken out of it (`pidfd_getfd`): flags and
//! position are shared, so a write of ours is a write of the caller. *Re-opened*, where the first is refused, in most
//! containers: the same file opened once more through `/proc`, with the flags that the caller has it open with. What is
//! appended, and what is written at an offset, is the same then. What is written at the position is written at the caller's
//! position, which does not move with it; so a write that shall pass is left to the kernel there, and one of which a part
//! lands is exact only if it is the last ([`Opened::moves_nothing`]).
//!
//! What the kernel checks against the process that writes and not against the open file (`RLIMIT_FSIZE`, the blocks that
//! are reserved for root) is checked against the harness.

use std::io::IoSlice;
use std::os::fd::OwnedFd;

use rustix::fs::{
    CWD, FileType, Mode, OFlags, SeekFrom, fcntl_getfl, fdatasync, fstat, fsync, ftruncate, openat, seek,
};
use rustix::io::{Errno, ReadWriteFlags, pwrite, pwritev2, write};

use super::call::Place;
use super::tracee::{self, Tracees};

const RWF_APPEND: u32 = 0x10;
const RWF_NOAPPEND: u32 = 0x20;

/// See the module.
pub(super) struct Opened {
    fd: OwnedFd,
    flags: OFlags,
    /// The caller's position, where ours is not it.
    elsewhere: Option<u64>,
    is_regular: bool,
    /// How long it was when it was taken.
    len: u64,
}

/// Why an open file cannot be had.
#[derive(Debug)]
pub(super) enum Untaken {
    /// The caller has no such descriptor, or is gone: the kernel answers.
    NotThere,
    /// It is there, and refused.
    Refused(Errno),
}

impl Opened {
    /// Takes the caller's file, on the exact rung unless `exact` is false by now; it becomes false where that is refused.
    pub(super) fn take(tracees: &mut Tracees, exact: &mut bool, tid: u32, fd: i32) -> Result<Opened, Untaken> {
        if *exact {
            match tracees.take(tid, fd) {
                Ok(taken) => {
                    let flags = fcntl_getfl(&taken).map_err(Untaken::Refused)?;
                    return Opened::of(taken, flags, None);
                }
                Err(Errno::BADF | Errno::SRCH) => return Err(Untaken::NotThere),
                Err(Errno::PERM | Errno::NOSYS | Errno::ACCESS) => *exact = false,
                Err(error) => return Err(Untaken::Refused(error)),
            }
        }
        reopen(tid, fd)
    }

    fn of(fd: OwnedFd, flags: OFlags, elsewhere: Option<u64>) -> Result<Opened, Untaken> {
        let stat = fstat(&fd).map_err(Untaken::Refused)?;
        let is_regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        Ok(Opened { fd, flags, elsewhere, is_regular, len: u64::try_from(stat.st_size).unwrap_or(0) })
    }

    /// Whether it is a regular file, of which a write is known to end soon.
    pub(super) fn is_regular(&self) -> bool {
        self.is_regular
    }

    /// Whether the caller may write through it.
    pub(super) fn can_write(&self) -> bool {
        matches!(self.flags & OFlags::ACCMODE, OFlags::WRONLY | OFlags::RDWR)
    }

    /// Whether what is written must be aligned as only the caller knows.
    pub(super) fn is_direct(&self) -> bool {
        self.flags.contains(OFlags::DIRECT)
    }

    /// Where a write there begins, if it is done right after the file was taken.
    pub(super) fn offset(&self, place: Place, flags: u32) -> u64 {
        if self.appends(flags) { self.len } else { self.offset_of_read(place) }
    }

    /// Where the next read there will begin.
    pub(super) fn offset_of_read(&self, place: Place) -> u64 {
        match (place, self.elsewhere) {
            (Place::At(offset), _) => offset,
            (Place::Here, Some(pos)) => pos,
            (Place::Here, None) => seek(&self.fd, SeekFrom::Current(0)).unwrap_or(0),
        }
    }

    /// Writes: where it began, and how much landed.
    pub(super) fn write(&self, data: &[u8], place: Place, flags: u32) -> (u64, Result<usize, Errno>) {
        let appends = self.appends(flags);
        let before = if appends { 0 } else { self.offset_of_read(place) };
        let here = place == Place::Here && (self.elsewhere.is_none() || appends);
        let landed = match (flags, here) {
            (0, true) => write(&self.fd, data),
            (0, false) => pwrite(&self.fd, data, self.at(place)),
            _ => {
                let at = if here { u64::MAX } else { self.at(place) };
                pwritev2(&self.fd, &[IoSlice::new(data)], at, ReadWriteFlags::from_bits_retain(flags))
            }
        };
        // Only now is it known where the end was: as far before it as has landed.
        let end = match landed {
            Ok(_) if appends && here => seek(&self.fd, SeekFrom::Current(0)).ok(),
            _ if appends => fstat(&self.fd).ok().and_then(|stat| u64::try_from(stat.st_size).ok()),
            _ => None,
        };
        let begun = end.map_or(before, |end| end.saturating_sub(landed.unwrap_or(0) as u64));
        (begun, landed)
    }

    /// Whether a write there by us leaves the caller's position behind, which no write of its own would.
    pub(super) fn moves_nothing(&self, place: Place, flags: u32) -> bool {
        self.elsewhere.is_some() && place == Place::Here && !self.appends(flags)
    }

    pub(super) fn truncate(&self, len: u64) -> Result<(), Errno> {
        ftruncate(&self.fd, len)
    }

    pub(super) fn sync(&self, data_only: bool) -> Result<(), Errno> {
        if data_only { fdatasync(&self.fd) } else { fsync(&self.fd) }
    }

    fn appends(&self, flags: u32) -> bool {
        flags & RWF_APPEND != 0 || (self.flags.contains(OFlags::APPEND) && flags & RWF_NOAPPEND == 0)
    }

    fn at(&self, place: Place) -> u64 {
        match place {
            Place::At(offset) => offset,
            Place::Here => self.elsewhere.unwrap_or(0),
        }
    }
}

fn reopen(tid: u32, fd: i32) -> Result<Opened, Untaken> {
    let refused = |error: std::io::Error| match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::SRCH) => Untaken::NotThere,
        error => Untaken::Refused(error.unwrap_or(Errno::IO)),
    };
    let (pos, flags) = tracee::fdinfo(tid, fd).map_err(refused)?;
    let kept = flags & (OFlags::ACCMODE | OFlags::APPEND | OFlags::SYNC | OFlags::DSYNC);
    let path = format!("/proc/{tid}/fd/{fd}");
    let fd = openat(CWD, path, kept | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY, Mode::empty())
        .map_err(|error| refused(error.into()))?;
    Opened::of(fd, flags, Some(pos))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    fn opened(exact: bool, append: bool) -> (tempfile::TempDir, File, Opened) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "four").unwrap();
        let file = File::options().append(append).write(true).open(path).unwrap();
        let (mut exact, me) = (exact, std::process::id());
        let opened = Opened::take(&mut Tracees::default(), &mut exact, me, file.as_raw_fd()).unwrap();
        (dir, file, opened)
    }

    fn text(dir: &tempfile::TempDir) -> String {
        std::fs::read_to_string(dir.path().join("file")).unwrap()
    }

    #[test]
    fn an_append_lands_at_the_end_on_both_rungs() {
        for exact in [true, false] {
            let (dir, _file, opened) = opened(exact, true);
            assert_eq!(opened.offset(Place::Here, 0), 4);
            assert_eq!(opened.write(b"", Place::At(1), 0), (4, Ok(0)));
            assert_eq!(opened.write(b"ab", Place::Here, 0), (4, Ok(2)));
            // Of an append the kernel ignores the offset.
            assert_eq!(opened.write(b"c", Place::At(0), 0), (6, Ok(1)));
            assert_eq!(opened.write(b"D", Place::At(0), RWF_NOAPPEND), (0, Ok(1)));
            assert!(!opened.moves_nothing(Place::Here, 0));
            assert_eq!(text(&dir), "Dourabc");
        }
    }

    #[test]
    fn a_position_moves_on_the_exact_rung_alone() {
        for exact in [true, false] {
            let (dir, file, opened) = opened(exact, false);
            assert_eq!(opened.write(b"ab", Place::Here, 0), (0, Ok(2)));
            assert_eq!(seek(&file, SeekFrom::Current(0)).unwrap(), if exact { 2 } else { 0 });
            assert_eq!(opened.moves_nothing(Place::Here, 0), !exact);
            assert_eq!(opened.write(b"c", Place::At(3), 0), (3, Ok(1)));
            assert_eq!(opened.write(b"d", Place::Here, RWF_APPEND), (4, Ok(1)));
            assert_eq!(text(&dir), "abucd");
        }
    }

    #[test]
    fn what_the_caller_may_not_write_is_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = File::open(file.path()).unwrap();
        for exact in [true, false] {
            let (mut exact, me) = (exact, std::process::id());
            let opened = Opened::take(&mut Tracees::default(), &mut exact, me, read.as_raw_fd()).unwrap();
            assert!(!opened.can_write() && opened.is_regular());
            let none = Opened::take(&mut Tracees::default(), &mut exact, me, 999_999);
            assert!(matches!(none, Err(Untaken::NotThere)));
        }
    }
}
