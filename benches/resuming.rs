//! What reading a thread costs, side by side with a real Codex: locate + metadata + history against `thread/resume`.
//!
//! `cargo bench --bench resuming [-- --codex VERSION] [-- --sizes 10,100,500] [-- --eras envelope,paginated]
//! [-- --rounds N]`. For each size in MB and each shape of file (an envelope, a paginated one, either with a compaction
//! before its last turns) one home is made in `TMPDIR`. Then both read the same thread in turn: we in a process of our
//! own, Codex in a fresh `app-server`, timed from the request to its answer, so that its start does not count. Codex's
//! first answer is told apart from the later ones, because it fills its databases then. CPU time is of the whole process,
//! peaks are what the kernel noted (`VmHWM`), and what is kept is the text of the history's items.
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
/// Bytes of a tool call with its output.
const CALL_BYTES: u64 = 10_000;
/// A generated compaction brings what users said in all turns, where Codex brings 20,000 tokens at most; so a larger file
/// has longer turns and not more of them.
const MOST_COMPACTED_TURNS: u32 = 2_000;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let value = |flag: &str| args.iter().position(|arg| arg == flag).and_then(|at| args.get(at + 1)).cloned();
    if let Some(home) = value("--one") {
        return one(Path::new(&home));
    }
    let rounds: usize = value("--rounds").map_or(Ok(3), |text| text.parse())?;
    let version: Version = value("--codex").unwrap_or_else(|| "0.169.0".to_owned()).parse()?;
    let sizes = value("--sizes").unwrap_or_else(|| "10,100,500".to_owned());
    let eras = value("--eras").unwrap_or_else(|| "envelope,paginated".to_owned());
    let native = install::ensure(version)?.native;
    println!("{:30} {:^38} | codex {:<32} | {:^23}", "", "rehydra", version.to_string(), "times as much");
    println!(
        "{:30} {:>9} {:>9} {:>9} {:>8} | {:>9} {:>9} {:>9} {:>8} | {:>7} {:>7} {:>7}",
        "", "ms", "CPU ms", "kept MB", "peak MB", "first ms", "ms", "CPU ms", "peak MB", "ms", "CPU ms", "peak"
    );
    for size in sizes.split(',') {
        let megabytes: u64 = size.parse()?;
        for era in eras.split(',') {
            let era = match era {
                "envelope" => Era::Envelope,
                "paginated" => Era::Paginated,
                other => return Err(format!("no such era here: {other}").into()),
            };
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
    cpu: Duration,
    peak_bytes: u64,
    /// Text of the items that are kept of it; of Codex it is not known.
    kept_bytes: u64,
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
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{name:30} {:9.2} {:9.2} {:9.1} {:8.1} | {:9.0} {:9.0} {:9.0} {:8.0} | {:7.1} {:7.1} {:7.1}",
        ms(we.wall),
        ms(we.cpu),
        mb(we.kept_bytes),
        mb(we.peak_bytes),
        ms(first.wall),
        ms(they.wall),
        ms(they.cpu),
        mb(they.peak_bytes),
        ms(they.wall) / ms(we.wall),
        ms(they.cpu) / ms(we.cpu),
        mb(they.peak_bytes) / mb(we.peak_bytes),
    );
    Ok(())
}

fn make(bytes: u64, era: Era, checkpoint: bool, home: &Home) -> Result<(), Failure> {
    let mut turns = u32::try_from(bytes / TURN_BYTES)?.max(8);
    if checkpoint {
        turns = turns.min(MOST_COMPACTED_TURNS);
    }
    let tools = u32::try_from(bytes / u64::from(turns) / CALL_BYTES)?;
    let compaction = checkpoint.then_some(turns - 4);
    let spec = Spec { turns, era, tools, reasoning: true, compaction, bytes, ..Spec::default() };
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
    let (began, cpu) = (now(), own_cpu());
    let path = find_thread_path_by_id_str(&RealDisk, home, ID)?.ok_or("the thread is not there")?;
    let history = read_history(&RealDisk, &path)?;
    let (wall, cpu) = (now() - began, own_cpu() - cpu);
    let kept: usize = history.items.iter().map(|item| item.raw().len()).sum();
    println!("{} {} {} {kept}", wall.as_micros(), cpu.as_micros(), peak_bytes("self")?);
    Ok(())
}

/// We, in a process of our own.
fn apart(home: &Home) -> Result<Cost, Failure> {
    let output = Command::new(std::env::current_exe()?).arg("--one").arg(home.codex_home()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<u64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    let [wall, cpu, peak_bytes, kept_bytes] = figures[..] else {
        return Err(format!("no figures: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    if kept_bytes == 0 {
        return Err("an empty history is no measure".into());
    }
    Ok(Cost { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), peak_bytes, kept_bytes })
}

/// A fresh app-server resumes the thread.
fn resumed(native: &Path, home: &Home) -> Result<Cost, Failure> {
    let mut server = Server::start(native, home)?;
    let info = json!({"name": "bench", "title": "bench", "version": "0"});
    server.ask(json!({"id": 0, "method": "initialize", "params": {"clientInfo": info}}))?;
    writeln!(server.stdin, "{}", json!({"method": "initialized"}))?;
    let pid = server.child.id().to_string();
    let (began, cpu) = (now(), cpu_of(&pid)?);
    let answer = server.ask(json!({"id": 1, "method": "thread/resume", "params": {"threadId": ID}}))?;
    let wall = now() - began;
    if let Some(error) = answer.get("error") {
        return Err(format!("Codex refuses the thread: {error}").into());
    }
    Ok(Cost { wall, cpu: cpu_of(&pid)? - cpu, peak_bytes: peak_bytes(&pid)?, kept_bytes: 0 })
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

/// User and system time of this process so far.
fn own_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
}

/// That of another; the kernel counts in steps of 10 ms.
fn cpu_of(pid: &str) -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks: Vec<u64> = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}

fn peak_bytes(pid: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak")?;
    let kib: u64 = peak.split_whitespace().next().ok_or("no peak")?.parse()?;
    Ok(kib << 10)
}

#[allow(clippy::disallowed_methods, reason = "a benchmark is about real time")]
fn now() -> Instant {
    Instant::now()
}
