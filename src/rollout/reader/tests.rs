//! Texts by the line, and what the reader finds in them: records, and damage with its place.

use super::*;

const ITEM: &str =
    r#"{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[]}}"#;
const EVENT: &str = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"token_count"}}"#;

/// What was found: `r` for a record and the damage's kind for damage, a `!` where it is lossy.
fn read(bytes: impl AsRef<[u8]>) -> String {
    let mut told = Vec::new();
    for found in Reader::from_bytes(bytes.as_ref().to_vec()) {
        told.push(match found.unwrap() {
            Found::Record(_) => "r".to_owned(),
            Found::Damage(damage) => format!("{:?}{}", damage.kind, if damage.is_lossy() { "!" } else { "" }),
        });
    }
    told.join(" ")
}

#[test]
fn healthy_lines_are_records_and_nothing_is_told() {
    assert_eq!(read(format!("{ITEM}\n{EVENT}\r\n{ITEM}\n")), "r CarriageReturn r r");
    assert_eq!(read(""), "");
}

#[test]
fn a_record_knows_its_place_and_its_text() {
    let text = format!("\n{ITEM}\n");
    let found: Vec<Found> = Reader::from_bytes(text.clone().into_bytes()).map(Result::unwrap).collect();
    let Some(Found::Record(record)) = found.last() else { panic!("{found:?}") };
    assert_eq!((record.line, record.raw()), (Some(2), ITEM));
    assert_eq!(&text[record.bytes.start as usize..record.bytes.end as usize], ITEM);
}

#[test]
fn a_whole_last_line_without_a_newline_is_used() {
    assert_eq!(read(format!("{ITEM}\n{ITEM}")), "r Unterminated Repeated r");
}

#[test]
fn a_torn_last_line_is_told_and_is_a_loss_unless_its_head_says_otherwise() {
    assert_eq!(read(format!("{ITEM}\n{}", &ITEM[..70])), "r TornTail!");
    assert_eq!(read(format!("{ITEM}\n{}", &EVENT[..68])), "r TornTail");
    let cut_in_the_event_type = &EVENT[..62];
    assert_eq!(read(format!("{ITEM}\n{cut_in_the_event_type}")), "r TornTail!");
    let rollback = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"thread_rolled_back","num"#;
    assert_eq!(read(rollback), "TornTail!");
}

#[test]
fn a_record_glued_to_a_torn_one_is_found_again() {
    assert_eq!(read(format!("{ITEM}\n{}{ITEM}\n{ITEM}\n", &ITEM[..60])), "r Glued! r r");
    assert_eq!(read(format!("{}{}{ITEM}\n", &ITEM[..60], &EVENT[..68])), "Glued! r");
    assert_eq!(read(format!("{ITEM}{ITEM}\n")), "r r");
    assert_eq!(read(format!("{ITEM}{}\n", &ITEM[..60])), "r BadJson!");
    assert_eq!(read(format!("{ITEM}{}", &ITEM[..60])), "r TornTail!");
}

#[test]
fn a_record_quoted_in_a_text_is_not_taken_for_one() {
    let quoted = serde_json::to_string(ITEM).unwrap();
    let torn = format!(r#"{{"timestamp":"t","type":"response_item","payload":{{"type":"message","text":{quoted}"#);
    assert_eq!(read(torn), "TornTail!");
}

#[test]
fn lines_that_are_no_records_are_told_one_by_one() {
    assert_eq!(read(format!("\u{feff}{ITEM}\n")), "ByteOrderMark r");
    assert_eq!(read(format!("{ITEM}\n \t\n\r\n\n")), "r Blank CarriageReturn Blank Blank");
    assert_eq!(read(format!("{ITEM}\n\0\0\0\n{ITEM}\n\0\0")), "r NulBytes! r NulBytes!");
    assert_eq!(read(format!("\0\0{ITEM}\n")), "NulBytes! r");
    assert_eq!(read(format!("{ITEM}\0\0\n")), "r NulBytes!");
    assert_eq!(
        read(format!("{ITEM}\nnull\n[]\n42\n\"x\"\n{{}}\n")),
        "r NotARecord NotARecord NotARecord NotARecord NotARecord!"
    );
    assert_eq!(read(format!("{ITEM}\n{{\"a\":\"\\ud83d\"}}\n")), "r LoneSurrogate!");
    assert_eq!(read([ITEM.as_bytes(), b"\n{\"a\":\"\xff\"}\n", ITEM.as_bytes(), b"\n"].concat()), "r InvalidUtf8! r");
}

#[test]
fn a_record_with_bytes_that_are_no_text_is_read_with_replacements() {
    let (head, tail) = ITEM.split_once("[]").unwrap();
    let item = |byte: &[u8]| {
        [head.as_bytes(), b"[{\"type\":\"input_text\",\"text\":\"", byte, b"\"}]", tail.as_bytes()].concat()
    };
    let broken = [ITEM.as_bytes(), b"\n", &item(b"\xc3"), b"\n", ITEM.as_bytes(), b"\n"].concat();
    assert_eq!(read(broken), "r ReplacedBytes r r");
    let torn = [ITEM.as_bytes(), b"\n", &item(b"\xc3")].concat();
    assert_eq!(read(torn), "r ReplacedBytes r Unterminated");
    let halves = [&item(br"\ud83d"), &b"\r\n"[..], &item(br"\ud83d\ude00")].concat();
    assert_eq!(read(halves), "CarriageReturn ReplacedSurrogate r Unterminated r");
    assert_eq!(read([item(b"\\ud83d \xff"), b"\n".to_vec()].concat()), "ReplacedBytes r");
    let marked = ["\u{feff}".as_bytes(), &item(b"\xc3"), b"\r\n"].concat();
    assert_eq!(read(marked), "ByteOrderMark CarriageReturn ReplacedBytes r");
    let followed = [&item(b"\xff")[..], b" \t\n"].concat();
    let mut found = Reader::from_bytes(followed.clone()).map(Result::unwrap);
    assert!(found.any(|found| matches!(found, Found::Record(record) if record.bytes.end == followed.len() as u64 - 3)));
}

#[test]
fn what_is_not_known_is_kept() {
    let novelty = r#"{"timestamp":"t","type":"novelty","payload":{},"metadata":1.5}"#;
    assert_eq!(read(format!("{ITEM}\n{novelty}\n")), "r UnknownKind r");
    let known = r#"{"timestamp":"t","type":"world_state","payload":{}}"#;
    assert_eq!(read(format!("{known}\n")), "r");
    assert_eq!(read(r#"{"type":"event_msg","payload":{}}"#.to_owned() + "\n"), "NoTimestamp r");
}

#[test]
fn numbers_come_through_as_they_were_written() {
    let numbers = "[1795363328.7004507,1795363329.8408313,0.1,123456789012345680,5e-324,0.30000000000000004]";
    let line = format!(r#"{{"timestamp":"t","type":"novelty","payload":{{"numbers":{numbers}}}}}"#);
    let found = Reader::from_bytes(line.into_bytes()).map(Result::unwrap).find_map(|found| match found {
        Found::Record(record) => Some(record.payload()["numbers"].to_string()),
        _ => None,
    });
    assert_eq!(found.as_deref(), Some(numbers));
}

#[test]
fn nesting_and_length_have_limits() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(read(format!("{deep}\n{ITEM}\n")), "TooDeep! r");
    let long = format!("{{\"x\":\"{}\"}}", "a".repeat(10_000));
    let reader = Reader::from_bytes(format!("{ITEM}\n{long}\n{ITEM}\n").into_bytes()).with_line_limit(1_000);
    let found: Vec<Found> = reader.map(Result::unwrap).collect();
    let Some(Found::Damage(damage)) = found.get(1) else { panic!("{found:?}") };
    let start = ITEM.len() as u64 + 1;
    assert_eq!((damage.kind, damage.bytes.clone()), (DamageKind::TooLong, start..start + long.len() as u64));
    assert!(matches!(found.as_slice(), [Found::Record(_), _, Found::Record(_)]));
}

#[test]
fn a_record_that_newlines_broke_is_mended() {
    let (head, tail) = ITEM.split_once(r#""content""#).unwrap();
    assert_eq!(read(format!("{head}\n\n  \"content\"{tail}\n{EVENT}\n")), "SplitRecord r r");
    let value: serde_json::Value = serde_json::from_str(ITEM).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\r\n");
    assert_eq!(read(format!("{ITEM}\n{pretty}\n{EVENT}\n")), "r SplitRecord r r");
    let in_text = EVENT.replace("token_count", "token\ncount");
    let found: Vec<Found> = Reader::from_bytes(format!("{in_text}\n{ITEM}").into_bytes()).map(Result::unwrap).collect();
    let [Found::Damage(damage), Found::Record(record), _, Found::Record(next)] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(damage.bytes, 0..in_text.len() as u64);
    assert_eq!((record.line, record.payload()["type"].as_str()), (Some(1), Some("token\ncount")));
    assert_eq!((next.line, next.raw()), (Some(3), ITEM));
}

#[test]
fn a_torn_record_swallows_nothing_that_follows_it() {
    let torn = &ITEM[..ITEM.len() - 4];
    assert_eq!(read(format!("{torn}\n{EVENT}\n]}}}}\n{ITEM}\n")), "BadJson! r BadJson! r");
    assert_eq!(read(format!("{torn}\n\n\0\n{ITEM}\n")), "BadJson! Blank NulBytes! r");
    assert_eq!(read(format!("{{\n{{\n{{\n{ITEM}\n")), "BadJson! BadJson! BadJson! r");
}

#[test]
fn a_torn_record_that_stands_whole_behind_itself_is_no_loss() {
    let torn = &ITEM[..80];
    assert_eq!(read(format!("{torn}\n{ITEM}\n{EVENT}\n")), "TornRepeat r r");
    assert_eq!(read(format!("{torn}{ITEM}\n{EVENT}\n")), "TornRepeat r r");
    let hardly_begun = &ITEM[..50];
    assert_eq!(read(format!("{hardly_begun}\n{ITEM}\n")), "BadJson! r");
    assert_eq!(read(format!("{torn}\n{EVENT}\n{ITEM}\n")), "BadJson! r r");
}

#[test]
fn ordinals_that_say_something_else_than_the_order_of_the_file_are_told() {
    let ordinal = |n: u32| ITEM.replace("\"type\":\"r", &format!("\"ordinal\":{n},\"type\":\"r"));
    let lines = |ordinals: [u32; 4]| ordinals.map(ordinal).join("\n") + "\n";
    assert_eq!(read(lines([4, 5, 6, 9])), "r r r r");
    assert_eq!(read(lines([0, 2, 1, 3])), "r r OrdinalOrder r r");
    let repeated = ordinal(1).replace("user", "assistant");
    assert_eq!(read(format!("{}\n{repeated}\n{ITEM}\n", ordinal(1))), "r OrdinalOrder r NoOrdinal r");
    assert_eq!(read(format!("{}\n{0}\n", ordinal(1))), "r Repeated r");
    let rollback = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"thread_rolled_back","num_turns":1}}"#;
    assert_eq!(read(format!("{rollback}\n{rollback}\n")), "r Repeated! r");
}

#[test]
fn a_compressed_file_is_read_as_what_it_unpacks_to() {
    let text = format!("{ITEM}\n{EVENT}\n{}", &ITEM[..70]);
    assert_eq!(read(zstd::encode_all(text.as_bytes(), 3).unwrap()), "r r TornTail!");
    let frames = [zstd::encode_all(format!("{ITEM}\n").as_bytes(), 3).unwrap(), b"no frame".to_vec()].concat();
    assert_eq!(read(frames), "r CorruptFrame!");
}

#[test]
fn a_bare_file_is_read() {
    let bare = "{\"id\":\"x\",\"timestamp\":\"t\"}\n{\"record_type\":\"state\"}\n{\"type\":\"message\",\"role\":\"user\",\"content\":[]}\n";
    assert_eq!(read(bare), "r r r");
}
