//! `rehydra run`: scenarios × targets → matrix, explanations, exit code.

use std::path::PathBuf;
use std::sync::Arc;

use super::suite::{self, Suite};
use super::{Exit, Failure, Outcome};
use crate::limits::Limits;
use crate::report;
use crate::scenario::{Scenario, baseline::Baseline, builtin, load};
use crate::target::resolve::TargetName;
use crate::verdict;
use crate::world::{Clock, RealClock};

/// Flags of `rehydra run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenario files or directories of them [default: the suite inside the binary]
    paths: Vec<PathBuf>,
    /// A target, repeatable: builtin, builtin:no-rehydrate, codex@VERSION, codex [default: builtin]
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// A server with Codex's tools, repeatable: its command line, quoted as for a shell
    #[arg(long = "target-command", value_name = "CMD")]
    commands: Vec<String>,
    /// Only scenarios whose name contains this, repeatable
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Runs at the same time [default: two a core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Known gaps; an empty file means that nothing is excused [default: the suite's own]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the results as JSON to this file, `-` for stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keep the directories of all runs, not only of those that need attention
    #[arg(long)]
    keep: bool,
    /// Where the directories of runs are made
    #[arg(long, value_name = "DIR", default_value = ".rehydra")]
    runs: PathBuf,
    /// Milliseconds until an unanswered call counts as hung
    #[arg(long, value_name = "MS")]
    call_ms: Option<u64>,
    /// Milliseconds that one run may take
    #[arg(long, value_name = "MS")]
    run_ms: Option<u64>,
}

pub(super) fn main(args: Args) -> Outcome {
    let clock = RealClock::default();
    let scenarios = scenarios(&args)?;
    let baseline = baseline(&args)?;
    let targets = targets(&args)?;
    let stamp = clock.now().strftime("%Y%m%dT%H%M%S").to_string();
    let runs = args.runs.join(format!("{stamp}-{}", std::process::id()));
    make_runs(&args.runs, &runs)?;
    let mut limits = Limits::default();
    limits.call_ms = args.call_ms.unwrap_or(limits.call_ms);
    limits.run_ms = args.run_ms.unwrap_or(limits.run_ms);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let suite = Suite {
        scenarios,
        targets,
        baseline: Arc::new(baseline),
        limits,
        jobs: args.jobs.unwrap_or(2 * cores),
        runs: runs.clone(),
        keep: args.keep,
    };
    let stale = verdict::stale(&suite.baseline, &names(&suite));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broken)?;
    let cases = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = interrupted() => None,
            cases = suite::play(suite) => Some(cases),
        }
    });
    let Some(cases) = cases else {
        // Dropping the runtime drops every target, which kills its group.
        drop(runtime);
        return Err(Failure::broken(format!("interrupted; the journals so far are below {}", runs.display())));
    };
    // Only an empty directory can be removed: what was kept stays.
    let _ = std::fs::remove_dir(&runs);
    show(&args, &cases, &stale, clock.elapsed().as_millis() as u64)
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
}

fn show(args: &Args, cases: &[report::Case], stale: &[String], elapsed_ms: u64) -> Outcome {
    for case in cases {
        if let Some(text) = report::explain(case) {
            anstream::println!("{text}");
        }
    }
    for text in stale {
        anstream::println!("FIXED {text}\n");
    }
    let exit = exit_of(cases, stale);
    match &args.json {
        Some(path) => {
            let text = report::summary(cases, elapsed_ms);
            if path.as_os_str() == "-" {
                anstream::println!("{text}");
                return Ok(exit);
            }
            std::fs::write(path, text + "\n")
                .map_err(|error| Failure::broken(format!("failed to write {}: {error}", path.display())))?;
        }
        None => {}
    }
    anstream::print!("{}", report::matrix(cases, elapsed_ms));
    Ok(exit)
}

pub(super) fn exit_of(cases: &[report::Case], stale: &[String]) -> Exit {
    let verdicts: Vec<_> = cases.iter().map(|case| &case.verdict).collect();
    match verdict::exit_code(&verdicts) {
        0 if stale.is_empty() => Exit::Fine,
        0 | 1 => Exit::Failed,
        _ => Exit::Broken,
    }
}
