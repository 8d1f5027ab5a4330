//! Bytes that should not be there: zero bytes, white space, encodings, noise.

use super::Keep;
use super::edit::{Edit, Line, is_body, item};
use super::tail::change;

/// How many zero bytes a lost write leaves: a page.
const PAGE: usize = 4096;

/// Zero bytes after the last record.
pub(super) fn nul_tail(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.last_record() else { return false };
    edit.insert(at + 1, vec![0; PAGE]);
    edit.line(at + 1).map(|line| line.ended = false).is_some()
}

/// Zero bytes where a record stood, as many as it had.
pub(super) fn nul_record(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| line.text.fill(0))
}

/// Zero bytes on a line of their own.
pub(super) fn nul_run(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, vec![0; PAGE])
}

/// Zero bytes directly before a record.
pub(super) fn nul_before_record(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| drop(line.text.splice(..0, [0; 512])))
}

/// Empty lines and lines of white space.
pub(super) fn blank_lines(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "") && insert_before(edit, " \t ")
}

/// Carriage returns before all newlines.
pub(super) fn crlf(edit: &mut Edit, _: Keep) -> bool {
    edit.lines.iter_mut().filter(|line| line.ended).for_each(|line| line.text.push(b'\r'));
    !edit.lines.is_empty()
}

/// A byte order mark.
pub(super) fn byte_order_mark(edit: &mut Edit, _: Keep) -> bool {
    edit.line(0).map(|line| drop(line.text.splice(..0, *b"\xEF\xBB\xBF"))).is_some()
}

/// Half of a character of UTF-8 in a record's text.
pub(super) fn invalid_utf8(edit: &mut Edit, _: Keep) -> bool {
    in_a_text(edit, b"\xE6\x87")
}

/// A torn last record that ends in the middle of a character.
pub(super) fn invalid_utf8_tail(edit: &mut Edit, _: Keep) -> bool {
    let Some(at) = edit.last_record() else { return false };
    let Some(line) = edit.line(at) else { return false };
    line.text.truncate(line.text.len() / 2);
    line.text.extend_from_slice(b"\xE6\x87");
    line.ended = false;
    edit.lines.truncate(at + 1);
    true
}

/// An escape that is half of a surrogate pair in a record's text.
pub(super) fn lone_surrogate(edit: &mut Edit, _: Keep) -> bool {
    in_a_text(edit, b"\\ud83d")
}

/// U+2028 and U+2029 as they are; JSON allows them, readers that split at Unicode's line ends do not expect them.
pub(super) fn line_separators(edit: &mut Edit, _: Keep) -> bool {
    in_a_text(edit, "\u{2028}\u{2029}\u{85}".as_bytes())
}

/// A newline as it is in a record's text, which so stands on two lines.
pub(super) fn raw_newline(edit: &mut Edit, _: Keep) -> bool {
    in_a_text(edit, b"\n")
}

/// A record with one byte changed, so that it is no JSON.
pub(super) fn flipped_byte(edit: &mut Edit, _: Keep) -> bool {
    change(edit, |line| {
        if let Some(colon) = line.text.iter_mut().find(|byte| **byte == b':') {
            *colon = b'z';
        }
    })
}

/// A line that never was a record.
pub(super) fn garbage_line(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "this is no record, and no JSON {\"")
}

/// JSON that is no record: a number.
pub(super) fn number_line(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "42")
}

/// JSON that is no record: a string.
pub(super) fn string_line(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "\"a string\"")
}

/// JSON that is no record: a list.
pub(super) fn array_line(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "[]")
}

/// JSON that is no record: null.
pub(super) fn null_line(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "null")
}

/// An object that says nothing.
pub(super) fn empty_object(edit: &mut Edit, _: Keep) -> bool {
    insert_before(edit, "{}")
}

/// A line nested deeper than any reader needs to follow.
pub(super) fn deep_nesting(edit: &mut Edit, _: Keep) -> bool {
    const DEPTH: usize = 2_000;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    insert_before(
        edit,
        format!(
            r#"{{"timestamp":"2026-01-01T00:00:00.000Z","type":"event_msg","payload":{{"type":"x","x":{open}{close}}}}}"#
        ),
    )
}

/// Puts a line before the record that is picked.
pub(super) fn insert_before(edit: &mut Edit, text: impl Into<Vec<u8>>) -> bool {
    edit.pick(is_body).map(|at| edit.insert(at, text)).is_some()
}

/// Puts bytes into the text of the message that is picked, behind its first character.
fn in_a_text(edit: &mut Edit, bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"\"text\":\"";
    let is_message = |record: &serde_json::Value| {
        item(record).is_some_and(|item| item["type"] == "message" && item["content"][0]["text"].is_string())
    };
    let Some(line) = edit.pick(is_message).and_then(|at| edit.line(at)) else { return false };
    insert_after(line, KEY, bytes)
}

/// Puts bytes behind the first place where `key` and one more character stand.
fn insert_after(line: &mut Line, key: &[u8], bytes: &[u8]) -> bool {
    let Some(at) = line.text.windows(key.len()).position(|window| window == key) else { return false };
    let at = at + key.len();
    line.text.splice(at..at, bytes.iter().copied());
    true
}
