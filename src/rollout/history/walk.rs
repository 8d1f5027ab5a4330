//! The walk over a thread's records, from the first to the last, and what it gathers.

use std::io;

use super::super::damage::{Consequence, Damage, DamageKind, Damages};
use super::super::items::{BETWEEN_AGENTS, ItemFacts, Use, between_agents};
use super::super::meta::{MetaScan, ReadError, SettingsReader};
use super::super::place::Place;
use super::super::reader::RawFound;
use super::super::record::{Kind, RawRecord};
use super::compaction::Brings;
use super::files::Files;
use super::steps::{Held, Steps};

/// What a walk gathers.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) meta: MetaScan,
    pub(super) steps: Steps,
    pub(super) damages: Damages,
    /// Length of the file that was asked for.
    pub(super) end: u64,
    /// Where it began, if that was at the beginning of a turn.
    pub(super) began: Option<Place>,
    settings: SettingsReader,
    keep: Keep,
    skips: Skips,
}

/// Whether a walk has come to the records that it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skips {
    #[default]
    Nothing,
    /// All before the next `task_started`.
    ToTurn,
}

/// Whether the texts of items are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keep {
    #[default]
    Texts,
    /// Only how long the texts of the users' messages are.
    Lengths,
}

impl Walk {
    /// A walk that holds no texts, and remembers what rollbacks took out.
    pub(super) fn without_texts() -> Walk {
        Walk { steps: Steps::remembering(), keep: Keep::Lengths, ..Walk::default() }
    }

    /// A walk that takes nothing before the first `task_started` that it comes to.
    pub(super) fn from_a_turn() -> Walk {
        Walk { skips: Skips::ToTurn, ..Walk::default() }
    }

    /// Whether nothing that stands before its beginning could make a difference to the history.
    pub(super) fn stands_alone(&self) -> bool {
        self.began.is_some() && self.meta.is_first_record() && self.steps.stand_alone()
    }

    /// Walks all files, the oldest first; from `start` on where that is given, which is the start of a line.
    pub(super) fn all(&mut self, files: &Files<'_>, start: Option<&Place>) -> Result<(), ReadError> {
        for file in files.oldest_first() {
            match start {
                Some(start) if file > start.file => {}
                start => self.one(files, file, start.filter(|start| start.file == file))?,
            }
        }
        self.read_again(files).map_err(|error| files.failed(error))
    }

    /// A base that can not be read to its end is damage; so is one that ends before its cut or is cut inside a record.
    fn one(&mut self, files: &Files<'_>, file: u32, start: Option<&Place>) -> Result<(), ReadError> {
        let mut read = || -> io::Result<Result<u64, ReadError>> {
            let mut reader = files.open(file)?;
            if let Some(start) = start {
                if file == 0
                    && let Some(RawFound::Record(first)) = reader.next_raw()?
                    && let Err(kind) = self.meta.feed(&first, &mut self.damages)
                {
                    return Ok(Err(kind.at(files.asked())));
                }
                reader.go_to(start.bytes.start, start.line)?;
            }
            while let Some(found) = reader.next_raw()? {
                match found {
                    RawFound::Damage(_) if self.skips == Skips::ToTurn => {}
                    RawFound::Damage(damage) => self.damages.tell(of_base(Damage { file, ..damage }, files.cut(file))),
                    RawFound::Record(record) => {
                        if file == 0
                            && let Err(kind) = self.meta.feed(&record, &mut self.damages)
                        {
                            return Ok(Err(kind.at(files.asked())));
                        }
                        if self.comes_to(file, &record) {
                            self.take(file, &record);
                        }
                    }
                }
            }
            Ok(Ok(reader.offset()))
        };
        let lost = |at: u64, kind| Damage { file, ..Damage::new(at..at, None, kind, Consequence::Lost) };
        match (read(), files.cut(file)) {
            (Ok(Err(refused)), _) => return Err(refused),
            (Ok(Ok(end)), Some(cut)) if end < cut => self.damages.tell(lost(end, DamageKind::ShortBase)),
            (Ok(Ok(end)), _) => self.end = end,
            (Err(error), None) => return Err(files.failed(error)),
            (Err(_), Some(cut)) => self.damages.tell(lost(cut, DamageKind::UnreadableBase)),
        }
        Ok(())
    }

    /// Whether the record is one that this walk takes.
    fn comes_to(&mut self, file: u32, record: &RawRecord<'_>) -> bool {
        if self.skips == Skips::ToTurn && record.kind == Kind::Event && begins_task(record) {
            self.skips = Skips::Nothing;
            self.began = Some(Place { file, bytes: record.bytes.clone(), line: record.line });
        }
        self.skips == Skips::Nothing
    }

    fn take(&mut self, file: u32, record: &RawRecord<'_>) {
        let place = Place { file, bytes: record.bytes.clone(), line: record.line };
        match &record.kind {
            Kind::ResponseItem => self.item(place, record.payload_text(), &record.item_facts()),
            Kind::Compacted => {
                let payload = record.payload_text();
                match Brings::of(payload) {
                    Some(brings) => self.steps.compaction(place, payload.into(), brings.has_turn()),
                    None => self.tell(&place, DamageKind::BadCompaction, Consequence::PassedOver),
                }
            }
            Kind::TurnContext => {
                self.steps.settings(place, self.settings.turn_context(record.payload_text()));
            }
            Kind::Event => self.event(place, record),
            Kind::Other(kind) if kind == BETWEEN_AGENTS => match between_agents(record.payload_text()) {
                Some(item) => self.item(place, &item, &ItemFacts::of(&item)),
                None => self.tell(&place, DamageKind::BadItem, Consequence::Lost),
            },
            Kind::SessionMeta | Kind::BareMeta | Kind::Bookkeeping | Kind::Other(_) => {}
        }
    }

    fn item(&mut self, place: Place, text: &str, facts: &ItemFacts<'_>) {
        match facts.use_ {
            Use::Send => {
                let text = match self.keep {
                    Keep::Texts => Held::Here(text.into()),
                    Keep::Lengths => Held::Measured(said_bytes(facts)),
                };
                self.steps.item(place, text, facts);
            }
            Use::Drop => {}
            Use::Unknown => self.tell(&place, DamageKind::UnknownItem, Consequence::Lost),
            Use::Bad => self.tell(&place, DamageKind::BadItem, Consequence::Lost),
        }
    }

    fn event(&mut self, place: Place, record: &RawRecord<'_>) {
        match record.payload_type().as_deref() {
            Some("task_started" | "turn_started") => self.steps.task_started(),
            Some("task_complete" | "turn_complete") => self.steps.task_complete(place),
            Some("turn_aborted") => self.steps.task_aborted(),
            Some("thread_rolled_back") => match turns_of(record) {
                Some(turns) => self.steps.roll_back(turns, &place),
                None => self.tell(&place, DamageKind::NotARecord, Consequence::Lost),
            },
            Some("thread_settings_applied") => {
                if let Some(told) = self.settings.applied(record.payload_text()) {
                    self.steps.settings(place, told);
                }
            }
            _ => {}
        }
    }

    /// Reads again what a rollback brought back from before a compaction.
    fn read_again(&mut self, files: &Files<'_>) -> io::Result<()> {
        let mut missing = self.steps.missing().peekable();
        while let Some((first, _)) = missing.peek() {
            let file = first.file;
            let mut reader = files.open(file)?;
            reader.go_to(first.bytes.start, first.line)?;
            while let Some((place, held)) = missing.peek_mut().filter(|(place, _)| place.file == file) {
                let Some(found) = reader.next_raw()? else { break };
                if let RawFound::Record(record) = found
                    && record.bytes == place.bytes
                {
                    **held = Held::Here(text_again(&record));
                    missing.next();
                }
            }
            // What the file no longer holds is told when the items are gathered.
            while missing.next_if(|(place, _)| place.file == file).is_some() {}
        }
        Ok(())
    }

    fn tell(&mut self, place: &Place, kind: DamageKind, consequence: Consequence) {
        self.damages.tell(place.damage(kind, consequence));
    }
}

/// The text that a record was taken for, once more.
fn text_again(record: &RawRecord<'_>) -> Box<str> {
    let payload = record.payload_text();
    match &record.kind {
        Kind::Other(_) => between_agents(payload).map_or_else(|| payload.into(), String::into_boxed_str),
        _ => payload.into(),
    }
}

fn begins_task(record: &RawRecord<'_>) -> bool {
    matches!(record.payload_type().as_deref(), Some("task_started" | "turn_started"))
}

/// How long the texts of a message are that a user wrote.
fn said_bytes(facts: &ItemFacts<'_>) -> usize {
    if facts.begins_turn() { facts.texts().iter().map(|text| text.len()).sum() } else { 0 }
}

/// How many turns a rollback takes back.
fn turns_of(record: &RawRecord<'_>) -> Option<u64> {
    record.payload().get("num_turns")?.as_u64()
}

/// The torn end of a base is the work of its cut.
fn of_base(damage: Damage, cut: Option<u64>) -> Damage {
    match damage.kind {
        DamageKind::TornTail if cut == Some(damage.bytes.end) => Damage { kind: DamageKind::SplitByCut, ..damage },
        _ => damage,
    }
}
