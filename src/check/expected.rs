//! What a restored turn should have received, and what it did receive.
//!
//! Expected are the markers in the last model request of the thread's last acknowledged turn, plus those of the reply
//! to it that the client was told, minus those that the scenario's damage has destroyed since, as the mutator says. For
//! a thread that was placed and has no such turn yet: what its manifest says. Compaction and rollback need no special
//! case, because the request already shows what they left. What power loss takes is not taken out: the server should
//! have synced it.
//!
//! Turns that were under way beside that last one and were acknowledged before it are expected too, although its request
//! may have been made too early to show them; where they belong in the order nobody can say.
//!
//! Beside the expected history stands what *may* be there: the turns that were never acknowledged, whole or cut, and
//! what the model said in the last acknowledged turn without the client being told (tool calls, all messages but the
//! last, reasoning, which a server may also drop when the turn is over).
//!
//! A marker counts where it is carried by an item of the right role: a prompt in a user message, a reply in an
//! assistant's, a call and its output in items of those kinds.

use std::collections::{HashMap, HashSet};

use super::turn::Turn;
use super::view::View;
use crate::journal::{Item, Seq};
use crate::marker::{self, Carrier, Marker};

/// The expected history of one turn.
#[derive(Debug, Default)]
pub(super) struct Expected<'r> {
    /// Each marker once, in the order in which it happened.
    pub(super) order: Vec<Marker>,
    /// What was expected before the scenario's damage destroyed it.
    pub(super) destroyed: Vec<Marker>,
    /// Markers of acknowledged turns that ran beside the last one: expected, but in no particular place.
    pub(super) beside: Vec<Marker>,
    /// What the model said in the last acknowledged turn, told to the client or not.
    said: HashSet<Marker>,
    /// What may be there besides.
    pub(super) unacknowledged: HashSet<Marker>,
    /// Prompts of unacknowledged turns that were sent after the last acknowledged one had ended.
    pub(super) later: Vec<Marker>,
    /// An unacknowledged turn asked the model and the journal does not tell what was planted in the answer.
    pub(super) output_untold: bool,
    /// How often each marker stood in the right role in the request that is the base; absent is once.
    counts: HashMap<Marker, usize>,
    /// The items of that request, none for a placed rollout.
    pub(super) base_items: Option<&'r [Item]>,
    /// What the client was told in the last acknowledged turn.
    pub(super) told: Option<&'r str>,
    /// The events that it was read from.
    pub(super) evidence: Vec<Seq>,
}

impl Expected<'_> {
    /// How often a marker may be in the history.
    pub(super) fn allowed(&self, marker: &Marker) -> usize {
        self.counts.get(marker).copied().unwrap_or(1).max(1)
    }

    /// Everything that happened in this thread, destroyed or not, acknowledged or not.
    pub(super) fn happened(&self) -> HashSet<&Marker> {
        self.all().chain(&self.destroyed).chain(&self.said).chain(&self.unacknowledged).collect()
    }

    /// Everything expected: the order, then what has no place in it.
    pub(super) fn all(&self) -> impl Iterator<Item = &Marker> {
        self.order.iter().chain(&self.beside)
    }
}

/// The history part of a turn's first model request: its items but for the prompt of the turn itself.
#[derive(Debug)]
pub(super) struct Received<'r> {
    pub(super) seq: Seq,
    pub(super) items: Vec<&'r Item>,
    /// Every marker in it, whatever carries it; what the item of the turn's own prompt quotes of the history included.
    pub(super) all: HashSet<&'r Marker>,
    /// Markers in the right role, repeats included, in order.
    pub(super) placed: Vec<&'r Marker>,
    /// How often each of them stands there.
    pub(super) counts: HashMap<&'r Marker, usize>,
    /// Where the turn's own prompt stood among `placed`; none if it was not in the request.
    pub(super) own_prompt_at: Option<usize>,
}

impl Received<'_> {
    /// How often a marker stands in the right role.
    pub(super) fn count(&self, marker: &Marker) -> usize {
        self.counts.get(marker).copied().unwrap_or(0)
    }
}

/// Whether an item may carry such a marker as a part of the conversation.
pub(super) fn carries(item: &Item, marker: &Marker) -> bool {
    let role = item.role.as_deref();
    match marker.carrier() {
        Some(Carrier::Prompt) => role == Some("user") && item.context.is_none(),
        Some(Carrier::Reply) => role == Some("assistant"),
        Some(Carrier::Call) => item.kind.ends_with("_call"),
        Some(Carrier::Output) => item.kind.ends_with("_output"),
        Some(Carrier::Reasoning) => item.kind == "reasoning",
        Some(Carrier::Summary) => true,
        None => false,
    }
}

fn in_right_role(item: &Item) -> impl Iterator<Item = &Marker> {
    item.markers.iter().filter(move |m| carries(item, m))
}

impl<'r> View<'r> {
    /// What the turn received of its thread's history; none if it did not reach the model.
    pub(super) fn received(&self, turn: &Turn<'r>) -> Option<Received<'r>> {
        let request = turn.requests.first()?;
        let own = &turn.call.what.marker;
        let items = &request.what.items;
        let prompt = items.iter().rposition(|i| i.role.as_deref() == Some("user") && i.markers.contains(own));
        let mut received = Received {
            seq: request.seq,
            items: Vec::new(),
            all: HashSet::new(),
            placed: Vec::new(),
            counts: HashMap::new(),
            own_prompt_at: None,
        };
        for (n, item) in items.iter().enumerate() {
            if Some(n) == prompt {
                // A server may put the history into the message of the prompt: then the prompt comes after it.
                let quoted = || item.markers.iter().filter(|m| *m != own);
                received.all.extend(quoted());
                received.placed.extend(quoted().filter(|m| carries(item, m)));
                received.own_prompt_at = Some(received.placed.len());
                continue;
            }
            received.items.push(item);
            received.all.extend(&item.markers);
            received.placed.extend(in_right_role(item));
        }
        for marker in &received.placed {
            *received.counts.entry(marker).or_insert(0) += 1;
        }
        Some(received)
    }

    /// What the turn should receive; none where the journal does not tell (an acknowledged turn without a request).
    pub(super) fn expected(&self, turn: &Turn<'r>) -> Option<Expected<'r>> {
        let thread = turn.thread?;
        let before = turn.call.at;
        let last = (self.turns_before(turn, before))
            .filter_map(|t| self.acknowledged(turn, t, before).map(|a| (a.at, t)))
            .max_by_key(|(at, _)| *at);
        let placed = self.placed.iter().rfind(|p| p.what.thread == thread && p.at < before);
        let mut expected = Expected::default();
        let since = match (last, placed) {
            (Some((at, base)), placed) if placed.is_none_or(|p| p.at < at) => {
                expected.take_turn(base)?;
                self.add_beside(&mut expected, turn, base, at);
                at
            }
            (_, Some(placed)) => {
                expected.order = dedup(&placed.what.markers);
                expected.evidence = vec![placed.seq];
                placed.at
            }
            _ => 0,
        };
        self.take_damage(&mut expected, since, before);
        self.add_unacknowledged(&mut expected, turn, thread, since);
        Some(expected)
    }

    /// Turns acknowledged while the last one was under way. Its request may or may not show them.
    fn add_beside(&self, expected: &mut Expected<'r>, turn: &Turn<'r>, base: &Turn<'r>, base_ended: usize) {
        let ended_meanwhile = |t: &&Turn<'r>| {
            self.acknowledged(turn, t, base_ended).is_some_and(|a| base.call.at < a.at) && !t.requests.is_empty()
        };
        for beside in self.turns_before(turn, base_ended).filter(ended_meanwhile) {
            let told = beside.answer.map(|a| marker::find(&a.what.text)).unwrap_or_default();
            let own = std::iter::once(beside.call.what.marker.clone()).chain(told);
            expected.beside.extend(own.filter(|m| !expected.order.contains(m)));
            expected.said.extend(beside.planted.unwrap_or_default().iter().cloned());
        }
    }

    fn take_damage(&self, expected: &mut Expected<'r>, since: usize, before: usize) {
        let done: HashSet<&Marker> =
            (self.damage.iter()).filter(|d| since < d.at && d.at < before).flat_map(|d| &d.what.destroyed).collect();
        expected.destroyed = expected.order.extract_if(.., |m| done.contains(m)).collect();
        expected.destroyed.extend(expected.beside.extract_if(.., |m| done.contains(m)));
    }

    fn add_unacknowledged(&self, expected: &mut Expected<'r>, turn: &Turn<'r>, thread: &'r str, since: usize) {
        let asked = turn.requests.first().map_or(turn.call.at, |r| r.at);
        let before = turn.call.at;
        expected.unacknowledged.insert(turn.call.what.marker.clone());
        expected.unacknowledged.extend(turn.planted.unwrap_or_default().iter().cloned());
        for other in self.turns_before(turn, asked).filter(|t| t.call.at != before) {
            if self.acknowledged(turn, other, before).is_some() {
                continue;
            }
            let own = &other.call.what.marker;
            if since < other.call.at && other.call.at < before {
                expected.later.push(own.clone());
            }
            expected.unacknowledged.insert(own.clone());
            expected.unacknowledged.extend(other.planted.unwrap_or_default().iter().cloned());
            expected.output_untold |= other.planted.is_none() && !other.requests.is_empty();
            let of_turn = other.requests.iter().skip(1).flat_map(|r| &r.what.items).flat_map(|i| &i.markers);
            expected.unacknowledged.extend(of_turn.filter(|m| !self.is_foreign(m, thread)).cloned());
        }
        for placed in self.placed.iter().filter(|p| p.what.thread == thread && p.at < before) {
            expected.unacknowledged.extend(placed.what.unacknowledged.iter().cloned());
        }
    }
}

impl<'r> Expected<'r> {
    fn take_turn(&mut self, base: &Turn<'r>) -> Option<()> {
        let request = base.requests.iter().rfind(|r| r.what.refused.is_none())?;
        let told = base.answer.map(|a| marker::find(&a.what.text)).unwrap_or_default();
        for marker in request.what.items.iter().flat_map(in_right_role) {
            *self.counts.entry(marker.clone()).or_insert(0) += 1;
        }
        let anywhere: Vec<Marker> = request.what.items.iter().flat_map(|i| &i.markers).cloned().chain(told).collect();
        self.said.extend(base.planted.unwrap_or_default().iter().cloned());
        self.order = dedup(&anywhere);
        self.order.retain(|m| m.carrier() != Some(Carrier::Reasoning) || !self.said.contains(m));
        self.base_items = Some(&request.what.items);
        self.told = base.answer.map(|a| a.what.text.as_str());
        self.evidence = vec![request.seq];
        self.evidence.extend(base.answer.map(|a| a.seq));
        Some(())
    }
}

/// Each marker once, at its first place.
fn dedup(markers: &[Marker]) -> Vec<Marker> {
    let mut seen = HashSet::new();
    markers.iter().filter(|m| seen.insert(*m)).cloned().collect()
}
