//! One line, taken apart into JSON values and what is torn.
//!
//! A torn record may have later ones glued to it on the same line (Codex up to 0.142 appends without looking at the
//! tail). The search then starts again at each `{"timestamp":"` and takes the first from which the rest of the line is
//! whole. A record quoted inside a string has its quotes escaped, so text can not be taken for one. The number of
//! starts that are tried is bounded.
//!
//! What is torn may be noise or a turn's words; its head often tells which. Where it does not, it counts as a loss.

use std::ops::Range;

use serde_json::Value;

use super::damage::DamageKind;
use super::record;
use crate::limits::ROLLOUT_NESTING;

/// How often a line is looked through for the start of a glued record.
const RESYNC_TRIES: usize = 16;
const RECORD_START: &[u8] = b"{\"timestamp\":\"";
// The nesting limit is the one that serde_json has built in.
const _: () = assert!(ROLLOUT_NESTING == 128);

/// One JSON value of a line.
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) value: Value,
}

/// A line: whole values, then perhaps something torn, then perhaps whole values up to its end.
pub(super) struct Split {
    pub(super) whole: Vec<Part>,
    /// Where, and what is wrong with it.
    pub(super) torn: Option<(Range<usize>, DamageKind)>,
    pub(super) rest: Vec<Part>,
}

/// Takes a line apart.
pub(super) fn split(text: &[u8]) -> Split {
    let (whole, stopped) = values_from(text, 0);
    let Some((from, kind)) = stopped else { return Split { whole, torn: None, rest: Vec::new() } };
    let mut at = from + 1;
    for _ in 0..RESYNC_TRIES {
        let Some(next) = find(text, RECORD_START, at) else { break };
        let (rest, stopped) = values_from(text, next);
        if stopped.is_none() {
            return Split { whole, torn: Some((from..next, kind)), rest };
        }
        at = next + 1;
    }
    Split { whole, torn: Some((from..text.len(), kind)), rest: Vec::new() }
}

/// The values that stand one after the other from `from` on, and where and why that ends before the line does.
fn values_from(text: &[u8], from: usize) -> (Vec<Part>, Option<(usize, DamageKind)>) {
    let mut parts = Vec::new();
    let mut at = from;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        at += rest.iter().take_while(|byte| is_space(**byte)).count();
        let rest = text.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return (parts, None);
        }
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let end = at + values.byte_offset();
                parts.push(Part { range: at..end, value });
                at = end;
            }
            Some(Err(error)) => return (parts, Some((at, cause(&error, rest)))),
            None => return (parts, None),
        }
    }
}

fn cause(error: &serde_json::Error, bytes: &[u8]) -> DamageKind {
    if error.to_string().starts_with("recursion limit exceeded") {
        DamageKind::TooDeep
    } else if std::str::from_utf8(bytes).is_err() {
        DamageKind::InvalidUtf8
    } else {
        DamageKind::BadJson
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// What a text without any content is.
pub(super) fn emptiness(text: &[u8]) -> Option<DamageKind> {
    if text.iter().any(|byte| !is_space(*byte) && *byte != 0) {
        return None;
    }
    Some(if text.contains(&0) { DamageKind::NulBytes } else { DamageKind::Blank })
}

fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    rest.windows(needle.len()).position(|window| window == needle).map(|at| from + at)
}

/// Whether an unreadable record may have held something that reaches the model, as far as its head tells.
pub(super) fn may_lose_content(bytes: &[u8]) -> bool {
    let mut kinds = kinds_in(bytes);
    match kinds.next() {
        Some(b"event_msg") => kinds.next().is_none_or(|event| event == b"thread_rolled_back"),
        Some(kind) => !std::str::from_utf8(kind).is_ok_and(record::is_bookkeeping_kind),
        None => true,
    }
}

/// The complete values of `"type":"…"` in `bytes`, in order. The envelope's stands before its payload's.
fn kinds_in(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const KEY: &[u8] = b"\"type\":\"";
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = find(bytes, KEY, at)? + KEY.len();
        let rest = bytes.get(start..)?;
        let len = rest.iter().position(|byte| *byte == b'"')?;
        at = start + len;
        rest.get(..len)
    })
}
