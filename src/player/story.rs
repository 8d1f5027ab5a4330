//! The story: the steps of one scenario, in order, on one target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::book::Book;
use super::homes::Homes;
use super::markers::Planter;
use super::survey;
use crate::fault::armed::Armed;
use crate::fault::plan::Action;
use crate::journal::{Broken, CallId, Incarnation, Journal, Kind, Lane, SnapshotWhen, Step as StepEvent};
use crate::limits::Limits;
use crate::model::Stub;
use crate::scenario::{Ending, Restart, Scenario, Step, StepKind};
use crate::target::home::TOKEN_VAR;
use crate::target::{Differs, End, LifePlan, Target};
use crate::world::World;

/// Why a story stops before its end. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Stop(pub(super) String);

impl From<crate::target::TargetError> for Stop {
    fn from(error: crate::target::TargetError) -> Stop {
        Stop(error.text)
    }
}

/// One scenario being played on one target.
pub struct Story<'a, T: Target> {
    pub(super) scenario: &'a Scenario,
    pub(super) target: &'a T,
    pub(super) stub: &'a Stub,
    pub(super) armed: Arc<Armed>,
    pub(super) journal: Journal,
    pub(super) world: World,
    pub(super) limits: Limits,
    /// The run's directory.
    pub(super) dir: PathBuf,
    pub(super) homes: Homes,
    /// The `CODEX_HOME` of the running life, or of the last one.
    pub(super) home: PathBuf,
    pub(super) seed: u64,
    pub(super) planter: Planter,
    pub(super) book: Book,
    /// The id of the newest decoy in each home.
    pub(super) decoys: BTreeMap<PathBuf, String>,
    pub(super) calls: CallId,
    pub(super) lives: Incarnation,
    /// A life has begun and is not buried yet.
    pub(super) open: bool,
    pub(super) step: u32,
}

/// What a story is made of.
pub(super) struct Parts<'a, T: Target> {
    pub scenario: &'a Scenario,
    pub target: &'a T,
    pub stub: &'a Stub,
    pub armed: Arc<Armed>,
    pub journal: Journal,
    pub world: World,
    pub limits: Limits,
    pub homes: Homes,
    pub seed: u64,
}

impl<'a, T: Target> Story<'a, T> {
    pub(super) fn new(parts: Parts<'a, T>) -> Story<'a, T> {
        let Parts { scenario, target, stub, armed, journal, world, limits, homes, seed } = parts;
        let (home, decoys) = (homes.usual(), BTreeMap::new());
        let dir = journal.dir().to_owned();
        let planter = Planter::new(seed);
        let (book, calls, lives, open, step) = (Book::default(), 0, 0, false, 0);
        Story {
            scenario,
            target,
            stub,
            armed,
            journal,
            world,
            limits,
            dir,
            homes,
            home,
            seed,
            planter,
            book,
            decoys,
            calls,
            lives,
            open,
            step,
        }
    }

    /// Plays every step, ends the last life, and takes the last snapshot. What stops it stands in the journal.
    pub async fn play(mut self) {
        let limit = Duration::from_millis(self.limits.run_ms);
        let outcome = match tokio::time::timeout(limit, self.steps()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Stop(format!("the run took longer than its limit of {} ms", self.limits.run_ms))),
        };
        if let Err(Stop(text)) = outcome {
            self.broken(text);
        }
        if let Err(Stop(text)) = self.end_life(Some(End::Eof)).await {
            self.broken(text);
        }
        self.snapshot(SnapshotWhen::End);
    }

    fn broken(&self, text: String) {
        let step = (self.step > 0).then_some(self.step);
        self.journal.append(Lane::Player, Kind::Broken(Broken { step, text }));
    }

    async fn steps(&mut self) -> Result<(), Stop> {
        let scenario = self.scenario;
        for (n, step) in (1..).zip(&scenario.steps) {
            self.step = n;
            let event = StepEvent { n, what: step.what.key().to_owned(), line: step.line };
            self.journal.append(Lane::Player, Kind::Step(event));
            self.one(step).await?;
            if self.open && !self.target.is_alive() {
                self.end_life(None).await?;
            }
        }
        Ok(())
    }

    async fn one(&mut self, step: &Step) -> Result<(), Stop> {
        match &step.what {
            StepKind::Codex(call) => self.call(&[(true, call)]).await,
            StepKind::Reply(call) => self.call(&[(false, call)]).await,
            StepKind::Together(calls) => {
                let calls: Vec<_> = calls.iter().map(|c| (c.start, &c.call)).collect();
                self.call(&calls).await
            }
            StepKind::Restart(restart) => self.restart(restart).await,
            StepKind::Kill { signal, whom } => self.end_life(Some(End::Signal(*signal, *whom))).await,
            StepKind::Eof => self.end_life(Some(End::Eof)).await,
            StepKind::Pause { stop } => {
                self.target.act(if *stop { Action::Stop } else { Action::Continue });
                Ok(())
            }
            StepKind::Rollout(spec) => self.rollout(spec),
            StepKind::Place(place) => self.place(place),
            StepKind::Damage(damage) => self.damage(damage),
            StepKind::File(file) => self.file(file),
            StepKind::Wait { frame, limit_ms } => self.wait(frame, *limit_ms).await,
        }
    }

    async fn wait(&mut self, frame: &str, limit_ms: Option<u64>) -> Result<(), Stop> {
        let limit = Duration::from_millis(limit_ms.unwrap_or(self.limits.call_ms));
        if self.target.wait_frame(frame, limit).await {
            return Ok(());
        }
        Err(Stop(format!("no frame `{frame}` came within {} ms; name one that this target sends", limit.as_millis())))
    }

    async fn restart(&mut self, restart: &Restart) -> Result<(), Stop> {
        let end = match restart.end {
            Ending::Signal { signal, whom } => End::Signal(signal, whom),
            Ending::Eof => End::Eof,
        };
        self.end_life(Some(end)).await?;
        self.begin_life(restart.into()).await
    }

    /// Ends the running life, if there is one, and takes the snapshot of what its death left.
    pub(super) async fn end_life(&mut self, end: Option<End>) -> Result<(), Stop> {
        if !self.open {
            return Ok(());
        }
        let buried = self.target.bury(end).await;
        // Only now: a run that reaches its limit while this waits still has a life to end.
        self.open = false;
        buried?;
        self.snapshot(SnapshotWhen::Death);
        Ok(())
    }

    /// Begins the next life in a process cwd of its own. The environment of `differs` is what the story adds; home and
    /// credentials go into it here.
    pub(super) async fn begin_life(&mut self, mut differs: Differs) -> Result<(), Stop> {
        self.home = match &differs.home {
            Some(name) => {
                let made = self.homes.named(name);
                made.map_err(|error| Stop(format!("failed to make the home `{name}`: {error}")))?
            }
            None => self.homes.usual(),
        };
        if differs.home.is_some() {
            differs.env.push(("CODEX_HOME".to_owned(), self.home.display().to_string()));
        }
        let token = self.homes.token(differs.credentials.as_deref());
        self.stub.accept(token.clone());
        if differs.credentials.is_some() {
            differs.env.push((TOKEN_VAR.to_owned(), token));
        }
        self.decoy()?;
        self.snapshot(SnapshotWhen::Birth);
        self.lives += 1;
        let process_cwd = self.dir.join(format!("life-{}", self.lives));
        make_dir(&process_cwd)?;
        self.open = true;
        self.target.open(LifePlan { incarnation: self.lives, process_cwd, differs }).await?;
        Ok(())
    }

    fn snapshot(&self, when: SnapshotWhen) {
        let files = survey::session_files(&self.homes.all(), &self.journal);
        self.journal.append(Lane::Player, Kind::Snapshot(crate::journal::Snapshot { when, files }));
    }

    /// A path of the scenario below the run's directory. The parser has refused what leaves it; so does this.
    pub(super) fn inside(&self, path: &str) -> Result<PathBuf, Stop> {
        let relative = Path::new(path);
        let plain = relative.components().all(|c| matches!(c, std::path::Component::Normal(_)));
        if plain && !path.is_empty() {
            return Ok(self.dir.join(relative));
        }
        Err(Stop(format!("`{path}` does not stay inside the run's directory; use a relative path without `..`")))
    }
}

impl From<&Restart> for Differs {
    fn from(restart: &Restart) -> Differs {
        let Restart { home, credentials, tz, env, .. } = restart.clone();
        let zone = tz.map(|tz| ("TZ".to_owned(), tz));
        Differs { home, credentials, env: env.into_iter().chain(zone).collect() }
    }
}

pub(super) fn make_dir(dir: &Path) -> Result<(), Stop> {
    std::fs::create_dir_all(dir).map_err(|error| Stop(format!("failed to make {}: {error}", dir.display())))
}
