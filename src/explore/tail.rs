//! The scenario of a point: the conversation up to it, the death, and what comes after.

use std::collections::BTreeMap;

use super::points::Point;
use crate::fault::plan::{Action, Fault, Signal, Trigger, Whom};
use crate::journal::{CallKind, DECOY, Kind, Run, Seq};
use crate::model::script::{Output, Response};
use crate::scenario::{
    Approve, Call, Ending, Expect, Expected, Id, MAIN_CLIENT, PowerLoss, Restart, Scenario, Sqlite, Step, StepKind,
};

/// Lives that are begun after the death; each is spoken to once.
pub(super) const LIVES: usize = 2;
/// A thread that is begun after the death where no other is known by an id.
const AFTERWARDS: &str = "afterwards";

/// The scenario of a point of the recorded run. Its name is that of the conversation, because what the player plants
/// follows from the name.
pub(super) fn scenario(whole: &Scenario, run: &Run, point: &Point) -> Scenario {
    let taken = usize::try_from(point.step).unwrap_or(usize::MAX);
    let mut steps: Vec<Step> = whole.steps.iter().take(taken).cloned().collect();
    if let (Some(call), Some(step)) = (point.call, steps.last_mut()) {
        let at = point.at.clone().unwrap_or(Trigger::Sent);
        let kill = Action::Kill { signal: Signal::Kill, whom: Whom::Server };
        let in_step = run.events.iter().filter_map(|event| match &event.kind {
            Kind::Call(other) if other.step == point.step && other.call <= call => Some(other.call),
            _ => None,
        });
        faulted(&mut step.what, in_step.count(), Fault::new(at, kill));
    }
    if let Some(loss) = point.loss {
        steps.push(step(StepKind::PowerLoss(PowerLoss { loss, sqlite: Sqlite::Kept })));
    }
    let threads = known(run, point.cut.before);
    for life in 0..LIVES {
        steps.push(step(StepKind::Restart(Restart::by(Ending::Signal { signal: Signal::Kill, whom: Whom::Server }))));
        match threads.as_slice() {
            [] if life == 0 => steps.push(step(StepKind::Codex(asked(AFTERWARDS)))),
            [] => steps.push(step(StepKind::Reply(asked(AFTERWARDS)))),
            threads => steps.extend(threads.iter().map(|thread| step(StepKind::Reply(asked(thread))))),
        }
    }
    let title = format!("killed at {}", point.what);
    let mut scenario = Scenario { steps, title, ..whole.clone() };
    scenario.source = crate::scenario::to_toml(&scenario);
    scenario
}

/// Gives the `number`-th call of a step a fault, and any outcome.
fn faulted(step: &mut StepKind, number: usize, fault: Fault) {
    let call = match step {
        StepKind::Codex(call) | StepKind::Reply(call) => Some(call),
        StepKind::Together(calls) => calls.get_mut(number.saturating_sub(1)).map(|one| &mut one.call),
        _ => None,
    };
    if let Some(call) = call {
        call.fault = Some(fault);
        call.expect = Expect { outcome: Expected::Any, text: None };
    }
}

/// The threads of which a client had been told an id by then, in their order.
fn known(run: &Run, before: Seq) -> Vec<String> {
    let mut begun: BTreeMap<u32, String> = BTreeMap::new();
    let mut known = Vec::new();
    for event in run.events.iter().take_while(|event| event.seq < before) {
        match &event.kind {
            Kind::Call(call) if call.kind == CallKind::Start => drop(begun.insert(call.call, call.thread.clone())),
            Kind::Answer(answer) if answer.id_returned.is_some() => known.extend(begun.remove(&answer.call)),
            Kind::Placed(placed) if placed.thread != DECOY => known.push(placed.thread.clone()),
            _ => {}
        }
    }
    known
}

fn step(what: StepKind) -> Step {
    Step { line: 0, what }
}

fn asked(thread: &str) -> Call {
    let text = Output::Text { text: "All of this was said.".to_owned(), chunks: 1 };
    Call {
        client: MAIN_CLIENT.to_owned(),
        thread: thread.to_owned(),
        id: Id::Current,
        prompt: "What was said so far?".to_owned(),
        cwd: None,
        sandbox: None,
        approval: None,
        model: vec![Response { output: vec![text], ..Response::default() }],
        fault: None,
        expect: Expect { outcome: Expected::Any, text: None },
        limit_ms: None,
        fill: 0,
        approve: Approve::default(),
    }
}
