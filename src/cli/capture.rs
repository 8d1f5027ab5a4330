//! `rehydra capture`: a broken thread becomes a scenario that can be handed over.

mod compare;
mod document;
mod files;
mod story;

use std::path::PathBuf;

use super::out::print;
use super::{Exit, Outcome, sources};
use crate::neutral;
use crate::rollout::redact::{Redactor, Removed};
use crate::world::World;
use compare::{Compared, compare};
use files::{Captured, CapturedFile, gather};

pub(super) use document::schema;

/// Flags of `rehydra capture`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// The id of a thread, or its rollout
    #[arg(value_name = "ID|FILE")]
    what: PathBuf,
    /// The directory that is made for the scenario; it must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where a thread given by its id lies [default: $CODEX_HOME, else ~/.codex]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Print the report as JSON (docs/capture.schema.json)
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Only the thread's own files are taken: its rollout and its copies, its segments, the threads it was forked from, the
lines of rehydra/aliases.jsonl that name it. Every text, path, name and number that is not Codex's own is replaced by a
placeholder of the same length; structure, lengths, damage, times and the relations of ids stay. The result is compared
with the original: the same damage, and the same verdict of `builtin`.

Exit code:
  0  the scenario shows what the original shows      2  wrong command line, DIR exists, or a file cannot be captured
  1  the scenario is written, but shows otherwise    3  rehydra itself failed

Examples:
  rehydra capture 01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a --out broken
  rehydra run broken --target codex@0.153.4";

/// Decides the markers; what ids become is decided by a secret that is kept nowhere.
const SEED: u64 = 1;

pub(super) fn main(args: Args) -> Outcome {
    let world = World::real();
    let path = sources::rollout(&*world.disk, &args.what, args.home.as_deref())?;
    let original = gather(&*world.disk, &path)?;
    let secret = format!("{}{}", world.ids.uuid(), world.ids.uuid());
    let mut redactor = Redactor::new(secret.as_bytes(), SEED);
    let file = |CapturedFile { name, bytes }: &CapturedFile, redactor: &mut Redactor| CapturedFile {
        bytes: redactor.redact(bytes),
        name: redactor.path(name),
    };
    let id = redactor.id(original.id);
    let redacted = Captured { id, files: original.files.iter().map(|f| file(f, &mut redactor)).collect() };
    // The original with the same markers, so that both are judged alike. It stays in a temporary directory.
    let file = |CapturedFile { name, bytes }: &CapturedFile, redactor: &mut Redactor| CapturedFile {
        bytes: redactor.plant_only(bytes),
        name: name.clone(),
    };
    let planted = Captured { id: original.id, files: original.files.iter().map(|f| file(f, &mut redactor)).collect() };
    let compared = compare(&world, &path, &redacted, &planted, &args.out)?;
    let exit = if compared.differences.is_empty() { Exit::Fine } else { Exit::Failed };
    print(&match args.json {
        true => document::of(&args.out, &redacted, redactor.removed(), &compared, exit),
        false => told(&args, &redacted, redactor.removed(), &compared),
    })?;
    Ok(exit)
}

fn told(args: &Args, redacted: &Captured, removed: Removed, compared: &Compared) -> String {
    let Removed { texts, text_bytes, images, encrypted, keys, names, numbers, ids } = removed;
    let bytes: usize = redacted.files.iter().map(|file| file.bytes.len()).sum();
    let mut text = format!(
        "scenario  {}: {} files, {bytes} bytes, thread {}\n\
         removed   {texts} texts of {text_bytes} bytes ({images} images, {encrypted} encrypted), {keys} keys, \
         {names} names, {numbers} numbers; {ids} ids and names became others\n\
         kept      structure, lengths, times, versions, Codex's own words, {} damaged places; {} markers planted\n",
        neutral::line(&args.out.display().to_string(), 2_000),
        redacted.files.len(),
        redacted.id,
        compared.damage,
        compared.markers
    );
    if compared.differences.is_empty() {
        text.push_str(&format!("checked   the same damage, and the same verdict of `builtin`: {}\n", compared.verdict));
    }
    for difference in &compared.differences {
        text.push_str(&format!("DIFFERS   {}\n", neutral::line(difference, 2_000)));
    }
    text
}
