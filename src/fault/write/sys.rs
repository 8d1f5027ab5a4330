//! The system calls of the injector that have no safe wrapper elsewhere. Nothing else in the crate is `unsafe`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_uint, c_ulong, seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of `linux/seccomp.h`, since 6.6.
const SYNC_WAKE_UP: u64 = 1;

/// Takes over an open descriptor that was left to this process by number.
pub(super) fn own(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: `F_GETFD` takes no pointer, and says of any number whether it is an open descriptor.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and the launcher, which alone calls this, has one thread and has opened nothing before: the
    // number that it is told is the one that was inherited for it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sets the filter on this thread for good and gives the notifier that hears of its notifications, and whether signals can
/// interrupt a call that waits for its answer.
pub(super) fn listen(filter: &[sock_filter]) -> io::Result<(OwnedFd, bool)> {
    let wanted = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let (number, interruptible) = match set_filter(filter, wanted | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        // Before Linux 5.19.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => (set_filter(filter, wanted)?, true),
        set => (set?, false),
    };
    // SAFETY: with this flag a success is a new descriptor that nobody else owns.
    Ok((unsafe { OwnedFd::from_raw_fd(number) }, interruptible))
}

/// Sets a filter without notifications on this thread for good.
pub(super) fn restrict(filter: &[sock_filter]) -> io::Result<()> {
    set_filter(filter, 0).map(drop)
}

fn set_filter(filter: &[sock_filter], flags: c_ulong) -> io::Result<RawFd> {
    let len = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = sock_fprog { len, filter: filter.as_ptr().cast_mut() };
    let mode: c_uint = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: the program and its instructions live until the call returns; the kernel copies them and writes nothing.
    let got = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    if got < 0 { Err(io::Error::last_os_error()) } else { RawFd::try_from(got).map_err(io::Error::other) }
}

/// The next notification. `ENOENT` if its caller has died in between.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<seccomp_notif> {
    // SAFETY: it is plain numbers, for all of which zero is a value; the kernel insists on zeroes.
    let mut notification: seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request's size is that of the struct, which is ours to be written.
    let got = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification) };
    checked(got).map(|()| notification)
}

/// Answers a notification.
pub(super) fn answer(listener: BorrowedFd<'_>, mut response: seccomp_notif_resp) -> io::Result<()> {
    // SAFETY: the request's size is that of the struct, which lives until the call returns.
    checked(unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) })
}

/// Whether the caller of a notification is still waiting for its answer.
pub(super) fn is_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads one number of 64 bits, which lives until the call returns.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Asks the kernel to wake both sides on the processor of the other, which saves half of the time of a notification. Where
/// it cannot (before 6.6), everything works as well and more slowly.
pub(super) fn wake_in_place(listener: BorrowedFd<'_>) {
    // SAFETY: the argument of this request is the flags themselves, no pointer.
    let _ = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) };
}

/// Appends what stands in the memory of another process at `places`, each an address and a length, up to the first byte
/// that cannot be read. An error if that is the very first.
pub(super) fn read_memory(pid: u32, places: &[(u64, usize)], into: &mut Vec<u8>) -> io::Result<()> {
    let begin = into.len();
    into.resize(begin + places.iter().map(|(_, len)| len).sum::<usize>(), 0);
    let room = &mut into[begin..];
    let local = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let remote: Vec<libc::iovec> =
        places.iter().map(|(at, len)| libc::iovec { iov_base: *at as *mut libc::c_void, iov_len: *len }).collect();
    // SAFETY: the kernel writes into `room`, at most its length, and reads both lists, which live until the call returns;
    // the remote addresses are never touched in this process.
    let got = unsafe {
        libc::process_vm_readv(
            libc::pid_t::try_from(pid).unwrap_or(-1),
            &raw const local,
            1,
            remote.as_ptr(),
            remote.len() as c_ulong,
            0,
        )
    };
    into.truncate(begin + usize::try_from(got).unwrap_or(0));
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn checked(got: c_int) -> io::Result<()> {
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
