//! How a string is passed over, which is most of what a line is.
//!
//! It is looked at eight bytes at a time, and by `memchr` where it is long. A healthy line holds no control character at
//! all, and escapes of five kinds mostly; where one wide pass over it tells that ([`known_of`]), a string is passed over by
//! looking for the quote that ends it, and none of its escapes is looked at by itself.

use std::borrow::Cow;

use super::skim::{Flaw, FlawKind, Skim};

/// What is known of a text as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// It holds no control character.
    NoControl,
    /// Nor an escape that is not one of the five that text is full of.
    Simple,
}

impl Skim<'_> {
    /// The rest of a string, from behind its opening quote to behind its closing one.
    pub(super) fn string(&mut self) -> Result<(), Flaw> {
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
    pub(super) fn plain(&mut self) {
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
}

/// With an escaped U+FFFD in place of each escape that is half of a surrogate pair.
pub(in super::super) fn with_whole_pairs(text: &str) -> Cow<'_, str> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut whole = String::new();
    let (mut kept, mut at) = (0, 0);
    while let Some(further) = memchr::memchr(b'\\', text.as_bytes().get(at..).unwrap_or_default()) {
        at += further;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                whole.push_str(text.get(kept..at).unwrap_or_default());
                whole.push_str("\\ufffd");
                kept = at + 6;
                6
            }
            // Whatever is escaped, it begins no escape.
            _ => 2,
        };
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    whole.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(whole)
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
pub(super) fn known_of(text: &[u8]) -> Known {
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
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_nothing_else() {
        let same = [r"\ud83d\ude00", r"\\ud83d", r"\u00e9 \n \u+d83", "\\\u{1F600}ud83d", r"\", r"\ud8"];
        for text in same {
            assert!(matches!(with_whole_pairs(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(with_whole_pairs(r"a\ud83db"), r"a\ufffdb");
        assert_eq!(with_whole_pairs(r"\uDE00\ud83d\ud83d\ude00\\\ud83d"), r"\ufffd\ufffd\ud83d\ude00\\\ufffd");
    }
}
