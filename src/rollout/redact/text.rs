//! One text, as it stands between its quotes, escapes and all.

use super::ids::{Ids, UUID_BYTES, is_uuid};
use super::words;

/// A part of a text that is replaced, or kept, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// One ASCII byte.
    Ascii(u8),
    /// An escape of that many bytes.
    Escape(usize),
    /// A character of that many bytes.
    Character(char),
    /// A byte that is not UTF-8.
    Stray,
}

impl Unit {
    pub(super) fn len(self) -> usize {
        match self {
            Unit::Ascii(_) | Unit::Stray => 1,
            Unit::Escape(len) => len,
            Unit::Character(character) => character.len_utf8(),
        }
    }

    /// The first unit of `text`, which is not empty.
    pub(super) fn first(text: &[u8]) -> Unit {
        match text {
            [b'\\', b'u', rest @ ..] if rest.len() >= 4 && rest.iter().take(4).all(u8::is_ascii_hexdigit) => {
                Unit::Escape(6)
            }
            [b'\\', next, ..] if b"\"\\/bfnrt".contains(next) => Unit::Escape(2),
            [byte, ..] if byte.is_ascii() => Unit::Ascii(*byte),
            _ => match text
                .get(..4.min(text.len()))
                .unwrap_or(text)
                .utf8_chunks()
                .next()
                .map(|chunk| chunk.valid().chars().next())
            {
                Some(Some(character)) => Unit::Character(character),
                _ => Unit::Stray,
            },
        }
    }
}

/// What a text begins with when Codex wrote it in the user's name, beside the tags.
const AGENTS: &[u8] = b"# agents.md instructions for ";
/// Beginnings of inline images; what follows is replaced like any text.
const IMAGES: [&[u8]; 4] =
    [b"data:image/png;base64,", b"data:image/jpeg;base64,", b"data:image/gif;base64,", b"data:image/webp;base64,"];
/// JSON's own words, which may stand in arguments that are JSON inside a text.
const LITERALS: [&[u8]; 3] = [b"true", b"false", b"null"];

/// The placeholder of `text`, as long as it is.
pub(super) fn placeholder(text: &[u8], ids: &mut Ids, into: &mut Vec<u8>) {
    let mut at = 0;
    let agents = text.get(..AGENTS.len()).filter(|head| head.eq_ignore_ascii_case(AGENTS));
    for head in IMAGES.into_iter().filter(|head| text.starts_with(head)).chain(agents) {
        into.extend_from_slice(text.get(..head.len()).unwrap_or_default());
        at = head.len();
    }
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let after_word =
            at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|b| b.is_ascii_alphanumeric());
        at += kept(rest, after_word, ids, into).unwrap_or_else(|| {
            let unit = Unit::first(rest);
            replace(unit, rest, into);
            unit.len()
        });
    }
}

/// Keeps a tag or a literal, or replaces a UUID, at the beginning of `rest`; its length.
fn kept(rest: &[u8], after_word: bool, ids: &mut Ids, into: &mut Vec<u8>) -> Option<usize> {
    if let Some(len) = words::tag(rest) {
        into.extend_from_slice(rest.get(..len)?);
        return Some(len);
    }
    if after_word {
        return None;
    }
    let ends = |len: usize| rest.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    if let Some(uuid) = rest.get(..UUID_BYTES).filter(|uuid| is_uuid(uuid) && ends(UUID_BYTES)) {
        into.extend_from_slice(&ids.uuid(uuid));
        return Some(UUID_BYTES);
    }
    let literal = LITERALS.into_iter().find(|literal| rest.starts_with(literal) && ends(literal.len()))?;
    into.extend_from_slice(literal);
    Some(literal.len())
}

/// The placeholder of one unit.
pub(super) fn replace(unit: Unit, text: &[u8], into: &mut Vec<u8>) {
    match unit {
        Unit::Ascii(byte) => into.push(byte_for(byte)),
        Unit::Escape(6) => into.extend_from_slice(unicode_escape(text)),
        Unit::Escape(len) => into.extend_from_slice(text.get(..len).unwrap_or_default()),
        Unit::Character(character) => into.extend(character_for(character).to_string().as_bytes()),
        Unit::Stray => into.push(0xFF),
    }
}

fn byte_for(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'1',
        b'a'..=b'z' => b'x',
        b'A'..=b'Z' => b'X',
        byte => byte,
    }
}

/// Oddities that readers stumble over stay: line separators, a byte order mark, the replacement character.
fn character_for(character: char) -> char {
    match (character, character.len_utf8()) {
        ('\u{FEFF}' | '\u{FFFD}', _) => character,
        (space, _) if space.is_whitespace() || space.is_control() => space,
        (_, 2) => 'ö',
        (_, 3) => '字',
        _ => '🙂',
    }
}

/// Halves of surrogate pairs stay halves of the same kind, and controls and white space what they are.
fn unicode_escape(text: &[u8]) -> &[u8] {
    let digits = text.get(2..6).and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        Some(0xD800..=0xDBFF) => b"\\ud83d",
        Some(0xDC00..=0xDFFF) => b"\\ude00",
        Some(code) if char::from_u32(code).is_some_and(|c| c.is_control() || c.is_whitespace() || c == '\u{FEFF}') => {
            text.get(..6).unwrap_or_default()
        }
        _ => b"\\u0078",
    }
}
