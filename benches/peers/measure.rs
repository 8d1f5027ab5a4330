//! What one reading of a file cost this process, as one line: name, things read, milliseconds, CPU milliseconds, peak KiB.
//!
//! Peers clash over native libraries, so each is a package of its own and includes this file. Time is taken around the
//! reading alone: a process's start is not what is compared.

use std::path::PathBuf;
use std::time::Instant;

/// Reads the file named by the first argument with `read`, which says how many things it got, and prints the line.
pub fn one(name: &str, read: impl FnOnce(PathBuf) -> Result<usize, Box<dyn std::error::Error>>) {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: {name} FILE");
        std::process::exit(2);
    };
    let (began, cpu) = (Instant::now(), cpu_ms());
    match read(path.into()) {
        Ok(things) => println!(
            "{name}\t{things}\t{}\t{}\t{}",
            began.elapsed().as_millis(),
            cpu_ms().saturating_sub(cpu),
            peak_kib()
        ),
        Err(error) => {
            eprintln!("{name}: {error}");
            std::process::exit(1);
        }
    }
}

/// User and system time of this process so far; the kernel counts in steps of 10 ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
