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
use crate::limits::{ROLLOUT_JOINED_BYTES, ROLLOUT_LINE_BYTES};
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
        assert_eq!(read(format!("{ITEM}\n{EVENT}\r\n{ITEM}\n")), "r CarriageReturn r r");
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
        assert_eq!(read(format!("{ITEM}\n{ITEM}")), "r Unterminated Repeated r");
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
        assert_eq!(read(format!("{ITEM}\n \t\n\r\n\n")), "r Blank CarriageReturn Blank Blank");
        assert_eq!(read(format!("{ITEM}\n\0\0\0\n{ITEM}\n\0\0")), "r NulBytes! r NulBytes!");
        assert_eq!(read(format!("\0\0{ITEM}\n")), "NulBytes! r");
        assert_eq!(read(format!("{ITEM}\0\0\n")), "r NulBytes!");
        assert_eq!(
            read(format!("{ITEM}\nnull\n[]\n42\n\"x\"\n{{}}\n")),
            "r NotARecord NotARecord NotARecord NotARecord NotARecord!"
        );
        assert_eq!(read(format!("{ITEM}\n{{\"a\":\"\\ud83d\"}}\n")), "r LoneSurrogate!");
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
    fn a_record_that_newlines_broke_is_mended() {
        let (head, tail) = ITEM.split_once(r#""content""#).unwrap();
        assert_eq!(read(format!("{head}\n\n  \"content\"{tail}\n{EVENT}\n")), "SplitRecord r r");
        let value: serde_json::Value = serde_json::from_str(ITEM).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', "\r\n");
        assert_eq!(read(format!("{ITEM}\n{pretty}\n{EVENT}\n")), "r SplitRecord r r");
        let in_text = EVENT.replace("token_count", "token\ncount");
        let found: Vec<Found> =
            Reader::from_bytes(format!("{in_text}\n{ITEM}").into_bytes()).map(Result::unwrap).collect();
        let [Found::Damage(damage), Found::Record(record), _, Found::Record(next)] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(damage.bytes, 0..in_text.len() as u64);
        assert_eq!((record.line, record.payload()["type"].as_str()), (Some(1), Some("token\ncount")));
        assert_eq!((next.line, next.raw()), (Some(3), ITEM));
    }

    #[test]
    fn a_torn_record_swallows_nothing_that_follows_it() {
        let torn = &ITEM[..ITEM.len() - 4];
        assert_eq!(read(format!("{torn}\n{EVENT}\n]}}}}\n{ITEM}\n")), "BadJson! r BadJson! r");
        assert_eq!(read(format!("{torn}\n\n\0\n{ITEM}\n")), "BadJson! Blank NulBytes! r");
        assert_eq!(read(format!("{{\n{{\n{{\n{ITEM}\n")), "BadJson! BadJson! BadJson! r");
    }

    #[test]
    fn a_torn_record_that_stands_whole_behind_itself_is_no_loss() {
        let torn = &ITEM[..80];
        assert_eq!(read(format!("{torn}\n{ITEM}\n{EVENT}\n")), "TornRepeat r r");
        assert_eq!(read(format!("{torn}{ITEM}\n{EVENT}\n")), "TornRepeat r r");
        let hardly_begun = &ITEM[..50];
        assert_eq!(read(format!("{hardly_begun}\n{ITEM}\n")), "BadJson! r");
        assert_eq!(read(format!("{torn}\n{EVENT}\n{ITEM}\n")), "BadJson! r r");
    }

    #[test]
    fn ordinals_that_say_something_else_than_the_order_of_the_file_are_told() {
        let ordinal = |n: u32| ITEM.replace("\"type\":\"r", &format!("\"ordinal\":{n},\"type\":\"r"));
        let lines = |ordinals: [u32; 4]| ordinals.map(ordinal).join("\n") + "\n";
        assert_eq!(read(lines([4, 5, 6, 9])), "r r r r");
        assert_eq!(read(lines([0, 2, 1, 3])), "r r OrdinalOrder r r");
        let repeated = ordinal(1).replace("user", "assistant");
        assert_eq!(read(format!("{}\n{repeated}\n{ITEM}\n", ordinal(1))), "r OrdinalOrder r NoOrdinal r");
        assert_eq!(read(format!("{}\n{0}\n", ordinal(1))), "r Repeated r");
    }

    #[test]
    fn a_compressed_file_is_read_as_what_it_unpacks_to() {
        let text = format!("{ITEM}\n{EVENT}\n{}", &ITEM[..70]);
        assert_eq!(read(zstd::encode_all(text.as_bytes(), 3).unwrap()), "r r TornTail!");
        let frames = [zstd::encode_all(format!("{ITEM}\n").as_bytes(), 3).unwrap(), b"no frame".to_vec()].concat();
        assert_eq!(read(frames), "r CorruptFrame!");
    }

    #[test]
    fn a_bare_file_is_read() {
        let bare = "{\"id\":\"x\",\"timestamp\":\"t\"}\n{\"record_type\":\"state\"}\n{\"type\":\"message\",\"role\":\"user\",\"content\":[]}\n";
        assert_eq!(read(bare), "r r r");
    }
}
