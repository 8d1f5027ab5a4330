//! The threads that call, seen from outside: their files, their memory, whether they are about to die.
//!
//! A thread is known by its number, which the kernel gives away again. What is kept about one is therefore held by
//! descriptors of the thread itself (its `/proc` directory, its pidfd): of a thread that is gone they only say that.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat_raw};
use rustix::io::Errno;
use rustix::path::DecInt;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::sys;

/// Longest path of the kernel.
pub(super) const PATH_BYTES: usize = 4096;
/// So many threads are remembered; when more come, all are looked up anew.
const THREADS: usize = 256;
/// Most entries that the kernel takes in a list of `iovec`s.
const IOVECS: u64 = 1024;
const IOVEC_BYTES: usize = 16;
/// The smallest page there is: a text is read from page to page, because what follows its end may not be there.
const PAGE_BYTES: u64 = 4096;
/// `PIDFD_THREAD` of `linux/pidfd.h`, since 6.9.
const PIDFD_THREAD: u32 = libc::O_EXCL.unsigned_abs();
/// `SIGKILL` in the masks of `/proc/TID/status`.
const KILL_MASK: u64 = 1 << (libc::SIGKILL - 1);

/// See the module.
#[derive(Default)]
pub(super) struct Tracees {
    known: HashMap<u32, Tracee>,
}

struct Tracee {
    /// `/proc/TID/fd`.
    files: OwnedFd,
    pidfd: Option<OwnedFd>,
}

impl Tracees {
    /// What `/proc` calls the open file: an absolute path for one that has a path, else a text of another form.
    pub(super) fn path_of<'r>(&mut self, tid: u32, fd: i32, room: &'r mut [u8; PATH_BYTES]) -> Result<&'r [u8], Errno> {
        let known = self.known.contains_key(&tid);
        let mut found = readlinkat_raw(&self.of(tid)?.files, DecInt::new(fd), &mut room[..]);
        if known && matches!(found, Err(Errno::NOENT | Errno::SRCH)) {
            // Perhaps another thread with the same number.
            self.known.remove(&tid);
            found = readlinkat_raw(&self.of(tid)?.files, DecInt::new(fd), &mut room[..]);
        }
        let len = found?;
        Ok(room.get(..len).unwrap_or_default())
    }

    /// The open file itself.
    pub(super) fn take(&mut self, tid: u32, fd: i32) -> Result<OwnedFd, Errno> {
        let tracee = self.of(tid)?;
        if let Some(pidfd) = &tracee.pidfd {
            match pidfd_getfd(pidfd, fd, PidfdGetfdFlags::empty()) {
                Err(Errno::SRCH) => {}
                other => return other,
            }
        }
        let pidfd = tracee.pidfd.insert(open_pidfd(tid)?);
        pidfd_getfd(pidfd, fd, PidfdGetfdFlags::empty())
    }

    fn of(&mut self, tid: u32) -> Result<&mut Tracee, Errno> {
        if self.known.len() >= THREADS && !self.known.contains_key(&tid) {
            self.known.clear();
        }
        match self.known.entry(tid) {
            std::collections::hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            std::collections::hash_map::Entry::Vacant(new) => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                let files = openat(CWD, format!("/proc/{tid}/fd"), flags, Mode::empty())?;
                Ok(new.insert(Tracee { files, pidfd: None }))
            }
        }
    }
}

/// A descriptor of the thread, or where the kernel has none of threads, of its process.
fn open_pidfd(tid: u32) -> Result<OwnedFd, Errno> {
    let pid = |number: u32| i32::try_from(number).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    match pidfd_open(pid(tid)?, PidfdFlags::from_bits_retain(PIDFD_THREAD)) {
        Err(Errno::INVAL) => {
            let leader = status(tid, "Tgid:").and_then(|text| text.parse().ok()).ok_or(Errno::SRCH)?;
            pidfd_open(pid(leader)?, PidfdFlags::empty())
        }
        opened => opened,
    }
}

/// Whether the thread has a `SIGKILL` to die of, or is gone.
pub(super) fn is_dying(tid: u32) -> bool {
    let mask = |name| status(tid, name).and_then(|text| u64::from_str_radix(&text, 16).ok());
    match (mask("SigPnd:"), mask("ShdPnd:")) {
        (Some(own), Some(shared)) => {
            (own | shared) & KILL_MASK != 0 || status(tid, "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
        }
        _ => true,
    }
}

fn status(tid: u32, name: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().to_owned())
}

/// Position and flags of an open file, as `/proc/TID/fdinfo` tells them.
pub(super) fn fdinfo(tid: u32, fd: i32) -> io::Result<(u64, OFlags)> {
    let text = fs::read_to_string(format!("/proc/{tid}/fdinfo/{fd}"))?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let pos = field("pos:").and_then(|text| text.parse().ok());
    let flags = field("flags:").and_then(|text| u32::from_str_radix(text, 8).ok());
    match (pos, flags) {
        (Some(pos), Some(flags)) => Ok((pos, OFlags::from_bits_retain(flags))),
        _ => Err(io::Error::other("its fdinfo does not tell position and flags")),
    }
}

/// Appends `len` bytes of the thread's memory, or as many as can be read.
pub(super) fn read(tid: u32, places: &[(u64, usize)], into: &mut Vec<u8>) -> io::Result<()> {
    let begin = into.len();
    match sys::read_memory(tid, places, into) {
        // A container may forbid this way and leave the other open.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) => {
            into.truncate(begin);
            let memory = fs::File::open(format!("/proc/{tid}/mem"))?;
            for (at, len) in places {
                let start = into.len();
                into.resize(start + len, 0);
                let got = memory.read_at(&mut into[start..], *at)?;
                into.truncate(start + got);
                if got < *len {
                    break;
                }
            }
            Ok(())
        }
        read => read,
    }
}

/// The places that a list of `iovec`s names, cut off where they are `limit` bytes together. `None` if the list itself is
/// one that the kernel refuses.
pub(super) fn iovecs(tid: u32, list: u64, count: u64, limit: usize) -> Option<Vec<(u64, usize)>> {
    if count > IOVECS {
        return None;
    }
    let mut bytes = Vec::new();
    let len = usize::try_from(count).ok()? * IOVEC_BYTES;
    read(tid, &[(list, len)], &mut bytes).ok().filter(|()| bytes.len() == len)?;
    let mut left = limit;
    let entries = bytes.as_chunks::<IOVEC_BYTES>().0.iter().map(|entry| {
        let (at, len) = entry.split_at(IOVEC_BYTES / 2);
        let number = |half: &[u8]| half.try_into().map_or(0, u64::from_ne_bytes);
        let len = usize::try_from(number(len)).unwrap_or(usize::MAX).min(left);
        left -= len;
        (number(at), len)
    });
    Some(entries.filter(|(_, len)| *len > 0).collect())
}

/// The text at an address, without its end. `None` if it is not there or longer than a path.
pub(super) fn text(tid: u32, at: u64) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while text.len() < PATH_BYTES {
        let next = at.checked_add(u64::try_from(text.len()).ok()?)?;
        let len = usize::try_from(PAGE_BYTES - next % PAGE_BYTES).ok()?;
        let begin = text.len();
        read(tid, &[(next, len)], &mut text).ok()?;
        if let Some(end) = text.iter().skip(begin).position(|byte| *byte == 0) {
            text.truncate(begin + end);
            return Some(text);
        }
        if text.len() == begin {
            return None;
        }
    }
    None
}

/// The path by which the kernel knows one of our own descriptors.
pub(super) fn path_of_own(fd: impl AsFd) -> Result<Vec<u8>, Errno> {
    let number = std::os::fd::AsRawFd::as_raw_fd(&fd.as_fd());
    rustix::fs::readlink(format!("/proc/self/fd/{number}"), Vec::new()).map(std::ffi::CString::into_bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn me() -> u32 {
        std::process::id()
    }

    #[test]
    fn an_open_file_is_known_by_its_path_and_can_be_taken() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(file.as_file());
        let mut tracees = Tracees::default();
        let mut room = [0; PATH_BYTES];
        for _ in 0..2 {
            let path = tracees.path_of(me(), fd, &mut room).unwrap();
            assert_eq!(path, file.path().as_os_str().as_encoded_bytes());
        }
        let mut taken = fs::File::from(tracees.take(me(), fd).unwrap());
        taken.write_all(b"through it").unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"through it");
        let (pos, flags) = fdinfo(me(), fd).unwrap();
        assert_eq!(pos, 10);
        assert!(flags.contains(OFlags::RDWR));
        assert_eq!(tracees.take(me(), 999_999).unwrap_err(), Errno::BADF);
    }

    #[test]
    fn memory_is_read_up_to_where_it_ends() {
        let parts = [b"one ".to_vec(), b"two".to_vec()];
        let place = |part: &Vec<u8>| (part.as_ptr() as u64, part.len());
        let mut bytes = Vec::new();
        read(me(), &[place(&parts[0]), place(&parts[1]), (8, 4)], &mut bytes).unwrap();
        assert_eq!(bytes, b"one two");
        assert!(read(me(), &[(8, 4)], &mut bytes).is_err());
        let name = c"/a/path".to_owned();
        assert_eq!(text(me(), name.as_ptr() as u64).unwrap(), b"/a/path");
        assert_eq!(text(me(), 8), None);
    }

    #[test]
    fn a_list_of_places_is_cut_off_at_the_limit() {
        let list = [7_u64, 5, 9, 0, 11, 6];
        let at = list.as_ptr() as u64;
        assert_eq!(iovecs(me(), at, 3, 100).unwrap(), [(7, 5), (11, 6)]);
        assert_eq!(iovecs(me(), at, 3, 8).unwrap(), [(7, 5), (11, 3)]);
        assert_eq!(iovecs(me(), at, IOVECS + 1, 8), None);
    }

    #[test]
    fn nobody_is_dying_without_a_signal() {
        assert!(!is_dying(me()));
        assert!(is_dying(u32::MAX));
    }
}
