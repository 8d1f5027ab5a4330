//! `rehydra inspect`: what a rollout, a thread or a whole home holds, what is wrong with it, and what Codex would do.
//!
//! Nothing is written. What stands in a rollout is a stranger's: it is made harmless before it is shown.

mod document;
mod file;
mod home;

use std::path::PathBuf;

use super::out::{Failure, print};
use super::{Exit, Outcome, sources};
use crate::report;
use crate::rollout::codex_reads::{Release, SEEN};
use crate::rollout::inspect::{self, Verdict, Wanted};
use crate::world::World;

pub(super) use document::schema;

/// Flags of `rehydra inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A rollout, the id of a thread or of a segment, or a directory that holds `sessions`
    #[arg(value_name = "FILE|ID|HOME")]
    what: PathBuf,
    /// Where ids, and the files that a rollout continues, are looked for [default: $CODEX_HOME, else ~/.codex]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Show long texts whole
    #[arg(long)]
    full: bool,
    /// Say what this version of Codex would do [default: 0.105.0 0.130.0 0.153.4 0.169.0]
    #[arg(long, value_name = "VERSION")]
    codex: Vec<Release>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Nothing is written. What is told is described in docs/inspect.md, the JSON in docs/inspect.schema.json.

Exit code:
  0  everything that was ever written can be read      2  wrong command line, or nothing is there
  1  something is lost, or a file cannot be read       3  standard output cannot be written

Examples:
  rehydra inspect ~/.codex
  rehydra inspect 019aac16-5a98-7bc2-9ce0-fdcc76d9015a --full
  rehydra inspect rollout.jsonl --codex 0.130.0 --json";

/// How many characters of a text are kept where it is not shown whole.
const CHARS: usize = 400;

pub(super) fn main(args: Args) -> Outcome {
    let world = World::real();
    let disk = &*world.disk;
    let named = args.home.clone();
    let path = if args.what.is_dir() {
        if !sources::TREES.iter().any(|tree| args.what.join(tree).is_dir()) {
            let text = "neither `sessions` nor `archived_sessions` is in it; name the directory that holds them";
            return Err(Failure::usage(format!("{}: {text}", args.what.display())));
        }
        sources::readable(&args.what)?;
        let report = home::survey(disk, &args.what, !args.json)?;
        let exit = exit_of(report.verdict());
        print(&match args.json {
            true => document::of_home(&report, exit),
            false => home::page(&report, report::columns()),
        })?;
        return Ok(exit);
    } else {
        sources::rollout(disk, &args.what, args.home.as_deref())?
    };
    let releases = if args.codex.is_empty() { SEEN.to_vec() } else { args.codex.clone() };
    let chars = if args.full { usize::MAX } else { CHARS };
    let told = inspect::file(disk, &path, &Wanted { home: named.as_deref(), releases: &releases, chars });
    let exit = exit_of(told.verdict);
    print(&match args.json {
        true => document::of_file(&told, exit),
        false => file::page(&told, args.full, report::columns()),
    })?;
    Ok(exit)
}

fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Lossy | Verdict::Unreadable => Exit::Failed,
        _ => Exit::Fine,
    }
}
