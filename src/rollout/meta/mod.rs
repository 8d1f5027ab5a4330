//! What a thread is: whose it is, where it works, under which settings, and which record says so.
//!
//! The first `session_meta` of a file is the one that counts (a fork up to 0.142 holds its parent's further down). A
//! bare file says id and time on line 1 and its cwd only in the text of its first environment context. Where no
//! `session_meta` can be read the metadata is rebuilt: the id from the file's name, the cwd from the turns.
//!
//! That is what a file says of itself when it is made ([`SessionMeta`]). What a thread is by now is decided by several
//! records, and [`ThreadMeta`] keeps with each value where it stands and what it overrode.
//!
//! One thing is refused and not guessed at: a `history_mode` this build does not know. The history lies, or may lie,
//! somewhere else then.

mod scan;
mod thread;
mod turn_context;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ThreadId;
use super::damage::Damages;
use super::read_error::open;
pub use super::read_error::{ReadError, ReadErrorKind};
use super::reader::RawFound;
use super::settings::text_at;
use crate::world::Disk;

pub(super) use scan::MetaScan;
pub use thread::{Source, SourceKind, Sourced, ThreadMeta};
pub use turn_context::TurnContext;
pub(super) use turn_context::{SettingsKind, SettingsReader, SettingsTold};

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

pub(super) fn id_of(map: &Map<String, Value>, key: &str) -> Option<ThreadId> {
    map.get(key).and_then(Value::as_str).and_then(|text| ThreadId::parse(text).ok())
}

pub(super) fn path_of(map: &Map<String, Value>, key: &str) -> Option<PathBuf> {
    text_at(map, key).filter(|text| !text.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::{DamageKind, read_history_bytes};
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
        assert!(matches!(read(&[""]), Err(ReadErrorKind::Empty)));
        assert!(matches!(read(&["garbage", ""]), Err(ReadErrorKind::NoMeta)));
    }

    #[test]
    fn what_may_lie_elsewhere_is_refused() {
        let unknown = meta_line(&format!(r#""id":"{ID}","history_mode":"cloud""#));
        assert!(matches!(read(&[&unknown]), Err(ReadErrorKind::UnknownHistoryMode(mode)) if mode == "cloud"));
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
