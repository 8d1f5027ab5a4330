//! A line that is not one record: taken apart into JSON values and what is torn.
//!
//! A torn record may have later ones glued to it on the same line (Codex up to 0.142 appends without looking at the
//! tail). The search then starts again at each `{"timestamp":"` and takes the first from which the rest of the line is
//! whole. A record quoted inside a string has its quotes escaped, so text can not be taken for one. The number of
//! starts that are tried is bounded.
//!
//! What is torn may be noise or a turn's words; its head often tells which. Where it does not, it counts as a loss.

use std::ops::Range;

use super::super::damage::DamageKind;
use super::super::record;
use super::keys::Envelope;
use super::skim::Skim;

/// How often a line is looked through for the start of a glued record.
const RESYNC_TRIES: usize = 16;
const RECORD_START: &[u8] = b"{\"timestamp\":\"";

/// One JSON value of a line.
pub(in super::super) struct Part {
    pub(in super::super) range: Range<usize>,
    /// Its keys, in bytes of its own text; `None` where it is no object.
    pub(in super::super) envelope: Option<Envelope>,
}

/// A line: whole values, then perhaps something torn, then perhaps whole values up to its end.
pub(in super::super) struct Split {
    pub(in super::super) whole: Vec<Part>,
    /// Where, and what is wrong with it.
    pub(in super::super) torn: Option<(Range<usize>, DamageKind)>,
    pub(in super::super) rest: Vec<Part>,
}

/// The one object that a healthy line is, with its keys.
pub(in super::super) fn one_object(text: &[u8]) -> Option<(&str, Envelope)> {
    if text.first() != Some(&b'{') {
        return None;
    }
    let whole = simdutf8::basic::from_utf8(text).ok()?;
    let mut skim = Skim::of_line(text);
    let envelope = skim.envelope().ok()??;
    let own = whole.get(..skim.at())?;
    skim.is_at_end().then_some((own, envelope))
}

/// Takes a line apart.
pub(in super::super) fn split(text: &[u8]) -> Split {
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
        at += text.get(at..).unwrap_or_default().iter().take_while(|byte| is_space(**byte)).count();
        let rest = text.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return (parts, None);
        }
        let mut skim = Skim::new(rest);
        let flaw = match skim.envelope() {
            Ok(envelope) if is_utf8(rest.get(..skim.at())) => {
                parts.push(Part { range: at..at + skim.at(), envelope });
                at += skim.at();
                continue;
            }
            Ok(_) => DamageKind::InvalidUtf8,
            Err(flaw) => flaw.kind.damage(),
        };
        let kind = if flaw == DamageKind::BadJson && !is_utf8(Some(rest)) { DamageKind::InvalidUtf8 } else { flaw };
        return (parts, Some((at, kind)));
    }
}

fn is_utf8(text: Option<&[u8]>) -> bool {
    text.is_some_and(|text| simdutf8::basic::from_utf8(text).is_ok())
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// What a text without any content is.
pub(in super::super) fn emptiness(text: &[u8]) -> Option<DamageKind> {
    if text.iter().any(|byte| !is_space(*byte) && *byte != 0) {
        return None;
    }
    Some(if text.contains(&0) { DamageKind::NulBytes } else { DamageKind::Blank })
}

fn find(text: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr::memmem::find(rest, needle).map(|at| from + at)
}

/// Whether an unreadable record may have held something that reaches the model, as far as its head tells.
pub(in super::super) fn may_lose_content(bytes: &[u8]) -> bool {
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

/// How far into its payload a torn record must reach to be known again.
const KNOWN_BY: usize = 16;

/// Whether a torn record stands whole in what follows it: a writer that failed has tried again.
pub(in super::super) fn stands_whole_in(torn: &[u8], behind: &[u8]) -> bool {
    let payload = memchr::memmem::find(torn, b"\"payload\":");
    payload.is_some_and(|at| torn.len() >= at + b"\"payload\":".len() + KNOWN_BY) && behind.starts_with(torn)
}
