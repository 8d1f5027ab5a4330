//! Why a scenario is not played on a target: what the story needs and the target, or this build, does not have.
//!
//! A story that cannot come to its point says nothing about a server, so it is not played and shown as unsupported, with
//! the reason. Of a foreign server nothing is known but its profile: one that does not keep its threads as Codex's
//! rollouts cannot be given any, and one that only promises what every server does sends none of Codex's notifications.

use std::sync::LazyLock;

use crate::fault::plan::{Rehydration, Trigger};
use crate::journal::{Level, TargetKind, TargetProfile};
use crate::proc::{self, Machine, Rung};
use crate::scenario::{Call, Id, Need, PathPart, Scenario, StepKind};

/// What is lacking, as the end of a sentence; `None` if the scenario can be played. `env` are the variables that the
/// target's profile sets.
pub(crate) fn lacking(target: &TargetProfile, env: &[(String, String)], scenario: &Scenario) -> Option<String> {
    let mut lacking: Vec<_> = scenario.needs.iter().filter_map(|need| lacks(target.kind, *need)).collect();
    let steps = scenario.steps.iter().map(|step| &step.what);
    if !scenario.watches().is_nothing() {
        lacking.extend(no_injector());
    }
    if !target.rollouts && steps.clone().any(is_about_rollouts) {
        lacking.push(
            "it places or damages rollouts, which the target does not keep; if it does, its profile says \
             `rollouts = true`",
        );
    }
    if !target.rollouts && steps.clone().any(|step| matches!(step, StepKind::PowerLoss(_))) {
        lacking.push("its power loss is one of Codex's session files, which the target does not keep");
    }
    if !target.rollouts && scenario.faults().any(|fault| fault.at.is_about_files()) {
        lacking.push(
            "it waits for what is done to Codex's session files, which the target does not keep; if it does, its profile \
             says `rollouts = true`",
        );
    }
    if target.kind == TargetKind::Foreign && steps.clone().any(sets_retries) {
        lacking.push("it says how often a model is asked again, for which a profile has no place");
    }
    if target.kind == TargetKind::Foreign && target.level == Level::Core && steps.clone().any(waits_for_codex) {
        lacking.push("it waits for a notification of Codex's own, and the target promises the core level only");
    }
    if target.kind == TargetKind::Foreign && target.level == Level::Core && steps.clone().any(respells_an_id) {
        lacking.push("it writes a UUID in other ways, and the target promises the core level only: any id");
    }
    if scenario.takes_permissions() && !proc::permissions_can_bind() {
        lacking.push("it takes permissions away, which do not bind this root; run it as another user");
    }
    if steps.clone().any(|step| takes_away(step, env)) {
        lacking.push("it changes a variable that the target's profile sets");
    }
    if target.kind == TargetKind::Foreign && !scenario.other_targets().is_empty() {
        lacking.push("it goes on with another server, which need not know how the target keeps its threads");
    }
    (!lacking.is_empty()).then(|| lacking.join("; "))
}

/// Why single writes cannot be seen on this machine; asked once.
pub(super) fn no_injector() -> Option<&'static str> {
    static WHY: LazyLock<Option<&'static str>> = LazyLock::new(|| match Machine::probe().writes.rung() {
        Rung::Exact | Rung::Reopened => None,
        Rung::None(why) => Some(why.first().copied().unwrap_or("writes cannot be seen on this machine")),
    });
    *WHY
}

/// Nobody knows of a foreign server what it has.
fn lacks(kind: TargetKind, need: Need) -> Option<&'static str> {
    let ours = matches!(kind, TargetKind::Builtin | TargetKind::BuiltinControl);
    match need {
        Need::Tools => ours.then_some("the embedded engine runs no tools"),
        Need::Approval => ours.then_some("the embedded engine asks for no approvals"),
        Need::Codex => {
            let codex = matches!(kind, TargetKind::CodexMcp | TargetKind::CodexResume | TargetKind::CodexFork);
            (!codex).then_some("it is about releases of Codex, and the target is none")
        }
        Need::Compaction => ours.then_some("the embedded engine does not compact"),
        // Of the machine, and not of a target: see `no_injector`.
        Need::Injector | Need::PowerLoss => None,
        Need::Mcp => {
            let app_server = matches!(kind, TargetKind::CodexResume | TargetKind::CodexFork);
            app_server.then_some("an app-server does not speak MCP")
        }
        Need::LongPrompts => {
            let app_server = matches!(kind, TargetKind::CodexResume | TargetKind::CodexFork);
            app_server.then_some("an app-server takes prompts of up to 1 MiB")
        }
    }
}

fn is_about_rollouts(step: &StepKind) -> bool {
    match step {
        StepKind::Rollout(_) | StepKind::Place(_) | StepKind::Damage(_) => true,
        StepKind::File(file) => {
            let is_home = |path: &&str| *path == HOME;
            file.paths().iter().any(is_home) || file.paths().into_iter().flat_map(PathPart::all).any(is_of_a_rollout)
        }
        _ => false,
    }
}

/// The home, from the run's directory.
const HOME: &str = "home";

fn sets_retries(step: &StepKind) -> bool {
    matches!(step, StepKind::Restart(restart) if restart.retries > 0)
}

fn is_of_a_rollout(part: PathPart<'_>) -> bool {
    matches!(part, PathPart::Rollout(_) | PathPart::Dir(_) | PathPart::Name(_))
}

fn waits_for_codex(step: &StepKind) -> bool {
    let faulted = |call: &Call| call.fault.as_ref().is_some_and(|fault| is_codex_s(&fault.at));
    match step {
        StepKind::Codex(call) | StepKind::Reply(call) => faulted(call),
        StepKind::Together(calls) => calls.iter().any(|one| faulted(&one.call)),
        StepKind::Wait { frame, .. } => frame != ANSWER,
        _ => false,
    }
}

/// Whether a life has another value of what its server needs to be told.
fn takes_away(step: &StepKind, env: &[(String, String)]) -> bool {
    let StepKind::Restart(restart) = step else { return false };
    restart.env.iter().any(|(name, _)| env.iter().any(|(set, _)| set == name))
}

/// Whether a known id is sent in another spelling. Only of a UUID it is known which spellings mean the same.
fn respells_an_id(step: &StepKind) -> bool {
    let spellings = ["{CURRENT}", "{simple}", "urn:uuid:{current}"];
    let respelt = |call: &Call| matches!(&call.id, Id::Literal(id) if spellings.contains(&id.as_str()));
    match step {
        StepKind::Reply(call) => respelt(call),
        StepKind::Together(calls) => calls.iter().any(|one| respelt(&one.call)),
        _ => false,
    }
}

/// The name of the one frame that every server sends.
const ANSWER: &str = "answer";

fn is_codex_s(at: &Trigger) -> bool {
    match at {
        Trigger::Frame { name, .. } => name != ANSWER,
        Trigger::Rehydration(point) => *point == Rehydration::Configured,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::profile;

    fn scenario(steps: &str) -> Scenario {
        let source = format!("rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n\n{steps}");
        Scenario::parse("t", None, &source).unwrap_or_else(|wrong| panic!("{wrong}"))
    }

    fn core() -> TargetProfile {
        let foreign = profile::from_command("server").expect("a command");
        TargetProfile { level: Level::Core, rollouts: false, ..foreign }
    }

    const PLACED: &str = "[[step]]\nrollout = { thread = \"old\", turns = 2, era = \"envelope\" }\n\n\
                          [[step]]\nreply = { thread = \"old\", prompt = \"?\" }\n";
    const CONFIGURED: &str = "[[step]]\ncodex = { prompt = \"a\" }\n\n[[step]]\nrestart = {}\n\n[[step]]\nreply.prompt = \"b\"\n\
                              reply.fault = { at = { rehydration = \"configured\" }, kill = {} }\n";
    const PLAIN: &str = "[[step]]\ncodex = { prompt = \"a\" }\n\n[[step]]\nreply.prompt = \"b\"\n\
                         reply.fault = { at = { frame = \"answer\" }, kill = {} }\n";

    #[test]
    fn a_server_with_files_of_its_own_is_given_no_rollouts() {
        assert!(lacking(&core(), &[], &scenario(PLACED)).is_some_and(|why| why.contains("rollouts = true")));
        let keeps = TargetProfile { rollouts: true, ..core() };
        assert_eq!(lacking(&keeps, &[], &scenario(PLACED)), None);
    }

    #[test]
    fn ids_of_a_core_server_need_not_be_uuids() {
        let spelt = |id: &str| {
            let steps = format!(
                "[[step]]\ncodex = {{ prompt = \"a\" }}\n\n[[step]]\nreply = {{ id = \"{id}\", prompt = \"b\" }}\n"
            );
            lacking(&core(), &[], &scenario(&steps))
        };
        assert!(spelt("{CURRENT}").is_some_and(|why| why.contains("UUID")));
        assert_eq!((spelt("{current}x"), spelt("first")), (None, None));
    }

    #[test]
    fn what_a_profile_sets_is_not_changed_under_a_server() {
        let steps = "[[step]]\ncodex = { prompt = \"a\" }\n\n[[step]]\nrestart.env = { OPENAI_BASE_URL = \"x\" }\n";
        let set = [("OPENAI_BASE_URL".to_owned(), "{stub}/v1".to_owned())];
        assert!(lacking(&core(), &set, &scenario(steps)).is_some_and(|why| why.contains("profile sets")));
        assert_eq!(lacking(&core(), &[], &scenario(steps)), None);
    }

    #[test]
    fn a_core_server_sends_none_of_codex_s_notifications() {
        assert!(lacking(&core(), &[], &scenario(CONFIGURED)).is_some_and(|why| why.contains("Codex's own")));
        assert_eq!(lacking(&core(), &[], &scenario(PLAIN)), None);
        let compatible = TargetProfile { level: Level::CodexCompatible, ..core() };
        assert_eq!(lacking(&compatible, &[], &scenario(CONFIGURED)), None);
    }
}
