//! From the steps that still count to the items that the model is sent.
//!
//! The walk begins at the last compaction that brings a history of its own. One that brings none (0.42 to about 0.80)
//! leaves the newest of the users' own messages and its summary. Last, calls and outputs are paired.
//!
//! To Codex the summary is one more message of the user's, so a rollback takes it for a turn; what it replaced does not
//! come back (0.105.0, 0.130.0, 0.153.4 and 0.169.0 alike).

use super::super::damage::{Consequence, DamageKind, Damages};
use super::super::draft;
use super::super::items::{ItemFacts, Use};
use super::super::place::Place;
use super::compaction::{Brings, Brought};
use super::item::Item;
use super::pairing::{self, Side};
use super::steps::{Held, Step, Steps, WrittenBy};

/// An item on its way into the history.
pub(super) struct Carrier {
    text: Held,
    pub(super) place: Place,
    side: Option<Side>,
    /// A user wrote it.
    begins_turn: bool,
    /// It belongs to a complete turn.
    complete: bool,
}

impl Carrier {
    fn of_text(text: Box<str>, place: &Place) -> Carrier {
        let facts = ItemFacts::of(&text);
        let (side, begins_turn) = (Side::of(&facts), facts.begins_turn());
        Carrier { text: Held::Here(text), place: place.clone(), side, begins_turn, complete: false }
    }
}

/// The items of a thread's steps, paired, and how many of them belong to complete turns.
pub(super) fn assemble(steps: Steps, damages: &mut Damages) -> (Vec<Item>, usize) {
    let carriers = pair(carriers_of(steps, damages), damages);
    let complete = carriers.iter().take_while(|carrier| carrier.complete).count();
    // Collected in the memory that the carriers lie in.
    let items = carriers.into_iter().filter_map(|carrier| match carrier.text {
        Held::Here(text) => Some(Item::new(text, carrier.place)),
        // A text that could not be read again: the file changed under the reader.
        Held::LetGo | Held::Measured(_) => {
            damages.tell(carrier.place.damage(DamageKind::BadJson, Consequence::Lost));
            None
        }
    });
    let items: Vec<Item> = items.collect();
    let complete = complete.min(items.len());
    (items, complete)
}

/// Walks the steps from the last compaction that brings a history, and gathers the items. Whether their texts are held
/// makes no difference, but for the length of what an old compaction leaves.
pub(super) fn carriers_of(steps: Steps, damages: &mut Damages) -> Vec<Carrier> {
    let last_compaction = steps.compactions().last().map(Place::position);
    let (before, live) = steps.into_live();
    let mut carriers: Vec<Carrier> = Vec::new();
    let mut any_complete = before > 0;
    for (place, step) in live {
        let mut complete_to_here = false;
        match step {
            Step::Item { text, written_by, side } => {
                let begins_turn = written_by == WrittenBy::User;
                carriers.push(Carrier { text, place, side, begins_turn, complete: false });
            }
            Step::Compaction { text: Held::Here(payload), without_summary } => {
                match Brings::of(&payload) {
                    Some(Brings::History(items)) => carriers = replaced(&items, &place, damages),
                    Some(Brings::Summary(summary)) => {
                        // What one leaves, the next one goes through again: only the last need look at it.
                        if last_compaction == Some(place.position()) {
                            keep_users_words(&mut carriers);
                        }
                        if !without_summary {
                            carriers.push(Carrier::of_text(summary_message(&summary), &place));
                        }
                    }
                    None => {}
                }
                complete_to_here = any_complete;
            }
            Step::Compaction { .. } => {
                damages.tell(place.damage(DamageKind::BadJson, Consequence::Lost));
            }
            Step::TurnEnd { counts } => {
                any_complete |= counts;
                complete_to_here = true;
            }
            Step::Settings(_) => {}
        }
        if complete_to_here {
            mark_complete(&mut carriers);
        }
    }
    carriers
}

/// Marks all of them. What is marked is always a beginning of the list, so only its rest is walked.
fn mark_complete(carriers: &mut [Carrier]) {
    for carrier in carriers.iter_mut().rev().take_while(|carrier| !carrier.complete) {
        carrier.complete = true;
    }
}

fn replaced(history: &[Brought<'_>], place: &Place, damages: &mut Damages) -> Vec<Carrier> {
    let mut carriers = Vec::with_capacity(history.len());
    for item in history {
        match item.use_ {
            Use::Send => carriers.push(Carrier::of_text(item.text.into(), place)),
            Use::Drop => {}
            Use::Unknown | Use::Bad => damages.tell(place.damage(DamageKind::UnknownItem, Consequence::Lost)),
        }
    }
    carriers
}

/// How much of the users' own words survives a compaction that brings no history: 20 000 tokens of about 4 bytes.
pub(super) const KEPT_USER_BYTES: usize = 80_000;

/// A compaction of 0.42 to about 0.80 leaves the newest user messages, and its summary as one more unless that was taken
/// back.
fn keep_users_words(carriers: &mut Vec<Carrier>) {
    let mut left = KEPT_USER_BYTES;
    let mut kept = Vec::new();
    for carrier in std::mem::take(carriers).into_iter().rev().filter(|carrier| carrier.begins_turn) {
        let (text, len) = match &carrier.text {
            Held::Here(item) => {
                let text = ItemFacts::of(item).texts().join("\n");
                let len = text.len();
                (text, len)
            }
            Held::Measured(len) => (String::new(), *len),
            Held::LetGo => (String::new(), 0),
        };
        let cut = len > left;
        kept.push(match cut {
            true => Carrier::of_text(user_message(prefix(&text, left)), &carrier.place),
            false => Carrier { complete: false, ..carrier },
        });
        left = left.saturating_sub(len);
        if cut || left == 0 {
            break;
        }
    }
    kept.reverse();
    *carriers = kept;
}

fn summary_message(summary: &str) -> Box<str> {
    user_message(if summary.is_empty() { "(no summary available)" } else { summary })
}

fn user_message(text: &str) -> Box<str> {
    draft::message("user", text).to_string().into()
}

/// At most `len` bytes of `text`, cut between characters.
fn prefix(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Pairs calls and outputs, and tells the outputs that are taken out.
pub(super) fn pair(carriers: Vec<Carrier>, damages: &mut Damages) -> Vec<Carrier> {
    pairing::pair_by(
        carriers,
        |carrier| carrier.side.as_ref(),
        |call, text, side| Carrier {
            text: Held::Here(text.into()),
            place: call.place.clone(),
            side: Some(side),
            begins_turn: false,
            complete: call.complete,
        },
        |orphan| damages.tell(orphan.place.damage(DamageKind::OrphanOutput, Consequence::Lost)),
    )
}
