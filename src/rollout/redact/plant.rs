//! Markers in place of words, so that a scenario can tell what of a captured history comes back.
//!
//! A marker takes the place of the last bytes of a text that are neither escapes nor bytes of another kind, with a space
//! before it. Each message gets one of its own, and the copy of a message in a compaction's history the same as the
//! message. A text that is too short gets none.

use std::collections::HashMap;

use super::super::items;
use super::text::Unit;
use crate::marker::{Carrier, MARKER_BYTES, Marker};

/// Whose words a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Speaker {
    User,
    Assistant,
}

impl Speaker {
    pub(super) fn of(role: &[u8]) -> Option<Speaker> {
        match role {
            b"user" => Some(Speaker::User),
            b"assistant" => Some(Speaker::Assistant),
            _ => None,
        }
    }
}

/// A marker that belongs into a text.
pub(super) type Planted = Marker;

/// The markers of one capture.
#[derive(Default)]
pub(super) struct Plants {
    seed: u64,
    given: HashMap<(Speaker, Vec<u8>, u32), Marker>,
    /// How often each text was seen in this file so far, outside of and inside the histories of compactions.
    said: HashMap<(Speaker, Vec<u8>), u32>,
    listed: HashMap<(Speaker, Vec<u8>), u32>,
    in_list: bool,
}

impl Plants {
    pub(super) fn new(seed: u64) -> Plants {
        Plants { seed, ..Plants::default() }
    }

    pub(super) fn next_file(&mut self) {
        self.said.clear();
    }

    pub(super) fn next_record(&mut self) {
        self.listed.clear();
        self.in_list = false;
    }

    /// What is said from here to the end of the record stands in the history of a compaction.
    pub(super) fn enter_list(&mut self) {
        self.in_list = true;
    }

    /// The marker of the next text, if there is room for one in it.
    pub(super) fn next(&mut self, speaker: Speaker, text: &[u8]) -> Option<Planted> {
        room(text)?;
        let counts = if self.in_list { &mut self.listed } else { &mut self.said };
        let count = counts.entry((speaker, text.to_vec())).or_insert(0);
        *count += 1;
        let carrier = match speaker {
            Speaker::User => Carrier::Prompt,
            Speaker::Assistant => Carrier::Reply,
        };
        let n = self.given.len() as u64 + 1;
        let seed = self.seed;
        let marker =
            self.given.entry((speaker, text.to_vec(), *count)).or_insert_with(|| Marker::new(carrier, seed, n));
        Some(marker.clone())
    }

    /// Writes the marker over the end of a text.
    pub(super) fn plant(&self, marker: &Planted, text: &mut [u8]) {
        let Some(room) = room(text).and_then(|room| text.get_mut(room)) else { return };
        let (spaces, place) = room.split_at_mut(room.len() - MARKER_BYTES);
        spaces.fill(b' ');
        place.copy_from_slice(marker.as_str().as_bytes());
    }
}

/// Where in a text a marker has room, the space before it included.
fn room(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut best = None;
    let mut units: Vec<usize> = Vec::new();
    let (mut at, mut run) = (0, 0);
    loop {
        let unit = text.get(at..).filter(|rest| !rest.is_empty()).map(Unit::first);
        match unit {
            Some(unit @ (Unit::Ascii(_) | Unit::Character(_))) => {
                units.push(at);
                at += unit.len();
                continue;
            }
            None | Some(Unit::Escape(2)) => best = in_run(&units, run, at).or(best),
            Some(_) => {}
        }
        let Some(unit) = unit else { return best };
        at += unit.len();
        run = at;
        units.clear();
    }
}

/// The last bytes of a run of units that hold a marker and, where something stands before it, a space.
fn in_run(units: &[usize], run: usize, end: usize) -> Option<std::ops::Range<usize>> {
    if run == 0 && end == MARKER_BYTES {
        return Some(0..end);
    }
    units.iter().rev().copied().find(|start| end - start > MARKER_BYTES).map(|start| start..end)
}

/// Takes away what looks like a marker and was there before: only those that are planted are to count.
pub(super) fn blur(text: &mut [u8]) {
    let mut at = 0;
    while let Some(token) = text.get_mut(at..at + MARKER_BYTES) {
        if let [b'r', b'h', _, hyphen @ b'-', ..] = token {
            *hyphen = b'_';
        }
        at += 1;
    }
}

/// Whether a message that begins with this text is one that Codex wrote in the user's name.
pub(super) fn is_contextual(text: &[u8]) -> bool {
    let head = text.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    items::begins_contextual(head)
}
