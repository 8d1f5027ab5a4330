//! What holds of a history, whatever the bytes.
//!
//! * Each call has an output and each output a call, as `serde_json` sees them; pairing again changes nothing.
//! * What belongs to complete turns is a prefix.
//! * From a disk, and there from the end, the same bytes give the same history.
//! * The transcript for people can be read whenever the history can, says the same of the thread, and marks as live
//!   exactly what the model is sent.
//! * A message appended on a line of its own is the history's last item, whatever stands before it, and changes no other.
//! * A repaired copy of either form holds the same items, and nothing is wrong with it.
//!
//! Bytes that begin with [`SCRIPT`] are no file but tell one, a record for each byte: so the fuzzer varies the order of
//! whole records as easily as it varies bytes.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rehydra::rollout::history::{Entry, Fate, NotSent, read_transcript, read_transcript_bytes};
use rehydra::rollout::record::Kind;
use rehydra::rollout::repair::{Destination, Fallback, Form, Request, repair};
use rehydra::rollout::{DamageKind, History, Item, pair, read_history, read_history_bytes, read_whole_history};
use serde_json::Value;

use super::memory::Memory;

const NAMES: [&str; 2] =
    ["/home/sessions/2026/11/22/rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl", "noise.jsonl"];
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
/// How a file begins that is told by a script.
const SCRIPT: u8 = 1;

pub(crate) fn holds(bytes: &[u8]) {
    match bytes.split_first() {
        Some((&SCRIPT, script)) => bytes_hold(&told_by(script)),
        _ => bytes_hold(bytes),
    }
}

fn bytes_hold(bytes: &[u8]) {
    for name in NAMES.map(Path::new) {
        let history = read_history_bytes(bytes.to_vec(), name);
        let transcript = read_transcript_bytes(bytes.to_vec(), name);
        assert_eq!(history.is_ok(), transcript.is_ok(), "{history:?}");
        let Ok(history) = history else { continue };
        is_paired(&history);
        is_in_its_transcript(bytes, name, &history);
        if name.is_absolute() {
            is_the_same_from_a_disk(bytes, name, &history);
            takes_one_more(bytes, name, &history);
            survives_repair(bytes, name, &history);
        }
    }
}

fn is_paired(history: &History) {
    assert!(history.complete_items <= history.items.len());
    assert_eq!(pair(history.items.clone()), history.items, "pairing twice");
    let complete = history.of_complete_turns();
    assert_eq!(pair(complete.clone()), complete, "pairing a prefix twice");
    for items in [&history.items, &complete] {
        let sides: Vec<_> = items.iter().filter_map(side).collect();
        let of = |is_call| sides.iter().filter(|side| side.0 == is_call).map(|side| (&side.1, &side.2)).collect();
        let (calls, outputs): (HashSet<_>, HashSet<_>) = (of(true), of(false));
        assert_eq!(calls, outputs, "calls and outputs");
    }
}

/// Whether an item is a call, of which family, and by which id.
fn side(item: &Item) -> Option<(bool, &'static str, String)> {
    let value = item.value();
    let (is_call, family) = match value.get("type")?.as_str()? {
        "function_call" | "local_shell_call" => (true, "function"),
        "function_call_output" => (false, "function"),
        "custom_tool_call" => (true, "custom"),
        "custom_tool_call_output" => (false, "custom"),
        "tool_search_call" => (true, "search"),
        "tool_search_output" => (false, "search"),
        _ => return None,
    };
    if family == "search" && value.get("execution").and_then(Value::as_str) == Some("server") {
        return None;
    }
    Some((is_call, family, value.get("call_id")?.as_str()?.to_owned()))
}

fn is_in_its_transcript(bytes: &[u8], name: &Path, history: &History) {
    let transcript = read_transcript_bytes(bytes.to_vec(), name).expect("what could be read once");
    assert_eq!((&transcript.meta, &transcript.thread), (&history.meta, &history.thread));
    assert_eq!(transcript.damage, history.damage);
    // An output that was made up stands where its call does, and a compaction's items where it does.
    let sent: HashSet<(u32, u64)> =
        history.items.iter().map(|item| (item.place().file, item.place().bytes.start)).collect();
    let mut live = HashSet::new();
    let mut last = 0;
    for entry in transcript {
        let entry = entry.expect("memory can be read");
        let at = (entry.place.file, entry.place.bytes.start);
        assert!(last <= at.1, "{entry:?} stands before the one before it");
        last = at.1;
        if entry.fate == Fate::Live {
            live.insert(at);
            assert!(*entry.kind() != Kind::ResponseItem || sent.contains(&at), "{entry:?} is live and not sent");
        }
    }
    assert!(sent.is_subset(&live), "{:?} is sent and not live", sent.difference(&live));
}

fn is_the_same_from_a_disk(bytes: &[u8], name: &Path, history: &History) {
    let disk = Memory::with(name, bytes);
    let (whole, end) = (read_whole_history(&disk, name), read_history(&disk, name));
    let (whole, end) = (whole.expect("what memory holds"), end.expect("what memory holds"));
    // A base is looked for on a disk only, and what is wrong with it is told in other words.
    if !history.damage.iter().any(|damage| format!("{:?}", damage.kind).contains("Base")) {
        assert_eq!(&whole, history, "from a disk");
    }
    assert_eq!(said(&end.items), said(&whole.items), "from the end");
    assert_eq!((end.complete_items, &end.meta, &end.cwd), (whole.complete_items, &whole.meta, &whole.cwd));
    assert_eq!(end.turn_context, whole.turn_context);
    assert!(end.complete_turns <= whole.complete_turns);
}

fn takes_one_more(bytes: &[u8], name: &Path, history: &History) {
    const LATE: &str = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"late"}]}"#;
    if bytes.starts_with(ZSTD) {
        return;
    }
    let line = format!("\n{{\"timestamp\":\"t\",\"type\":\"response_item\",\"payload\":{LATE}}}\n");
    let longer = read_history_bytes([bytes, line.as_bytes()].concat(), name).expect("what could be read before");
    let (last, others) = longer.items.split_last().expect("one at least");
    assert_eq!(last.raw(), LATE);
    assert_eq!(said(others), said(&history.items), "what stood before it");
}

fn survives_repair(bytes: &[u8], name: &Path, history: &History) {
    let values = |history: &History| history.items.iter().map(Item::value).collect::<Vec<_>>();
    for form in [Form::Live, Form::Complete] {
        let disk = Memory::with(name, bytes);
        let fallback = Fallback { cwd: "/elsewhere".into(), model_provider: "openai".into() };
        let destination = Destination::Home("/other".into());
        let request = Request { source: name.to_owned(), destination, keep_id: false, form, fallback };
        let repaired = repair(&disk.world(), &request).expect("what could be read");
        let copy = read_whole_history(&disk, &repaired.path).expect("a sound copy");
        assert_eq!(values(&copy), values(history), "{form:?}");
        assert_eq!(copy.cwd, history.cwd.clone().or(Some(PathBuf::from("/elsewhere"))), "{form:?}");
        if form == Form::Complete {
            assert_eq!(copy.complete_turns, history.complete_turns, "{form:?}");
            assert_eq!(ever_said(&disk, &repaired.path), ever_said(&disk, name), "{form:?}");
        }
        // What stands twice in a thread stands twice in a copy of all of it.
        let wrong = copy.damage.iter().find(|damage| form == Form::Live || damage.kind != DamageKind::Repeated);
        assert_eq!(wrong, None, "{form:?}");
    }
}

/// What can be used of all that a thread ever said, and what became of it. The answer to a call that has none is made up,
/// and stands in a copy.
fn ever_said(disk: &Memory, path: &Path) -> Vec<(Value, String)> {
    let transcript = read_transcript(disk, None, path).expect("what could be read").map(|entry| entry.expect("memory"));
    let usable = |entry: &Entry| !matches!(entry.fate, Fate::NotSent(NotSent::Unusable | NotSent::Orphan));
    let fate = |fate: &Fate| format!("{fate:?}").split('(').next().unwrap_or_default().to_owned();
    // A copy's compaction brings what can be sent of its history, and answers to the calls in it.
    let value = |entry: &Entry| if *entry.kind() == Kind::Compacted { Value::Null } else { entry.value() };
    let said = transcript.filter(usable).map(|entry| (value(&entry), fate(&entry.fate)));
    let made_up = |value: &Value| value["output"] == "aborted" || value["tools"] == Value::Array(Vec::new());
    said.filter(|(value, _)| !made_up(value)).collect()
}

fn said(items: &[Item]) -> Vec<&str> {
    items.iter().map(Item::raw).collect()
}

/// Longest file that a script tells.
const RECORDS: usize = 200;
/// What a line of a script can say: the lower five bits of a byte choose it. `N` becomes its number, so that no two say the
/// same; `V` the upper three bits, which tell calls apart and rollbacks how far they go.
const LINES: [&str; 32] = [
    r#""response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"uN"}]}}"#,
    r#""response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"aN"}]}}"#,
    r#""response_item","payload":{"type":"function_call","name":"f","arguments":"N","call_id":"cV"}}"#,
    r#""response_item","payload":{"type":"function_call_output","call_id":"cV","output":"oN"}}"#,
    r#""event_msg","payload":{"type":"task_started"}}"#,
    r#""event_msg","payload":{"type":"task_complete"}}"#,
    r#""event_msg","payload":{"type":"turn_aborted"}}"#,
    r#""event_msg","payload":{"type":"thread_rolled_back","num_turns":V}}"#,
    r#""compacted","payload":{"message":"mN"}}"#,
    r#""compacted","payload":{"message":"m","replacement_history":[{"type":"message","role":"user","content":[{"text":"rN"}]}]}}"#,
    r#""compacted","payload":{"message":"m","replacement_history":[{"type":"message","role":"assistant","content":[{"text":"sN"}]}]}}"#,
    r#""compacted","payload":{"message":"","replacement_history":[]}}"#,
    r#""compacted","payload":{"message":"m","replacement_history":[{"type":"function_call","name":"f","arguments":"N","call_id":"cV"}]}}"#,
    r#""compacted","payload":{}}"#,
    r#""turn_context","payload":{"cwd":"/N","approval_policy":"never","sandbox_policy":{"type":"read-only"},"model":"m"}}"#,
    r#""turn_context","payload":{"model":"mN"}}"#,
    r#""response_item","payload":{"type":"message","role":"user","content":[{"text":"<environment_context>\n<cwd>/N</cwd>"}]}}"#,
    r#""response_item","payload":{"type":"message","role":"developer","content":[{"text":"dN"}]}}"#,
    r#""response_item","payload":{"type":"message","role":"system","content":[{"text":"sN"}]}}"#,
    r#""response_item","payload":{"type":"reasoning","summary":[],"encrypted_content":"N"}}"#,
    r#""response_item","payload":{"type":"local_shell_call","call_id":"cV","action":{"N":1.5e300}}}"#,
    r#""response_item","payload":{"type":"custom_tool_call","name":"f","input":"N","call_id":"cV"}}"#,
    r#""response_item","payload":{"type":"custom_tool_call_output","call_id":"cV","output":["N"]}}"#,
    r#""response_item","payload":{"type":"tool_search_call","call_id":"cV","execution":"client","N":18446744073709551615}}"#,
    r#""response_item","payload":{"type":"tool_search_output","call_id":"cV","execution":"server","N":0}}"#,
    r#""response_item","payload":{"type":"ghost_snapshot","of":"N"}}"#,
    r#""response_item","payload":{"type":"noveltyV","of":"N"}}"#,
    r#""event_msg","payload":{"type":"thread_settings_applied","thread_settings":{"cwd":"/V","model":"N"}}}"#,
    r#""session_meta","payload":{"id":"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015V","cwd":"/N","model_provider":"p"}}"#,
    r#""inter_agent_communication","payload":{"of":"N"}}"#,
    // Damage: a record that is torn, and one as long as the first step of a reader that comes from the end.
    r#""response_item","payload":{"type":"message","role":"user","content":[{"text":"N"#,
    "LONG",
];

/// The file that a script tells. Its first byte says how the file begins; each further one a line, and `0xff` that the
/// newline before the next one is missing.
fn told_by(script: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    let meta =
        r#"{"timestamp":"t","type":"session_meta","payload":{"id":"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a","cwd":"/p"}}"#;
    let Some((first, script)) = script.split_first() else { return Vec::new() };
    if first % 4 != 0 {
        text.push_str(meta);
        text.push('\n');
    }
    let mut has_long = false;
    for (n, byte) in script.iter().take(RECORDS).enumerate() {
        if *byte == 0xff {
            text.truncate(text.trim_end().len());
            continue;
        }
        let (line, variant) = (LINES[usize::from(byte & 31)], (byte >> 5).to_string());
        text.push_str(r#"{"timestamp":"t","type":"#);
        if line == "LONG" {
            let len = if has_long { 1 } else { 70_000 };
            has_long = true;
            text.push_str(&LINES[1].replace("aN", &"x".repeat(len)));
        } else {
            text.push_str(&line.replace('N', &n.to_string()).replace('V', &variant));
        }
        text.push('\n');
    }
    text.into_bytes()
}
