//! The session's metadata: whose rollout this is and where it was begun.
//!
//! The first `session_meta` of a file is the one that counts (a fork up to 0.142 holds its parent's further down). A
//! bare file says id and time on line 1 and its cwd only in the text of its first environment context. Where no
//! `session_meta` can be read the metadata is rebuilt: the id from the file's name, the cwd from the turns.
//!
//! Two things are refused and not guessed at: a `history_mode` this build does not know, and a file that continues
//! another one by `history_base`. Either way the history lies, or may lie, somewhere else.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ThreadId;
use super::damage::{Consequence, Damage, DamageKind, Damages};
use super::locate::RolloutName;
use super::reader::{RawFound, Reader};
use super::record::{Kind, RawRecord};
use super::settings::{Approval, Sandbox, text_at};
use crate::world::Disk;

/// What the first `session_meta` of a rollout says (era A: line 1). Fields that may be missing are options.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionMeta {
    /// The thread's id.
    pub id: ThreadId,
    /// The cwd at creation.
    pub cwd: Option<PathBuf>,
    /// RFC 3339.
    pub timestamp: Option<String>,
    /// Who created it.
    pub originator: Option<String>,
    /// The Codex version that wrote it.
    pub cli_version: Option<String>,
    /// `legacy`, `paginated`, absent in older files.
    pub history_mode: Option<String>,
    /// The provider's name.
    pub model_provider: Option<String>,
    /// Base instructions text, where the file holds them.
    pub base_instructions: Option<String>,
    /// The thread it was forked from.
    pub forked_from_id: Option<ThreadId>,
    /// The payload as it stands.
    pub raw: Value,
}

/// The last `turn_context` of a rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnContext {
    /// The turn's cwd.
    pub cwd: Option<PathBuf>,
    /// The turn's model.
    pub model: Option<String>,
    /// Reasoning effort.
    pub effort: Option<String>,
    /// Sandbox policy.
    pub sandbox: Option<Sandbox>,
    /// Approval policy.
    pub approval: Option<Approval>,
}

/// A rollout that cannot be read at all; everything less is [`super::reader::Damage`].
#[derive(Debug, thiserror::Error)]
#[error("{path}: {kind}")]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub kind: ReadErrorKind,
}

/// See [`ReadError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// The disk says no.
    #[error("failed to read: {0}")]
    Io(#[from] std::io::Error),
    /// No session metadata, neither as a record nor rebuilt.
    #[error("no session metadata at byte 0 or later, and none can be rebuilt from the file's name and records")]
    NoMeta,
    /// A `history_mode` this build does not know: its data may be elsewhere.
    #[error("unknown history_mode `{0}`: a newer Codex wrote it and its history may lie elsewhere")]
    UnknownHistoryMode(String),
    /// The file continues another one by `history_base`, which this build does not follow yet.
    #[error("continues {0} by history_base, which is not followed yet")]
    Segment(String),
    /// A zstd file, which this build does not unpack.
    #[error("is compressed, which is not read yet; unpack it with `zstd -d` beside it")]
    Compressed,
}

impl ReadErrorKind {
    pub(super) fn at(self, path: &Path) -> ReadError {
        ReadError { path: path.to_owned(), kind: self }
    }
}

/// Reads the metadata of the rollout at `path`: the first `session_meta`, or line 1 of a bare file.
///
/// It reads no further than it must: one record of a healthy envelope file, up to the first environment context of a
/// bare one, the whole file where there is no metadata at all.
pub fn read_session_meta_line(disk: &dyn Disk, path: &Path) -> Result<SessionMeta, ReadError> {
    let mut reader = open(disk, path)?;
    let mut scan = MetaScan::default();
    let mut damages = Damages::default();
    while !scan.is_settled() {
        match reader.next_raw().map_err(|error| ReadErrorKind::Io(error).at(path))? {
            None => break,
            Some(RawFound::Record(record)) => {
                scan.feed(&record, &mut damages).map_err(|kind| kind.at(path))?;
            }
            Some(RawFound::Damage(_)) => {}
        }
    }
    scan.finish(path, reader.offset(), &mut damages)
}

/// Opens a rollout that is no compressed one.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Reader, ReadError> {
    if path.extension().is_some_and(|extension| extension == "zst") {
        return Err(ReadErrorKind::Compressed.at(path));
    }
    Reader::open(disk, path).map_err(|error| ReadErrorKind::Io(error).at(path))
}

/// Gathers the metadata while a file is read from its start.
#[derive(Default)]
pub(super) struct MetaScan {
    meta: Option<SessionMeta>,
    is_bare: bool,
    /// A `session_meta` whose id can not be read: the rest of it still counts.
    without_id: Option<Value>,
    seen_records: bool,
    first_turn_cwd: Option<PathBuf>,
    first_told_cwd: Option<PathBuf>,
}

impl MetaScan {
    /// Nothing further in the file can change the metadata.
    fn is_settled(&self) -> bool {
        self.meta.is_some() && (!self.is_bare || self.first_told_cwd.is_some())
    }

    /// Looks at the next record.
    pub(super) fn feed(&mut self, record: &RawRecord<'_>, damages: &mut Damages) -> Result<(), ReadErrorKind> {
        match record.kind {
            Kind::SessionMeta | Kind::BareMeta if self.meta.is_none() => {
                self.is_bare = record.kind == Kind::BareMeta;
                self.take(&record.payload(), record, damages)?;
            }
            Kind::TurnContext if self.first_turn_cwd.is_none() => {
                self.first_turn_cwd = TurnContext::from_payload(&record.payload()).cwd;
            }
            Kind::ResponseItem if self.first_told_cwd.is_none() => {
                self.first_told_cwd = record.item_facts().told_cwd();
            }
            _ => {}
        }
        self.seen_records = true;
        Ok(())
    }

    fn take(&mut self, payload: &Value, record: &RawRecord<'_>, damages: &mut Damages) -> Result<(), ReadErrorKind> {
        refuse_what_lies_elsewhere(payload)?;
        let mut tell = |kind, consequence| {
            damages.tell(Damage::new(record.bytes.clone(), record.line, kind, consequence));
        };
        self.meta = payload.as_object().and_then(|map| id_of(map, "id").map(|id| SessionMeta::new(id, map)));
        if self.meta.is_none() {
            tell(DamageKind::BadMeta, Consequence::PassedOver);
            self.without_id = self.without_id.take().or_else(|| Some(payload.clone()));
        } else if self.seen_records {
            tell(DamageKind::LateMeta, Consequence::Used);
        }
        Ok(())
    }

    /// The metadata, rebuilt if need be; `end` is the length of the file.
    pub(super) fn finish(self, path: &Path, end: u64, damages: &mut Damages) -> Result<SessionMeta, ReadError> {
        if let Some(mut meta) = self.meta {
            if self.is_bare {
                meta.cwd = self.first_told_cwd;
            }
            return Ok(meta);
        }
        let name = path.file_name().and_then(|name| name.to_str()).and_then(RolloutName::parse);
        let Some(name) = name.filter(|_| self.seen_records) else {
            return Err(ReadErrorKind::NoMeta.at(path));
        };
        damages.tell(Damage::new(0..end, Some(1), DamageKind::NoMeta, Consequence::Lost));
        let raw = self.without_id.unwrap_or_else(|| Value::Object(Map::new()));
        let mut meta = SessionMeta::new(name.thread, raw.as_object().unwrap_or(&Map::new()));
        meta.cwd = meta.cwd.or(self.first_turn_cwd).or(self.first_told_cwd);
        Ok(meta)
    }
}

fn refuse_what_lies_elsewhere(payload: &Value) -> Result<(), ReadErrorKind> {
    let present = |key| payload.get(key).filter(|value| !value.is_null());
    let as_text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(mode) = present("history_mode").map(as_text)
        && mode != "legacy"
        && mode != "paginated"
    {
        return Err(ReadErrorKind::UnknownHistoryMode(mode));
    }
    match present("history_base") {
        Some(base) => Err(ReadErrorKind::Segment(as_text(base.get("thread_id").unwrap_or(base)))),
        None => Ok(()),
    }
}

fn id_of(map: &Map<String, Value>, key: &str) -> Option<ThreadId> {
    map.get(key).and_then(Value::as_str).and_then(|text| ThreadId::parse(text).ok())
}

fn path_of(map: &Map<String, Value>, key: &str) -> Option<PathBuf> {
    text_at(map, key).filter(|text| !text.is_empty()).map(PathBuf::from)
}

impl SessionMeta {
    fn new(id: ThreadId, map: &Map<String, Value>) -> SessionMeta {
        // `instructions` up to 0.87, `base_instructions: {text}` from 0.95 on.
        let instructions = map.get("base_instructions").and_then(|base| base.get("text").unwrap_or(base).as_str());
        SessionMeta {
            id,
            cwd: path_of(map, "cwd"),
            timestamp: text_at(map, "timestamp"),
            originator: text_at(map, "originator"),
            cli_version: text_at(map, "cli_version"),
            history_mode: text_at(map, "history_mode"),
            model_provider: text_at(map, "model_provider"),
            base_instructions: instructions.map(str::to_owned).or_else(|| text_at(map, "instructions")),
            forked_from_id: id_of(map, "forked_from_id"),
            raw: Value::Object(map.clone()),
        }
    }
}

impl TurnContext {
    /// Reads the payload of a `turn_context`; what it lacks or says in another way stays out.
    pub fn from_payload(payload: &Value) -> TurnContext {
        let Some(map) = payload.as_object() else { return TurnContext::default() };
        TurnContext {
            cwd: path_of(map, "cwd"),
            model: text_at(map, "model"),
            effort: text_at(map, "effort"),
            sandbox: Sandbox::from_turn_context(payload),
            approval: Approval::from_turn_context(payload),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::read_history_bytes;
    use crate::rollout::{ThreadId, history::History};

    const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
    const OTHER: &str = "01a203fe-4f82-7021-8336-6f3d36f211b5";
    const USER: &str = r#"{"timestamp":"t","type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}"#;

    fn meta_line(fields: &str) -> String {
        format!(r#"{{"timestamp":"t","type":"session_meta","payload":{{{fields}}}}}"#)
    }

    fn read(lines: &[&str]) -> Result<History, ReadErrorKind> {
        let path = PathBuf::from(format!("rollout-2026-11-22T16-02-07-{OTHER}.jsonl"));
        read_history_bytes(lines.join("\n").into_bytes(), &path).map_err(|error| error.kind)
    }

    fn id(text: &str) -> ThreadId {
        ThreadId::parse(text).unwrap()
    }

    #[test]
    fn the_first_session_meta_counts_wherever_it_stands() {
        let (first, second) =
            (meta_line(&format!(r#""id":"{ID}","cwd":"/a""#)), meta_line(&format!(r#""id":"{OTHER}""#)));
        let history = read(&[&first, &second, USER, ""]).unwrap();
        assert_eq!((history.meta.id, history.meta.cwd, history.damage.len()), (id(ID), Some("/a".into()), 0));
        let history = read(&[USER, &first, ""]).unwrap();
        assert_eq!((history.meta.id, history.damage[0].kind), (id(ID), DamageKind::LateMeta));
    }

    #[test]
    fn without_one_it_is_rebuilt_from_the_name_and_that_is_told() {
        let context = r#"{"timestamp":"t","type":"turn_context","payload":{"cwd":"/turn"}}"#;
        let history = read(&[USER, context, ""]).unwrap();
        assert_eq!((history.meta.id, history.meta.cwd.clone()), (id(OTHER), Some("/turn".into())));
        assert_eq!((history.damage[0].kind, history.damage[0].is_lossy()), (DamageKind::NoMeta, true));
        let without_id = meta_line(r#""cwd":"/kept","originator":"me""#);
        let history = read(&[&without_id, context, ""]).unwrap();
        assert_eq!((history.meta.cwd, history.meta.originator), (Some("/kept".into()), Some("me".into())));
        assert!(matches!(read(&[""]), Err(ReadErrorKind::NoMeta)));
        assert!(matches!(read(&["garbage", ""]), Err(ReadErrorKind::NoMeta)));
    }

    #[test]
    fn what_may_lie_elsewhere_is_refused() {
        let unknown = meta_line(&format!(r#""id":"{ID}","history_mode":"cloud""#));
        assert!(matches!(read(&[&unknown]), Err(ReadErrorKind::UnknownHistoryMode(mode)) if mode == "cloud"));
        let base =
            meta_line(&format!(r#""id":"{ID}","history_mode":"paginated","history_base":{{"thread_id":"{OTHER}"}}"#));
        assert!(matches!(read(&[&base]), Err(ReadErrorKind::Segment(base)) if base == OTHER));
    }

    #[test]
    fn every_field_has_its_older_spelling() {
        let old = meta_line(&format!(r#""id":"{ID}","instructions":"old""#));
        assert_eq!(read(&[&old]).unwrap().meta.base_instructions.as_deref(), Some("old"));
        let new = meta_line(&format!(r#""id":"{ID}","base_instructions":{{"text":"new"}},"forked_from_id":"{OTHER}""#));
        let meta = read(&[&new]).unwrap().meta;
        assert_eq!((meta.base_instructions.as_deref(), meta.forked_from_id), (Some("new"), Some(id(OTHER))));
    }

    #[test]
    fn a_bare_file_tells_its_cwd_in_the_environment_context() {
        let head = format!(r#"{{"id":"{ID}","timestamp":"t","instructions":null}}"#);
        let context = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>\n  <cwd>/bare</cwd>"}]}"#;
        let history = read(&[&head, r#"{"record_type":"state"}"#, context, ""]).unwrap();
        assert_eq!((history.meta.id, history.cwd, history.damage.len()), (id(ID), Some("/bare".into()), 0));
    }
}
