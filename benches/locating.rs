//! What it costs to find a thread among many.
//!
//! `cargo bench --bench locating [-- --files N]`. A home of 100,000 small rollouts over 1,000 days
//! is made in a temporary directory, and ids are looked for: one that tells its day, one of a paginated thread, one of
//! version 4, one that is not there, and a base of a chain. Beside each: directories read and files opened, the
//! milliseconds of the fastest and of the middle round, and the CPU's share of the fastest. A bare `read_dir` over the
//! same tree, which does nothing with the names, says what belongs to the file system.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rehydra::rollout::{ThreadId, find_segment, find_thread_path};
use rehydra::world::{Disk, Entry, EntryKind, Lock, ReadFile, RealDisk, Status, WriteFile};
use uuid::{Builder, Uuid};

type Failure = Box<dyn Error>;

const DAYS: u64 = 1_000;
const DAY_MS: u64 = 86_400_000;
/// 2024-01-01.
const FIRST_DAY_MS: u64 = 1_704_067_200_000;
const ROUNDS: usize = 15;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let files = args.iter().position(|arg| arg == "--files").and_then(|at| args.get(at + 1));
    let files: u64 = files.map_or(Ok(100_000), |text| text.parse())?;
    let home = tempfile::tempdir()?;
    let home = home.path();
    println!("{files} rollouts over {DAYS} days, names in the page cache");
    let wanted = fill(home, files)?;
    println!("{:<44} {:>11} {:>6} {:>10} {:>10} {:>8}", "", "directories", "opens", "min ms", "median ms", "CPU ms");
    measure("bare read_dir over the tree", |_| Ok(bare(home)? == files as usize))?;
    let is = |expected: &Path, found: io::Result<Option<PathBuf>>| Ok(found?.as_deref() == Some(expected));
    for (what, id, path) in &wanted {
        measure(what, |disk| is(path, find_thread_path(disk, home, ThreadId::from(*id))))?;
    }
    if let Some((_, id, path)) = wanted.first() {
        measure("base of a chain, by its rollout id", |disk| is(path, find_segment(disk, home, *id)))?;
    }
    let unknown = ThreadId::from(id_of(FIRST_DAY_MS, u64::MAX));
    measure("an id that no file has", |disk| Ok(find_thread_path(disk, home, unknown)?.is_none()))
}

fn id_of(millis: u64, n: u64) -> Uuid {
    let mut random = [0; 10];
    // From the end: version and variant take bits of the first three bytes.
    for (byte, from) in random.iter_mut().rev().zip(n.to_le_bytes()) {
        *byte = from;
    }
    Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Makes the home; gives the files that will be looked for.
fn fill(home: &Path, files: u64) -> Result<Vec<(&'static str, Uuid, PathBuf)>, Failure> {
    let mut wanted = Vec::new();
    for n in 0..files {
        let millis = FIRST_DAY_MS + (n * DAYS / files) * DAY_MS + 3_600_000;
        let (what, mode) = match n {
            n if n == files / 3 => ("a legacy thread whose id tells its day", "legacy"),
            n if n == files / 2 => ("a paginated thread", "paginated"),
            n if n == files / 4 => ("an id of version 4", "legacy"),
            n => ("", if n % 2 == 0 { "legacy" } else { "paginated" }),
        };
        let mut id = id_of(millis, n);
        if what == "an id of version 4" {
            id = Builder::from_random_bytes(*id.as_bytes()).into_uuid();
        }
        let time = jiff::Timestamp::from_millisecond(i64::try_from(millis)?)?;
        let dir = home.join("sessions").join(time.strftime("%Y/%m/%d").to_string());
        fs::create_dir_all(&dir)?;
        let path = dir.join(format!("rollout-{}-{id}.jsonl", time.strftime("%Y-%m-%dT%H-%M-%S")));
        let payload = format!(r#"{{"id":"{id}","history_mode":"{mode}"}}"#);
        fs::write(&path, format!("{{\"timestamp\":\"{time}\",\"type\":\"session_meta\",\"payload\":{payload}}}\n"))?;
        if !what.is_empty() {
            wanted.push((what, id, path));
        }
    }
    wanted.sort_by_key(|(what, ..)| *what != "a legacy thread whose id tells its day");
    Ok(wanted)
}

/// Names alone, by the standard library's own walk.
fn bare(dir: &Path) -> io::Result<usize> {
    let mut files = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { bare(&entry.path())? } else { 1 };
    }
    Ok(files)
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about real time")]
fn now() -> Instant {
    Instant::now()
}

fn cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}

fn measure(what: &str, look: impl Fn(&Counting) -> Result<bool, Failure>) -> Result<(), Failure> {
    let mut rounds = Vec::new();
    let mut counts = (0, 0);
    for _ in 0..ROUNDS {
        let disk = Counting::default();
        let (began, spent) = (now(), cpu());
        if !look(&disk)? {
            return Err(format!("{what}: the wrong answer").into());
        }
        rounds.push((now() - began, cpu() - spent));
        counts = (disk.directories.load(Ordering::Relaxed), disk.opens.load(Ordering::Relaxed));
    }
    rounds.sort();
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    if let (Some((min, cpu)), Some((median, _))) = (rounds.first(), rounds.get(ROUNDS / 2)) {
        let (directories, opens) = counts;
        println!("{what:<44} {directories:>11} {opens:>6} {:>10.2} {:>10.2} {:>8.2}", ms(*min), ms(*median), ms(*cpu));
    }
    Ok(())
}

/// The real disk, counting.
#[derive(Default)]
struct Counting {
    directories: AtomicUsize,
    opens: AtomicUsize,
}

impl Disk for Counting {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.opens.fetch_add(1, Ordering::Relaxed);
        RealDisk.open(path)
    }
    fn status(&self, path: &Path) -> io::Result<Status> {
        RealDisk.status(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.directories.fetch_add(1, Ordering::Relaxed);
        RealDisk.list(dir)
    }
    fn visit(&self, dir: &Path, each: &mut dyn FnMut(&OsStr, Option<EntryKind>) -> ControlFlow<()>) -> io::Result<()> {
        self.directories.fetch_add(1, Ordering::Relaxed);
        RealDisk.visit(dir, each)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(dir)
    }
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        RealDisk.create_new(path)
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        RealDisk.append(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        RealDisk.lock(path, wait)
    }
}
