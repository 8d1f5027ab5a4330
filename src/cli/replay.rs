//! `rehydra replay`: judges recorded runs again, from their directories alone.

use std::path::{Path, PathBuf};

use super::known;
use super::show::{exit_of, show_cases};
use super::{Exit, Failure, Outcome};
use crate::harness::{CONTROL, judge, recorded, recorded_baseline};
use crate::report;
use crate::world::{Clock, RealClock};

/// Flags of `rehydra replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directories of runs, or directories that hold some
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Known gaps [default: those that the run was judged by when it was played]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Fail if a verdict is not the one that the run was given when it was played
    #[arg(long)]
    same: bool,
}

/// How deep runs are looked for below a directory.
const DEPTH: usize = 4;

pub(super) fn main(args: Args) -> Outcome {
    let clock = RealClock::default();
    let mut dirs = Vec::new();
    for path in &args.runs {
        let before = dirs.len();
        find(path, DEPTH, &mut dirs);
        if dirs.len() == before {
            return Err(Failure::usage(format!(
                "no run at or below {}: give the directory that holds journal.jsonl; `rehydra run --keep` keeps it",
                path.display()
            )));
        }
    }
    let given = args.baseline.as_deref().map(|file| known::read(Some(file))).transpose()?;
    let judged = |dir: &PathBuf| match &given {
        Some(baseline) => Ok(judge(dir, baseline, None)),
        None => known::read(recorded_baseline(dir).as_deref()).map(|baseline| judge(dir, &baseline, None)),
    };
    let cases = dirs.iter().map(judged).collect::<Result<Vec<_>, _>>()?;
    let changed = changed(&dirs, &cases);
    let results = report::Results { cases: &cases, stale: &[], elapsed_ms: clock.elapsed().as_millis() as u64 };
    let json = args.json.then(|| report::document(&results));
    show_cases(&results, &changed, json.as_deref())?;
    if args.same && !changed.is_empty() { Ok(Exit::Broken) } else { Ok(exit_of(&results)) }
}

/// A text for each run whose verdict is another one now.
fn changed(dirs: &[PathBuf], cases: &[report::Case]) -> Vec<String> {
    let differs = |(dir, case): (&PathBuf, &report::Case)| {
        let (then, now) = (recorded(dir)?, report::word(&case.verdict));
        (then != now).then(|| format!("{} was {then} when it was played and is {now} now", dir.display()))
    };
    dirs.iter().zip(cases).filter_map(differs).collect()
}

/// Every directory at or below `dir` that holds a journal, a run's control apart, sorted by path.
fn find(dir: &Path, depth: usize, into: &mut Vec<PathBuf>) {
    if dir.join("journal.jsonl").is_file() {
        return into.push(dir.to_owned());
    }
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut below: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    below.sort();
    for path in below {
        if depth > 0 && path.is_dir() && path.file_name().is_none_or(|name| name != CONTROL) {
            find(&path, depth - 1, into);
        }
    }
}
