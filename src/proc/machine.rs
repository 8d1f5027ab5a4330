//! What this machine lets a harness do to processes, found out by asking the kernel and never by guessing from its version.
//!
//! Two groups of facts. What every run rests on: process descriptors, adopting orphans, the wish to die with a parent,
//! and seeing one's own children's environments in `/proc`. And what faults at single writes rest on: a seccomp filter
//! that notifies its supervisor, taking a descriptor out of another process, and the permission to trace one's children.
//! Probing changes nothing that outlives this process, starts none, and needs no privileges.

use std::fs;
use std::path::Path;

use rustix::process::{
    ForeignRawFd, PidfdFlags, PidfdGetfdFlags, Resource, getpid, getrlimit, parent_process_death_signal, pidfd_getfd,
    pidfd_open, set_child_subreaper,
};
use rustix::thread::{CapabilitySet, capabilities};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The kernel's release, as `uname -r` prints it; empty where /proc hides it.
    pub kernel: String,
    /// Why a mechanism that every run rests on does not work; empty where all do.
    pub missing: Vec<Missing>,
    /// How many files this process may open; `None` is no limit.
    pub open_files: Option<u64>,
    /// What faults at single writes would find.
    pub writes: WriteFaults,
}

/// A mechanism that does not work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// What it is.
    pub what: &'static str,
    /// What the kernel said.
    pub why: String,
}

/// How well faults at single writes work here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rung {
    /// To the byte: writes are done through the target's own open file.
    Exact,
    /// Through the same file opened once more, because open files cannot be taken. All is exact but a short count, or an
    /// error after a part has landed, on a file that is not open for appending: the target's position stays where it was.
    Reopened,
    /// Not at all; why, each with its remedy.
    None(Vec<&'static str>),
}

/// What faults at single writes find on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteFaults {
    /// Seccomp filters can ask a supervisor (`user_notif`).
    pub user_notification: bool,
    /// `pidfd_getfd` works.
    pub takes_descriptors: bool,
    /// Yama's `ptrace_scope`; `None` without Yama, which is as good as 0. Up to 1 a process may trace its descendants,
    /// which all targets are: what they leave behind is adopted by the harness. With 2 it takes a privilege.
    pub ptrace_scope: Option<u32>,
    /// That privilege (`CAP_SYS_PTRACE`).
    pub may_trace: bool,
    /// Whether an ordinary user may make user namespaces.
    pub user_namespaces: bool,
}

impl WriteFaults {
    /// How well they work.
    pub fn rung(&self) -> Rung {
        let mut obstacles = Vec::new();
        if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            obstacles.push("no filter is written for this architecture (x86-64 and aarch64 have one)");
        }
        if !self.user_notification {
            obstacles.push("seccomp has no user notification (Linux 5.5, CONFIG_SECCOMP_FILTER)");
        }
        if self.ptrace_scope.is_some_and(|scope| scope > 2 || (scope > 1 && !self.may_trace)) {
            obstacles.push("children may not be traced (set kernel.yama.ptrace_scope to 1 or 0)");
        }
        match (obstacles.as_slice(), self.takes_descriptors) {
            ([], true) => Rung::Exact,
            ([], false) => Rung::Reopened,
            _ => Rung::None(obstacles),
        }
    }
}

impl Machine {
    /// Asks the kernel.
    pub fn probe() -> Machine {
        let proc = Path::new("/proc");
        let release = fs::read_to_string(proc.join("sys/kernel/osrelease")).unwrap_or_default();
        Machine {
            kernel: release.trim().to_owned(),
            missing: missing(proc),
            open_files: getrlimit(Resource::Nofile).current,
            writes: write_faults(proc),
        }
    }
}

fn missing(proc: &Path) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut need = |what, tried: Result<(), String>| missing.extend(tried.err().map(|why| Missing { what, why }));
    let kernel = |error: rustix::io::Errno| error.to_string();
    need("process descriptors (Linux 5.3)", pidfd_open(getpid(), PidfdFlags::empty()).map(drop).map_err(kernel));
    need("adopting orphans", set_child_subreaper(Some(getpid())).map_err(kernel));
    need("a signal at a parent's death", parent_process_death_signal().map(drop).map_err(kernel));
    let environ = fs::read(proc.join("self/environ"));
    need("environments in /proc", environ.map(drop).map_err(|error| error.to_string()));
    missing
}

fn write_faults(proc: &Path) -> WriteFaults {
    let text = |path: &str| fs::read_to_string(proc.join(path)).ok();
    let number = |path: &str| text(path)?.trim().parse::<u64>().ok();
    let actions = text("sys/kernel/seccomp/actions_avail").unwrap_or_default();
    let namespaces = number("sys/user/max_user_namespaces").is_some_and(|n| n > 0);
    let forbidden = number("sys/kernel/unprivileged_userns_clone") == Some(0)
        || number("sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1);
    WriteFaults {
        user_notification: actions.split_whitespace().any(|action| action == "user_notif"),
        takes_descriptors: takes_own_descriptor(),
        ptrace_scope: number("sys/kernel/yama/ptrace_scope").and_then(|scope| u32::try_from(scope).ok()),
        may_trace: capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_PTRACE)),
        user_namespaces: namespaces && !forbidden,
    }
}

/// Takes one of our own descriptors, which needs the call and no permission.
fn takes_own_descriptor() -> bool {
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else { return false };
    let number: ForeignRawFd = std::os::fd::AsRawFd::as_raw_fd(&own);
    pidfd_getfd(&own, number, PidfdGetfdFlags::empty()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> WriteFaults {
        let proc = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = proc.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        WriteFaults { takes_descriptors: true, may_trace: false, ..write_faults(proc.path()) }
    }

    #[test]
    fn what_tests_run_on_is_enough_for_runs() {
        let machine = Machine::probe();
        assert_eq!(machine.missing, []);
        assert!(machine.kernel.starts_with(|c: char| c.is_ascii_digit()), "{}", machine.kernel);
    }

    #[test]
    fn a_proc_that_hides_environments_is_told() {
        let missing = missing(Path::new("/nonexistent"));
        assert_eq!(missing.iter().map(|m| m.what).collect::<Vec<_>>(), ["environments in /proc"]);
    }

    #[test]
    fn each_obstacle_to_write_faults_is_told_by_itself() {
        let actions = ("sys/kernel/seccomp/actions_avail", "kill_process trap errno user_notif trace log allow\n");
        let scope = |n: &'static str| ("sys/kernel/yama/ptrace_scope", n);
        let why = |faults: &WriteFaults| match faults.rung() {
            Rung::None(obstacles) => obstacles.concat(),
            other => panic!("{other:?}"),
        };
        assert_eq!(machine(&[actions]).rung(), Rung::Exact);
        assert_eq!(machine(&[actions, scope("1\n")]).rung(), Rung::Exact);
        assert!(why(&machine(&[actions, scope("2\n")])).contains("ptrace_scope"));
        assert!(why(&machine(&[])).contains("user notification"));
        let refused = WriteFaults { takes_descriptors: false, ..machine(&[actions]) };
        assert_eq!(refused.rung(), Rung::Reopened);
    }

    #[test]
    fn who_may_trace_everything_is_stopped_by_the_last_scope_alone() {
        let scope = |n| WriteFaults {
            user_notification: true,
            takes_descriptors: true,
            ptrace_scope: Some(n),
            may_trace: true,
            user_namespaces: false,
        };
        assert_eq!(scope(2).rung(), Rung::Exact);
        assert!(matches!(scope(3).rung(), Rung::None(_)));
    }

    #[test]
    fn user_namespaces_can_be_forbidden_in_three_ways() {
        let most = ("sys/user/max_user_namespaces", "100\n");
        assert!(machine(&[most]).user_namespaces);
        assert!(machine(&[most, ("sys/kernel/unprivileged_userns_clone", "1\n")]).user_namespaces);
        for files in [
            &[("sys/user/max_user_namespaces", "0\n")][..],
            &[most, ("sys/kernel/unprivileged_userns_clone", "0\n")],
            &[most, ("sys/kernel/apparmor_restrict_unprivileged_userns", "1\n")],
        ] {
            assert!(!machine(files).user_namespaces, "{files:?}");
        }
    }
}
