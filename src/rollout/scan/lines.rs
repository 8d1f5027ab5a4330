//! Lines from front to back, each lent from one buffer.
//!
//! A line is found before it is held: of one that has no end within [`HELD`] bytes the end is looked for first, and it is
//! read only if it is within the limit; so a line of a gigabyte costs time and no memory. Runs of empty lines are one.
//! The file is read as long as it was when it was opened.
//!
//! In a compressed file the way back to the beginning of such a line is long, so [`HELD_PACKED`] bytes are held there
//! before it is measured, and that is done [`RETURNS`] times at most: longer lines after that are too long.

use std::io;
use std::ops::Range;

use memchr::memchr;

use super::source::Source;

/// How much is read at once.
const CHUNK: usize = 128 << 10;
/// Largest buffer that is kept for the next line.
const KEPT: usize = 1 << 20;
/// Longest line that is held before its end is known.
const HELD: usize = 4 << 20;
/// The same in a compressed file.
const HELD_PACKED: usize = 32 << 20;
/// How often a compressed file is unpacked from its beginning for a line beyond that.
const RETURNS: u32 = 8;

/// One line, or a run of empty ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Line {
    /// Where it begins in the file.
    pub(in super::super) start: u64,
    /// Where it ends, without its newline.
    pub(in super::super) end: u64,
    /// Its number, from 1; of a run that of its first. `None` where lines are read from the end.
    pub(in super::super) number: Option<u64>,
    /// It ended with a newline.
    pub(in super::super) terminated: bool,
    pub(in super::super) sort: LineSort,
}

/// See [`Line`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum LineSort {
    /// Its text can be had.
    Held,
    /// Empty lines, one after the other.
    Empty,
    /// Longer than the limit; it was not held.
    TooLong,
    /// Longer than the limit, and nothing but zero bytes.
    LongZeros,
}

/// Reads lines.
pub(in super::super) struct Lines {
    source: Source,
    buffer: Vec<u8>,
    /// How much of the buffer holds bytes of the file.
    filled: usize,
    /// Offset in the file of the buffer's first byte.
    base: u64,
    /// The text of the line before, while it is in the buffer.
    previous: Range<usize>,
    /// The text of this line.
    current: Range<usize>,
    /// Where in the buffer the next line begins.
    next: usize,
    /// Lines begun so far; `None` where those before were not read.
    begun: Option<u64>,
    limit: usize,
    returns_left: u32,
}

impl Lines {
    /// The lines of a source, each up to `limit` bytes long.
    pub(in super::super) fn new(source: Source, limit: usize) -> Lines {
        Lines {
            source,
            buffer: Vec::new(),
            filled: 0,
            base: 0,
            previous: 0..0,
            current: 0..0,
            next: 0,
            begun: Some(0),
            limit,
            returns_left: RETURNS,
        }
    }

    /// Sets the length of the longest line.
    pub(in super::super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Where the lines come from.
    pub(in super::super) fn source(&mut self) -> &mut Source {
        &mut self.source
    }

    /// Offset of the next line.
    pub(in super::super) fn offset(&self) -> u64 {
        self.base + self.next as u64
    }

    /// The text of the line that was read last, without its newline.
    pub(in super::super) fn text(&self) -> &[u8] {
        self.buffer.get(self.current.clone()).unwrap_or_default()
    }

    /// The text of the line before it, as far as it is still known.
    pub(in super::super) fn previous_text(&self) -> &[u8] {
        self.buffer.get(self.previous.clone()).unwrap_or_default()
    }

    /// Goes to the beginning of a line, which has this number. Without it, lines are counted no more.
    pub(in super::super) fn go_to(&mut self, start: u64, number: Option<u64>) -> io::Result<()> {
        self.source.go_to(start)?;
        self.restart(start);
        self.begun = number.map(|number| number.saturating_sub(1));
        Ok(())
    }

    /// Begins anew with an empty buffer at the source's place.
    fn restart(&mut self, base: u64) {
        self.base = base;
        self.filled = 0;
        self.next = 0;
        (self.previous, self.current) = (0..0, 0..0);
        if self.buffer.len() > KEPT {
            self.buffer = Vec::new();
        }
    }

    /// Makes the line that was read last the next one again, if it is still here.
    pub(in super::super) fn unread(&mut self, line: &Line) -> bool {
        if matches!(line.sort, LineSort::TooLong | LineSort::LongZeros) || line.start < self.base {
            return false;
        }
        let count = if line.sort == LineSort::Empty { line.end - line.start } else { 1 };
        self.next = usize::try_from(line.start - self.base).unwrap_or(self.next);
        self.begun = self.begun.map(|begun| begun.saturating_sub(count));
        self.current = 0..0;
        true
    }

    /// The next line; `None` at the end.
    pub(in super::super) fn next_line(&mut self) -> io::Result<Option<Line>> {
        if self.buffer.len() > KEPT && self.filled - self.next <= CHUNK / 2 {
            self.shrink();
        }
        self.previous = std::mem::take(&mut self.current);
        let mut searched = self.next;
        loop {
            if let Some(at) = memchr(b'\n', self.buffer.get(searched..self.filled).unwrap_or_default()) {
                let newline = searched + at;
                let is_empty = newline == self.next;
                return if is_empty { self.empty_lines() } else { Ok(self.line_to(newline, true)) }.map(Some);
            }
            searched = self.filled;
            let len = self.filled - self.next;
            if len > self.limit.min(self.held()) {
                return self.long_line().map(Some);
            }
            let moved = self.make_room();
            searched -= moved;
            if !self.fill()? {
                return Ok((len > 0).then(|| self.line_to(self.filled, false)));
            }
        }
    }

    /// Longest line that is held before its end is known.
    fn held(&self) -> usize {
        if self.source.len().is_some() { HELD } else { HELD_PACKED }
    }

    fn line_to(&mut self, end: usize, terminated: bool) -> Line {
        self.current = self.next..end;
        self.begun = self.begun.map(|begun| begun + 1);
        let sort = match end - self.next > self.limit {
            false => LineSort::Held,
            true if is_zeros(self.text()) => LineSort::LongZeros,
            true => LineSort::TooLong,
        };
        let start = self.base + self.next as u64;
        let line = Line { start, end: self.base + end as u64, number: self.begun, terminated, sort };
        self.next = end + usize::from(terminated);
        line
    }

    /// The run of newlines that the next line begins with, wherever the buffer ends.
    fn empty_lines(&mut self) -> io::Result<Line> {
        let (start, number) = (self.offset(), self.begun.map(|begun| begun + 1));
        // Nothing before the run is looked at again, so that it costs no room.
        self.previous = 0..0;
        loop {
            let rest = self.buffer.get(self.next..self.filled).unwrap_or_default();
            self.next += rest.iter().position(|byte| *byte != b'\n').unwrap_or(rest.len());
            if self.next < self.filled {
                break;
            }
            self.make_room();
            if !self.fill()? {
                break;
            }
        }
        let end = self.offset();
        self.begun = self.begun.map(|begun| begun + (end - start));
        Ok(Line { start, end, number, terminated: true, sort: LineSort::Empty })
    }

    /// Gives back the room that a long line took.
    fn shrink(&mut self) {
        self.buffer.copy_within(self.next..self.filled, 0);
        self.base += self.next as u64;
        self.filled -= self.next;
        self.next = 0;
        (self.previous, self.current) = (0..0, 0..0);
        self.buffer.truncate(CHUNK);
        self.buffer.shrink_to_fit();
    }

    /// Makes room behind what is filled; by how much that moved to the front. What was read before the previous line goes.
    fn make_room(&mut self) -> usize {
        if self.filled < self.buffer.len() {
            return 0;
        }
        let keep = if self.previous.len() <= CHUNK / 8 { self.previous.start.min(self.next) } else { self.next };
        let keep = if self.previous.is_empty() { self.next } else { keep };
        if keep == self.next {
            self.previous = 0..0;
        }
        self.buffer.copy_within(keep..self.filled, 0);
        self.base += keep as u64;
        self.filled -= keep;
        self.next -= keep;
        self.previous = self.previous.start.saturating_sub(keep)..self.previous.end.saturating_sub(keep);
        if self.filled > self.buffer.len() / 2 || self.buffer.is_empty() {
            // Fresh zeroes cost nothing until they are written to, unlike those that a vector is lengthened by.
            let mut longer = vec![0; (self.buffer.len() * 2).max(CHUNK)];
            if let Some(held) = longer.get_mut(..self.buffer.len()) {
                held.copy_from_slice(&self.buffer);
            }
            self.buffer = longer;
        }
        keep
    }

    /// Reads more into the buffer; whether there was more.
    fn fill(&mut self) -> io::Result<bool> {
        let count = self.source.read(self.buffer.get_mut(self.filled..).unwrap_or_default())?;
        self.filled += count;
        Ok(count > 0)
    }

    /// A line whose end is far away: looks for it without holding what stands before, and comes back if it is to be read.
    fn long_line(&mut self) -> io::Result<Line> {
        let (start, first) = (self.base + self.next as u64, self.begun.map(|begun| begun + 1));
        let mut only_zeros = is_zeros(self.buffer.get(self.next..self.filled).unwrap_or_default());
        self.base += self.filled as u64;
        self.filled = 0;
        self.buffer.truncate(CHUNK);
        self.buffer.shrink_to_fit();
        let (end, terminated) = loop {
            if !self.fill()? {
                break (self.base, false);
            }
            let read = self.buffer.get(..self.filled).unwrap_or_default();
            let newline = memchr(b'\n', read);
            only_zeros = only_zeros && is_zeros(read.get(..newline.unwrap_or(read.len())).unwrap_or_default());
            if let Some(at) = newline {
                self.next = at + 1;
                break (self.base + at as u64, true);
            }
            self.base += self.filled as u64;
            self.filled = 0;
        };
        if !terminated {
            self.next = self.filled;
        }
        (self.previous, self.current) = (0..0, 0..0);
        self.begun = first;
        let len = end - start;
        let fits = usize::try_from(len).is_ok_and(|len| len <= self.limit);
        let may_return = self.source.len().is_some() || self.returns_left > 0;
        if !fits || !may_return {
            let sort = if only_zeros { LineSort::LongZeros } else { LineSort::TooLong };
            return Ok(Line { start, end, number: first, terminated, sort });
        }
        self.returns_left -= u32::from(self.source.len().is_none());
        self.read_whole(start, end, first)
    }

    /// Reads a line whose place is known.
    fn read_whole(&mut self, start: u64, end: u64, number: Option<u64>) -> io::Result<Line> {
        self.go_to(start, number)?;
        let len = usize::try_from(end - start).unwrap_or(usize::MAX);
        self.buffer.clear();
        self.buffer.resize(len.saturating_add(CHUNK), 0);
        while self.filled <= len {
            // A file that shrank meanwhile ends here.
            if !self.fill()? {
                break;
            }
        }
        let newline = self.buffer.get(len.min(self.filled)..self.filled).and_then(|rest| memchr(b'\n', rest));
        let end = if newline == Some(0) { len } else { self.filled.min(len) };
        Ok(self.line_to(end, newline == Some(0)))
    }
}

fn is_zeros(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| ZEROS.starts_with(chunk))
}

#[cfg(test)]
mod tests;
