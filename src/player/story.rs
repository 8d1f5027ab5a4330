//! The story: the steps of one scenario, in order, on one target.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::book::Book;
use super::markers::Planter;
use super::survey;
use crate::fault::armed::Armed;
use crate::fault::plan::Action;
use crate::journal::{Broken, CallId, Incarnation, Journal, Kind, Lane, SnapshotWhen, Step as StepEvent, Unopened};
use crate::limits::Limits;
use crate::model::Stub;
use crate::scenario::{Ending, Restart, Scenario, Step, StepKind};
use crate::target::{End, LifePlan, Target, Whose};
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
pub struct Story<T: Target> {
    pub(super) scenario: Arc<Scenario>,
    pub(super) target: T,
    pub(super) stub: Stub,
    pub(super) armed: Arc<Armed>,
    pub(super) journal: Journal,
    pub(super) world: World,
    pub(super) limits: Limits,
    /// The run's directory.
    pub(super) dir: PathBuf,
    /// The `CODEX_HOME` in it.
    pub(super) home: PathBuf,
    pub(super) seed: u64,
    pub(super) planter: Planter,
    pub(super) book: Book,
    pub(super) calls: CallId,
    pub(super) lives: Incarnation,
    /// A life has begun and is not buried yet.
    pub(super) open: bool,
    pub(super) step: u32,
}

/// What a story is made of.
pub(super) struct Parts<T: Target> {
    pub scenario: Arc<Scenario>,
    pub target: T,
    pub stub: Stub,
    pub armed: Arc<Armed>,
    pub journal: Journal,
    pub world: World,
    pub limits: Limits,
    pub home: PathBuf,
    pub seed: u64,
}

impl<T: Target> Story<T> {
    pub(super) fn new(parts: Parts<T>) -> Story<T> {
        let Parts { scenario, target, stub, armed, journal, world, limits, home, seed } = parts;
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
            home,
            seed,
            planter,
            book,
            calls,
            lives,
            open,
            step,
        }
    }

    /// Plays every step of the scenario and the end. What stops it stands in the journal.
    pub async fn play(mut self) {
        let limit = Duration::from_millis(self.limits.run_ms);
        let outcome = match tokio::time::timeout(limit, self.steps()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Stop(format!("the run took longer than its limit of {} ms", self.limits.run_ms))),
        };
        if let Err(Stop(text)) = outcome {
            self.broken(text);
        }
        self.end().await;
    }

    /// Plays one step, within the limit of a run. What stops it stands in the journal and is the error; nothing can
    /// follow it but the end.
    pub(super) async fn play_step(&mut self, step: &Step) -> Result<(), String> {
        let limit = Duration::from_millis(self.limits.run_ms);
        let outcome = match tokio::time::timeout(limit, self.step(step)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Stop(format!("the step took longer than the limit of a run, {} ms", self.limits.run_ms))),
        };
        outcome.map_err(|Stop(text)| {
            self.broken(text.clone());
            text
        })
    }

    /// Ends the last life, takes the last snapshot, and stops the stub.
    pub(super) async fn end(mut self) {
        if let Err(Stop(text)) = self.end_life(Some(End::Eof)).await {
            self.broken(text);
        }
        self.snapshot(SnapshotWhen::End);
        self.stub.stop().await;
    }

    fn broken(&self, text: String) {
        let step = (self.step > 0).then_some(self.step);
        self.journal.append(Lane::Player, Kind::Broken(Broken { step, text }));
    }

    async fn steps(&mut self) -> Result<(), Stop> {
        let scenario = Arc::clone(&self.scenario);
        for step in &scenario.steps {
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        self.step += 1;
        let event = StepEvent { n: self.step, what: step.what.key().to_owned(), line: step.line };
        self.journal.append(Lane::Player, Kind::Step(event));
        self.one(step).await?;
        if self.open && !self.target.is_alive() {
            self.end_life(None).await?;
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
        // A server that is gone says nothing more; that it is gone, the invariants judge.
        if self.target.wait_frame(frame, limit).await || !self.target.is_alive() {
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
        self.begin_life().await
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

    /// Begins the next life in a process cwd of its own. A server whose first life does not open cannot be used. One that
    /// had opened before and does not any more has failed at what is tested: its story goes on without a life.
    pub(super) async fn begin_life(&mut self) -> Result<(), Stop> {
        self.decoy()?;
        self.snapshot(SnapshotWhen::Birth);
        self.lives += 1;
        let process_cwd = self.dir.join(format!("life-{}", self.lives));
        make_dir(&process_cwd)?;
        self.open = true;
        let opened = self.target.open(LifePlan { incarnation: self.lives, process_cwd }).await;
        let Err(error) = opened else { return Ok(()) };
        if error.whose == Whose::Server {
            // What was begun is buried already.
            self.open = false;
            self.journal.append(Lane::Target, Kind::Unopened(Unopened { text: error.text.clone() }));
            if self.lives > 1 {
                self.snapshot(SnapshotWhen::Death);
                return Ok(());
            }
        }
        Err(error.into())
    }

    fn snapshot(&self, when: SnapshotWhen) {
        let files = survey::session_files(&self.home, &self.journal);
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

pub(super) fn make_dir(dir: &Path) -> Result<(), Stop> {
    std::fs::create_dir_all(dir).map_err(|error| Stop(format!("failed to make {}: {error}", dir.display())))
}
