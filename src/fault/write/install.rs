//! How the filter gets into a program, and the notifier to the harness.
//!
//! The harness makes a pair of sockets and keeps one end as [`Handover`]; the other goes to the launcher as its
//! [`Gift`]. The launcher sets the filter on itself and sends the notifier that the kernel gives it for that through
//! the socket (`sendmsg` is not asked about, so this cannot wait for itself). Then it becomes the command, which inherits
//! the filter, as everything does that the command starts. A notifier that nobody takes is closed with the socket, and
//! the calls that it was for fail with `ENOSYS`: nothing ever waits for a harness that is gone.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::thread::set_no_new_privs;

use super::{filter, sys};
use crate::proc::{Gift, LAUNCH_FAILED};

/// What the launcher's command line names the socket with.
const OPTION: &str = "--injector";
/// Asks for reads as well.
const READS: &str = "--reads";

/// The harness's end: where the notifier will arrive.
#[derive(Debug)]
pub struct Handover {
    socket: OwnedFd,
    /// Whether reads are asked about too.
    pub(super) reads: bool,
}

/// What arrives there.
#[derive(Debug)]
pub(super) struct Notifier {
    pub(super) listener: OwnedFd,
    /// Whether a signal can interrupt a call that waits for its answer, as it can before Linux 5.19.
    pub(super) interruptible: bool,
}

/// Both ends of the way that a notifier takes; `reads` says whether reads are to be asked about too.
pub fn offer(reads: bool) -> io::Result<(Gift, Handover)> {
    let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let words = if reads { vec![READS] } else { Vec::new() };
    Ok((Gift { option: OPTION, fd: theirs, words }, Handover { socket, reads }))
}

/// Why a launcher could not take the filter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// It was not called as we call it.
    #[error("{LAUNCH_FAILED} {OPTION} is followed by the number of an inherited descriptor, and perhaps by {READS}")]
    Usage,
    /// No filter is written for it.
    #[error("{LAUNCH_FAILED} faults at single writes are there for x86-64 and aarch64 alone")]
    Architecture,
    /// The kernel refuses.
    #[error("{LAUNCH_FAILED} failed to watch the writes of the command: {doing}: {source}; {remedy}")]
    Kernel {
        /// At what.
        doing: &'static str,
        /// What it said.
        source: io::Error,
        /// What to do.
        remedy: &'static str,
    },
}

impl InstallError {
    /// The exit code that the launcher has for it.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, InstallError::Usage) { 2 } else { 126 }
    }
}

/// To be called in the launcher with what follows `__exec`: takes our words out, does what they ask for, and gives the
/// rest. Without such words nothing happens. From a success on, every write of this process waits for the harness.
pub fn install(args: &[OsString]) -> Result<Vec<OsString>, InstallError> {
    let [flag, parent, option, number, rest @ ..] = args else { return Ok(args.to_vec()) };
    if option != OPTION {
        return Ok(args.to_vec());
    }
    let number = number.to_str().and_then(|text| text.parse().ok()).ok_or(InstallError::Usage)?;
    let (reads, rest) = match rest {
        [word, rest @ ..] if word == READS => (true, rest),
        rest => (false, rest),
    };
    hand_over(number, reads)?;
    Ok([flag, parent].into_iter().chain(rest).cloned().collect())
}

fn hand_over(number: i32, reads: bool) -> Result<(), InstallError> {
    let program = filter::program(reads).ok_or(InstallError::Architecture)?;
    let socket = sys::own(number).map_err(|_| InstallError::Usage)?;
    // Without it a filter is the privilege of an administrator; with it, a program can only lose by one.
    set_no_new_privs(true).map_err(refused("no_new_privs", "use Linux 3.5 or newer"))?;
    let (listener, interruptible) = sys::listen(&program).map_err(|source| {
        let remedy = match source.raw_os_error() {
            Some(libc::EBUSY) => "there is such a filter already: do not run it under another supervisor of its calls",
            _ => "seccomp's user notification is needed (Linux 5.5); a container may forbid it. Ask `rehydra doctor`",
        };
        InstallError::Kernel { doing: "seccomp", source, remedy }
    })?;
    let fds = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    message.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(&socket, &[IoSlice::new(&[u8::from(interruptible)])], &mut message, SendFlags::NOSIGNAL)
        .map(drop)
        .map_err(refused("the notifier's way to the harness", "the harness is gone"))
}

fn refused(doing: &'static str, remedy: &'static str) -> impl Fn(rustix::io::Errno) -> InstallError {
    move |source| InstallError::Kernel { doing, source: source.into(), remedy }
}

impl Handover {
    /// Takes the notifier that has arrived; `None` if the other end was closed without sending one.
    pub(super) fn take(&self) -> io::Result<Option<Notifier>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        recvmsg(&self.socket, &mut [IoSliceMut::new(&mut byte)], &mut message, RecvFlags::CMSG_CLOEXEC)?;
        let mut fds = message.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        Ok(fds.next().map(|listener| Notifier { listener, interruptible: byte != [0] }))
    }
}

impl AsFd for Handover {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// From now on this thread, and whatever it starts, is refused `pidfd_getfd`, as in a default container. It cannot be taken
/// back. For tests of what a [`super::Supervisor`] does then.
#[doc(hidden)]
pub fn refuse_descriptors() -> io::Result<()> {
    let program = filter::without_descriptors().ok_or(io::ErrorKind::Unsupported)?;
    set_no_new_privs(true)?;
    sys::restrict(&program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn a_launch_without_our_words_is_left_as_it_is() {
        for line in ["", "--parent 1 -- true", "--parent 1 -- --injector 3"] {
            assert_eq!(install(&args(line)).unwrap(), args(line));
        }
    }

    #[test]
    fn a_number_that_is_no_descriptor_is_wrong_usage() {
        for line in ["--parent 1 --injector x -- true", "--parent 1 --injector 999999 -- true"] {
            let error = install(&args(line)).unwrap_err();
            assert!(matches!(error, InstallError::Usage), "{error}");
            assert!(error.to_string().starts_with(LAUNCH_FAILED));
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn an_end_that_is_closed_brings_no_notifier() {
        let (gift, handover) = offer(true).unwrap();
        assert_eq!(gift.words, [READS]);
        drop(gift);
        assert!(handover.take().unwrap().is_none());
    }
}
