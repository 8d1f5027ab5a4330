//! What reading a thread costs, side by side with a real Codex: locate + metadata + history against `thread/resume`.
//!
//! `cargo bench --bench resuming [-- --codex VERSION] [-- --sizes 10,100,500] [-- --rounds N]`. For each size in MB and
//! each shape of file (an envelope, a paginated one, either with a compaction before its last turns) one home is made.
//! Then both read the same thread in turn: we in a process of our own, Codex in a fresh `app-server`, timed from the
//! request to its answer, so that its start does not count. Codex's first answer is told apart from the later ones,
//! because it fills its databases then. CPU time is of the whole process, peaks are what the kernel noted (`VmHWM`).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rehydra::codex::install;
use rehydra::codex::version::Version;
use rehydra::journal::TargetKind;
use rehydra::rollout::generate::{self, Era, Lineage, Spec, Thread};
use rehydra::rollout::{ThreadId, find_thread_path_by_id_str, read_history};
use rehydra::target::home::{Home, HomeSpec};
use rehydra::world::RealDisk;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
/// Bytes of a turn with two tool calls: as in a 200 MB rollout of 140,671 lines.
const TURN_BYTES: u64 = 20_000;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    if let Some(home) = value("--one") {
        return one(Path::new(&home));
    }
    let rounds: usize = value("--rounds").map_or(Ok(3), |text| text.parse())?;
    let version: Version = value("--codex").unwrap_or_else(|| "0.169.0".to_owned()).parse()?;
    let sizes = value("--sizes").unwrap_or_else(|| "10,100,500".to_owned());
    let native = install::ensure(version)?.native;
    println!(
        "{:34} {:>9} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9}   {:>7}",
        "", "ms", "CPU ms", "peak MB", "first ms", "ms", "CPU ms", "peak MB", "times"
    );
    for size in sizes.split(',') {
        let megabytes: u64 = size.parse()?;
        for era in [Era::Envelope, Era::Paginated] {
            for checkpoint in [false, true] {
                side_by_side(megabytes, era, checkpoint, version, &native, rounds)?;
            }
        }
    }
    Ok(())
}

/// What one reading cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu_ms: u64,
    peak_kib: u64,
}

fn side_by_side(
    megabytes: u64,
    era: Era,
    checkpoint: bool,
    version: Version,
    native: &Path,
    rounds: usize,
) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    // No model is asked, so nobody listens on the port.
    let spec = HomeSpec::wide(TargetKind::CodexResume, Some(version), 9, "unused".to_owned());
    let home = Home::create(dir.path(), &spec)?;
    make(megabytes << 20, era, checkpoint, &home)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(apart(&home)?);
        theirs.push(resumed(native, &home)?);
    }
    let first = theirs.remove(0);
    theirs.sort_by_key(|cost| cost.wall);
    ours.sort_by_key(|cost| cost.wall);
    let median = |costs: &[Cost]| costs.get(costs.len() / 2).copied().unwrap_or(first);
    let (we, they) = (median(&ours), median(&theirs));
    let name = format!("{megabytes} MB {era:?}{}", if checkpoint { ", compacted" } else { "" });
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:34} {:9.1} {:9} {:9.1}   {:9.0} {:9.0} {:9} {:9.0}   {:6.1}x",
        ms(we.wall),
        we.cpu_ms,
        we.peak_kib as f64 / 1024.0,
        ms(first.wall),
        ms(they.wall),
        they.cpu_ms,
        they.peak_kib as f64 / 1024.0,
        ms(they.wall) / ms(we.wall),
    );
    Ok(())
}

fn make(bytes: u64, era: Era, checkpoint: bool, home: &Home) -> Result<(), Failure> {
    let turns = u32::try_from(bytes / TURN_BYTES)?.max(8);
    let compaction = checkpoint.then_some(turns - 4);
    let spec = Spec { turns, era, tools: 2, reasoning: true, compaction, bytes, ..Spec::default() };
    let thread = Thread {
        id: ThreadId::parse(ID)?,
        cwd: home.project().display().to_string(),
        start: Timestamp::from_second(1_795_363_327)?,
        zone: TimeZone::UTC,
        lineage: Lineage::default(),
    };
    let part = home.codex_home().join("part");
    let mut out = BufWriter::new(File::create(&part)?);
    let expected = generate::write(&spec, &thread, &mut out)?;
    out.flush()?;
    let path = home.codex_home().join(&expected.file);
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    Ok(std::fs::rename(part, path)?)
}

/// We, in this process.
fn one(home: &Path) -> Result<(), Failure> {
    let began = now();
    let path = find_thread_path_by_id_str(&RealDisk, home, ID)?.ok_or("the thread is not there")?;
    let history = read_history(&RealDisk, &path)?;
    let wall = now() - began;
    println!("{} {} {} {}", wall.as_micros(), cpu_ms("self")?, peak_kib("self")?, history.items.len());
    Ok(())
}

/// We, in a process of our own.
fn apart(home: &Home) -> Result<Cost, Failure> {
    let output = Command::new(std::env::current_exe()?).arg("--one").arg(home.codex_home()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<u64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [wall, cpu_ms, peak_kib, items] = figures[..] else {
        return Err(format!("no figures: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    if items == 0 {
        return Err("an empty history is no measure".into());
    }
    Ok(Cost { wall: Duration::from_micros(wall), cpu_ms, peak_kib })
}

/// A fresh app-server resumes the thread.
fn resumed(native: &Path, home: &Home) -> Result<Cost, Failure> {
    let mut server = Server::start(native, home)?;
    let info = json!({"name": "bench", "title": "bench", "version": "0"});
    server.ask(json!({"id": 0, "method": "initialize", "params": {"clientInfo": info}}))?;
    writeln!(server.stdin, "{}", json!({"method": "initialized"}))?;
    let pid = server.child.id().to_string();
    let (began, cpu) = (now(), cpu_ms(&pid)?);
    let answer = server.ask(json!({"id": 1, "method": "thread/resume", "params": {"threadId": ID}}))?;
    let wall = now() - began;
    if let Some(error) = answer.get("error") {
        return Err(format!("Codex refuses the thread: {error}").into());
    }
    Ok(Cost { wall, cpu_ms: cpu_ms(&pid)? - cpu, peak_kib: peak_kib(&pid)? })
}

struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(native: &Path, home: &Home) -> Result<Server, Failure> {
        let mut command = Command::new(native);
        command.arg("app-server").env_clear().envs(home.env()).current_dir(home.project());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        Ok(Server { child, stdin, stdout: BufReader::with_capacity(1 << 20, stdout) })
    }

    /// The answer to a request; of a long one only the head is looked at, because parsing it is not Codex's work.
    fn ask(&mut self, request: Value) -> Result<Value, Failure> {
        writeln!(self.stdin, "{request}")?;
        let id = format!("\"id\":{}", request["id"]);
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.stdout.read_until(b'\n', &mut line)? == 0 {
                return Err("the server closed its output".into());
            }
            let head = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
            if head.contains(&id) && !head.contains("\"method\"") {
                return Ok(if line.len() < 100_000 { serde_json::from_slice(&line)? } else { Value::Null });
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time so far; the kernel counts in steps of 10 ms.
fn cpu_ms(pid: &str) -> Result<u64, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: Vec<u64> = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(ticks.iter().sum::<u64>() * 10)
}

fn peak_kib(pid: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    Ok(peak.split_whitespace().next().ok_or("no peak")?.parse()?)
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about real time")]
fn now() -> Instant {
    Instant::now()
}
