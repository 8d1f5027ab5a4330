//! What the skim takes for JSON, against serde_json: made-up values, damaged ones, and every prefix of recorded lines.

use proptest::prelude::*;
use serde_json::Value;

use super::super::keys::Span;
use super::*;

/// Whether the text is one JSON value, as this decides.
fn accepts(text: &[u8]) -> bool {
    let mut skim = Skim::new(text);
    simdutf8::basic::from_utf8(text).is_ok() && skim.value().is_ok() && skim.is_at_end()
}

/// The same of a text that is looked through for control characters first.
fn accepts_line(text: &[u8]) -> bool {
    let mut skim = Skim::of_line(text);
    simdutf8::basic::from_utf8(text).is_ok() && skim.value().is_ok() && skim.is_at_end()
}

/// The same by way of the keys.
fn accepts_by_keys(text: &[u8]) -> bool {
    let mut skim = Skim::new(text);
    simdutf8::basic::from_utf8(text).is_ok() && skim.envelope().is_ok() && skim.is_at_end()
}

fn agrees(text: &[u8]) {
    let expected = serde_json::from_slice::<Value>(text).is_ok();
    let shown = String::from_utf8_lossy(text);
    assert_eq!(accepts(text), expected, "{shown}");
    assert_eq!(accepts_by_keys(text), expected, "{shown}");
    assert_eq!(accepts_line(text), expected, "{shown}");
}

#[test]
fn odd_texts_are_judged_as_serde_json_judges_them() {
    for text in [
        "",
        " ",
        "null",
        "nul",
        "nulls",
        "true false",
        "-",
        "-0",
        "00",
        "01",
        "1.",
        ".5",
        "1.5e",
        "1e5",
        "1E+5",
        "1e400",
        "-1e400",
        "0e999",
        "1e-999",
        "18446744073709551616",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83dx\"",
        "\"\\uD83\"",
        "\"\\x\"",
        "\"\t\"",
        "\"\u{1f}\"",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "\u{a0}1",
        "{}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{1:2}",
        "[,]",
        "[1,]",
        "[1 2]",
        "[]]",
        "[}",
        "{]",
        "[[],{}]",
        "{\"payload\":[1]}",
        "{\"payload\":{\"type\":1,}}",
        "\u{feff}1",
        "{\"\\u0074ype\":1}",
        "{\"\\ud800\":1}",
        "\u{b}1",
        "1\u{c}",
    ] {
        agrees(text.as_bytes());
    }
    let digits = "9".repeat(320);
    agrees(digits.as_bytes());
    agrees(format!("0.{digits}").as_bytes());
}

#[test]
fn nesting_ends_where_serde_json_ends_it() {
    for depth in ROLLOUT_NESTING - 3..ROLLOUT_NESTING + 3 {
        agrees(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
        agrees(format!("{}1{}", "{\"payload\":".repeat(depth), "}".repeat(depth)).as_bytes());
        agrees(format!("{}1{}", "{\"a\":[".repeat(depth / 2), "]}".repeat(depth / 2)).as_bytes());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(Skim::new(deep.as_bytes()).value().unwrap_err().kind, FlawKind::TooDeep);
}

#[test]
fn the_last_of_equal_keys_wins_however_it_is_spelled() {
    let text = br#"{"type":"a","payload":{"type":"x","role":"y"},"\u0074ype":"b","payload":{"type":"z"}}"#;
    let envelope = Skim::new(text).envelope().unwrap().unwrap();
    let said = |span: Option<Span>| span.map(|span| String::from_utf8_lossy(&text[span]).into_owned());
    assert_eq!(said(envelope.kind).as_deref(), Some("\"b\""));
    assert_eq!(said(envelope.payload).as_deref(), Some(r#"{"type":"z"}"#));
    assert_eq!((said(envelope.inner.kind).as_deref(), envelope.inner.role), (Some("\"z\""), None));
}

#[test]
fn every_stop_is_found_at_every_place() {
    for len in 0..200 {
        for stop in [b'"', b'\\', 0x1f, 0] {
            let mut text = vec![b'x'; len];
            text.push(stop);
            text.extend([0xff; 9]);
            let mut skim = Skim::new(&text);
            skim.plain();
            assert_eq!(skim.at, len, "{stop}");
        }
    }
}

#[test]
fn every_prefix_of_every_recorded_line_is_judged_as_serde_json_judges_it() {
    let mut before = Vec::new();
    let mut lines = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read(path).unwrap().split(|byte| *byte == b'\n') {
            // Of two lines that begin alike, what they have in common was looked at with the first.
            let common = line.iter().zip(&before).take_while(|(one, other)| one == other).count();
            (common..=line.len()).for_each(|end| agrees(&line[..end]));
            before = line.to_vec();
            lines += 1;
        }
    }
    assert!(lines > 1_000, "{lines}");
}

pub(in super::super) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,90}".prop_map(Value::from),
        "[\"\\\\\n\u{0}-\u{7f}]{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![4 => "[a-z\"\\\\]{0,5}", 1 => Just("payload".to_owned()), 1 => Just("type".to_owned())];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_serde_json_writes_is_accepted(value in json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(accepts(text.as_bytes()) && accepts_by_keys(text.as_bytes()), "{text}");
    }

    #[test]
    fn damaged_json_is_judged_as_serde_json_judges_it(
        value in json(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..3, any::<u8>()), 1..3),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut text = serde_json::to_vec(&value).unwrap();
        agrees(&text[..cut.index(text.len())]);
        for (at, how, byte) in changes {
            let byte = if byte < 128 { b"\"\\{}[],:0-.eEu\x01 "[usize::from(byte) % 16] } else { byte };
            let at = at.index(text.len().max(1));
            match how {
                0 if at < text.len() => drop(text.remove(at)),
                1 if at < text.len() => text[at] = byte,
                _ => text.insert(at.min(text.len()), byte),
            }
        }
        agrees(&text);
    }

    #[test]
    fn noise_is_judged_as_serde_json_judges_it(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\u dtrfalsn\u{0}-\u{1f}ä]{0,30}") {
        agrees(text.as_bytes());
    }
}
