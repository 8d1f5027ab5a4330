//! Running a helper program to its end, within a time limit, and keeping the end of what it prints.
//!
//! The wait is one `poll` on the process's own descriptor, so nothing polls a clock and a number that the kernel has
//! given away again is never signalled. A program that is too slow is killed. It stays in our process group, so that
//! what interrupts the harness at a terminal interrupts it too.

use std::io::{self, Read, Seek, SeekFrom};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::limits::PROBE_OUTPUT_BYTES;
use crate::neutral;

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// Its status; `None` if it was killed because its time was over.
    pub(super) status: Option<ExitStatus>,
    /// The end of what it printed on both streams, control characters but line ends replaced.
    pub(super) output: String,
}

/// Runs `command` without input, for at most `limit`.
pub(super) fn run(command: &mut Command, limit: Duration) -> io::Result<Ran> {
    let mut file = tempfile::tempfile()?;
    let mut child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?).spawn()?;
    let in_time = ends_within(child.id(), limit);
    if !matches!(in_time, Ok(true)) {
        // An error here means that it has ended meanwhile.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let status = in_time?.then_some(status);
    Ok(Ran { status, output: tail(&mut file)? })
}

fn ends_within(pid: u32, limit: Duration) -> io::Result<bool> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("an impossible pid"))?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    let ready = rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)))?;
    Ok(ready > 0)
}

fn tail(file: &mut std::fs::File) -> io::Result<String> {
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(PROBE_OUTPUT_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(PROBE_OUTPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(neutral::block(&String::from_utf8_lossy(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> Ran {
        run(Command::new("/bin/sh").args(["-c", script]), limit).unwrap()
    }

    #[test]
    fn keeps_both_streams_and_neutralises_them() {
        let ran = sh("echo one; printf 'two\\033[2J' >&2; exit 3", Duration::from_secs(60));
        assert_eq!(ran.status.unwrap().code(), Some(3));
        assert_eq!(ran.output, "one\ntwo␛[2J");
    }

    #[test]
    fn a_program_that_is_too_slow_is_killed() {
        let ran = sh("echo begun; exec sleep 600", Duration::from_millis(50));
        assert!(ran.status.is_none());
    }

    #[test]
    fn only_the_end_of_long_output_is_kept() {
        let ran = sh("head -c 100000 /dev/zero | tr '\\0' x; echo end", Duration::from_secs(60));
        assert_eq!(ran.output.len() as u64, PROBE_OUTPUT_BYTES);
        assert!(ran.output.ends_with("xend\n"));
    }
}
