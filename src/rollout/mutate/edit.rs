//! A file taken apart into lines, and put together again.
//!
//! Mutators change lines as bytes. Those that need to know what a record says look at its JSON, and write it back with
//! the order of its keys and the digits of its numbers kept.

use serde_json::Value;

use super::Where;
use crate::rollout::draw::Draw;

/// A line without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    /// A newline follows.
    pub(super) ended: bool,
}

impl Line {
    /// A line with its newline.
    pub(super) fn of(text: impl Into<Vec<u8>>) -> Line {
        Line { text: text.into(), ended: true }
    }

    fn is_blank(&self) -> bool {
        self.text.iter().all(u8::is_ascii_whitespace)
    }

    /// What it says, if it is JSON.
    pub(super) fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.text).ok()
    }
}

/// A file being damaged.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) lines: Vec<Line>,
    pub(super) draw: Draw,
    at: Where,
    /// Index of the first line that was changed.
    pub(super) touched: usize,
}

impl Edit {
    pub(super) fn new(bytes: &[u8], at: Where) -> Edit {
        let mut lines: Vec<Line> = bytes.split(|byte| *byte == b'\n').map(Line::of).collect();
        // What follows the last newline is a line of its own only where there is anything.
        match lines.last_mut() {
            Some(last) if last.text.is_empty() => drop(lines.pop()),
            Some(last) => last.ended = false,
            None => {}
        }
        let seed = match at {
            Where::Seed(seed) => seed,
            Where::Line(line) => line,
            Where::Last => 0,
        };
        Edit { lines, draw: Draw::new(seed), at, touched: 0 }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.lines.iter().map(|line| line.text.len() + 1).sum());
        for line in &self.lines {
            bytes.extend_from_slice(&line.text);
            if line.ended {
                bytes.push(b'\n');
            }
        }
        bytes
    }

    /// The line at an index.
    pub(super) fn line(&mut self, at: usize) -> Option<&mut Line> {
        self.lines.get_mut(at)
    }

    /// What the line at an index says.
    pub(super) fn value(&self, at: usize) -> Option<Value> {
        self.lines.get(at).and_then(Line::value)
    }

    /// The last line that is not blank; it counts as changed.
    pub(super) fn last_record(&mut self) -> Option<usize> {
        let at = self.lines.iter().rposition(|line| !line.is_blank())?;
        self.touched = at;
        Some(at)
    }

    /// The place to be damaged, among the lines that are JSON and fit; it counts as changed.
    pub(super) fn pick(&mut self, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        self.pick_among(self.lines.len(), fits)
    }

    /// The same among the lines that have another one after them.
    pub(super) fn pick_followed(&mut self, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        let last = self.lines.iter().rposition(|line| !line.is_blank())?;
        self.pick_among(last, fits)
    }

    fn pick_among(&mut self, before: usize, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        let lines = self.lines.get(..before)?;
        let fits = |line: &Line| line.value().is_some_and(|value| fits(&value));
        let at = match self.at {
            Where::Line(line) => {
                let at = usize::try_from(line.checked_sub(1)?).ok()?;
                lines.get(at).filter(|line| fits(line)).map(|_| at)?
            }
            Where::Last => lines.iter().rposition(fits)?,
            Where::Seed(_) => {
                let places: Vec<usize> =
                    lines.iter().enumerate().filter(|(_, line)| fits(line)).map(|(at, _)| at).collect();
                places.get(self.draw.below(places.len())).copied()?
            }
        };
        self.touched = at;
        Some(at)
    }

    /// Puts a line before the one at an index.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<Vec<u8>>) {
        let at = at.min(self.lines.len());
        if let Some(before) = at.checked_sub(1).and_then(|before| self.lines.get_mut(before)) {
            before.ended = true;
        }
        self.lines.insert(at, Line::of(text));
        self.touched = at;
    }

    /// Changes what the record at an index says; `false` where it is no JSON.
    pub(super) fn rewrite(&mut self, at: usize, change: impl FnOnce(&mut Value)) -> bool {
        let Some(line) = self.lines.get_mut(at) else { return false };
        let Some(mut value) = line.value() else { return false };
        change(&mut value);
        line.text = value.to_string().into_bytes();
        true
    }

    /// Index of the line that says what the thread is: the first `session_meta`, or a bare file's first line.
    pub(super) fn meta(&mut self) -> Option<usize> {
        let at = self.lines.iter().position(|line| line.value().is_some_and(|value| is_meta(&value)))?;
        self.touched = at;
        Some(at)
    }
}

/// A record that says what the thread is.
pub(super) fn is_meta(record: &Value) -> bool {
    match record.get("type").and_then(Value::as_str) {
        Some(kind) => kind == "session_meta",
        None => record.get("id").is_some(),
    }
}

/// The response item of a record, in an envelope or bare.
pub(super) fn item(record: &Value) -> Option<&Value> {
    match (record.get("type")?.as_str()?, record.get("payload")) {
        ("response_item", payload) => payload,
        (_, Some(_)) => None,
        // A bare item stands for itself.
        (_, None) => Some(record),
    }
}

/// As [`item`], to be changed.
pub(super) fn item_mut(record: &mut Value) -> Option<&mut Value> {
    item(record)?;
    match record.get("payload") {
        Some(_) => record.get_mut("payload"),
        None => Some(record),
    }
}

/// Any record but the one that says what the thread is.
pub(super) fn is_body(record: &Value) -> bool {
    record.is_object() && !is_meta(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_apart_and_put_together_a_file_is_the_same() {
        for text in ["", "\n", "a", "a\n", "a\n\nb", "\n\na\r\n"] {
            assert_eq!(Edit::new(text.as_bytes(), Where::Last).bytes(), text.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn a_place_is_drawn_among_those_that_fit() {
        let text = "{\"id\":1}\n{\"n\":1}\nnoise\n{\"n\":2}\n";
        let pick = |at| Edit::new(text.as_bytes(), at).pick(|value| value.get("n").is_some());
        assert_eq!((pick(Where::Last), pick(Where::Line(2)), pick(Where::Line(3))), (Some(3), Some(1), None));
        let drawn: std::collections::BTreeSet<_> = (0..20).map(|seed| pick(Where::Seed(seed))).collect();
        assert_eq!(drawn, [Some(1), Some(3)].into());
        assert_eq!(Edit::new(b"", Where::Seed(1)).pick(|_| true), None);
    }

    #[test]
    fn a_rewritten_record_keeps_its_order_and_its_digits() {
        let text = "{\"z\":1.10,\"a\":123456789012345678}";
        let mut edit = Edit::new(text.as_bytes(), Where::Last);
        assert!(edit.rewrite(0, |value| value["b"] = true.into()));
        assert_eq!(edit.bytes(), b"{\"z\":1.1,\"a\":123456789012345678,\"b\":true}");
    }
}
