//! What the injector costs for each call that it is asked about: `cargo bench --bench injecting`.
//!
//! This program, as its own launcher and its own target, appends records of 150 bytes to a file: bare, with the filter and
//! a file that nobody watches, and with one that is watched and of which every write passes, on both rungs. Each is done
//! five times; the fastest and the middle one are told, in microseconds for each write. The aim is 10.
//!
//! `-- --target codex@0.153.4 [--rounds N]` tells instead what it costs a whole conversation of that server: the five turns
//! of `examples/conversation.toml`, in turn without the injector, with its writes watched, and with its reads watched too.
//! Told are the middle times of a whole run, and of its calls alone.

#![allow(clippy::print_stdout, reason = "the figures are the result")]

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use rehydra::fault::plan::Watched;
use rehydra::fault::write::{Attempt, Decision, Supervisor, Watch, offer, refuse_descriptors};
use rehydra::journal::{Event, Kind, Run};
use rehydra::limits::Limits;
use rehydra::player::{self, Plan};
use rehydra::proc::{self, Order, Tag};
use rehydra::scenario;
use rehydra::target::resolve::TargetName;
use rehydra::world::{Clock, RealClock};
use tokio::io::AsyncReadExt;

type Failure = Box<dyn Error + Send + Sync>;

const WRITES: u32 = 50_000;
const RECORD: [u8; 150] = [b'x'; 150];
const ROUNDS: usize = 5;

struct Passes(PathBuf);

impl Watch for Passes {
    fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.0)
    }

    fn about_to(&self, _: &Attempt<'_>) -> Decision {
        Decision::Pass
    }

    fn happened(&self, _: &Attempt<'_>, _: u64, _: Option<i32>) {}

    fn trouble(&self, text: &str) {
        println!("trouble: {text}");
    }
}

#[derive(Clone, Copy)]
enum How {
    Bare,
    Uncovered,
    Covered { exact: bool },
}

fn main() -> Result<ExitCode, Failure> {
    if let Some(code) = rehydra::testing::host() {
        return Ok(code);
    }
    let mut args = std::env::args().skip(1);
    if let (Some("write"), Some(path), Some(threads)) = (args.next().as_deref(), args.next(), args.next()) {
        write(Path::new(&path), threads.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1));
    if let Some(target) = value("--target") {
        let rounds = value("--rounds").map_or(Ok(21), |text| text.parse())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return runtime.block_on(conversations(target, rounds)).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{:<38} {:>8} {:>8}   µs for each of {WRITES} writes", "", "fastest", "middle");
    for threads in [1, 2] {
        for (what, how) in [
            ("bare", How::Bare),
            ("asked about, not watched", How::Uncovered),
            ("watched, passed", How::Covered { exact: true }),
            ("watched, passed, re-opened", How::Covered { exact: false }),
        ] {
            let mut took: Vec<f64> = Vec::new();
            for _ in 0..ROUNDS {
                took.push(runtime.block_on(round(how, threads))?);
            }
            let middle = middle(&mut took);
            let fastest = took.first().copied().unwrap_or_default();
            let name = format!("{what}, {threads} thread{}", if threads == 1 { "" } else { "s" });
            println!("{name:<38} {fastest:>8.2} {middle:>8.2}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What the target does: tells microseconds for each write.
fn write(path: &Path, threads: u32) -> Result<(), Failure> {
    let clock = RealClock::default();
    let begun = clock.elapsed();
    std::thread::scope(|scope| {
        let work = || {
            let mut file = File::options().append(true).create(true).open(path)?;
            (0..WRITES / threads).try_for_each(|_| file.write_all(&RECORD))
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| std::io::ErrorKind::Other)?)
    })?;
    println!("{}", (clock.elapsed() - begun).as_secs_f64() * 1e6 / f64::from(WRITES));
    Ok(())
}

async fn round(how: How, threads: u32) -> Result<f64, Failure> {
    let dir = tempfile::tempdir()?;
    let real = dir.path().canonicalize()?;
    let watched = if matches!(how, How::Covered { .. }) { real.clone() } else { real.join("elsewhere") };
    let (gift, supervisor) = match how {
        How::Bare => (None, None),
        How::Uncovered | How::Covered { .. } => {
            let (gift, handover) = offer(false)?;
            let start = move || {
                if matches!(how, How::Covered { exact: false }) {
                    refuse_descriptors()?;
                }
                Supervisor::start(handover, Arc::new(Passes(watched)))
            };
            let supervisor = std::thread::spawn(start).join().map_err(|_| "the supervisor's thread has ended")??;
            (Some(gift), Some(supervisor))
        }
    };
    let own = std::env::current_exe()?;
    let argv = [&own.display().to_string(), "write", &real.join("file").display().to_string(), &threads.to_string()];
    let order = Order {
        launcher: own.clone(),
        argv: argv.map(str::to_owned).to_vec(),
        cwd: real.clone(),
        env: vec![],
        tag: Tag::harness().of("injecting"),
        gift,
    };
    let mut spawned = proc::spawn(order).await?;
    let mut said = String::new();
    spawned.stdout.read_to_string(&mut said).await?;
    spawned.child.wait().await?;
    if let Some(supervisor) = supervisor {
        supervisor.join();
    }
    Ok(said.trim().parse()?)
}

/// How long a conversation takes, and how much of it was watched.
#[derive(Default)]
struct Took {
    whole: Vec<f64>,
    calls: Vec<f64>,
    seen: usize,
}

async fn conversations(target: &str, rounds: usize) -> Result<(), Failure> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/conversation.toml");
    let scenarios = scenario::load(&[file]).map_err(|error| error.to_string())?;
    let scenario = scenarios.first().ok_or("no scenario")?;
    let target = target.parse::<TargetName>()?.resolve()?;
    let hows = [Watched::Nothing, Watched::Writes, Watched::Reads];
    let mut took: [Took; 3] = Default::default();
    for _ in 0..rounds {
        for (watched, took) in hows.iter().zip(&mut took) {
            let dir = tempfile::tempdir()?;
            let plan = Plan::new(scenario, &target, Limits::default(), dir.path());
            let clock = RealClock::default();
            let begun = clock.elapsed();
            player::play(Plan { watched: *watched, ..plan }).await?;
            took.whole.push((clock.elapsed() - begun).as_secs_f64() * 1e3);
            let run = Run::read(dir.path())?;
            took.calls.push(in_calls(&run));
            took.seen = run.events.iter().filter(|event| matches!(event.kind, Kind::Write(_))).count();
        }
    }
    println!("{:<16} {:>9} {:>9} {:>9}   milliseconds, middle of {rounds}", "", "whole run", "its calls", "touches");
    for (what, took) in ["not watched", "writes watched", "reads watched"].iter().zip(&mut took) {
        println!("{what:<16} {:>9.1} {:>9.1} {:>9}", middle(&mut took.whole), middle(&mut took.calls), took.seen);
    }
    Ok(())
}

/// The middle one, after sorting them.
fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds between calls and their answers.
fn in_calls(run: &Run) -> f64 {
    let time = |event: &Event| match &event.kind {
        Kind::Call(_) => -(event.at as f64),
        Kind::Answer(_) => event.at as f64,
        _ => 0.0,
    };
    run.events.iter().map(time).sum::<f64>() / 1e3
}
