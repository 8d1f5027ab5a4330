//! Whether the steps of a scenario make sense one after the other.
//!
//! The steps are walked once with what is certain at each: whether a life is running, which threads there are, in which
//! life each was last used. A finding is only what can be said without playing: a reply to a thread that nobody began, a
//! fault that cannot fire, a promise that nothing in the file puts to the test. Where a step could not be made out, what
//! follows from it is unknown, and nothing is said about it. Faults are held against their own call in `reach.rs`.
//!
//! Each client has lives of its own. `main` begins its first with the first call; any other is there once a step says so.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::builtin;
use super::conform::Findings;
use super::diagnostic::{Diagnostic, quoted};
use super::keys::NEEDS;
use super::parse::Told;
use super::places::PathPart;
use super::reach;
use super::suggest::nearest;
use super::types::{Call, ClientAct, ClientStep, FileStep, Id, MAIN_CLIENT, Need, Restart, StepKind};
use super::view::View;
use crate::check::Invariant;
use crate::fault::client::Opening;
use crate::fault::plan::{Action, Fault};

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

/// Adds what does not make sense.
pub(super) fn judge(file: View<'_, '_>, proves: &[Invariant], steps: &[Told<'_, '_>], into: &mut Findings) {
    let torn = into.torn;
    let main = Client { life: Life::Before, number: 1 };
    let mcp = file.texts("needs").iter().any(|need| NEEDS.value(need) == Some(Need::Mcp)) || !file.sound("needs");
    let mut story = Story {
        clients: BTreeMap::from([(MAIN_CLIENT.to_owned(), main)]),
        newest: 1,
        mcp,
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

    /// Names that cannot be what they are to be.
    fn next_life(&mut self, told: &Restart, restart: View<'_, '_>) {
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && name != ".";
        for (key, name) in [("home", &told.home), ("credentials", &told.credentials)] {
            if let Some(name) = name.as_deref().filter(|name| !plain(name) && restart.sound(key)) {
                let message = format!("`{key}` cannot be called {}", quoted(name));
                self.into.add(
                    restart.value_span(key),
                    message,
                    "no plain name",
                    "use letters, digits, `-`, `_` and `.`",
                );
            }
        }
        for (name, at, _) in restart.pairs("env") {
            if let Some((_, help)) = ITS_OWN.iter().find(|(own, _)| *own == name) {
                self.into.add(at, format!("{} is the run's own", quoted(name)), "not here", *help);
            } else if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("there is no variable {}", quoted(name));
                self.into.add(at, message, "no name", "write a name without `=`");
            }
        }
    }

    fn fixture(&mut self, name: &str, at: Range<usize>) {
        let known = builtin::fixture_names();
        if !known.iter().any(|fixture| fixture == name) {
            let help = format!("there are {}; a file of your own is named by its path alone", known.join(", "));
            self.into.add(at, format!("there is no recording {} in the binary", quoted(name)), "unknown", help);
        }
    }

    /// Calls that are sent at once: each finds what was there before all of them.
    fn calls(&mut self, calls: &[Asked<'_, '_, '_>], key: Range<usize>) {
        self.calls += calls.len();
        for Asked { call, view, .. } in calls {
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

    /// What a call's fault does to the life.
    fn faulted(&mut self, call: &Call, view: View<'_, '_>) {
        let Some(client) = self.clients.get_mut(&call.client) else { return };
        match &call.fault {
            Some(Fault { what: Action::Kill { .. }, .. }) => client.life = Life::Ended(view.key_span("fault")),
            Some(Fault { what: Action::Eof, .. }) if !matches!(client.life, Life::Ended(_)) => {
                client.life = Life::Unknown;
            }
            Some(Fault { what: Action::Cancel | Action::Repeat, .. }) => {
                self.needs_mcp(view.key_span("fault"), "the client writes a frame that only MCP has");
            }
            None if view.has("fault") => client.life = Life::Unknown,
            _ => {}
        }
    }

    fn client(&mut self, step: &ClientStep, view: View<'_, '_>) {
        let key = view.key_span("client");
        let inner = view.view("client");
        match &step.act {
            ClientAct::Open(opening) => {
                let running = self.clients.get(&step.name).is_some_and(|c| matches!(c.life, Life::Running));
                if running && !self.vague {
                    let message = format!("the client {} has a life already", quoted(&step.name));
                    let help = "end it before, or leave this step out";
                    self.into.add(inner.key_span("opening"), message, "still running", help);
                }
                self.opened(&step.name, *opening, inner.value_span("opening"));
            }
            ClientAct::End { end, then } => {
                if inner.has("whom") && inner.text("end").as_deref() == Some("eof") {
                    let message = "`whom` says who gets the signal, and `eof` is none".to_owned();
                    self.into.add(inner.key_span("whom"), message, "for nobody", "remove `whom`");
                }
                reach::ladder((*end).into(), then, inner, self.into);
                self.ends(&step.name, key);
            }
            ClientAct::Send(_) | ClientAct::SendHalf(_) => {
                self.needs_mcp(key.clone(), "a frame of the story's own is one of MCP");
                if self.clients.get(&step.name).is_some_and(|c| matches!(c.life, Life::Before)) && !self.vague {
                    let message = "no life is running that can read it".to_owned();
                    let help = "add a step `client = { opening = \"plain\" }` before it";
                    self.into.add(key.clone(), message, "nobody is there", help);
                }
                match step.act {
                    ClientAct::SendHalf(_) => self.ends(&step.name, key),
                    _ => self.needs_life(&step.name, key, "can read it"),
                }
            }
        }
    }

    /// A client begins a life.
    fn opened(&mut self, name: &str, opening: Opening, at: Range<usize>) {
        if matches!(opening, Opening::ProbeFirst | Opening::ProbeLate) {
            self.needs_mcp(at, "the probe is a frame of MCP");
        }
        self.newest += 1;
        self.clients.insert(name.to_owned(), Client { life: Life::Running, number: self.newest });
    }

    fn needs_mcp(&mut self, at: Range<usize>, why: &str) {
        if !self.mcp && !self.vague {
            let message = format!("{why}, and the story does not say that it needs MCP");
            let help = "add `needs = [\"mcp\"]` at the head of the file";
            self.into.add(at, message, "not in every dialect", help);
            // Told once.
            self.mcp = true;
        }
    }

    /// Judges the thread and the id of a reply; says whether the thread is certainly in the life's memory.
    fn reply(&mut self, call: &Call, view: View<'_, '_>, at: Range<usize>) -> bool {
        if !view.sound("thread") || !needs_thread(&call.id) {
            return false;
        }
        let Some(thread) = self.threads.get(&call.thread) else {
            self.nobody(&call.thread, at);
            return false;
        };
        let client = self.clients.get(&call.client).filter(|client| !matches!(client.life, Life::Unknown));
        let loaded = client.is_some_and(|client| thread.used_in.contains(&client.number));
        if call.id == Id::Previous && !thread.rehydrated && loaded && !self.vague {
            let message = format!("thread {} has only one id so far", quoted(&call.thread));
            let help = "let a restart and a reply come first, or leave `id` out";
            self.into.add(view.value_span("id"), message, "there is no previous one", help);
        }
        self.replied_across |= !loaded;
        loaded
    }

    fn used(&mut self, call: &Call) {
        let number = self.clients.get(&call.client).map_or(0, |client| client.number);
        if let (true, Some(thread)) = (needs_thread(&call.id), self.threads.get_mut(&call.thread)) {
            thread.rehydrated |= thread.used_in.insert(number);
        }
    }

    fn begin(&mut self, name: &str, at: Range<usize>, used_in: Option<u32>) {
        let earlier = self.threads.get(name).and_then(|thread| thread.begun.clone());
        if let Some(earlier) = earlier {
            let message = format!("thread {} is there already", quoted(name));
            let first = (earlier, "begun or placed here");
            let help = "give this one a `thread` name of its own, or continue the other with `reply`";
            self.into.add_because(at, message, "begun a second time", first, help);
        } else if !name.is_empty() {
            let used_in = used_in.into_iter().collect();
            self.threads.insert(name.to_owned(), Thread { begun: Some(at), used_in, rehydrated: false });
        }
    }

    fn nobody(&mut self, name: &str, at: Range<usize>) {
        if self.vague || name.is_empty() {
            return;
        }
        let help = match nearest(name, self.threads.keys().map(String::as_str)) {
            Some(meant) => format!("did you mean {}?", quoted(meant)),
            None => format!("begin it before with `codex`, `rollout` or `place` and `thread = \"{name}\"`"),
        };
        let message = format!("nobody began or placed the thread {}", quoted(name));
        self.into.add(at, message, "not there", help);
        // Told once.
        self.threads.insert(name.to_owned(), Thread { begun: None, used_in: BTreeSet::new(), rehydrated: true });
    }

    fn damage(&mut self, name: &str, view: View<'_, '_>) {
        let damage = view.view("damage");
        if self.clients.values().any(|client| matches!(client.life, Life::Running)) && !self.vague {
            let message = "a rollout is damaged while a life is running".to_owned();
            let help = "add a step `kill = {}` before it, and `restart = {}` after it";
            self.into.add(view.key_span("damage"), message, "the server is still writing", help);
        }
        if damage.sound("thread") && !self.threads.contains_key(name) {
            self.nobody(name, damage.value_span("thread"));
        }
    }

    /// What stands in braces in a path must be something.
    fn file(&mut self, file: &FileStep, view: View<'_, '_>) {
        let at = || view.view("file").value_span(file.name());
        for part in file.paths().into_iter().flat_map(PathPart::all) {
            if let PathPart::Unknown(word) = part {
                let help = "it can be `{rollout}`, `{dir}`, `{name}` or `{id}`, each with `:` and a thread's name if it is not main's";
                self.into.add(at(), format!("`{{{word}}}` stands for nothing in a path"), "unknown", help);
            }
            if let Some(thread) = part.thread().filter(|thread| !self.threads.contains_key(*thread)) {
                self.nobody(thread, at());
            }
        }
    }

    fn power_loss(&mut self, view: View<'_, '_>) {
        let (key, inner) = (view.key_span("power-loss"), view.view("power-loss"));
        if inner.has("byte") && inner.has("data") {
            let message = "`byte` and `data` both say what is left of what was not synced".to_owned();
            self.into.add(inner.key_span("byte"), message, "said twice", "remove one of the two");
        }
        if self.clients.values().all(|client| matches!(client.life, Life::Before)) && !self.vague {
            let message = "no life has begun yet whose writes could be lost".to_owned();
            self.into.add(key.clone(), message, "nothing to lose", "let a call come before it");
        }
        self.clients.values_mut().for_each(|client| client.life = Life::Ended(key.clone()));
    }

    fn ends(&mut self, name: &str, key: Range<usize>) {
        self.needs_life(name, key.clone(), "can be ended");
        if let Some(client) = self.clients.get_mut(name) {
            client.life = Life::Ended(key);
        }
    }

    fn needs_life(&mut self, name: &str, key: Range<usize>, what: &str) {
        let open = "add a step `client` with that `name` and `opening = \"plain\"` before it";
        match self.clients.get_mut(name) {
            _ if self.vague => {}
            Some(client) => {
                let Life::Ended(by) = &client.life else { return };
                let message = format!("no life is running that {what}");
                let because = (by.clone(), "the last one is ended here");
                let help = if name == MAIN_CLIENT { "add a step `restart = {}` before it" } else { open };
                self.into.add_because(key, message, "nobody is there", because, help);
                // Told once.
                client.life = Life::Unknown;
            }
            None => {
                let message = format!("no client {} has begun", quoted(name));
                self.into.add(key, message, "nobody is there", open);
                self.clients.insert(name.to_owned(), Client { life: Life::Unknown, number: 0 });
            }
        }
    }

    /// Promises that nothing in the file puts to the test.
    fn promises(&mut self, file: View<'_, '_>, proves: &[Invariant]) {
        let at = file.key_span("proves");
        if self.calls == 0 {
            let message = "nothing is asked, so there is nothing to prove".to_owned();
            let help = "add a step `codex` or `reply`";
            return self.into.add(at, message, "no call puts it to the test", help);
        }
        if proves.contains(&Invariant::Rehydrates) && !self.replied_across {
            let message = "`rehydrates` is to be proved, and no reply needs a rehydration".to_owned();
            let help = "add a step `restart = {}` before a `reply`, or continue a thread from `place` or `rollout`";
            self.into.add(at.clone(), message, "nothing puts it to the test", help);
        }
        if proves.contains(&Invariant::Reached) && self.faults == 0 {
            let message = "`reached` is to be proved, and no call has a fault".to_owned();
            self.into.add(at, message, "nothing puts it to the test", "give a call a `fault`");
        }
    }

    /// What is prepared after the last call, for nobody.
    fn loose_ends(&mut self, steps: &[Told<'_, '_>]) {
        let is_call = |what: &StepKind| matches!(what, StepKind::Codex(_) | StepKind::Reply(_) | StepKind::Together(_));
        let after = steps.iter().rev().take_while(|told| !told.what.as_ref().is_some_and(is_call));
        if self.calls == 0 {
            return;
        }
        for told in after {
            let key = match told.what {
                Some(StepKind::Rollout(_)) => "rollout",
                Some(StepKind::Place(_)) => "place",
                Some(StepKind::Damage(_)) => "damage",
                Some(StepKind::File(_)) => "file",
                Some(StepKind::PowerLoss(_)) => "power-loss",
                _ => continue,
            };
            let message = format!("no call follows this `{key}`, so nothing can come of it");
            self.into.add(told.view.key_span(key), message, "for nobody", "add a call after it, or remove the step");
        }
    }
}

/// Variables that a run sets itself, and what to do instead.
const ITS_OWN: &[(&str, &str)] = &[
    ("CODEX_HOME", "name another `home`"),
    ("HOME", "leave it to the run, whose directory holds it"),
    ("TMPDIR", "leave it to the run, whose directory holds it"),
    ("TZ", "write `tz`"),
    ("REHYDRA_STUB_TOKEN", "name other `credentials`"),
];

/// Whether the id of a reply is made from the thread's.
fn needs_thread(id: &Id) -> bool {
    match id {
        Id::Current | Id::First | Id::Previous => true,
        Id::Literal(text) => ["{current}", "{CURRENT}", "{simple}"].iter().any(|form| text.contains(form)),
    }
}
