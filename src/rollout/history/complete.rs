//! Everything that was ever said in a thread, for people: also what the model is no longer sent.
//!
//! A first walk finds out what becomes of each record, and holds no text. A second one gives the records one by one. So a
//! transcript of any size can be shown, and what is held is a few numbers for each item that the model is sent.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::damage::{Damage, DamageKind};
use super::super::items::{BETWEEN_AGENTS, Use, between_agents};
use super::super::meta::{ReadError, SessionMeta, ThreadMeta};
use super::super::place::{Place, Position};
use super::super::reader::{RawFound, Reader};
use super::super::record::{Kind, RawRecord, Record};
use super::assemble::{carriers_of, pair};
use super::compaction::Brings;
use super::files::Files;
use super::steps::TakenBack;
use super::summary::Summary;
use super::walk::Walk;
use crate::world::Disk;

/// All that a thread said. It is an iterator over [`Entry`], in the order in which it was said.
pub struct Transcript<'a> {
    /// What the newest file says of itself.
    pub meta: SessionMeta,
    /// What the thread is by now, with sources.
    pub thread: ThreadMeta,
    /// What is wrong with the files, each with its place.
    pub damage: Vec<Damage>,
    files: Files<'a>,
    fates: Fates,
    /// Files that are still to be read, the next one last.
    left: Vec<u32>,
    open: Option<(u32, Reader)>,
}

/// One thing that was said or done.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// What became of it.
    pub fate: Fate,
    record: Record,
}

impl Entry {
    /// What it is: [`Kind::ResponseItem`], [`Kind::Compacted`], an [`Kind::Event`] that ends or takes back turns, or an
    /// `inter_agent_communication`.
    pub fn kind(&self) -> &Kind {
        &self.record.kind
    }

    /// When it was written, RFC 3339 in UTC; bare files do not say.
    pub fn timestamp(&self) -> Option<&str> {
        self.record.timestamp.as_deref()
    }

    /// The JSON text of the item, the compaction or the event.
    pub fn raw(&self) -> &str {
        self.record.payload_text()
    }

    /// The same as a value.
    pub fn value(&self) -> Value {
        self.record.payload()
    }
}

/// What became of something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It counts: the model is sent it, or, of a compaction or an event, what follows from it.
    Live,
    /// This compaction replaced it.
    CompactedAway(Place),
    /// This rollback took it out.
    RolledBack(Place),
    /// The model was never sent it, or is not any more.
    NotSent(NotSent),
}

/// Why something is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// By design: a ghost snapshot, a system message.
    ByDesign,
    /// An item of a type that is not known, or one that lacks what its type needs; a compaction that can not be used.
    Unusable,
    /// The output of a call that is not in the history.
    Orphan,
}

/// Reads what the thread whose rollout is `path` ever said. The files that it continues are looked for below the home
/// that `path` lies in, then below `home`.
pub fn read_transcript<'a>(disk: &'a dyn Disk, home: Option<&Path>, path: &Path) -> Result<Transcript<'a>, ReadError> {
    let (files, broken) = Files::on_disk(disk, home, path)?;
    Transcript::of(files, broken)
}

/// The same of bytes in memory, which stand for the file `path`.
pub fn read_transcript_bytes(bytes: Vec<u8>, path: &Path) -> Result<Transcript<'static>, ReadError> {
    let (files, broken) = Files::in_memory(bytes, path)?;
    Transcript::of(files, broken)
}

impl<'a> Transcript<'a> {
    fn of(files: Files<'a>, broken: Vec<Damage>) -> Result<Transcript<'a>, ReadError> {
        let mut walk = Walk::without_texts();
        broken.into_iter().for_each(|damage| walk.damages.tell(damage));
        walk.all(&files, None)?;
        let Walk { meta, mut steps, mut damages, end, .. } = walk;
        let (place, is_bare) = (meta.place().cloned(), meta.is_bare());
        let meta = meta.finish(files.asked(), end, &mut damages)?;
        let summary = Summary { meta: &meta, place: place.as_ref(), is_bare, path: files.asked(), steps: &steps };
        let thread = summary.thread();
        let taken_back = Spans::of(steps.forget_taken_back());
        let compactions: Vec<Place> = steps.compactions().cloned().collect();
        let base = steps.live_from().map(Place::position);
        let carriers = pair(carriers_of(steps, &mut damages), &mut damages);
        let damage = damages.finish(|damage| base.is_some_and(|from| Place::end_of(damage) <= from));
        let live = carriers.iter().map(|carrier| carrier.place.position()).collect();
        let left = files.oldest_first().collect::<Vec<_>>().into_iter().rev().collect();
        let orphans = damage.iter().filter(|damage| damage.kind == DamageKind::OrphanOutput);
        let orphans = orphans.map(Place::start_of).collect();
        let fates = Fates { live, orphans, taken_back, compactions, turns: false };
        Ok(Transcript { meta, thread, damage, files, fates, left, open: None })
    }

    /// The same with the events among its entries that say where a turn begins and where it ends.
    pub(in super::super) fn with_turns(mut self) -> Transcript<'a> {
        self.fates.turns = true;
        self
    }

    /// The last of the compactions that still count.
    pub(in super::super) fn newest_compaction(&self) -> Option<&Place> {
        self.fates.compactions.last()
    }

    /// The files it is read from: the one that was asked for, then its bases. [`Place::file`] counts them.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.files.paths()
    }

    fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            let Some((file, reader)) = self.open.as_mut() else {
                let Some(file) = self.left.pop() else { return Ok(None) };
                self.open = Some((file, self.files.open(file)?));
                continue;
            };
            let file = *file;
            match reader.next_raw()? {
                None => self.open = None,
                Some(RawFound::Damage(_)) => {}
                Some(RawFound::Record(record)) => {
                    let place = Place { file, bytes: record.bytes.clone(), line: record.line };
                    if let Some(fate) = self.fates.of(&place, &record) {
                        return Ok(Some(Entry { place, fate, record: record.to_record() }));
                    }
                }
            }
        }
    }
}

impl Iterator for Transcript<'_> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        let entry = self.next_entry();
        if entry.is_err() {
            (self.open, self.left) = (None, Vec::new());
        }
        entry.transpose()
    }
}

/// What becomes of records, by their places. They are asked for in the order of the thread.
struct Fates {
    live: HashSet<Position>,
    orphans: HashSet<Position>,
    taken_back: Spans,
    /// Those that still count, in order.
    compactions: Vec<Place>,
    /// Where turns begin and end is told as well.
    turns: bool,
}

impl Fates {
    /// What becomes of a record; `None` if it says nothing to people.
    fn of(&mut self, place: &Place, record: &RawRecord<'_>) -> Option<Fate> {
        let own = match &record.kind {
            Kind::ResponseItem => match record.item_facts().use_ {
                Use::Send => None,
                Use::Drop => Some(NotSent::ByDesign),
                Use::Unknown | Use::Bad => Some(NotSent::Unusable),
            },
            Kind::Compacted => {
                let counts = self.compactions.binary_search_by_key(&place.position(), Place::position).is_ok();
                (!counts && Brings::of(record.payload_text()).is_none()).then_some(NotSent::Unusable)
            }
            Kind::Other(kind) if kind == BETWEEN_AGENTS => {
                between_agents(record.payload_text()).is_none().then_some(NotSent::Unusable)
            }
            Kind::Event => {
                let says = record.payload_type()?;
                let tells = match &*says {
                    "thread_rolled_back" | "turn_aborted" => true,
                    "task_started" | "turn_started" | "task_complete" | "turn_complete" => self.turns,
                    _ => false,
                };
                return tells.then_some(Fate::Live);
            }
            _ => return None,
        };
        if let Some(own) = own {
            return Some(Fate::NotSent(own));
        }
        let at = place.position();
        if self.live.contains(&at) || (record.kind == Kind::Compacted && self.is_newest_base(at)) {
            return Some(Fate::Live);
        }
        if let Some(by) = self.taken_back.around(at) {
            return Some(Fate::RolledBack(by.clone()));
        }
        if self.orphans.contains(&at) {
            return Some(Fate::NotSent(NotSent::Orphan));
        }
        let after = self.compactions.partition_point(|compaction| compaction.position() <= at);
        let by = self.compactions.get(after).cloned();
        Some(by.map_or(Fate::NotSent(NotSent::Unusable), Fate::CompactedAway))
    }

    /// A compaction that brings an empty history leaves no item, and counts all the same.
    fn is_newest_base(&self, at: Position) -> bool {
        self.compactions.last().is_some_and(|newest| newest.position() == at)
    }
}

/// What rollbacks took out. A span lies within another or apart from it, for what is taken out is the end of what was there.
struct Spans {
    /// Those that begin further on, the next one last.
    left: Vec<TakenBack>,
    /// Those that the last place looked at lies in, the innermost last.
    open: Vec<TakenBack>,
}

impl Spans {
    fn of(mut spans: Vec<TakenBack>) -> Spans {
        spans.sort_by_key(|span| Reverse((span.from.position(), Reverse(span.to.position()))));
        Spans { left: spans, open: Vec::new() }
    }

    /// The rollback that took out what stands there: the first one, which is that of the innermost span. No place may stand
    /// before the one that was looked at last.
    fn around(&mut self, at: Position) -> Option<&Place> {
        while let Some(span) = self.left.pop_if(|span| span.from.position() <= at) {
            self.close_before(span.from.position());
            self.open.push(span);
        }
        self.close_before(at);
        self.open.last().map(|span| &span.by)
    }

    fn close_before(&mut self, at: Position) {
        while self.open.pop_if(|span| span.to.position() < at).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(at: u64) -> Place {
        Place { file: 0, bytes: at..at + 1, line: None }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

        #[test]
        fn what_was_taken_out_is_told_by_the_first_rollback_that_did_it(turns in proptest::collection::vec(0usize..4, 0..60)) {
            // A zero is a turn that begins, another number a rollback of as many.
            let (mut live, mut spans) = (Vec::new(), Vec::new());
            for (at, back) in (0..).zip(&turns) {
                match live.len().checked_sub(*back) {
                    _ if *back == 0 => live.push(at),
                    Some(kept) if kept < live.len() => {
                        spans.push(TakenBack { from: place(live[kept]), to: place(at), by: place(at) });
                        live.truncate(kept);
                    }
                    _ => {}
                }
            }
            let first = |at: &Place| {
                let holds = |span: &&TakenBack| (span.from.position()..=span.to.position()).contains(&at.position());
                spans.iter().find(holds).map(|span| span.by.clone())
            };
            let told: Vec<_> = (0..turns.len() as u64).map(|at| first(&place(at))).collect();
            let mut by_span = Spans::of(spans);
            for (at, by) in (0..).zip(told) {
                prop_assert_eq!(by_span.around(place(at).position()).cloned(), by);
            }
        }
    }
}
