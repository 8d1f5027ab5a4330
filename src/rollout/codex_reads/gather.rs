//! Gathering the facts: one pass over a file, line by line as Codex takes it.
//!
//! The reader gives what it salvaged; here its finds are put back on the line that they stood on, because a line that is
//! not one whole record is nothing to Codex, however much of it can be read.

use std::io;
use std::path::Path;

use serde_json::Value;

use super::facts::{Base, Facts, Head, Mode, Unseen};
use super::files::{is_utf8, state_of};
use super::session;
use super::table::Hidden;
use super::twice::names_a_key_twice;
use crate::rollout::damage::{DamageKind, LISTED};
use crate::rollout::items::{BETWEEN_AGENTS, ItemFacts};
use crate::rollout::lineage::HistoryBase;
use crate::rollout::locate::RolloutName;
use crate::rollout::reader::{Found, Reader};
use crate::rollout::record::{Kind, Record, is_bookkeeping_kind};
use crate::rollout::scan::source::Source;
use crate::world::Disk;

/// Reads the file at `path` in the Codex home `home`, and looks for what it continues.
pub fn gather(disk: &dyn Disk, home: &Path, path: &Path) -> io::Result<Facts> {
    let mut gathering = Gathering::new(path);
    gathering.read(Reader::open(disk, path)?)?;
    gathering.facts.not_utf8 = !is_utf8(Source::new(disk.open(path)?)?)?;
    if let Some(base) = gathering.base.take() {
        gathering.facts.base = state_of(disk, home, path, base)?;
    }
    Ok(gathering.facts)
}

/// The same of bytes in memory; `path` is where they were read from. What they continue is not looked for.
pub fn gather_bytes(bytes: Vec<u8>, path: &Path) -> Facts {
    let mut gathering = Gathering::new(path);
    // Reading memory does not fail.
    gathering.facts.not_utf8 = is_utf8(Source::of(bytes.clone())).is_ok_and(|is| !is);
    let _ = gathering.read(Reader::from_bytes(bytes));
    if gathering.base.is_some() {
        gathering.facts.base = Base::Unknown;
    }
    gathering.facts
}

/// Its ordinal is there and no whole number.
fn has_odd_ordinal(record: &Record) -> bool {
    if record.ordinal.is_some() || !record.raw().contains("\"ordinal\"") {
        return false;
    }
    let envelope: Value = serde_json::from_str(record.raw()).unwrap_or_default();
    envelope.get("ordinal").is_some_and(|ordinal| !ordinal.is_null())
}

fn mode_of(payload: &Value) -> Mode {
    match payload.get("history_mode").map(Value::as_str) {
        None | Some(Some("legacy")) => Mode::Legacy,
        Some(Some("paginated")) => Mode::Paginated,
        Some(_) => Mode::Unknown,
    }
}

struct Gathering {
    facts: Facts,
    base: Option<HistoryBase>,
    /// Where the first `session_meta` ends.
    meta_ends: u64,
    line: Option<u64>,
    /// Records of that line.
    records: Vec<Record>,
    /// Codex cannot read that line as a whole.
    spoilt: bool,
    /// Why it cannot, where its record was mended.
    mended: Option<Hidden>,
    turns: Turns,
}

/// Turns since the last compaction.
#[derive(Default)]
struct Turns {
    since: u64,
    after_compaction: bool,
}

impl Gathering {
    fn new(path: &Path) -> Gathering {
        let name = path.file_name().and_then(|name| name.to_str());
        let facts = Facts {
            archived: path.iter().any(|part| part == "archived_sessions"),
            compressed: path.extension().is_some_and(|extension| extension == "zst"),
            cut_frame: false,
            well_named: name.and_then(RolloutName::parse).is_some(),
            empty: true,
            no_record: true,
            not_utf8: false,
            head: Head::Nothing,
            has_meta: false,
            records_before_meta: 0,
            item_before_meta: false,
            has_prompt_event: false,
            meta_fault: None,
            mode: Mode::Legacy,
            last_has_ordinal: false,
            base: Base::None,
            unseen: Vec::new(),
            rolled_back_over_compaction: false,
        };
        let turns = Turns::default();
        Gathering {
            facts,
            base: None,
            meta_ends: 0,
            line: None,
            records: Vec::new(),
            spoilt: false,
            mended: None,
            turns,
        }
    }

    fn read(&mut self, mut reader: Reader) -> io::Result<()> {
        while let Some(found) = reader.next_found()? {
            let line = match &found {
                Found::Record(record) => record.line,
                Found::Damage(damage) => damage.line,
            };
            if line != self.line {
                self.end_line();
                self.line = line;
            }
            match found {
                Found::Record(record) => self.records.push(record),
                Found::Damage(damage) => self.damaged(damage.kind),
            }
        }
        self.end_line();
        Ok(())
    }

    /// What damage means for the line that it stands on.
    fn damaged(&mut self, kind: DamageKind) {
        match kind {
            DamageKind::Blank
            | DamageKind::CarriageReturn
            | DamageKind::Unterminated
            | DamageKind::UnknownKind
            | DamageKind::NoOrdinal
            | DamageKind::OrdinalOrder
            | DamageKind::Repeated => {}
            DamageKind::CutFrame => self.facts.cut_frame = true,
            DamageKind::ReplacedBytes => self.mended = Some(Hidden::NotUtf8),
            DamageKind::ReplacedSurrogate => self.mended = Some(Hidden::HalfPair),
            DamageKind::SplitRecord => self.mended = Some(Hidden::OnSeveralLines),
            _ => {
                self.spoilt = true;
                self.facts.empty = false;
            }
        }
    }

    /// What the line is to Codex: one record, or nothing.
    fn end_line(&mut self) {
        let records = std::mem::take(&mut self.records);
        let mended = self.mended.take();
        let spoilt = std::mem::take(&mut self.spoilt) || mended.is_some();
        self.facts.empty &= records.is_empty();
        match records.as_slice() {
            [] if !spoilt => {}
            [record] if !spoilt => self.take(record),
            several => {
                self.head(Head::Noise);
                let hidden = match several {
                    [record] if record.timestamp.is_none() => Hidden::NoTimestamp,
                    _ => mended.unwrap_or(Hidden::SharesItsLine),
                };
                several.iter().for_each(|record| self.hide(record, hidden));
            }
        }
    }

    fn head(&mut self, head: Head) {
        if self.facts.head == Head::Nothing {
            self.facts.head = head;
        }
    }

    fn hide(&mut self, record: &Record, hidden: Hidden) {
        let tells = match &record.kind {
            Kind::ResponseItem | Kind::Compacted | Kind::Event => true,
            Kind::Other(kind) => kind == BETWEEN_AGENTS,
            _ => false,
        };
        if tells && self.facts.unseen.len() < LISTED {
            self.facts.unseen.push(Unseen { bytes: record.bytes.clone(), hidden });
        }
    }

    fn take(&mut self, record: &Record) {
        if !self.is_record(record) {
            return self.head(Head::Noise);
        }
        self.facts.no_record = false;
        if !self.facts.has_meta && record.kind != Kind::SessionMeta {
            self.facts.records_before_meta += 1;
            self.facts.item_before_meta |= record.kind == Kind::ResponseItem;
        }
        match &record.kind {
            Kind::SessionMeta => self.meta(record),
            Kind::ResponseItem => self.item(record),
            Kind::Compacted if record.payload().get("replacement_history").is_some_and(Value::is_array) => {
                self.turns = Turns { after_compaction: true, ..Turns::default() };
            }
            // Its summary is to Codex what a user wrote.
            Kind::Compacted => self.turns.since += 1,
            Kind::Event => self.event(&record.payload()),
            Kind::Other(kind) if kind == BETWEEN_AGENTS => self.hide(record, Hidden::After0130),
            _ => {}
        }
        if names_a_key_twice(record.raw()) {
            self.hide(record, Hidden::KeyTwice);
        }
        self.head(if record.kind == Kind::SessionMeta { Head::Meta } else { Head::Record });
        self.facts.last_has_ordinal = record.ordinal.is_some();
    }

    /// Whether Codex takes it for a record: it has an envelope and a kind that is known, and, as a `session_meta`, can be
    /// used.
    fn is_record(&mut self, record: &Record) -> bool {
        match &record.kind {
            Kind::BareMeta | Kind::Bookkeeping => false,
            Kind::Other(kind) => is_bookkeeping_kind(kind) || kind == BETWEEN_AGENTS,
            // A bare item is its own envelope.
            _ if record.payload_text().len() == record.raw().len() => false,
            _ if has_odd_ordinal(record) => {
                self.hide(record, Hidden::OddOrdinal);
                false
            }
            Kind::SessionMeta => {
                let payload = record.payload();
                // It is asked for before the rest is looked at.
                if !self.facts.has_meta && self.facts.meta_fault.is_none() {
                    self.facts.mode = mode_of(&payload);
                }
                let fault = session::fault(&payload);
                self.facts.meta_fault = self.facts.meta_fault.or(fault);
                fault.is_none()
            }
            _ => true,
        }
    }

    fn meta(&mut self, record: &Record) {
        if self.facts.has_meta {
            // Reading from the end stops here.
            let bytes = self.meta_ends..record.bytes.start;
            self.facts.unseen.retain(|unseen| unseen.hidden != Hidden::BeforeLastMeta);
            self.facts.unseen.push(Unseen { bytes, hidden: Hidden::BeforeLastMeta });
            return;
        }
        let payload = record.payload();
        self.facts.has_meta = true;
        self.facts.mode = mode_of(&payload);
        self.base = HistoryBase::of(&payload).and_then(Result::ok);
        self.meta_ends = record.bytes.end;
    }

    fn item(&mut self, record: &Record) {
        let item = ItemFacts::of(record.payload_text());
        self.turns.since += u64::from(item.begins_turn());
        let hidden = match item.kind.as_deref() {
            Some("tool_search_call" | "tool_search_output" | "image_generation_call" | "context_compaction") => {
                Hidden::After0105
            }
            Some("agent_message" | "additional_tools") => Hidden::After0130,
            _ if item.has_late_part => Hidden::After0130,
            _ => return,
        };
        self.hide(record, hidden);
    }

    fn event(&mut self, payload: &Value) {
        match payload.get("type").and_then(Value::as_str) {
            Some("user_message") => self.facts.has_prompt_event = true,
            Some("thread_rolled_back") => self.roll_back(payload),
            _ => {}
        }
    }

    fn roll_back(&mut self, payload: &Value) {
        let taken = payload.get("num_turns").and_then(Value::as_u64).unwrap_or_default();
        self.facts.rolled_back_over_compaction |= self.turns.after_compaction && taken > self.turns.since;
        self.turns.since = self.turns.since.saturating_sub(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "sessions/2026/11/22/rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";
    const META: &str = r#"{"timestamp":"t","type":"session_meta","payload":{"id":"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a","timestamp":"t","cwd":"/","originator":"o","cli_version":"0.130.0"}}"#;
    const USER: &str = r#"{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#;

    fn of(lines: &[&str]) -> Facts {
        gather_bytes((lines.join("\n") + "\n").into_bytes(), Path::new(NAME))
    }

    fn hidden(facts: &Facts) -> Vec<Hidden> {
        facts.unseen.iter().map(|unseen| unseen.hidden).collect()
    }

    #[test]
    fn a_healthy_file_has_nothing_to_it() {
        let facts = of(&[META, USER, "", "\r"]);
        assert_eq!((facts.head, facts.has_meta, facts.mode), (Head::Meta, true, Mode::Legacy));
        assert!(facts.well_named && !facts.empty && !facts.not_utf8 && facts.unseen.is_empty());
        assert!(of(&["", " \t"]).empty);
    }

    #[test]
    fn the_first_line_that_is_not_blank_is_the_head() {
        assert_eq!(of(&["", META]).head, Head::Meta);
        assert_eq!(of(&[USER, META]).head, Head::Record);
        assert_eq!(of(&["garbage", META]).head, Head::Noise);
        assert_eq!(of(&[r#"{"timestamp":"t","type":"novelty","payload":{}}"#, META]).head, Head::Noise);
        let marked = of(&[&format!("\u{feff}{META}"), USER]);
        assert_eq!((marked.head, marked.has_meta), (Head::Noise, false));
        let torn = of(&[META.get(..90).unwrap_or_default(), USER]);
        assert_eq!((torn.head, torn.has_meta), (Head::Noise, false));
    }

    #[test]
    fn a_meta_that_codex_cannot_use_is_none() {
        let facts = of(&[&META.replace(r#","cwd":"/""#, ""), USER]);
        assert_eq!((facts.has_meta, facts.meta_fault, facts.head), (false, Some("cwd"), Head::Noise));
        let mode = |mode: &str| of(&[&META.replace(r#","cwd""#, &format!(r#","history_mode":{mode},"cwd""#))]).mode;
        assert_eq!(mode(r#""paginated""#), Mode::Paginated);
        assert_eq!((mode("null"), mode(r#""cloud""#)), (Mode::Unknown, Mode::Unknown));
    }

    #[test]
    fn records_that_codex_does_not_see_are_told() {
        assert_eq!(hidden(&of(&[META, &USER.replacen(r#""timestamp":"t","#, "", 1)])), [Hidden::NoTimestamp]);
        assert_eq!(hidden(&of(&[META, &format!("{USER}{USER}")])), [Hidden::SharesItsLine; 2]);
        let glued = format!("{}{USER}", USER.get(..60).unwrap_or_default());
        assert_eq!(hidden(&of(&[META, &glued])), [Hidden::SharesItsLine]);
        assert_eq!(hidden(&of(&[META, &USER.replace(r#""role""#, r#""role":"a","role""#)])), [Hidden::KeyTwice]);
        let (head, tail) = USER.split_at(110);
        assert_eq!(hidden(&of(&[META, head, tail])), [Hidden::OnSeveralLines]);
        let search = USER.replace(r#""message""#, r#""tool_search_call""#);
        let facts = of(&[META, &search]);
        let start = META.len() as u64 + 1;
        assert_eq!(facts.unseen, [Unseen { bytes: start..start + search.len() as u64, hidden: Hidden::After0105 }]);
    }

    #[test]
    fn a_rollback_is_measured_against_the_compaction_before_it() {
        let compacted = r#"{"timestamp":"t","type":"compacted","payload":{"message":"","replacement_history":[]}}"#;
        let back = |n| {
            format!(
                r#"{{"timestamp":"t","type":"event_msg","payload":{{"type":"thread_rolled_back","num_turns":{n}}}}}"#
            )
        };
        let over = |turns: u64| of(&[META, USER, compacted, USER, &back(turns)]).rolled_back_over_compaction;
        assert_eq!((over(1), over(2)), (false, true));
        assert!(!of(&[META, USER, &back(1), compacted]).rolled_back_over_compaction);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_found_behind_a_torn_record() {
        let mut bytes = format!("{META}\n").into_bytes();
        bytes.extend(b"{\"\xff");
        assert!(gather_bytes(bytes, Path::new(NAME)).not_utf8);
    }
}
