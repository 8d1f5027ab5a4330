//! From what a test wants to a run that has begun.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::suite::limits_for;
use super::targets::names;
use super::{Error, Harness};
use crate::check::Invariant;
use crate::limits::Limits;
use crate::player::{Live, Plan};
use crate::scenario::{PROFILES_FILE, Scenario};
use crate::target::resolve::{Resolved, TargetName};
use crate::world::{Clock, RealClock};

/// Where runs are made unless somebody says otherwise; the same as `rehydra run`'s.
pub(super) const RUNS: &str = ".rehydra";

/// What a [`Harness`] is started with.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Builder {
    target: Asked,
    name: Option<String>,
    proves: Vec<Invariant>,
    limits: Option<Limits>,
    runs: PathBuf,
    keep: bool,
    rehydra: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Asked {
    Name(String),
    Command(String),
}

impl Builder {
    pub(super) fn new() -> Builder {
        Builder {
            target: Asked::Name("builtin".to_owned()),
            name: None,
            proves: vec![Invariant::Rehydrates, Invariant::Durable],
            limits: None,
            runs: RUNS.into(),
            keep: false,
            rehydra: None,
        }
    }

    /// A target by the name that `rehydra run --target` takes, one in `./rehydra.toml` among them; `builtin` if nothing is
    /// said.
    pub fn target(mut self, name: &str) -> Builder {
        self.target = Asked::Name(name.to_owned());
        self
    }

    /// A server with Codex's tools, by its command line, quoted as for a shell. Its program and files are found from the
    /// current directory; it is started in another one, with an environment of its own.
    pub fn command(mut self, command: &str) -> Builder {
        self.target = Asked::Command(command.to_owned());
        self
    }

    /// What reports call the run; the name of the current thread, which is the test's under `cargo test`, if nothing is
    /// said.
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// What the story is there to prove: `rehydrates` and `durable` if nothing is said. Every promise is judged; one of
    /// these that could not be, because the story gave nothing to look at, makes the verdict an error.
    pub fn proves(mut self, invariants: impl IntoIterator<Item = Invariant>) -> Builder {
        self.proves = invariants.into_iter().collect();
        self
    }

    /// The limits of the run, whatever the target's profile says.
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.limits = Some(limits);
        self
    }

    /// Where the run's directory is made, if not below `.rehydra`.
    pub fn runs(mut self, dir: impl Into<PathBuf>) -> Builder {
        self.runs = dir.into();
        self
    }

    /// Keep the run's directory even if nothing needs attention.
    pub fn keep(mut self) -> Builder {
        self.keep = true;
        self
    }

    /// The `rehydra` binary to start processes with. Without it: `REHYDRA_BIN`, else `CARGO_BIN_EXE_rehydra`, else this
    /// program if it is `rehydra` or [answers for it](crate::proc::answer_for_rehydra), else the first on PATH.
    pub fn rehydra_bin(mut self, path: impl Into<PathBuf>) -> Builder {
        self.rehydra = Some(path.into());
        self
    }

    /// Finds or installs the target, and makes the run's directory, its home and the stub model. The server itself is
    /// started by the first call, so that the home can be prepared before. Must be called within a tokio runtime that
    /// has time and IO enabled.
    ///
    /// # Errors
    ///
    /// There is no such target, it cannot be had on this machine, or the run's directory cannot be made.
    pub async fn start(self) -> Result<Harness, Error> {
        let name = self.target.name()?;
        let (target, rehydra) = resolved(name.clone(), self.rehydra).await?;
        let title = self.name.or_else(|| std::thread::current().name().map(str::to_owned));
        let title = title.unwrap_or_else(|| "by-hand".to_owned());
        let scenario = Scenario {
            name: title.clone(),
            path: None,
            source: String::new(),
            title,
            refs: Vec::new(),
            proves: self.proves,
            needs: Vec::new(),
            models: Vec::new(),
            steps: Vec::new(),
        };
        let made = make_runs(&self.runs).map_err(|error| unmade(&self.runs, error));
        let dir = made.and_then(|()| make_run(&self.runs, &plain(&format!("{}@{}", scenario.name, name.text()))))?;
        let limits = limits_for(self.limits.as_ref(), &target);
        let plan = Plan { launcher: rehydra.as_deref(), ..Plan::new(&scenario, &target, limits, &dir) };
        let live = Live::begin(plan).map_err(|error| Error::Setup(error.to_string()))?;
        Ok(Harness::new(live, scenario, name, dir, self.keep))
    }
}

impl Asked {
    fn name(self) -> Result<TargetName, Error> {
        let (named, commands) = match self {
            Asked::Name(name) => (vec![name], Vec::new()),
            Asked::Command(command) => (Vec::new(), vec![command]),
        };
        let found = names(&named, &commands, Path::new(PROFILES_FILE));
        let found = found.map_err(|wrong| Error::Wrong(wrong.render(false)))?;
        found.into_iter().next().ok_or_else(|| Error::Wrong("there is no target; name one".to_owned()))
    }
}

/// An installation blocks for as long as it takes, so it gets a thread of its own.
async fn resolved(name: TargetName, rehydra: Option<PathBuf>) -> Result<(Resolved, Option<PathBuf>), Error> {
    let resolving = tokio::task::spawn_blocking(move || (name.resolve_with(rehydra.as_deref()), rehydra));
    let (found, rehydra) = resolving.await.map_err(|error| Error::Setup(error.to_string()))?;
    Ok((found.map_err(|error| Error::Setup(error.to_string()))?, rehydra))
}

/// Makes the directory that holds runs, if it is not there. `git` passes over whatever lies in one that is made here: a
/// directory that was there before is somebody's own.
fn make_runs(runs: &Path) -> io::Result<()> {
    let is_new = !runs.exists();
    fs::create_dir_all(runs)?;
    if is_new { fs::write(runs.join(".gitignore"), "*\n") } else { Ok(()) }
}

/// The directory of what this process plays now, named by time and process; with what went wrong comes the name.
pub(crate) fn make_dated(runs: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let stamp = RealClock::default().now().strftime("%Y%m%dT%H%M%S").to_string();
    let dir = runs.join(format!("{stamp}-{}", std::process::id()));
    match make_runs(runs).and_then(|()| fs::create_dir_all(&dir)) {
        Ok(()) => Ok(dir),
        Err(error) => Err((dir, error)),
    }
}

/// A new directory for one run: numbered where another run has the name.
pub(super) fn make_run(runs: &Path, name: &str) -> Result<PathBuf, Error> {
    let mut n = 1;
    loop {
        let dir = runs.join(if n == 1 { name.to_owned() } else { format!("{name}~{n}") });
        match fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => n += 1,
            Err(error) => return Err(unmade(runs, error)),
        }
    }
}

pub(super) fn unmade(runs: &Path, error: io::Error) -> Error {
    Error::Setup(format!("failed to make a run's directory in {}: {error}; choose another place", runs.display()))
}

/// A name as one part of a path, which the artifact stores of CI systems take as well: not all of them take a colon.
pub(crate) fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.@=".contains(c) { c } else { '.' };
    let text: String = name.chars().map(plain).take(100).collect();
    if text.starts_with('.') { format!("_{text}") } else { text }
}
