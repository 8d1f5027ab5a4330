//! `rehydra repair`: a clean copy of a thread that Codex will not take, and what was lost.

mod document;

use std::path::PathBuf;

use super::out::print;
use super::{Exit, Failure, Outcome, sources};
use crate::neutral;
use crate::rollout::Consequence;
use crate::rollout::repair::{Destination, Fallback, Form, RepairErrorKind, Repaired, Request, repair};
use crate::world::World;

pub(super) use document::schema;

/// Flags of `rehydra repair`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A rollout, or the id of a thread
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// Where the copy goes: a home (it is placed below by its date), or a file that does not exist yet
    #[arg(long, value_name = "DST")]
    out: PathBuf,
    /// Where a thread given by its id lies [default: $CODEX_HOME, else ~/.codex]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Keep the thread's id; only where the destination's home does not hold the thread
    #[arg(long)]
    keep_id: bool,
    /// Keep everything that was ever said: what a compaction replaced and what was rolled back stays in the transcript, and
    /// the model is sent the same
    #[arg(long)]
    complete: bool,
    /// The thread's cwd where nothing in it tells one [default: this directory]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// The model provider where the thread names none (before 0.55)
    #[arg(long, value_name = "NAME", default_value = "openai")]
    model_provider: String,
    /// Print the report as JSON (docs/repair.schema.json)
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
The source is only read: its segments, the threads it was forked from, archived and compressed files become one plain
file, which every Codex from 0.42 on resumes. It has an id of its own unless --keep-id is given. It holds what the model is
to be sent; with --complete all that was ever said, in which case releases before about 0.90, which know neither rollbacks
nor the history that a compaction brings, send the model more or less of it than newer ones.

Exit code:
  0  the copy holds everything          2  wrong command line, DST exists, or nothing can be read of SRC
  1  the copy is written, with losses   3  the copy cannot be written

Examples:
  rehydra repair 01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a --out ~/.codex
  rehydra repair broken.jsonl --out clean.jsonl --complete --json";

pub(super) fn main(args: Args) -> Outcome {
    let world = World::real();
    let source = sources::rollout(&*world.disk, &args.source, args.home.as_deref())?;
    let here = std::env::current_dir().map_err(|error| Failure::broken(format!("failed to tell the cwd: {error}")))?;
    let request = Request {
        source,
        destination: Destination::of(&args.out),
        keep_id: args.keep_id,
        form: if args.complete { Form::Complete } else { Form::Live },
        fallback: Fallback { cwd: here.join(args.cwd.unwrap_or_default()), model_provider: args.model_provider },
    };
    let repaired = repair(&world, &request).map_err(|error| match error.kind {
        RepairErrorKind::Write(_) => Failure::broken(neutral::line(&error.to_string(), TEXT)),
        _ => Failure::usage(neutral::line(&error.to_string(), TEXT)),
    })?;
    if args.json {
        print(&document::of(&request, &repaired))?;
    } else {
        print(&told(&repaired))?;
    }
    Ok(if repaired.is_lossy() { Exit::Failed } else { Exit::Fine })
}

/// Most characters of a line that quotes a path.
const TEXT: usize = 2_000;

/// What became of the bytes that a damage is about.
fn became(consequence: Consequence) -> &'static str {
    match consequence {
        Consequence::Harmless => "nothing is missing",
        Consequence::Used => "mended and used",
        Consequence::PassedOver => "passed over, it was not for the model",
        Consequence::Lost => "lost",
    }
}

fn told(repaired: &Repaired) -> String {
    let path = neutral::line(&repaired.path.display().to_string(), TEXT);
    let kept = if repaired.id == repaired.from { "the same id".to_owned() } else { format!("was {}", repaired.from) };
    let mut text = format!(
        "thread  {} ({kept})\nfile    {path}\nkept    {} complete turns, {} items, {} records\n",
        repaired.id, repaired.turns, repaired.items, repaired.records,
    );
    if let Some(past) = repaired.past {
        text.push_str(&format!("past    {past} items and compactions, which the model is no longer sent\n"));
    }
    for filled in &repaired.filled {
        let (field, value) = (filled.field, neutral::line(&filled.value, TEXT));
        text.push_str(&format!("filled  {field} = {value}: nothing in the source says one\n"));
    }
    if repaired.damage.is_empty() {
        text.push_str("damage  none\n");
    }
    for damage in &repaired.damage {
        let base = if damage.file > 0 { format!("base {}, ", damage.file) } else { String::new() };
        text.push_str(&format!("damage  {base}{damage} ({})\n", became(damage.consequence)));
    }
    text
}
