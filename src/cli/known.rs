//! Which baseline a call judges by, and what in it is stale.

use std::path::{Path, PathBuf};

use super::out::{Failure, styled};
use crate::scenario::{self, Baseline, Scenario};
use crate::target::resolve::TargetName;
use crate::verdict;

/// The baseline in `file`, or the one inside the binary.
pub(super) fn read(file: Option<&Path>) -> Result<Baseline, Failure> {
    let Some(path) = file else {
        return Baseline::parse("the built-in baseline", scenario::builtin_baseline()).map_err(Failure::broken);
    };
    let name = path.display().to_string();
    let source = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("failed to read the baseline {name}: {error}; an empty file excuses nothing"))
    })?;
    Baseline::parse(&name, &source).map_err(|wrong| Failure::diagnosed(wrong.render(styled())))
}

/// The baseline that is named, or the one at the root of the suite that is played.
pub(super) fn file(named: Option<&Path>, paths: &[PathBuf]) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        return Ok(Some(path.to_owned()));
    }
    let mut beside: Vec<PathBuf> = paths.iter().filter_map(|path| scenario::baseline_of(path)).collect();
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    beside.sort_by_key(real);
    beside.dedup_by_key(|path| real(path));
    match beside.as_slice() {
        [first, second, ..] => Err(Failure::usage(format!(
            "{} and {} are two baselines; play the suites one by one, or name one file with --baseline",
            first.display(),
            second.display()
        ))),
        _ => Ok(beside.pop()),
    }
}

/// Entries of the baseline about something that does not exist any more. A single file is no suite to miss it in, and a
/// command line that is not played now may be played tomorrow.
pub(super) fn stale(baseline: &Baseline, paths: &[PathBuf], all: &[Scenario]) -> Vec<String> {
    let names: Vec<_> = all.iter().map(|scenario| scenario.name.as_str()).collect();
    let mut stale = Vec::new();
    if paths.iter().all(|path| path.is_dir()) {
        stale = verdict::stale(baseline, &names);
    }
    stale.extend(verdict::stale_targets(baseline, TargetName::may_exist));
    stale
}
