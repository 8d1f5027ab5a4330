//! One pass over a line: whether it is JSON, and where its parts stand.
//!
//! A rollout's line is looked at before anything is built from it: most records never reach the model, and those that do
//! are passed on as the text they are. So a line is checked here without an allocation, and the few keys that decide
//! what becomes of it are given as spans.
//!
//! What is accepted is exactly what `serde_json` accepts as a value: nesting below [`ROLLOUT_NESTING`], numbers within
//! the range of an `f64`, no lone surrogates, no control characters in strings. The last of several equal keys wins, as
//! in a `serde_json` map. The text is taken as UTF-8 that was checked before. Strings are passed over eight bytes at a
//! time, and by `memchr` where they are long.

use std::borrow::Cow;
use std::ops::Range;

use super::super::damage::DamageKind;
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

/// Checks a text from a place on.
pub(in super::super) struct Skim<'a> {
    text: &'a [u8],
    at: usize,
    /// Containers around the place.
    depth: usize,
}

impl<'a> Skim<'a> {
    /// From the beginning of `text`.
    pub(in super::super) fn new(text: &'a [u8]) -> Skim<'a> {
        Skim { text, at: 0, depth: 0 }
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
                    let start = skim.at;
                    envelope.inner = skim.inner()?;
                    envelope.payload = Some(start..skim.at);
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
                b"content" => &mut inner.content,
                b"call_id" => &mut inner.call_id,
                b"name" => &mut inner.name,
                b"arguments" => &mut inner.arguments,
                b"input" => &mut inner.input,
                b"output" => &mut inner.output,
                b"execution" => &mut inner.execution,
                _ => return skim.value().map(drop),
            };
            *slot = Some(skim.value()?);
            Ok(())
        })?;
        Ok(inner)
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

    /// Passes over what stands in a string for itself.
    fn plain(&mut self) {
        // What is short is not worth a call.
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
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
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

/// Which of the eight bytes is the first that ends plain text in a string: a quote, a backslash or a control character;
/// 8 if none does.
#[inline]
fn first_stop(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    // A borrow can mark bytes above the first that is marked rightly, and none below it.
    ((quote | backslash | control) & HIGHS).trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Whether the text is one JSON value, as this decides.
    fn accepts(text: &[u8]) -> bool {
        let mut skim = Skim::new(text);
        simdutf8::basic::from_utf8(text).is_ok() && skim.value().is_ok() && skim.is_at_end()
    }

    /// The same by way of the keys.
    fn accepts_by_keys(text: &[u8]) -> bool {
        let mut skim = Skim::new(text);
        simdutf8::basic::from_utf8(text).is_ok() && skim.envelope().is_ok() && skim.is_at_end()
    }

    fn agrees(text: &[u8]) {
        let expected = serde_json::from_slice::<Value>(text).is_ok();
        let shown = String::from_utf8_lossy(text);
        assert_eq!(accepts(text), expected, "{shown}");
        assert_eq!(accepts_by_keys(text), expected, "{shown}");
    }

    #[test]
    fn odd_texts_are_judged_as_serde_json_judges_them() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "nulls",
            "true false",
            "-",
            "-0",
            "00",
            "01",
            "1.",
            ".5",
            "1.5e",
            "1e5",
            "1E+5",
            "1e400",
            "-1e400",
            "0e999",
            "1e-999",
            "18446744073709551616",
            "\"\\u0000\"",
            "\"\\ud83d\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ud83dx\"",
            "\"\\uD83\"",
            "\"\\x\"",
            "\"\t\"",
            "\"\u{1f}\"",
            "\"\u{7f}\"",
            "\"\u{2028}\"",
            "\u{a0}1",
            "{}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{1:2}",
            "[,]",
            "[1,]",
            "[1 2]",
            "[]]",
            "[}",
            "{]",
            "[[],{}]",
            "{\"payload\":[1]}",
            "{\"payload\":{\"type\":1,}}",
            "\u{feff}1",
            "{\"\\u0074ype\":1}",
            "{\"\\ud800\":1}",
            "\u{b}1",
            "1\u{c}",
        ] {
            agrees(text.as_bytes());
        }
        let digits = "9".repeat(320);
        agrees(digits.as_bytes());
        agrees(format!("0.{digits}").as_bytes());
    }

    #[test]
    fn nesting_ends_where_serde_json_ends_it() {
        for depth in ROLLOUT_NESTING - 3..ROLLOUT_NESTING + 3 {
            agrees(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
            agrees(format!("{}1{}", "{\"payload\":".repeat(depth), "}".repeat(depth)).as_bytes());
            agrees(format!("{}1{}", "{\"a\":[".repeat(depth / 2), "]}".repeat(depth / 2)).as_bytes());
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Skim::new(deep.as_bytes()).value().unwrap_err().kind, FlawKind::TooDeep);
    }

    #[test]
    fn the_last_of_equal_keys_wins_however_it_is_spelled() {
        let text = br#"{"type":"a","payload":{"type":"x","role":"y"},"\u0074ype":"b","payload":{"type":"z"}}"#;
        let envelope = Skim::new(text).envelope().unwrap().unwrap();
        let said = |span: Option<Span>| span.map(|span| String::from_utf8_lossy(&text[span]).into_owned());
        assert_eq!(said(envelope.kind).as_deref(), Some("\"b\""));
        assert_eq!(said(envelope.payload).as_deref(), Some(r#"{"type":"z"}"#));
        assert_eq!((said(envelope.inner.kind).as_deref(), envelope.inner.role), (Some("\"z\""), None));
    }

    #[test]
    fn every_stop_is_found_at_every_place() {
        for len in 0..200 {
            for stop in [b'"', b'\\', 0x1f, 0] {
                let mut text = vec![b'x'; len];
                text.push(stop);
                text.extend([0xff; 9]);
                let mut skim = Skim::new(&text);
                skim.plain();
                assert_eq!(skim.at, len, "{stop}");
            }
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,90}".prop_map(Value::from),
            "[\"\\\\\n\u{0}-\u{7f}]{0,12}".prop_map(Value::from),
        ];
        let key = prop_oneof![4 => "[a-z\"\\\\]{0,5}", 1 => Just("payload".to_owned()), 1 => Just("type".to_owned())];
        leaf.prop_recursive(6, 40, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key.clone(), inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_accepted(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert!(accepts(text.as_bytes()) && accepts_by_keys(text.as_bytes()), "{text}");
        }

        #[test]
        fn damaged_json_is_judged_as_serde_json_judges_it(
            value in json(),
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), 0u8..3, any::<u8>()), 1..3),
            cut in any::<proptest::sample::Index>(),
        ) {
            let mut text = serde_json::to_vec(&value).unwrap();
            agrees(&text[..cut.index(text.len())]);
            for (at, how, byte) in changes {
                let byte = if byte < 128 { b"\"\\{}[],:0-.eEu\x01 "[usize::from(byte) % 16] } else { byte };
                let at = at.index(text.len().max(1));
                match how {
                    0 if at < text.len() => drop(text.remove(at)),
                    1 if at < text.len() => text[at] = byte,
                    _ => text.insert(at.min(text.len()), byte),
                }
            }
            agrees(&text);
        }

        #[test]
        fn noise_is_judged_as_serde_json_judges_it(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\u dtrfalsn\u{0}-\u{1f}ä]{0,30}") {
            agrees(text.as_bytes());
        }
    }
}
