//! The sweep: record, enumerate, construct, play, sort.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::classes::{Class, Outcome};
use super::points::{Point, Points, points};
use super::tail;
use super::{deeper, pinned};
use crate::fault::plan::Watched;
use crate::journal::{Run, sha256_hex};
use crate::limits::Limits;
use crate::player::{self, Plan as Playing};
use crate::scenario::{Scenario, StepKind};
use crate::target::past::Recording;
use crate::target::resolve::Resolved;
use crate::world::World;

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
    /// The points are known: all of them, those that leave different states, those of this shard that are still to play.
    fn counted(&self, all: usize, distinct: usize, to_play: usize);
    /// One more is done.
    fn played(&self);
}

/// Why a sweep cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SweepError(String);

/// One point and what came out there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swept {
    /// The point in words, unique in its sweep.
    pub point: String,
    /// The life that died.
    pub life: u32,
    /// The step under way.
    pub step: u32,
    /// Constructed.
    pub constructed: Outcome,
    /// Played live, if it was.
    pub live: Option<Outcome>,
    /// The scenario of a pair of deaths that broke something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<String>,
}

/// What a sweep has shown.
#[derive(Clone, Debug)]
pub struct Report {
    /// The conversation's points, duplicates included.
    pub all: usize,
    /// Those that leave different states.
    pub distinct: usize,
    /// Those that were played, in the order of the conversation.
    pub swept: Vec<Swept>,
    /// What a quiet death breaks.
    pub quiet: Outcome,
    /// The classes, the fine one first, with their points and the file of their smallest example.
    pub classes: Vec<(Class, Vec<usize>, Option<PathBuf>)>,
    /// How many points were played live as well, and those that came out otherwise.
    pub live: usize,
    /// Places in [`Report::swept`] where live and constructed differ.
    pub differ: Vec<usize>,
}

impl Report {
    /// How many points break a promise that a quiet death keeps, or leave a bad record.
    pub fn broken(&self) -> usize {
        self.classes.iter().filter(|(class, ..)| !class.is_fine()).map(|(_, places, _)| places.len()).sum()
    }

    /// How many points could not be judged.
    pub fn unjudged(&self) -> usize {
        self.classes.iter().filter(|(class, ..)| class.error).map(|(_, places, _)| places.len()).sum()
    }
}

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
    let quiet = constructed_as(&plan, &recorded, &story, &last, "quiet___").await;
    if let Some(error) = &quiet.error {
        return Err(SweepError(format!("a death while nothing happens cannot be judged: {error}")));
    }
    let chosen = chosen(&plan, &distinct);
    let mut results = Results::open(&plan, &recorded)?;
    let to_play: Vec<usize> = chosen.iter().copied().filter(|at| !results.has(&distinct[*at])).collect();
    let draws = deeper::firsts(plan.seed, distinct.len(), plan.pairs);
    progress.counted(all, distinct.len(), to_play.len() + draws.len());
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
            results.keep(done)?;
            progress.played();
        }
    }
    while let Some(done) = playing.join_next().await {
        results.keep(done)?;
        progress.played();
    }
    let mut pairs: JoinSet<Vec<Swept>> = JoinSet::new();
    let mut deeper = Vec::new();
    for (at, round) in draws {
        let place = places.clone().acquire_owned().await;
        let (plan, recorded) = (plan.clone(), recorded.clone());
        let Some(first) = distinct.get(at).cloned() else { continue };
        pairs.spawn(async move {
            let _place = place;
            deeper::play(&plan, &recorded, &first, round).await
        });
        while let Some(done) = pairs.try_join_next() {
            deeper.extend(ended(done)?);
            progress.played();
        }
    }
    while let Some(done) = pairs.join_next().await {
        deeper.extend(ended(done)?);
        progress.played();
    }
    let swept: Vec<Swept> = chosen.iter().filter_map(|at| results.of(&distinct[*at])).chain(deeper).collect();
    report(&plan, &recorded, (all, &distinct), swept, quiet)
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
        Some(_) if is_live => Some(live(plan, recorded, &story, &format!("l{at:07}")).await),
        _ => None,
    };
    Swept { point: point.what.clone(), life: point.life, step: point.step, constructed, live, story: None }
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
    let played = player::play_after(playing(plan, recorded, story, &dir), Arc::clone(recorded), point.cut).await;
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

fn ended(done: Result<Vec<Swept>, tokio::task::JoinError>) -> Result<Vec<Swept>, SweepError> {
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

/// Sorts what came out into classes, and writes the smallest example of each.
fn report(
    plan: &Plan,
    recorded: &Recording,
    (all, distinct): (usize, &[Point]),
    swept: Vec<Swept>,
    quiet: Outcome,
) -> Result<Report, SweepError> {
    let mut classes: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    for (at, one) in swept.iter().enumerate() {
        classes.entry(one.constructed.class(&quiet)).or_default().push(at);
    }
    let mut sorted = Vec::new();
    for (number, (class, places)) in classes.into_iter().enumerate() {
        // What has least before it is the smallest: the record's order is the conversation's.
        let first = places.first().and_then(|at| swept.get(*at));
        let story = first.filter(|_| !class.is_fine()).and_then(|one| {
            let point = distinct.iter().find(|point| point.what == one.point);
            let made =
                point.map(|point| crate::scenario::to_toml(&tail::scenario(&plan.scenario, &recorded.run, point)));
            Some(format!("# {}\n# {}\n\n{}", class.text(), one.point, made.or_else(|| one.story.clone())?))
        });
        let example = match story {
            Some(text) => {
                let path = plan.dir.join(format!("class-{number}.toml"));
                let failed = |error| SweepError(format!("failed to write {}: {error}", path.display()));
                fs::write(&path, text).map_err(failed)?;
                Some(path)
            }
            None => None,
        };
        sorted.push((class, places, example));
    }
    let is_live = |one: &&Swept| one.live.is_some();
    let live = swept.iter().filter(is_live).count();
    let differs =
        |one: &Swept| one.live.as_ref().is_some_and(|live| live.class(&quiet) != one.constructed.class(&quiet));
    let differ = swept.iter().enumerate().filter(|(_, one)| differs(one)).map(|(at, _)| at).collect();
    Ok(Report { all, distinct: distinct.len(), swept, quiet, classes: sorted, live, differ })
}

/// What came out so far, a line a point, so that a sweep that was stopped goes on.
struct Results {
    file: fs::File,
    path: PathBuf,
    done: BTreeMap<String, Swept>,
}

impl Results {
    fn open(plan: &Plan, recorded: &Recording) -> Result<Results, SweepError> {
        let started = &recorded.run.header.started;
        let path = plan.dir.join(format!("points-{}.jsonl", &sha256_hex(started.as_bytes())[..8]));
        let failed = |error: io::Error| SweepError(format!("failed to keep results in {}: {error}", path.display()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        // A line that was being written when the sweep was stopped is played again.
        let done = text.lines().filter_map(|line| serde_json::from_str::<Swept>(line).ok());
        let done = done.map(|swept| (swept.point.clone(), swept)).collect();
        let file = fs::OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        Ok(Results { file, path, done })
    }

    fn has(&self, point: &Point) -> bool {
        self.done.contains_key(&point.what)
    }

    fn keep(&mut self, swept: Result<Swept, tokio::task::JoinError>) -> Result<(), SweepError> {
        let swept = swept.map_err(|error| SweepError(format!("a run ended early: {error}")))?;
        let failed =
            |error: io::Error| SweepError(format!("failed to keep results in {}: {error}", self.path.display()));
        let line = serde_json::to_string(&swept).map_err(|error| failed(error.into()))?;
        writeln!(self.file, "{line}").map_err(failed)?;
        self.done.insert(swept.point.clone(), swept);
        Ok(())
    }

    fn of(&self, point: &Point) -> Option<Swept> {
        self.done.get(&point.what).cloned()
    }
}
