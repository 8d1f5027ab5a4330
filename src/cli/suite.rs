//! Playing a suite: scenarios on targets, several at once, each judged as soon as it has ended.
//!
//! Memory is in proportion to what is played at once and to what goes wrong in ways of its own, not to how often a
//! scenario is repeated: what was recorded of a run is on disk, and is let go as soon as nobody will be told of it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::unusable::Unusable;
use crate::harness::{self, plain, quoted};
use crate::journal::TargetKind;
use crate::limits::Limits;
use crate::report::{Case, Progress, headline};
use crate::scenario::{Baseline, Scenario};
use crate::target::others::Others;
use crate::target::resolve::{Resolved, TargetName};
use crate::verdict::Verdict;

/// What is played, and how.
pub(super) struct Suite {
    /// In the order in which they are reported.
    pub pairs: Vec<Pair>,
    /// How often each is played.
    pub repeat: u32,
    pub baseline: Arc<Baseline>,
    /// The servers that restarts name.
    pub others: Others,
    pub limits: Limits,
    /// Names of limits that the command line sets; a target's own do not change them.
    pub pinned: Vec<String>,
    /// Runs at the same time.
    pub jobs: usize,
    /// Runs are made below it.
    pub runs: PathBuf,
    /// Keep the directories of runs that need no attention too.
    pub keep: bool,
    /// The command that plays the suite again, but for the scenario and the target.
    pub again: Vec<String>,
}

/// A scenario on a target.
pub(super) struct Pair {
    pub scenario: Arc<Scenario>,
    pub name: TargetName,
    pub target: Arc<Resolved>,
}

/// Plays and judges all of it; the cases come back in the order of the pairs, those of one pair in the order of its rounds.
pub(super) async fn play(suite: Suite) -> Vec<Case> {
    let control = control_for(&suite);
    let suite = Arc::new(suite);
    let progress = Progress::new(suite.pairs.len() * suite.repeat as usize);
    let places = Arc::new(Semaphore::new(suite.jobs.max(1)));
    let told = Arc::new(Told::default());
    let unusable = Arc::new(Unusable::default());
    let mut playing = JoinSet::new();
    let mut order = 0;
    let mut taken = HashSet::new();
    for pair in &suite.pairs {
        let dir = suite.runs.join(free(&mut taken, &format!("{}@{}", pair.scenario.name, pair.name.text())));
        for round in 1..=suite.repeat {
            // The semaphore is never closed.
            let place = places.clone().acquire_owned().await;
            let (suite, progress, told) = (suite.clone(), progress.clone(), told.clone());
            let unusable = unusable.clone();
            let job = Job {
                scenario: pair.scenario.clone(),
                name: pair.name.clone(),
                target: pair.target.clone(),
                control: control.clone(),
                dir: if round == 1 { dir.clone() } else { PathBuf::from(format!("{}~r{round}", dir.display())) },
            };
            playing.spawn(async move {
                let _place = place;
                let target = job.name.text();
                progress.playing(&job.scenario.name, &job.target.profile.name);
                let mut case = job.play(&suite, unusable.why(&target)).await;
                if let Some(run) = &case.run {
                    unusable.learn(&target, run);
                }
                let is_news = told.is_news(&case);
                let loud = matches!(case.verdict, Verdict::Fail { .. } | Verdict::Fixed { .. } | Verdict::Error { .. });
                progress.ended((loud && is_news && case.run.is_some()).then(|| headline(&case)));
                if !loud || !is_news {
                    case.run = None;
                }
                (order, case)
            });
            order += 1;
        }
    }
    let mut cases = playing.join_all().await;
    progress.finish();
    cases.sort_by_key(|(order, _)| *order);
    cases.into_iter().map(|(_, case)| case).collect()
}

/// The ways in which each pair was seen to end.
#[derive(Default)]
struct Told(Mutex<HashSet<(String, String, String)>>);

impl Told {
    fn is_news(&self, case: &Case) -> bool {
        let way = (case.scenario.clone(), case.target.clone(), format!("{:?}", case.way()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(way)
    }
}

/// The control that `additive` compares with, if any target of the suite makes that promise.
fn control_for(suite: &Suite) -> Option<Arc<Resolved>> {
    let promises = |pair: &Pair| pair.target.profile.kind == TargetKind::Builtin;
    suite.pairs.iter().any(promises).then_some(())?;
    TargetName::BuiltinControl.resolve().ok().map(Arc::new)
}

struct Job {
    scenario: Arc<Scenario>,
    name: TargetName,
    target: Arc<Resolved>,
    control: Option<Arc<Resolved>>,
    dir: PathBuf,
}

impl Job {
    /// Plays it, unless its target is known to be unusable.
    async fn play(self, suite: &Suite, unusable: Option<String>) -> Case {
        let again = self.again(suite);
        let limits = self.target.setup.limits(suite.limits.clone(), &suite.pinned);
        let job = harness::Job {
            scenario: &self.scenario,
            name: self.name.text(),
            target: &self.target,
            others: &suite.others,
            control: self.control.as_deref(),
            baseline: &suite.baseline,
            limits: &limits,
            dir: &self.dir,
            keep: suite.keep,
            again,
        };
        match unusable {
            Some(why) => job.unplayed(&why),
            None => job.play().await,
        }
    }

    fn again(&self, suite: &Suite) -> String {
        let (filter, target) = (["--filter".to_owned(), self.scenario.name.clone()], self.name.words());
        let words = suite.again.iter().chain(&filter).chain(&target);
        words.map(|word| quoted(word)).chain(["--keep".to_owned()]).collect::<Vec<_>>().join(" ")
    }
}

/// A name as one part of a path that no other run has.
fn free(taken: &mut HashSet<String>, name: &str) -> String {
    let text = plain(name);
    let numbered = (2..).map(|n| format!("{text}~{n}"));
    let free = std::iter::once(text.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(text);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_share_a_directory() {
        let mut taken = HashSet::new();
        let long = "x".repeat(200);
        let names =
            ["a/b@builtin", "a.b@builtin", &format!("a@{long} 1"), &format!("a@{long} 2"), "../a", "a/b@builtin"];
        let dirs: Vec<String> = names.iter().map(|name| free(&mut taken, name)).collect();
        assert_eq!(dirs.iter().collect::<HashSet<_>>().len(), names.len(), "{dirs:?}");
        assert!(dirs.iter().all(|dir| dir.len() < 110 && !dir.starts_with('.') && !dir.contains('/')), "{dirs:?}");
    }
}
