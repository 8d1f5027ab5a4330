//! The harness's machinery around one server, without a scenario: for tests and benchmarks that drive it by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rehydra::codex::version::Version;
use rehydra::fault::armed::Armed;
use rehydra::fault::client::Opening;
use rehydra::fault::plan::{Signal, Watched, Whom};
use rehydra::journal::{self, CallId, CallKind, IdChoice, Journal, TargetKind, TargetProfile};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::script::{Output, Response};
use rehydra::target::home::{Home, HomeSpec, TOKEN_VAR};
use rehydra::target::live::{LiveConfig, LiveTarget};
use rehydra::target::{Ask, End, LifePlan, Target};

/// Why a test or benchmark cannot go on.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long one turn may take.
pub(crate) const TURN: Duration = Duration::from_secs(60);

/// The binary under test; also the launcher of every target.
pub(crate) fn rehydra() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rehydra"))
}

/// A run's directory with its home, the stub model, and one server.
pub(crate) struct Stage {
    // Removed with everything in it when the stage is dropped.
    _dir: tempfile::TempDir,
    pub(crate) journal: Journal,
    pub(crate) stub: Stub,
    pub(crate) home: Home,
    pub(crate) target: LiveTarget,
    pub(crate) calls: CallId,
    lives: u32,
}

impl Stage {
    /// The home is one for the Codex `version`, if there is one; our own server reads the same configuration.
    pub(crate) fn new(profile: TargetProfile, version: Option<Version>) -> Result<Stage, Failure> {
        let dir = tempfile::tempdir()?;
        // A Codex may take long to open where the machine is shared.
        let limits = Limits { open_ms: 60_000, ..Limits::default() };
        let header = journal::Header {
            format: journal::FORMAT,
            rehydra: env!("CARGO_PKG_VERSION").to_owned(),
            started: String::new(),
            seed: 1,
            scenario: journal::ScenarioHeader {
                name: "stage".to_owned(),
                title: String::new(),
                source: String::new(),
                proves: Vec::new(),
            },
            target: profile.clone(),
            limits: limits.clone(),
        };
        let journal = Journal::create(dir.path(), &header, journal::Redactor::default(), || 0)?;
        let armed = Arc::new(Armed::new(journal.clone()));
        let token = "a token of this stage".to_owned();
        let stub = Stub::start(journal.clone(), armed.clone(), token.clone())?;
        let kind = if version.is_some() { TargetKind::CodexMcp } else { profile.kind };
        let home = Home::create(dir.path(), &HomeSpec::wide(kind, version, stub.port(), token))?;
        let config = LiveConfig {
            profile,
            env: home.env(),
            secret_env: vec![TOKEN_VAR.to_owned()],
            limits,
            run: dir.path().display().to_string().replace('/', "-"),
            launcher: Some(rehydra().to_owned()),
            watched: Watched::Nothing,
        };
        let target = LiveTarget::new(config, journal.clone(), armed)?;
        Ok(Stage { _dir: dir, journal, stub, home, target, calls: 0, lives: 0 })
    }

    /// Where threads begin.
    pub(crate) fn project(&self) -> PathBuf {
        self.home.project()
    }

    /// Scripts the next turn: its number, its prompt, and the markers of prompt and reply.
    pub(crate) fn script(&mut self, prompt: &str) -> (CallId, String, [Marker; 2]) {
        self.calls += 1;
        let n = u64::from(self.calls);
        let (asked, told) = (Marker::new(Carrier::Prompt, 1, n), Marker::new(Carrier::Reply, 1, n));
        let output = vec![Output::Text { text: format!("Understood. {told}"), chunks: 2 }];
        self.stub.expect(self.calls, asked.clone(), vec![Response { output, ..Response::default() }]);
        (self.calls, format!("{prompt} {asked}"), [asked, told])
    }

    /// Begins a life.
    pub(crate) async fn begin_life(&mut self) -> Result<(), Failure> {
        self.lives += 1;
        let process_cwd = self.home.life(self.lives)?;
        let (incarnation, opening) = (self.lives, Some(Opening::Plain));
        Ok(self.target.open(LifePlan { incarnation, process_cwd, opening, differs: Default::default() }).await?)
    }

    /// Ends it with `kill -9` of the server alone.
    pub(crate) async fn kill(&self) -> Result<(), Failure> {
        Ok(self.target.bury(Some(End::Signal(Signal::Kill, Whom::Server))).await?)
    }

    /// One turn, on a new thread or on `id`: the id that the answer names, and the turn's markers.
    pub(crate) async fn ask(&mut self, id: Option<&str>) -> Result<(String, [Marker; 2]), Failure> {
        let (call, prompt, markers) = self.script("Remember this.");
        let ask = Ask {
            call,
            step: 1,
            client: None,
            thread: "main".to_owned(),
            kind: if id.is_some() { CallKind::Reply } else { CallKind::Start },
            id: id.map(|id| (id.to_owned(), IdChoice::Current)),
            prompt,
            marker: markers[0].clone(),
            cwd: id.is_none().then(|| self.project().display().to_string()),
            sandbox: None,
            approval: None,
            faulted: false,
            approve: Some(false),
            limit: TURN,
        };
        let answer = self.target.send(ask).await?.0.await?;
        let id = answer.id_returned.ok_or_else(|| format!("no thread id in the answer: {}", answer.text))?;
        Ok((id, markers))
    }
}
