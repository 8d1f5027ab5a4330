//! `rehydra generate`: synthetic rollouts and homes, damaged on request, each with the expected answer beside it.
//!
//! Nothing is overwritten unasked, and every file is written as it is made, so the size of what is generated is bounded by
//! the disk alone. A damaged file is the exception: damage looks at the file as a whole, so it is held in memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::out::{complain, print};
use super::{Exit, Failure, Outcome};
use crate::rollout::Era;
use crate::rollout::generate::home::{Content, HomeSpec, Made, drawn_id, write_home};
use crate::rollout::generate::{self, Damaged, Expected, Lineage, Spec, Thread, ToolKind};
use crate::rollout::mutate::home::HomeMutator;
use crate::rollout::mutate::{Mutator, Where, apply_all};

/// Flags of `rehydra generate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file to write, or a directory that stands for the home [default: the current directory]
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// The Codex release whose files are imitated, e.g. 0.153.4
    #[arg(long, value_name = "VERSION")]
    codex: Option<String>,
    /// The shape of the file [default: that of the release, else paginated]
    #[arg(long, value_parser = era_named)]
    era: Option<Era>,
    /// Complete turns [default: 3, or as many as the size needs]
    #[arg(long)]
    turns: Option<u32>,
    /// At least about that many bytes: 4096, 64KB, 100MB, 2GB
    #[arg(long, value_parser = size)]
    size: Option<u64>,
    /// Decides ids, markers and texts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tool calls in each turn
    #[arg(long, default_value_t = 0)]
    tools: u32,
    /// Of these kinds in turn: function, custom, local-shell, tool-search, web-search [default: all]
    #[arg(long, value_delimiter = ',', value_parser = kind_named)]
    kinds: Vec<ToolKind>,
    /// Reasoning before each reply
    #[arg(long)]
    reasoning: bool,
    /// A small image in each prompt
    #[arg(long)]
    images: bool,
    /// Before the last turn, one that the user interrupted
    #[arg(long)]
    aborted: bool,
    /// In the middle, so many turns that are then taken back
    #[arg(long, default_value_t = 0, value_name = "N")]
    rolled_back: u32,
    /// At the end, a turn that was cut off
    #[arg(long)]
    interrupted: bool,
    /// A compaction after that many turns
    #[arg(long, value_name = "N")]
    compaction: Option<u32>,
    /// The compaction brings a summary and no history, as up to about 0.80
    #[arg(long)]
    summary_only: bool,
    /// The thread's cwd; of a home, the directory that the threads' cwds lie in
    #[arg(long, default_value = "/project")]
    cwd: String,
    /// When the thread begins
    #[arg(long, default_value = "2026-11-22T05:20:24Z", value_name = "TIME")]
    start: Timestamp,
    /// The zone whose local time the file's name tells: UTC, +09:00, or a name that this machine knows
    #[arg(long, default_value = "UTC", value_parser = zone_named)]
    zone: TimeZone,
    /// Damage the file: classes by name, each doing what the one before left
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = mutator_named)]
    damage: Vec<Mutator>,
    /// A whole home of so many threads; `--turns` and `--size` are then those of a file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["damage", "start", "zone", "codex"])]
    home: Option<u32>,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
    /// List the classes of damage
    #[arg(long, exclusive = true)]
    list: bool,
}

pub(super) fn main(args: Args) -> Outcome {
    if args.list {
        return list();
    }
    match args.home {
        Some(threads) => home(&args, threads),
        None => file(&args),
    }
}

fn list() -> Outcome {
    let mut text = String::new();
    let files = Mutator::all().map(|mutator| (mutator.name(), mutator.says(), eras(&mutator)));
    let homes = HomeMutator::all().map(|mutator| (mutator.name(), mutator.says(), String::new()));
    text.push_str("Damage to a file (--damage):\n");
    for (name, says, eras) in files {
        text.push_str(&format!("  {name:<24} {says}{eras}\n"));
    }
    text.push_str("\nDamage around a file (drawn in a home, and in the library):\n");
    for (name, says, _) in homes {
        text.push_str(&format!("  {name:<24} {says}\n"));
    }
    print(&text)?;
    Ok(Exit::Fine)
}

/// Where a class does not apply to all eras, those that it does.
fn eras(mutator: &Mutator) -> String {
    let names: Vec<&str> = Era::ALL.into_iter().filter(|era| mutator.applies_to(*era)).map(era_name).collect();
    if names.len() == Era::ALL.len() { String::new() } else { format!(" [{}]", names.join(", ")) }
}

fn spec(args: &Args) -> Result<Spec, Failure> {
    let of_version = |version: &String| {
        Era::of_version(version).ok_or_else(|| Failure::usage(format!("`{version}` is no version: write e.g. 0.153.4")))
    };
    let by_version = args.codex.as_ref().map(of_version).transpose()?;
    let bytes = args.size.unwrap_or(0);
    // Some 16 KB a turn is what a turn with a tool call comes to.
    let turns = args.turns.unwrap_or_else(|| u32::try_from(bytes >> 14).unwrap_or(u32::MAX).max(3));
    let kinds = if args.kinds.is_empty() { ToolKind::ALL.to_vec() } else { args.kinds.clone() };
    Ok(Spec {
        turns,
        era: args.era.or(by_version).unwrap_or(Era::Paginated),
        seed: args.seed,
        tools: args.tools,
        kinds,
        reasoning: args.reasoning,
        images: args.images,
        aborted: args.aborted,
        rolled_back: args.rolled_back,
        interrupted: args.interrupted,
        compaction: args.compaction,
        summary_only: args.summary_only,
        bytes,
        version: args.codex.clone(),
        ..Spec::default()
    })
}

fn file(args: &Args) -> Outcome {
    let spec = spec(args)?;
    let zone = args.zone.clone();
    let id = drawn_id(spec.era, args.start, spec.seed);
    let thread = Thread { id, cwd: args.cwd.clone(), start: args.start, zone, lineage: Lineage::default() };
    // The name is known before the file is written: it comes from the thread alone.
    let named = generate::write(&Spec { turns: 0, bytes: 0, ..spec.clone() }, &thread, &mut io::sink());
    let below_home = named.map_err(|error| Failure::broken(format!("failed to generate: {error}")))?.file;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let is_home = out.is_dir() || out.to_string_lossy().ends_with('/');
    let mut path = if is_home { out.join(below_home) } else { out };
    let mut damaged = None;
    if !args.damage.is_empty() {
        let mut bytes = Vec::new();
        let written = generate::write(&spec, &thread, &mut bytes);
        let expected = written.map_err(|error| Failure::broken(format!("failed to generate: {error}")))?;
        damaged = Some(damage(args, &bytes, expected)?);
        if damaged.as_ref().is_some_and(|(_, _, compressed)| *compressed) && is_home {
            path.as_mut_os_string().push(".zst");
        }
    }
    let failed = |error: io::Error| unwritable(&path, &error);
    let expected = match damaged {
        Some((bytes, expected, _)) => {
            create(&path, args.force).and_then(|mut file| file.write_all(&bytes)).map_err(failed)?;
            expected
        }
        None => {
            let mut file = BufWriter::new(create(&path, args.force).map_err(failed)?);
            let expected = generate::write(&spec, &thread, &mut file).map_err(failed)?;
            file.flush().map_err(failed)?;
            expected
        }
    };
    answer(&path, &expected, args.force)?;
    print(&format!("{}\n", path.display()))?;
    Ok(Exit::Fine)
}

/// The damaged bytes, the answer for them, and whether they are compressed.
fn damage(args: &Args, bytes: &[u8], mut expected: Expected) -> Result<(Vec<u8>, Expected, bool), Failure> {
    if let Some(mutator) = args.damage.iter().find(|mutator| !mutator.applies_to(expected.era)) {
        let (name, era) = (mutator.name(), era_name(expected.era));
        return Err(Failure::usage(format!("`{name}` is no damage that a file of the era {era} can have")));
    }
    let steps: Vec<(Mutator, Where)> = args.damage.iter().map(|mutator| (*mutator, Where::Seed(args.seed))).collect();
    let mutated = apply_all(&steps, bytes);
    if let Some((missing, _)) = steps.iter().find(|step| !mutated.done.contains(step)) {
        let name = missing.name();
        let text = format!(
            "the file offers no place for `{name}`: give it turns, tool calls or a compaction, or another order"
        );
        return Err(Failure::usage(text));
    }
    expected.damaged = Damaged::of(&mutated);
    Ok((mutated.bytes, expected, mutated.compressed))
}

fn home(args: &Args, threads: u32) -> Outcome {
    let dir = args.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let spec = HomeSpec {
        threads,
        seed: args.seed,
        eras: args.era.into_iter().collect(),
        turns: args.turns.unwrap_or(4),
        bytes: args.size.unwrap_or(0),
        cwd: args.cwd.clone(),
        oddities: true,
    };
    let (mut files, mut stopped) = (0_u64, None);
    let written = write_home(&spec, &mut |made| {
        let outcome = match made {
            Made::File(file) => {
                files += 1;
                let path = dir.join(&file.path);
                place(&dir, &path, &file.content, args.force).map_err(|error| unwritable(&path, &error))
            }
            Made::Thread(thread) => {
                let answers = dir.join("expected").join(format!("{}.json", thread.expected.thread_id));
                let expected = Expected { file: generate::home_path(&thread.head), ..thread.expected };
                write_answer(&answers, &expected, args.force)
            }
        };
        outcome.map_err(|failure| {
            stopped = Some(failure);
            io::Error::other("stopped")
        })
    });
    match (written, stopped) {
        (_, Some(failure)) => Err(failure),
        (Err(error), None) => Err(Failure::broken(format!("failed to generate a home: {error}"))),
        (Ok(()), None) => {
            complain(&format!(
                "{threads} threads in {files} files; the answers are in {}\n",
                dir.join("expected").display()
            ));
            print(&format!("{}\n", dir.display()))?;
            Ok(Exit::Fine)
        }
    }
}

/// Puts a file of a home where it belongs.
fn place(home: &Path, path: &Path, content: &Content, force: bool) -> io::Result<()> {
    match content {
        Content::Bytes(bytes) => create(path, force)?.write_all(bytes),
        Content::Link(to) => {
            fs::create_dir_all(path.parent().unwrap_or(home))?;
            if force && path.symlink_metadata().is_ok() {
                fs::remove_file(path)?;
            }
            // The home may be moved with what lies in it.
            let up = path.strip_prefix(home).map_or(0, |below| below.components().count().saturating_sub(1));
            std::os::unix::fs::symlink(std::iter::repeat_n("..", up).collect::<PathBuf>().join(to), path)
        }
    }
}

fn create(path: &Path, force: bool) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::options().write(true).create_new(!force).create(force).truncate(force).open(path)
}

fn answer(path: &Path, expected: &Expected, force: bool) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".expected.json");
    write_answer(Path::new(&beside), expected, force)
}

fn write_answer(path: &Path, expected: &Expected, force: bool) -> Result<(), Failure> {
    let written = create(path, force).and_then(|file| {
        let mut file = BufWriter::new(file);
        serde_json::to_writer_pretty(&mut file, expected)?;
        file.write_all(b"\n")?;
        file.flush()
    });
    written.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        // A file where a directory is to be made is told by the same kind of error.
        io::ErrorKind::AlreadyExists if path.symlink_metadata().is_ok() => {
            Failure::usage(format!("{} is there already: write elsewhere, or say --force", path.display()))
        }
        _ => Failure::broken(format!("failed to write {}: {error}", path.display())),
    }
}

fn era_name(era: Era) -> &'static str {
    match era {
        Era::Bare => "bare",
        Era::Envelope => "envelope",
        Era::WorldState => "world-state",
        Era::Paginated => "paginated",
    }
}

fn era_named(name: &str) -> Result<Era, String> {
    Era::ALL
        .into_iter()
        .find(|era| era_name(*era) == name)
        .ok_or_else(|| format!("write one of {}", Era::ALL.map(era_name).join(", ")))
}

fn kind_named(name: &str) -> Result<ToolKind, String> {
    ToolKind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| format!("write one of {}", ToolKind::ALL.map(ToolKind::name).join(", ")))
}

fn mutator_named(name: &str) -> Result<Mutator, String> {
    Mutator::named(name).ok_or_else(|| "no such class of damage: `rehydra generate --list` lists them".to_owned())
}

fn zone_named(name: &str) -> Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    let Some((sign, clock)) = name.strip_prefix('+').map(|c| (1, c)).or(name.strip_prefix('-').map(|c| (-1, c))) else {
        return TimeZone::get(name).map_err(|_| "this machine knows no such zone: write one like +09:00".to_owned());
    };
    let (hours, minutes) = clock.split_once(':').unwrap_or((clock, "0"));
    let seconds = hours.parse::<u8>().ok().zip(minutes.parse::<u8>().ok()).and_then(|(hours, minutes)| {
        let within = hours < 25 && minutes < 60;
        within.then_some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
    });
    let offset = seconds.and_then(|seconds| Offset::from_seconds(seconds).ok());
    offset.map(TimeZone::fixed).ok_or_else(|| "write an offset like +09:00".to_owned())
}

/// A number of bytes, perhaps with a unit of 1,000 or 1,024.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => 1,
        "KB" | "kB" | "K" => 1_000,
        "MB" | "M" => 1_000_000,
        "GB" | "G" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("write a number of bytes, or one with KB, MB, GB, KiB, MiB or GiB".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "write a whole number of bytes, KB, MB or GB".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "this is more than any disk holds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        let read = |text| size(text).ok();
        assert_eq!((read("4096"), read("100MB"), read("64KiB")), (Some(4096), Some(100_000_000), Some(65_536)));
        assert_eq!((read("1.5MB"), read("MB"), read("3 apples"), read("99999999999GB")), (None, None, None, None));
    }

    #[test]
    fn zones_are_read_by_their_offset() {
        let offset = |text| zone_named(text).ok().map(|zone| zone.to_offset(Timestamp::UNIX_EPOCH).seconds());
        assert_eq!(
            (offset("UTC"), offset("+09:00"), offset("-5"), offset("+05:30")),
            (Some(0), Some(32_400), Some(-18_000), Some(19_800))
        );
        assert_eq!((offset("+25:00"), offset("+9:75"), offset("Nowhere/Land")), (None, None, None));
    }

    #[test]
    fn the_schema_in_the_documentation_is_that_of_the_answer() {
        let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
        let schema: serde_json::Value = generator.into_root_schema_for::<Expected>().into();
        let written = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/expected.schema.json"));
        let told = "write `rehydra schema expected` into docs/expected.schema.json";
        assert_eq!(written.unwrap(), format!("{schema:#}\n"), "{told}");
    }
}
