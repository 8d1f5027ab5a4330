//! The `codex` that stands first on a foreign server's PATH.
//!
//! Servers that wrap Codex start it with options of their own, and some let it ignore its configuration. So that they meet
//! the stub all the same, the run's directory has a `bin/` with a program `codex` in it: a script that runs our own binary,
//! which adds the run's overrides to the arguments (see [`Overrides`]), writes down that it was asked for, and becomes the
//! real one. Process, pipes and signals are the real one's from there on.
//!
//! Its environment is what the server gave it, with three things seen to: the stub's token is there, however little a
//! server hands on; so are `CODEX_HOME` and the run's proxies where the server dropped them. A server that starts Codex
//! by a path of its own, or through `npx`, goes past all this; its configuration lies in the run's home in any case.
//!
//! The token lies in a file of its own, which is removed with [`StandIn`], so that no kept run holds it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::codex::install::Installed;
use crate::codex::overrides::Overrides;
use crate::journal::{Journal, Kind, Lane, Launched};
use crate::limits::{LAUNCHES, LAUNCHES_BYTES};

/// The directory in a run's directory.
const DIR: &str = "bin";
const PLAN: &str = "codex.json";
const TOKEN: &str = "token";
const LAUNCHED: &str = "launched.jsonl";
/// Most arguments of a launch that are told, and most characters of one.
const ARGS: usize = 64;
const ARG_CHARS: usize = 400;

/// Why there is no Codex for a server that asks for one.
const NONE: &str =
    "no Codex is known to this run; install one, or name it in rehydra.toml as `codex = \"codex@VERSION\"`";

/// What the script's run is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    codex: Option<Found>,
    overrides: Overrides,
    token_var: String,
    /// Variables that are set where the server has dropped them.
    env: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    program: PathBuf,
    version: String,
}

/// What is needed to stand in for a Codex.
#[derive(Clone, Debug)]
pub struct Casting<'a> {
    /// The run's directory.
    pub run: &'a Path,
    /// The `rehydra` binary.
    pub launcher: &'a Path,
    /// The real one, if there is one.
    pub codex: Option<&'a Installed>,
    /// The text of the home's `config.toml`.
    pub config: &'a str,
    /// The variable that holds the stub's token, and the token.
    pub token: (&'a str, &'a str),
    /// Variables that are set where the server has dropped them.
    pub env: Vec<(String, String)>,
}

/// A `codex` in a run's directory.
#[derive(Debug)]
pub struct StandIn {
    dir: PathBuf,
}

impl StandIn {
    /// Makes it.
    pub fn create(casting: &Casting<'_>) -> io::Result<StandIn> {
        let dir = casting.run.join(DIR);
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        let stand_in = StandIn { dir };
        let found = |codex: &Installed| Found { program: codex.native.clone(), version: codex.version.to_string() };
        let plan = Plan {
            codex: casting.codex.map(found),
            overrides: Overrides::of(casting.config),
            token_var: casting.token.0.to_owned(),
            env: casting.env.clone(),
        };
        let word = |path: &Path| -> io::Result<String> {
            let text = path.to_str().and_then(|text| shlex::try_quote(text).ok());
            text.map(|text| text.into_owned()).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("{} cannot stand in a shell script", path.display()),
                )
            })
        };
        let script = format!("#!/bin/sh\nexec {} __codex {} \"$@\"\n", word(casting.launcher)?, word(&stand_in.dir)?);
        write(&stand_in.dir.join(PLAN), 0o600, serde_json::to_string(&plan)?.as_bytes())?;
        write(&stand_in.dir.join(TOKEN), 0o600, casting.token.1.as_bytes())?;
        write(&stand_in.dir.join("codex"), 0o700, script.as_bytes())?;
        Ok(stand_in)
    }

    /// The directory that comes first in PATH.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Its token is worth nothing once the stub is gone; a file that stays is no reason to fail.
        let _ = fs::remove_file(self.dir.join(TOKEN));
    }
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(bytes)
}

/// The stand-in could not become the real one.
#[derive(Debug, thiserror::Error)]
#[error("rehydra stands in for codex here: {0}")]
pub struct StandInError(String);

/// Becomes the real Codex; returns only if that fails. `args` is the stand-in's directory, then the arguments of `codex`.
pub fn become_codex(args: &[OsString]) -> StandInError {
    match prepare(args) {
        Ok(mut command) => {
            let error = command.exec();
            StandInError(format!("failed to start {}: {error}", command.get_program().display()))
        }
        Err(text) => StandInError(text),
    }
}

fn prepare(args: &[OsString]) -> Result<Command, String> {
    let [dir, args @ ..] = args else { return Err("it is called by its script alone".to_owned()) };
    let dir = Path::new(dir);
    let read =
        |file: &str| fs::read_to_string(dir.join(file)).map_err(|error| format!("its run is over ({file}: {error})"));
    let plan: Plan = serde_json::from_str(&read(PLAN)?).map_err(|error| format!("its plan is damaged: {error}"))?;
    let token = read(TOKEN)?;
    let Some(Found { program, version }) = plan.codex else { return Err(NONE.to_owned()) };
    // Codex takes no argument that is not UTF-8 either.
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let kept = args.iter().take(ARGS).map(|arg| arg.chars().take(ARG_CHARS).collect()).collect();
    let launched = Launched { program: program.display().to_string(), version, args: kept };
    // What cannot be written down is not a reason to let the server down.
    let _ = note(&dir.join(LAUNCHED), &launched);
    let mut command = Command::new(&program);
    command.args(plan.overrides.among(&args)).env(&plan.token_var, token);
    for (name, value) in plan.env {
        if std::env::var_os(&name).is_none() {
            command.env(name, value);
        }
    }
    Ok(command)
}

/// One write a line, so that two at once do not tear each other's.
fn note(path: &Path, launched: &Launched) -> io::Result<()> {
    let line = serde_json::to_string(launched)? + "\n";
    fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(line.as_bytes())
}

/// What the stand-ins of a run have written down, and how much of it the journal has.
#[derive(Debug, Default)]
pub(super) struct Launches(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    bytes: u64,
    launches: usize,
}

impl Launches {
    /// Journals what is new. Called when a life has ended, so no line is half written by it.
    pub(super) fn tell(&self, journal: &Journal) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(text) = rest(&journal.dir().join(DIR).join(LAUNCHED), told.bytes) else { return };
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            told.bytes += line.len() as u64;
            if let Ok(launched) = serde_json::from_slice::<Launched>(line)
                && told.launches < LAUNCHES
            {
                told.launches += 1;
                journal.append(Lane::Target, Kind::Launched(launched));
            }
        }
    }
}

fn rest(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(LAUNCHES_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codex::version::Version;
    use crate::journal::{Redactor, Run, testing::header};

    fn stand_in(run: &Path, codex: Option<&Installed>) -> StandIn {
        let casting = Casting {
            run,
            launcher: Path::new("/opt/re hydra"),
            codex,
            config: "model = \"m\"\nmodel_provider = \"stub\"\n",
            token: ("STUB_TOKEN", "s3cret-token"),
            env: vec![("CODEX_HOME_OF_A_TEST".into(), "/h".into())],
        };
        StandIn::create(&casting).expect("it can be made")
    }

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_real_one_gets_the_run_s_overrides_and_the_token() {
        let run = tempfile::tempdir().expect("a directory");
        let codex = Installed { version: Version::new(0, 153, 4), native: "/opt/codex".into() };
        let stand_in = stand_in(run.path(), Some(&codex));
        let dir = stand_in.dir().to_str().expect("UTF-8");
        let script = fs::read_to_string(stand_in.dir().join("codex")).expect("a script");
        assert_eq!(script, format!("#!/bin/sh\nexec '/opt/re hydra' __codex {dir} \"$@\"\n"));
        let command = prepare(&words(&[dir, "exec", "hi"])).expect("a command");
        assert_eq!(command.get_program(), "/opt/codex");
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args, ["exec", "hi", "-c", "model=\"m\"", "-c", "model_provider=\"stub\""]);
        let env: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy()).collect();
        assert_eq!(env, ["CODEX_HOME_OF_A_TEST", "STUB_TOKEN"]);
    }

    #[test]
    fn each_start_is_told_once_and_as_the_server_asked_for_it() {
        let run = tempfile::tempdir().expect("a directory");
        let journal = Journal::create(run.path(), &header("", 0), Redactor::new([]), || 0).expect("a journal");
        let codex = Installed { version: Version::new(0, 153, 4), native: "/opt/codex".into() };
        let stand_in = stand_in(run.path(), Some(&codex));
        let launches = Launches::default();
        for prompt in ["one", "two"] {
            let args = [stand_in.dir().as_os_str().to_owned(), "exec".into(), prompt.into()];
            assert!(prepare(&args).is_ok());
            launches.tell(&journal);
        }
        fs::OpenOptions::new()
            .append(true)
            .open(stand_in.dir().join(LAUNCHED))
            .and_then(|mut f| f.write_all(b"{}\n{\"pro"))
            .expect("written");
        launches.tell(&journal);
        let told = Run::read(run.path()).expect("a journal").events;
        let args = told.into_iter().map(|event| match event.kind {
            Kind::Launched(launched) => (launched.version, launched.args),
            other => panic!("{other:?}"),
        });
        let launch = |prompt: &str| ("0.153.4".to_owned(), vec!["exec".to_owned(), prompt.to_owned()]);
        assert_eq!(args.collect::<Vec<_>>(), [launch("one"), launch("two")]);
    }

    #[test]
    fn without_a_codex_or_after_the_run_it_says_so() {
        let run = tempfile::tempdir().expect("a directory");
        let stand_in = stand_in(run.path(), None);
        let dir = stand_in.dir().to_path_buf();
        let call = [dir.clone().into_os_string()];
        assert!(prepare(&call).expect_err("none").contains("codex@VERSION"));
        drop(stand_in);
        assert!(!dir.join(TOKEN).exists());
        assert!(become_codex(&call).to_string().contains("its run is over"));
        assert!(become_codex(&[]).to_string().contains("called by its script"));
    }
}
