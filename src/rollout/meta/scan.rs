//! The search for a file's own metadata, record by record.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::damage::{Consequence, Damage, DamageKind, Damages};
use super::super::lineage::refuse_unknown_mode;
use super::super::locate::RolloutName;
use super::super::place::Place;
use super::super::record::{Kind, RawRecord};
use super::{ReadError, ReadErrorKind, SessionMeta, SettingsTold, id_of};

/// Gathers the metadata while a file is read from its start.
#[derive(Default)]
pub(in super::super) struct MetaScan {
    meta: Option<SessionMeta>,
    is_bare: bool,
    /// A `session_meta` whose id can not be read: the rest of it still counts.
    without_id: Option<Value>,
    /// Where the metadata stands.
    place: Option<Place>,
    seen_records: bool,
    /// Other records stand before it.
    is_late: bool,
    first_turn_cwd: Option<PathBuf>,
    first_told_cwd: Option<PathBuf>,
}

impl MetaScan {
    /// Nothing further in the file can change the metadata.
    pub(super) fn is_settled(&self) -> bool {
        self.meta.is_some() && (!self.is_bare || self.first_told_cwd.is_some())
    }

    /// Looks at the next record.
    pub(in super::super) fn feed(
        &mut self,
        record: &RawRecord<'_>,
        damages: &mut Damages,
    ) -> Result<(), ReadErrorKind> {
        match record.kind {
            Kind::SessionMeta | Kind::BareMeta if self.meta.is_none() => {
                self.is_bare = record.kind == Kind::BareMeta;
                self.take(&record.payload(), record, damages)?;
            }
            // Only metadata that has to be rebuilt, or that of a bare file, asks what the turns say.
            Kind::TurnContext if self.meta.is_none() && self.first_turn_cwd.is_none() => {
                self.first_turn_cwd = SettingsTold::by_turn_context(record.payload_text()).context.cwd;
            }
            Kind::ResponseItem if (self.meta.is_none() || self.is_bare) && self.first_told_cwd.is_none() => {
                let facts = record.item_facts();
                self.first_told_cwd = facts.is_contextual.then(|| facts.told_cwd()).flatten();
            }
            _ => {}
        }
        self.seen_records = true;
        Ok(())
    }

    fn take(&mut self, payload: &Value, record: &RawRecord<'_>, damages: &mut Damages) -> Result<(), ReadErrorKind> {
        refuse_unknown_mode(payload)?;
        let mut tell = |kind, consequence| {
            damages.tell(Damage::new(record.bytes.clone(), record.line, kind, consequence));
        };
        self.place = Some(Place { file: 0, bytes: record.bytes.clone(), line: record.line });
        self.meta = payload.as_object().and_then(|map| id_of(map, "id").map(|id| SessionMeta::new(id, map)));
        if self.meta.is_none() {
            tell(DamageKind::BadMeta, Consequence::PassedOver);
            self.without_id = self.without_id.take().or_else(|| Some(payload.clone()));
        } else if self.seen_records {
            tell(DamageKind::LateMeta, Consequence::Used);
            self.is_late = true;
        }
        Ok(())
    }

    /// Where the metadata stands, if it was not rebuilt.
    pub(in super::super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// An envelope's metadata was the first record that was looked at.
    pub(in super::super) fn is_first_record(&self) -> bool {
        self.meta.is_some() && !self.is_bare && !self.is_late
    }

    /// Line 1 was a bare file's.
    pub(in super::super) fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// The metadata, rebuilt if need be; `end` is the length of the file.
    pub(in super::super) fn finish(
        self,
        path: &Path,
        end: u64,
        damages: &mut Damages,
    ) -> Result<SessionMeta, ReadError> {
        if let Some(mut meta) = self.meta {
            if self.is_bare {
                meta.cwd = self.first_told_cwd;
            }
            return Ok(meta);
        }
        let name = path.file_name().and_then(|name| name.to_str()).and_then(RolloutName::parse);
        let Some(name) = name.filter(|_| self.seen_records) else {
            let nothing = if end == 0 { ReadErrorKind::Empty } else { ReadErrorKind::NoMeta };
            return Err(nothing.at(path));
        };
        damages.tell(Damage::new(0..end, Some(1), DamageKind::NoMeta, Consequence::Lost));
        let raw = self.without_id.unwrap_or_else(|| Value::Object(Map::new()));
        let mut meta = SessionMeta::new(name.thread, raw.as_object().unwrap_or(&Map::new()));
        meta.cwd = meta.cwd.or(self.first_turn_cwd).or(self.first_told_cwd);
        Ok(meta)
    }
}
