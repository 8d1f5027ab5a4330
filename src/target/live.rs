//! A real process as a target: the recording client.
//!
//! It speaks the target's dialect over the process's pipes and journals every line in both directions before anything else
//! happens to it. It answers what a server asks, so that nothing hangs on the client; it never repeats, repairs or reorders.
//! Dropping it kills whatever is still running.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::home::{HOME_VAR, TOKEN_VAR, USER_VAR};
use super::life::{Life, lock};
use super::mcp::Results;
use super::opening::Exchanged;
use super::stand_in::Launches;
use super::{Ask, Differs, End, LifePlan, Pending, Server, Target, TargetError, burial, calls, opening, speech};
use crate::codex::app_server::GoesOn;
use crate::fault::armed::{Armed, Hands};
use crate::fault::client::Opening;
use crate::fault::plan::{Action, Signal, Watched, Whom};
use crate::fault::write::Supervisor;
use crate::journal::{AnswerOutcome, CallId, Journal, Kind, Lane, TargetProfile};
use crate::limits::Limits;
use crate::proc::{self, Scope, Tag};

/// What a live target is made of.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// What it is, and its command with every placeholder filled.
    pub profile: TargetProfile,
    /// Its whole environment: nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Names in `env` whose values do not enter the journal.
    pub secret_env: Vec<String>,
    /// Its limits.
    pub limits: Limits,
    /// Unique among the runs of this process; becomes a part of the tag by which its processes are found.
    pub run: String,
    /// The `rehydra` binary to launch with; `None` finds one, see [`proc::launcher_path`].
    pub launcher: Option<PathBuf>,
    /// What of the lives' files the injector sees.
    pub watched: Watched,
}

/// What stays the same in all lives of a client's server.
#[derive(Clone)]
pub(super) struct Fixed {
    pub(super) profile: TargetProfile,
    pub(super) env: Vec<(String, String)>,
    pub(super) secret_env: Vec<String>,
    pub(super) limits: Limits,
    pub(super) tag: Tag,
    pub(super) launcher: PathBuf,
    pub(super) journal: Journal,
    pub(super) armed: Arc<Armed>,
    /// How results are read in the dialect `mcp`.
    pub(super) results: Results,
    /// What its servers started as `codex`.
    pub(super) launches: Arc<Launches>,
    /// Which thread goes on as which: a client of an app-server remembers that across its lives.
    pub(super) goes_on: GoesOn,
    pub(super) watched: Watched,
    /// The injectors of lives that have left a daemon behind.
    pub(super) daemons: Arc<Mutex<Vec<Supervisor>>>,
}

impl Fixed {
    /// The same for a life of another server. What belongs to the client, the run and its limits stays.
    fn with(self: &Arc<Fixed>, server: Option<&Server>) -> Result<Arc<Fixed>, TargetError> {
        let Some(Server { profile, env, .. }) = server else { return Ok(Arc::clone(self)) };
        let results = Results::of(profile).map_err(TargetError::harness)?;
        let usual = (**self).clone();
        Ok(Arc::new(Fixed { profile: profile.clone(), env: env.clone(), results, ..usual }))
    }

    /// The whole environment of a life. What names the usual home or holds the usual credential has the life's.
    pub(super) fn env_of(&self, differs: &Differs) -> Vec<(String, String)> {
        let is_other = |name: &String| differs.env.iter().any(|(other, _)| other == name);
        let usual = self.env.iter().filter(|(name, _)| !is_other(name));
        let usual = usual.map(|(name, value)| (name.clone(), self.in_life(value, differs)));
        usual.chain(differs.env.iter().cloned()).collect()
    }

    /// The command of a life, likewise.
    pub(super) fn argv_of(&self, differs: &Differs) -> Vec<String> {
        self.profile.command.iter().map(|word| self.in_life(word, differs)).collect()
    }

    fn in_life(&self, text: &str, differs: &Differs) -> String {
        let of = |env: &[(String, String)], var: &str| env.iter().find(|(name, _)| name == var).map(|(_, v)| v.clone());
        [HOME_VAR, USER_VAR, TOKEN_VAR].iter().fold(text.to_owned(), |text, var| {
            match (of(&self.env, var), of(&differs.env, var)) {
                (Some(usual), Some(other)) => text.replace(&usual, &other),
                _ => text,
            }
        })
    }

    /// An environment as a journal may show it.
    pub(super) fn shown(&self, env: &[(String, String)]) -> Vec<(String, String)> {
        let shown = |(name, value): &(String, String)| {
            let secret = self.secret_env.contains(name);
            let value = if secret { "«redacted»".into() } else { self.journal.clean(value.as_bytes()) };
            (name.clone(), String::from_utf8_lossy(&value).into_owned())
        };
        env.iter().map(shown).collect()
    }
}

/// A server under test that runs as a process, one for each client.
pub struct LiveTarget {
    fixed: Arc<Fixed>,
    life: Arc<Current>,
    lives: Arc<OnLives>,
    /// Names of the servers whose tools were asked for.
    listed: Mutex<BTreeSet<String>>,
}

/// The running life, if there is one.
#[derive(Default)]
struct Current(Mutex<Option<Arc<Life>>>);

impl Current {
    fn get(&self) -> Option<Arc<Life>> {
        lock(&self.0).clone()
    }
}

/// The hands of the armed faults, on the lives of all clients. They do not keep a target alive, which keeps the faults
/// alive.
#[derive(Default)]
struct OnLives(Mutex<Vec<Weak<Current>>>);

impl OnLives {
    fn add(&self, life: &Arc<Current>) {
        lock(&self.0).push(Arc::downgrade(life));
    }

    /// The life that a call was sent to, if it is not over.
    fn of(&self, call: CallId) -> Option<Arc<Life>> {
        let lives: Vec<Arc<Life>> = lock(&self.0).iter().filter_map(|life| life.upgrade()?.get()).collect();
        lives.into_iter().find(|life| life.calls.knows(call))
    }
}

impl Hands for OnLives {
    fn act(&self, call: CallId, action: Action) {
        if let Some(life) = self.of(call) {
            life.act_for(call, action);
        }
    }

    fn ended(&self, call: CallId) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        match self.of(call) {
            Some(life) => Box::pin(life.exited()),
            None => Box::pin(std::future::ready(())),
        }
    }

    fn release(&self, call: CallId) {
        if let Some(life) = self.of(call) {
            life.release();
        }
    }
}

impl LiveTarget {
    /// A target without a life. Gives `armed` its hands.
    pub fn new(config: LiveConfig, journal: Journal, armed: Arc<Armed>) -> Result<LiveTarget, TargetError> {
        let LiveConfig { profile, env, secret_env, limits, run, launcher, watched } = config;
        let launcher = launcher_or(launcher.as_deref())?;
        let results = Results::of(&profile).map_err(TargetError::harness)?;
        let life = Arc::new(Current::default());
        let lives = Arc::new(OnLives::default());
        lives.add(&life);
        armed.set_hands(lives.clone());
        let tag = Tag::harness().of(&run);
        let fixed = Fixed {
            profile,
            env,
            secret_env,
            limits,
            tag,
            launcher,
            journal,
            armed,
            results,
            launches: Arc::default(),
            goes_on: GoesOn::default(),
            watched,
            daemons: Arc::default(),
        };
        Ok(LiveTarget { fixed: Arc::new(fixed), life, lives, listed: Mutex::default() })
    }

    /// The same, opened without asking for its tools: for whoever wants to know first what they are.
    pub fn unlisted(self) -> LiveTarget {
        lock(&self.listed).insert(self.fixed.profile.name.clone());
        self
    }

    /// Asks the running life something that is no call of a story.
    pub async fn ask(&self, method: &str, params: Value, limit: Duration) -> Asked {
        let Some(life) = self.life.get() else { return Asked::Closed };
        match opening::exchange(&life, method, params, Instant::now() + limit).await {
            Exchanged::Reply(_, reply) => reply.outcome.map_or_else(Asked::Error, Asked::Result),
            Exchanged::Closed => Asked::Closed,
            Exchanged::Timeout => Asked::Timeout,
        }
    }

    /// The last lines that the running life wrote to stderr, harmless to show.
    pub fn complaints(&self) -> Vec<String> {
        self.life.get().map(|life| life.complaints()).unwrap_or_default()
    }
}

/// What came of [`LiveTarget::ask`].
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// A result.
    Result(Value),
    /// An error of the protocol.
    Error(Value),
    /// The life ended first, or there is none.
    Closed,
    /// Nothing came in time.
    Timeout,
}

fn launcher_or(explicit: Option<&Path>) -> Result<PathBuf, TargetError> {
    proc::launcher_path(explicit).map_err(|error| TargetError::harness(error.to_string()))
}

impl Target for LiveTarget {
    fn profile(&self) -> &TargetProfile {
        &self.fixed.profile
    }

    fn another(&self) -> LiveTarget {
        let fixed = Fixed { goes_on: GoesOn::default(), ..(*self.fixed).clone() };
        let life = Arc::new(Current::default());
        self.lives.add(&life);
        let lives = Arc::clone(&self.lives);
        LiveTarget { fixed: Arc::new(fixed), life, lives, listed: Mutex::default() }
    }

    async fn open(&self, plan: LifePlan) -> Result<(), TargetError> {
        if self.life.get().is_some() {
            return Err(TargetError::harness("a life is still there: bury it before the next is opened"));
        }
        let fixed = self.fixed.with(plan.differs.server.as_deref())?;
        let (life, spawn) = opening::begin(&fixed, &plan).await?;
        *lock(&self.life.0) = Some(Arc::clone(&life));
        let name = &fixed.profile.name;
        let list = !lock(&self.listed).contains(name);
        let Err(trouble) = opening::converse(&life, &plan, spawn, list).await else {
            let lists = !matches!(plan.opening, None | Some(Opening::Lazy));
            if lists {
                lock(&self.listed).insert(name.clone());
            }
            return Ok(());
        };
        let buried = self.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await;
        let told = trouble.tell(&fixed.profile, lock(&life.junk).as_deref(), &life.complaints());
        buried.and(Err(told))
    }

    async fn send(&self, ask: Ask) -> Result<Pending, TargetError> {
        let (done, answer) = oneshot::channel();
        let Some(life) = self.life.get() else {
            let closed = calls::ended(ask.call, AnswerOutcome::Closed, Vec::new());
            self.fixed.journal.append(Lane::Client, Kind::Call(speech::called(ask, Vec::new())));
            self.fixed.journal.append(Lane::Client, Kind::Answer(closed.clone()));
            let _ = done.send(closed);
            return Ok(Pending(answer));
        };
        let (id, limit) = (life.calls.number(), ask.limit);
        let written = life.speech.call(&life, id, ask, done);
        let in_time = match written {
            Some(written) => timeout(limit, written).await.is_ok(),
            None => true,
        };
        if in_time {
            // A pipe that is closed already ends the call with the life, or with its time.
            life.calls.time(id, limit);
        } else {
            life.calls.expire(id);
        }
        Ok(Pending(answer))
    }

    fn act(&self, action: Action) {
        if let Some(life) = self.life.get() {
            life.act(action);
        }
    }

    async fn write(&self, bytes: &[u8], whole: bool) {
        let Some(life) = self.life.get() else { return };
        let bytes = bytes.to_vec();
        let written = if whole { life.outbox.send(bytes, |_| {}, || {}) } else { life.outbox.send_half(bytes) };
        let limit = Duration::from_millis(life.fixed.limits.call_ms);
        // A pipe that is closed or full is the target's doing, and shows in what follows.
        let _ = timeout(limit, written).await;
    }

    async fn cancel_last(&self) {
        let Some(life) = self.life.get() else { return };
        let line = life.calls.newest().and_then(|slot| Some((slot, life.speech.cancel(slot)?)));
        let Some((slot, line)) = line else { return };
        let written = life.outbox.send(line, |frame| life.calls.cancelled(slot, frame), || {});
        let _ = timeout(Duration::from_millis(life.fixed.limits.call_ms), written).await;
    }

    async fn wait_frame(&self, name: &str, limit: Duration) -> bool {
        let Some(life) = self.life.get() else { return false };
        let mut names = life.names.subscribe();
        let seen = async { names.wait_for(|names| names.contains(name)).await.is_ok() };
        tokio::select! {
            biased;
            seen = timeout(limit, seen) => seen.unwrap_or(false),
            // The pipes are drained by then, so the name is not going to come.
            _ = life.over() => life.names.borrow().contains(name),
        }
    }

    fn is_alive(&self) -> bool {
        self.life.get().is_some_and(|life| life.is_running())
    }

    async fn bury(&self, end: Option<End>) -> Result<(), TargetError> {
        let Some(life) = self.life.get() else { return Ok(()) };
        if end.is_some() {
            life.speech.take_leave(&life).await;
        }
        let buried = burial::bury(&life, end).await;
        self.fixed.launches.tell(&self.fixed.journal);
        if buried.is_ok() {
            lock(&self.life.0).take();
        }
        buried
    }
}

impl Drop for LiveTarget {
    fn drop(&mut self) {
        let life = lock(&self.life.0).take();
        if let Some(life) = &life {
            life.abandon();
        }
        if life.is_some() || self.fixed.profile.daemon {
            proc::clear_now(&Scope::new(self.fixed.tag.clone(), life.map(|life| life.child.pid())));
        }
    }
}
