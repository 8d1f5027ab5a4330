//! What a restart costs: kill → respawn → initialize → reply, syncs included, through the whole harness.
//!
//! `cargo bench --bench restart [-- --codex VERSION] [-- --rounds N]`. On our own server the figure is the time from the
//! kill to the answer of a rehydrating reply. On a real Codex the same cycle is timed beside a *bare loop* that does
//! nothing but kill, spawn, write and read, in turn with it; the difference is the harness's own share. The machine is
//! noisy: quote the median, and the p99 only of many rounds.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rehydra::codex::{Version, install};
use rehydra::fault::armed::Armed;
use rehydra::fault::plan::{Signal, Whom};
use rehydra::journal::{self, CallKind, IdChoice, Journal, TargetProfile};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::script::{Output, Response};
use rehydra::proc;
use rehydra::target::home::{Home, HomeSpec};
use rehydra::target::live::{LiveConfig, LiveTarget};
use rehydra::target::{Ask, End, LifePlan, Target, profile};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    let rounds: usize = value("--rounds").map_or(Ok(200), |text| text.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match value("--codex") {
        None => runtime.block_on(builtin(rounds)),
        Some(version) => runtime.block_on(codex(version.parse()?, rounds)),
    }
}

/// The harness's machinery around one server, and a counter of calls and lives.
struct Stage {
    dir: tempfile::TempDir,
    stub: Stub,
    home: Home,
    target: Arc<LiveTarget>,
    calls: u32,
    lives: u32,
}

impl Stage {
    fn new(profile: TargetProfile, version: Option<Version>) -> Result<Stage, Failure> {
        let dir = tempfile::tempdir()?;
        let header = journal::Header {
            format: journal::FORMAT,
            rehydra: env!("CARGO_PKG_VERSION").to_owned(),
            started: String::new(),
            seed: 1,
            scenario: journal::ScenarioHeader {
                name: "bench".to_owned(),
                title: String::new(),
                source: String::new(),
                proves: Vec::new(),
            },
            target: profile.clone(),
            limits: Limits::default(),
        };
        let journal = Journal::create(dir.path(), &header, journal::Redactor::default(), || 0)?;
        let armed = Arc::new(Armed::new(journal.clone()));
        let token = "a token of this benchmark".to_owned();
        let stub = Stub::start(journal.clone(), armed.clone(), token.clone())?;
        let home = Home::create(dir.path(), &HomeSpec::wide(profile.kind, version, stub.port(), token))?;
        let config = LiveConfig { profile, env: home.env(), run_dir: dir.path().to_owned(), limits: Limits::default() };
        let target = LiveTarget::new(config, journal, armed);
        Ok(Stage { dir, stub, home, target, calls: 0, lives: 0 })
    }

    async fn open(&mut self) -> Result<(), Failure> {
        self.lives += 1;
        let process_cwd = self.dir.path().join(format!("life-{}", self.lives));
        std::fs::create_dir_all(&process_cwd)?;
        Ok(self.target.open(LifePlan { incarnation: self.lives, process_cwd }).await?)
    }

    /// One call; returns the thread id of its answer.
    async fn call(&mut self, id: Option<&str>) -> Result<String, Failure> {
        self.calls += 1;
        let marker = Marker::new(Carrier::Prompt, 1, u64::from(self.calls));
        let output = vec![Output::Text { text: "Noted.".to_owned(), chunks: 1 }];
        self.stub.expect(self.calls, marker.clone(), vec![Response { output, ..Response::default() }]);
        let ask = Ask {
            call: self.calls,
            step: 1,
            thread: "main".to_owned(),
            kind: if id.is_some() { CallKind::Reply } else { CallKind::Start },
            id: id.map(|id| (id.to_owned(), IdChoice::Current)),
            prompt: format!("Go on. {marker}"),
            marker,
            cwd: id.is_none().then(|| self.dir.path().join("project").display().to_string()),
            sandbox: None,
            approval: None,
            faulted: false,
            limit: Duration::from_secs(20),
        };
        let answer = self.target.send(ask).await?.0.await?;
        answer.id_returned.ok_or_else(|| format!("no thread id in the answer: {}", answer.text).into())
    }

    /// Kill, respawn, initialize, reply.
    async fn cycle(&mut self, id: &str) -> Result<(String, Cycle), Failure> {
        let began = now();
        self.target.bury(Some(End::Signal(Signal::Kill, Whom::Server))).await?;
        let buried = now();
        self.open().await?;
        let opened = now();
        let id = self.call(Some(id)).await?;
        let cycle = Cycle { bury: buried - began, open: opened - buried, reply: now() - opened };
        Ok((id, cycle))
    }
}

/// Where the time of one cycle went.
#[derive(Clone, Copy)]
struct Cycle {
    bury: Duration,
    open: Duration,
    reply: Duration,
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about real time")]
fn now() -> Instant {
    Instant::now()
}

async fn builtin(rounds: usize) -> Result<(), Failure> {
    let mut stage = Stage::new(profile::builtin(Path::new(env!("CARGO_BIN_EXE_rehydra"))), None)?;
    stage.open().await?;
    let first = stage.call(None).await?;
    let mut cycles = Vec::new();
    for _ in 0..rounds {
        // Always the first id: every round rehydrates the same short thread, by its alias.
        let fresh = stage.call(None).await?;
        cycles.push(stage.cycle(&fresh).await?.1);
    }
    stage.target.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await?;
    let _ = first;
    println!("builtin, {rounds} restarts of a thread of one turn");
    show("kill → answer", cycles.iter().map(|c| c.bury + c.open + c.reply).collect());
    show("  kill → buried", cycles.iter().map(|c| c.bury).collect());
    show("  spawn → initialized", cycles.iter().map(|c| c.open).collect());
    show("  rehydrate, turn, answer", cycles.iter().map(|c| c.reply).collect());
    Ok(())
}

async fn codex(version: Version, rounds: usize) -> Result<(), Failure> {
    let native = install::ensure(version)?.native;
    let profile = profile::codex_mcp(format!("codex@{version}"), &native, Some(version.to_string()));
    let mut stage = Stage::new(profile, Some(version))?;
    stage.open().await?;
    let id = stage.call(None).await?;
    let mut bare = Bare::start(&native, &stage.home, &stage.dir.path().join("project"))?;
    bare.initialize()?;
    let (mut harness, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (_, cycle) = stage.cycle(&id).await?;
        harness.push(cycle.bury + cycle.open + cycle.reply);
        alone.push(bare.cycle(&id)?);
    }
    stage.target.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await?;
    let share: Vec<f64> = harness.iter().zip(&alone).map(|(a, b)| a.as_secs_f64() - b.as_secs_f64()).collect();
    println!("codex@{version}, {rounds} restarts, each beside one of a bare loop");
    show("harness: kill → answer", harness);
    show("bare loop: kill → answer", alone);
    let mut share: Vec<f64> = share.iter().map(|seconds| seconds * 1e3).collect();
    share.sort_by(f64::total_cmp);
    println!("{:28} median {:7.2} ms", "the harness's share", share[share.len() / 2]);
    Ok(())
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name:28} median {:7.2} ms   p99 {:7.2} ms   max {:7.2} ms", at(0.5), at(0.99), at(1.0));
}

/// The bare loop: the least that a client must do to restart a server and ask it.
struct Bare {
    native: PathBuf,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Bare {
    fn start(native: &Path, home: &Home, cwd: &Path) -> Result<Bare, Failure> {
        let (native, env, cwd) = (native.to_owned(), home.env(), cwd.to_owned());
        let (child, stdin, stdout) = spawn(&native, &env, &cwd)?;
        Ok(Bare { native, env, cwd, child, stdin, stdout })
    }

    fn ask(&mut self, request: serde_json::Value) -> Result<(), Failure> {
        writeln!(self.stdin, "{request}")?;
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line)? == 0 {
                return Err("the server closed its output".into());
            }
            let message: serde_json::Value = serde_json::from_str(&line)?;
            if message.get("id") == request.get("id") {
                return Ok(());
            }
        }
    }

    fn initialize(&mut self) -> Result<(), Failure> {
        let client = serde_json::json!({"name": "bare", "version": "0"});
        let params = serde_json::json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        self.ask(serde_json::json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))?;
        writeln!(self.stdin, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#)?;
        Ok(())
    }

    fn cycle(&mut self, id: &str) -> Result<Duration, Failure> {
        let began = now();
        self.child.kill()?;
        self.child.wait()?;
        (self.child, self.stdin, self.stdout) = spawn(&self.native, &self.env, &self.cwd)?;
        self.initialize()?;
        let arguments = serde_json::json!({"threadId": id, "prompt": "Go on."});
        let params = serde_json::json!({"name": "codex-reply", "arguments": arguments});
        self.ask(serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))?;
        Ok(now() - began)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(
    native: &Path,
    env: &[(String, String)],
    cwd: &Path,
) -> Result<(Child, ChildStdin, BufReader<ChildStdout>), Failure> {
    let mut command = Command::new(native);
    command.arg("mcp-server").env_clear().envs(env.iter().cloned()).current_dir(cwd);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let stdin = child.stdin.take().ok_or("no stdin")?;
    let stdout = child.stdout.take().ok_or("no stdout")?;
    Ok((child, stdin, BufReader::new(stdout)))
}
