//! The complete form of a copy: everything that was ever said, in order, and the records that say what became of it.
//!
//! What a compaction replaced and a rollback took back stands in the copy as it stood in the source, and so do the
//! compactions, the rollbacks and the events between which turns lie. The model is therefore sent what it would be sent
//! of the source, and people find everything that they ever read. What can not be used is in neither.
//!
//! Each record keeps the time at which it was first written, where one is known. Two never have the same: equal lines
//! would look like one that was written twice.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::draft::Draft;
use super::super::history::{Entry, Fate, NotSent, read_transcript};
use super::super::items;
use super::super::place::{Place, Position};
use super::super::read_error::{ReadError, ReadErrorKind};
use super::super::record::Kind;
use super::super::writer::Writer;
use super::super::{History, Item};
use super::error::RepairErrorKind;
use crate::world::World;

/// Appends all that the thread of `source` ever said. Gives how much of it the model is no longer sent.
pub(super) fn append(
    writer: &mut Writer,
    world: &World,
    source: &Path,
    history: &History,
) -> Result<u64, RepairErrorKind> {
    let unreadable = |error: ReadError| RepairErrorKind::Unreadable(Box::new(error));
    let transcript = read_transcript(&*world.disk, None, source).map_err(unreadable)?.with_turns();
    let live = Live::of(history, transcript.newest_compaction().cloned());
    let mut times = Times { now: world.clock.now(), last: None };
    let mut past = 0;
    for entry in transcript {
        let entry = entry.map_err(|error| unreadable(ReadErrorKind::Io(error).at(source)))?;
        let at = times.of(&entry);
        let drafts = live.drafts(&entry);
        past += u64::from(is_past(&entry) && !drafts.is_empty());
        for (n, draft) in (0..).zip(&drafts) {
            let at = if n == 0 { at } else { times.next() };
            writer.append_at(draft, at).map_err(RepairErrorKind::writing)?;
        }
    }
    Ok(past)
}

/// Something that was said to the model, and is not any more.
fn is_past(entry: &Entry) -> bool {
    matches!(entry.fate, Fate::CompactedAway(_) | Fate::RolledBack(_)) && *entry.kind() != Kind::Event
}

/// The times of the records, each after the one before.
struct Times {
    now: Timestamp,
    last: Option<Timestamp>,
}

impl Times {
    fn of(&mut self, entry: &Entry) -> Timestamp {
        let said = entry.timestamp().and_then(|text| text.parse::<Timestamp>().ok());
        match said.filter(|said| self.last.is_none_or(|last| *said >= after(last))) {
            Some(said) => *self.last.insert(said),
            None => self.next(),
        }
    }

    fn next(&mut self) -> Timestamp {
        *self.last.insert(self.last.map_or(self.now, after))
    }
}

/// The next time that a rollout can tell.
fn after(time: Timestamp) -> Timestamp {
    time.checked_add(SignedDuration::from_millis(1)).unwrap_or(time)
}

/// What the model is sent, by the records that it was made from.
struct Live<'a> {
    items: HashMap<Position, Vec<&'a Item>>,
    newest_compaction: Option<Place>,
}

impl<'a> Live<'a> {
    fn of(history: &'a History, newest_compaction: Option<Place>) -> Live<'a> {
        let mut items: HashMap<Position, Vec<&Item>> = HashMap::new();
        for item in &history.items {
            items.entry(item.place().position()).or_default().push(item);
        }
        Live { items, newest_compaction }
    }

    /// The items made from the record there.
    fn at(&self, place: &Place) -> impl Iterator<Item = Value> {
        self.items.get(&place.position()).into_iter().flatten().map(|item| item.value())
    }

    /// The records that an entry becomes.
    fn drafts(&self, entry: &Entry) -> Vec<Draft> {
        if matches!(entry.fate, Fate::NotSent(NotSent::Unusable | NotSent::Orphan)) {
            return Vec::new();
        }
        match entry.kind() {
            Kind::ResponseItem => {
                let item = entry.value();
                let beside = Draft::event_beside(&item);
                // What stands beside the item itself is the output of a call that has none.
                let added = self.at(&entry.place).skip(1).map(Draft::response_item);
                [Draft::response_item(item)].into_iter().chain(beside).chain(added).collect()
            }
            Kind::Compacted => vec![Draft::other("compacted", self.compaction(entry))],
            Kind::Event => event(entry.value()).into_iter().collect(),
            _ => self.at(&entry.place).map(Draft::response_item).collect(),
        }
    }

    /// A compaction, with the items alone that Codex can send.
    fn compaction(&self, entry: &Entry) -> Value {
        let mut value = entry.value();
        if let Some(Value::Array(history)) = value.get_mut("replacement_history") {
            if self.newest_compaction.as_ref() == Some(&entry.place) {
                *history = self.at(&entry.place).collect();
            } else {
                history.retain(items::is_sent);
            }
        }
        value
    }
}

/// An event that says where turns lie or takes some back; `None` for a rollback that does not say how many.
fn event(payload: Value) -> Option<Draft> {
    let is_rollback = payload.get("type").and_then(Value::as_str) == Some("thread_rolled_back");
    let says = !is_rollback || payload.get("num_turns").is_some_and(Value::is_u64);
    says.then(|| Draft::event(payload))
}
