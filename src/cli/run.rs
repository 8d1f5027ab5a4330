//! `rehydra run`: scenarios × targets → matrix, explanations, exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::suite::{self, Suite};
use super::{Exit, Failure, Outcome};
use crate::limits::Limits;
use crate::report;
use crate::scenario::{self, Baseline, Scenario};
use crate::target::resolve::{Resolved, TargetName};
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
    let all = scenarios(&args)?;
    let baseline_file = baseline_file(&args);
    let baseline = if args.paths.is_empty() || baseline_file.is_some() {
        read_baseline(baseline_file.as_deref())?
    } else {
        Baseline::default()
    };
    let stale = stale(&args, &baseline, &all);
    let scenarios = filtered(&args, all)?;
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
        baseline_file,
    };
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

/// The scenarios of the suite, in order.
fn scenarios(args: &Args) -> Result<Vec<Scenario>, Failure> {
    if args.paths.is_empty() {
        let parsed = scenario::builtin().into_iter().map(|(name, source)| Scenario::parse(&name, None, source));
        parsed.collect::<Result<Vec<_>, _>>().map_err(Failure::usage)
    } else {
        scenario::load(&args.paths).map_err(|error| Failure { exit: Exit::Usage, text: error.render(styled()) })
    }
}

/// Those of them that are asked for.
fn filtered(args: &Args, all: Vec<Scenario>) -> Result<Vec<Arc<Scenario>>, Failure> {
    let wanted = |name: &str| args.filter.is_empty() || args.filter.iter().any(|text| name.contains(text));
    let count = all.len();
    let kept: Vec<_> = all.into_iter().filter(|scenario| wanted(&scenario.name)).map(Arc::new).collect();
    if kept.is_empty() {
        let asked = args.filter.join("`, `");
        return Err(Failure::usage(format!("none of the {count} scenarios has `{asked}` in its name; see --filter")));
    }
    Ok(kept)
}

/// The baseline that is named, or the one at the root of a suite's directory.
fn baseline_file(args: &Args) -> Option<PathBuf> {
    let beside = || args.paths.iter().map(|path| path.join(scenario::BASELINE_FILE)).find(|path| path.is_file());
    args.baseline.clone().or_else(beside)
}

/// Entries of the baseline about something that does not exist any more. A single file is no suite to miss it in.
fn stale(args: &Args, baseline: &Baseline, all: &[Scenario]) -> Vec<String> {
    let names: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
    let mut stale = Vec::new();
    if args.paths.iter().all(|path| path.is_dir()) {
        stale = verdict::stale(baseline, &names);
    }
    let exists = |name: &str| name.parse::<TargetName>().is_ok() || args.commands.iter().any(|command| command == name);
    stale.extend(verdict::stale_targets(baseline, exists));
    stale
}

fn styled() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal()
}

/// The targets that are asked for, found or installed.
fn targets(args: &Args) -> Result<Vec<(TargetName, Arc<Resolved>)>, Failure> {
    let mut names: Vec<TargetName> = Vec::new();
    for text in &args.targets {
        names.push(text.parse().map_err(Failure::usage)?);
    }
    names.extend(args.commands.iter().cloned().map(TargetName::Command));
    if names.is_empty() {
        names.push(TargetName::Builtin);
    }
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    let resolve = |name: TargetName| name.resolve().map(|found| (name, Arc::new(found))).map_err(Failure::broken);
    names.into_iter().map(resolve).collect()
}

/// The baseline in `file`, or the one inside the binary.
pub(super) fn read_baseline(file: Option<&Path>) -> Result<Baseline, Failure> {
    let Some(path) = file else {
        return Baseline::parse("the built-in baseline", scenario::builtin_baseline()).map_err(Failure::broken);
    };
    let name = path.display().to_string();
    let source = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("failed to read the baseline {name}: {error}")))?;
    Baseline::parse(&name, &source).map_err(Failure::usage)
}

/// The directory of this call's runs. `git` passes over whatever lies in the directory above it.
fn make_runs(above: &Path, runs: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::broken(format!("failed to make {}: {error}; choose another place with --runs", runs.display()))
    };
    std::fs::create_dir_all(runs).map_err(failed)?;
    let ignore = above.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(ignore, "*\n").map_err(failed)?;
    }
    Ok(())
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
    if let Some(path) = &args.json {
        let text = report::summary(cases, elapsed_ms);
        if path.as_os_str() == "-" {
            anstream::println!("{text}");
            return Ok(exit);
        }
        std::fs::write(path, text + "\n")
            .map_err(|error| Failure::broken(format!("failed to write {}: {error}", path.display())))?;
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
