//! Records: what one line of a rollout can be.
//!
//! Two shapes exist. From 0.36 on every line is an envelope `{"timestamp", ["ordinal"], "type", "payload", …}`. Before
//! that (0.20, 0.29) line 1 is a bare `{"id", "timestamp", "instructions"}`, and what follows are bare response items
//! among `{"record_type": …}` lines of bookkeeping.
//!
//! A line is taken apart as a plain JSON value and never through a derived type: real payloads hold floats, large
//! integers and keys of later versions, and a typed envelope lost such records in Codex itself. What this build does
//! not know is therefore kept as it stands.

use std::ops::Range;

use serde_json::{Map, Value};

use super::damage::DamageKind;
use super::items;

/// One line of a rollout, taken apart. Two glued lines give two records.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it stands, in bytes of the file, without its newline.
    pub bytes: Range<u64>,
    /// Its line, from 1.
    pub line: u64,
    /// The envelope's timestamp as written, RFC 3339 in UTC.
    pub timestamp: Option<String>,
    /// The envelope's ordinal (paginated files, 0.148 and later).
    pub ordinal: Option<u64>,
    /// What it says.
    pub body: Body,
    /// The text it was read from.
    pub raw: String,
}

/// What a record says. Envelope kinds carry their payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `session_meta`.
    SessionMeta(Value),
    /// Line 1 of a bare file.
    BareMeta(Value),
    /// `response_item`, or a bare response item.
    ResponseItem(Value),
    /// `compacted`.
    Compacted(Value),
    /// `turn_context`.
    TurnContext(Value),
    /// `event_msg`.
    Event(Value),
    /// A bare file's bookkeeping (`record_type`).
    Bookkeeping(Value),
    /// Any other kind of envelope, known or not.
    Other {
        /// The envelope's `type`.
        kind: String,
        /// Its payload.
        payload: Value,
    },
}

/// The shape of a file's records, decided by the first one that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// No envelope: 0.20, 0.29.
    Bare,
    /// An envelope on every line: 0.36 and later.
    Envelope,
}

/// Kinds that newer versions write for themselves and never send to the model.
const BOOKKEEPING_KINDS: [&str; 7] = [
    "inter_agent_communication_metadata",
    "token_usage_record",
    "world_state",
    "retained_context",
    "security_risk_score",
    "realtime_item",
    "rollout_reference",
];

/// Whether an envelope kind is known never to reach the model nor to change what does.
pub(super) fn is_bookkeeping_kind(kind: &str) -> bool {
    BOOKKEEPING_KINDS.contains(&kind)
}

/// A value that is no record, and why.
pub(super) struct NoRecord {
    pub(super) kind: DamageKind,
    pub(super) lossy: bool,
}

/// The body of one parsed line; `shape` is what the file has shown so far, and is set by the first line that tells.
pub(super) fn body_of(value: Value, shape: &mut Option<Shape>) -> Result<(Body, Envelope), NoRecord> {
    let Value::Object(mut map) = value else {
        return Err(NoRecord { kind: DamageKind::NotARecord, lossy: false });
    };
    let kind = map.get("type").and_then(Value::as_str).map(str::to_owned);
    match kind {
        Some(kind) if map.get("payload").is_some_and(Value::is_object) => {
            shape.get_or_insert(Shape::Envelope);
            let envelope = Envelope::of(&map);
            let payload = map.remove("payload").unwrap_or_default();
            Ok((envelope_body(kind, payload), envelope))
        }
        Some(kind) if *shape == Some(Shape::Bare) || (shape.is_none() && items::is_known_type(&kind)) => {
            *shape = Some(Shape::Bare);
            Ok((Body::ResponseItem(Value::Object(map)), Envelope::bare()))
        }
        None if map.contains_key("record_type") && *shape != Some(Shape::Envelope) => {
            Ok((Body::Bookkeeping(Value::Object(map)), Envelope::bare()))
        }
        None if shape.is_none() && map.get("id").is_some_and(Value::is_string) => {
            *shape = Some(Shape::Bare);
            let envelope = Envelope { has_timestamp: true, ..Envelope::of(&map) };
            Ok((Body::BareMeta(Value::Object(map)), envelope))
        }
        _ => Err(NoRecord { kind: DamageKind::NotARecord, lossy: true }),
    }
}

fn envelope_body(kind: String, payload: Value) -> Body {
    match kind.as_str() {
        "session_meta" => Body::SessionMeta(payload),
        "response_item" => Body::ResponseItem(payload),
        "compacted" => Body::Compacted(payload),
        "turn_context" => Body::TurnContext(payload),
        "event_msg" => Body::Event(payload),
        _ => Body::Other { kind, payload },
    }
}

/// What the envelope says beside kind and payload.
pub(super) struct Envelope {
    pub(super) timestamp: Option<String>,
    pub(super) ordinal: Option<u64>,
    /// It has a timestamp, or is of a shape that has none.
    pub(super) has_timestamp: bool,
}

impl Envelope {
    fn of(map: &Map<String, Value>) -> Envelope {
        let timestamp = map.get("timestamp").and_then(Value::as_str).map(str::to_owned);
        let ordinal = map.get("ordinal").and_then(Value::as_u64);
        Envelope { has_timestamp: timestamp.is_some(), timestamp, ordinal }
    }

    fn bare() -> Envelope {
        Envelope { timestamp: None, ordinal: None, has_timestamp: true }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value, shape: &mut Option<Shape>) -> Option<Body> {
        body_of(value, shape).ok().map(|(body, _)| body)
    }

    #[test]
    fn an_envelope_keeps_floats_and_unknown_kinds() {
        let mut shape = None;
        let payload = json!({"at": 1795363328.7004507_f64, "deep": [18_446_744_073_709_551_615_u64]});
        let line = json!({"timestamp": "t", "ordinal": 3, "type": "novelty", "payload": payload, "metadata": {}});
        let body = read(line, &mut shape);
        assert_eq!(body, Some(Body::Other { kind: "novelty".into(), payload }));
        assert_eq!(shape, Some(Shape::Envelope));
    }

    #[test]
    fn a_bare_file_is_known_by_its_first_line_or_its_first_item() {
        let mut shape = None;
        assert!(matches!(read(json!({"id": "x", "timestamp": "t"}), &mut shape), Some(Body::BareMeta(_))));
        assert!(matches!(read(json!({"type": "message", "role": "user"}), &mut shape), Some(Body::ResponseItem(_))));
        assert!(matches!(read(json!({"record_type": "state"}), &mut shape), Some(Body::Bookkeeping(_))));
        let mut headless = None;
        assert!(matches!(read(json!({"type": "message"}), &mut headless), Some(Body::ResponseItem(_))));
        assert_eq!(headless, Some(Shape::Bare));
    }

    #[test]
    fn a_bare_item_in_an_envelope_file_is_no_record() {
        let mut shape = Some(Shape::Envelope);
        assert_eq!(read(json!({"type": "message", "role": "user"}), &mut shape), None);
        assert_eq!(read(json!(42), &mut shape), None);
    }
}
