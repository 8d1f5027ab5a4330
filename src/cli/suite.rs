//! Playing a suite: every scenario on every target, several at once, each judged as soon as it has ended.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::journal::{Run, TargetKind};
use crate::limits::Limits;
use crate::player::{self, Plan};
use crate::report::{Case, Progress, headline, word};
use crate::scenario::{Baseline, Need, Scenario};
use crate::target::resolve::{Resolved, TargetName};
use crate::verdict::{self, Verdict};
use crate::world::{Clock, RealClock};

/// What is played, and how.
pub(super) struct Suite {
    pub scenarios: Vec<Arc<Scenario>>,
    pub targets: Vec<(TargetName, Arc<Resolved>)>,
    pub baseline: Arc<Baseline>,
    pub limits: Limits,
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

/// Where the control's run of the same story lies, below the run's directory.
pub(super) const CONTROL: &str = "control";

impl Job {
    async fn play(self, suite: &Suite) -> Case {
        let clock = RealClock::default();
        let dir = &self.dir;
        let kind = self.target.profile.kind;
        let lacking: Vec<_> = self.scenario.needs.iter().filter_map(|need| lacks(kind, *need)).collect();
        let mut case = if lacking.is_empty() {
            let failure = self.live(suite, dir).await.err();
            judge(dir, &suite.baseline, failure)
        } else {
            bare_case(Verdict::Unsupported { reason: format!("not played: {}", lacking.join("; ")) })
        };
        case.scenario = self.scenario.name.clone();
        case.target = self.name.text();
        case.again = self.again(suite);
        if case.dir.is_some() {
            case.judge_again = judge_again(dir, suite.baseline_file.as_deref());
            record(&case, dir);
        }
        case.took_ms = clock.elapsed().as_millis() as u64;
        let quiet = matches!(case.verdict, Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. });
        if quiet && !suite.keep {
            // A leftover directory is no reason to fail a run that passed.
            let _ = std::fs::remove_dir_all(dir);
            case.dir = None;
        }
        case
    }

    async fn live(&self, suite: &Suite, dir: &Path) -> Result<(), String> {
        let play = async |target: &Resolved, dir: &Path| {
            let plan = Plan { scenario: &self.scenario, target, launcher: None, limits: suite.limits.clone(), dir };
            player::play(plan).await.map_err(|error| error.to_string())
        };
        play(&self.target, dir).await?;
        let compared = self.scenario.proves.contains(&crate::check::Invariant::Additive);
        match &self.control {
            Some(control) if compared && self.target.profile.kind == TargetKind::Builtin => {
                play(control, &dir.join(CONTROL)).await
            }
            _ => Ok(()),
        }
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

/// What a scenario needs and this kind of target, or this build, does not have; nobody knows of a foreign server.
fn lacks(kind: TargetKind, need: Need) -> Option<&'static str> {
    let ours = matches!(kind, TargetKind::Builtin | TargetKind::BuiltinControl);
    match need {
        Need::Tools => ours.then_some("the embedded engine runs no tools"),
        Need::Approval => ours.then_some("the embedded engine asks for no approvals"),
        Need::Compaction => ours.then_some("the embedded engine does not compact"),
        Need::Injector => Some("this build has no write injector"),
        Need::PowerLoss => Some("this build does not simulate power loss"),
        Need::Mcp => {
            let app_server = matches!(kind, TargetKind::CodexResume | TargetKind::CodexFork);
            app_server.then_some("an app-server does not speak MCP")
        }
    }
}

/// A word as a shell reads it. A word that no shell can be given stands as it is.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
}

/// Judges the run in `dir`, with its control's if there is one. `failure` is why it could not be played to its end.
pub(super) fn judge(dir: &Path, baseline: &Baseline, failure: Option<String>) -> Case {
    let read = Run::read(dir);
    let control = Run::read(&dir.join(CONTROL)).ok();
    let error = |text: String| (Verdict::Error { text }, Vec::new());
    let (verdict, outcomes) = match (&read, failure) {
        (_, Some(text)) => error(text),
        (Err(unread), None) => error(unread.to_string()),
        (Ok(run), None) => {
            let outcomes = crate::check::judge(run, control.as_ref());
            (verdict::judge(run, &outcomes, baseline), outcomes)
        }
    };
    let header = read.as_ref().ok().map(|run| &run.header);
    let (scenario, target) =
        header.map(|header| (header.scenario.name.clone(), header.target.name.clone())).unwrap_or_default();
    Case { scenario, target, outcomes, run: read.ok(), dir: Some(dir.to_owned()), ..bare_case(verdict) }
}

/// A verdict with nothing behind it yet.
fn bare_case(verdict: Verdict) -> Case {
    Case {
        scenario: String::new(),
        target: String::new(),
        verdict,
        outcomes: Vec::new(),
        run: None,
        dir: None,
        again: String::new(),
        judge_again: String::new(),
        took_ms: 0,
    }
}

/// The file in a run's directory that holds the verdict it was given.
const VERDICT: &str = "verdict";

/// Keeps the verdict in the run's directory, for [`recorded`]. Without it only that comparison is lost.
fn record(case: &Case, dir: &Path) {
    let _ = std::fs::write(dir.join(VERDICT), word(&case.verdict));
}

/// The verdict that a run was given when it was played.
pub(super) fn recorded(dir: &Path) -> Option<String> {
    std::fs::read_to_string(dir.join(VERDICT)).ok()
}

fn judge_again(dir: &Path, baseline: Option<&Path>) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    let baseline = baseline.map(|file| format!(" --baseline {}", path(file))).unwrap_or_default();
    format!("rehydra replay {}{baseline}", path(dir))
}

/// A name as one part of a path that no other run has.
fn free(taken: &mut HashSet<String>, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.@:=".contains(c) { c } else { '.' };
    let text: String = name.chars().map(plain).take(100).collect();
    let text = if text.starts_with('.') { format!("_{text}") } else { text };
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
