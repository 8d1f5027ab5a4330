//! An index over a journal, built once for all checks: turns, the threads they belong to, and what each marker is of.
//!
//! A *turn* here is one call with everything the journal tells of it. Order is the order of the journal, not of clocks.
//! A reply belongs to the thread whose id it was sent with: one that spells a known id in another form belongs to that
//! thread, and one with an id that no thread was ever known by belongs to none. A turn is *restored* if it continues a
//! thread in a life that did not begin it, and *rehydrating* if it is the first such turn there that can have loaded
//! it: an answer that never reached the model loads nothing, so the next call tries again.
//!
//! Where two lives have a thread at once, each goes on in a strand of its own (`branches.rs`), and a turn's past is that
//! of its strand.
//!
//! The journal is outside input: events may be missing, doubled or contradictory. The first of two wins and what names
//! nothing known is passed over; a check then has less to see, and says so.

mod files;

use std::collections::{BTreeSet, HashMap, HashSet};

use super::branches::{Branches, Strand};
use super::origins::Origins;
use super::threads::{Threads, canonical};
use super::turn::{Seen, Turn};
use crate::journal::{
    Answer, Call, CallId, CallKind, DamageDone, Death, Event, FaultFired, IdChoice, Identity, Incarnation, Kind, Life,
    Missed, ModelRequest, Placed, Run, Shown, Snapshot, TargetKind, TargetProfile, Unexpected,
};
use crate::marker::Marker;

/// The story's name of the home that a path in the journal leads to, none for the usual one, and the way from there:
/// `../home-NAME/…`.
fn place(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix("../home-") {
        Some(other) => {
            let (name, below) = other.split_once('/').unwrap_or((other, ""));
            (Some(name), below)
        }
        None => (None, path),
    }
}

/// The kind of the note with which our server says that it branched.
const BRANCHED: &str = "branched_from_live";

/// The index.
#[derive(Debug)]
pub(super) struct View<'r> {
    pub(super) run: &'r Run,
    /// In the order of their calls.
    pub(super) turns: Vec<Turn<'r>>,
    pub(super) threads: Threads<'r>,
    pub(super) placed: Vec<Seen<'r, Placed>>,
    pub(super) damage: Vec<Seen<'r, DamageDone>>,
    pub(super) snapshots: Vec<Seen<'r, Snapshot>>,
    /// Lives that were opened, and where.
    births: Vec<(Incarnation, usize)>,
    pub(super) deaths: Vec<Seen<'r, Death>>,
    pub(super) faults: Vec<Seen<'r, FaultFired>>,
    pub(super) missed: Vec<Seen<'r, Missed>>,
    pub(super) shown: Vec<Seen<'r, Shown>>,
    pub(super) unexpected: Vec<Seen<'r, Unexpected>>,
    /// Requests that belong to no call.
    pub(super) strays: Vec<Seen<'r, ModelRequest>>,
    lives: HashMap<Incarnation, &'r Life>,
    /// The servers of those lives that are of another one than the run's own.
    others: HashMap<Incarnation, &'r TargetProfile>,
    /// Every life that was begun, opened or not.
    begun: BTreeSet<Incarnation>,
    /// In which home an id was told, as the story calls that; an id may be in several.
    homes: HashSet<(String, Option<&'r str>)>,
    /// Those of them whose files the story is moving.
    moving: Vec<(String, Option<&'r str>)>,
    branches: Branches,
    origins: Origins<'r>,
}

impl<'r> View<'r> {
    pub(super) fn new(run: &'r Run) -> View<'r> {
        let mut view = View {
            run,
            turns: Vec::new(),
            threads: Threads::default(),
            placed: Vec::new(),
            damage: Vec::new(),
            snapshots: Vec::new(),
            births: Vec::new(),
            deaths: Vec::new(),
            faults: Vec::new(),
            missed: Vec::new(),
            shown: Vec::new(),
            unexpected: Vec::new(),
            strays: Vec::new(),
            lives: HashMap::new(),
            others: HashMap::new(),
            begun: BTreeSet::new(),
            homes: HashSet::new(),
            moving: Vec::new(),
            branches: Branches::default(),
            origins: Origins::default(),
        };
        let mut by_call = HashMap::new();
        let mut planted = HashMap::new();
        for (at, event) in run.events.iter().enumerate() {
            if let Kind::Planted(p) = &event.kind {
                planted.entry(p.call).or_insert(p);
            }
            view.take(at, event, &mut by_call);
        }
        for turn in &mut view.turns {
            let planted = planted.get(&turn.call.what.call);
            turn.planted = planted.map(|planted| planted.markers.as_slice());
            turn.effects = planted.map(|planted| planted.effects.as_slice()).unwrap_or_default();
        }
        view.origins = Origins::of(&view.placed, &view.turns);
        view.find_restored();
        view
    }

    fn take(&mut self, at: usize, event: &'r Event, by_call: &mut HashMap<CallId, usize>) {
        match &event.kind {
            Kind::Placed(placed) => {
                self.homes.insert((canonical(&placed.id), place(&placed.path).0));
                self.threads.learn(&placed.thread, 0, &placed.id, at);
                self.placed.push(Seen::new(at, event, placed));
            }
            Kind::Call(call) if !by_call.contains_key(&call.call) => {
                by_call.insert(call.call, self.turns.len());
                let thread = self.thread_of(call, event.incarnation, at);
                let strand = self.strand_of(call, event.incarnation, thread);
                self.turns.push(Turn {
                    call: Seen::new(at, event, call),
                    answer: None,
                    requests: Vec::new(),
                    settings: Vec::new(),
                    planted: None,
                    effects: &[],
                    thread,
                    strand,
                    branches: false,
                    restored: false,
                    rehydrating: false,
                });
            }
            Kind::Answer(answer) => {
                let Some(n) = by_call.get(&answer.call).copied() else { return };
                self.answered(n, Seen::new(at, event, answer));
            }
            Kind::ModelRequest(request) => {
                let seen = Seen::new(at, event, request);
                match request.call.and_then(|c| by_call.get(&c)).and_then(|n| self.turns.get_mut(*n)) {
                    Some(turn) => turn.requests.push(seen),
                    None => self.strays.push(seen),
                }
            }
            Kind::Settings(settings) => {
                if let Some(turn) = by_call.get(&settings.call).and_then(|n| self.turns.get_mut(*n)) {
                    turn.settings.push(Seen::new(at, event, settings));
                }
            }
            Kind::Damage(damage) => {
                self.put_elsewhere(damage);
                self.damage.push(Seen::new(at, event, damage));
            }
            Kind::Snapshot(snapshot) => self.snapshots.push(Seen::new(at, event, snapshot)),
            Kind::Spawn(spawn) => {
                self.begun.insert(event.incarnation);
                if let Some(target) = &spawn.target {
                    self.others.entry(event.incarnation).or_insert(target);
                }
            }
            Kind::Life(life) => {
                self.begun.insert(event.incarnation);
                self.births.push((event.incarnation, at));
                self.lives.entry(event.incarnation).or_insert(life);
            }
            Kind::Death(death) => self.deaths.push(Seen::new(at, event, death)),
            Kind::Shown(shown) => self.shown.push(Seen::new(at, event, shown)),
            Kind::Fault(fault) => self.faults.push(Seen::new(at, event, fault)),
            Kind::Missed(missed) => self.missed.push(Seen::new(at, event, missed)),
            Kind::Unexpected(unexpected) => self.unexpected.push(Seen::new(at, event, unexpected)),
            _ => {}
        }
    }

    /// The strand that a call goes on with: the one that its id is of. Where the client holds the mapping of ids, an id
    /// leads to what that client was told last.
    fn strand_of(&self, call: &Call, life: Incarnation, thread: Option<&str>) -> Strand {
        if self.target(life).kind == TargetKind::CodexFork {
            let mut own = self.turns.iter().rev().filter(|t| t.thread == thread && t.call.what.client == call.client);
            if let Some(turn) = own.find(|t| t.is_reply()) {
                return turn.strand;
            }
        }
        call.id_sent.as_ref().and_then(|id| self.threads.strand(id)).unwrap_or_default()
    }

    /// The turn `n` was answered: its thread may have an id more, and a strand.
    fn answered(&mut self, n: usize, answer: Seen<'r, Answer>) {
        let branches = self.turns.get(n).is_some_and(|turn| self.parts(turn, answer));
        let Some(turn) = self.turns.get_mut(n).filter(|turn| turn.answer.is_none()) else { return };
        turn.answer = Some(answer);
        if branches {
            let asked = turn.requests.first().map_or(turn.call.at, |request| request.at);
            turn.strand = self.branches.begin(turn.strand, turn.call.at, asked);
            turn.branches = true;
        }
        if let (Some(thread), Some(id)) = (turn.thread, &answer.what.id_returned) {
            self.threads.learn(thread, turn.strand, id, answer.at);
            // An error may repeat the id that it was given, wherever that is of.
            let repeats = answer.what.id_returned == turn.call.what.id_sent;
            if turn.is_reply() || !repeats {
                let life = turn.call.incarnation;
                self.homes.insert((canonical(id), self.home(life)));
            }
        }
    }

    /// Whether this answer leaves the strand of its turn, which another life goes on with.
    fn parts(&self, turn: &Turn<'r>, answer: Seen<'r, Answer>) -> bool {
        let (Some(sent), Some(returned)) = (&turn.call.what.id_sent, &answer.what.id_returned) else { return false };
        let renames = self.target(turn.call.incarnation).identity == Identity::New && sent != returned;
        if !renames || self.threads.known_before(returned, answer.at) {
            return false;
        }
        let here = turn.call.incarnation;
        let mut others = (self.turns.iter())
            .filter(|t| t.thread == turn.thread && t.thread.is_some() && t.strand == turn.strand)
            .filter(|t| t.call.incarnation != here && self.is_running(t.call.incarnation, answer.at))
            .filter(|t| t.answer.is_none() || t.is_reply());
        if answer.what.notes.iter().any(|note| note.kind == BRANCHED) {
            return others.next().is_some();
        }
        // A life that a fault of this step may have ended by now is nobody's evidence.
        let step = turn.call.what.step;
        others.any(|t| t.is_reply() && !self.is_hit(t.call.incarnation, step))
    }

    /// Whether a life had been opened and had not ended at that point.
    pub(super) fn is_running(&self, life: Incarnation, at: usize) -> bool {
        let born = self.births.iter().any(|(born, when)| *born == life && *when < at);
        born && !self.deaths.iter().any(|death| death.incarnation == life && death.at < at)
    }

    /// Whether another life has the turn's thread when it is sent.
    pub(super) fn is_elsewhere(&self, turn: &Turn<'r>) -> bool {
        let at = turn.call.at;
        let mut theirs = (turn.thread.into_iter())
            .flat_map(|thread| self.turns_of(thread, at))
            .filter(|t| t.call.incarnation != turn.call.incarnation && (t.is_reply() || !t.requests.is_empty()));
        theirs.any(|t| self.is_running(t.call.incarnation, at))
    }

    /// Whether a fault of that step fired in that life.
    fn is_hit(&self, life: Incarnation, step: u32) -> bool {
        let of_step = |t: &&Turn<'r>| t.call.incarnation == life && t.call.what.step == step;
        let fired = |t: &Turn<'r>| self.faults.iter().any(|f| f.what.fired && f.what.call == Some(t.call.what.call));
        self.turns.iter().filter(of_step).any(fired)
    }

    /// The life that a fault was in.
    pub(super) fn life_of(&self, fault: &Seen<'r, FaultFired>) -> Incarnation {
        let turn = self.turns.iter().find(|t| Some(t.call.what.call) == fault.what.call);
        turn.map_or(fault.incarnation, |turn| turn.call.incarnation)
    }

    /// The thread a call belongs to. Only an id written in the scenario can be nobody's: the others were learnt from
    /// the target, if not from an answer then from something it said before. In another home than it is known from every
    /// id is nobody's.
    fn thread_of(&mut self, call: &'r Call, life: Incarnation, at: usize) -> Option<&'r str> {
        if call.id_sent.as_deref().is_some_and(|id| self.is_of_another_home(id, life)) {
            return None;
        }
        match (&call.id_sent, call.id_is) {
            (Some(id), Some(IdChoice::Literal)) => self.threads.owner(id),
            (Some(id), _) => {
                self.threads.learn(&call.thread, 0, id, at);
                Some(&call.thread)
            }
            (None, _) => Some(&call.thread),
        }
    }

    /// The server that a life is of.
    pub(super) fn target(&self, life: Incarnation) -> &'r TargetProfile {
        self.others.get(&life).copied().unwrap_or(&self.run.header.target)
    }

    /// The servers that the run's lives are of; the run's own where none has begun.
    pub(super) fn targets(&self) -> Vec<&'r TargetProfile> {
        let own = &self.run.header.target;
        let has_own = self.begun.iter().any(|life| !self.others.contains_key(life)) || self.others.is_empty();
        let own = has_own.then_some(own);
        own.into_iter().chain(self.begun.iter().filter_map(|life| self.others.get(life).copied())).collect()
    }

    /// The servers of the lives that were there at some time between two points.
    pub(super) fn targets_between(&self, from: usize, to: usize) -> impl Iterator<Item = &'r TargetProfile> {
        let dead = move |life| self.deaths.iter().any(|death| death.incarnation == life && death.at <= from);
        let there = self.births.iter().filter(move |(life, born)| *born < to && !dead(*life));
        there.map(|(life, _)| self.target(*life))
    }

    /// The story's name of a life's home; none for the usual one.
    fn home(&self, life: Incarnation) -> Option<&'r str> {
        self.lives.get(&life).and_then(|life| life.home.as_deref())
    }

    /// The story's name of a life's credential; none for the usual one.
    pub(super) fn credentials(&self, life: Incarnation) -> Option<&'r str> {
        self.lives.get(&life).and_then(|life| life.credentials.as_deref())
    }

    /// Whether an id was told in other homes than that of the life, and never in that one.
    pub(super) fn is_of_another_home(&self, id: &str, life: Incarnation) -> bool {
        let id = canonical(id);
        let here = (id, self.home(life));
        !self.homes.contains(&here) && self.homes.iter().any(|(known, _)| *known == here.0)
    }

    fn find_restored(&mut self) {
        let begun: HashSet<(Incarnation, &str, Strand)> = (self.turns.iter())
            .filter(|t| t.call.what.kind == CallKind::Start)
            .map(|t| (t.call.incarnation, t.call.what.thread.as_str(), t.strand))
            .collect();
        let mut loaded = HashSet::new();
        for turn in &mut self.turns {
            let Some(thread) = turn.thread.filter(|_| turn.call.what.kind == CallKind::Reply) else { continue };
            let here = (turn.call.incarnation, thread, turn.strand);
            turn.restored = !begun.contains(&here);
            turn.rehydrating = turn.restored && !loaded.contains(&here);
            if turn.is_reply() || !turn.requests.is_empty() {
                loaded.insert(here);
            }
        }
    }

    /// The turns of a thread that were sent before `at`, whatever strand they are of.
    pub(super) fn turns_of<'v>(&'v self, thread: &'v str, at: usize) -> impl Iterator<Item = &'v Turn<'r>> {
        self.turns.iter().filter(move |t| t.thread == Some(thread) && t.call.at < at)
    }

    /// The turns of the turn's thread, as far as they may be of its strand, that were sent before `at`.
    pub(super) fn turns_before<'v>(&'v self, turn: &'v Turn<'r>, at: usize) -> impl Iterator<Item = &'v Turn<'r>> {
        let strand = turn.strand;
        let own = self.turns.iter().filter(move |t| t.thread.is_some() && t.thread == turn.thread && t.call.at < at);
        own.filter(move |t| self.branches.may_hold(strand, t.strand, t.call.at))
    }

    /// The answer that acknowledged a turn of the past of `turn` before `at`.
    pub(super) fn acknowledged(&self, turn: &Turn<'r>, past: &Turn<'r>, at: usize) -> Option<Seen<'r, Answer>> {
        past.acknowledged().filter(|a| a.at < at && self.branches.must_hold(turn.strand, past.strand, a.at))
    }

    /// The ids of the turn's strand and of those that it comes from, before the turn was sent, newest first.
    pub(super) fn ids(&self, turn: &Turn<'r>) -> Vec<&str> {
        let Some(thread) = turn.thread else { return Vec::new() };
        let strands = std::iter::successors(Some(turn.strand), |strand| self.branches.parent(*strand));
        strands.flat_map(|strand| self.threads.of_strand(thread, strand, turn.call.at).rev()).collect()
    }

    /// Whether a correct server can continue the thread: it has an acknowledged turn or was placed with a complete one.
    pub(super) fn has_history(&self, turn: &Turn<'r>) -> bool {
        let Some(thread) = turn.thread else { return false };
        let at = turn.call.at;
        self.turns_before(turn, at).any(|t| self.acknowledged(turn, t, at).is_some())
            || self.placed.iter().any(|p| p.what.thread == thread && p.at < at && p.what.complete)
    }

    /// Whether a marker is of another thread than `thread`.
    pub(super) fn is_foreign(&self, marker: &Marker, thread: &str) -> bool {
        self.origins.is_foreign(marker, thread)
    }

    /// Whether the journal tells what planted a marker.
    pub(super) fn is_known(&self, marker: &Marker) -> bool {
        self.origins.is_known(marker)
    }

    /// A marker in words: `the reply of step 2 (rhr-3k9x02ma)`.
    pub(super) fn name(&self, marker: &Marker) -> String {
        self.origins.name(marker)
    }

    /// Several markers in words, the first three of them named.
    pub(super) fn names<'m>(&self, markers: impl IntoIterator<Item = &'m Marker>) -> String {
        self.origins.names(markers)
    }

    /// Turns whose history is judged. In the life that began the thread it is judged as well: a server that loses it
    /// without any restart is no better.
    pub(super) fn continued(&self) -> impl Iterator<Item = &Turn<'r>> {
        self.turns.iter().filter(|t| t.shows_history())
    }

    /// Whether looking at a turn is enough to say that a promise about restarts was kept. Where a story continues a
    /// thread in a later life, only such turns are.
    pub(super) fn settles(&self, turn: &Turn<'r>) -> bool {
        turn.restored || !self.turns.iter().any(|t| t.restored)
    }

    /// Why no history could be looked at.
    pub(super) fn no_history_seen(&self) -> &'static str {
        if self.turns.iter().any(|t| t.restored) {
            "no call to a thread of an earlier life reached the model"
        } else {
            "no thread was continued"
        }
    }
}
