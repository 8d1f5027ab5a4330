//! Properties of histories: of whole records in any order, with compactions and rollbacks that meet in every way.

use std::path::Path;

use proptest::prelude::*;

use super::fidelity::read_bytes_from_the_end;
use super::*;

const NAME: &str = "rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";
const META: &str = r#""session_meta","payload":{"id":"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a","cwd":"/p"}"#;

/// What may stand in a thread; `N` becomes the record's number, so that no two say the same.
const RECORDS: [&str; 13] = [
    r#""response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"uN"}]}"#,
    r#""response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>N"}]}"#,
    r#""response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"aN"}]}"#,
    r#""response_item","payload":{"type":"function_call","name":"f","arguments":"N","call_id":"c"}"#,
    r#""response_item","payload":{"type":"function_call_output","call_id":"c","output":"oN"}"#,
    r#""response_item","payload":{"type":"ghost_snapshot","of":"N"}"#,
    r#""compacted","payload":{"message":"mN"}"#,
    r#""compacted","payload":{"message":"m","replacement_history":[{"type":"message","role":"user","content":[{"type":"input_text","text":"rN"}]}]}"#,
    r#""compacted","payload":{"message":"m","replacement_history":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"sN"}]}]}"#,
    r#""event_msg","payload":{"type":"thread_rolled_back","num_turns":1}"#,
    r#""event_msg","payload":{"type":"thread_rolled_back","num_turns":2}"#,
    r#""event_msg","payload":{"type":"turn_aborted"}"#,
    r#""inter_agent_communication","payload":{"author":"/a","recipient":"/b","other_recipients":[],"content":"iN","trigger_turn":true}"#,
];

/// A whole turn, with its events.
const TURN: [&str; 5] = [
    r#""event_msg","payload":{"type":"task_started"}"#,
    r#""turn_context","payload":{"cwd":"/N"}"#,
    RECORDS[0],
    RECORDS[2],
    r#""event_msg","payload":{"type":"task_complete"}"#,
];

fn lines(records: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    let line = |(n, record): (usize, &str)| {
        format!("{{\"timestamp\":\"t\",\"type\":{}}}\n", record.replace('N', &n.to_string()))
    };
    std::iter::once(META).chain(records).enumerate().map(line).collect()
}

/// A thread: whole turns, single records, and pieces of turns.
fn threads() -> impl Strategy<Value = Vec<String>> {
    let part = prop_oneof![
        3 => Just(TURN.to_vec()),
        3 => proptest::sample::select(&RECORDS[..]).prop_map(|record| vec![record]),
        1 => proptest::sample::select(&TURN[..]).prop_map(|record| vec![record]),
    ];
    proptest::collection::vec(part, 0..14).prop_map(|parts| lines(parts.concat()))
}

fn read(lines: &[String]) -> History {
    read_history_bytes(lines.concat().into_bytes(), Path::new(NAME)).unwrap()
}

fn texts(items: &[Item]) -> Vec<&str> {
    items.iter().map(Item::raw).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn from_the_end_a_thread_says_what_it_says_from_the_front(lines in threads(), step in 1u64..900) {
        let whole = read(&lines);
        if let Some(end) = read_bytes_from_the_end(lines.concat().into_bytes(), Path::new(NAME), step) {
            prop_assert_eq!(texts(&end.items), texts(&whole.items));
            prop_assert_eq!(end.complete_items, whole.complete_items);
            prop_assert_eq!((end.turn_context, end.cwd, end.meta), (whole.turn_context, whole.cwd, whole.meta));
            prop_assert!(end.complete_turns <= whole.complete_turns && end.read_from.is_some());
        }
    }

    #[test]
    fn a_prefix_of_a_thread_without_rollbacks_and_compactions_is_a_prefix_of_its_history(
        parts in proptest::collection::vec(any::<bool>(), 0..10),
        cut in any::<proptest::sample::Index>(),
    ) {
        let records = parts.into_iter().flat_map(|tool| {
            let tool: &[&str] = if tool { &RECORDS[3..5] } else { &[] };
            [&TURN[..3], tool, &TURN[3..]].concat()
        });
        let lines = lines(records);
        let bytes = lines.concat().into_bytes();
        let whole = read(&lines);
        let cut = lines[0].len() + cut.index(bytes.len() - lines[0].len() + 1);
        let part = read_history_bytes(bytes[..cut].to_vec(), Path::new(NAME)).unwrap();
        let complete = part.of_complete_turns();
        prop_assert!(texts(&whole.items).starts_with(&texts(&complete)));
        prop_assert!(part.complete_turns <= whole.complete_turns);
    }

    #[test]
    fn damage_in_one_record_never_changes_another(lines in threads(), at in any::<proptest::sample::Index>()) {
        prop_assume!(lines.len() > 1);
        let at = 1 + at.index(lines.len() - 1);
        let mut damaged = lines.clone();
        damaged[at].replace_range(..1, "x");
        let start = lines[..at].concat().len() as u64;
        let said = |lines: &[String]| -> Vec<(u64, String)> {
            let entries = read_transcript_bytes(lines.concat().into_bytes(), Path::new(NAME)).unwrap().map(Result::unwrap);
            let said = entries.map(|entry| (entry.place.bytes.start, entry.raw().to_owned()));
            said.filter(|(place, _)| *place != start).collect()
        };
        prop_assert_eq!(said(&damaged), said(&lines));
    }

    #[test]
    fn the_transcript_tells_every_item_once_and_marks_as_live_what_is_sent(lines in threads()) {
        let history = read(&lines);
        let transcript = read_transcript_bytes(lines.concat().into_bytes(), Path::new(NAME)).unwrap();
        prop_assert_eq!((&transcript.meta, &transcript.thread, &transcript.damage), (&history.meta, &history.thread, &history.damage));
        let entries: Vec<Entry> = transcript.map(Result::unwrap).collect();
        let kinds = ["response_item", "compacted", "inter_agent_communication"];
        let items = lines.iter().filter(|line| kinds.iter().any(|kind| line.contains(kind))).count();
        let told = entries.iter().filter(|entry| !matches!(entry.kind(), crate::rollout::record::Kind::Event)).count();
        prop_assert_eq!(told, items);
        let sent: Vec<_> = history.items.iter().map(|item| item.place().position()).collect();
        for entry in &entries {
            let is_sent = sent.contains(&entry.place.position());
            let is_item = matches!(entry.kind(), crate::rollout::record::Kind::ResponseItem);
            prop_assert!(!is_sent || entry.fate == Fate::Live, "{:?}", entry);
            prop_assert!(!is_item || is_sent == (entry.fate == Fate::Live), "{:?}", entry);
        }
    }
}

#[test]
fn a_compaction_near_the_end_is_all_that_is_read() {
    let turns = |n: usize| std::iter::repeat_n(TURN, n).flatten();
    let lines = lines(turns(300).chain([TURN[0], RECORDS[7], TURN[4]]).chain(turns(3)));
    let bytes = lines.concat().into_bytes();
    let end = read_bytes_from_the_end(bytes.clone(), Path::new(NAME), 1_000).unwrap();
    let from = end.read_from.unwrap().bytes.start;
    assert!(from > bytes.len() as u64 - 5_000, "{from} of {}", bytes.len());
    assert_eq!((end.items.len(), end.complete_items), (7, 7));
    assert_eq!(texts(&read(&lines).items), texts(&end.items));
}
