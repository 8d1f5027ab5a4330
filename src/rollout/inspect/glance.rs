//! One file of many, seen in one pass from its first byte to its last.
//!
//! A glance holds one line of the file and a count for each class of damage, whatever the file's size. It tells what a
//! file shows by itself; what takes the whole history to see, such as an output whose call is gone, is told by
//! inspecting that file.

use std::collections::HashSet;
use std::io;

use serde::Serialize;
use uuid::Uuid;

use super::told::{ClassCount, Classes, Verdict};
use crate::rollout::items::{BETWEEN_AGENTS, ItemFacts, Use, between_agents};
use crate::rollout::lineage::HistoryBase;
use crate::rollout::locate::RolloutFile;
use crate::rollout::reader::{Found, Reader};
use crate::rollout::record::{Kind, Record};
use crate::rollout::{Consequence, Damage, DamageKind, Era, ThreadId};
use crate::world::Disk;

/// One file of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct FileLine {
    /// Where it lies.
    pub path: String,
    /// The thread that its metadata, or else its name, says.
    pub thread: Option<String>,
    /// Its length on disk.
    pub bytes: u64,
    /// What its damage comes to.
    pub verdict: Verdict,
    /// Its damage by class, the gravest first.
    pub damage: Vec<ClassCount>,
    /// Why it cannot be read, if so.
    pub unreadable: Option<String>,
}

/// What a glance sees.
#[derive(Debug, Default)]
pub(super) struct Glance {
    pub(super) thread: Option<ThreadId>,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) era: Option<Era>,
    pub(super) version: Option<String>,
    pub(super) classes: Classes,
    pub(super) unreadable: Option<String>,
    has_meta: bool,
}

impl Glance {
    /// Looks at `file`; `present` are the rollout ids of its home.
    pub(super) fn at(disk: &dyn Disk, file: &RolloutFile, present: &HashSet<Uuid>) -> Glance {
        let mut glance = Glance { bytes: disk.status(&file.path).map_or(0, |status| status.len), ..Glance::default() };
        match Reader::open(disk, &file.path).and_then(|reader| glance.read(reader, present)) {
            Ok(end) => glance.close(file, end),
            Err(error) => glance.unreadable = Some(format!("failed to read: {error}")),
        }
        glance
    }

    fn read(&mut self, mut reader: Reader, present: &HashSet<Uuid>) -> io::Result<u64> {
        while let Some(found) = reader.next_found()? {
            match found {
                Found::Damage(damage) => self.classes.count(&damage),
                Found::Record(record) => self.take(&record, present),
            }
        }
        Ok(reader.offset())
    }

    fn take(&mut self, record: &Record, present: &HashSet<Uuid>) {
        match &record.kind {
            Kind::SessionMeta | Kind::BareMeta if !self.has_meta => self.meta(record, present),
            Kind::ResponseItem => match ItemFacts::of(record.payload_text()).use_ {
                Use::Send | Use::Drop => {}
                Use::Unknown => self.tell(record, DamageKind::UnknownItem, Consequence::Lost),
                Use::Bad => self.tell(record, DamageKind::BadItem, Consequence::Lost),
            },
            Kind::Other(kind) if kind == BETWEEN_AGENTS && between_agents(record.payload_text()).is_none() => {
                self.tell(record, DamageKind::BadItem, Consequence::Lost);
            }
            _ => {}
        }
        self.era.get_or_insert(if record.timestamp.is_some() { Era::Envelope } else { Era::Bare });
        self.records += 1;
    }

    fn meta(&mut self, record: &Record, present: &HashSet<Uuid>) {
        let payload = record.payload();
        let text_at = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
        self.version = text_at("cli_version").map(str::to_owned);
        let Some(id) = text_at("id").and_then(|id| ThreadId::parse(id).ok()) else {
            return self.tell(record, DamageKind::BadMeta, Consequence::PassedOver);
        };
        self.has_meta = true;
        self.thread = Some(id);
        let mode = payload.get("history_mode").filter(|mode| !mode.is_null());
        self.era = Some(match mode.map(|mode| mode.as_str().unwrap_or_default()) {
            _ if record.kind == Kind::BareMeta => Era::Bare,
            None => Era::Envelope,
            Some("legacy") => Era::WorldState,
            Some("paginated") => Era::Paginated,
            Some(mode) => {
                self.unreadable = Some(format!("unknown history_mode `{mode}`: a newer Codex wrote it"));
                Era::Paginated
            }
        });
        if self.records > 0 {
            self.tell(record, DamageKind::LateMeta, Consequence::Used);
        }
        match HistoryBase::of(&payload) {
            Some(Ok(base)) if !present.contains(&base.rollout) => {
                self.tell(record, DamageKind::MissingBase(base.rollout), Consequence::Lost);
            }
            Some(Err(_)) => self.tell(record, DamageKind::BadBase, Consequence::Lost),
            _ => {}
        }
    }

    fn close(&mut self, file: &RolloutFile, end: u64) {
        self.thread = self.thread.or(file.name.as_ref().map(|name| name.thread));
        if self.has_meta || self.unreadable.is_some() {
            return;
        }
        if self.records == 0 {
            self.unreadable = Some("no record in it".to_owned());
        } else if file.name.is_none() {
            self.unreadable = Some("no session_meta in it, and no id in its name".to_owned());
        } else {
            self.classes.count(&Damage::new(0..end, Some(1), DamageKind::NoMeta, Consequence::Lost));
        }
    }

    fn tell(&mut self, record: &Record, kind: DamageKind, consequence: Consequence) {
        self.classes.count(&Damage::new(record.bytes.clone(), record.line, kind, consequence));
    }

    /// What is said of it where it stands in a list.
    pub(super) fn into_line(self, file: &RolloutFile) -> FileLine {
        let verdict = match self.unreadable {
            Some(_) => Verdict::Unreadable,
            None => self.classes.verdict(),
        };
        FileLine {
            path: file.path.display().to_string(),
            thread: self.thread.map(|thread| thread.to_string()),
            bytes: self.bytes,
            verdict,
            damage: self.classes.into_counts(),
            unreadable: self.unreadable,
        }
    }
}
