//! A suite of scenarios for a test binary: each on each target is one case, which is played when it is asked for.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::builder::{RUNS, make_dated, make_run, plain};
use super::job::{Job, quoted};
use super::lacking::lacking;
use super::targets::names;
use super::{Error, blocking};
use crate::journal::TargetKind;
use crate::limits::Limits;
use crate::report::Case;
use crate::scenario::{self, Baseline, PROFILES_FILE, Scenario};
use crate::target::others::Others;
use crate::target::profile;
use crate::target::resolve::{Resolved, TargetName};
use crate::verdict;

/// Which scenarios are played on which targets. Nothing is read before it is [loaded](Suite::load).
#[derive(Clone, Debug)]
#[must_use = "nothing is read before `load`"]
pub struct Suite {
    path: Option<PathBuf>,
    targets: Vec<String>,
    commands: Vec<String>,
    limits: Option<Limits>,
    runs: PathBuf,
    keep: bool,
}

impl Suite {
    /// The suite inside the library, with its baseline.
    pub fn builtin() -> Suite {
        let (targets, commands) = (Vec::new(), Vec::new());
        Suite { path: None, targets, commands, limits: None, runs: RUNS.into(), keep: false }
    }

    /// A directory of scenarios, or one scenario file; judged by the suite's `baseline.toml`, if it has one.
    pub fn at(path: impl Into<PathBuf>) -> Suite {
        Suite { path: Some(path.into()), ..Suite::builtin() }
    }

    /// One more target, by the name that `rehydra run --target` takes. If none is given, it is those of `./rehydra.toml`,
    /// and where there is none, `builtin`.
    pub fn target(mut self, name: impl Into<String>) -> Suite {
        self.targets.push(name.into());
        self
    }

    /// One more target: a server with Codex's tools, by its command line, quoted as for a shell.
    pub fn command(mut self, command: impl Into<String>) -> Suite {
        self.commands.push(command.into());
        self
    }

    /// The limits of every run, whatever a target's profile says.
    pub fn limits(mut self, limits: Limits) -> Suite {
        self.limits = Some(limits);
        self
    }

    /// Where the directories of runs are made, if not below `.rehydra`.
    pub fn runs(mut self, dir: impl Into<PathBuf>) -> Suite {
        self.runs = dir.into();
        self
    }

    /// Keep the directories of all runs.
    pub fn keep(mut self) -> Suite {
        self.keep = true;
        self
    }

    /// Reads the scenarios and the baseline.
    ///
    /// # Errors
    ///
    /// [`Error::Wrong`] with everything that is wrong with them, or with the name of a target.
    pub fn load(self) -> Result<Loaded, Error> {
        let (scenarios, baseline) = match &self.path {
            None => {
                let parsed = scenario::builtin().into_iter().map(|(name, text)| Scenario::parse(&name, None, text));
                let scenarios = parsed.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
                let baseline = Baseline::parse("the built-in baseline", scenario::builtin_baseline()).map_err(wrong)?;
                (scenarios, baseline)
            }
            Some(path) => {
                let scenarios = scenario::load(std::slice::from_ref(path)).map_err(wrong)?;
                let file = scenario::baseline_of(path);
                let baseline = file.as_deref().map_or(Ok(Baseline::default()), read)?;
                (scenarios, baseline)
            }
        };
        let names = names(&self.targets, &self.commands, Path::new(PROFILES_FILE));
        let names = names.map_err(|wrong| Error::Wrong(wrong.render(false)))?;
        let targets = names.into_iter().map(Player::new).collect();
        let (suite, control, dir) = (self, Player::new(TargetName::BuiltinControl), OnceLock::new());
        Ok(Loaded { suite, scenarios, targets, control, baseline, dir })
    }
}

/// The limits that were asked for, else those of the target.
pub(super) fn limits_for(asked: Option<&Limits>, target: &Resolved) -> Limits {
    asked.cloned().unwrap_or_else(|| target.setup.limits(Limits::default(), &[]))
}

fn wrong(error: impl ToString) -> Error {
    Error::Wrong(error.to_string())
}

fn read(file: &Path) -> Result<Baseline, Error> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::Wrong(format!("failed to read the baseline {name}: {error}")))?;
    Baseline::parse(&name, &text).map_err(wrong)
}

/// A target that is found, or installed, when it is first needed.
#[derive(Debug)]
struct Player {
    name: TargetName,
    found: OnceLock<Result<Resolved, String>>,
}

impl Player {
    fn new(name: TargetName) -> Player {
        Player { name, found: OnceLock::new() }
    }

    fn found(&self) -> Result<&Resolved, Error> {
        let found = self.found.get_or_init(|| self.name.resolve().map_err(|error| error.to_string()));
        found.as_ref().map_err(|text| Error::Setup(text.clone()))
    }
}

/// A suite that was read.
#[derive(Debug)]
pub struct Loaded {
    suite: Suite,
    scenarios: Vec<Scenario>,
    targets: Vec<Player>,
    control: Player,
    baseline: Baseline,
    /// The directory of this process's runs.
    dir: OnceLock<Result<PathBuf, String>>,
}

/// One scenario on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pair {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the target.
    pub target: String,
    /// What the scenario needs and the target is known not to have; it would be `unsupported`.
    pub lacking: Option<String>,
    at: (usize, usize),
}

impl Loaded {
    /// Every scenario on every target, scenario by scenario.
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (s, scenario) in self.scenarios.iter().enumerate() {
            for (t, target) in self.targets.iter().enumerate() {
                let (name, target) = (scenario.name.clone(), target.name.text());
                pairs.push(Pair { scenario: name, lacking: self.lacking(scenario, t), target, at: (s, t) });
            }
        }
        pairs
    }

    /// What can be said without finding the target: listing tests is not to install anything.
    fn lacking(&self, scenario: &Scenario, target: usize) -> Option<String> {
        let program = Path::new("rehydra");
        let profile = match self.targets.get(target)?.name {
            TargetName::Builtin => profile::builtin(program),
            TargetName::BuiltinControl => profile::builtin_control(program),
            _ => return None,
        };
        lacking(&profile, &[], scenario)
    }

    /// Plays and judges one of the [pairs](Loaded::pairs). Blocks, and may be called from several threads, within an
    /// async runtime too.
    ///
    /// # Errors
    ///
    /// The target cannot be had on this machine, or the directory of the runs cannot be made.
    pub fn play(&self, pair: &Pair) -> Result<Case, Error> {
        let gone = || Error::Wrong(format!("{} on {} is no case of this suite", pair.scenario, pair.target));
        let scenario = self.scenarios.get(pair.at.0).ok_or_else(gone)?;
        let target = self.targets.get(pair.at.1).ok_or_else(gone)?;
        let found = target.found()?;
        let compared = found.profile.kind == TargetKind::Builtin;
        let others = match lacking(&found.profile, &found.setup.env, scenario) {
            None => Others::of(scenario.other_targets()).map_err(|error| Error::Setup(error.to_string()))?,
            Some(_) => Others::default(),
        };
        let control = if compared { Some(self.control.found()?) } else { None };
        let dir = make_run(self.dir()?, &plain(&format!("{}@{}", pair.scenario, pair.target)))?;
        let limits = limits_for(self.suite.limits.as_ref(), found);
        let job = Job {
            scenario,
            name: pair.target.clone(),
            target: found,
            others: &others,
            control,
            baseline: &self.baseline,
            limits: &limits,
            dir: &dir,
            keep: self.suite.keep,
            again: self.again(scenario, &target.name),
        };
        // A runtime cannot be started where another one is running, so it gets a thread of its own.
        let playing = || Ok(blocking::runtime()?.block_on(job.play()));
        let played = std::thread::scope(|scope| scope.spawn(playing).join());
        // Only an empty directory can be removed: that of a case which was not played.
        let _ = std::fs::remove_dir(&dir);
        played.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// What in the baseline is about something that does not exist any more, one text each. A single file is no suite to
    /// miss a scenario in.
    pub fn stale(&self) -> Vec<String> {
        let names: Vec<_> = self.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let is_whole = self.suite.path.as_ref().is_none_or(|path| path.is_dir());
        let mut stale = if is_whole { verdict::stale(&self.baseline, &names) } else { Vec::new() };
        stale.extend(verdict::stale_targets(&self.baseline, TargetName::may_exist));
        stale
    }

    /// Removes the directory of this process's runs, if none was kept.
    pub fn tidy(&self) {
        if let Some(Ok(dir)) = self.dir.get() {
            // Only an empty directory can be removed: what was kept stays.
            let _ = std::fs::remove_dir(dir);
        }
    }

    fn dir(&self) -> Result<&Path, Error> {
        let make = || {
            let runs = &self.suite.runs;
            make_dated(runs)
                .map_err(|(dir, error)| format!("failed to make {}: {error}; choose another place", dir.display()))
        };
        let dir = self.dir.get_or_init(make);
        dir.as_deref().map_err(|text| Error::Setup(text.clone()))
    }

    /// The command that plays one case again.
    fn again(&self, scenario: &Scenario, target: &TargetName) -> String {
        let mut words = vec!["rehydra".to_owned(), "run".to_owned()];
        words.extend(self.suite.path.iter().map(|path| path.display().to_string()));
        words.extend(["--filter".to_owned(), scenario.name.clone()]);
        words.extend(target.words());
        words.push("--keep".to_owned());
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Plays one scenario file on one target, named as for `rehydra run --target`, and judges it by the `baseline.toml` of
/// the suite that the file belongs to, if there is one. Blocks, within an async runtime too.
///
/// # Errors
///
/// The scenario or the baseline is wrong, or the target cannot be had on this machine.
pub fn run_scenario(path: impl AsRef<Path>, target: &str) -> Result<Case, Error> {
    let loaded = Suite::at(path.as_ref()).target(target).load()?;
    let pairs = loaded.pairs();
    let [pair] = pairs.as_slice() else {
        let text = format!("{} holds {} scenarios; name one file", path.as_ref().display(), pairs.len());
        return Err(Error::Wrong(text));
    };
    let case = loaded.play(pair);
    loaded.tidy();
    case
}
