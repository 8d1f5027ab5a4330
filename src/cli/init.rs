//! `rehydra init`: a conversation with a server that nobody has described, and its profile in `rehydra.toml`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::out::{self, Failure, Outcome, print};
use super::{Exit, run};
use crate::journal::{IdIn, Identity, Level, Tools};
use crate::neutral;
use crate::report::{self, wrapped};
use crate::scenario::{PROFILES_FILE, Profile, Profiles};
use crate::survey::{self, Found, Noted, Plan, Restart, Survey, Unknown};

/// Flags of `rehydra init`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// Program and arguments of the server, after `--`; {stub} stands for the address of the model, {token} for its key
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<String>,
    /// What the server is called in results and after --target
    #[arg(long, value_name = "NAME", default_value = "mine")]
    name: String,
    /// Where the profile is written
    #[arg(long, value_name = "FILE", default_value = PROFILES_FILE)]
    out: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    /// A variable of the server's environment, repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Change a limit, repeatable: call_ms=20000, open_ms=10000, …; what is changed stands in the profile too
    #[arg(long = "limit", value_name = "NAME=N")]
    limits: Vec<String>,
}

const HELP: &str = "\
The server is started as a run starts it: in a directory and an environment of its own, with a scripted stand-in as its
model. Nothing of yours is read or changed but the file that is written.

Exit code:
  0  the profile is written             2  wrong command line, or the file is there already
  1  the server cannot be described     3  rehydra itself failed

Examples:
  rehydra init -- node server.js
  rehydra init --name mine --env MY_API={stub}/v1 -- ./server --key {token}";

/// Most characters of what a server says, in one line.
const SAID: usize = 300;

pub(super) fn main(args: Args) -> Outcome {
    let here = std::env::current_dir().map_err(|error| Failure::broken(format!("failed to tell the cwd: {error}")))?;
    free(&args.out, args.force)?;
    let limits = run::limits(&args.limits)?;
    let profile = asked(&args, &here)?;
    let dir = tempfile::tempdir().map_err(|error| Failure::broken(format!("no temporary directory: {error}")))?;
    let progress = Progress::new();
    let tell = |text: &str| progress.tell(text);
    let plan = Plan { profile, limits, dir: dir.path(), launcher: None, tell: &tell };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::broken)?;
    let surveyed = runtime.block_on(async {
        tokio::select! {
            biased;
            () = run::interrupted() => None,
            surveyed = survey::survey(plan) => Some(surveyed),
        }
    });
    // Dropping the runtime drops what is left of a trial, which kills its server.
    drop(runtime);
    progress.end();
    let survey = match surveyed {
        None => return Err(Failure::broken("interrupted; nothing is written")),
        Some(Err(trouble)) => {
            let text = format!("error: {}", trouble.shown(|line| neutral::line(line, SAID)));
            return Err(Failure { exit: if trouble.is_ours { Exit::Broken } else { Exit::Failed }, text });
        }
        Some(Ok(survey)) => survey,
    };
    write(&args, &survey::profile_text(&survey))?;
    print(&told(&survey, &args, report::columns()))?;
    Ok(Exit::Fine)
}

/// Sees to it that the profile can be written before a server is started for it.
fn free(out: &Path, force: bool) -> Result<(), Failure> {
    let shown = out.display();
    if out.symlink_metadata().is_ok() && !force {
        return Err(Failure::usage(format!(
            "{shown} is there already\n  help: replace it with --force, or write another with --out FILE"
        )));
    }
    let above = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match above.is_dir() {
        true => Ok(()),
        false => Err(Failure::usage(format!("{} is no directory; make it, or name another file", above.display()))),
    }
}

/// What is known of the server before it is started.
fn asked(args: &Args, here: &Path) -> Result<Profile, Failure> {
    let mut env = Vec::new();
    for pair in &args.env {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`--env {pair}` sets nothing; give it as NAME=VALUE, as in --env API={{stub}}/v1"))
        })?;
        env.push((name.to_owned(), value.to_owned()));
    }
    let profile = Profile {
        name: args.name.clone(),
        line: 1,
        dir: here.to_owned(),
        command: args.command.clone(),
        tools: Tools::default(),
        identity: Identity::Same,
        level: Level::Core,
        rollouts: false,
        unknown_id_error: None,
        note: None,
        env,
        path: Vec::new(),
        codex: None,
        daemon: false,
        limits: named(&args.limits),
    };
    sound(&profile)?;
    Ok(profile)
}

/// The limits that were changed; what is wrong with them is told elsewhere.
fn named(limits: &[String]) -> Vec<(String, u64)> {
    let pair = |change: &String| change.split_once('=').and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?)));
    limits.iter().filter_map(pair).collect()
}

/// Whether a profile of that name, command and environment can be read again: the file's own grammar decides.
fn sound(profile: &Profile) -> Result<(), Failure> {
    let found = Found {
        tools: Vec::new(),
        id: String::new(),
        unknown: Unknown::Silent,
        restart: Restart::Silent,
        noted: Noted::Unknown,
        left: 0,
        files: Vec::new(),
        strays: 0,
        hosts: Vec::new(),
        codex: None,
        tells_cwd: true,
    };
    let text = survey::profile_text(&Survey { profile: profile.clone(), found });
    let read = Profiles::parse("the profile", &profile.dir, &text);
    read.map(drop).map_err(|wrong| Failure::diagnosed(wrong.render(out::styled())))
}

fn write(args: &Args, text: &str) -> Result<(), Failure> {
    let mut options = std::fs::File::options();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(&args.out).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::broken(format!("failed to write {}: {error}", args.out.display())))
}

/// What was found and what was not, and what to do next.
fn told(survey: &Survey, args: &Args, columns: usize) -> String {
    let Survey { profile, found } = survey;
    let Tools { start, reply, id_in } = &profile.tools;
    let line = |head: &str, text: String| wrapped(&format!("{head:<9} "), &neutral::line(&text, 4 * SAID), columns);
    let directory = start.cwd.as_ref().map_or("no argument for a directory was found".to_owned(), |cwd| {
        let told = if found.tells_cwd { "and the model is told of it" } else { "and the model is not told of it" };
        format!("the directory goes to {cwd}, {told}")
    });
    let place = match id_in {
        IdIn::Pointer(pointer) => format!("at {pointer}"),
        IdIn::Text(pattern) => format!("in the text, by {pattern}"),
    };
    let id = reply.id.as_deref().unwrap_or_default();
    let mut text = line(
        "tools",
        format!(
            "`{}` begins with {}, `{}` goes on with {}; {directory}",
            start.name, start.prompt, reply.name, reply.prompt
        ),
    );
    text += &line("id", format!("told {place} (`{}`), taken at {id}; {}", found.id, unknown(&found.unknown)));
    text += &line("model", reached(profile, found));
    text += &line("restart", restarted(found));
    text += &line("level", level(profile));
    let out = args.out.display();
    let next = match args.out == Path::new(PROFILES_FILE) {
        true => "`rehydra run` plays the suite on it".to_owned(),
        false => format!("move it to ./{PROFILES_FILE} for `rehydra run`"),
    };
    text + &format!("\nwrote {out}; next: {next}\n")
}

fn unknown(unknown: &Unknown) -> String {
    match unknown {
        Unknown::Refused { text, pattern: Some(_) } => format!("an unknown one gets `{text}`"),
        Unknown::Refused { text, pattern: None } => format!("an unknown one gets another error each time, as `{text}`"),
        Unknown::Answered => "an unknown one is answered as if it were known".to_owned(),
        Unknown::Ignored => "an unknown one goes on with another's conversation".to_owned(),
        Unknown::Silent => "an unknown one gets no answer".to_owned(),
    }
}

fn reached(profile: &Profile, found: &Found) -> String {
    let names: Vec<&str> = profile.env.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = match names.is_empty() {
        true => "its requests come to the stub by CODEX_HOME alone".to_owned(),
        false => format!("its requests come to the stub with {}", names.join(" and ")),
    };
    if !found.hosts.is_empty() {
        text.push_str(&format!("; it also asked for {}, which a run refuses", found.hosts.join(", ")));
    }
    if found.strays > 0 {
        text.push_str(&format!(
            "; {} of them held no prompt, which a run refuses unless the scenario has a [[model]] for them",
            found.strays
        ));
    }
    text
}

/// What it says of a directory that is gone, as the end of a sentence.
fn noted(noted: &Noted) -> &'static str {
    match noted {
        Noted::Told { .. } => "; that the directory was gone was told",
        Noted::Untold => "; that the directory was gone was not told",
        Noted::Refused(_) => "; a conversation whose directory is gone is refused",
        Noted::Unknown => "",
    }
}

fn restarted(found: &Found) -> String {
    let mut text = match &found.restart {
        Restart::Whole(Identity::Same) => "after kill -9 the whole conversation came back under its id".to_owned(),
        Restart::Whole(Identity::New) => "after kill -9 the whole conversation came back under a new id".to_owned(),
        Restart::Part => "after kill -9 a part of the conversation came back".to_owned(),
        Restart::Blank => "after kill -9 it answered with an empty history".to_owned(),
        Restart::Refused(text) => format!("after kill -9 the conversation did not come back: `{text}`"),
        Restart::Silent => "after kill -9 it did not answer".to_owned(),
        Restart::NotOpened(_) => "after kill -9 it could not be started again".to_owned(),
    };
    text.push_str(noted(&found.noted));
    match found.left {
        0 => {}
        1 => text.push_str("; 1 process outlived it"),
        n => text.push_str(&format!("; {n} processes outlived it")),
    }
    text
}

fn level(profile: &Profile) -> String {
    let level = match profile.level {
        Level::Core => "core; its tools are its own",
        Level::CodexCompatible => "codex-compatible; it has Codex's tools",
    };
    let files = if profile.rollouts { "it keeps Codex's rollouts" } else { "it keeps no rollouts of Codex" };
    format!("{level}, and {files}")
}

/// What is being tried, on one line of a terminal that the next replaces.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new() -> Progress {
        Progress { shown: std::io::stderr().is_terminal() }
    }

    fn tell(&self, text: &str) {
        if self.shown {
            out::complain(&format!("\r\u{1b}[K{}", neutral::line(text, report::columns().saturating_sub(2))));
        }
    }

    fn end(&self) {
        if self.shown {
            out::complain("\r\u{1b}[K");
        }
    }
}
