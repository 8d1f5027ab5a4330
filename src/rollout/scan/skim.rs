//! One pass over a line: whether it is JSON, and where its parts stand.
//!
//! A rollout's line is looked at before anything is built from it: most records never reach the model, and those that do
//! are passed on as the text they are. So a line is checked here without an allocation, and the few keys that decide
//! what becomes of it are given as spans.
//!
//! What is accepted is exactly what `serde_json` accepts as a value: nesting below [`ROLLOUT_NESTING`], numbers within
//! the range of an `f64`, no lone surrogates, no control characters in strings. The last of several equal keys wins, as
//! in a `serde_json` map. The text is taken as UTF-8 that was checked before. Strings are passed over eight bytes at a
//! time, and by `memchr` where they are long. A healthy line holds no control character at all, and escapes of five
//! kinds mostly; where one wide pass over it tells that ([`Skim::of_line`]), a string is passed over by looking for the
//! quote that ends it.

use super::super::damage::DamageKind;
use super::keys::{Sort, Span, sort_of};
use crate::limits::ROLLOUT_NESTING;

/// Why a text is no JSON value, and where that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Flaw {
    pub(in super::super) at: usize,
    pub(in super::super) kind: FlawKind,
}

/// See [`Flaw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum FlawKind {
    /// The text ends before the value does.
    Ends,
    /// The text ends inside a string.
    EndsInString,
    /// No JSON.
    Syntax,
    /// An escaped half of a surrogate pair.
    LoneSurrogate,
    /// Nested deeper than the limit.
    TooDeep,
}

impl FlawKind {
    pub(in super::super) fn damage(self) -> DamageKind {
        match self {
            FlawKind::TooDeep => DamageKind::TooDeep,
            FlawKind::LoneSurrogate => DamageKind::LoneSurrogate,
            FlawKind::Ends | FlawKind::EndsInString | FlawKind::Syntax => DamageKind::BadJson,
        }
    }
}

/// Checks a text from a place on.
pub(in super::super) struct Skim<'a> {
    text: &'a [u8],
    at: usize,
    /// Containers around the place.
    depth: usize,
    /// What was found out about the whole text before.
    known: Known,
}

/// What is known of a text as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// It holds no control character.
    NoControl,
    /// Nor an escape that is not one of the five that text is full of.
    Simple,
}

impl<'a> Skim<'a> {
    /// From the beginning of `text`.
    pub(in super::super) fn new(text: &'a [u8]) -> Skim<'a> {
        Skim { text, at: 0, depth: 0, known: Known::Nothing }
    }

    /// The same of a text that is expected to be looked at to its end.
    pub(in super::super) fn of_line(text: &'a [u8]) -> Skim<'a> {
        Skim { known: known_of(text), ..Skim::new(text) }
    }

    /// Where it has come to.
    pub(in super::super) fn at(&self) -> usize {
        self.at
    }

    /// The sort of the value that stands here.
    pub(in super::super) fn next_sort(&self) -> Sort {
        sort_of(self.rest())
    }

    /// Passes over white space; whether that was all.
    pub(in super::super) fn is_at_end(&mut self) -> bool {
        self.space();
        self.at >= self.text.len()
    }

    /// Passes over an object; `field` is given each key and must pass over its value, before which this stands.
    pub(in super::super) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &[u8]) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        self.open()?;
        self.space();
        if self.take(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            self.space();
            let text = self.text;
            match text.get(key).unwrap_or_default() {
                plain if !plain.contains(&b'\\') => field(self, plain)?,
                escaped => {
                    let quoted = [b"\"", escaped, b"\""].concat();
                    let key: String = serde_json::from_slice(&quoted).map_err(|_| self.flaw(FlawKind::Syntax))?;
                    field(self, key.as_bytes())?;
                }
            }
            self.space();
            if self.take(b'}') {
                self.depth -= 1;
                return Ok(());
            }
            self.expect(b',')?;
            self.space();
        }
    }

    /// Passes over an array; `element` must pass over each value, before which this stands.
    pub(in super::super) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        self.open()?;
        self.space();
        if self.take(b']') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            self.space();
            element(self)?;
            self.space();
            if self.take(b']') {
                self.depth -= 1;
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Passes over one value of any sort.
    pub(in super::super) fn value(&mut self) -> Result<Span, Flaw> {
        self.space();
        let start = self.at;
        let outside = self.depth;
        // One bit for each container passed into, the innermost lowest: set for an object.
        let mut objects: u128 = 0;
        'value: loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.string()?;
                }
                Some(b'{') => {
                    self.open()?;
                    self.space();
                    objects = objects << 1 | 1;
                    if self.peek() != Some(b'}') {
                        self.key()?;
                        self.space();
                        continue 'value;
                    }
                }
                Some(b'[') => {
                    self.open()?;
                    self.space();
                    objects <<= 1;
                    if self.peek() != Some(b']') {
                        continue 'value;
                    }
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.unexpected()),
            }
            // Behind a value, or at the end of an empty container.
            loop {
                if self.depth == outside {
                    return Ok(start..self.at);
                }
                self.space();
                match (self.peek(), objects & 1) {
                    (Some(b'}'), 1) | (Some(b']'), 0) => {
                        self.at += 1;
                        self.depth -= 1;
                        objects >>= 1;
                    }
                    (Some(b','), 1) => {
                        self.at += 1;
                        self.space();
                        self.key()?;
                        self.space();
                        continue 'value;
                    }
                    (Some(b','), _) => {
                        self.at += 1;
                        self.space();
                        continue 'value;
                    }
                    _ => return Err(self.unexpected()),
                }
            }
        }
    }

    fn open(&mut self) -> Result<(), Flaw> {
        self.depth += 1;
        if self.depth >= ROLLOUT_NESTING {
            return Err(self.flaw(FlawKind::TooDeep));
        }
        self.at += 1;
        Ok(())
    }

    /// A key with its colon; what stands between its quotes.
    fn key(&mut self) -> Result<Span, Flaw> {
        self.expect(b'"')?;
        let start = self.at;
        self.string()?;
        let end = self.at - 1;
        self.space();
        self.expect(b':')?;
        Ok(start..end)
    }

    /// The rest of a string, from behind its opening quote to behind its closing one.
    fn string(&mut self) -> Result<(), Flaw> {
        let has_ended = match self.known {
            Known::Nothing => false,
            Known::NoControl => self.string_by_words(),
            Known::Simple => self.string_by_quotes(),
        };
        if has_ended {
            return Ok(());
        }
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.flaw(FlawKind::Syntax)),
                None => return Err(self.flaw(FlawKind::EndsInString)),
            }
        }
    }

    /// Passes over a string of a text in which every backslash has its right sequel, so that only its end is to be found;
    /// whether there is one.
    fn string_by_quotes(&mut self) -> bool {
        let text = self.text;
        let start = self.at;
        let mut at = start;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            // What is short is not worth a call.
            let stop = rest.first_chunk::<8>().map_or(0, |word| first_of(u64::from_le_bytes(*word), b'"'));
            at += match stop {
                8 => match memchr::memchr(b'"', rest.get(8..).unwrap_or_default()) {
                    Some(further) => 8 + further,
                    None => return false,
                },
                0 => match memchr::memchr(b'"', rest) {
                    Some(further) => further,
                    None => return false,
                },
                stop => stop,
            };
            let before = text.get(start..at).unwrap_or_default();
            let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            at += 1;
            if backslashes % 2 == 0 {
                self.at = at;
                return true;
            }
        }
    }

    /// Passes over a string of a text without control characters, as long as there is nothing in it but plain text and
    /// short escapes and eight bytes are left; whether that was to its end.
    fn string_by_words(&mut self) -> bool {
        let text = self.text;
        let mut at = self.at;
        let mut plain_words = 0;
        let ended = loop {
            let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) else { break false };
            let stop = first_quote(u64::from_le_bytes(*word));
            at += stop;
            if stop == 8 {
                plain_words += 1;
                if plain_words == WORDS {
                    let rest = text.get(at..).unwrap_or_default();
                    at += memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                }
                continue;
            }
            plain_words = 0;
            match (word.get(stop), text.get(at + 1)) {
                (Some(b'"'), _) => {
                    at += 1;
                    break true;
                }
                (_, Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
                _ => break false,
            }
        };
        self.at = at;
        ended
    }

    /// Passes over what stands in a string for itself.
    fn plain(&mut self) {
        for _ in 0..8 {
            let Some(word) = self.rest().first_chunk::<8>() else {
                self.at += self.rest().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..0x20)).count();
                return;
            };
            match first_stop(u64::from_le_bytes(*word)) {
                8 => self.at += 8,
                stop => {
                    self.at += stop;
                    return;
                }
            }
        }
        let rest = self.rest();
        let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
        let plain = rest.get(..end).unwrap_or(rest);
        // Without an early end, so that many bytes are looked at together.
        let has_control = plain.iter().fold(false, |has, byte| has | (*byte < 0x20));
        let control = if has_control { plain.iter().position(|byte| *byte < 0x20) } else { None };
        self.at += control.unwrap_or(end);
    }

    fn escape(&mut self) -> Result<(), Flaw> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.escaped_unit(),
            Some(_) => Err(self.flaw(FlawKind::Syntax)),
            None => Err(self.flaw(FlawKind::Ends)),
        }
    }

    fn escaped_unit(&mut self) -> Result<(), Flaw> {
        let first = self.hex(self.at)?;
        match first {
            0xD800..=0xDBFF => {
                let follows = self.text.get(self.at + 6..).unwrap_or_default();
                if follows.len() < 2 && b"\\u".starts_with(follows) {
                    return Err(Flaw { at: self.text.len(), kind: FlawKind::Ends });
                }
                let pairs = follows.starts_with(b"\\u") && matches!(self.hex(self.at + 6)?, 0xDC00..=0xDFFF);
                if !pairs {
                    return Err(self.flaw(FlawKind::LoneSurrogate));
                }
                self.at += 12;
            }
            0xDC00..=0xDFFF => return Err(self.flaw(FlawKind::LoneSurrogate)),
            _ => self.at += 6,
        }
        Ok(())
    }

    /// The code unit of the `\uXXXX` at `at`.
    fn hex(&self, at: usize) -> Result<u32, Flaw> {
        let digits = self.text.get(at + 2..).unwrap_or_default();
        let digits = digits.get(..4).unwrap_or(digits);
        let unit = digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?));
        match unit {
            Some(unit) if digits.len() == 4 => Ok(unit),
            Some(_) => Err(Flaw { at: self.text.len(), kind: FlawKind::Ends }),
            None => Err(self.flaw(FlawKind::Syntax)),
        }
    }

    fn number(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.unexpected());
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.unexpected());
        }
        let mut may_be_out_of_range = self.at - start > 300;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            may_be_out_of_range = true;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected());
            }
        }
        if matches!(self.peek(), Some(b'0'..=b'9')) {
            // A zero before other digits.
            return Err(self.flaw(FlawKind::Syntax));
        }
        let number = self.text.get(start..self.at).unwrap_or_default();
        if may_be_out_of_range && serde_json::from_slice::<serde_json::Number>(number).is_err() {
            return Err(Flaw { at: start, kind: FlawKind::Syntax });
        }
        Ok(())
    }

    /// Passes over digits and counts them.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Flaw> {
        let rest = self.rest();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(Flaw { at: self.text.len(), kind: FlawKind::Ends })
        } else {
            Err(self.flaw(FlawKind::Syntax))
        }
    }

    #[inline]
    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn flaw(&self, kind: FlawKind) -> Flaw {
        Flaw { at: self.at, kind }
    }

    fn unexpected(&self) -> Flaw {
        self.flaw(if self.at >= self.text.len() { FlawKind::Ends } else { FlawKind::Syntax })
    }
}

/// How many words of plain text are looked at one by one before a search is called, which is worth it where text is long.
const WORDS: u32 = 2;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Which of the eight bytes is the first that ends plain text in a string: a quote, a backslash or a control character;
/// 8 if none does.
#[inline]
fn first_stop(word: u64) -> usize {
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    ((quotes(word) | control) & HIGHS).trailing_zeros() as usize / 8
}

/// The same of a quote or a backslash alone.
#[inline]
fn first_quote(word: u64) -> usize {
    (quotes(word) & HIGHS).trailing_zeros() as usize / 8
}

/// Which of the eight bytes is the first that is this one; 8 if none is.
#[inline]
fn first_of(word: u64, byte: u8) -> usize {
    (zeros(word ^ (ONES * u64::from(byte))) & HIGHS).trailing_zeros() as usize / 8
}

/// Marks quotes and backslashes.
#[inline]
fn quotes(word: u64) -> u64 {
    zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))
}

/// Marks zero bytes by their highest bits. A borrow can mark bytes above the first that is marked rightly, and none
/// below it.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

/// Looks through a whole text. Nothing ends that early, so that many bytes are looked at together. Of backslashes in a
/// row the last may be an escaped one, and have any sequel; such a text is not told to be simple either.
fn known_of(text: &[u8]) -> Known {
    let behind = text.get(1..).unwrap_or_default();
    let (control, other) = text.iter().zip(behind).fold((0, 0), |(control, other), (byte, next)| {
        let is_simple = (*next == b'"') | (*next == b'\\') | (*next == b'n') | (*next == b't') | (*next == b'r');
        (control | u8::from(*byte < 0x20), other | (u8::from(*byte == b'\\') & u8::from(!is_simple)))
    });
    match (control, other) {
        _ if text.last().is_none_or(|byte| *byte < 0x20) => Known::Nothing,
        (0, 0) => Known::Simple,
        (0, _) => Known::NoControl,
        _ => Known::Nothing,
    }
}

#[cfg(test)]
pub(super) mod tests;
