//! What stands on a line: records, and what is wrong with it.
//!
//! A healthy line is one object and is taken as it lies; only a line that is not goes through [`split`], which finds
//! what can still be used of it. Records and damage are queued in the order of the file, records as places in the text of
//! their line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use super::super::damage::{Consequence, Damage, DamageKind};
use super::super::items::BETWEEN_AGENTS;
use super::super::record::{self, Kind, Parts, Shape, Told};
use super::keys::Envelope;
use super::lines::{Line, LineSort};
use super::split::{Part, Split, emptiness, may_lose_content, one_object, split, stands_whole_in};
use super::strings::with_whole_pairs;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Something found on a line.
#[allow(clippy::large_enum_variant, reason = "nearly all that is found is a record")]
pub(in super::super) enum Queued {
    /// A record; `place` is where it stands in the text of its line.
    Record {
        bytes: Range<u64>,
        line: Option<u64>,
        place: Range<usize>,
        kind: Kind,
        parts: Parts,
    },
    Damage(Damage),
}

/// Takes lines apart, and remembers of a file what decides how its further lines are read.
#[derive(Default)]
pub(in super::super) struct Sift {
    pub(in super::super) shape: Option<Shape>,
    pub(in super::super) queue: VecDeque<Queued>,
    /// That lines end with `\r\n` has been told.
    told_carriage_return: bool,
    /// The last ordinal.
    ordinal: Option<u64>,
}

/// A line without what is not its text.
struct Trimmed<'a> {
    text: &'a [u8],
    /// How much was taken from its front.
    from: usize,
}

impl Sift {
    /// Takes a line that is one object; whether it is. `previous` is the text of the line before, if it is known.
    pub(in super::super) fn take_healthy(&mut self, line: &Line, text: &[u8], previous: &[u8]) -> bool {
        if line.sort != LineSort::Held {
            return false;
        }
        let trimmed = match text {
            [b'{', .., b'}'] => Trimmed { text, from: 0 },
            _ => trim(text),
        };
        let Some((own, envelope)) = one_object(trimmed.text) else { return false };
        self.tell_trimmed(line, text, &trimmed);
        if !line.terminated {
            self.tell(line, trimmed.from..text.len(), DamageKind::Unterminated, Consequence::Used);
        }
        let is_repeated = text == previous;
        self.interpret(line, trimmed.from..trimmed.from + own.len(), own, Some(envelope), is_repeated);
        true
    }

    /// Takes any other line. `stands_behind`: what is torn stands whole on the next line.
    pub(in super::super) fn take_odd(&mut self, line: &Line, text: &[u8], stands_behind: bool) {
        let len = usize::try_from(line.end - line.start).unwrap_or(usize::MAX);
        match line.sort {
            LineSort::Held => {}
            LineSort::Empty => return self.tell(line, 0..len, DamageKind::Blank, Consequence::Harmless),
            LineSort::TooLong => return self.tell(line, 0..len, DamageKind::TooLong, Consequence::Lost),
            LineSort::LongZeros => return self.tell(line, 0..len, DamageKind::NulBytes, Consequence::Lost),
        }
        let trimmed = trim(text);
        self.tell_trimmed(line, text, &trimmed);
        let Trimmed { text, from } = trimmed;
        if let Some(kind) = emptiness(text) {
            let lost = if kind == DamageKind::NulBytes { Consequence::Lost } else { Consequence::Harmless };
            return self.tell(line, from..from + text.len(), kind, lost);
        }
        let Split { whole, torn, rest } = split(text);
        let found_any = !whole.is_empty() || !rest.is_empty();
        self.interpret_parts(line, from, text, whole);
        if let Some((range, cause)) = torn {
            let bad = text.get(range.clone()).unwrap_or_default();
            let behind = text.get(range.end..).unwrap_or_default();
            let (kind, consequence) = if stands_behind || stands_whole_in(bad, behind) {
                (DamageKind::TornRepeat, Consequence::Harmless)
            } else {
                judge(bad, !rest.is_empty(), line.terminated, cause)
            };
            self.tell(line, from + range.start..from + range.end, kind, consequence);
        } else if found_any && !line.terminated {
            self.tell(line, from..from + text.len(), DamageKind::Unterminated, Consequence::Used);
        }
        self.interpret_parts(line, from, text, rest);
    }

    /// Takes a record that was mended by joining lines; `text` is all of it, and `line` spans them. Whether it is one.
    pub(in super::super) fn take_joined(&mut self, line: &Line, text: &str) -> bool {
        let Some(mended) = self.mended(text) else { return false };
        let len = usize::try_from(line.end - line.start).unwrap_or(usize::MAX);
        self.take_mended(line, 0..len, mended, DamageKind::SplitRecord);
        true
    }

    /// Takes a record with bytes that are not UTF-8, or with escapes that are no characters. Its text as it is read, if it
    /// is one.
    pub(in super::super) fn take_replaced(&mut self, line: &Line, text: &[u8]) -> Option<String> {
        let trimmed = trim(text);
        // White space behind a record is none of it.
        let place = trimmed.from..trimmed.from + trimmed.text.trim_ascii_end().len();
        let lossy = String::from_utf8_lossy(trimmed.text);
        let (replaced, how) = match (with_whole_pairs(&lossy), &lossy) {
            (Cow::Borrowed(_), Cow::Borrowed(_)) => return None,
            (Cow::Owned(replaced), Cow::Borrowed(_)) => (replaced, DamageKind::ReplacedSurrogate),
            (replaced, Cow::Owned(_)) => (replaced.into_owned(), DamageKind::ReplacedBytes),
        };
        let mended = self.mended(&replaced)?;
        self.tell_trimmed(line, text, &trimmed);
        self.take_mended(line, place.clone(), mended, how);
        if !line.terminated {
            self.tell(line, place, DamageKind::Unterminated, Consequence::Used);
        }
        Some(replaced)
    }

    /// The record that a mended text is, if it is one, and how long.
    fn mended(&self, text: &str) -> Option<(Told, usize)> {
        let (own, envelope) = one_object(text.as_bytes())?;
        let told = record::record_of(own, Some(envelope), &mut self.shape.clone()).ok()?;
        Some((told, own.len()))
    }

    /// Takes a record that was mended and stands at `place` in another form.
    fn take_mended(&mut self, line: &Line, place: Range<usize>, (told, len): (Told, usize), how: DamageKind) {
        self.tell(line, place.clone(), how, Consequence::Used);
        self.shape.get_or_insert(Shape::Envelope);
        let Told { kind, parts, .. } = told;
        let bytes = line.start + place.start as u64..line.start + place.end as u64;
        self.queue.push_back(Queued::Record { bytes, line: line.number, place: 0..len, kind, parts });
    }

    fn interpret_parts(&mut self, line: &Line, from: usize, text: &[u8], parts: Vec<Part>) {
        for part in parts {
            // The parts of a line have been checked to be UTF-8.
            let own = text.get(part.range.clone()).and_then(|own| std::str::from_utf8(own).ok()).unwrap_or_default();
            self.interpret(line, from + part.range.start..from + part.range.end, own, part.envelope, false);
        }
    }

    fn interpret(
        &mut self,
        line: &Line,
        place: Range<usize>,
        own: &str,
        envelope: Option<Envelope>,
        is_repeated: bool,
    ) {
        match record::record_of(own, envelope, &mut self.shape) {
            Ok(Told { kind, parts, has_timestamp }) => {
                if !has_timestamp {
                    self.tell(line, place.clone(), DamageKind::NoTimestamp, Consequence::Used);
                }
                if let Kind::Other(kind) = &kind
                    && !record::is_bookkeeping_kind(kind)
                    && kind != BETWEEN_AGENTS
                {
                    self.tell(line, place.clone(), DamageKind::UnknownKind, Consequence::PassedOver);
                }
                if is_repeated && self.shape == Some(Shape::Envelope) && kind != Kind::SessionMeta {
                    // A rollback that stands twice takes back twice as many turns.
                    let takes_more = kind == Kind::Event && may_lose_content(own.as_bytes());
                    let consequence = if takes_more { Consequence::Lost } else { Consequence::Used };
                    self.tell(line, place.clone(), DamageKind::Repeated, consequence);
                } else if self.shape == Some(Shape::Envelope) {
                    self.check_ordinal(line, &place, parts.ordinal(own));
                }
                let bytes = line.start + place.start as u64..line.start + place.end as u64;
                self.queue.push_back(Queued::Record { bytes, line: line.number, place, kind, parts });
            }
            Err(no) => self.tell(line, place, no.kind, no.consequence),
        }
    }

    /// The order of the file is the truth; what an ordinal says against it is told and nothing more. Lines that are read
    /// from the end are not compared.
    fn check_ordinal(&mut self, line: &Line, place: &Range<usize>, ordinal: Option<u64>) {
        match (self.ordinal, ordinal) {
            (Some(_), None) => self.tell(line, place.clone(), DamageKind::NoOrdinal, Consequence::Used),
            (Some(last), Some(now)) if now <= last && line.number.is_some() => {
                self.tell(line, place.clone(), DamageKind::OrdinalOrder, Consequence::Harmless);
            }
            _ => {}
        }
        self.ordinal = ordinal.or(self.ordinal);
    }

    /// What was taken from both ends of a line.
    fn tell_trimmed(&mut self, line: &Line, whole: &[u8], trimmed: &Trimmed<'_>) {
        if trimmed.from > 0 {
            self.tell(line, 0..trimmed.from, DamageKind::ByteOrderMark, Consequence::Harmless);
        }
        let end = trimmed.from + trimmed.text.len();
        if end < whole.len() && !self.told_carriage_return {
            self.told_carriage_return = true;
            self.tell(line, end..whole.len(), DamageKind::CarriageReturn, Consequence::Harmless);
        }
    }

    fn tell(&mut self, line: &Line, place: Range<usize>, kind: DamageKind, consequence: Consequence) {
        let bytes = line.start + place.start as u64..line.start + place.end as u64;
        self.queue.push_back(Queued::Damage(Damage::new(bytes, line.number, kind, consequence)));
    }
}

/// What a text that is no JSON is, and what is lost with it.
fn judge(bad: &[u8], is_glued: bool, terminated: bool, cause: DamageKind) -> (DamageKind, Consequence) {
    if let Some(kind) = emptiness(bad) {
        return (kind, if kind == DamageKind::NulBytes { Consequence::Lost } else { Consequence::Harmless });
    }
    let kind = match cause {
        _ if is_glued => DamageKind::Glued,
        DamageKind::LoneSurrogate | DamageKind::TooDeep => cause,
        _ if !terminated => DamageKind::TornTail,
        cause => cause,
    };
    (kind, if may_lose_content(bad) { Consequence::Lost } else { Consequence::PassedOver })
}

/// A line without byte order mark and carriage returns.
fn trim(text: &[u8]) -> Trimmed<'_> {
    let from = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut text = text.get(from..).unwrap_or_default();
    while let Some(rest) = text.strip_suffix(b"\r") {
        text = rest;
    }
    Trimmed { text, from }
}
