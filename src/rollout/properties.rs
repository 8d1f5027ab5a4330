//! Properties that hold for every rollout: made up, damaged, or plain noise.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use super::damage::DamageKind;
use super::generate::{Generated, Shown, Spec, generate};
use super::mutate::{Keep, Mutated, Mutator, Where};
use super::reader::{Found, Reader};
use super::strategies::{damaged_rollouts, specs};
use super::{Era, History, ThreadId, pair, read_history_bytes};
use crate::marker::{self, Marker};

const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

fn made(spec: &Spec) -> Generated {
    let start = Timestamp::from_second(1_795_363_327).unwrap();
    generate(spec, ThreadId::parse(ID).unwrap(), "/project/ä b", start)
}

fn read(generated: &Generated, bytes: Vec<u8>) -> History {
    read_history_bytes(bytes, &generated.path).unwrap()
}

/// The markers of the history, as a model would find them.
fn markers(history: &History) -> Vec<Marker> {
    fn gather(value: &Value, into: &mut Vec<Marker>) {
        match value {
            Value::String(text) => into.extend(marker::find(text)),
            Value::Array(values) => values.iter().for_each(|value| gather(value, into)),
            Value::Object(fields) => fields.values().for_each(|value| gather(value, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    history.items.iter().for_each(|item| gather(&item.value(), &mut found));
    found
}

fn all(generated: &Generated) -> Vec<Marker> {
    generated.markers.iter().chain(&generated.unacknowledged).cloned().collect()
}

fn torn(keep: Keep, bytes: &[u8]) -> Mutated {
    Mutator::torn_tail(keep).apply(bytes, Where::Last)
}

/// What must hold of a damaged file, whatever the damage: what every correct reader shows is shown, in order; nothing
/// else is but what readers may differ about; what is to be told is told, and a loss is told as one.
fn is_read_honestly(mutated: &Mutated, path: &Path) -> Result<(), String> {
    let about = |what: &str| format!("{what}\n{mutated:#?}\n{}", String::from_utf8_lossy(&mutated.bytes));
    let history = match read_history_bytes(mutated.bytes.clone(), path) {
        Ok(history) if !mutated.refused => history,
        Err(_) if mutated.refused => return Ok(()),
        Ok(_) => return Err(about("a file that is to be refused was read")),
        Err(error) => return Err(about(&error.to_string())),
    };
    let shown = markers(&history);
    let (must, may) = (mutated.must_show(), mutated.may_show());
    let kept: Vec<&Marker> = shown.iter().filter(|marker| !may.contains(marker)).collect();
    if kept != must.iter().filter(|marker| !may.contains(marker)).collect::<Vec<_>>() {
        return Err(about(&format!("shown: {kept:?}, to be shown: {must:?}")));
    }
    let kinds: Vec<_> = history.damage.iter().map(|damage| damage.kind).collect();
    if !mutated.tells.is_empty() && !mutated.tells.iter().any(|kind| kinds.contains(kind)) {
        return Err(about(&format!("told: {kinds:?}")));
    }
    if mutated.lossy && !history.is_lossy() {
        return Err(about(&format!("the loss is not told: {kinds:?}")));
    }
    Ok(())
}

/// Everything that must hold of any bytes whatever: nothing panics, and no byte but white space is passed over without
/// being in a record or told as damage.
fn survives(bytes: Vec<u8>) {
    let mut untold = bytes.clone();
    for found in Reader::from_bytes(bytes.clone()) {
        let place = match found.unwrap() {
            Found::Record(record) => record.bytes,
            Found::Damage(damage) => damage.bytes,
        };
        untold[place.start as usize..place.end as usize].fill(b' ');
    }
    assert!(untold.iter().all(u8::is_ascii_whitespace), "{:?}", String::from_utf8_lossy(&untold));
    for name in [format!("rollout-2026-11-22T16-02-07-{ID}.jsonl"), "noise".to_owned()] {
        if let Ok(history) = read_history_bytes(bytes.clone(), Path::new(&name)) {
            assert!(history.complete_items <= history.items.len());
            assert_eq!(pair(history.items.clone()), history.items);
        }
    }
}

/// Fragments of real records, so that noise reaches beyond the first parse.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: [&str; 22] = [
        "{\"timestamp\":\"t\",\"type\":\"",
        "response_item\",\"payload\":",
        "compacted\",\"payload\":{\"message\":\"m\",\"replacement_history\":[",
        "event_msg\",\"payload\":{\"type\":\"",
        "session_meta\",\"payload\":{\"id\":\"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a\"}}",
        "thread_rolled_back\",\"num_turns\":1}}",
        "task_started\"}}",
        "task_complete\"}}",
        "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"text\":\"u\"}]}",
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[]}",
        "{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\",\"call_id\":\"c\"}",
        "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"o\"}",
        "]}}",
        "}",
        "\n",
        "\r\n",
        "\0",
        "\u{feff}",
        "\"",
        "\\ud83d",
        "[[[[",
        "ä",
    ];
    let word = prop_oneof![
        8 => proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// Whole records in any order, so that compactions and rollbacks meet in every way.
fn records() -> impl Strategy<Value = Vec<u8>> {
    const RECORDS: [&str; 10] = [
        r#""response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"u"}]}"#,
        r#""response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]}"#,
        r#""response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}"#,
        r#""response_item","payload":{"type":"function_call","name":"f","arguments":"","call_id":"c"}"#,
        r#""response_item","payload":{"type":"function_call_output","call_id":"c","output":"o"}"#,
        r#""compacted","payload":{"message":"m"}"#,
        r#""compacted","payload":{"message":"m","replacement_history":[{"type":"message","role":"user","content":[]}]}"#,
        r#""event_msg","payload":{"type":"thread_rolled_back","num_turns":1}"#,
        r#""event_msg","payload":{"type":"task_started"}"#,
        r#""event_msg","payload":{"type":"task_complete"}"#,
    ];
    let record = proptest::sample::select(&RECORDS[..]);
    proptest::collection::vec(record, 0..40).prop_map(|records| {
        let line = |record: &&str| format!("{{\"timestamp\":\"t\",\"type\":{record}}}\n");
        records.iter().map(line).collect::<String>().into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn noise_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        survives(bytes);
    }

    #[test]
    fn fragments_of_records_do_no_harm(bytes in fragments()) {
        survives(bytes);
    }

    #[test]
    fn records_in_any_order_do_no_harm_and_none_is_damage_but_repeats(bytes in records()) {
        survives(bytes.clone());
        for found in Reader::from_bytes(bytes) {
            let repeated = matches!(&found, Ok(Found::Damage(damage)) if damage.kind == DamageKind::Repeated);
            prop_assert!(repeated || matches!(found, Ok(Found::Record(_))), "{found:?}");
        }
    }

    #[test]
    fn flipped_bytes_of_a_good_file_do_no_harm(
        spec in specs(),
        flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = made(&spec).bytes;
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        survives(bytes);
    }

    #[test]
    fn a_generated_file_says_what_its_generator_says(spec in specs()) {
        let generated = made(&spec);
        prop_assert_eq!(&generated, &made(&spec));
        let history = read(&generated, generated.bytes.clone());
        prop_assert_eq!(markers(&history), all(&generated));
        prop_assert_eq!(&history.damage, &vec![]);
        prop_assert_eq!(history.complete_turns, spec.turns);
        prop_assert_eq!(generated.complete, spec.turns > 0);
        prop_assert_eq!(history.meta.id.to_string(), ID);
        // A bare file tells its cwd with its first turn and at no other place.
        let has_turns = spec.turns > 0 || spec.interrupted;
        let cwd = (spec.era != Era::Bare || has_turns).then(|| PathBuf::from("/project/ä b"));
        prop_assert_eq!(history.cwd, cwd);
        let kinds: Vec<String> =
            history.items.iter().map(|item| item.value()["type"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<String> = generated.expected.items.iter().map(|Shown { kind, .. }| kind.clone()).collect();
        prop_assert_eq!(kinds, expected);
        prop_assert_eq!(history.complete_turns, generated.expected.turns);
        let sandbox = history.turn_context.and_then(|context| context.sandbox);
        prop_assert_eq!(sandbox.map(|sandbox| sandbox.name()), (spec.era != Era::Bare && has_turns).then_some("read-only"));
    }

    #[test]
    fn the_complete_part_of_a_generated_file_is_its_complete_turns(spec in specs()) {
        let generated = made(&spec);
        let history = read(&generated, generated.bytes.clone());
        let complete = History { items: history.of_complete_turns(), ..history };
        if spec.turns > 0 {
            prop_assert_eq!(markers(&complete), generated.markers);
        }
    }

    #[test]
    fn a_torn_tail_costs_what_its_mutator_says_and_nothing_else(spec in specs(), keep in 0u64..400) {
        let generated = made(&spec);
        for keep in [Keep::Bytes(keep), Keep::Half, Keep::AllButNewline] {
            let mutated = torn(keep, &generated.bytes);
            let Ok(history) = read_history_bytes(mutated.bytes.clone(), &generated.path) else {
                // The only record of the file was the one that is torn.
                prop_assert!(spec.turns == 0 && !spec.interrupted);
                continue;
            };
            prop_assert_eq!(markers(&history), mutated.must_show());
            prop_assert!(history.is_lossy() || !mutated.lossy);
        }
    }

    #[test]
    fn a_file_cut_at_any_byte_keeps_every_whole_record(spec in specs(), cut in any::<proptest::sample::Index>()) {
        let generated = made(&spec);
        let cut = cut.index(generated.bytes.len());
        let bytes = generated.bytes[..cut].to_vec();
        let whole = bytes.iter().filter(|byte| **byte == b'\n').count();
        let found: Vec<Found> = Reader::from_bytes(bytes).map(Result::unwrap).collect();
        let records = found.iter().filter(|found| matches!(found, Found::Record(_))).count();
        // One more where only the newline is missing.
        prop_assert!(records == whole || records == whole + 1, "{records} of {whole}");
        prop_assert!(found.len() <= whole + 2);
    }

    #[test]
    fn a_record_appended_to_a_torn_tail_is_kept(spec in specs(), keep in 1u64..400) {
        prop_assume!(spec.era != Era::Bare && spec.turns > 0 && !spec.interrupted);
        let generated = made(&spec);
        let mutated = torn(Keep::Bytes(keep), &generated.bytes);
        let late = Marker::new(marker::Carrier::Prompt, spec.seed, 1 << 30);
        let line = super::draft::Draft::user_item(&format!("late {late}")).line(Timestamp::UNIX_EPOCH, None);
        let history = read(&generated, [&mutated.bytes[..], &line].concat());
        let mut expected = mutated.must_show();
        expected.push(late);
        prop_assert_eq!(markers(&history), expected);
    }
}

proptest! {
    // Each case is every class.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn every_class_of_damage_costs_what_it_says_and_nothing_else(spec in specs(), seed in any::<u64>()) {
        let generated = made(&spec);
        for mutator in Mutator::all().filter(|mutator| mutator.applies_to(spec.era)) {
            let mutated = mutator.apply(&generated.bytes, Where::Seed(seed));
            if mutated.touched.is_some() {
                let honest = is_read_honestly(&mutated, &generated.path);
                prop_assert!(honest.is_ok(), "{mutator:?} {}", honest.unwrap_err());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn damage_upon_damage_is_read_without_harm(case in damaged_rollouts()) {
        // The places of a compressed file are those of what it opens to.
        prop_assume!(!case.mutated.compressed);
        survives(case.mutated.bytes);
    }
}
