//! Real Codex app-servers, one life after the other, each asked to resume many placed rollouts.
//!
//! A [`Batch`] is one hermetic home: all its rollouts are placed before the server starts, as after a crash of the
//! machine, and then resumed one by one (`thread/resume`, `turn/start`) against the stub model, which keeps each request
//! as it came. A case that kills its server, or makes it fall silent, is charged with that; the next one gets a new life
//! in the same home.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::fault::armed::Armed;
use rehydra::fault::client::Opening;
use rehydra::fault::plan::{Signal, Watched, Whom};
use rehydra::journal::{
    self, AnswerOutcome, BlobStore, Body, CallId, CallKind, IdChoice, Identity, Journal, Kind, TargetKind,
};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::script::{Output, Response};
use rehydra::target::egress::Guard;
use rehydra::target::home::{Home, HomeSpec, TOKEN_VAR};
use rehydra::target::live::{LiveConfig, LiveTarget};
use rehydra::target::{Ask, End, LifePlan, Target, profile};

use super::placed::Placed;

/// Why a batch cannot go on; it says nothing about Codex.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long one case may take before its server counts as silent.
const CASE: Duration = Duration::from_secs(20);
/// The same for one that is tried again.
const AGAIN: Duration = Duration::from_secs(90);
/// Seed of the markers of our own prompts; no case uses it.
const OWN_SEED: u64 = u64::MAX;

/// What a Codex did with a rollout.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// It resumed the thread and ran a turn: the `input` of the request that the model received.
    Resumed(Vec<Value>),
    /// It answered by an error, in these words.
    Refused(String),
    /// It resumed, and no request came; what it answered.
    Unasked(String),
    /// The process ended.
    Died,
    /// Nothing came within the limit.
    Silent,
}

type Bodies = Arc<Mutex<HashMap<CallId, Body>>>;

/// One home with its server. See the module.
pub(crate) struct Batch {
    // Removed with everything in it when the batch is dropped.
    _dir: tempfile::TempDir,
    journal: Journal,
    stub: Stub,
    _guard: Guard,
    home: Home,
    target: LiveTarget,
    bodies: Bodies,
    calls: CallId,
    lives: u32,
    alive: bool,
    limit: Duration,
}

impl Batch {
    /// A home for that release, with no server in it yet. Installs the release where it is missing.
    pub(crate) fn new(version: &str) -> Result<Batch, Failure> {
        let version: Version = version.parse()?;
        let native = install::ensure(version)?.native;
        let profile = profile::codex_app_server(&version.to_string(), Identity::Same, &native);
        let dir = tempfile::tempdir()?;
        // A Codex may take long to open where the machine is shared.
        let limits = Limits { open_ms: 60_000, ..Limits::default() };
        let scenario = journal::ScenarioHeader {
            name: "differential".to_owned(),
            title: String::new(),
            source: String::new(),
            proves: Vec::new(),
        };
        let header = journal::Header {
            format: journal::FORMAT,
            rehydra: env!("CARGO_PKG_VERSION").to_owned(),
            started: String::new(),
            seed: 1,
            scenario,
            target: profile.clone(),
            limits: limits.clone(),
        };
        let journal = Journal::create(dir.path(), &header, journal::Redactor::default(), || 0)?;
        let bodies = Bodies::default();
        let kept = Arc::clone(&bodies);
        journal.listen(move |event| {
            if let Kind::ModelRequest(request) = &event.kind
                && let Some(call) = request.call
            {
                lock(&kept).entry(call).or_insert_with(|| request.body.clone());
            }
        });
        let armed = Arc::new(Armed::new(journal.clone()));
        let token = "a token of this batch".to_owned();
        let stub = Stub::start(journal.clone(), armed.clone(), token.clone())?;
        let guard = Guard::start(journal.clone())?;
        let spec = HomeSpec::wide(TargetKind::CodexResume, Some(version), stub.port(), token);
        let home = Home::create(dir.path(), &spec)?;
        let mut env = home.env();
        env.extend(guard.env());
        let config = LiveConfig {
            profile,
            env,
            secret_env: vec![TOKEN_VAR.to_owned()],
            limits,
            run: dir.path().display().to_string().replace('/', "-"),
            launcher: Some(PathBuf::from(env!("CARGO_BIN_EXE_rehydra"))),
            watched: Watched::Nothing,
        };
        let target = LiveTarget::new(config, journal.clone(), armed)?;
        let (calls, lives, alive, limit) = (0, 0, false, CASE);
        Ok(Batch { _dir: dir, journal, stub, _guard: guard, home, target, bodies, calls, lives, alive, limit })
    }

    /// The same with more time for a case.
    pub(crate) fn patient(self) -> Batch {
        Batch { limit: AGAIN, ..self }
    }

    /// Places the files of a case below `CODEX_HOME`.
    pub(crate) fn place_all(&self, placed: &Placed) -> Result<(), Failure> {
        self.place(&placed.path, &placed.bytes)?;
        placed.others.iter().try_for_each(|(path, bytes)| self.place(path, bytes))
    }

    fn place(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.home.codex_home().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, bytes)?)
    }

    /// Resumes the thread with that id and runs one turn on it.
    pub(crate) async fn resume(&mut self, id: &str) -> Result<Seen, Failure> {
        if !self.alive {
            self.begin_life().await?;
        }
        self.calls += 1;
        let call = self.calls;
        let marker = Marker::new(Carrier::Prompt, OWN_SEED, u64::from(call));
        let told = Marker::new(Carrier::Reply, OWN_SEED, u64::from(call));
        let output = vec![Output::Text { text: format!("Understood. {told}"), chunks: 1 }];
        self.stub.expect(call, marker.clone(), vec![Response { output, ..Response::default() }]);
        let ask = Ask {
            call,
            step: 1,
            client: None,
            thread: format!("case-{call}"),
            kind: CallKind::Reply,
            id: Some((id.to_owned(), IdChoice::Current)),
            prompt: format!("{PROMPT} {marker}"),
            marker,
            cwd: None,
            sandbox: None,
            approval: None,
            faulted: false,
            approve: Some(false),
            limit: self.limit,
        };
        let answer = self.target.send(ask).await?.0.await?;
        match answer.outcome {
            AnswerOutcome::Closed => {
                self.end_life(None).await?;
                return Ok(Seen::Died);
            }
            AnswerOutcome::Timeout | AnswerOutcome::Cancelled => {
                self.end_life(Some(End::Signal(Signal::Kill, Whom::Server))).await?;
                return Ok(Seen::Silent);
            }
            _ => {}
        }
        let body = lock(&self.bodies).remove(&call);
        match (body, answer.outcome) {
            (Some(body), _) => Ok(Seen::Resumed(self.input(&body)?)),
            (None, AnswerOutcome::RpcError) => Ok(Seen::Refused(answer.text)),
            (None, _) => Ok(Seen::Unasked(answer.text)),
        }
    }

    /// Ends the server, and tells what it asked of other machines: there is to be nothing.
    pub(crate) async fn finish(mut self) -> Result<Vec<String>, Failure> {
        if self.alive {
            self.end_life(Some(End::Signal(Signal::Kill, Whom::Server))).await?;
        }
        self.stub.stop().await;
        let asked = self.journal.events().into_iter().filter_map(|event| match event.kind {
            Kind::Egress(egress) => Some(egress.host.unwrap_or_else(|| "a host that it did not name".to_owned())),
            _ => None,
        });
        Ok(asked.collect())
    }

    async fn begin_life(&mut self) -> Result<(), Failure> {
        self.lives += 1;
        let (process_cwd, incarnation) = (self.home.life(self.lives)?, self.lives);
        let opening = Some(Opening::Plain);
        self.target.open(LifePlan { incarnation, process_cwd, opening, differs: Default::default() }).await?;
        self.alive = true;
        Ok(())
    }

    async fn end_life(&mut self, end: Option<End>) -> Result<(), Failure> {
        self.alive = false;
        Ok(self.target.bury(end).await?)
    }

    fn input(&self, body: &Body) -> Result<Vec<Value>, Failure> {
        let bytes = BlobStore::new(self.journal.dir()).bytes(body)?;
        let mut request: Value = serde_json::from_slice(&bytes)?;
        match request.get_mut("input").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            other => Err(format!("a request whose input is no list: {other:?}").into()),
        }
    }
}

/// What every prompt of ours begins with.
pub(crate) const PROMPT: &str = "And what comes next?";

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
