//! Files made to hurt a reader: each ends soon, in little memory, and what is whole in it is still found.
//!
//! Every file is read by a process of its own, this binary once more, which tells its peak memory and its CPU time; the
//! time on the clock would tell how busy the machine is. The bound is one for a build without optimisation.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a child tells its figures to its parent")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::rollout::history::read_transcript;
use rehydra::rollout::read_history;
use rehydra::rollout::reader::{Found, Reader};
use rehydra::world::RealDisk;

const NAME: &str = "rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";
const META: &str =
    "{\"timestamp\":\"t\",\"type\":\"session_meta\",\"payload\":{\"id\":\"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a\"}}\n";
const ITEM: &str = "{\"timestamp\":\"t\",\"type\":\"response_item\",\"payload\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"x\"}]}}\n";
const MOST_MEMORY_KIB: u64 = 128 << 10;
const MOST_CPU_SECONDS: u64 = 60;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("--read") {
        let told = args.next().ok_or_else(|| "no file".into()).and_then(|path| read(Path::new(&path)));
        match told {
            Ok(told) => print!("{told}"),
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        return;
    }
    let case_of = |name: &str, make: Make, told: &'static str, whole: (usize, usize)| {
        Trial::test(name, move || survives(make, told, whole).map_err(|error| Failed::from(error.to_string())))
    };
    let case = |name: &str, make: Make, told: &'static str| case_of(name, make, told, (2, 1));
    libtest_mimic::run(
        &Arguments::from_args(),
        vec![
            case("a_line_of_a_gigabyte", long_line, "TooLong"),
            case("a_gigabyte_of_zero_bytes", zeros, "NulBytes"),
            case("nesting_of_a_hundred_thousand", deep, "TooDeep"),
            case("a_small_frame_that_unpacks_to_four_gigabytes", bomb, "TooLong"),
            case("objects_that_never_end_line_after_line", unfinished, "BadJson"),
            case_of("a_frame_that_asks_for_a_window_of_two_gigabytes", window, "CorruptFrame", (1, 0)),
            case_of("turns_that_are_each_taken_back", taken_back, "", (2 * TURNS + 2, 1)),
            case_of(
                "compactions_that_each_keep_all_users_words",
                compactions,
                "Repeated",
                (2 * KEPT + 2, 2 * KEPT + 1),
            ),
        ],
    )
    .exit();
}

/// The child: its peak memory in KiB, its CPU time in seconds, and what it found.
fn read(path: &Path) -> Result<String> {
    let mut records = 0;
    let mut kinds = Vec::new();
    for found in Reader::open(&RealDisk, path)? {
        match found? {
            Found::Record(_) => records += 1,
            Found::Damage(damage) => kinds.push(format!("{:?}", damage.kind)),
        }
    }
    let items = read_history(&RealDisk, path).map_or(0, |history| history.items.len());
    if let Ok(transcript) = read_transcript(&RealDisk, None, path) {
        transcript.for_each(drop);
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib = peak.split_whitespace().next().ok_or("no VmHWM")?;
    let scheduled = fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: u64 = scheduled.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(format!("{kib} {} {records} {items} {}", nanoseconds / 1_000_000_000, kinds.join(",")))
}

type Make = fn(&mut File) -> Result<()>;

fn survives(make: Make, told: &str, whole: (usize, usize)) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join(NAME);
    make(&mut File::create(&path)?)?;
    let before = fs::metadata(&path)?.modified()?;
    let output = Command::new(std::env::current_exe()?).arg("--read").arg(&path).output()?;
    let text = String::from_utf8(output.stdout)?;
    let [kib, cpu, records, items, kinds] = text.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    if kib.parse::<u64>()? > MOST_MEMORY_KIB || cpu.parse::<u64>()? > MOST_CPU_SECONDS {
        return Err(format!("{kib} KiB, {cpu} s").into());
    }
    if !kinds.split(',').any(|kind| kind == told) {
        return Err(format!("told {kinds} and not {told}").into());
    }
    if (records.parse()?, items.parse()?) != whole {
        return Err(format!("{records} records and {items} items were found, {kinds} told").into());
    }
    if fs::metadata(&path)?.modified()? != before || fs::read_dir(dir.path())?.count() != 1 {
        return Err("something was written".into());
    }
    Ok(())
}

/// A record with a gigabyte of text, a hole in the file.
fn long_line(file: &mut File) -> Result<()> {
    write!(file, "{META}{{\"timestamp\":\"t\",\"type\":\"event_msg\",\"payload\":{{\"text\":\"")?;
    file.seek(SeekFrom::Current(1 << 30))?;
    write!(file, "\"}}}}\n{ITEM}")?;
    Ok(())
}

fn zeros(file: &mut File) -> Result<()> {
    write!(file, "{META}")?;
    file.seek(SeekFrom::Current(1 << 30))?;
    write!(file, "\n{ITEM}")?;
    Ok(())
}

fn deep(file: &mut File) -> Result<()> {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    write!(
        file,
        "{META}{open}{close}\n{{\"timestamp\":\"t\",\"type\":\"event_msg\",\"payload\":{{\"a\":{open}{close}}}}}\n{ITEM}"
    )?;
    Ok(())
}

/// Lines each of which begins an object, and could be its beginning for as many lines as are joined.
fn unfinished(file: &mut File) -> Result<()> {
    const BYTES: usize = 4 << 20;
    let line = format!("{{\"a\":[{}\n", "[1],".repeat(2_000));
    write!(file, "{META}{}{ITEM}", line.repeat(BYTES / line.len()))?;
    Ok(())
}

const TURNS: usize = 100_000;

fn taken_back(file: &mut File) -> Result<()> {
    let by =
        "{\"timestamp\":\"t\",\"type\":\"event_msg\",\"payload\":{\"type\":\"thread_rolled_back\",\"num_turns\":1}}\n";
    write!(file, "{META}{}{ITEM}", format!("{ITEM}{by}").repeat(TURNS))?;
    Ok(())
}

const KEPT: usize = 6_000;

/// Messages without a text and summaries of one letter, of which an old compaction keeps all that there are.
fn compactions(file: &mut File) -> Result<()> {
    let message = "{\"timestamp\":\"t\",\"type\":\"response_item\",\"payload\":{\"type\":\"message\",\"role\":\"user\",\"content\":[]}}\n";
    let compaction = "{\"timestamp\":\"t\",\"type\":\"compacted\",\"payload\":{\"message\":\"x\"}}\n";
    write!(file, "{META}{}{}{ITEM}", message.repeat(KEPT), compaction.repeat(KEPT))?;
    Ok(())
}

/// A frame of raw data.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = b"\x28\xB5\x2F\xFD\x00\x38".to_vec();
    frame.extend_from_slice(&(1 | (text.len() as u32) << 3).to_le_bytes()[..3]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// A record; a frame that says "128 KiB of `x`" 32,768 times; a record.
fn bomb(file: &mut File) -> Result<()> {
    const BLOCK: u32 = 128 << 10;
    const BLOCKS: u32 = 32_768;
    file.write_all(&frame(META))?;
    let mut bomb = b"\x28\xB5\x2F\xFD\x00\x38".to_vec();
    for block in 1..=BLOCKS {
        let is_last = u32::from(block == BLOCKS);
        bomb.extend_from_slice(&(is_last | 1 << 1 | BLOCK << 3).to_le_bytes()[..3]);
        bomb.push(b'x');
    }
    file.write_all(&bomb)?;
    file.write_all(&frame(&format!("\n{ITEM}")))?;
    Ok(())
}

fn window(file: &mut File) -> Result<()> {
    file.write_all(&frame(META))?;
    file.write_all(b"\x28\xB5\x2F\xFD\x00\xA8\x05\x00\x00")?;
    Ok(())
}
