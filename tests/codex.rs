//! Rollouts of our server on the real Codex, and rollouts of the real Codex on our server.
//!
//! The trials need npm, which brings the binaries. Where it is missing they are ignored, with the reason; where
//! `REHYDRA_REQUIRE_CODEX` is set, as in CI, they fail instead.

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::codex::{Version, install};
use rehydra::fault::armed::Armed;
use rehydra::fault::plan::{Signal, Whom};
use rehydra::journal::{self, CallId, CallKind, IdChoice, Journal, Kind, TargetKind};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::script::{Output, Response};
use rehydra::proc;
use rehydra::target::home::{Home, HomeSpec};
use rehydra::target::live::{LiveConfig, LiveTarget};
use rehydra::target::{Ask, End, LifePlan, Target, profile};

const VERSIONS: [&str; 3] = ["0.130.0", "0.153.4", "0.169.0"];
/// How long a real Codex may take for one turn.
const TURN: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let missing = missing();
    if let Some(reason) = missing {
        eprintln!("the trials on real Codex binaries are ignored: {reason}");
    }
    let mut trials = Vec::new();
    for version in VERSIONS {
        let ours = move || run(resumes_ours(version));
        let theirs = move || run(is_rehydrated(version));
        trials.push(Trial::test(format!("codex {version} resumes what we wrote"), ours));
        trials.push(Trial::test(format!("we rehydrate what codex {version} wrote"), theirs));
    }
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(missing.is_some())).collect();
    libtest_mimic::run(&args, trials).exit_code()
}

/// Why the trials cannot run, if they may be left out.
fn missing() -> Option<&'static str> {
    let npm = std::process::Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = npm.is_ok_and(|status| status.success());
    (!there && std::env::var_os("REHYDRA_REQUIRE_CODEX").is_none()).then_some("there is no npm on PATH")
}

fn run(trial: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(trial)
}

/// A home, a stub and both servers around them.
struct Stage {
    dir: tempfile::TempDir,
    journal: Journal,
    stub: Stub,
    home: Home,
    ours: Arc<LiveTarget>,
    native: PathBuf,
    said: Vec<Marker>,
    calls: CallId,
    lives: u32,
}

impl Stage {
    fn new(version: &str) -> Result<Stage, Failed> {
        let version: Version = version.parse()?;
        let native = install::ensure(version)?.native;
        let dir = tempfile::tempdir()?;
        let launcher = proc::launcher_path()?;
        let profile = profile::builtin(&launcher);
        let header = journal::Header {
            format: journal::FORMAT,
            rehydra: env!("CARGO_PKG_VERSION").to_owned(),
            started: String::new(),
            seed: 1,
            scenario: journal::ScenarioHeader {
                name: "codex".to_owned(),
                title: String::new(),
                source: String::new(),
                proves: Vec::new(),
            },
            target: profile.clone(),
            limits: Limits::default(),
        };
        let journal = Journal::create(dir.path(), &header, journal::Redactor::default(), || 0)?;
        let armed = Arc::new(Armed::new(journal.clone()));
        let token = "a token of this test".to_owned();
        let stub = Stub::start(journal.clone(), armed.clone(), token.clone())?;
        let spec = HomeSpec::wide(TargetKind::CodexMcp, Some(version), stub.port(), token);
        let home = Home::create(dir.path(), &spec)?;
        let config = LiveConfig { profile, env: home.env(), run_dir: dir.path().to_owned(), limits: Limits::default() };
        let ours = LiveTarget::new(config, journal.clone(), armed);
        Ok(Stage { dir, journal, stub, home, ours, native, said: Vec::new(), calls: 0, lives: 0 })
    }

    /// Scripts the next turn: its number, its prompt, and its markers as part of what has been said.
    fn script(&mut self, prompt: &str) -> (CallId, String, Marker) {
        self.calls += 1;
        let n = u64::from(self.calls);
        let (asked, told) = (Marker::new(Carrier::Prompt, 1, n), Marker::new(Carrier::Reply, 1, n));
        let output = vec![Output::Text { text: format!("Understood. {told}"), chunks: 2 }];
        self.stub.expect(self.calls, asked.clone(), vec![Response { output, ..Response::default() }]);
        self.said.extend([asked.clone(), told]);
        (self.calls, format!("{prompt} {asked}"), asked)
    }

    async fn begin_life(&mut self) -> Result<(), Failed> {
        self.lives += 1;
        let process_cwd = self.dir.path().join(format!("life-{}", self.lives));
        std::fs::create_dir_all(&process_cwd)?;
        Ok(self.ours.open(LifePlan { incarnation: self.lives, process_cwd }).await?)
    }

    async fn end_life(&self) -> Result<(), Failed> {
        Ok(self.ours.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await?)
    }

    /// One turn on our server; returns the id that the answer names.
    async fn ask(&mut self, id: Option<&str>) -> Result<String, Failed> {
        let (call, prompt, marker) = self.script("Remember this.");
        let ask = Ask {
            call,
            step: 1,
            thread: "main".to_owned(),
            kind: if id.is_some() { CallKind::Reply } else { CallKind::Start },
            id: id.map(|id| (id.to_owned(), IdChoice::Current)),
            prompt,
            marker,
            cwd: id.is_none().then(|| self.project().display().to_string()),
            sandbox: None,
            approval: None,
            faulted: false,
            limit: TURN,
        };
        let answer = self.ours.send(ask).await?.0.await?;
        answer.id_returned.ok_or_else(|| format!("no thread id in {answer:?}").into())
    }

    fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    /// One turn of `codex exec`, on a new thread or on `id`.
    async fn exec(&mut self, id: Option<&str>) -> Result<CallId, Failed> {
        let (call, prompt, _) = self.script("Go on.");
        let mut command = tokio::process::Command::new(&self.native);
        command.arg("exec");
        if id.is_some() {
            command.arg("resume");
        }
        command.arg("--skip-git-repo-check").args(id).arg(prompt);
        command.env_clear().envs(self.home.env()).current_dir(self.project());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(TURN, command.output()).await??;
        if output.status.success() {
            return Ok(call);
        }
        Err(format!("codex exec: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
    }

    /// The id of the only rollout in the home.
    fn only_thread(&self) -> Result<String, Failed> {
        let mut names = Vec::new();
        collect(&self.home.codex_home().join("sessions"), &mut names);
        match names.as_slice() {
            [name] => Ok(name.trim_end_matches(".jsonl").chars().skip("rollout-2026-01-01T00-00-00-".len()).collect()),
            others => Err(format!("one rollout was expected, there are {others:?}").into()),
        }
    }

    /// That the model received, for `call`, exactly `history` and then the call's prompt, in order.
    fn received(&self, call: CallId, history: &[Marker]) -> Result<(), Failed> {
        let requests = self.journal.events().into_iter().filter_map(|event| match event.kind {
            Kind::ModelRequest(request) if request.call == Some(call) => Some(request),
            _ => None,
        });
        let request = requests.last().ok_or("the model received no request")?;
        let got: Vec<Marker> = request.items.iter().flat_map(|item| item.markers.clone()).collect();
        let mut wanted = history.to_vec();
        wanted.push(Marker::new(Carrier::Prompt, 1, u64::from(call)));
        if got == wanted { Ok(()) } else { Err(format!("the model received {got:?} instead of {wanted:?}").into()) }
    }
}

fn collect(dir: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), names);
        } else {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
}

/// Our first thread and our continuation are both resumed with everything that was said in them.
async fn resumes_ours(version: &str) -> Result<(), Failed> {
    let mut stage = Stage::new(version)?;
    stage.begin_life().await?;
    let first = stage.ask(None).await?;
    stage.ask(Some(&first)).await?;
    let in_first = stage.said.clone();
    stage.end_life().await?;
    stage.begin_life().await?;
    let continuation = stage.ask(Some(&first)).await?;
    let in_continuation = stage.said.clone();
    stage.end_life().await?;
    if continuation == first {
        return Err("the continuation has no id of its own".into());
    }
    let call = stage.exec(Some(&first)).await?;
    stage.received(call, &in_first)?;
    let call = stage.exec(Some(&continuation)).await?;
    stage.received(call, &in_continuation)?;
    stage.stub.stop().await;
    Ok(())
}

/// A thread of `codex exec` with two turns is continued by our server with everything that was said in it.
async fn is_rehydrated(version: &str) -> Result<(), Failed> {
    let mut stage = Stage::new(version)?;
    stage.exec(None).await?;
    let id = stage.only_thread()?;
    stage.exec(Some(&id)).await?;
    let said = stage.said.clone();
    stage.begin_life().await?;
    let continuation = stage.ask(Some(&id)).await?;
    stage.received(stage.calls, &said)?;
    stage.end_life().await?;
    stage.stub.stop().await;
    if continuation == id { Err("the continuation has no id of its own".into()) } else { Ok(()) }
}
