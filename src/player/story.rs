//! The story: the steps of one scenario, in order, on one target.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::book::Book;
use super::clients::Clients;
use super::homes::Homes;
use super::markers::Planter;
use super::sqlite::SqliteFiles;
use super::survey;
use crate::fault::armed::Armed;
use crate::fault::plan::Action;
use crate::journal::{Broken, CallId, Incarnation, Journal, Kind, Lane, SnapshotWhen, Step as StepEvent};
use crate::limits::Limits;
use crate::model::Stub;
use crate::scenario::{MAIN_CLIENT, Scenario, Step, StepKind};
use crate::target::{Differs, End, Target};
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
    pub(super) homes: Homes,
    /// The `CODEX_HOME` of the running life, or of the last one.
    pub(super) home: PathBuf,
    pub(super) seed: u64,
    pub(super) planter: Planter,
    pub(super) book: Book,
    /// The id of the newest decoy in each home.
    pub(super) decoys: BTreeMap<PathBuf, String>,
    /// What the last restart made different.
    pub(super) differs: Differs,
    pub(super) calls: CallId,
    pub(super) lives: Incarnation,
    pub(super) clients: Clients<T>,
    /// The sqlite files as they were when the last life began; empty where the story has no use for them.
    pub(super) sqlite: SqliteFiles,
    /// Files that the story holds.
    pub(super) held: BTreeMap<PathBuf, File>,
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
    pub homes: Homes,
    pub seed: u64,
}

impl<T: Target> Parts<T> {
    /// The same with another target.
    pub(super) fn with<U: Target>(self, make: impl FnOnce(T) -> U) -> Parts<U> {
        let Parts { scenario, target, stub, armed, journal, world, limits, homes, seed } = self;
        Parts { scenario, target: make(target), stub, armed, journal, world, limits, homes, seed }
    }
}

impl<T: Target> Story<T> {
    pub(super) fn new(parts: Parts<T>) -> Story<T> {
        let Parts { scenario, target, stub, armed, journal, world, limits, homes, seed } = parts;
        let (home, decoys, differs) = (homes.usual(), BTreeMap::new(), Differs::default());
        let dir = journal.dir().to_owned();
        let planter = Planter::new(seed);
        let (book, calls, lives, clients, step) = (Book::default(), 0, 0, Clients::default(), 0);
        let (sqlite, held) = (SqliteFiles::new(), BTreeMap::new());
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
            differs,
            calls,
            lives,
            clients,
            sqlite,
            held,
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
        for Stop(text) in self.end_all().await {
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
        self.bury_the_dead().await
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
            StepKind::Kill { signal, whom } => self.end_life(MAIN_CLIENT, Some(End::Signal(*signal, *whom))).await,
            StepKind::Eof => self.end_life(MAIN_CLIENT, Some(End::Eof)).await,
            StepKind::Pause { stop } => {
                self.target.act(if *stop { Action::Stop } else { Action::Continue });
                Ok(())
            }
            StepKind::PowerLoss(loss) => self.power_loss(loss).await,
            StepKind::Rollout(spec) => self.rollout(spec),
            StepKind::Place(place) => self.place(place),
            StepKind::Damage(damage) => self.damage(damage),
            StepKind::File(file) => self.file(file),
            StepKind::Client(step) => self.client(step).await,
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

    pub(super) fn snapshot(&self, when: SnapshotWhen) {
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

pub(super) fn make_dir(dir: &Path) -> Result<(), Stop> {
    std::fs::create_dir_all(dir).map_err(|error| Stop(format!("failed to make {}: {error}", dir.display())))
}
