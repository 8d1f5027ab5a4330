//! Processes that cannot outlive the harness, and an honest count of what they leave behind.
//!
//! A target is a stranger's program: it forks, ignores signals, detaches. This room promises three things about every
//! process that it starts.
//!
//! * **It dies with us.** The command that is really run is our own binary as a launcher ([`exec_launcher`]): it asks
//!   the kernel for `SIGKILL` at its parent's death, checks that the parent is still there, and becomes the command. The
//!   kernel binds that wish to the *thread* that forked, so one thread that lives as long as the process does all the
//!   spawning ([`spawn`]). The wish is not inherited by what the command forks, so a [`warden`] process holds a pipe from
//!   us and clears up by tag once that pipe closes, even after `kill -9`.
//! * **It is found again.** Every child carries [`TAG_VAR`] in its environment, and leads a group of its own. The harness
//!   is a child subreaper, so what the child leaves behind becomes ours. [`find`] looks by tag, by descent and by
//!   group. A process that wipes its environment, leaves its group *and* loses its parent is not found.
//! * **Nobody else is hit.** Signals go through a pidfd, or to a group whose leader is not reaped yet, so that a number
//!   that the kernel has given away again never gets one.
//!
//! Nothing here knows of MCP, journals or scenarios.

mod child;
mod launcher;
mod leftover;
mod machine;
mod spawner;
mod table;
mod tag;
mod warden;

pub use child::{Child, Ended};
pub use launcher::{
    BOUND_VAR, LAUNCH_FAILED, LaunchError, LauncherError, answer_for_rehydra, exec_launcher, launcher_path,
    permissions_can_bind,
};
pub use leftover::{Found, Scope, clear, clear_now, find, wait_gone};
pub use machine::{Machine, Missing, Rung, WriteFaults};
pub use rustix::process::Signal;
pub use spawner::{Gift, Order, SpawnError, Spawned, spawn};
pub use tag::{TAG_VAR, Tag};
pub use warden::warden;
