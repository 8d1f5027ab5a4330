//! What reading a rollout costs: counting its newlines, reading its records, rebuilding its history.
//!
//! `cargo bench --bench reading [-- --mb N[,N…]]`. Files of two eras, of 10, 100 and 200 MB, are generated in a temporary
//! directory. Each figure is taken in a process of its own, so that its peak memory is its own: the fastest of some
//! rounds, its share of CPU seconds, and the peak of resident memory. The ceiling is `memchr` counting newlines over the
//! same reads, and each figure stands beside it as a ratio.
//!
//! A further reader is one more entry of [`READERS`]; `benches/peers` compares with readers of others, `resuming` with
//! Codex.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rehydra::rollout::generate::{Spec, generate};
use rehydra::rollout::history::read_transcript;
use rehydra::rollout::reader::{Found, Reader};
use rehydra::rollout::{Era, ThreadId, read_history};
use rehydra::world::RealDisk;

type Failure = Box<dyn Error>;

const ROUNDS: u32 = 5;
const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

/// What is measured: a name, and what gives a number by which the work can be checked.
const READERS: [(&str, Measured); 4] = [
    ("newlines", newlines),
    ("every record, copied", records),
    ("history, held", history),
    ("transcript, not held", transcript),
];
type Measured = fn(&Path) -> Result<u64, Failure>;

fn newlines(path: &Path) -> Result<u64, Failure> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 128 << 10];
    let mut count = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(count);
        }
        count += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
    }
}

fn records(path: &Path) -> Result<u64, Failure> {
    let mut count = 0;
    for found in Reader::open(&RealDisk, path)? {
        count += u64::from(matches!(found?, Found::Record(_)));
    }
    Ok(count)
}

fn history(path: &Path) -> Result<u64, Failure> {
    Ok(read_history(&RealDisk, path)?.items.len() as u64)
}

fn transcript(path: &Path) -> Result<u64, Failure> {
    let mut count = 0;
    for entry in read_transcript(&RealDisk, None, path)? {
        entry?;
        count += 1;
    }
    Ok(count)
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    if let (Some(reader), Some(path)) = (value("--one"), value("--file")) {
        return measure(reader, Path::new(path));
    }
    let sizes = value("--mb").map_or("10,100,200", String::as_str);
    let dir = tempfile::tempdir()?;
    println!("{:<34} {:<22} {:>9} {:>8} {:>9} {:>9}", "file", "", "MB/s", "ratio", "CPU s", "peak MB");
    for size in sizes.split(',') {
        let mb: u64 = size.trim().parse()?;
        for era in [Era::Envelope, Era::Paginated] {
            let path = make(dir.path(), era, mb << 20)?;
            compare(&format!("{mb} MB {era:?}"), &path)?;
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// A file of about that many bytes, with tool calls whose outputs have the length of real ones.
fn make(dir: &Path, era: Era, bytes: u64) -> Result<PathBuf, Failure> {
    let turns = u32::try_from(bytes / 20_000)?;
    let spec = Spec { turns, era, tools: 4, reasoning: true, bytes, ..Spec::default() };
    let made = generate(&spec, ThreadId::parse(ID)?, "/a/project", "2026-11-22T16:02:07Z".parse()?);
    let path = dir.join(made.path.file_name().unwrap_or_default());
    fs::write(&path, &made.bytes)?;
    Ok(path)
}

/// One line for each reader, each in a process of its own.
fn compare(what: &str, path: &Path) -> Result<(), Failure> {
    let mb = fs::metadata(path)?.len() as f64 / 1e6;
    let mut ceiling = None;
    for (name, _) in READERS {
        let output = Command::new(std::env::current_exe()?).arg("--one").arg(name).arg("--file").arg(path).output()?;
        let text = String::from_utf8(output.stdout)?;
        let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [seconds, cpu, peak_mb, ..] = figures[..] else { return Err(format!("{name}: {text}").into()) };
        let ceiling = *ceiling.get_or_insert(seconds);
        println!("{what:<34} {name:<22} {:>9.0} {:>8.2} {cpu:>9.3} {peak_mb:>9.1}", mb / seconds, seconds / ceiling);
    }
    Ok(())
}

/// Prints the seconds and CPU seconds of the fastest round, the peak in MB, and the number that the reader gave.
#[allow(clippy::disallowed_methods, reason = "a benchmark is about real time")]
fn measure(reader: &str, path: &Path) -> Result<(), Failure> {
    let (_, read) = READERS.iter().find(|(name, _)| *name == reader).ok_or("no such reader")?;
    let mut best = (f64::INFINITY, 0.0);
    let mut number = 0;
    for _ in 0..ROUNDS {
        let (began, cpu) = (Instant::now(), cpu_seconds()?);
        number = read(path)?;
        let seconds = began.elapsed().as_secs_f64();
        if seconds < best.0 {
            best = (seconds, cpu_seconds()? - cpu);
        }
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: f64 = peak.trim().trim_end_matches(" kB").parse()?;
    println!("{} {} {} {number}", best.0, best.1, kib * 1024.0 / 1e6);
    Ok(())
}

/// User and system time of this process. The kernel counts it in nanoseconds.
fn cpu_seconds() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}
