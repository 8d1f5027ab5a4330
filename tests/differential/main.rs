//! Real Codex binaries read what we read: rollouts are made, damaged, resumed by four releases, and what the model then
//! receives is compared with our history.
//!
//! Two things are held at once. `rollout::codex_reads` foretells whether a release resumes a file and what it resumes it
//! without; and what it does send is what `rollout::read_history` says, item for item, after the rules of `compare.rs`. A
//! difference that neither explains stands in `known.toml` with its reason, or fails and leaves its files behind.
//!
//! Every mutator on every era that it fits, every feature of the generator and every row of the table come once per
//! release; then random mixtures, 40 of them or as many as `REHYDRA_DIFFERENTIAL_CASES` says, drawn from
//! `REHYDRA_DIFFERENTIAL_SEED`. `REHYDRA_DIFFERENTIAL_ONLY` names a part of the names of the cases that are to be tried, and
//! nothing is then asked of the others. Two releases run at a time. The trials need npm, as those of `tests/codex.rs`.

mod cases;
mod compare;
mod conditions;
mod coverage;
mod driver;
mod item_conditions;
mod judge;
mod known;
#[path = "../stage/npm.rs"]
mod npm;
mod placed;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::rollout::codex_reads::{Release, SEEN};

use cases::{Case, Maker};
use coverage::Coverage;
use driver::{Batch, Failure, Seen};
use judge::Expected;
use known::Known;

/// Cases in one home. A server that has loaded more threads than this grows slow.
const IN_A_HOME: usize = 250;
/// Differences that are told in full.
const TOLD: usize = 100;

#[allow(clippy::print_stdout, reason = "the coverage table is what the run is for")]
fn main() -> ExitCode {
    let mut args = Arguments::from_args();
    args.test_threads = args.test_threads.or(Some(2));
    let missing = npm::missing();
    let tables = Arc::new(Mutex::new(Vec::new()));
    let mut trials = Vec::new();
    for release in SEEN {
        let tables = Arc::clone(&tables);
        let trial = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let coverage = runtime.block_on(reads_alike(release)).map_err(|failure| failure.to_string())?;
            tables.lock().unwrap_or_else(PoisonError::into_inner).push(coverage);
            Ok::<(), Failed>(())
        };
        trials.push(Trial::test(format!("codex {release} reads what we read"), trial).with_ignored_flag(missing));
    }
    let conclusion = libtest_mimic::run(&args, trials);
    for table in tables.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{table}");
    }
    conclusion.exit_code()
}

/// A number from the environment.
fn setting(name: &str, usual: u64) -> Result<u64, Failure> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name}={text} is no number").into()),
        Err(_) => Ok(usual),
    }
}

/// All cases on one release.
async fn reads_alike(release: Release) -> Result<String, Failure> {
    let version = release.to_string();
    let known = Known::read()?;
    let random = setting("REHYDRA_DIFFERENTIAL_CASES", 40)?;
    let seed = setting("REHYDRA_DIFFERENTIAL_SEED", 1)?;
    // The same directory for all homes, so that all cases are made at once.
    let project = tempfile::tempdir()?;
    let mut maker = Maker::new(project.path().display().to_string());
    let mut all = maker.cells(random >= 300);
    all.extend((0..random).map(|n| maker.random(seed.wrapping_mul(1_000_000).wrapping_add(n))));
    let only = std::env::var("REHYDRA_DIFFERENTIAL_ONLY").ok();
    all.retain(|case| only.as_deref().is_none_or(|part| case.name.contains(part)));
    let whole = only.is_none();
    let (used, coverage, bad) = (BTreeSet::new(), Coverage::default(), Vec::new());
    let mut run = Run { release, version, known, whole, used, coverage, bad };
    for some in all.chunks(IN_A_HOME) {
        run.batch(some).await?;
    }
    run.conclude(all.len())
}

struct Run {
    release: Release,
    version: String,
    known: Known,
    /// No case was left out.
    whole: bool,
    used: BTreeSet<usize>,
    coverage: Coverage,
    bad: Vec<String>,
}

impl Run {
    async fn batch(&mut self, cases: &[Case]) -> Result<(), Failure> {
        let mut batch = Batch::new(&self.version)?;
        for case in cases {
            batch.place_all(&case.placed)?;
        }
        for case in cases {
            let expected = judge::expect(self.release, &case.placed)?;
            let seen = batch.resume(&case.placed.id.to_string()).await?;
            self.coverage.ran(case, matches!(seen, Seen::Resumed(_)));
            let Some(difference) = judge::difference(self.release, &expected, &seen) else { continue };
            self.differs(case, &expected, seen, difference).await?;
        }
        for host in batch.finish().await? {
            self.bad.push(format!("it asked for {host}"));
        }
        Ok(())
    }

    /// A difference counts if it is still there where the case is alone in its home, and its server has more time: cases may
    /// share an id, and a machine may be busy.
    async fn differs(&mut self, case: &Case, expected: &Expected, seen: Seen, told: String) -> Result<(), Failure> {
        if self.is_known(case, &told) {
            return Ok(());
        }
        let mut alone = Batch::new(&self.version)?.patient();
        alone.place_all(&case.placed)?;
        let again = alone.resume(&case.placed.id.to_string()).await?;
        alone.finish().await?;
        let Some(difference) = judge::difference(self.release, expected, &again) else { return Ok(()) };
        if self.is_known(case, &difference) {
            return Ok(());
        }
        let report = judge::report(self.release, expected, &seen, &difference);
        let kept = self.keep(case, &report)?;
        self.bad.push(format!("{}: {difference}\n    {}", case.name, kept.display()));
        Ok(())
    }

    /// Whether an entry explains the difference, which is then one that is used.
    fn is_known(&mut self, case: &Case, difference: &str) -> bool {
        let entry = self.known.explains(&self.version, &case.name, difference);
        self.used.extend(entry);
        entry.is_some()
    }

    /// Leaves a case's files behind: a `CODEX_HOME` with nothing else in it, and what was seen.
    fn keep(&self, case: &Case, report: &str) -> Result<PathBuf, Failure> {
        let name: String =
            case.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(80).collect();
        let dir = std::env::temp_dir().join("rehydra-differential").join(&self.version).join(name);
        let write = |path: &Path, bytes: &[u8]| {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&dir))?;
            std::fs::write(path, bytes)
        };
        write(&case.placed.path, &case.placed.bytes)?;
        for (path, bytes) in &case.placed.others {
            write(path, bytes)?;
        }
        write(Path::new("report.txt"), report.as_bytes())?;
        Ok(dir)
    }

    fn conclude(mut self, cases: usize) -> Result<String, Failure> {
        if self.whole {
            self.bad.extend(self.coverage.empty());
            self.bad.extend(self.known.stale(&self.version, &self.used));
        }
        let table = self.coverage.table(&self.version, cases);
        if self.bad.is_empty() {
            return Ok(table);
        }
        let count = self.bad.len();
        self.bad.truncate(TOLD);
        Err(format!("{table}\n{count} differences on codex {}:\n{}", self.version, self.bad.join("\n")).into())
    }
}
