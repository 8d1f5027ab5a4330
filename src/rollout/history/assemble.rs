//! From the steps that still count to the items that the model is sent.
//!
//! The walk begins at the last compaction that brings a history of its own. One that brings none (0.42 to about 0.80)
//! leaves the newest of the users' own messages and its summary. Last, calls and outputs are paired.
//!
//! A file of those old versions with a rollback over such a compaction differs from what Codex 0.153 makes of it: there
//! the summary itself counts as a turn, and a message comes back that the user had taken back.

use serde_json::Value;

use super::super::damage::{Consequence, Damage, DamageKind, Damages};
use super::super::draft;
use super::super::items::{self, Use};
use super::pairing;
use super::steps::{Held, Place, Step, Steps};

/// An item on its way into the history.
struct Carrier {
    value: Value,
    place: Place,
    /// It belongs to a complete turn.
    complete: bool,
}

/// Whether a compaction brings a history of its own; `None` if it is unusable, which one bad item makes it (Codex 0.87
/// and later).
pub(super) fn brings_history(payload: &Value) -> Option<bool> {
    match payload.get("replacement_history") {
        Some(Value::Array(history)) => history.iter().all(|item| items::use_of(item) != Use::Bad).then_some(true),
        None | Some(Value::Null) => payload.get("message").is_some_and(Value::is_string).then_some(false),
        Some(_) => None,
    }
}

/// The items of a thread's steps, paired, and how many of them belong to complete turns.
pub(super) fn assemble(steps: Steps, damages: &mut Damages) -> (Vec<Value>, usize) {
    let carriers = pair(carriers_of(steps, damages), damages);
    let complete = carriers.iter().take_while(|carrier| carrier.complete).count();
    (carriers.into_iter().map(|carrier| carrier.value).collect(), complete)
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
            Step::Compaction { value: Held::Here(payload), replaces, .. } => {
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
                damages.tell(Damage::new(place.bytes, place.line, kind, Consequence::Lost));
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
            Use::Unknown | Use::Bad => {
                let kind = DamageKind::UnknownItem;
                damages.tell(Damage::new(place.bytes.clone(), place.line, kind, Consequence::Lost));
            }
        }
    }
    carriers
}

/// How much of the users' own words survives a compaction that brings no history: 20 000 tokens of about 4 bytes.
pub(super) const KEPT_USER_BYTES: usize = 80_000;

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
    draft::message("user", text)
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
            damages.tell(Damage::new(bytes, line, DamageKind::OrphanOutput, Consequence::Lost));
        },
    )
}
