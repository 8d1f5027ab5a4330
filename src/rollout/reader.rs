//! The tolerant reader: bytes in, records and damage out, one line at a time.
//!
//! It reads plain files and `.jsonl.zst`, holds one line and nothing else, and gives back every byte range either as a
//! record or as [`Damage`]. Lines end at `\n`; UTF-8 is checked line by line, so that one bad byte costs one line and not
//! the file. A plain file is read as long as it was when it was opened: a writer may be appending to it.
//!
//! No input makes it panic, and a line beyond [`ROLLOUT_LINE_BYTES`] is measured and skipped without being held.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use simdutf8::basic::from_utf8;

pub use super::damage::{Consequence, Damage, DamageKind};
use super::record::{RawRecord, Record};
use super::scan::join::{Join, Joined};
use super::scan::lines::{Line, LineSort, Lines};
use super::scan::sift::{Queued, Sift};
use super::scan::source::Source;
use super::scan::split::{one_object, stands_whole_in};
use crate::limits::{ROLLOUT_JOINED_BYTES, ROLLOUT_LINE_BYTES, ROLLOUT_REPLACED_BYTES};
use crate::world::{Disk, ReadFile};

/// One thing found in a rollout.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all that is found is a record; a box would cost each an allocation"
)]
pub enum Found {
    /// A record.
    Record(Record),
    /// Something else.
    Damage(Damage),
}

/// The same in the memory of the reader, until the next one is asked for.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all that is found is a record")]
pub(super) enum RawFound<'a> {
    Record(RawRecord<'a>),
    Damage(Damage),
}

/// Reads a rollout from front to back.
pub struct Reader {
    lines: Lines,
    /// Lines that were looked at ahead of their turn.
    ahead: VecDeque<(Line, Vec<u8>)>,
    /// The text of the line that is being taken apart, where it is not in the buffer of `lines`.
    own: Option<Vec<u8>>,
    sift: Sift,
    /// The end was reached and what made it one told.
    ended: bool,
    /// The disk said no.
    failed: bool,
}

impl Reader {
    /// Opens the rollout at `path`, compressed or not; only regular files are opened.
    pub fn open(disk: &dyn Disk, path: &Path) -> io::Result<Reader> {
        Reader::new(disk.open(path)?)
    }

    /// Reads bytes that are in memory already.
    pub fn from_bytes(bytes: Vec<u8>) -> Reader {
        Reader::over(Source::of(bytes))
    }

    /// Reads an open file from its start.
    pub fn new(file: Box<dyn ReadFile>) -> io::Result<Reader> {
        Ok(Reader::over(Source::new(file)?))
    }

    fn over(source: Source) -> Reader {
        Reader {
            lines: Lines::new(source, ROLLOUT_LINE_BYTES),
            ahead: VecDeque::new(),
            own: None,
            sift: Sift::default(),
            ended: false,
            failed: false,
        }
    }

    /// Skips lines longer than `bytes` instead of [`ROLLOUT_LINE_BYTES`].
    pub fn with_line_limit(mut self, bytes: usize) -> Reader {
        self.lines.set_limit(bytes.min(ROLLOUT_LINE_BYTES));
        self
    }

    /// Reads no further than `end`, in bytes of the file: the rest of it is not there.
    pub fn until(mut self, end: u64) -> Reader {
        self.lines.source().end_at(end);
        self
    }

    /// How far it has read, in bytes; of a compressed file in bytes of what it unpacks to.
    pub fn offset(&self) -> u64 {
        self.ahead.front().map_or_else(|| self.lines.offset(), |(line, _)| line.start)
    }

    /// Goes to a record that was found before, so that it is the next one found. Without its line, lines are counted no
    /// more.
    pub(super) fn go_to(&mut self, start: u64, line: Option<u64>) -> io::Result<()> {
        self.lines.go_to(start, line)?;
        self.ahead.clear();
        self.sift.queue.clear();
        Ok(())
    }

    /// The next record or damage, in the order of the file; `None` at its end.
    pub fn next_found(&mut self) -> io::Result<Option<Found>> {
        Ok(self.next_raw()?.map(|found| match found {
            RawFound::Record(record) => Found::Record(record.to_record()),
            RawFound::Damage(damage) => Found::Damage(damage),
        }))
    }

    /// The same without a copy.
    pub(super) fn next_raw(&mut self) -> io::Result<Option<RawFound<'_>>> {
        while self.sift.queue.is_empty() {
            if !self.take_line()? {
                return Ok(None);
            }
        }
        let text = self.own.as_deref().unwrap_or_else(|| self.lines.text());
        Ok(self.sift.queue.pop_front().map(|found| match found {
            Queued::Damage(damage) => RawFound::Damage(damage),
            Queued::Record { bytes, line, place, kind, parts } => {
                let text = text.get(place).and_then(|text| from_utf8(text).ok()).unwrap_or_default();
                RawFound::Record(RawRecord::new(bytes, line, kind, text, parts))
            }
        }))
    }

    /// Takes the next line apart; `false` at the end.
    fn take_line(&mut self) -> io::Result<bool> {
        self.own = None;
        let (line, text) = match self.ahead.pop_front() {
            Some(ahead) => ahead,
            None => {
                let Some(line) = self.lines.next_line()? else { return Ok(self.take_end()) };
                if self.sift.take_healthy(&line, self.lines.text(), self.lines.previous_text()) {
                    return Ok(true);
                }
                let text = if line.sort == LineSort::Held { self.lines.text().to_vec() } else { Vec::new() };
                (line, text)
            }
        };
        self.take_odd(line, text)?;
        Ok(true)
    }

    /// Tells why the end is none; `false` if there is nothing to tell.
    fn take_end(&mut self) -> bool {
        let trouble = self.lines.source().trouble().filter(|_| !self.ended);
        self.ended = true;
        let Some(kind) = trouble else { return false };
        let at = self.lines.offset();
        self.sift.queue.push_back(Queued::Damage(Damage::new(at..at, None, kind, Consequence::Lost)));
        true
    }

    /// Takes a line that is no record as it stands: mends it with those behind it, or takes out of it what can be used.
    fn take_odd(&mut self, line: Line, text: Vec<u8>) -> io::Result<()> {
        if line.sort == LineSort::Held
            && text.len() <= ROLLOUT_REPLACED_BYTES
            && let Some(mended) = self.sift.take_replaced(&line, &text)
        {
            self.own = Some(mended.into_bytes());
            return Ok(());
        }
        let mut stands_behind = false;
        if line.sort == LineSort::Held && line.terminated && text.first() == Some(&b'{') {
            let mut join = Join::begin(without_returns(&text));
            for index in 0.. {
                match self.look_ahead(index, &text)? {
                    Ahead::Record { repeats } => {
                        stands_behind = index == 0 && repeats;
                        break;
                    }
                    Ahead::Nothing => break,
                    Ahead::Odd => {}
                }
                match join.as_mut().map(|join| self.join(join, index)) {
                    Some(Joined::Unfinished) => {}
                    Some(Joined::Whole(whole)) if self.take_joined(&line, index, &whole) => {
                        self.own = Some(whole.into_bytes());
                        return Ok(());
                    }
                    _ => break,
                }
            }
        }
        self.sift.take_odd(&line, &text, stands_behind);
        self.own = Some(text);
        Ok(())
    }

    /// Looks at a line behind the one that is being taken, whose text is `torn`.
    fn look_ahead(&mut self, index: usize, torn: &[u8]) -> io::Result<Ahead> {
        if index < self.ahead.len() {
            return Ok(Ahead::Odd);
        }
        let Some(line) = self.lines.next_line()? else { return Ok(Ahead::Nothing) };
        let text = self.lines.text();
        let found = if line.sort == LineSort::Held && one_object(without_returns(text)).is_some() {
            Ahead::Record { repeats: stands_whole_in(torn, text) }
        } else if text.len() <= ROLLOUT_JOINED_BYTES && matches!(line.sort, LineSort::Held | LineSort::Empty) {
            self.ahead.push_back((line, text.to_vec()));
            return Ok(Ahead::Odd);
        } else {
            Ahead::Nothing
        };
        if !self.lines.unread(&line) {
            self.ahead.push_back((line, Vec::new()));
        }
        Ok(found)
    }

    /// Joins what was looked at to a record that began before it.
    fn join(&self, join: &mut Join, index: usize) -> Joined {
        let Some((line, text)) = self.ahead.get(index) else { return Joined::No };
        let newlines = if line.sort == LineSort::Empty { line.end - line.start } else { 1 };
        let text = without_returns(text);
        (0..newlines).map(|_| join.add(text)).find(|joined| *joined != Joined::Unfinished).unwrap_or(Joined::Unfinished)
    }

    /// Takes a record that `line` and the lines up to `index` ahead of it are together; whether they are one.
    fn take_joined(&mut self, line: &Line, index: usize, whole: &str) -> bool {
        let Some((last, _)) = self.ahead.get(index) else { return false };
        let spanned = Line { end: last.end, terminated: last.terminated, ..line.clone() };
        let is_record = self.sift.take_joined(&spanned, whole);
        if is_record {
            self.ahead.drain(..=index);
        }
        is_record
    }
}

/// What stands behind a line.
enum Ahead {
    /// A line that is a record by itself; `repeats`: what is torn before it stands whole in it.
    Record { repeats: bool },
    /// A line that is none.
    Odd,
    /// The end, or a line that is not held.
    Nothing,
}

fn without_returns(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_suffix(b"\r") {
        text = rest;
    }
    text
}

impl Iterator for Reader {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<io::Result<Found>> {
        if self.failed {
            return None;
        }
        let found = self.next_found();
        if found.is_err() {
            self.failed = true;
        }
        found.transpose()
    }
}

#[cfg(test)]
mod tests;
