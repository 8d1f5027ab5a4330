//! `rehydra sweep`: every crash point of a conversation → a table of classes.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::out::{self, Failure, Outcome};
use super::run::{interrupted, limits};
use super::shard::Shard;
use super::{Exit, targets};
use crate::explore::{self, Plan, Progress};
use crate::report::{sweep_json, sweep_text};
use crate::scenario::{self, Scenario};
use crate::world::{Clock, RealClock};

/// Flags of `rehydra sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A scenario file, or the name of one of the suite inside the binary
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The target: builtin, builtin:no-rehydrate, codex@VERSION/app-server, a name in ./rehydra.toml …
    #[arg(long, value_name = "NAME", default_value = "builtin")]
    target: String,
    /// At most so many points, chosen by the seed
    #[arg(long, value_name = "N")]
    max: Option<usize>,
    /// Only part I of N parts of the points
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Points in a hundred that are played live as well
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = clap::value_parser!(u64).range(0..=100))]
    live: u64,
    /// Die a second time in what comes after the first death: 2, with --pairs
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    depth: u8,
    /// Pairs of deaths that are drawn with --depth 2
    #[arg(long, value_name = "N", default_value = "1000", hide_default_value = false)]
    pairs: usize,
    /// Chooses points
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Runs at the same time [default: two a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Where the sweep is kept; one that was stopped there goes on [default: .rehydra/sweep-SCENARIO@TARGET]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write the results as JSON to this file, `-` for stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Change a limit of every run, repeatable: call_ms=20000, open_ms=10000, run_ms=120000, …
    #[arg(long = "limit", value_name = "NAME=N")]
    limits: Vec<String>,
}

const HELP: &str = "\
A point is a place in what the server did to its session files, or between frames and chunks of the model, at which it
could have died. After each: restart, reply, restart, reply. The scenario is a plain conversation; the sweep adds the
deaths.

Exit code:
  0  no point breaks a promise that a death while nothing happens keeps
  1  some point does
  2  wrong command line or scenario
  3  a point could not be judged, or came out otherwise when it was played live

Examples:
  rehydra sweep calm/no-fault
  rehydra sweep conversation.toml --target codex@0.169.0/app-server --max 100";

pub(super) fn main(args: Args) -> Outcome {
    let clock = RealClock::default();
    let scenario = Arc::new(scenario(&args.scenario)?);
    let names = targets::names(std::slice::from_ref(&args.target), &[], Path::new(scenario::PROFILES_FILE))?;
    let Some(name) = names.first() else { return Err(Failure::usage("name a target with --target")) };
    let target = Arc::new(name.resolve().map_err(Failure::broken)?);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let plan = Plan {
        limits: target.setup.limits(limits(&args.limits)?, &[]),
        dir: args.out.clone().unwrap_or_else(|| usual(&scenario, &name.text())),
        scenario: Arc::clone(&scenario),
        target,
        jobs: args.jobs.map_or(2 * cores, usize::from),
        max: args.max,
        shard: shard.part(),
        live_one_in: 100_u64.checked_div(args.live).unwrap_or(0),
        pairs: if args.depth > 1 { args.pairs } else { 0 },
        seed: args.seed,
    };
    let dir = plan.dir.clone();
    let bar = Arc::new(Bar::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broken)?;
    let swept = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupted() => None,
            swept = explore::sweep(plan, bar.clone()) => Some(swept),
        }
    });
    bar.finish();
    let Some(swept) = swept else {
        drop(runtime);
        let text = format!("interrupted; the same command goes on with what is in {}", dir.display());
        return Err(Failure::broken(text));
    };
    let report = swept.map_err(Failure::usage)?;
    let on_stdout = args.json.as_deref() == Some(Path::new("-"));
    if let Some(path) = &args.json {
        let json = sweep_json(&report, &scenario.name, &name.text()).map_err(Failure::broken)? + "\n";
        match on_stdout {
            true => out::print(&json)?,
            false => std::fs::write(path, json)
                .map_err(|error| Failure::broken(format!("failed to write {}: {error}", path.display())))?,
        }
    }
    let text = format!("{}in {:.1} s, kept in {}\n", sweep_text(&report), clock.elapsed().as_secs_f64(), dir.display());
    if on_stdout {
        out::complain(&text)
    } else {
        out::print(&text)?
    }
    Ok(match () {
        () if !report.differ.is_empty() || report.unjudged() > 0 => Exit::Broken,
        () if report.broken() > 0 => Exit::Failed,
        () => Exit::Fine,
    })
}

/// A file, or a scenario of the suite by its name.
fn scenario(named: &Path) -> Result<Scenario, Failure> {
    if named.exists() {
        let mut read =
            scenario::load(&[named.to_owned()]).map_err(|error| Failure::diagnosed(error.render(out::styled())))?;
        return match (read.pop(), read.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(Failure::usage(format!("{} holds more than one scenario; name one", named.display()))),
        };
    }
    let name = named.to_string_lossy();
    let found = scenario::builtin().into_iter().find(|(known, _)| *known == name);
    let Some((name, source)) = found else {
        let text =
            format!("{name} is neither a file nor a scenario of the suite; `rehydra run --filter x` lists those");
        return Err(Failure::usage(text));
    };
    Scenario::parse(&name, None, source).map_err(Failure::usage)
}

/// Where a sweep is kept unless it is said.
fn usual(scenario: &Scenario, target: &str) -> PathBuf {
    let name: String =
        format!("sweep-{}@{target}", scenario.name).chars().map(|c| if c == '/' { '-' } else { c }).collect();
    Path::new(".rehydra").join(name)
}

/// The progress bar; there is none before the points are counted.
#[derive(Default)]
struct Bar(OnceLock<ProgressBar>);

impl Progress for Bar {
    fn counted(&self, all: usize, distinct: usize, to_play: usize, about: Duration) {
        let bar = ProgressBar::new(to_play as u64);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len}, {eta} to go {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let text = format!(
            "{all} points leave {distinct} states; {to_play} runs are to be played, which takes about {} s",
            about.as_secs() + 1
        );
        match bar.is_hidden() {
            true => out::complain(&format!("{text}\n")),
            false => bar.println(text),
        }
        let _ = self.0.set(bar);
    }

    fn played(&self) {
        if let Some(bar) = self.0.get() {
            bar.inc(1);
        }
    }
}

impl Bar {
    fn finish(&self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}
