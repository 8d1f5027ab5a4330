//! Which promise can apply to which target: the contract's table, as code. A story may go on with another server, so it is
//! asked of the server of a life.
//!
//! What cannot apply is said before anything is looked at and is shown with its reason. Where the same promise takes
//! another form on another target (`new-thread-id` on a server that keeps its ids), the check itself knows the form.

use super::Invariant;
use crate::journal::{Kind, Level, Run, TargetKind, TargetProfile, Watched};

/// Why `invariant` cannot apply to the target, or `None` if it can.
pub fn not_applicable(profile: &TargetProfile, invariant: Invariant) -> Option<&'static str> {
    if invariant.level() == Level::CodexCompatible && profile.level == Level::Core {
        return Some("the target's profile promises the core level only");
    }
    match (invariant, profile.kind) {
        (Invariant::Additive, TargetKind::BuiltinControl) => Some("this target is the control"),
        (Invariant::Additive, kind) if kind != TargetKind::Builtin => {
            Some("this target has no control to compare it with")
        }
        (Invariant::StaleId, TargetKind::CodexFork) => Some("the client, not the server, holds the mapping of ids"),
        (Invariant::SourceKept | Invariant::Lean, _) if !profile.rollouts => {
            Some("the target keeps its threads in files that nobody knows; its profile does not say `rollouts = true`")
        }
        (Invariant::Cwd, TargetKind::Foreign) if profile.tools.start.cwd.is_none() => {
            Some("the target's profile has no place for a thread's directory")
        }
        (Invariant::NoOrphans, _) if profile.daemon => Some("the target's profile declares a daemon"),
        (Invariant::ShownIsSent, kind) if !matches!(kind, TargetKind::CodexResume | TargetKind::CodexFork) => {
            Some("only an app-server shows turns")
        }
        _ => None,
    }
}

/// The part of an invariant that a run does not look at, for reports; `None` if it looks at all of it.
pub fn not_looked_at(run: &Run, invariant: Invariant) -> Option<&'static str> {
    let mut watched = run.events.iter().filter_map(|event| match &event.kind {
        Kind::Spawn(spawn) => Some(spawn.watched),
        _ => None,
    });
    match invariant {
        Invariant::Additive if watched.any(|watched| watched != Watched::Reads) => {
            Some("which session files were read was not looked at: that needs the injector")
        }
        _ => None,
    }
}

/// Whether a rehydration must leave its source byte for byte as it was, rather than append to it.
pub(super) fn source_stays_identical(kind: TargetKind) -> bool {
    matches!(kind, TargetKind::Builtin | TargetKind::BuiltinControl | TargetKind::CodexFork)
}

#[cfg(test)]
mod tests {
    use super::super::testing::profile;
    use super::*;

    #[test]
    fn follows_the_table_of_the_contract() {
        let na = |kind, invariant| not_applicable(&profile(kind), invariant).is_some();
        assert!(!na(TargetKind::Builtin, Invariant::Additive));
        for kind in [TargetKind::BuiltinControl, TargetKind::CodexMcp, TargetKind::CodexFork, TargetKind::Foreign] {
            assert!(na(kind, Invariant::Additive), "{kind:?}");
        }
        assert!(na(TargetKind::CodexFork, Invariant::StaleId));
        assert!(!na(TargetKind::CodexResume, Invariant::StaleId));
        assert!(na(TargetKind::CodexMcp, Invariant::ShownIsSent));
        assert!(!na(TargetKind::CodexResume, Invariant::ShownIsSent));
    }

    #[test]
    fn a_core_profile_is_not_asked_for_codex_s_own_promises() {
        let mut core = profile(TargetKind::Foreign);
        core.level = Level::Core;
        assert!(not_applicable(&core, Invariant::UnknownId).is_some());
        assert!(not_applicable(&core, Invariant::Durable).is_none());
    }

    #[test]
    fn nothing_is_asked_of_a_foreign_server_that_its_profile_cannot_say() {
        let mut own = profile(TargetKind::Foreign);
        let na = |profile: &TargetProfile, invariant| not_applicable(profile, invariant).is_some();
        for invariant in [Invariant::SourceKept, Invariant::Lean, Invariant::Cwd] {
            assert!(!na(&own, invariant), "{invariant}");
        }
        own.rollouts = false;
        own.tools.start.cwd = None;
        for invariant in [Invariant::SourceKept, Invariant::Lean, Invariant::Cwd] {
            assert!(na(&own, invariant), "{invariant}");
        }
    }

    #[test]
    fn a_declared_daemon_is_no_orphan() {
        let mut daemon = profile(TargetKind::Foreign);
        daemon.daemon = true;
        assert!(not_applicable(&daemon, Invariant::NoOrphans).is_some());
    }
}
