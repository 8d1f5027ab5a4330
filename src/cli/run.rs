//! `rehydra run`: scenarios × targets → matrix, explanations, exit code.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::out::{self, Failure, Outcome};
use super::outputs::Outputs;
use super::shard::Shard;
use super::show::{exit_of, show_cases};
use super::suite::{self, Pair, Suite};
use super::{Exit, known, targets};
use crate::harness::{lacking, make_dated};
use crate::limits::{Limits, REPEATS};
use crate::report;
use crate::scenario::{self, Baseline, Scenario};
use crate::target::others::Others;
use crate::target::resolve::{Resolved, TargetName};
use crate::verdict::Verdict;
use crate::world::{Clock, RealClock};

/// Flags of `rehydra run`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Scenario files or directories of them [default: the suite inside the binary]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// A target, repeatable: builtin, builtin:no-rehydrate, codex, codex@VERSION with or without /mcp, /app-server or
    /// /app-server:fork, or a name in ./rehydra.toml [default: all of ./rehydra.toml; builtin where there is none]
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// A server with Codex's tools, repeatable: its command line, quoted as for a shell. It is started in another
    /// directory with an environment of its own; its program and files are found from here
    #[arg(long = "target-command", value_name = "CMD")]
    commands: Vec<String>,
    /// Only scenarios whose name contains this, or is exactly this if one is; repeatable
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Runs at the same time [default: two a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Known gaps; an empty file excuses nothing [default: baseline.toml of the suite that is played]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Play each scenario on each target that often, and tell a race from a bug by how often a promise is broken
    #[arg(long, value_name = "N", default_value = "1", hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(REPEATS)))]
    repeat: u32,
    /// Play only part I of N parts of the scenarios and targets, each of which is in exactly one part
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Fail (exit code 1) if something is unsupported
    #[arg(long)]
    deny_unsupported: bool,
    /// Keep the directories of all runs, not only of those that need attention
    #[arg(long)]
    keep: bool,
    /// Where the directories of runs are made
    #[arg(long, value_name = "DIR", default_value = ".rehydra")]
    runs: PathBuf,
    /// Change a limit of every run, repeatable: call_ms=20000, open_ms=10000, run_ms=120000, …
    #[arg(long = "limit", value_name = "NAME=N")]
    limits: Vec<String>,
    #[command(flatten)]
    outputs: Outputs,
}

const HELP: &str = "\
Verdicts:
  pass         every promise that the scenario proves was kept
  FAIL         a promise was broken
  gap          it fails exactly as the baseline says
  FIXED        the baseline lists something that no longer fires: take it out
  unsupported  what the scenario proves cannot apply to this target
  ERROR        the target could not be used, or there was nothing to judge

Exit code:
  0  only pass, gap and unsupported       2  wrong command line, scenario or baseline; nothing was played
  1  something is FAIL or FIXED           3  something is ERROR, or an output could not be written

Examples:
  rehydra run
  rehydra run --target builtin:no-rehydrate --target codex@0.153.4
  rehydra run my/scenarios --target-command 'node server.js' --filter restart";

pub(super) fn main(args: Args) -> Outcome {
    let clock = RealClock::default();
    let all = scenarios(&args)?;
    let baseline_file = known::file(args.baseline.as_deref(), &args.paths)?;
    let baseline = if args.paths.is_empty() || baseline_file.is_some() {
        known::read(baseline_file.as_deref())?
    } else {
        Baseline::default()
    };
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let stale = if shard.is_first() { known::stale(&baseline, &args.paths, &all) } else { Vec::new() };
    let scenarios = filtered(&args.filter, all)?;
    let limits = limits(&args.limits)?;
    let pinned = args.limits.iter().filter_map(|change| Some(change.split_once('=')?.0.to_owned())).collect();
    let names = targets::names(&args.targets, &args.commands, Path::new(scenario::PROFILES_FILE))?;
    args.outputs.reserve()?;
    let pairs = pairs(&scenarios, &names, shard)?;
    let others = others(&pairs)?;
    let runs = make_dated(&args.runs).map_err(|(dir, error)| unmade(&dir, &error))?;
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let suite = Suite {
        pairs,
        others,
        repeat: args.repeat,
        baseline: Arc::new(baseline),
        limits,
        pinned,
        jobs: args.jobs.map_or(2 * cores, usize::from),
        runs: runs.clone(),
        keep: args.keep,
        again: again(&args),
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
    let results = report::Results { cases: &cases, stale: &stale, elapsed_ms: clock.elapsed().as_millis() as u64 };
    show(&args, &results)
}

pub(super) async fn interrupted() {
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
        scenario::load(&args.paths).map_err(|error| Failure::diagnosed(error.render(out::styled())))
    }
}

/// Those of them that are asked for.
fn filtered(filters: &[String], all: Vec<Scenario>) -> Result<Vec<Arc<Scenario>>, Failure> {
    let hits = |filter: &str, name: &str| match all.iter().any(|scenario| scenario.name == filter) {
        true => name == filter,
        false => name.contains(filter),
    };
    for filter in filters {
        if !all.iter().any(|scenario| hits(filter, &scenario.name)) {
            let names: Vec<_> = all.iter().take(NAMES).map(|scenario| scenario.name.as_str()).collect();
            let more = if all.len() > NAMES { ", …" } else { "" };
            let names = report::wrapped("  help: there are ", &format!("{}{more}", names.join(", ")), report::COLUMNS);
            return Err(Failure::usage(format!(
                "none of the {} scenarios has `{filter}` in its name\n{names}",
                all.len()
            )));
        }
    }
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| hits(filter, name));
    let wanted: Vec<bool> = all.iter().map(|scenario| wanted(&scenario.name)).collect();
    Ok(all.into_iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(scenario, _)| Arc::new(scenario)).collect())
}

/// Most names of scenarios in a message.
const NAMES: usize = 60;

/// The limits of every run.
pub(super) fn limits(changes: &[String]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for change in changes {
        let number = change.split_once('=').and_then(|(name, n)| Some((name, n.parse().ok().filter(|n| *n > 0)?)));
        if !number.is_some_and(|(name, n)| limits.set(name, n)) {
            return Err(Failure::usage(format!(
                "`--limit {change}` changes nothing; give it as NAME=N with N above 0, NAME one of {}",
                Limits::names().join(", ")
            )));
        }
    }
    Ok(limits)
}

/// What is played, with the targets found or installed; one that has no part in it is not.
fn pairs(scenarios: &[Arc<Scenario>], names: &[TargetName], shard: Shard) -> Result<Vec<Pair>, Failure> {
    let mut targets: Vec<Option<Arc<Resolved>>> = vec![None; names.len()];
    let mut pairs = Vec::new();
    for (s, t) in shard.of(scenarios.len(), names.len()) {
        let (Some(scenario), Some(name), Some(target)) = (scenarios.get(s), names.get(t), targets.get_mut(t)) else {
            continue;
        };
        let target = match target {
            Some(found) => found.clone(),
            None => target.insert(Arc::new(name.resolve().map_err(Failure::broken)?)).clone(),
        };
        pairs.push(Pair { scenario: scenario.clone(), name: name.clone(), target });
    }
    Ok(pairs)
}

/// The servers that the restarts of what is played name, found or installed.
fn others(pairs: &[Pair]) -> Result<Others, Failure> {
    let played = |pair: &&Pair| lacking(&pair.target.profile, &pair.target.setup.env, &pair.scenario).is_none();
    let names = pairs.iter().filter(played).flat_map(|pair| pair.scenario.other_targets());
    Others::of(names.collect::<BTreeSet<_>>()).map_err(Failure::broken)
}

/// The command that plays the same again, but for the scenario and the target.
fn again(args: &Args) -> Vec<String> {
    let mut words = vec!["rehydra".to_owned(), "run".to_owned()];
    words.extend(args.paths.iter().map(|path| path.display().to_string()));
    if let Some(path) = &args.baseline {
        words.extend(["--baseline".to_owned(), path.display().to_string()]);
    }
    if args.repeat > 1 {
        words.extend(["--repeat".to_owned(), args.repeat.to_string()]);
    }
    words.extend(args.limits.iter().flat_map(|limit| ["--limit".to_owned(), limit.clone()]));
    words
}

/// The directory of this call's runs could not be made.
fn unmade(runs: &Path, error: &std::io::Error) -> Failure {
    Failure::broken(format!("failed to make {}: {error}; choose another place with --runs", runs.display()))
}

fn show(args: &Args, results: &report::Results<'_>) -> Outcome {
    let mut remarks: Vec<_> = results.stale.iter().map(|text| format!("FIXED {text}")).collect();
    if let (Some(shard), true) = (args.shard, results.cases.is_empty()) {
        remarks.push(format!("there is nothing to play in shard {shard}: there are fewer scenarios and targets"));
    }
    let json = args.outputs.json_on_stdout().then(|| report::document(results));
    show_cases(results, &remarks, json.as_deref())?;
    args.outputs.write(results)?;
    let denied = |case: &report::Case| matches!(case.verdict, Verdict::Unsupported { .. });
    match exit_of(results) {
        Exit::Fine if args.deny_unsupported && results.cases.iter().any(denied) => Ok(Exit::Failed),
        exit => Ok(exit),
    }
}
