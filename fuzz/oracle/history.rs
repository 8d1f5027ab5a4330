//! What holds of a history, whatever the bytes.
//!
//! Calls and outputs are paired, and pairing them again changes nothing. What belongs to complete turns is a prefix. The
//! same bytes give the same history, and the transcript for people can be read whenever the history can, and holds
//! everything that the model is sent.

use std::collections::HashSet;
use std::path::Path;

use rehydra::rollout::history::{Fate, read_transcript_bytes};
use rehydra::rollout::{History, pair, read_history_bytes};

const NAMES: [&str; 2] = ["rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl", "noise.jsonl"];

pub(crate) fn holds(bytes: &[u8]) {
    for name in NAMES.map(Path::new) {
        let history = read_history_bytes(bytes.to_vec(), name);
        let transcript = read_transcript_bytes(bytes.to_vec(), name);
        assert_eq!(history.is_ok(), transcript.is_ok(), "{history:?}");
        let (Ok(history), Ok(transcript)) = (history, transcript) else { continue };
        assert!(history.complete_items <= history.items.len());
        assert_eq!(pair(history.items.clone()), history.items, "pairing twice");
        assert_eq!(pair(history.of_complete_turns()), history.of_complete_turns(), "pairing a prefix twice");
        let again = read_history_bytes(bytes.to_vec(), name).expect("what could be read once");
        assert_eq!(said(&again), said(&history));
        assert_eq!(again.damage, history.damage);
        let live: HashSet<(u32, u64)> = transcript
            .filter_map(|entry| entry.ok())
            .filter(|entry| entry.fate == Fate::Live)
            .map(|entry| (entry.place.file, entry.place.bytes.start))
            .collect();
        for item in &history.items {
            let place = item.place();
            // An output that was made up stands where its call does, and a compaction's items where it does.
            assert!(live.contains(&(place.file, place.bytes.start)), "{} is not in the transcript", item.raw());
        }
    }
}

fn said(history: &History) -> Vec<&str> {
    history.items.iter().map(|item| item.raw()).collect()
}
