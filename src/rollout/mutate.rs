//! Damage on purpose.
//!
//! A mutator says itself which markers can no longer be read, and says it from the bytes it changed, without the reader
//! that is to be tested: it looks at whole lines alone and at nothing but where a marker stands. So a reader that loses
//! more than it must is found out.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

use super::items;
use crate::marker::{self, Marker};

/// One way to damage a rollout.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mutator {
    /// Cuts the last record so that `keep` of its bytes stay and its newline goes.
    TornTail {
        /// How much stays.
        keep: Keep,
    },
}

/// See [`Mutator::TornTail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// That many bytes, at most all but one.
    Bytes(u64),
    /// Half of the record.
    Half,
    /// The whole record; only its newline goes.
    AllButNewline,
}

impl Mutator {
    /// Its name in scenario files and journals.
    pub fn name(&self) -> &'static str {
        match self {
            Mutator::TornTail { .. } => "torn-tail",
        }
    }
}

/// A damaged rollout and what the damage did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutated {
    /// The file as it is now.
    pub bytes: Vec<u8>,
    /// Markers that no record which reaches the model holds any more, in order.
    pub destroyed: Vec<Marker>,
    /// Something that a turn said is gone, and what is left of it shows that: whoever uses the file owes a note. A
    /// record that went without a trace is gone unseen, and nothing is owed.
    pub lossy: bool,
}

/// Damages a rollout. Bytes without any record stay as they are.
pub fn apply(mutator: &Mutator, bytes: &[u8]) -> Mutated {
    match mutator {
        Mutator::TornTail { keep } => torn_tail(*keep, bytes),
    }
}

fn torn_tail(keep: Keep, bytes: &[u8]) -> Mutated {
    let record = last_record(bytes);
    let len = record.len();
    let kept = match keep {
        Keep::Bytes(kept) => usize::try_from(kept).unwrap_or(usize::MAX).min(len.saturating_sub(1)),
        Keep::Half => len / 2,
        Keep::AllButNewline => len,
    };
    let cut = bytes.get(..record.start + kept).unwrap_or(bytes).to_vec();
    let Some(said) = bytes.get(record.clone()).filter(|_| kept < len).and_then(visible_in) else {
        return Mutated { bytes: cut, destroyed: Vec::new(), lossy: false };
    };
    let before = bytes.get(..record.start).unwrap_or_default();
    let mut named: HashSet<Marker> = before.split(|byte| *byte == b'\n').filter_map(visible_in).flatten().collect();
    let destroyed = said.into_iter().filter(|marker| named.insert(marker.clone())).collect();
    Mutated { bytes: cut, destroyed, lossy: kept > 0 }
}

/// The last line that is not blank, without its newline.
fn last_record(bytes: &[u8]) -> Range<usize> {
    let end = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    let before = bytes.get(..end).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    start..end
}

/// The markers of a line that reaches the model, repeats included; `None` for every other line.
fn visible_in(line: &[u8]) -> Option<Vec<Marker>> {
    let record: Value = serde_json::from_slice(line).ok()?;
    let visible = match (record.get("type")?.as_str()?, record.get("payload")) {
        ("response_item" | "compacted", Some(payload)) => payload,
        (kind, None) if items::is_known_type(kind) => &record,
        _ => return None,
    };
    let mut markers = Vec::new();
    gather(visible, &mut markers);
    Some(markers)
}

/// Every marker in the texts of a value, in order.
fn gather(value: &Value, markers: &mut Vec<Marker>) {
    match value {
        Value::String(text) => markers.extend(marker::find(text)),
        Value::Array(values) => values.iter().for_each(|value| gather(value, markers)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, markers)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Carrier;

    fn marker(n: u64) -> Marker {
        Marker::new(Carrier::Reply, 1, n)
    }

    fn item(marker: &Marker) -> String {
        format!(
            r#"{{"timestamp":"t","type":"response_item","payload":{{"type":"message","role":"assistant","content":[{{"text":"a\n{marker}"}}]}}}}"#
        )
    }

    fn torn(keep: Keep, text: &str) -> Mutated {
        apply(&Mutator::TornTail { keep }, text.as_bytes())
    }

    #[test]
    fn a_cut_record_takes_its_markers_with_it() {
        let (first, last) = (item(&marker(1)), item(&marker(2)));
        let mutated = torn(Keep::Half, &format!("{first}\n{last}\n"));
        assert_eq!(mutated.bytes, [first.as_bytes(), b"\n", &last.as_bytes()[..last.len() / 2]].concat());
        assert_eq!((mutated.destroyed, mutated.lossy), (vec![marker(2)], true));
    }

    #[test]
    fn a_record_that_keeps_all_its_bytes_loses_nothing() {
        let text = item(&marker(1));
        let mutated = torn(Keep::AllButNewline, &format!("{text}\n"));
        assert_eq!(mutated, Mutated { bytes: text.clone().into_bytes(), destroyed: vec![], lossy: false });
        let mutated = torn(Keep::Bytes(u64::MAX), &format!("{text}\n"));
        assert_eq!((mutated.bytes.len(), mutated.destroyed), (text.len() - 1, vec![marker(1)]));
    }

    #[test]
    fn a_marker_that_another_record_shows_the_model_is_not_destroyed() {
        let twice = item(&marker(1));
        assert_eq!(torn(Keep::Half, &format!("{twice}\n{twice}\n")).destroyed, vec![]);
        let event = format!(r#"{{"timestamp":"t","type":"event_msg","payload":{{"message":"{}"}}}}"#, marker(3));
        let of_event = torn(Keep::Half, &format!("{twice}\n{event}\n"));
        assert_eq!((of_event.destroyed, of_event.lossy), (vec![], false));
        assert_eq!(torn(Keep::Half, &format!("{event}\n{}\n", item(&marker(3)))).destroyed, vec![marker(3)]);
    }

    #[test]
    fn a_record_without_a_trace_is_gone_unseen() {
        let text = item(&marker(1));
        let mutated = torn(Keep::Bytes(0), &format!("{text}\n"));
        assert_eq!(mutated, Mutated { bytes: vec![], destroyed: vec![marker(1)], lossy: false });
        assert_eq!(torn(Keep::Half, "").bytes, b"");
    }
}
