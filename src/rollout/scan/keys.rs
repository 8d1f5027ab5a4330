//! The few keys of a record that decide what becomes of it, as places in the text of its line.

use std::borrow::Cow;
use std::ops::Range;

use super::parts::Contents;
use super::skim::{Flaw, Skim};

/// Where a value stands in its text.
pub(in super::super) type Span = Range<usize>;

/// The keys of an envelope or of a bare line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Envelope {
    pub(in super::super) timestamp: Option<Span>,
    pub(in super::super) ordinal: Option<Span>,
    pub(in super::super) kind: Option<Span>,
    pub(in super::super) payload: Option<Span>,
    pub(in super::super) record_type: Option<Span>,
    pub(in super::super) id: Option<Span>,
    /// The payload's own keys, where it is an object.
    pub(in super::super) inner: Inner,
}

/// The keys of a payload that tell what becomes of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct Inner {
    pub(in super::super) kind: Option<Span>,
    pub(in super::super) role: Option<Span>,
    pub(in super::super) content: Option<Span>,
    pub(in super::super) call_id: Option<Span>,
    pub(in super::super) name: Option<Span>,
    pub(in super::super) arguments: Option<Span>,
    pub(in super::super) input: Option<Span>,
    pub(in super::super) output: Option<Span>,
    pub(in super::super) execution: Option<Span>,
    /// What `content` is made of.
    pub(in super::super) content_parts: Contents,
    /// What `output` is made of.
    pub(in super::super) output_parts: Contents,
}

/// What a value is, as its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sort {
    Object,
    Array,
    Text,
    /// A number, `true`, `false` or `null`.
    Scalar,
}

/// The sort of the value whose text this is.
pub(in super::super) fn sort_of(value: &[u8]) -> Sort {
    match value.first() {
        Some(b'{') => Sort::Object,
        Some(b'[') => Sort::Array,
        Some(b'"') => Sort::Text,
        _ => Sort::Scalar,
    }
}

/// The text that a JSON string stands for; `None` where `value` is no string.
pub(in super::super) fn text_of(value: &str) -> Option<Cow<'_, str>> {
    let inside = value.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(value).ok().map(Cow::Owned)
}

impl Skim<'_> {
    /// The keys of the object that stands here; `None` where another value does.
    pub(in super::super) fn envelope(&mut self) -> Result<Option<Envelope>, Flaw> {
        self.space();
        if self.peek() != Some(b'{') {
            return self.value().map(|_| None);
        }
        let mut envelope = Envelope::default();
        self.object(|skim, key| {
            let slot = match key {
                b"payload" => {
                    let start = skim.at();
                    envelope.inner = skim.inner()?;
                    envelope.payload = Some(start..skim.at());
                    return Ok(());
                }
                b"timestamp" => &mut envelope.timestamp,
                b"ordinal" => &mut envelope.ordinal,
                b"type" => &mut envelope.kind,
                b"record_type" => &mut envelope.record_type,
                b"id" => &mut envelope.id,
                _ => return skim.value().map(drop),
            };
            *slot = Some(skim.value()?);
            Ok(())
        })?;
        Ok(Some(envelope))
    }

    /// The keys of the item that stands here; none where it is no object.
    pub(in super::super) fn inner(&mut self) -> Result<Inner, Flaw> {
        let mut inner = Inner::default();
        self.space();
        if self.peek() != Some(b'{') {
            return self.value().map(|_| inner);
        }
        self.object(|skim, key| {
            let slot = match key {
                b"type" => &mut inner.kind,
                b"role" => &mut inner.role,
                b"content" => {
                    let (span, parts) = skim.parts()?;
                    (inner.content, inner.content_parts) = (Some(span), parts);
                    return Ok(());
                }
                b"call_id" => &mut inner.call_id,
                b"name" => &mut inner.name,
                b"arguments" => &mut inner.arguments,
                b"input" => &mut inner.input,
                b"output" => {
                    let (span, parts) = skim.parts()?;
                    (inner.output, inner.output_parts) = (Some(span), parts);
                    return Ok(());
                }
                b"execution" => &mut inner.execution,
                _ => return skim.value().map(drop),
            };
            *slot = Some(skim.value()?);
            Ok(())
        })?;
        Ok(inner)
    }
}
