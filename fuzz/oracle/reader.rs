//! What holds of the reader, whatever the bytes.
//!
//! * Every byte that is not white space is in a record or is told as damage.
//! * A record stands where it says, on the line that it says, and no two overlap; they come in the order of the file.
//! * A line that is JSON is not told as broken, one that is a record of today's shape is one, and a record that is not
//!   JSON as it stands is told as damaged: `serde_json` is the judge of all three.
//! * Nothing depends on how the bytes come: not on short reads, not on being packed, not on an end that is set before the
//!   file's own.
//! * A record on a line of its own is found, whatever stands before it.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use rehydra::rollout::DamageKind;
use rehydra::rollout::reader::{Found, Reader};
use serde_json::Value;

const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";
/// Lines beyond this are skipped in one of the readings.
const SHORT_LINE: usize = 150;
/// How much of a packed file is compared.
const UNPACKED_BYTES: u64 = 1 << 20;
/// The largest window that the reader grants.
const WINDOW_LOG: u32 = 26;

pub(crate) fn holds(bytes: &[u8]) {
    if bytes.starts_with(ZSTD) {
        return packed_holds(bytes);
    }
    let all = found(Reader::from_bytes(bytes.to_vec()));
    all_is_told(bytes, &all);
    records_are_in_place(bytes, &all);
    serde_json_agrees(bytes, &all);
    all_is_told(bytes, &found(Reader::from_bytes(bytes.to_vec()).with_line_limit(SHORT_LINE)));
    let short = Reader::new(Box::new(Short(Cursor::new(bytes.to_vec())))).expect("memory can be read");
    assert_eq!(found(short), all, "by short reads");
    let packed = zstd::bulk::compress(bytes, 1).expect("memory can be packed");
    assert_eq!(found(Reader::from_bytes(packed)), all, "packed");
    let cut = bytes.len() / 2;
    let before = found(Reader::from_bytes(bytes[..cut].to_vec()));
    assert_eq!(found(Reader::from_bytes(bytes.to_vec()).until(cut as u64)), before, "up to {cut}");
    one_more_is_found(bytes, &all);
}

fn found(reader: Reader) -> Vec<Found> {
    reader.map(|found| found.expect("memory can be read")).collect()
}

/// What a packed file holds is read as if it were not packed, but for why it ends.
fn packed_holds(bytes: &[u8]) {
    let Ok(mut decoder) = zstd::Decoder::new(bytes) else { return };
    decoder.window_log_max(WINDOW_LOG).expect("a window that zstd knows");
    let mut plain = Vec::new();
    let unpacked = decoder.take(UNPACKED_BYTES + 1).read_to_end(&mut plain);
    if plain.len() as u64 > UNPACKED_BYTES {
        Reader::from_bytes(bytes.to_vec()).until(UNPACKED_BYTES).for_each(drop);
    } else if unpacked.is_ok() && !plain.starts_with(ZSTD) {
        assert_eq!(found(Reader::from_bytes(bytes.to_vec())), found(Reader::from_bytes(plain)), "unpacked");
    } else {
        Reader::from_bytes(bytes.to_vec()).for_each(drop);
    }
}

fn all_is_told(bytes: &[u8], all: &[Found]) {
    let mut untold = bytes.to_vec();
    for found in all {
        let place = match found {
            Found::Record(record) => &record.bytes,
            Found::Damage(damage) => &damage.bytes,
        };
        untold.get_mut(place.start as usize..place.end as usize).expect("a place in the file").fill(b' ');
    }
    assert!(untold.iter().all(u8::is_ascii_whitespace), "passed over: {:?}", String::from_utf8_lossy(&untold));
}

fn records_are_in_place(bytes: &[u8], all: &[Found]) {
    let mut last = 0;
    let (mut counted, mut newlines) = (0, 0);
    for found in all {
        let Found::Record(record) = found else { continue };
        let (start, end) = (record.bytes.start as usize, record.bytes.end as usize);
        assert!(last <= start && start < end, "{record:?} overlaps the one before it, which ends at {last}");
        newlines += bytes[counted..start].iter().filter(|byte| **byte == b'\n').count() as u64;
        counted = start;
        assert_eq!(record.line, Some(newlines + 1), "{record:?}");
        let here = &bytes[start..end];
        assert!(
            is_it(&String::from_utf8_lossy(here), record.raw()) || here.contains(&b'\n'),
            "{record:?} does not stand there"
        );
        last = end;
    }
}

/// Whether a record is what stands there, but for halves of surrogate pairs, in whose place an escape of the same length is.
fn is_it(here: &str, raw: &str) -> bool {
    let mut mended = here.as_bytes().to_vec();
    for (at, whole) in raw.match_indices("\\ufffd") {
        if let Some(escape) = mended.get_mut(at..at + whole.len())
            && matches!(escape, [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
        {
            escape.copy_from_slice(whole.as_bytes());
        }
    }
    mended == raw.as_bytes()
}

fn serde_json_agrees(bytes: &[u8], all: &[Found]) {
    let damages = || all.iter().filter_map(|found| if let Found::Damage(damage) = found { Some(damage) } else { None });
    let records = || all.iter().filter_map(|found| if let Found::Record(record) = found { Some(record) } else { None });
    for record in records() {
        let touches = |place: &std::ops::Range<u64>| place.start < record.bytes.end && record.bytes.start < place.end;
        let is_told = damages().any(|damage| touches(&damage.bytes));
        assert!(is_json(record.raw().as_bytes()) || is_told, "a record that is none: {}", record.raw());
    }
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len() as u64;
        let broken = damages().find(|damage| {
            let here = damage.bytes.start >= start && damage.bytes.end <= end;
            here && matches!(damage.kind, DamageKind::BadJson | DamageKind::TornTail | DamageKind::InvalidUtf8)
        });
        if let (Some(broken), true) = (broken, is_json(line)) {
            panic!("{broken:?} in a line that is JSON: {}", String::from_utf8_lossy(line));
        }
        if is_record(line) {
            let is_found = records().any(|record| start <= record.bytes.start && record.bytes.end <= end);
            assert!(is_found, "no record: {}", String::from_utf8_lossy(line));
        }
        start = end;
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok()
}

/// Whether a line is an envelope with everything that belongs into one.
fn is_record(line: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(line) else { return false };
    line.starts_with(b"{") && value["type"].is_string() && value["payload"].is_object()
}

fn one_more_is_found(bytes: &[u8], all: &[Found]) {
    const LATE: &str = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"late"}}"#;
    let longer = found(Reader::from_bytes([bytes, b"\n", LATE.as_bytes(), b"\n"].concat()));
    let records = |all: &[Found]| -> Vec<String> {
        let raw = |found: &Found| if let Found::Record(record) = found { Some(record.raw().to_owned()) } else { None };
        all.iter().filter_map(raw).collect()
    };
    let mut expected = records(all);
    expected.push(LATE.to_owned());
    assert_eq!(records(&longer), expected, "with one more");
}

/// Gives a few bytes at a time, and never as many as the time before.
struct Short(Cursor<Vec<u8>>);

impl Read for Short {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = (self.0.position() % 61 * 7 + 3) as usize;
        let len = len.min(into.len());
        self.0.read(&mut into[..len])
    }
}

impl Seek for Short {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
