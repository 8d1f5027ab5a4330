//! The tolerant reader: bytes in, records and damage out, one line at a time.
//!
//! It holds one line and nothing else, reads the file as long as it was when it was opened (a writer may be appending
//! to it), and gives back every byte range either as a record or as [`Damage`]. Lines end at `\n`; a `\r` before it is
//! dropped; UTF-8 is checked line by line, so that one bad byte costs one line and not the file.
//!
//! No input makes it panic, and a line beyond [`ROLLOUT_LINE_BYTES`] is skipped without being held.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Cursor, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use simdutf8::basic::from_utf8;

pub use super::damage::{Consequence, Damage, DamageKind};
use super::record::{self, Kind, Parts, RawRecord, Record, Shape, Told};
use super::scan::skim::Skim;
use super::scan::split::{Part, Split, emptiness, may_lose_content, split};
use crate::limits::ROLLOUT_LINE_BYTES;
use crate::world::{Disk, ReadFile};

/// One thing found in a rollout.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A record.
    Record(Record),
    /// Something else.
    Damage(Damage),
}

/// The same in the memory of the reader, until the next one is asked for.
#[derive(Debug)]
pub(super) enum RawFound<'a> {
    Record(RawRecord<'a>),
    Damage(Damage),
}

/// Something found on the line that is in the buffer.
enum Queued {
    Record { bytes: Range<u64>, place: Range<usize>, kind: Kind, parts: Parts },
    Damage(Damage),
}

/// Reads a rollout from front to back.
pub struct Reader {
    input: BufReader<Box<dyn ReadFile>>,
    /// Offset of the next byte to read.
    offset: u64,
    /// Length of the file when it was opened.
    end: u64,
    /// Lines begun so far; `None` where those before were not read.
    lines: Option<u64>,
    shape: Option<Shape>,
    line_limit: usize,
    buffer: Vec<u8>,
    found: VecDeque<Queued>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

struct Line {
    start: u64,
    /// It ended with a newline.
    terminated: bool,
    /// It was longer than the limit and is not in the buffer.
    too_long: bool,
}

impl Reader {
    /// Opens the rollout at `path`; only regular files are opened.
    pub fn open(disk: &dyn Disk, path: &Path) -> io::Result<Reader> {
        Reader::new(disk.open(path)?)
    }

    /// Reads bytes that are in memory already.
    pub fn from_bytes(bytes: Vec<u8>) -> Reader {
        let end = bytes.len() as u64;
        Reader::over(Box::new(Cursor::new(bytes)), end)
    }

    /// Reads an open file from its start.
    pub fn new(mut file: Box<dyn ReadFile>) -> io::Result<Reader> {
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Reader::over(file, end))
    }

    fn over(file: Box<dyn ReadFile>, end: u64) -> Reader {
        Reader {
            input: BufReader::with_capacity(64 << 10, file),
            offset: 0,
            end,
            lines: Some(0),
            shape: None,
            line_limit: ROLLOUT_LINE_BYTES,
            buffer: Vec::new(),
            found: VecDeque::new(),
        }
    }

    /// Skips lines longer than `bytes` instead of [`ROLLOUT_LINE_BYTES`].
    pub fn with_line_limit(mut self, bytes: usize) -> Reader {
        self.line_limit = bytes.min(ROLLOUT_LINE_BYTES);
        self
    }

    /// Reads no further than `end`, in bytes of the file: the rest of it is not there.
    pub fn until(mut self, end: u64) -> Reader {
        self.end = self.end.min(end);
        self
    }

    /// How far it has read, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes to a record that was found before, so that it is the next one found. Without its line, lines are counted no
    /// more.
    pub(super) fn go_to(&mut self, start: u64, line: Option<u64>) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(start))?;
        self.offset = start;
        self.lines = line.map(|line| line.saturating_sub(1));
        self.found.clear();
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
        while self.found.is_empty() {
            let Some(line) = self.next_line()? else { return Ok(None) };
            self.take_apart(&line);
        }
        Ok(self.found.pop_front().map(|found| match found {
            Queued::Damage(damage) => RawFound::Damage(damage),
            Queued::Record { bytes, place, kind, parts } => {
                let text = self.buffer.get(place).and_then(|text| from_utf8(text).ok()).unwrap_or_default();
                RawFound::Record(RawRecord::new(bytes, self.lines, kind, text, parts))
            }
        }))
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Line { start: self.offset, terminated: false, too_long: false };
        // The allocation is kept for the next line unless the last one was unusually long.
        if self.buffer.capacity() > 1 << 20 {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        while self.offset < self.end && !line.terminated {
            let chunk = self.input.fill_buf()?;
            // A file that shrank since it was opened ends here.
            if chunk.is_empty() {
                self.end = self.offset;
                break;
            }
            let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX).min(chunk.len());
            let chunk = chunk.get(..left).unwrap_or(chunk);
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let text = chunk.get(..newline.unwrap_or(left)).unwrap_or(chunk);
            if self.buffer.len() + text.len() > self.line_limit {
                line.too_long = true;
                self.buffer = Vec::new();
            }
            if !line.too_long {
                self.buffer.extend_from_slice(text);
            }
            line.terminated = newline.is_some();
            let used = text.len() + usize::from(line.terminated);
            self.input.consume(used);
            self.offset += used as u64;
        }
        if line.start == self.offset {
            return Ok(None);
        }
        self.lines = self.lines.map(|lines| lines + 1);
        Ok(Some(line))
    }

    fn take_apart(&mut self, line: &Line) {
        let text = std::mem::take(&mut self.buffer);
        self.take_apart_text(line, &text);
        self.buffer = text;
    }

    fn take_apart_text(&mut self, line: &Line, whole: &[u8]) {
        let content_end = self.offset - u64::from(line.terminated);
        if line.too_long {
            return self.tell(line.start..content_end, DamageKind::TooLong, Consequence::Lost);
        }
        let mut from = 0;
        if line.start == 0 && whole.starts_with(BYTE_ORDER_MARK) {
            from = BYTE_ORDER_MARK.len();
            self.tell(0..from as u64, DamageKind::ByteOrderMark, Consequence::Harmless);
        }
        let start = line.start + from as u64;
        let mut text = whole.get(from..).unwrap_or_default();
        while let Some(rest) = text.strip_suffix(b"\r") {
            text = rest;
        }
        if let Some(part) = one_value(text) {
            if !line.terminated {
                self.tell(start..content_end, DamageKind::Unterminated, Consequence::Used);
            }
            return self.interpret(part, line.start, from, text);
        }
        if let Some(kind) = emptiness(text) {
            let lost = if kind == DamageKind::NulBytes { Consequence::Lost } else { Consequence::Harmless };
            return self.tell(start..start + text.len() as u64, kind, lost);
        }
        let Split { whole, torn, rest } = split(text);
        let found_any = !whole.is_empty() || !rest.is_empty();
        for part in whole {
            self.interpret(part, line.start, from, text);
        }
        if let Some((range, cause)) = torn {
            let bad = text.get(range.clone()).unwrap_or_default();
            let kind = match emptiness(bad) {
                Some(kind) => kind,
                None if !rest.is_empty() => DamageKind::Glued,
                None if !line.terminated => DamageKind::TornTail,
                None => cause,
            };
            let lossy = kind == DamageKind::NulBytes || may_lose_content(bad);
            let consequence = if lossy { Consequence::Lost } else { Consequence::PassedOver };
            self.tell(start + range.start as u64..start + range.end as u64, kind, consequence);
        } else if found_any && !line.terminated {
            self.tell(start..content_end, DamageKind::Unterminated, Consequence::Used);
        }
        for part in rest {
            self.interpret(part, line.start, from, text);
        }
    }

    /// `text` stands `from` bytes behind the beginning of the line, which is at `line_start` of the file.
    fn interpret(&mut self, part: Part, line_start: u64, from: usize, text: &[u8]) {
        let own = text.get(part.range.clone()).and_then(|own| from_utf8(own).ok()).unwrap_or_default();
        let place = from + part.range.start..from + part.range.end;
        let bytes = line_start + place.start as u64..line_start + place.end as u64;
        match record::record_of(own, part.envelope, &mut self.shape) {
            Ok(Told { kind, parts, has_timestamp }) => {
                if !has_timestamp {
                    self.tell(bytes.clone(), DamageKind::NoTimestamp, Consequence::Used);
                }
                if let Kind::Other(kind) = &kind
                    && !record::is_bookkeeping_kind(kind)
                    && kind != "inter_agent_communication"
                {
                    self.tell(bytes.clone(), DamageKind::UnknownKind, Consequence::PassedOver);
                }
                self.found.push_back(Queued::Record { bytes, place, kind, parts });
            }
            Err(no) => self.tell(bytes, no.kind, no.consequence),
        }
    }

    fn tell(&mut self, bytes: Range<u64>, kind: DamageKind, consequence: Consequence) {
        self.found.push_back(Queued::Damage(Damage::new(bytes, self.lines, kind, consequence)));
    }
}

/// The one object that a healthy line is.
fn one_value(text: &[u8]) -> Option<Part> {
    if text.first() != Some(&b'{') || from_utf8(text).is_err() {
        return None;
    }
    let mut skim = Skim::new(text);
    let envelope = skim.envelope().ok()?;
    let range = 0..skim.at();
    skim.is_at_end().then_some(Part { range, envelope })
}

impl Iterator for Reader {
    type Item = io::Result<Found>;

    fn next(&mut self) -> Option<io::Result<Found>> {
        let found = self.next_found();
        if found.is_err() {
            self.end = self.offset;
        }
        found.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: &str =
        r#"{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[]}}"#;
    const EVENT: &str = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"token_count"}}"#;

    /// What was found: `r` for a record and the damage's kind for damage, a `!` where it is lossy.
    fn read(bytes: impl AsRef<[u8]>) -> String {
        let mut told = Vec::new();
        for found in Reader::from_bytes(bytes.as_ref().to_vec()) {
            told.push(match found.unwrap() {
                Found::Record(_) => "r".to_owned(),
                Found::Damage(damage) => format!("{:?}{}", damage.kind, if damage.is_lossy() { "!" } else { "" }),
            });
        }
        told.join(" ")
    }

    #[test]
    fn healthy_lines_are_records_and_nothing_is_told() {
        assert_eq!(read(format!("{ITEM}\n{EVENT}\r\n{ITEM}\n")), "r r r");
        assert_eq!(read(""), "");
    }

    #[test]
    fn a_record_knows_its_place_and_its_text() {
        let text = format!("\n{ITEM}\n");
        let found: Vec<Found> = Reader::from_bytes(text.clone().into_bytes()).map(Result::unwrap).collect();
        let Some(Found::Record(record)) = found.last() else { panic!("{found:?}") };
        assert_eq!((record.line, record.raw()), (Some(2), ITEM));
        assert_eq!(&text[record.bytes.start as usize..record.bytes.end as usize], ITEM);
    }

    #[test]
    fn a_whole_last_line_without_a_newline_is_used() {
        assert_eq!(read(format!("{ITEM}\n{ITEM}")), "r Unterminated r");
    }

    #[test]
    fn a_torn_last_line_is_told_and_is_a_loss_unless_its_head_says_otherwise() {
        assert_eq!(read(format!("{ITEM}\n{}", &ITEM[..70])), "r TornTail!");
        assert_eq!(read(format!("{ITEM}\n{}", &EVENT[..68])), "r TornTail");
        let cut_in_the_event_type = &EVENT[..62];
        assert_eq!(read(format!("{ITEM}\n{cut_in_the_event_type}")), "r TornTail!");
        let rollback = r#"{"timestamp":"t","type":"event_msg","payload":{"type":"thread_rolled_back","num"#;
        assert_eq!(read(rollback), "TornTail!");
    }

    #[test]
    fn a_record_glued_to_a_torn_one_is_found_again() {
        assert_eq!(read(format!("{ITEM}\n{}{ITEM}\n{ITEM}\n", &ITEM[..60])), "r Glued! r r");
        assert_eq!(read(format!("{}{}{ITEM}\n", &ITEM[..60], &EVENT[..68])), "Glued! r");
        assert_eq!(read(format!("{ITEM}{ITEM}\n")), "r r");
        assert_eq!(read(format!("{ITEM}{}\n", &ITEM[..60])), "r BadJson!");
        assert_eq!(read(format!("{ITEM}{}", &ITEM[..60])), "r TornTail!");
    }

    #[test]
    fn a_record_quoted_in_a_text_is_not_taken_for_one() {
        let quoted = serde_json::to_string(ITEM).unwrap();
        let torn = format!(r#"{{"timestamp":"t","type":"response_item","payload":{{"type":"message","text":{quoted}"#);
        assert_eq!(read(torn), "TornTail!");
    }

    #[test]
    fn lines_that_are_no_records_are_told_one_by_one() {
        assert_eq!(read(format!("\u{feff}{ITEM}\n")), "ByteOrderMark r");
        assert_eq!(read(format!("{ITEM}\n \t\n\r\n\n")), "r Blank Blank Blank");
        assert_eq!(read(format!("{ITEM}\n\0\0\0\n{ITEM}\n\0\0")), "r NulBytes! r NulBytes!");
        assert_eq!(read(format!("\0\0{ITEM}\n")), "NulBytes! r");
        assert_eq!(read(format!("{ITEM}\0\0\n")), "r NulBytes!");
        assert_eq!(
            read(format!("{ITEM}\nnull\n[]\n42\n\"x\"\n{{}}\n")),
            "r NotARecord NotARecord NotARecord NotARecord NotARecord!"
        );
        assert_eq!(read(format!("{ITEM}\n{{\"a\":\"\\ud83d\"}}\n")), "r BadJson!");
        assert_eq!(
            read([ITEM.as_bytes(), b"\n{\"a\":\"\xff\"}\n", ITEM.as_bytes(), b"\n"].concat()),
            "r InvalidUtf8! r"
        );
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let novelty = r#"{"timestamp":"t","type":"novelty","payload":{},"metadata":1.5}"#;
        assert_eq!(read(format!("{ITEM}\n{novelty}\n")), "r UnknownKind r");
        let known = r#"{"timestamp":"t","type":"world_state","payload":{}}"#;
        assert_eq!(read(format!("{known}\n")), "r");
        assert_eq!(read(r#"{"type":"event_msg","payload":{}}"#.to_owned() + "\n"), "NoTimestamp r");
    }

    #[test]
    fn numbers_come_through_as_they_were_written() {
        let numbers = "[1795363328.7004507,1795363329.8408313,0.1,123456789012345680,5e-324,0.30000000000000004]";
        let line = format!(r#"{{"timestamp":"t","type":"novelty","payload":{{"numbers":{numbers}}}}}"#);
        let found = Reader::from_bytes(line.into_bytes()).map(Result::unwrap).find_map(|found| match found {
            Found::Record(record) => Some(record.payload()["numbers"].to_string()),
            _ => None,
        });
        assert_eq!(found.as_deref(), Some(numbers));
    }

    #[test]
    fn nesting_and_length_have_limits() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(read(format!("{deep}\n{ITEM}\n")), "TooDeep! r");
        let long = format!("{{\"x\":\"{}\"}}", "a".repeat(10_000));
        let reader = Reader::from_bytes(format!("{ITEM}\n{long}\n{ITEM}\n").into_bytes()).with_line_limit(1_000);
        let found: Vec<Found> = reader.map(Result::unwrap).collect();
        let Some(Found::Damage(damage)) = found.get(1) else { panic!("{found:?}") };
        let start = ITEM.len() as u64 + 1;
        assert_eq!((damage.kind, damage.bytes.clone()), (DamageKind::TooLong, start..start + long.len() as u64));
        assert!(matches!(found.as_slice(), [Found::Record(_), _, Found::Record(_)]));
    }

    #[test]
    fn a_bare_file_is_read() {
        let bare = "{\"id\":\"x\",\"timestamp\":\"t\"}\n{\"record_type\":\"state\"}\n{\"type\":\"message\",\"role\":\"user\",\"content\":[]}\n";
        assert_eq!(read(bare), "r r r");
    }
}
