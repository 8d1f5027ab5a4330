//! What one reading of a file cost this process, as one line: who read, what it got, how many of that, bytes of text in
//! them, seconds, CPU seconds, peak of resident memory in KiB.
//!
//! Peers clash over native libraries, so each is a package of its own and includes this file. Time is taken around the
//! reading alone, from opening the file to letting go of what was read: a process's start is not what is compared.

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// What a reader got of a file.
pub struct Got {
    /// Its own word for them.
    pub what: &'static str,
    /// How many.
    pub things: usize,
    /// How many bytes of the thread's texts it gives with them.
    pub text_bytes: usize,
}

/// Reads the file named by the first argument with `read`, and prints the line.
pub fn one(name: &str, read: impl FnOnce(PathBuf) -> Result<Got, Box<dyn Error>>) {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: {name} FILE");
        std::process::exit(2);
    };
    let (began, spent) = (Instant::now(), cpu());
    match read(path.into()) {
        Ok(Got { what, things, text_bytes }) => println!(
            "{name}\t{what}\t{things}\t{text_bytes}\t{:.6}\t{:.6}\t{}",
            began.elapsed().as_secs_f64(),
            (cpu() - spent).as_secs_f64(),
            peak_kib()
        ),
        Err(error) => {
            eprintln!("{name}: {error}");
            std::process::exit(1);
        }
    }
}

/// User and system time of this process so far, all threads.
fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap_or(0))
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
