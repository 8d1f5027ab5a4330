//! JSON taken apart without ever failing: what is a key, a value, a number, and what stands around them.
//!
//! It walks the bytes once and gives out as many as it takes. In a record, which is whole JSON, it sees what a parser
//! sees. In damage it sees what it can: a string that does not end goes to the end of the piece, and bytes that belong
//! to nothing are text.

use super::ids::Ids;
use super::plant::{Plants, Speaker};
use super::redactor::Removed;
use super::text::placeholder;
use super::words;
use super::{ids, plant};

/// Lexes the pieces of one file.
pub(super) struct Lexer<'a> {
    pub(super) ids: &'a mut Ids,
    pub(super) plants: &'a mut Plants,
    pub(super) removed: &'a mut Removed,
    /// Everything stays but where a marker is planted.
    pub(super) only_plants: bool,
}

/// An object or a list that is open.
#[derive(Default)]
struct Frame<'t> {
    is_list: bool,
    /// The key whose value comes next, or that this list is the value of.
    key: &'t [u8],
    /// Who speaks, in a message.
    speaker: Option<Speaker>,
    /// The message has shown a text, and it was one that Codex wrote.
    contextual: Option<bool>,
}

impl Lexer<'_> {
    /// Lexes one piece: a record, or a line of what stands between records. Markers are planted in records alone.
    pub(super) fn piece<'t>(&mut self, text: &'t [u8], is_record: bool, into: &mut Vec<u8>) {
        let mut open: Vec<Frame<'t>> = vec![Frame::default()];
        self.plants.next_record();
        let mut at = 0;
        while let Some(byte) = text.get(at).copied() {
            let rest = text.get(at..).unwrap_or_default();
            let len = match byte {
                b'"' => self.string(rest, is_record, &mut open, into),
                b'{' | b'[' => {
                    let key = open.last().map_or(&b""[..], |frame| frame.key);
                    let is_list = byte == b'[';
                    open.push(Frame { is_list, key: if is_list { key } else { b"" }, ..Frame::default() });
                    into.push(byte);
                    1
                }
                b'}' | b']' => {
                    if open.len() > 1 {
                        open.pop();
                    }
                    into.push(byte);
                    1
                }
                b',' => {
                    if let Some(frame) = open.last_mut().filter(|frame| !frame.is_list) {
                        frame.key = b"";
                    }
                    into.push(byte);
                    1
                }
                byte if byte == b':' || byte.is_ascii_whitespace() => {
                    into.push(byte);
                    1
                }
                _ => self.bare(rest, open.last().map_or(&b""[..], |frame| frame.key), into),
            };
            at += len.max(1);
        }
    }

    /// A string with its quotes; its length.
    fn string<'t>(&mut self, rest: &'t [u8], is_record: bool, open: &mut [Frame<'t>], into: &mut Vec<u8>) -> usize {
        let end = string_end(rest);
        let closed = end < rest.len();
        let body = rest.get(1..end).unwrap_or_default();
        let after = rest.get(end + 1..).unwrap_or_default().iter().find(|byte| !byte.is_ascii_whitespace());
        into.push(b'"');
        let Some((frame, above)) = open.split_last_mut() else { return 1 };
        if !frame.is_list && (closed && after == Some(&b':') || !closed && frame.key.is_empty()) {
            self.key(body, closed, into);
            frame.key = body;
            if body == b"replacement_history" {
                self.plants.enter_list();
            }
        } else {
            frame.note(body);
            let message = above.len().checked_sub(2).and_then(|at| above.get_mut(at)).filter(|_| frame.key == b"text");
            let marker =
                message.filter(|_| is_record).and_then(|message| self.plants.next(message.speaks(body)?, body));
            self.value(frame.key, body, closed, marker, into);
        }
        if closed {
            into.push(b'"');
        }
        body.len() + 1 + usize::from(closed)
    }

    fn key(&mut self, body: &[u8], closed: bool, into: &mut Vec<u8>) {
        if self.only_plants || words::is_key(body) || (!closed && words::begins_key(body)) {
            return into.extend_from_slice(body);
        }
        self.removed.keys += 1;
        self.named(body, into);
    }

    fn value(&mut self, key: &[u8], body: &[u8], closed: bool, marker: Option<plant::Planted>, into: &mut Vec<u8>) {
        let start = into.len();
        let is_word = words::is_of_words(key) && (words::is_word(body) || (!closed && words::begins_word(body)));
        if self.only_plants || body.is_empty() || is_word || words::is_time(key, body) || words::is_version(key, body) {
            into.extend_from_slice(body);
        } else if words::is_of_ids(key) {
            self.named(body, into);
        } else if words::is_of_words(key) {
            self.removed.names += 1;
            self.named(body, into);
        } else {
            self.removed.count_text(key, body);
            placeholder(body, self.ids, into);
        }
        let Some(written) = into.get_mut(start..) else { return };
        if self.only_plants {
            plant::blur(written);
        }
        if let Some(marker) = marker {
            self.plants.plant(&marker, written);
        }
    }

    /// An id or a name: the same replacement everywhere.
    fn named(&mut self, body: &[u8], into: &mut Vec<u8>) {
        let plain = body.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\' || *byte == b' ');
        if ids::is_uuid(body) {
            into.extend_from_slice(&self.ids.uuid(body));
        } else if plain {
            into.extend_from_slice(&self.ids.name(body));
        } else {
            placeholder(body, self.ids, into);
        }
    }

    /// What stands outside of strings: a number, `true`, `false`, `null`, or bytes that belong to nothing.
    fn bare(&mut self, rest: &[u8], key: &[u8], into: &mut Vec<u8>) -> usize {
        let ends = |byte: &u8| b"{}[],:\"".contains(byte) || byte.is_ascii_whitespace();
        let end = rest.iter().position(ends).unwrap_or(rest.len());
        let token = rest.get(..end).unwrap_or_default();
        let is_number = token.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
        if self.only_plants || is_number && words::is_of_numbers(key) {
            into.extend_from_slice(token);
        } else if is_number {
            self.removed.numbers += 1;
            number(token, into);
        } else {
            placeholder(token, self.ids, into);
        }
        end
    }
}

impl Frame<'_> {
    /// Takes in what tells who speaks.
    fn note(&mut self, body: &[u8]) {
        if self.key == b"role" && !self.is_list {
            self.speaker = Speaker::of(body);
        }
    }

    /// Who says the next text of this message, if that is a user or an assistant and not Codex in the user's name.
    fn speaks(&mut self, text: &[u8]) -> Option<Speaker> {
        let speaker = self.speaker?;
        let contextual = *self.contextual.get_or_insert_with(|| plant::is_contextual(text));
        (!contextual || speaker == Speaker::Assistant).then_some(speaker)
    }
}

/// Where the string that `text` begins with ends: the place of its closing quote, or the end of the text.
fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// Ones for the digits of a number, nothing for its exponent: it stays a number, and never gets out of range.
fn number(token: &[u8], into: &mut Vec<u8>) {
    let mut digit = b'1';
    let mut leads = true;
    for byte in token {
        match byte {
            b'0' if leads => into.push(b'0'),
            b'0'..=b'9' => into.push(digit),
            b'e' | b'E' => {
                digit = b'0';
                into.push(*byte);
            }
            byte => into.push(*byte),
        }
        leads &= !byte.is_ascii_digit();
    }
}
