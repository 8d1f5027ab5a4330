//! A record that a raw newline has broken over several lines, mended.
//!
//! No Codex writes such a record, but editors, terminals and scripts that "pretty-print" leave them behind. Where a line
//! begins an object and does not end it, the lines that follow are joined to it: by an escaped newline inside a string,
//! by a space elsewhere. A line that is a record by itself is never joined, so one torn record cannot swallow the next,
//! and both the lines and the bytes that are joined are bounded.
//!
//! Of each further line only quotes and brackets are looked at, and the whole is read once, where they say that the object
//! ends: lines that never become an object cost a bounded number of looks each, however they are made.

use super::skim::{FlawKind, Skim};
use crate::limits::{ROLLOUT_JOINED_BYTES, ROLLOUT_JOINED_LINES};

/// An object that is not complete.
pub(in super::super) struct Join {
    text: Vec<u8>,
    open: Open,
    lines: usize,
}

/// What of a text is still open, by its quotes and brackets alone.
#[derive(Default)]
struct Open {
    /// Brackets of both kinds.
    depth: usize,
    in_string: bool,
    /// The last byte was a backslash that takes the next one with it.
    escaped: bool,
}

impl Open {
    /// Passes over more of the text; whether the first bracket is closed in it, if it is JSON at all.
    fn closes_in(&mut self, text: &[u8]) -> bool {
        for byte in text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }
}

/// What has come of a further line.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Joined {
    /// The object is complete.
    Whole(String),
    /// It still lacks something.
    Unfinished,
    /// The lines are no object.
    No,
}

impl Join {
    /// Begins with a line, if it begins an object and does not end it.
    pub(in super::super) fn begin(line: &[u8]) -> Option<Join> {
        if line.first() != Some(&b'{') || line.len() > ROLLOUT_JOINED_BYTES {
            return None;
        }
        let mut open = Open::default();
        (is_unfinished(line) && !open.closes_in(line)).then(|| Join { text: line.to_vec(), open, lines: 1 })
    }

    /// Adds the next line.
    pub(in super::super) fn add(&mut self, line: &[u8]) -> Joined {
        self.lines += 1;
        if self.lines > ROLLOUT_JOINED_LINES || self.text.len() + line.len() > ROLLOUT_JOINED_BYTES {
            return Joined::No;
        }
        let from = self.text.len();
        self.text.extend_from_slice(if self.open.in_string && !self.open.escaped { b"\\n" } else { b" " });
        self.text.extend_from_slice(line);
        if !self.open.closes_in(self.text.get(from..).unwrap_or_default()) {
            return Joined::Unfinished;
        }
        match super::split::one_object(&self.text) {
            Some((own, _)) => Joined::Whole(own.to_owned()),
            None => Joined::No,
        }
    }
}

/// Whether the text is the beginning of a value and nothing more.
fn is_unfinished(text: &[u8]) -> bool {
    let flaw = Skim::new(text).value().err();
    flaw.is_some_and(|flaw| matches!(flaw.kind, FlawKind::Ends | FlawKind::EndsInString))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(lines: &[&str]) -> Joined {
        let Some(mut join) = Join::begin(lines[0].as_bytes()) else { return Joined::No };
        lines[1..].iter().fold(Joined::Unfinished, |_, line| join.add(line.as_bytes()))
    }

    #[test]
    fn what_a_newline_broke_is_mended_inside_strings_and_between_tokens() {
        assert_eq!(joined(&["{\"a\":\"x", "", "y\"}"]), Joined::Whole("{\"a\":\"x\\n\\ny\"}".to_owned()));
        assert_eq!(joined(&["{", "  \"a\": [", "1", "]", "}"]), Joined::Whole("{   \"a\": [ 1 ] }".to_owned()));
    }

    #[test]
    fn what_cannot_become_an_object_is_not_joined() {
        assert_eq!(joined(&["{\"a\":\"x\""]), Joined::Unfinished);
        assert_eq!(joined(&["{\"a\":1", "b}"]), Joined::No);
        assert_eq!(joined(&["{\"a\":1", "]"]), Joined::No);
        assert_eq!(joined(&["{\"a\":\"x\\", "y\"}"]), Joined::No);
        assert_eq!(joined(&["{\"a\":\"\\u00", "e4\"}"]), Joined::No);
        assert_eq!(joined(&["{\"a\":1}"]), Joined::No);
        assert_eq!(joined(&["\"a", "b\""]), Joined::No);
    }

    #[test]
    fn quotes_and_brackets_inside_strings_are_text() {
        let whole = "{\"a\":\"]}\\\"\\n{[\", \"b\": {} }";
        assert_eq!(joined(&["{\"a\":\"]}\\\"", "{[\",", "\"b\": {}", "}"]), Joined::Whole(whole.to_owned()));
    }

    #[test]
    fn the_number_of_lines_and_of_bytes_is_bounded() {
        let mut join = Join::begin(b"{").unwrap();
        let added = (0..ROLLOUT_JOINED_LINES).map(|_| join.add(b"")).filter(|joined| *joined == Joined::Unfinished);
        assert_eq!(added.count(), ROLLOUT_JOINED_LINES - 1);
        assert_eq!(Join::begin(b"{\"").unwrap().add(&vec![b'x'; ROLLOUT_JOINED_BYTES]), Joined::No);
    }
}
