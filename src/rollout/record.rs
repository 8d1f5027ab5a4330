//! Records: what one line of a rollout can be.
//!
//! Two shapes exist. From 0.36 on every line is an envelope `{"timestamp", ["ordinal"], "type", "payload", …}`. Before
//! that (0.20, 0.29) line 1 is a bare `{"id", "timestamp", "instructions"}`, and what follows are bare response items
//! among `{"record_type": …}` lines of bookkeeping.
//!
//! A line is kept as the text it is and never passed through a derived type: real payloads hold floats, large integers
//! and keys of later versions, and a typed envelope lost such records in Codex itself (0.146 to 0.153). A payload
//! becomes a value only where somebody asks for it ([`Record::payload`]); what this build does not know is kept as it
//! stands.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::damage::{Consequence, DamageKind};
use super::items::{self, ItemFacts};
use super::scan::keys::{Envelope, Sort, Span, sort_of, text_of};
use super::scan::value::value_of;

/// One line of a rollout, taken apart. Two glued lines give two records.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it stands, in bytes of the file, without its newline.
    pub bytes: Range<u64>,
    /// Its line, from 1; `None` where the file is read from its end.
    pub line: Option<u64>,
    /// The envelope's timestamp as written, RFC 3339 in UTC.
    pub timestamp: Option<String>,
    /// The envelope's ordinal (paginated files, 0.148 and later).
    pub ordinal: Option<u64>,
    /// What it is.
    pub kind: Kind,
    raw: String,
    payload: Range<usize>,
}

impl Record {
    /// The text it was read from.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The text of its payload; of a bare record, which has none, the whole text.
    pub fn payload_text(&self) -> &str {
        self.raw.get(self.payload.clone()).unwrap_or_default()
    }

    /// Its payload as a value, numbers as they were written.
    pub fn payload(&self) -> Value {
        value_of(self.payload_text())
    }
}

/// What a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `session_meta`.
    SessionMeta,
    /// Line 1 of a bare file.
    BareMeta,
    /// `response_item`, or a bare response item.
    ResponseItem,
    /// `compacted`.
    Compacted,
    /// `turn_context`.
    TurnContext,
    /// `event_msg`.
    Event,
    /// A bare file's bookkeeping (`record_type`).
    Bookkeeping,
    /// Any other kind of envelope, known or not, by its name.
    Other(String),
}

/// A record in the memory of its reader: what [`Record`] holds, and nothing copied.
#[derive(Clone, Debug)]
pub(super) struct RawRecord<'a> {
    pub(super) bytes: Range<u64>,
    pub(super) line: Option<u64>,
    pub(super) kind: Kind,
    text: &'a str,
    parts: Parts,
}

/// Where the parts of a record stand in its text.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// The whole text where there is no envelope.
    payload: Span,
    envelope: Envelope,
}

impl Parts {
    /// The envelope's ordinal in the text of its record.
    pub(super) fn ordinal(&self, text: &str) -> Option<u64> {
        text.get(self.envelope.ordinal.clone()?)?.parse().ok()
    }
}

impl<'a> RawRecord<'a> {
    /// A record whose text is `text`.
    pub(super) fn new(bytes: Range<u64>, line: Option<u64>, kind: Kind, text: &'a str, parts: Parts) -> RawRecord<'a> {
        RawRecord { bytes, line, kind, text, parts }
    }

    /// See [`Record::raw`].
    pub(super) fn raw(&self) -> &'a str {
        self.text
    }

    /// See [`Record::payload_text`].
    pub(super) fn payload_text(&self) -> &'a str {
        self.text.get(self.parts.payload.clone()).unwrap_or_default()
    }

    /// See [`Record::payload`].
    pub(super) fn payload(&self) -> Value {
        value_of(self.payload_text())
    }

    /// See [`Record::timestamp`].
    pub(super) fn timestamp(&self) -> Option<Cow<'a, str>> {
        text_of(self.at(&self.parts.envelope.timestamp)?)
    }

    /// See [`Record::ordinal`].
    pub(super) fn ordinal(&self) -> Option<u64> {
        self.parts.ordinal(self.text)
    }

    /// The `type` of its payload.
    pub(super) fn payload_type(&self) -> Option<Cow<'a, str>> {
        let span = if self.is_bare() { &self.parts.envelope.kind } else { &self.parts.envelope.inner.kind };
        text_of(self.at(span)?)
    }

    /// What the payload says as a response item.
    pub(super) fn item_facts(&self) -> ItemFacts<'a> {
        if self.is_bare() {
            return ItemFacts::of(self.payload_text());
        }
        ItemFacts::from_keys(self.text, &self.parts.envelope.inner)
    }

    /// The record by itself.
    pub(super) fn to_record(&self) -> Record {
        Record {
            bytes: self.bytes.clone(),
            line: self.line,
            timestamp: self.timestamp().map(Cow::into_owned),
            ordinal: self.ordinal(),
            kind: self.kind.clone(),
            raw: self.raw().to_owned(),
            payload: self.parts.payload.clone(),
        }
    }

    fn is_bare(&self) -> bool {
        self.parts.payload == (0..self.text.len())
    }

    fn at(&self, span: &Option<Span>) -> Option<&'a str> {
        self.text.get(span.clone()?)
    }
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
#[derive(Debug)]
pub(super) struct NoRecord {
    pub(super) kind: DamageKind,
    pub(super) consequence: Consequence,
}

/// A value that is a record.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) parts: Parts,
    /// It has a timestamp, or is of a shape that has none.
    pub(super) has_timestamp: bool,
}

/// What the value whose text this is, is as a record. `shape` is what the file has shown so far, and is set by the first
/// value that tells.
pub(super) fn record_of(text: &str, envelope: Option<Envelope>, shape: &mut Option<Shape>) -> Result<Told, NoRecord> {
    let Some(envelope) = envelope else {
        return Err(NoRecord { kind: DamageKind::NotARecord, consequence: Consequence::PassedOver });
    };
    let at = |span: &Option<Span>| span.clone().and_then(|span| text.get(span));
    let is = |span: &Option<Span>, sort| at(span).is_some_and(|value| sort_of(value.as_bytes()) == sort);
    let has_timestamp = is(&envelope.timestamp, Sort::Text);
    let kind = at(&envelope.kind).and_then(text_of);
    let bare = |kind, envelope| Told { kind, parts: Parts { payload: 0..text.len(), envelope }, has_timestamp: true };
    match (kind, envelope.payload.clone().filter(|_| is(&envelope.payload, Sort::Object))) {
        (Some(kind), Some(payload)) => {
            shape.get_or_insert(Shape::Envelope);
            let kind = envelope_kind(&kind);
            Ok(Told { kind, parts: Parts { payload, envelope }, has_timestamp })
        }
        (Some(kind), None) if *shape == Some(Shape::Bare) || (shape.is_none() && items::is_known_type(&kind)) => {
            *shape = Some(Shape::Bare);
            Ok(bare(Kind::ResponseItem, Envelope { timestamp: None, ordinal: None, ..envelope }))
        }
        (None, _) if envelope.record_type.is_some() && *shape != Some(Shape::Envelope) => {
            Ok(bare(Kind::Bookkeeping, Envelope { timestamp: None, ordinal: None, ..envelope }))
        }
        (None, _) if shape.is_none() && is(&envelope.id, Sort::Text) => {
            *shape = Some(Shape::Bare);
            Ok(bare(Kind::BareMeta, envelope))
        }
        _ => Err(NoRecord { kind: DamageKind::NotARecord, consequence: Consequence::Lost }),
    }
}

fn envelope_kind(kind: &str) -> Kind {
    match kind {
        "session_meta" => Kind::SessionMeta,
        "response_item" => Kind::ResponseItem,
        "compacted" => Kind::Compacted,
        "turn_context" => Kind::TurnContext,
        "event_msg" => Kind::Event,
        other => Kind::Other(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::scan::skim::Skim;
    use super::*;

    fn read(value: Value, shape: &mut Option<Shape>) -> Option<Record> {
        let text = value.to_string();
        let envelope = Skim::new(text.as_bytes()).envelope().unwrap();
        let told = record_of(&text, envelope, shape).ok()?;
        Some(RawRecord::new(0..text.len() as u64, Some(1), told.kind, &text, told.parts).to_record())
    }

    fn kind(value: Value, shape: &mut Option<Shape>) -> Option<Kind> {
        read(value, shape).map(|record| record.kind)
    }

    #[test]
    fn an_envelope_keeps_floats_and_unknown_kinds() {
        let mut shape = None;
        let payload = json!({"at": 1795363328.7004507_f64, "deep": [18_446_744_073_709_551_615_u64]});
        let line = json!({"timestamp": "t", "ordinal": 3, "type": "novelty", "payload": payload, "metadata": {}});
        let record = read(line.clone(), &mut shape).unwrap();
        assert_eq!((record.kind.clone(), record.payload()), (Kind::Other("novelty".into()), payload.clone()));
        assert_eq!((record.raw(), record.payload_text()), (line.to_string().as_str(), payload.to_string().as_str()));
        assert_eq!((record.timestamp.as_deref(), record.ordinal, shape), (Some("t"), Some(3), Some(Shape::Envelope)));
    }

    #[test]
    fn a_payload_is_what_it_is_whatever_its_keys_are_called() {
        let text = r#"{"timestamp":"t","type":"novelty","payload":{"$serde_json::private::RawValue":"[1]"}}"#;
        let envelope = Skim::new(text.as_bytes()).envelope().unwrap();
        let told = record_of(text, envelope, &mut None).ok().unwrap();
        let record = RawRecord::new(0..text.len() as u64, Some(1), told.kind, text, told.parts);
        assert_eq!(record.payload().to_string(), record.payload_text());
        assert_eq!(record.to_record().payload(), record.payload());
    }

    #[test]
    fn a_bare_file_is_known_by_its_first_line_or_its_first_item() {
        let mut shape = None;
        assert_eq!(kind(json!({"id": "x", "timestamp": "t"}), &mut shape), Some(Kind::BareMeta));
        assert_eq!(kind(json!({"type": "message", "role": "user"}), &mut shape), Some(Kind::ResponseItem));
        assert_eq!(kind(json!({"record_type": "state"}), &mut shape), Some(Kind::Bookkeeping));
        let mut headless = None;
        let item = read(json!({"type": "message"}), &mut headless).unwrap();
        assert_eq!((item.kind.clone(), item.payload_text()), (Kind::ResponseItem, item.raw()));
        assert_eq!(headless, Some(Shape::Bare));
    }

    #[test]
    fn a_bare_item_in_an_envelope_file_is_no_record() {
        let mut shape = Some(Shape::Envelope);
        assert_eq!(read(json!({"type": "message", "role": "user"}), &mut shape), None);
        assert_eq!(read(json!(42), &mut shape), None);
    }
}
