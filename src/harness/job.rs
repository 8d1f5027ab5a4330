//! One scenario on one target: played, judged, and kept or cleared away.
//!
//! Whoever plays a scenario does it here, the command line and a test alike, so that the same run gets the same verdict
//! whoever asks. A run that needs attention keeps its directory; any other leaves nothing behind unless it is asked to.

use std::path::{Path, PathBuf};

use super::lacking::{lacking, no_injector};
use crate::check::{self, Invariant};
use crate::journal::{Run, TargetKind, Watched};
use crate::limits::Limits;
use crate::player::{self, Plan};
use crate::report::{Case, NOT_PLAYED, word};
use crate::scenario::{BASELINE_FILE, Baseline, Scenario};
use crate::target::others::Others;
use crate::target::resolve::Resolved;
use crate::verdict::{self, Verdict};
use crate::world::{Clock, RealClock};

/// One scenario on one target, and all that playing it depends on.
pub(crate) struct Job<'a> {
    pub scenario: &'a Scenario,
    /// What reports call the target.
    pub name: String,
    pub target: &'a Resolved,
    /// The servers that the scenario's restarts name.
    pub others: &'a Others,
    /// What `additive` compares with, for a target that makes that promise.
    pub control: Option<&'a Resolved>,
    pub baseline: &'a Baseline,
    pub limits: &'a Limits,
    /// The run's directory; must not exist yet.
    pub dir: &'a Path,
    /// Keep the directory whatever the verdict.
    pub keep: bool,
    /// The command that plays it again.
    pub again: String,
}

/// Where the control's run of the same story lies, below the run's directory.
pub(crate) const CONTROL: &str = "control";

impl Job<'_> {
    /// Plays and judges it.
    pub(crate) async fn play(self) -> Case {
        let clock = RealClock::default();
        let mut case = match lacking(&self.target.profile, &self.target.setup.env, self.scenario) {
            None => {
                let failure = self.live().await.err();
                judge(self.dir, self.baseline, failure)
            }
            Some(reason) => Case::bare("", "", unsupported(&reason)),
        };
        case.scenario = self.scenario.name.clone();
        case.target = self.name;
        case.path = self.scenario.path.clone();
        case.again = self.again;
        if case.dir.is_some() {
            case.judge_again = judge_again(self.dir);
            record(&case, self.dir, self.baseline);
        }
        case.took_ms = clock.elapsed().as_millis() as u64;
        if !self.keep {
            clear(&mut case);
        }
        case
    }

    /// The case of a scenario that is not played because its target is known to be unusable, for this reason.
    pub(crate) fn unplayed(self, why: &str) -> Case {
        let verdict = match lacking(&self.target.profile, &self.target.setup.env, self.scenario) {
            None => Verdict::Error { text: format!("{NOT_PLAYED}{why}") },
            Some(reason) => unsupported(&reason),
        };
        Case { again: self.again, ..Case::bare(&self.scenario.name, &self.name, verdict) }
    }

    async fn live(&self) -> Result<(), String> {
        let play = async |target: &Resolved, dir: &Path, watched: Watched| {
            let plan = Plan::new(self.scenario, target, self.limits.clone(), dir);
            let plan = Plan { others: self.others, watched: plan.watched.max(watched), ..plan };
            player::play(plan).await.map_err(|error| error.to_string())
        };
        let compared =
            self.scenario.proves.contains(&Invariant::Additive) && self.target.profile.kind == TargetKind::Builtin;
        // What it reads is a part of that promise, looked at where the machine can.
        let watched = if compared && no_injector().is_none() { Watched::Reads } else { Watched::Nothing };
        play(self.target, self.dir, watched).await?;
        match self.control {
            Some(control) if compared => play(control, &self.dir.join(CONTROL), Watched::Nothing).await,
            _ => Ok(()),
        }
    }
}

fn unsupported(reason: &str) -> Verdict {
    Verdict::Unsupported { reason: format!("{NOT_PLAYED}{reason}") }
}

/// Removes the run's directory if nobody needs to look into it.
pub(crate) fn clear(case: &mut Case) {
    let quiet = matches!(case.verdict, Verdict::Pass | Verdict::Gap { .. } | Verdict::Unsupported { .. });
    if quiet && let Some(dir) = case.dir.take() {
        // A leftover directory is no reason to fail a run that passed.
        let _ = std::fs::remove_dir_all(dir);
    }
}

/// Judges the run in `dir`, with its control's if there is one. `failure` is why it could not be played to its end.
pub(crate) fn judge(dir: &Path, baseline: &Baseline, failure: Option<String>) -> Case {
    let read = Run::read(dir);
    let control = Run::read(&dir.join(CONTROL)).ok();
    let error = |text: String| (Verdict::Error { text }, Vec::new());
    let (verdict, outcomes) = match (&read, failure) {
        (_, Some(text)) => error(text),
        (Err(unread), None) => error(unread.to_string()),
        (Ok(run), None) => {
            let outcomes = check::judge(run, control.as_ref());
            (verdict::judge(run, &outcomes, baseline), outcomes)
        }
    };
    let header = read.as_ref().ok().map(|run| &run.header);
    let (scenario, target) =
        header.map(|header| (header.scenario.name.as_str(), header.target.name.as_str())).unwrap_or_default();
    let case = Case::bare(scenario, target, verdict);
    Case { outcomes, run: read.ok(), dir: Some(dir.to_owned()), ..case }
}

/// The file in a run's directory that holds the verdict it was given.
const VERDICT: &str = "verdict";

/// Keeps in the run's directory the verdict, for [`recorded`], and the baseline that it was judged by, for
/// [`recorded_baseline`]. Without them only those are lost.
pub(crate) fn record(case: &Case, dir: &Path, baseline: &Baseline) {
    let _ = std::fs::write(dir.join(VERDICT), word(&case.verdict));
    let _ = std::fs::write(dir.join(BASELINE_FILE), &baseline.source);
}

/// The baseline that a run was judged by when it was played.
pub(crate) fn recorded_baseline(dir: &Path) -> Option<PathBuf> {
    Some(dir.join(BASELINE_FILE)).filter(|file| file.is_file())
}

/// The verdict that a run was given when it was played.
pub(crate) fn recorded(dir: &Path) -> Option<String> {
    std::fs::read_to_string(dir.join(VERDICT)).ok()
}

/// The command that judges a run again, by the baseline that is kept in its directory.
pub(crate) fn judge_again(dir: &Path) -> String {
    format!("rehydra replay {}", quoted(&dir.display().to_string()))
}

/// A word as a shell reads it. A word that no shell can be given stands as it is.
pub(crate) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), |quoted| quoted.into_owned())
}
