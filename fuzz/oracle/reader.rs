//! What holds of the reader, whatever the bytes.
//!
//! Every byte that is not white space is in a record or is told as damage. A line that is JSON is not told as broken, and a
//! record that is not JSON as it stands is told as damaged: `serde_json` is the judge of both.

use rehydra::rollout::DamageKind;
use rehydra::rollout::reader::{Found, Reader};
use serde_json::Value;

const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";

pub(crate) fn holds(bytes: &[u8]) {
    if bytes.starts_with(ZSTD) {
        // Places are those of the unpacked text: that it can be read without harm is all that can be said of it here.
        Reader::from_bytes(bytes.to_vec()).for_each(drop);
        return;
    }
    let mut untold = bytes.to_vec();
    let mut damages = Vec::new();
    let mut records = Vec::new();
    for found in Reader::from_bytes(bytes.to_vec()) {
        let place = match found.expect("memory can be read") {
            Found::Record(record) => {
                let place = record.bytes.clone();
                records.push(record);
                place
            }
            Found::Damage(damage) => {
                damages.push((damage.bytes.clone(), damage.kind));
                damage.bytes
            }
        };
        let told = untold.get_mut(place.start as usize..place.end as usize).expect("a place in the file");
        told.fill(b' ');
    }
    assert!(untold.iter().all(u8::is_ascii_whitespace), "passed over: {:?}", String::from_utf8_lossy(&untold));
    for record in &records {
        let is_told = damages.iter().any(|(place, _)| place.start < record.bytes.end && record.bytes.start < place.end);
        assert!(is_json(record.raw().as_bytes()) || is_told, "a record that is none: {}", record.raw());
    }
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len() as u64;
        let broken = damages.iter().find(|(place, kind)| {
            let here = place.start >= start && place.end <= end;
            here && matches!(kind, DamageKind::BadJson | DamageKind::TornTail | DamageKind::InvalidUtf8)
        });
        if let (Some(broken), true) = (broken, is_json(line)) {
            panic!("{broken:?} in a line that is JSON: {}", String::from_utf8_lossy(line));
        }
        start = end;
    }
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok()
}
