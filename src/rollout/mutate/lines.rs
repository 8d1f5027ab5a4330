//! Bytes to records, in the two readings of the model of a correct reader.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::super::scan::strings::with_whole_pairs;
use super::super::{is_packed, unpack};

/// How much a reader makes of a damaged line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// What Codex makes of it.
    Plain,
    /// All that can be made of it.
    Salvaging,
}

/// Most bytes that a compressed file may open to here.
const OPENED_BYTES: u64 = 1 << 30;
const START: &str = "{\"timestamp\":\"";
/// Most lines that a record with raw newlines in it is put together from.
const JOINED_LINES: usize = 4;

/// The records of a file, each an object.
pub(super) fn records(bytes: &[u8], reading: Reading) -> Vec<Value> {
    let opened = open(bytes, reading);
    let bytes = opened.as_deref().unwrap_or(bytes);
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let mut records = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        match (plain(line), reading) {
            (Some(record), _) => records.push(record),
            (None, Reading::Plain) => {}
            (None, Reading::Salvaging) => {
                let (found, used) = salvaged(line, lines.get(at..).unwrap_or_default());
                records.extend(found);
                at += used;
            }
        }
    }
    records.retain(Value::is_object);
    records
}

/// What a compressed file opens to, as far as it does; `None` for any other. Codex gives a cut one up as a whole.
fn open(bytes: &[u8], reading: Reading) -> Option<Vec<u8>> {
    if !is_packed(bytes) {
        return None;
    }
    let (mut opened, whole) = unpack(bytes, OPENED_BYTES);
    if whole.is_err() && reading == Reading::Plain {
        opened.clear();
    }
    Some(opened)
}

/// A line as Codex takes it: one JSON object, and in an envelope one with a time and with no key twice.
fn plain(line: &[u8]) -> Option<Value> {
    let record: Value = serde_json::from_slice(line).ok()?;
    let in_envelope = record.get("payload").is_some();
    let timed = record.get("timestamp").is_some_and(Value::is_string);
    ((!in_envelope || timed) && serde_json::from_slice::<NoKeyTwice>(line).is_ok()).then_some(record)
}

/// Everything that can be made of a line, and how many of the lines after it were used for that.
fn salvaged(line: &[u8], after: &[&[u8]]) -> (Vec<Value>, usize) {
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&line);
    let text = with_whole_pairs(&text);
    let (whole, rest) = leading(&text);
    if rest.is_empty() {
        return (whole, 0);
    }
    for used in 1..=after.len().min(JOINED_LINES) {
        let more = after.get(..used).unwrap_or_default().join(&b"\\n"[..]);
        let joined = format!("{text}\\n{}", String::from_utf8_lossy(&more));
        if let Ok(record) = serde_json::from_str(&joined) {
            return (vec![record], used);
        }
    }
    let starts = rest.match_indices(START).map(|(at, _)| at).filter(|at| *at > 0);
    let glued = starts.map(|at| leading(rest.get(at..).unwrap_or_default())).find(|(_, left)| left.is_empty());
    (whole.into_iter().chain(glued.map(|(found, _)| found).unwrap_or_default()).collect(), 0)
}

/// The values at the beginning of a text, and what is left of it.
fn leading(text: &str) -> (Vec<Value>, &str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let found: Vec<Value> = values.by_ref().map_while(Result::ok).collect();
    (found, text.get(values.byte_offset()..).unwrap_or_default().trim())
}

/// Any JSON in which no object has a key twice.
struct NoKeyTwice;

impl<'de> Deserialize<'de> for NoKeyTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NoKeyTwice, D::Error> {
        deserializer.deserialize_any(NoKeyTwice)
    }
}

impl<'de> Visitor<'de> for NoKeyTwice {
    type Value = NoKeyTwice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key that stands twice")
    }

    fn visit_unit<E>(self) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<NoKeyTwice, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<NoKeyTwice, A::Error> {
        while values.next_element::<NoKeyTwice>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<NoKeyTwice, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, _)) = fields.next_entry::<String, NoKeyTwice>()? {
            if !keys.insert(key) {
                return Err(de::Error::custom("a key stands twice"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"a","text":"b"}}"#;

    fn both(bytes: &[u8]) -> (usize, usize) {
        (records(bytes, Reading::Plain).len(), records(bytes, Reading::Salvaging).len())
    }

    #[test]
    fn what_codex_reads_both_read() {
        let noise = format!("{RECORD}\r\n\n \n42\n[]\nnull\nnoise\n\0\0\0\n{RECORD}");
        assert_eq!(both(noise.as_bytes()), (2, 2));
        assert_eq!(both(format!("\u{feff}{RECORD}").as_bytes()), (1, 1));
        assert_eq!(both(zstd::encode_all(RECORD.as_bytes(), 3).unwrap().as_slice()), (1, 1));
    }

    #[test]
    fn what_codex_skips_can_be_salvaged() {
        let torn = &RECORD[..40];
        assert_eq!(both(format!("{torn}{RECORD}\n").as_bytes()), (0, 1));
        assert_eq!(both(format!("{RECORD}{RECORD}\n").as_bytes()), (0, 2));
        assert_eq!(both(format!("\0\0{RECORD}\n").as_bytes()), (0, 1));
        assert_eq!(both(RECORD.replace("\"timestamp\":\"t\",", "").as_bytes()), (0, 1));
        assert_eq!(both(RECORD.replace("\"t\"", "17").as_bytes()), (0, 1));
        assert_eq!(both(RECORD.replace("\"b\"", "\"\\ud83d \\\\ud83d\"").as_bytes()), (0, 1));
        assert_eq!(both(RECORD.replace("\"b\"", "\"b\nc\nd\"").as_bytes()), (0, 1));
        assert_eq!(both(RECORD.replace("{\"type\":", "{\"text\":1,\"type\":").as_bytes()), (0, 1));
        let mut bytes = RECORD.as_bytes().to_vec();
        bytes[RECORD.rfind("b\"").unwrap()] = 0xE6;
        assert_eq!(both(&bytes), (0, 1));
    }
}
