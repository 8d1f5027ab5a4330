//! The write injector: every write of an unmodified program to its session files, in one order, and under control.
//!
//! A program under test is somebody's binary, static as often as not, so nothing can be slipped in between it and the
//! kernel by a linker. The kernel itself asks: a seccomp filter, set by our launcher right before it becomes the command
//! ([`install`]), stops each call of the write family and notifies a [`Supervisor`] in the harness, which looks up what
//! file the call is about, asks its [`Watch`] what shall become of it, and does that: let it pass, land a part of it, fail
//! it, keep it waiting. All threads and all children of the program queue at one notifier, so "the ninth write to
//! `sessions/**`" is one well-defined write.
//!
//! What it promises:
//!
//! * **Exact.** A covered write is done by the supervisor itself, through the program's own open file, so that which bytes
//!   landed, and where, is known and not guessed. `O_APPEND`, offsets and short counts are as the kernel has them.
//! * **Complete.** Whatever could write past it is refused or told: `io_uring` is answered with `ENOSYS`, a call of another
//!   ABI ends the program.
//! * **Nobody else.** It needs no privileges and touches only the program that carries the filter, and its children.
//!
//! What it does not see: stores into a shared mapping (a sqlite `-shm`, say), clones of extents (`FICLONE`), and what other
//! processes write. What it changes besides: a program under it cannot gain privileges (`no_new_privs`), cannot hide from
//! its own user (`PR_SET_DUMPABLE` is answered and not done), and cannot stop, though it can die, in the middle of a call
//! that waits for an answer.
//!
//! | file | what stands there |
//! |---|---|
//! | `filter` | what the kernel asks about |
//! | `install` | how the filter gets into the program, and the notifier to the harness |
//! | `supervisor` | the thread that answers |
//! | `engine` | from a notification to its answer |
//! | `sight` | what a call is about |
//! | `call`, `names`, `tracee` | what a call says, which file a path means, the caller seen from outside |
//! | `opened` | a covered file, and what is done to it; the two rungs |
//! | `sys` | the system calls without a safe wrapper |

mod call;
mod engine;
mod filter;
mod install;
mod names;
mod opened;
mod sight;
mod supervisor;
mod sys;
mod tracee;

use std::path::Path;
use std::time::Duration;

pub use install::{Handover, InstallError, install, offer, refuse_descriptors};
pub use supervisor::Supervisor;

/// What a program is about to do to a covered file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `write`, `writev`, `pwrite64`, `pwritev*`, and what a kernel-side copy would have written.
    Write,
    /// `ftruncate` and `truncate`, to that length; an `open` with `O_TRUNC` of a file that is not empty, to 0.
    Truncate {
        /// The length that the file is to have.
        len: u64,
    },
    /// `rename*`: [`Attempt::to`] is where to.
    Rename,
    /// `unlink*` and `rmdir`.
    Unlink,
    /// An `open` with `O_CREAT` of a name that is not there yet; `link*`, `symlink*` and `mknod*`.
    Create,
    /// `mkdir*`.
    Mkdir,
    /// `fsync`, `fdatasync`, of a file or of a directory.
    Sync,
    /// `read`, `readv`, `pread64`, `preadv*`; only where reads are watched.
    Read,
}

/// A call on a covered path that is about to happen.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Its place in the order of all covered calls of this life, from 1.
    pub order: u64,
    /// The thread that calls.
    pub tid: u32,
    /// What it is.
    pub op: Op,
    /// The file, absolute, as the kernel names it.
    pub path: &'a Path,
    /// Where a rename leads to; of a hard link that is made, the name that its file has already.
    pub to: Option<&'a Path>,
    /// Where in the file a write begins.
    pub offset: u64,
    /// What is to be written.
    pub data: &'a [u8],
}

/// What becomes of an [`Attempt`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It happens as it would have.
    Pass,
    /// It happens after that time.
    Delay(Duration),
    /// Nothing of it happens until [`Supervisor::release`] is called, and then all of it. Meanwhile its process cannot be
    /// stopped, but killed.
    Hold,
    /// The first `bytes` of a write land, then `then`. Of anything but a write nothing happens before `then`.
    Cut {
        /// At most all of them.
        bytes: u64,
        /// What the program meets.
        then: Then,
    },
}

/// What a program meets after a part of its write has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// No answer: whoever decided this ends the program in [`Watch::happened`], and the call never returns.
    NoReturn,
    /// The count of what has landed. Of nothing landed, and of anything but a write, this is success without effect; an
    /// `open` has none without effect, so it passes and that is told.
    Short,
    /// That errno, whatever has landed.
    Errno(i32),
}

/// Who decides.
///
/// Every method is called on the supervisor's own thread, one after the other; the program waits meanwhile.
pub trait Watch: Send + Sync {
    /// Whether calls about this path matter. What does not is not looked at further.
    fn covers(&self, path: &Path) -> bool;
    /// A covered call is about to happen. If its caller dies before it does, nothing more is heard of it.
    fn about_to(&self, attempt: &Attempt<'_>) -> Decision;
    /// It has happened as far as it was to, with so many bytes of its data in the file; or it has failed with that errno,
    /// by the kernel's word or by the decision's. The program has not been answered yet. What is done to a name, and a
    /// read, is done by the kernel right after this.
    fn happened(&self, attempt: &Attempt<'_>, landed: u64, errno: Option<i32>);
    /// Something that the injector could not do as it was told, or that may have passed it by.
    fn trouble(&self, text: &str);
}
