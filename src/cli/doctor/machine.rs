//! The machine: our own binary, the kernel, room on disk, the terminal.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};

use super::finding::{Finding, bytes};
use crate::codex::inventory;
use crate::proc::{self, Machine, Rung};

/// Less room than this and runs are likely to break.
const LITTLE_ROOM: u64 = 1 << 30;
/// Less room than this and the first run breaks.
const NO_ROOM: u64 = 64 << 20;
/// Files that a suite with several runs at a time has open, roughly.
const OPEN_FILES: u64 = 512;

/// The binary that is the target `builtin` and starts every target.
pub(super) fn rehydra(findings: &mut Vec<Finding>) -> Option<PathBuf> {
    const NAME: &str = "rehydra";
    let path = match proc::launcher_path(None) {
        Ok(path) => path,
        Err(error) => {
            let help = "put `rehydra` on PATH, or set REHYDRA_BIN to its path";
            findings.push(Finding::fail(NAME, error.to_string(), help));
            return None;
        }
    };
    let ours = format!("rehydra {}", env!("CARGO_PKG_VERSION"));
    let shown = path.display();
    let help = "set REHYDRA_BIN to this release's binary, or unset it";
    match inventory::version_line(&path) {
        Ok(line) if line == ours => {
            let version = env!("CARGO_PKG_VERSION");
            let text = format!("{version}, {shown}: the target `builtin`, and what starts every target");
            findings.push(Finding::ok(NAME, text));
        }
        Ok(line) => {
            findings.push(Finding::warn(NAME, format!("{shown} is `{line}`, and this is `{ours}`"), help));
        }
        Err(why) => {
            findings.push(Finding::fail(NAME, format!("{shown} does not tell its version: {why}"), help));
            return None;
        }
    }
    Some(path)
}

/// What every run rests on.
pub(super) fn kernel(findings: &mut Vec<Finding>) {
    const NAME: &str = "kernel";
    let machine = Machine::probe();
    for missing in &machine.missing {
        let help =
            "use Linux 5.4 or newer; in a container, a seccomp profile or a /proc that hides processes may be why";
        findings.push(Finding::fail(NAME, format!("{} does not work: {}", missing.what, missing.why), help));
    }
    if machine.missing.is_empty() {
        let text = "process groups, process descriptors, adopting orphans, death with the harness";
        findings.push(Finding::ok(NAME, format!("Linux {}: {text}", machine.kernel)));
    }
    if let Some(few) = machine.open_files.filter(|n| *n < OPEN_FILES) {
        let help = format!("raise it with `ulimit -n {OPEN_FILES}`, or play fewer runs at a time with --jobs 1");
        findings.push(Finding::warn(NAME, format!("only {few} files may be open at a time"), help));
    }
}

/// Faults at single writes: how exact they are here.
pub(super) fn writes(findings: &mut Vec<Finding>) {
    const NAME: &str = "writes";
    let writes = Machine::probe().writes;
    let spaces = if writes.user_namespaces { "with" } else { "without" };
    findings.push(match writes.rung() {
        Rung::Exact => Finding::ok(NAME, format!("faults at single writes hit to the byte ({spaces} user namespaces)")),
        Rung::Reopened => {
            let text = "faults at single writes work through files that are opened once more: a short count on a file \
                        that is not appended to is not exact";
            let help = "pidfd_getfd is refused: use Linux 5.6, or allow it in the container (`docker run --cap-add \
                        SYS_PTRACE` does)";
            Finding::warn(NAME, text, help)
        }
        Rung::None(obstacles) => {
            let text = format!("no faults at single writes: {}", obstacles.join(", and "));
            Finding::warn(NAME, text, "scenarios that need `injector` are left out as unsupported")
        }
    });
}

/// Room for the directories of runs.
pub(super) fn room(findings: &mut Vec<Finding>, runs: &Path) {
    const NAME: &str = "disk";
    let help = "make room, or name another directory with `rehydra run --runs DIR`";
    let shown = runs.display();
    let Some(there) = nearest(runs) else {
        return findings.push(Finding::fail(NAME, format!("{shown} cannot be made"), help));
    };
    if let Err(error) = access(&there, Access::WRITE_OK | Access::EXEC_OK) {
        let text = format!("runs cannot be made in {shown}: {}: {error}", there.display());
        return findings.push(Finding::fail(NAME, text, help));
    }
    let free = match statvfs(&there) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => return findings.push(Finding::warn(NAME, format!("room for {shown}: {error}"), help)),
    };
    let text = format!("{} free for runs in {shown}", bytes(free));
    findings.push(match free {
        ..NO_ROOM => Finding::fail(NAME, text, help),
        NO_ROOM..LITTLE_ROOM => Finding::warn(NAME, text, help),
        LITTLE_ROOM.. => Finding::ok(NAME, text),
    });
}

/// The path itself, or the nearest directory above it that is there.
pub(super) fn nearest(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find(|dir| dir.exists()).map(Path::to_owned)
}

/// How reports are shown.
pub(super) fn terminal(findings: &mut Vec<Finding>) {
    let out = std::io::stdout();
    let text = match out.is_terminal() {
        false => "standard output is no terminal: no colours, 100 columns".to_owned(),
        true => {
            let set = |name: &str| std::env::var_os(name).is_some_and(|value| !OsStr::is_empty(&value));
            let colours = if set("NO_COLOR") { "no colours (NO_COLOR)" } else { "colours" };
            format!("{colours}, {} columns", crate::report::columns())
        }
    };
    findings.push(Finding::ok("terminal", text));
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    fn state(runs: &Path) -> Option<State> {
        let mut findings = Vec::new();
        room(&mut findings, runs);
        findings.first().map(|finding| finding.state)
    }

    #[test]
    fn runs_may_be_made_below_what_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(nearest(&dir.path().join("a/b")), Some(dir.path().to_owned()));
        assert_ne!(state(&dir.path().join("a/b")), Some(State::Fail));
    }

    #[test]
    fn a_place_where_nothing_can_be_made_is_a_failure() {
        assert_eq!(state(Path::new("/proc/runs")), Some(State::Fail));
    }
}
