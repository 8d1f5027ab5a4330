//! The sweep: record, enumerate, construct, play, sort.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::classes::Outcome;
use super::points::{Point, Points, points};
use super::results::{Report, Results, Swept, report};
use super::tail;
use super::{deeper, pinned};
use crate::fault::plan::Watched;
use crate::fault::power::DataLoss;
use crate::journal::Run;
use crate::limits::Limits;
use crate::player::{self, Plan as Playing};
use crate::scenario::{Scenario, StepKind};
use crate::target::past::Recording;
use crate::target::resolve::Resolved;
use crate::world::{Clock, RealClock, World};

/// A sweep.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The conversation. It has no deaths of its own, one client, and no files that the player damages.
    pub scenario: Arc<Scenario>,
    /// On what.
    pub target: Arc<Resolved>,
    /// Of each run.
    pub limits: Limits,
    /// Where the runs are made; a sweep that was begun there goes on.
    pub dir: PathBuf,
    /// Runs at the same time.
    pub jobs: usize,
    /// At most so many points, chosen by the seed.
    pub max: Option<usize>,
    /// Part `.0` of `.1`, from 1: each point is in exactly one.
    pub shard: (usize, usize),
    /// One point of so many is played live as well; 0 for none.
    pub live_one_in: u64,
    /// Pairs of deaths that are drawn, one in the conversation and one in what comes after.
    pub pairs: usize,
    /// Chooses points.
    pub seed: u64,
}

/// What is told while a sweep goes on.
pub trait Progress: Send + Sync {
    /// The points are known: all of them, those that leave different states, those of this shard that are still to play with
    /// the pairs that are drawn, and how long that may take.
    fn counted(&self, all: usize, distinct: usize, to_play: usize, about: Duration);
    /// One more is done.
    fn played(&self);
}

/// Why a sweep cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SweepError(pub(super) String);

/// The recorded run's directory, and those of the points: names of the same length.
const RECORD: &str = "recorded";

/// Makes a sweep, or goes on with one.
pub async fn sweep(plan: Plan, progress: Arc<dyn Progress>) -> Result<Report, SweepError> {
    sweepable(&plan.scenario)?;
    let io = |what: &str, error: io::Error| SweepError(format!("failed to {what} {}: {error}", plan.dir.display()));
    fs::create_dir_all(&plan.dir).map_err(|error| io("make", error))?;
    let dir = plan.dir.canonicalize().map_err(|error| io("resolve", error))?;
    let plan = Arc::new(Plan { dir: dir.clone(), ..plan });
    let recorded = record(&plan).await?;
    let Points { all, distinct } = points(&recorded.run);
    let Some(last) = distinct.iter().rev().find(|point| point.loss.is_none()).cloned() else {
        return Err(SweepError(
            "nothing was seen written; the target keeps no session files that a sweep could cut".into(),
        ));
    };
    let story = tail::scenario(&plan.scenario, &recorded.run, &last);
    let clock = RealClock::default();
    let quiet = constructed_as(&plan, &recorded, &story, &last, "quiet___").await;
    let one = clock.elapsed();
    if let Some(error) = &quiet.error {
        return Err(SweepError(format!("a death while nothing happens cannot be judged: {error}")));
    }
    let chosen = chosen(&plan, &distinct);
    let mut results = Results::open(&plan, &recorded)?;
    let to_play: Vec<usize> = chosen.iter().copied().filter(|at| !results.has(&distinct[*at])).collect();
    let draws = deeper::firsts(plan.seed, distinct.len(), plan.pairs);
    let wanted = to_play.len() + draws.len() * deeper::DRAWN;
    progress.counted(all, distinct.len(), wanted, expected(one, wanted, plan.jobs));
    let places = Arc::new(Semaphore::new(plan.jobs.max(1)));
    let mut playing = JoinSet::new();
    for at in to_play {
        let place = places.clone().acquire_owned().await;
        let (plan, recorded, point) = (plan.clone(), recorded.clone(), distinct[at].clone());
        playing.spawn(async move {
            let _place = place;
            play(&plan, &recorded, &point, at).await
        });
        while let Some(done) = playing.try_join_next() {
            results.keep(ended(done)?)?;
            progress.played();
        }
    }
    while let Some(done) = playing.join_next().await {
        results.keep(ended(done)?)?;
        progress.played();
    }
    let mut pairs: JoinSet<Vec<Swept>> = JoinSet::new();
    let mut deeper = Vec::new();
    let keep = |kept: &mut Vec<Swept>, done: Result<Vec<Swept>, _>| {
        let more = ended(done)?;
        more.iter().for_each(|_| progress.played());
        kept.extend(more);
        Ok::<(), SweepError>(())
    };
    for (at, round) in draws {
        let place = places.clone().acquire_owned().await;
        let (plan, recorded) = (plan.clone(), recorded.clone());
        let Some(first) = distinct.get(at).cloned() else { continue };
        pairs.spawn(async move {
            let _place = place;
            deeper::play(&plan, &recorded, &first, round).await
        });
        while let Some(done) = pairs.try_join_next() {
            keep(&mut deeper, done)?;
        }
    }
    while let Some(done) = pairs.join_next().await {
        keep(&mut deeper, done)?;
    }
    let swept: Vec<Swept> = chosen.iter().filter_map(|at| results.of(&distinct[*at])).chain(deeper).collect();
    report(&plan, &recorded, (all, &distinct), swept, quiet)
}

/// How long so many runs take, by what one has taken while nothing else went on. A processor has enough to do with one.
fn expected(one: Duration, runs: usize, jobs: usize) -> Duration {
    let at_once = jobs.min(std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    one * u32::try_from(runs.div_ceil(at_once)).unwrap_or(u32::MAX)
}

/// What a sweep can be made of.
fn sweepable(scenario: &Scenario) -> Result<(), SweepError> {
    let refused = scenario.steps.iter().find_map(|step| {
        let why = match &step.what {
            StepKind::Client(_) => "has another client",
            StepKind::Codex(call) | StepKind::Reply(call) if call.fault.is_some() => "has a fault",
            StepKind::Together(calls) if calls.iter().any(|one| one.call.fault.is_some()) => "has a fault",
            StepKind::Damage(_) | StepKind::File(_) => "changes files",
            StepKind::Kill { .. } | StepKind::Pause { .. } | StepKind::Eof => "ends or stops a life",
            _ => return None,
        };
        Some((step.line, why))
    });
    match refused {
        None => Ok(()),
        Some((line, why)) => Err(SweepError(format!(
            "{}: line {line}: this step {why}; a sweep wants a plain conversation and adds the deaths itself",
            scenario.name
        ))),
    }
}

/// The record, made now or found.
async fn record(plan: &Plan) -> Result<Arc<Recording>, SweepError> {
    let dir = plan.dir.join(RECORD);
    if !dir.exists() {
        let world = pinned::world(World::real().clock.now(), plan.seed);
        let playing = Playing {
            watched: Watched::Writes,
            world,
            ..Playing::new(&plan.scenario, &plan.target, plan.limits.clone(), &dir)
        };
        player::play(playing)
            .await
            .map_err(|error| SweepError(format!("the conversation cannot be recorded: {error}")))?;
    }
    let run =
        Run::read(&dir).map_err(|error| SweepError(format!("{error}; remove {} to begin anew", plan.dir.display())))?;
    if run.header.scenario.source != plan.scenario.source || run.header.target.name != plan.target.profile.name {
        let text = format!(
            "{} holds a sweep of `{}` on `{}`; name another directory, or remove it",
            plan.dir.display(),
            run.header.scenario.name,
            run.header.target.name
        );
        return Err(SweepError(text));
    }
    let outcome = Outcome::of(&run);
    if let Some((name, text)) = outcome.broken.first() {
        return Err(SweepError(format!(
            "the conversation fails without any death: {name}: {text}; see {}",
            dir.display()
        )));
    }
    match run.incomplete() {
        Some(why) => {
            Err(SweepError(format!("the record is incomplete: {why}; remove {} to begin anew", dir.display())))
        }
        None => Ok(Arc::new(Recording { run, dir })),
    }
}

/// The points of this shard, at most as many as are wanted, in their order.
fn chosen(plan: &Plan, distinct: &[Point]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..distinct.len()).collect();
    if let Some(max) = plan.max.filter(|max| *max < places.len()) {
        places.sort_by_key(|at| pinned::mixed(plan.seed ^ *at as u64));
        places.truncate(max);
        places.sort_unstable();
    }
    let (part, of) = plan.shard;
    places.into_iter().enumerate().filter(|(n, _)| n % of.max(1) == part.saturating_sub(1)).map(|(_, at)| at).collect()
}

async fn play(plan: &Plan, recorded: &Arc<Recording>, point: &Point, at: usize) -> Swept {
    let story = tail::scenario(&plan.scenario, &recorded.run, point);
    let constructed = constructed_as(plan, recorded, &story, point, &format!("p{at:07}")).await;
    let is_live =
        plan.live_one_in > 0 && pinned::mixed(plan.seed ^ 0x11FE ^ at as u64).is_multiple_of(plan.live_one_in);
    let live = match point.at {
        Some(_) if is_live && !hangs_on_lengths(point) => {
            Some(live(plan, recorded, &story, &format!("l{at:07}")).await)
        }
        _ => None,
    };
    Swept { point: point.what.clone(), life: point.life, step: point.step, constructed, live, story: None }
}

/// Whether what is left is cut where it is by how long all writes before were. In a live run some are a byte longer or
/// shorter, and the cut may be in another record.
fn hangs_on_lengths(point: &Point) -> bool {
    point.loss.is_some_and(|loss| matches!(loss.data, DataLoss::Half | DataLoss::Sector | DataLoss::After(_)))
}

/// A point of a record, whose story was `whole`.
pub(super) async fn constructed(
    plan: &Plan,
    recorded: &Arc<Recording>,
    whole: &Scenario,
    point: &Point,
    name: &str,
) -> Outcome {
    constructed_as(plan, recorded, &tail::scenario(whole, &recorded.run, point), point, name).await
}

async fn constructed_as(
    plan: &Plan,
    recorded: &Arc<Recording>,
    story: &Scenario,
    point: &Point,
    name: &str,
) -> Outcome {
    let dir = plan.dir.join(name);
    // What the story's faults wait for is in the record; the lives that are played have none.
    let playing = Playing { watched: Watched::Nothing, ..playing(plan, recorded, story, &dir) };
    let played = player::play_after(playing, Arc::clone(recorded), point.cut).await;
    judged(&dir, played.err().map(|error| error.to_string()))
}

/// The same with the injector watching the later lives, and the record of it.
pub(super) async fn recorded_after(
    plan: &Plan,
    recorded: &Arc<Recording>,
    story: &Scenario,
    point: &Point,
    dir: &Path,
) -> Result<Recording, String> {
    let playing = Playing { watched: Watched::Writes, ..playing(plan, recorded, story, dir) };
    player::play_after(playing, Arc::clone(recorded), point.cut).await.map_err(|error| error.to_string())?;
    let run = Run::read(dir).map_err(|error| error.to_string())?;
    match run.incomplete() {
        Some(why) => Err(why),
        None => Ok(Recording { run, dir: dir.to_owned() }),
    }
}

async fn live(plan: &Plan, recorded: &Recording, story: &Scenario, name: &str) -> Outcome {
    let dir = plan.dir.join(name);
    let played = player::play(playing(plan, recorded, story, &dir)).await;
    judged(&dir, played.err().map(|error| error.to_string()))
}

fn ended<T>(done: Result<T, tokio::task::JoinError>) -> Result<T, SweepError> {
    done.map_err(|error| SweepError(format!("a run ended early: {error}")))
}

fn playing<'a>(plan: &'a Plan, recorded: &Recording, scenario: &'a Scenario, dir: &'a Path) -> Playing<'a> {
    let began = recorded.run.header.started.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let world = pinned::world(began, plan.seed);
    Playing { world, ..Playing::new(scenario, &plan.target, plan.limits.clone(), dir) }
}

/// Judges a run and clears it away; one that could not be judged stays to be looked at.
fn judged(dir: &Path, failure: Option<String>) -> Outcome {
    let outcome = match (failure, Run::read(dir)) {
        (Some(text), _) => Outcome::failed(text),
        (None, Err(error)) => Outcome::failed(error.to_string()),
        (None, Ok(run)) => Outcome::of(&run),
    };
    if outcome.error.is_none() {
        let _ = fs::remove_dir_all(dir);
    }
    outcome
}
