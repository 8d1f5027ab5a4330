//! Setting the stage for a live run: the run's directory, its home, the stub, the target; and clearing it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use super::homes::Homes;
use super::story::{Parts, Story};
use crate::fault::armed::Armed;
use crate::fault::plan::Watched;
use crate::journal::{FORMAT, Header, Journal, Redactor, ScenarioHeader, TargetKind};
use crate::limits::Limits;
use crate::model::{BadPattern, Stub};
use crate::proc::BOUND_VAR;
use crate::scenario::{Scenario, Step};
use crate::target::egress::Guard;
use crate::target::foreign::Filling;
use crate::target::home::{Home, HomeSpec, TOKEN_VAR};
use crate::target::live::{LiveConfig, LiveTarget};
use crate::target::others::Others;
use crate::target::past::{Cut, Past, Recording};
use crate::target::resolve::Resolved;
use crate::target::stand_in::StandIn;
use crate::target::{Server, TargetError};
use crate::world::World;

/// One live run.
pub struct Plan<'a> {
    /// What is played.
    pub scenario: &'a Scenario,
    /// On what.
    pub target: &'a Resolved,
    /// The servers that its restarts name.
    pub others: &'a Others,
    /// The `rehydra` binary to launch with; `None` finds one, see [`crate::proc::launcher_path`].
    pub launcher: Option<&'a Path>,
    /// Within which limits.
    pub limits: Limits,
    /// The run's directory; must not exist yet.
    pub dir: &'a Path,
    /// What the injector is to see of the lives that are played.
    pub watched: Watched,
    /// The disk, the time and the ids of the player; the real ones but for whoever plays a story again and again.
    pub world: World,
}

impl<'a> Plan<'a> {
    /// A plan without more: the injector sees what the scenario needs.
    pub fn new(scenario: &'a Scenario, target: &'a Resolved, limits: Limits, dir: &'a Path) -> Plan<'a> {
        static NONE: LazyLock<Others> = LazyLock::new(Others::default);
        let (launcher, watched, world) = (None, scenario.watches(), World::real());
        Plan { scenario, target, others: &NONE, launcher, limits, dir, watched, world }
    }
}

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The run's directory cannot be used.
    #[error("failed to {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The run's directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The target cannot be set up.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A pattern of the scenario is no regular expression.
    #[error("`[[model]] when`: {0}")]
    Pattern(#[from] BadPattern),
    /// The journal could not be written to its end.
    #[error("{text}; make room for it, or choose another directory")]
    Journal {
        /// What failed.
        text: String,
    },
}

/// Plays a scenario on a live target. Everything that happened stands in the journal in `plan.dir` afterwards; an error
/// means that there is none, or that it is incomplete and so proves nothing.
pub async fn play(plan: Plan<'_>) -> Result<(), LiveError> {
    let Live { story, journal, stage: _stage } = Live::begin(plan)?;
    story.play().await;
    complete(&journal)
}

/// The same, but for the lives up to a cut, which are read from a record.
pub async fn play_after(plan: Plan<'_>, recording: Arc<Recording>, cut: Cut) -> Result<(), LiveError> {
    let Staged { parts, stage: _stage } = set(plan)?;
    let (journal, armed) = (parts.journal.clone(), Arc::clone(&parts.armed));
    let parts = parts.with(|live| Past::new(live, recording, cut, journal.clone(), armed));
    Story::new(parts).play().await;
    complete(&journal)
}

fn complete(journal: &Journal) -> Result<(), LiveError> {
    journal.failure().map_or(Ok(()), |text| Err(LiveError::Journal { text }))
}

/// A live run whose steps are told one by one, after those that its scenario may have.
///
/// Dropping it kills the target; the journal so far stays, and shows that the run has no end.
pub struct Live {
    story: Story<LiveTarget>,
    journal: Journal,
    stage: Stage,
}

impl Live {
    /// Sets the stage: the run's directory, its home, the stub. No life has begun. Must be called within a tokio runtime
    /// that has time and IO enabled.
    pub fn begin(plan: Plan<'_>) -> Result<Live, LiveError> {
        let Staged { parts, stage } = set(plan)?;
        let journal = parts.journal.clone();
        Ok(Live { story: Story::new(parts), journal, stage })
    }

    /// What has happened so far.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Sets up one more server that steps may name.
    pub(crate) fn know(&mut self, name: &str, found: &Resolved) {
        self.story.servers.insert(name.to_owned(), self.stage.server(found));
    }

    /// Plays one step. The error is what stops the run: it stands in the journal too, and nothing can follow but the end.
    pub async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.story.play_step(step).await
    }

    /// Ends the last life and the run. An error means that the journal is incomplete.
    pub async fn end(self) -> Result<(), LiveError> {
        self.story.end().await;
        complete(&self.journal)
    }
}

/// What a run has around it as long as it goes on.
struct Stage {
    home: Home,
    filling: Filling,
    guard: Guard,
    _stand_in: Option<StandIn>,
}

impl Stage {
    /// A server set up for the run, beside the one that it is about.
    fn server(&self, found: &Resolved) -> Arc<Server> {
        Arc::new(Server {
            profile: self.filling.profile(found.profile.clone()),
            version: found.version,
            env: self.home.env_with(&found.setup, &self.filling, &self.guard, None),
        })
    }
}

/// A stage that is set, and who plays on it.
struct Staged {
    parts: Parts<LiveTarget>,
    stage: Stage,
}

/// Sets the stage: the run's directory, its home, the stub.
fn set(plan: Plan<'_>) -> Result<Staged, LiveError> {
    let Plan { scenario, target, others, launcher, limits, dir, watched, world } = plan;
    let failed = |what: &'static str| move |source| LiveError::Io { what, path: dir.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed("make"))?;
    // Absolute: the target's cwd is another one in each life.
    let dir = &dir.canonicalize().map_err(failed("resolve"))?;
    let token = format!("rehydra-token-{}", world.ids.uuid().simple());
    let header = header(scenario, target, &limits, &world);
    let seed = header.seed;
    let clock = world.clock.clone();
    let began = clock.elapsed();
    let elapsed = move || (clock.elapsed() - began).as_micros() as u64;
    let journal = Journal::create(dir, &header, Redactor::new([token.clone()]), elapsed)
        .map_err(failed("begin the journal in"))?;
    let armed = Arc::new(Armed::new(journal.clone()));
    let stub =
        Stub::start(journal.clone(), armed.clone(), token.clone()).map_err(failed("start the stub model for"))?;
    for unprompted in &scenario.models {
        stub.unprompted(&unprompted.when, unprompted.response.clone())?;
    }
    let spec = HomeSpec::wide(target.profile.kind, target.version, stub.port(), token);
    let home = Home::create(dir, &spec).map_err(failed("make the home in"))?;
    let filling = home.filling(stub.port());
    let guard = Guard::start(journal.clone()).map_err(failed("start the egress guard for"))?;
    let stand_in = match target.profile.kind {
        TargetKind::Foreign => Some(home.stand_in(&target.setup, launcher, &guard)),
        _ => None,
    };
    let stand_in = stand_in.transpose().map_err(failed("make a `codex` in"))?;
    let config = LiveConfig {
        profile: filling.profile(target.profile.clone()),
        env: bound(scenario, home.env_with(&target.setup, &filling, &guard, stand_in.as_ref())),
        secret_env: vec![TOKEN_VAR.to_owned()],
        limits: limits.clone(),
        // Runs that are played with the same ids are still told apart.
        run: World::real().ids.uuid().simple().to_string(),
        launcher: launcher.map(Path::to_owned),
        watched,
    };
    let live = LiveTarget::new(config, journal.clone(), armed.clone())?;
    let stage = Stage { home: home.clone(), filling, guard, _stand_in: stand_in };
    let mut servers = BTreeMap::new();
    for name in scenario.other_targets() {
        if let Some(found) = others.get(name) {
            servers.insert(name.to_owned(), stage.server(found));
        }
    }
    let parts = Parts {
        scenario: Arc::new(scenario.clone()),
        target: live,
        stub,
        armed,
        journal,
        world,
        limits,
        homes: Homes::new(home, spec),
        servers,
        seed,
    };
    Ok(Staged { parts, stage })
}

/// Where the story takes permissions away, they bind every life, root's too.
fn bound(scenario: &Scenario, mut env: Vec<(String, String)>) -> Vec<(String, String)> {
    if scenario.takes_permissions() {
        env.push((BOUND_VAR.to_owned(), "1".to_owned()));
    }
    env
}

fn header(scenario: &Scenario, target: &Resolved, limits: &Limits, world: &World) -> Header {
    Header {
        format: FORMAT,
        rehydra: env!("CARGO_PKG_VERSION").to_owned(),
        started: world.clock.now().to_string(),
        seed: seed_of(&scenario.name),
        scenario: ScenarioHeader {
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            source: scenario.source.clone(),
            proves: scenario.proves.iter().map(|i| i.name().to_owned()).collect(),
        },
        target: target.profile.clone(),
        limits: limits.clone(),
    }
}

/// The same scenario always has the same seed (FNV-1a of its name), so its markers are the same in every run.
fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
