//! Whether the steps of a scenario make sense one after the other.
//!
//! The steps are walked once with what is certain at each: whether a life is running, which threads there are, in which
//! life each was last used. A finding is only what can be said without playing: a reply to a thread that nobody began, a
//! fault that cannot fire, a promise that nothing in the file puts to the test. Where a step could not be made out, what
//! follows from it is unknown, and nothing is said about it. Faults are held against their own call in `reach.rs`.
//!
//! Each client has lives of its own. `main` begins its first with the first call; any other is there once a step says so.

mod effects;
mod ends;
mod lives;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::conform::Findings;
use super::diagnostic::Diagnostic;
use super::keys::NEEDS;
use super::parse::Told;
use super::reach;
use super::types::{Call, MAIN_CLIENT, Need, StepKind};
use super::view::View;
use crate::check::Invariant;

/// Whether a life is running.
enum Life {
    /// None yet: the first call begins one.
    Before,
    Running,
    /// Ended by the step or the fault that stands there.
    Ended(Range<usize>),
    Unknown,
}

struct Thread {
    /// Where it was begun or placed; `None` for one that somebody took to be there.
    begun: Option<Range<usize>>,
    /// The lives that have it in memory.
    used_in: BTreeSet<u32>,
    /// It may have got a second id.
    rehydrated: bool,
}

/// A client, and its newest life.
struct Client {
    life: Life,
    /// Number of that life.
    number: u32,
}

struct Story<'f> {
    /// By name. Of one that is not in here nothing was said yet.
    clients: BTreeMap<String, Client>,
    /// Number of the newest life of all.
    newest: u32,
    /// The file says that it is about MCP.
    mcp: bool,
    /// The file says that the target runs tools.
    runs_tools: bool,
    threads: BTreeMap<String, Thread>,
    /// A step could not be made out: threads may be there that nobody is seen to begin.
    vague: bool,
    calls: usize,
    faults: usize,
    /// A reply was sent for a thread that its life did not know.
    replied_across: bool,
    into: &'f mut Findings,
}

/// A call, and where its words stand.
struct Asked<'c, 't, 'de> {
    start: bool,
    call: &'c Call,
    view: View<'t, 'de>,
    /// Where it names its thread.
    at: Range<usize>,
}

impl<'c, 't, 'de> Asked<'c, 't, 'de> {
    /// `outer` is the table that holds `codex` or `reply`.
    fn new(start: bool, call: &'c Call, outer: View<'t, 'de>) -> Asked<'c, 't, 'de> {
        let key = if start { "codex" } else { "reply" };
        let view = outer.view(key);
        let at = if view.has("thread") { view.value_span("thread") } else { outer.key_span(key) };
        Asked { start, call, view, at }
    }
}

/// What is said of a name that is none.
const PLAIN: &str = "use letters, digits, `-`, `_` and `.`";

/// Whether a name can be a part of a path, and stands as it is in a shell.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && name != "."
}

/// Adds what does not make sense.
pub(super) fn judge(file: View<'_, '_>, proves: &[Invariant], steps: &[Told<'_, '_>], into: &mut Findings) {
    let torn = into.torn;
    let main = Client { life: Life::Before, number: 1 };
    let needs = file.texts("needs");
    let says = |need| needs.iter().any(|name| NEEDS.value(name) == Some(need)) || !file.sound("needs");
    let (mcp, runs_tools) = (says(Need::Mcp), says(Need::Tools));
    let mut story = Story {
        clients: BTreeMap::from([(MAIN_CLIENT.to_owned(), main)]),
        newest: 1,
        mcp,
        runs_tools,
        threads: BTreeMap::new(),
        vague: torn,
        calls: 0,
        faults: 0,
        replied_across: false,
        into,
    };
    let before = story.into.found.len();
    for told in steps {
        match &told.what {
            Some(what) => story.step(what, told.view),
            None => {
                story.vague = true;
                story.clients.values_mut().for_each(|client| client.life = Life::Unknown);
            }
        }
    }
    // Rounds of a `repeat` are walked twice, and what is wrong with each of them is one thing.
    let mut seen = std::collections::BTreeSet::new();
    let place = |found: &Diagnostic| found.span.clone().map(|span| (span.start, span.end));
    let mut at = 0;
    story.into.found.retain(|found| {
        at += 1;
        at <= before || seen.insert((place(found), found.message.clone()))
    });
    if !story.vague && !steps.is_empty() {
        story.promises(file, proves);
        story.loose_ends(steps);
    }
}

impl Story<'_> {
    fn step(&mut self, what: &StepKind, view: View<'_, '_>) {
        match what {
            StepKind::Codex(call) => self.calls(&[Asked::new(true, call, view)], view.key_span("codex")),
            StepKind::Reply(call) => self.calls(&[Asked::new(false, call, view)], view.key_span("reply")),
            StepKind::Together(calls) => {
                let entries = calls.iter().zip(view.views("together"));
                let calls: Vec<_> = entries.map(|(entry, view)| Asked::new(entry.start, &entry.call, view)).collect();
                self.calls(&calls, view.key_span("together"));
            }
            StepKind::Restart(how) => {
                let restart = view.view("restart");
                self.next_life(how, restart);
                if restart.has("whom") && restart.text("end").as_deref() == Some("eof") {
                    let message = "`whom` says who gets the signal, and `eof` is none".to_owned();
                    self.into.add(restart.key_span("whom"), message, "for nobody", "remove `whom`");
                }
                reach::ladder(how.end.into(), &how.then, restart, self.into);
                self.opened(MAIN_CLIENT, how.opening, restart.value_span("opening"));
            }
            StepKind::Kill { .. } => self.ends(MAIN_CLIENT, view.key_span("kill")),
            StepKind::Eof => self.ends(MAIN_CLIENT, view.key_span("eof")),
            StepKind::Pause { .. } => self.needs_life(MAIN_CLIENT, view.key_span("signal"), "gets the signal"),
            StepKind::Wait { .. } => self.needs_life(MAIN_CLIENT, view.key_span("wait"), "can send a frame"),
            StepKind::Client(step) => self.client(step, view),
            StepKind::PowerLoss(_) => self.power_loss(view),
            StepKind::Rollout(rollout) => {
                let view = view.view("rollout");
                if rollout.spec.compaction.is_some_and(|after| after > rollout.spec.turns) && view.sound("turns") {
                    let message = format!("a rollout of {} turns cannot be compacted later", rollout.spec.turns);
                    let help = "give `compaction` a number of turns that the rollout has";
                    self.into.add(view.value_span("compaction"), message, "after its last turn", help);
                }
                self.begin(&rollout.thread, view.key_span("thread"), None);
            }
            StepKind::Place(place) => {
                let view = view.view("place");
                if let Some(name) = place.file.strip_prefix("fixture:") {
                    self.fixture(name, view.value_span("file"));
                }
                self.begin(&place.thread, view.key_span("thread"), None);
            }
            StepKind::Damage(damage) => self.damage(&damage.thread, view),
            StepKind::File(file) => self.file(file, view),
        }
    }

    /// Calls that are sent at once: each finds what was there before all of them.
    fn calls(&mut self, calls: &[Asked<'_, '_, '_>], key: Range<usize>) {
        self.calls += calls.len();
        for Asked { call, view, .. } in calls {
            self.effects(*view);
            let at = if view.has("client") { view.value_span("client") } else { key.clone() };
            self.needs_life(&call.client, at, "can answer");
            if let Some(client) = self.clients.get_mut(&call.client).filter(|c| matches!(c.life, Life::Before)) {
                client.life = Life::Running;
            }
        }
        for Asked { start, call, view, at } in calls {
            let loaded = if *start { false } else { self.reply(call, *view, at.clone()) };
            let place = reach::Place { start: *start, loaded, alone: calls.len() == 1 };
            reach::judge(call, *view, place, self.into);
        }
        for Asked { start, call, view, at } in calls {
            if *start {
                self.begin(&call.thread, at.clone(), self.clients.get(&call.client).map(|client| client.number));
            } else {
                self.used(call);
            }
            self.faults += usize::from(view.has("fault"));
            self.faulted(call, *view);
        }
    }
}
