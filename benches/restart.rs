//! What a restart costs: kill → respawn → initialize → reply, syncs included, through the whole harness.
//!
//! `cargo bench --bench restart [-- --codex VERSION] [-- --rounds N]`. On our own server the figure is the time from the
//! kill to the answer of a rehydrating reply, beside what a bare program needs for the five syncs that such a reply
//! demands, on the same file system: that part belongs to the disk. On a real Codex the same cycle is timed beside a *bare loop* that does
//! nothing but kill, spawn, write and read, in turn with it; the difference is the harness's own share. The machine is
//! noisy: the minimum says what the work costs, the median what one waits for; quote the p99 only of many rounds.
#![allow(clippy::print_stdout, reason = "the figures are the result")]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::target::home::Home;
use rehydra::target::profile;

use stage::{Failure, Stage};

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

/// Kill, respawn, initialize, reply.
async fn cycle(stage: &mut Stage, id: &str) -> Result<Cycle, Failure> {
    let began = now();
    stage.kill().await?;
    let buried = now();
    stage.begin_life().await?;
    let opened = now();
    stage.ask(Some(id)).await?;
    Ok(Cycle { bury: buried - began, open: opened - buried, reply: now() - opened })
}

async fn builtin(rounds: usize) -> Result<(), Failure> {
    let mut stage = Stage::new(profile::builtin(stage::rehydra()), None)?;
    stage.begin_life().await?;
    let (mut cycles, mut syncs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (id, _) = stage.ask(None).await?;
        cycles.push(cycle(&mut stage, &id).await?);
        syncs.push(syncs_of_a_reply(&stage.home.tmp(), round)?);
    }
    stage.kill().await?;
    println!("builtin, {rounds} restarts, each with a thread of one turn");
    show("kill → answer", cycles.iter().map(|c| c.bury + c.open + c.reply).collect());
    show("  kill → buried", cycles.iter().map(|c| c.bury).collect());
    show("  spawn → initialized", cycles.iter().map(|c| c.open).collect());
    show("  rehydrate, turn, answer", cycles.iter().map(|c| c.reply).collect());
    show("its syncs alone", syncs);
    println!("{:28} {:.1} events journalled a round", "", stage.journal.events().len() as f64 / rounds as f64);
    Ok(())
}

/// The syncs of a rehydrating reply and nothing else: the continuation, its directory, the alias, the turn's begin and
/// the turn's end.
fn syncs_of_a_reply(dir: &Path, round: usize) -> Result<Duration, Failure> {
    let text = [b'x'; 1000];
    let append = |path: &Path| File::options().create(true).append(true).open(path);
    let part = dir.join("continuation.part");
    let began = now();
    let mut continuation = append(&part)?;
    continuation.write_all(&text)?;
    continuation.sync_data()?;
    std::fs::rename(&part, dir.join(format!("continuation-{round}")))?;
    File::open(dir)?.sync_all()?;
    let aliases = append(&dir.join("aliases"))?;
    for mut file in [&aliases, &continuation, &continuation] {
        file.write_all(&text)?;
        file.sync_data()?;
    }
    Ok(now() - began)
}

async fn codex(version: Version, rounds: usize) -> Result<(), Failure> {
    let native = install::ensure(version)?.native;
    let mut stage = Stage::new(profile::codex_mcp(&version.to_string(), &native), Some(version))?;
    stage.begin_life().await?;
    let (id, _) = stage.ask(None).await?;
    let mut bare = Bare::start(&native, &stage.home)?;
    bare.initialize()?;
    let (mut harness, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let times = cycle(&mut stage, &id).await?;
        harness.push(times.bury + times.open + times.reply);
        alone.push(bare.cycle(&id)?);
    }
    stage.kill().await?;
    let mut share: Vec<f64> =
        harness.iter().zip(&alone).map(|(a, b)| (a.as_secs_f64() - b.as_secs_f64()) * 1e3).collect();
    share.sort_by(f64::total_cmp);
    println!("codex@{version}, {rounds} restarts, each beside one of a bare loop");
    show("harness: kill → answer", harness);
    show("bare loop: kill → answer", alone);
    println!("{:28} median {:7.2} ms", "the harness's share", share[share.len() / 2]);
    Ok(())
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name:28} min {:7.2} ms   median {:7.2} ms   p99 {:7.2} ms", at(0.0), at(0.5), at(0.99));
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
    fn start(native: &Path, home: &Home) -> Result<Bare, Failure> {
        let (native, env, cwd) = (native.to_owned(), home.env(), home.project());
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
