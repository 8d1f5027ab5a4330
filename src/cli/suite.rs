//! Playing a suite: every scenario on every target, several at once, each judged as soon as it has ended.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::harness::{self, plain, quoted};
use crate::journal::TargetKind;
use crate::limits::Limits;
use crate::report::{Case, Progress, headline};
use crate::scenario::{Baseline, Scenario};
use crate::target::resolve::{Resolved, TargetName};
use crate::verdict::Verdict;

/// What is played, and how.
pub(super) struct Suite {
    pub scenarios: Vec<Arc<Scenario>>,
    pub targets: Vec<(TargetName, Arc<Resolved>)>,
    pub baseline: Arc<Baseline>,
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
    /// Where the baseline was read from, if it is not the one inside the binary.
    pub baseline_file: Option<PathBuf>,
}

/// Plays and judges all of it; the cases come back scenario by scenario, in order.
pub(super) async fn play(suite: Suite) -> Vec<Case> {
    let control = control_for(&suite);
    let suite = Arc::new(suite);
    let progress = Progress::new(suite.scenarios.len() * suite.targets.len());
    let places = Arc::new(Semaphore::new(suite.jobs.max(1)));
    let mut playing = JoinSet::new();
    let mut order = 0;
    let mut taken = HashSet::new();
    for scenario in &suite.scenarios {
        for (name, target) in &suite.targets {
            let (suite, places, progress) = (suite.clone(), places.clone(), progress.clone());
            let job = Job {
                scenario: scenario.clone(),
                name: name.clone(),
                target: target.clone(),
                control: control.clone(),
                dir: suite.runs.join(free(&mut taken, &format!("{}@{}", scenario.name, name.text()))),
            };
            playing.spawn(async move {
                // The semaphore is never closed.
                let _place = places.acquire().await;
                progress.playing(&job.scenario.name, &job.target.profile.name);
                let case = job.play(&suite).await;
                let loud = matches!(case.verdict, Verdict::Fail { .. } | Verdict::Fixed { .. } | Verdict::Error { .. });
                progress.ended(loud.then(|| headline(&case)));
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

/// The control that `additive` compares with, if any target of the suite makes that promise.
fn control_for(suite: &Suite) -> Option<Arc<Resolved>> {
    let promises = |target: &Resolved| target.profile.kind == TargetKind::Builtin;
    suite.targets.iter().any(|(_, target)| promises(target)).then_some(())?;
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
    async fn play(self, suite: &Suite) -> Case {
        let again = self.again(suite);
        let limits = self.target.setup.limits(suite.limits.clone(), &suite.pinned);
        let job = harness::Job {
            scenario: &self.scenario,
            name: self.name.text(),
            target: &self.target,
            control: self.control.as_deref(),
            baseline: &suite.baseline,
            baseline_file: suite.baseline_file.as_deref(),
            limits: &limits,
            dir: &self.dir,
            keep: suite.keep,
            again,
        };
        job.play().await
    }

    fn again(&self, suite: &Suite) -> String {
        let target = match &self.name {
            TargetName::Command(command) => ["--target-command".to_owned(), command.clone()],
            name => ["--target".to_owned(), name.text()],
        };
        let filter = ["--filter".to_owned(), self.scenario.name.clone()];
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
