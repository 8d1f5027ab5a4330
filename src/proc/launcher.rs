//! The launcher: our own binary, run for a moment between us and the command.
//!
//! `rehydra __exec --parent PID -- CMD ARGS…` asks for `SIGKILL` at the death of its parent, makes sure that the parent
//! has not died before the wish was heard, and becomes the command: same process, same pipes, same environment, no signal
//! ignored. Doing this in a program of our own needs no code between `fork` and `exec`, and so no `unsafe`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, geteuid, getppid, set_parent_process_death_signal};
use rustix::thread::{CapabilitySet, capabilities, capability_is_in_bounding_set, remove_capability_from_bounding_set};

/// A variable of a command's environment that is a wish to the launcher and does not reach the command: permissions of
/// files shall bind it, even if it runs as root.
pub const BOUND_VAR: &str = "REHYDRA_BOUND_BY_PERMISSIONS";

/// By what root reads and writes files whose permissions forbid it.
const BEYOND_PERMISSIONS: [CapabilitySet; 2] = [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH];

/// The last signal of Linux.
const LAST_SIGNAL: i32 = 64;

/// How a launcher's complaint on stderr begins.
pub const LAUNCH_FAILED: &str = "rehydra launcher:";

/// Why the launcher could not become the command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// It was not called as we call it.
    #[error("{LAUNCH_FAILED} this subcommand is for Rehydra's own use; call it as `__exec --parent PID -- COMMAND…`")]
    Usage,
    /// Nobody is left who wants the command.
    #[error("{LAUNCH_FAILED} the harness is gone; `{0}` is not started")]
    ParentGone(String),
    /// The kernel refuses.
    #[error("{LAUNCH_FAILED} failed to ask for a signal at the parent's death: {0}")]
    DeathSignal(io::Error),
    /// Root cannot be bound by permissions.
    #[error("{LAUNCH_FAILED} failed to give up root's way around permissions: {0}; run Rehydra as another user")]
    Capabilities(io::Error),
    /// No such program, or not one that can be run.
    #[error(
        "{LAUNCH_FAILED} failed to start `{program}`: {source}; check the path, or the PATH of the target's environment"
    )]
    Exec {
        /// As it was given.
        program: String,
        /// Why.
        source: io::Error,
    },
}

impl LaunchError {
    /// The exit code that shells give for it: 127 not found, 126 not runnable, 2 wrong usage.
    pub fn exit_code(&self) -> u8 {
        match self {
            LaunchError::Usage => 2,
            LaunchError::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => 127,
            _ => 126,
        }
    }
}

/// Becomes the command; returns only if that fails. `args` is what follows `__exec`.
pub fn exec_launcher(args: &[OsString]) -> LaunchError {
    let [flag, parent, dashes, program, rest @ ..] = args else { return LaunchError::Usage };
    let parent: Option<i32> = parent.to_str().and_then(|text| text.parse().ok());
    let (Some(parent), true) = (parent, flag == "--parent" && dashes == "--") else { return LaunchError::Usage };
    let name = program.to_string_lossy().into_owned();
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return LaunchError::DeathSignal(error.into());
    }
    // Asked after the wish: a parent that dies from here on is told to us by the kernel.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return LaunchError::ParentGone(name);
    }
    if std::env::var_os(BOUND_VAR).is_some()
        && let Err(error) = give_up_what_is_beyond_permissions()
    {
        return LaunchError::Capabilities(error);
    }
    heed_signals();
    LaunchError::Exec { source: Command::new(program).args(rest).env_remove(BOUND_VAR).exec(), program: name }
}

/// A shell lets what it puts into the background ignore the signals of a terminal, and whatever that starts would ignore them
/// too. A signal that has a handler is at its default again in the program that the process becomes.
fn heed_signals() {
    let ignored = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    let is_ignored = |number: &i32| ignored.unwrap_or(0) & (1 << (number - 1)) != 0;
    for number in (1..=LAST_SIGNAL).filter(is_ignored) {
        // The C library keeps two for itself.
        let _ = signal_hook::flag::register(number, Arc::default());
    }
}

/// What is no longer in the bounding set a command of root does not have.
fn give_up_what_is_beyond_permissions() -> io::Result<()> {
    for capability in BEYOND_PERMISSIONS {
        if geteuid().is_root() && capability_is_in_bounding_set(capability)? {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    Ok(())
}

/// Whether commands can be bound by the permissions of files, as [`BOUND_VAR`] asks for.
pub fn permissions_can_bind() -> bool {
    !geteuid().is_root() || capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETPCAP))
}

/// No `rehydra` binary to launch with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LauncherError {
    /// A place that was named holds no program.
    #[error("{place} names {path}, which is not a file; set it to the path of a `rehydra` binary")]
    NotThere {
        /// Who named it.
        place: &'static str,
        /// What it named.
        path: PathBuf,
    },
    /// Nobody named one.
    #[error(
        "found no `rehydra` binary to start processes with: install it (`cargo install rehydra`), put it on PATH, or set \
         REHYDRA_BIN to its path"
    )]
    NotFound,
}

/// The `rehydra` binary: `explicit`, else `REHYDRA_BIN`, else `CARGO_BIN_EXE_rehydra`, else this program if it is called
/// `rehydra` or has said that it [answers for it](answer_for_rehydra), else the first on PATH. Any other program, a user's
/// test binary above all, is never taken: run unasked, it would run its tests again.
pub fn launcher_path(explicit: Option<&Path>) -> Result<PathBuf, LauncherError> {
    let own = std::env::current_exe().ok();
    let is_rehydra = |path: &PathBuf| ANSWERS.load(Ordering::Relaxed) || is_called_rehydra(path.as_path());
    choose(explicit, |name| std::env::var_os(name), own.filter(is_rehydra))
}

/// This process's `main` does, before anything else, what `rehydra` would do when it is called with `__exec`, `__warden`
/// or `serve`: from now on [`launcher_path`] may choose its program.
pub fn answer_for_rehydra() {
    ANSWERS.store(true, Ordering::Relaxed);
}

static ANSWERS: AtomicBool = AtomicBool::new(false);

fn is_called_rehydra(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "rehydra")
}

/// `own` is this program, where it may be chosen.
fn choose(
    explicit: Option<&Path>,
    var: impl Fn(&str) -> Option<OsString>,
    own: Option<PathBuf>,
) -> Result<PathBuf, LauncherError> {
    let named = |place, path: PathBuf| match path.canonicalize() {
        Ok(path) if path.is_file() => Ok(path),
        _ => Err(LauncherError::NotThere { place, path }),
    };
    if let Some(path) = explicit {
        return named("the given path", path.to_owned());
    }
    for place in ["REHYDRA_BIN", "CARGO_BIN_EXE_rehydra"] {
        if let Some(path) = var(place).filter(|path| !path.is_empty()) {
            return named(place, path.into());
        }
    }
    if let Some(path) = own {
        return Ok(path);
    }
    let path = var("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|dir| dir.join("rehydra"));
    found.find_map(|path| path.canonicalize().ok().filter(|p| p.is_file())).ok_or(LauncherError::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<OsString> {
        None
    }

    #[test]
    fn a_foreign_test_binary_is_never_taken() {
        let own = std::env::current_exe().expect("a program");
        assert!(!is_called_rehydra(&own));
        assert!(launcher_path(None).ok().is_none_or(|found| found != own));
    }

    #[test]
    fn places_are_tried_in_the_documented_order() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().canonicalize().expect("its path");
        let file = |name: &str| {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(&path, "").expect("written");
            path
        };
        let (given, bin, cargo, own) = (file("given"), file("bin"), file("cargo"), file("own/rehydra"));
        let on_path = file("path/rehydra");
        let vars = |known: &[&str]| {
            let known: Vec<String> = known.iter().map(|k| (*k).to_owned()).collect();
            let (bin, cargo, path) = (bin.clone(), cargo.clone(), dir.join("path"));
            move |name: &str| {
                known.iter().any(|k| k == name).then(|| match name {
                    "REHYDRA_BIN" => bin.clone().into_os_string(),
                    "CARGO_BIN_EXE_rehydra" => cargo.clone().into_os_string(),
                    _ => path.clone().into_os_string(),
                })
            }
        };
        let all = ["REHYDRA_BIN", "CARGO_BIN_EXE_rehydra", "PATH"];
        assert_eq!(choose(Some(&given), vars(&all), Some(own.clone())).ok(), Some(given.clone()));
        assert_eq!(choose(None, vars(&all), Some(own.clone())).ok(), Some(bin.clone()));
        assert_eq!(choose(None, vars(&all[1..]), Some(own.clone())).ok(), Some(cargo.clone()));
        assert_eq!(choose(None, vars(&all[2..]), Some(own.clone())).ok(), Some(own));
        assert_eq!(choose(None, vars(&all[2..]), None).ok(), Some(on_path));
        assert!(matches!(choose(None, none, None), Err(LauncherError::NotFound)));
    }

    #[test]
    fn a_named_place_without_a_program_is_told() {
        let gone = Path::new("/nonexistent/rehydra");
        let error = choose(Some(gone), none, None).expect_err("not there");
        assert!(error.to_string().contains("/nonexistent/rehydra"), "{error}");
    }

    #[test]
    fn a_call_of_another_form_starts_nothing() {
        let args = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for bad in ["", "--parent 1", "--parent x -- true", "--child 1 -- true", "--parent 1 + true"] {
            let error = exec_launcher(&args(bad));
            assert!(matches!(error, LaunchError::Usage), "{bad}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
