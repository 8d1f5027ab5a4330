//! The model-visible history.
//!
//! Not every record reaches the model, and not every one that did still counts: a compaction replaces what was before
//! it, a rollback takes turns back, and with them a compaction that lies inside them. The rules are those of Codex
//! 0.117 and later, as 0.130, 0.153.4 and 0.169 were seen to follow them (they differ from older versions where those
//! got a compaction inside a rolled-back span wrong).
//!
//! Records are read once, in order, into a list of *steps* that still count; a rollback cuts that list, so what it took
//! back is gone and what it gave back is there again. When a compaction brings its own history, the items before it are
//! let go of and only their places kept: memory follows the live history and not the file. Should a rollback bring
//! such items back, they are read a second time.
//!
//! The file is read as long as it was when it was opened, so a writer at work does no harm.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::damage::{Damage, DamageKind, Damages};
use super::items::{self, Use};
use super::meta::{self, MetaScan, ReadError, ReadErrorKind, SessionMeta, TurnContext};
use super::pairing;
use super::reader::{Found, Reader};
use super::record::{Body, Record};
use super::steps::{Held, Place, Step, Steps};
use crate::world::Disk;

/// What a rollout says once it is read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Its metadata.
    pub meta: SessionMeta,
    /// Its last turn context.
    pub turn_context: Option<TurnContext>,
    /// The thread's cwd: last turn context, else meta, else `<cwd>` of the last environment context, else unknown.
    pub cwd: Option<PathBuf>,
    /// Response items as they go to the model, normalised: calls paired, ghosts dropped.
    pub items: Vec<Value>,
    /// Number of complete turns.
    pub complete_turns: u32,
    /// How many of `items` belong to complete turns (a prefix): the rest is of a turn without an end.
    pub complete_items: usize,
    /// What was wrong with the file, each with its place.
    pub damage: Vec<Damage>,
}

impl History {
    /// The items up to the end of the last complete turn, paired.
    pub fn complete(&self) -> Vec<Value> {
        pairing::pair(self.items.get(..self.complete_items).unwrap_or(&self.items).to_vec())
    }

    /// Something that a turn said can no longer be read.
    pub fn is_lossy(&self) -> bool {
        self.damage.iter().any(|damage| damage.lossy)
    }
}

/// Reads and reconstructs.
pub fn read_history(disk: &dyn Disk, path: &Path) -> Result<History, ReadError> {
    let reader = meta::open(disk, path)?;
    Reconstruction::default().run(reader, path)
}

/// The same over bytes in memory; `path` stands for the file they were read from, whose name may be needed for its id.
pub fn read_history_bytes(bytes: Vec<u8>, path: &Path) -> Result<History, ReadError> {
    Reconstruction::default().run(Reader::from_bytes(bytes), path)
}

#[derive(Default)]
struct Reconstruction {
    meta: MetaScan,
    steps: Steps,
    damages: Damages,
}

/// An item on its way into the history.
struct Carrier {
    value: Value,
    place: Place,
    /// It belongs to a complete turn.
    complete: bool,
}

impl Reconstruction {
    fn run(mut self, mut reader: Reader, path: &Path) -> Result<History, ReadError> {
        let failed = |error| ReadErrorKind::Io(error).at(path);
        while let Some(found) = reader.next_found().map_err(failed)? {
            match found {
                Found::Damage(damage) => self.damages.tell(damage),
                Found::Record(record) => {
                    self.meta.feed(&record, &mut self.damages).map_err(|kind| kind.at(path))?;
                    self.take(record);
                }
            }
        }
        let end = reader.offset();
        self.read_again(&mut reader).map_err(failed)?;
        let meta = self.meta.finish(path, end, &mut self.damages)?;
        let turn_context = self.steps.last_settings().cloned();
        let told_cwd = self.steps.last_told_cwd();
        let cwd = turn_context.as_ref().and_then(|context| context.cwd.clone());
        let cwd = cwd.or_else(|| meta.cwd.clone()).or(told_cwd);
        let (live_from, complete_turns) = (self.steps.live_from(), self.steps.complete_turns());
        let mut damages = self.damages;
        let carriers = pair(carriers_of(self.steps, &mut damages), &mut damages);
        let complete_items = carriers.iter().take_while(|carrier| carrier.complete).count();
        let items = carriers.into_iter().map(|carrier| carrier.value).collect();
        let damage = damages.finish(live_from);
        Ok(History { meta, turn_context, cwd, items, complete_turns, complete_items, damage })
    }

    fn take(&mut self, record: Record) {
        let place = Place { bytes: record.bytes, line: record.line };
        match record.body {
            Body::ResponseItem(item) => match items::use_of(&item) {
                Use::Send => self.steps.item(place, item),
                Use::Drop => {}
                Use::Unknown => self.tell(&place, DamageKind::UnknownItem, true),
                Use::Bad => self.tell(&place, DamageKind::BadItem, true),
            },
            Body::Compacted(payload) => match replacement(&payload) {
                Some(replaces) => self.steps.compaction(place, payload, replaces),
                None => self.tell(&place, DamageKind::BadCompaction, false),
            },
            Body::TurnContext(payload) => self.steps.settings(place, TurnContext::from_payload(&payload)),
            Body::Event(payload) => self.event(&place, &payload),
            // Codex turns it into an item of a form that is not known here.
            Body::Other { kind, .. } if kind == "inter_agent_communication" => {
                self.tell(&place, DamageKind::UnknownItem, true);
            }
            Body::SessionMeta(_) | Body::BareMeta(_) | Body::Bookkeeping(_) | Body::Other { .. } => {}
        }
    }

    fn event(&mut self, place: &Place, payload: &Value) {
        match payload.get("type").and_then(Value::as_str) {
            Some("task_started" | "turn_started") => self.steps.task_started(),
            Some("task_complete" | "turn_complete") => self.steps.task_complete(place.clone()),
            Some("turn_aborted") => self.steps.task_aborted(),
            Some("thread_rolled_back") => match payload.get("num_turns").and_then(Value::as_u64) {
                Some(turns) => self.steps.roll_back(turns),
                None => self.tell(place, DamageKind::NotARecord, true),
            },
            _ => {}
        }
    }

    /// Reads again what a rollback brought back from before a compaction.
    fn read_again(&mut self, reader: &mut Reader) -> std::io::Result<()> {
        let Some(first) = self.steps.first_missing() else { return Ok(()) };
        reader.go_to(first.bytes.start, first.line)?;
        let mut missing = self.steps.missing().peekable();
        while let Some((place, held)) = missing.peek_mut() {
            let Some(found) = reader.next_found()? else { break };
            let Found::Record(record) = found else { continue };
            if record.bytes != place.bytes {
                continue;
            }
            if let Body::ResponseItem(value) | Body::Compacted(value) = record.body {
                **held = Held::Here(value);
            }
            missing.next();
        }
        Ok(())
    }

    fn tell(&mut self, place: &Place, kind: DamageKind, lossy: bool) {
        self.damages.tell(Damage { bytes: place.bytes.clone(), line: place.line, kind, lossy });
    }
}

/// Whether a compaction brings a history of its own; `None` if it is unusable, which one bad item makes it (Codex 0.87
/// and later).
fn replacement(payload: &Value) -> Option<bool> {
    match payload.get("replacement_history") {
        Some(Value::Array(history)) => history.iter().all(|item| items::use_of(item) != Use::Bad).then_some(true),
        None | Some(Value::Null) => payload.get("message").is_some_and(Value::is_string).then_some(false),
        Some(_) => None,
    }
}

/// Walks the steps from the last compaction that brings a history, and gathers the items.
fn carriers_of(steps: Steps, damages: &mut Damages) -> Vec<Carrier> {
    let (before, live) = steps.into_live();
    let mut carriers: Vec<Carrier> = Vec::new();
    let mut any_complete = before > 0;
    for (place, step) in live {
        let mut complete_to_here = false;
        match step {
            Step::Item { value: Held::Here(value), .. } => carriers.push(Carrier { value, place, complete: false }),
            Step::Compaction { value: Held::Here(payload), replaces } => {
                carriers =
                    if replaces { replaced(payload, &place, damages) } else { summarised(&carriers, &payload, &place) };
                complete_to_here = any_complete;
            }
            Step::TurnEnd { counts } => {
                any_complete |= counts;
                complete_to_here = true;
            }
            // A step whose value could not be read again: the file changed under the reader.
            Step::Item { .. } | Step::Compaction { .. } => {
                let kind = DamageKind::BadJson;
                damages.tell(Damage { bytes: place.bytes, line: place.line, kind, lossy: true });
            }
            Step::Settings(_) => {}
        }
        if complete_to_here {
            carriers.iter_mut().for_each(|carrier| carrier.complete = true);
        }
    }
    carriers
}

fn replaced(mut payload: Value, place: &Place, damages: &mut Damages) -> Vec<Carrier> {
    let history = payload.get_mut("replacement_history").map(Value::take).unwrap_or_default();
    let Value::Array(history) = history else { return Vec::new() };
    let mut carriers = Vec::with_capacity(history.len());
    for value in history {
        match items::use_of(&value) {
            Use::Send => carriers.push(Carrier { value, place: place.clone(), complete: false }),
            Use::Drop => {}
            Use::Unknown | Use::Bad => damages.tell(Damage {
                bytes: place.bytes.clone(),
                line: place.line,
                kind: DamageKind::UnknownItem,
                lossy: true,
            }),
        }
    }
    carriers
}

/// How much of the users' own words survives a compaction that brings no history: 20 000 tokens of about 4 bytes.
const KEPT_USER_BYTES: usize = 80_000;

/// A compaction of 0.42 to about 0.80: the newest user messages, then the summary as one more.
fn summarised(carriers: &[Carrier], payload: &Value, place: &Place) -> Vec<Carrier> {
    let mut left = KEPT_USER_BYTES;
    let mut kept = Vec::new();
    for carrier in carriers.iter().rev().filter(|carrier| items::begins_turn(&carrier.value)) {
        let text = items::texts(&carrier.value).collect::<Vec<_>>().join("\n");
        let cut = text.len() > left;
        let value = if cut { user_message(prefix(&text, left)) } else { carrier.value.clone() };
        kept.push(Carrier { value, place: carrier.place.clone(), complete: false });
        left = left.saturating_sub(text.len());
        if cut || left == 0 {
            break;
        }
    }
    kept.reverse();
    let summary = payload.get("message").and_then(Value::as_str).filter(|text| !text.is_empty());
    let value = user_message(summary.unwrap_or("(no summary available)"));
    kept.push(Carrier { value, place: place.clone(), complete: false });
    kept
}

fn user_message(text: &str) -> Value {
    super::draft::message("user", text)
}

/// At most `len` bytes of `text`, cut between characters.
fn prefix(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

fn pair(carriers: Vec<Carrier>, damages: &mut Damages) -> Vec<Carrier> {
    pairing::pair_by(
        carriers,
        |carrier| &carrier.value,
        |call, value| Carrier { value, place: call.place.clone(), complete: call.complete },
        |orphan| {
            let Place { bytes, line } = orphan.place.clone();
            damages.tell(Damage { bytes, line, kind: DamageKind::OrphanOutput, lossy: true });
        },
    )
}
