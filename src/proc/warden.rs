//! The warden: a small process that outlives the harness by a moment, to clear up after it.
//!
//! A parent-death signal reaches what we started ourselves. What a target forks (a server behind `npx`, a shell of a
//! tool) would stay when the harness is killed with `SIGKILL`, because nobody is left to kill it. The warden reads a
//! pipe whose only writer is the harness: its end of file is the harness's death, whatever the cause. Then it kills every
//! process that carries the harness's tag, and ends. It carries no tag itself, and leads its own group, so a Ctrl-C at
//! the terminal does not reach it.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use std::os::unix::process::CommandExt;

use super::leftover::{Scope, clear_now};
use super::tag::Tag;

/// Waits until the other end of standard input is gone, then kills everything with the tag.
pub fn warden(tag: &str) {
    let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
    clear_now(&Scope::new(Tag::from_text(tag), None));
}

/// Starts a warden for this process. The answer must be kept: dropping it is what the warden takes for our death.
pub(super) fn start(launcher: &Path) -> io::Result<std::process::Child> {
    Command::new(launcher)
        .args(["__warden", Tag::harness().as_str()])
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}
