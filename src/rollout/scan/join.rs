//! A record that a raw newline has broken over several lines, mended.
//!
//! No Codex writes such a record, but editors, terminals and scripts that "pretty-print" leave them behind. Where a line
//! begins an object and does not end it, the lines that follow are joined to it: by an escaped newline inside a string,
//! by a space elsewhere. A line that is a record by itself is never joined, so one torn record cannot swallow the next,
//! and both the lines and the bytes that are joined are bounded.

use super::skim::{FlawKind, Skim};
use crate::limits::{ROLLOUT_JOINED_BYTES, ROLLOUT_JOINED_LINES};

/// An object that is not complete.
pub(in super::super) struct Join {
    text: Vec<u8>,
    ends_in_string: bool,
    lines: usize,
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
        let ends_in_string = unfinished(line)?;
        Some(Join { text: line.to_vec(), ends_in_string, lines: 1 })
    }

    /// Adds the next line.
    pub(in super::super) fn add(&mut self, line: &[u8]) -> Joined {
        self.lines += 1;
        if self.lines > ROLLOUT_JOINED_LINES || self.text.len() + line.len() > ROLLOUT_JOINED_BYTES {
            return Joined::No;
        }
        self.text.extend_from_slice(if self.ends_in_string { b"\\n" } else { b" " });
        self.text.extend_from_slice(line);
        match unfinished(&self.text) {
            Some(ends_in_string) => {
                self.ends_in_string = ends_in_string;
                Joined::Unfinished
            }
            None => match super::split::one_object(&self.text) {
                Some((own, _)) => Joined::Whole(own.to_owned()),
                None => Joined::No,
            },
        }
    }
}

/// Whether the text is the beginning of a value and ends inside a string; `None` if it is whole or no beginning.
fn unfinished(text: &[u8]) -> Option<bool> {
    match Skim::new(text).value() {
        Err(flaw) if flaw.kind == FlawKind::Ends => Some(false),
        Err(flaw) if flaw.kind == FlawKind::EndsInString => Some(true),
        _ => None,
    }
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
        assert_eq!(joined(&["{\"a\":1", "b"]), Joined::No);
        assert_eq!(joined(&["{\"a\":1}"]), Joined::No);
        assert_eq!(joined(&["\"a", "b\""]), Joined::No);
    }

    #[test]
    fn the_number_of_lines_and_of_bytes_is_bounded() {
        let mut join = Join::begin(b"{").unwrap();
        let added = (0..ROLLOUT_JOINED_LINES).map(|_| join.add(b"")).filter(|joined| *joined == Joined::Unfinished);
        assert_eq!(added.count(), ROLLOUT_JOINED_LINES - 1);
        assert_eq!(Join::begin(b"{\"").unwrap().add(&vec![b'x'; ROLLOUT_JOINED_BYTES]), Joined::No);
    }
}
