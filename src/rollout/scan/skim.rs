//! One pass over a line: whether it is JSON, and where its parts stand.
//!
//! A rollout's line is looked at before anything is built from it: most records never reach the model, and those that do
//! are passed on as the text they are. So a line is checked here without an allocation, and the few keys that decide
//! what becomes of it are given as spans.
//!
//! What is accepted is exactly what `serde_json` accepts as a value: nesting below [`ROLLOUT_NESTING`], numbers within
//! the range of an `f64`, no lone surrogates, no control characters in strings. The last of several equal keys wins, as
//! in a `serde_json` map. The text is taken as UTF-8 that was checked before. How strings are passed over stands in
//! [`super::strings`].

use super::super::damage::DamageKind;
use super::keys::{Sort, Span, sort_of};
use super::strings::{Known, known_of};
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
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    /// Containers around the place.
    depth: usize,
    /// What was found out about the whole text before.
    pub(super) known: Known,
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
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn flaw(&self, kind: FlawKind) -> Flaw {
        Flaw { at: self.at, kind }
    }

    fn unexpected(&self) -> Flaw {
        self.flaw(if self.at >= self.text.len() { FlawKind::Ends } else { FlawKind::Syntax })
    }
}

#[cfg(test)]
pub(super) mod tests;
