//! What the first records of a file say about its place among the files of its thread.

use std::path::Path;

use uuid::Uuid;

use crate::rollout::ThreadId;
use crate::rollout::reader::{Found, Reader};
use crate::rollout::record::Kind;
use crate::world::Disk;

/// Records and oddities looked at, and the longest line among them.
const LOOKED_AT: usize = 8;
const LINE_BYTES: usize = 4 << 20;

/// What the head of a file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// It holds a record; an empty file, or one of NUL bytes alone, does not, and neither does one that can not be read.
    pub(super) has_records: bool,
    /// The id it gives itself.
    pub(super) id: Option<ThreadId>,
    /// No other file of the same thread can continue it: metadata of a file that is not paginated was read.
    pub(super) is_legacy: bool,
    /// The rollout that it continues.
    pub(super) base: Option<Uuid>,
}

impl Head {
    /// Reads it, with one open.
    pub(super) fn read(disk: &dyn Disk, path: &Path) -> Head {
        let mut head = Head::default();
        let Ok(reader) = Reader::open(disk, path) else { return head };
        for found in reader.with_line_limit(LINE_BYTES).take(LOOKED_AT).map_while(Result::ok) {
            let Found::Record(record) = found else { continue };
            head.has_records = true;
            if matches!(record.kind, Kind::SessionMeta | Kind::BareMeta) {
                let payload = record.payload();
                let text_at = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
                head.id = text_at("id").and_then(|id| ThreadId::parse(id).ok());
                let base = payload.get("history_base").filter(|base| !base.is_null());
                head.base = base.and_then(|base| Uuid::try_parse(base.get("thread_id")?.as_str()?).ok());
                let mode = payload.get("history_mode").filter(|mode| !mode.is_null());
                head.is_legacy = base.is_none() && mode.is_none_or(|mode| mode == "legacy");
                break;
            }
        }
        head
    }
}
