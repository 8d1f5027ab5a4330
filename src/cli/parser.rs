//! `rehydra parser`: somebody's rollout parser, tried on files whose content is known.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::out::{Failure, Outcome, complain, print};
use super::{Exit, run};
use crate::limits::{PARSER_FILES, PARSER_MS};
use crate::parser::{self, Case, Command, Mode, Plan, Played, Suite};
use crate::report::{self, Parsed};
use crate::rollout::generate::Era;
use crate::rollout::manifest::Manifest;
use crate::world::{Clock, RealClock};
use crate::{proc, scenario};

/// Flags of `rehydra parser`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Print what the command is given, what it has to print, and end
    #[arg(long)]
    explain: bool,
    /// Print the classes of files, and end
    #[arg(long)]
    classes: bool,
    /// Start the command once, and give it one path a line on its standard input
    #[arg(long)]
    batch: bool,
    /// Only this class, repeatable: healthy, recorded, or a class of damage
    #[arg(long = "class", value_name = "NAME")]
    only: Vec<String>,
    /// Only this era, repeatable: bare, envelope, world-state, paginated
    #[arg(long = "era", value_name = "NAME", value_parser = era)]
    eras: Vec<Era>,
    /// Files for each class and era
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=i64::from(PARSER_FILES)))]
    cases: u32,
    /// Decides every file
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Pass a variable on, or set it: NAME or NAME=VALUE; repeatable
    #[arg(long = "env", value_name = "NAME")]
    env: Vec<String>,
    /// How long it may take for one file
    #[arg(long, value_name = "MS", default_value_t = PARSER_MS, value_parser = clap::value_parser!(u64).range(1..))]
    limit_ms: u64,
    /// Processes at the same time [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Keep each failure there, as small as it could be made, with the answer that would have been right
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Leave failures as large as they are
    #[arg(long)]
    no_shrink: bool,
    /// Fail (exit code 1) on a told loss too
    #[arg(long)]
    deny_told: bool,
    /// Write the results as JSON to this file, `-` for stdout (docs/parser-report.schema.json)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The parser's command line, after `--`
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

const HELP: &str = "\
Outcomes:
  pass       everything that was told is right, and nothing is missing
  told       something readable is missing from a damaged file, and the parser says so
  SILENT     something readable is missing, and the parser says nothing of it
  WRONG      a text, its place, the id or the cwd is wrong, or damage is told where there is none
  NO-ANSWER, FLOOD, HANG, CRASH

Exit code:
  0  only pass and told        2  wrong command line; nothing was run
  1  anything else             3  the parser could not be started here, or an output not be written

Examples:
  rehydra parser --explain
  rehydra parser -- python3 mine.py {file}
  rehydra parser --batch --class torn-tail --keep failures -- node mine.mjs";

pub(super) fn main(args: Args) -> Outcome {
    if args.explain {
        print(parser::CONTRACT)?;
        return Ok(Exit::Fine);
    }
    if args.classes {
        print(&(parser::classes().join("\n") + "\n"))?;
        return Ok(Exit::Fine);
    }
    let clock = RealClock::default();
    let command = command(&args)?;
    let cases = cases(&args)?;
    let jobs = args.jobs.map_or_else(|| std::thread::available_parallelism().map_or(2, usize::from), usize::from);
    let bar = report::Progress::new(cases.len());
    let ended = {
        let bar = bar.clone();
        move |_: &Played| bar.ended(None)
    };
    let suite = Suite { command, cases, jobs, shrink: !args.no_shrink };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broken)?;
    let played = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = run::interrupted() => None,
            played = parser::play(suite, ended) => Some(played),
        }
    });
    // Dropping the runtime drops every process, which kills its group.
    drop(runtime);
    bar.finish();
    let Some(played) = played else { return Err(Failure::broken("interrupted")) };
    show(&args, &played.map_err(Failure::broken)?, clock.elapsed().as_millis() as u64)
}

fn era(name: &str) -> Result<Era, String> {
    serde_json::from_value(name.into()).map_err(|_| "give one of bare, envelope, world-state, paginated".to_owned())
}

fn command(args: &Args) -> Result<Command, Failure> {
    let mut env = Vec::new();
    for text in &args.env {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => env.push((name.to_owned(), value.to_owned())),
            None => match std::env::var(text) {
                Ok(value) => env.push((text.clone(), value)),
                Err(_) => complain(&format!("warning: `--env {text}` passes nothing on: it is not set\n")),
            },
            Some(_) => return Err(Failure::usage(format!("`--env {text}` names no variable"))),
        }
    }
    let command = Command {
        launcher: proc::launcher_path(None).map_err(Failure::broken)?,
        argv: args.command.clone(),
        env,
        limit: Duration::from_millis(args.limit_ms),
        mode: if args.batch { Mode::Batch } else { Mode::Single },
    };
    let here = std::env::current_dir().map_err(Failure::broken)?;
    command.checked(&here).map_err(Failure::usage)
}

fn cases(args: &Args) -> Result<Vec<Case>, Failure> {
    let known = parser::classes();
    if let Some(wrong) = args.only.iter().find(|class| !known.contains(&class.as_str())) {
        let names = report::wrapped("  help: there are ", &known.join(", "), report::COLUMNS);
        return Err(Failure::usage(format!("there is no class `{wrong}`\n{names}")));
    }
    let plan = Plan { seed: args.seed, files: args.cases, classes: args.only.clone(), eras: args.eras.clone() };
    let mut cases = parser::cases(&plan);
    let manifest = scenario::fixture("manifest.json").unwrap_or_default();
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(Failure::broken)?;
    let recordings = manifest.fixtures.iter().filter_map(|fixture| parser::recorded(&plan, fixture, scenario::fixture));
    cases.extend(recordings);
    // The table begins with what nothing happened to.
    cases.sort_by_key(|case| known.iter().position(|class| *class == case.class));
    if cases.is_empty() {
        return Err(Failure::usage("no class that is asked for has files of such an era; see --classes"));
    }
    Ok(cases)
}

fn show(args: &Args, played: &[Played], elapsed_ms: u64) -> Outcome {
    let kept = played.iter().map(|one| kept(args.keep.as_deref(), one)).collect::<Result<Vec<_>, _>>()?;
    let fails = |one: &Played| match one.judgement.outcome {
        parser::Outcome::ToldLoss => args.deny_told,
        outcome => outcome.is_failure(),
    };
    let fails = played.iter().any(fails);
    let parsed = Parsed { played, kept: &kept, seed: args.seed, elapsed_ms, fails };
    let unwritten = |path: &Path, error| Failure::broken(format!("failed to write {}: {error}", path.display()));
    if args.json.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        print(&report::parser_document(&parsed))?;
    } else {
        print(&report::parser_text(&parsed, report::columns()))?;
        if let Some(path) = &args.json {
            fs::write(path, report::parser_document(&parsed)).map_err(|error| unwritten(path, error))?;
        }
    }
    if let Some(path) = &args.junit {
        fs::write(path, report::parser_junit(&parsed)).map_err(|error| unwritten(path, error))?;
    }
    Ok(if fails { Exit::Failed } else { Exit::Fine })
}

/// The directory that keeps the case, if it is a failure.
fn kept(dir: Option<&Path>, one: &Played) -> Result<Option<PathBuf>, Failure> {
    let Some(dir) = dir.filter(|_| one.judgement.outcome.is_failure()) else { return Ok(None) };
    let (case, judgement) = match &one.smallest {
        Some((case, judgement)) => (case, judgement),
        None => (&one.case, &one.judgement),
    };
    let kept = parser::keep(dir, case, judgement);
    kept.map(Some)
        .map_err(|error| Failure::broken(format!("failed to keep a failure below {}: {error}", dir.display())))
}
