//! A thread as a chain of segments.
//!
//! From 0.148 on a fork or a revert copies nothing. Its file says in its `session_meta` which bytes of which other file
//! come before its own: `history_base {thread_id, end_ordinal_exclusive, end_byte_offset}`. Despite its name `thread_id`
//! is the *rollout id* of that file, the last uuid of its name; the file may belong to another thread, be archived or
//! compressed, and have a base of its own. A thread's records are those of its oldest base up to the cut, then of the
//! next, and last its own.
//!
//! What decides is the byte offset. Codex 0.153.4 and 0.169.0 were seen to pass over the record that a cut splits, and
//! not to look at the ordinal where the two disagree; so it is here, but a split record is told. They refuse a thread
//! whose base is missing, shorter than the cut, without metadata or part of a ring; here each of these is a
//! [`Damage`] and what can be read is given. They follow a base only where `history_mode` is `paginated` and drop the
//! inherited turns without a word where it is not; here a base that is named is followed.
//!
//! Nothing is followed out of the home: a base is looked for by its id alone.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use uuid::Uuid;

use super::damage::{Consequence, Damage, DamageKind};
use super::locate::{RolloutName, Segments};
use super::read_error::{ReadError, ReadErrorKind, open};
use super::reader::{RawFound, Reader};
use super::record::{Kind, Record};
use crate::limits::SEGMENT_CHAIN;
use crate::world::{Disk, EntryKind};

/// What a `history_base` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBase {
    /// The rollout id of the file: the last uuid of its name.
    pub rollout: Uuid,
    /// How many of its bytes are inherited, from its start.
    pub end_byte_offset: u64,
    /// The ordinal of the first of its records that is not; it is only shown.
    pub end_ordinal_exclusive: Option<u64>,
}

impl HistoryBase {
    /// Reads it out of the payload of a `session_meta`: `None` where there is none, an error where it can not be read.
    pub fn of(payload: &Value) -> Option<Result<HistoryBase, UnreadableBase>> {
        let base = payload.get("history_base").filter(|base| !base.is_null())?;
        let read = || {
            Some(HistoryBase {
                rollout: base.get("thread_id")?.as_str().and_then(|text| Uuid::try_parse(text).ok())?,
                end_byte_offset: base.get("end_byte_offset")?.as_u64()?,
                end_ordinal_exclusive: base.get("end_ordinal_exclusive").and_then(Value::as_u64),
            })
        };
        Some(read().ok_or(UnreadableBase))
    }
}

/// A `history_base` without a rollout id or a byte offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a history_base needs a thread_id that is a UUID and an end_byte_offset")]
pub struct UnreadableBase;

/// One file of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// How many of its bytes belong to the thread, from its start; `None` for all of them.
    pub end: Option<u64>,
}

/// The files of a thread: the one that was asked for first, then its base, then that one's base, and so on. A file's
/// place in this list is the `file` of a [`Damage`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// At least one.
    pub segments: Vec<Segment>,
    /// Why it ends earlier than it says.
    pub damage: Vec<Damage>,
}

/// Follows the bases of the rollout at `path`, which are looked for below `homes` in this order, then beside it.
///
/// An error is one of reading `path` itself, or a `history_mode` that this build does not know, in whichever file.
pub fn trace(disk: &dyn Disk, homes: &[&Path], path: &Path) -> Result<Lineage, ReadError> {
    let mut homes: Vec<Segments<'_>> = homes.iter().map(|home| Segments::new(disk, home)).collect();
    follow(open(disk, path)?, path, |rollout| {
        let path = find(disk, &mut homes, path, rollout)?;
        Some((open(disk, &path).ok()?, path))
    })
}

/// The same for bytes that stand for the file `path`: a base that they name is missing.
pub(super) fn trace_bytes(reader: Reader, path: &Path) -> Result<Lineage, ReadError> {
    follow(reader, path, |_| None)
}

fn follow(
    reader: Reader,
    path: &Path,
    mut find: impl FnMut(Uuid) -> Option<(Reader, PathBuf)>,
) -> Result<Lineage, ReadError> {
    let head = head_of(reader, path)?;
    let mut lineage = Lineage { segments: vec![Segment { path: path.to_owned(), end: None }], ..Lineage::default() };
    let mut seen: HashSet<Uuid> = rollout_id(path).into_iter().collect();
    let mut next = base_of(&head, path)?;
    while let Some((base, place)) = next {
        let file = u32::try_from(lineage.segments.len() - 1).unwrap_or(u32::MAX);
        let lost = |kind| Damage { file, kind, ..place.clone() };
        let Ok(base) = base else {
            lineage.damage.push(lost(DamageKind::BadBase));
            break;
        };
        if !seen.insert(base.rollout) {
            lineage.damage.push(lost(DamageKind::CyclicBase(base.rollout)));
            break;
        }
        if lineage.segments.len() >= SEGMENT_CHAIN {
            lineage.damage.push(lost(DamageKind::ChainTooLong));
            break;
        }
        let end = base.end_byte_offset;
        let opened =
            find(base.rollout).and_then(|(reader, path)| Some((head_of(reader.until(end), &path).ok()?, path)));
        let Some((head, path)) = opened else {
            lineage.damage.push(lost(DamageKind::MissingBase(base.rollout)));
            break;
        };
        next = base_of(&head, &path)?;
        if head.is_none() {
            let unknown = Damage::new(0..0, Some(1), DamageKind::BaseWithoutMeta, Consequence::Lost);
            lineage.damage.push(Damage { file: file + 1, ..unknown });
        }
        lineage.segments.push(Segment { path, end: Some(end) });
    }
    Ok(lineage)
}

/// The `CODEX_HOME` that a rollout lies in, as its path tells; `None` where it lies in none.
pub fn home_of(path: &Path) -> Option<&Path> {
    let is_tree = |dir: &&Path| dir.file_name().is_some_and(|name| name == "sessions" || name == "archived_sessions");
    path.ancestors().skip(1).find(is_tree).and_then(Path::parent)
}

fn rollout_id(path: &Path) -> Option<Uuid> {
    RolloutName::parse(path.file_name()?.to_str()?).map(|name| name.rollout_id())
}

/// The file of a base: below one of the homes, or beside the file that was asked for.
fn find(disk: &dyn Disk, homes: &mut [Segments<'_>], asked: &Path, rollout: Uuid) -> Option<PathBuf> {
    let at_home = homes.iter_mut().find_map(|home| home.find(rollout).ok().flatten());
    at_home.or_else(|| {
        let dir = asked.parent()?;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        // The plain file stands before the compressed one.
        let beside = disk.list(dir).ok()?.into_iter().filter(|entry| entry.kind == EntryKind::File);
        beside.map(|entry| dir.join(entry.name)).find(|path| rollout_id(path) == Some(rollout))
    })
}

/// The first `session_meta` of a file, or line 1 of a bare one, which names no base.
fn head_of(mut reader: Reader, path: &Path) -> Result<Option<Record>, ReadError> {
    let failed = |error| ReadErrorKind::Io(error).at(path);
    while let Some(found) = reader.next_raw().map_err(failed)? {
        let RawFound::Record(record) = found else { continue };
        if matches!(record.kind, Kind::SessionMeta | Kind::BareMeta) {
            return Ok(Some(record.to_record()));
        }
    }
    Ok(None)
}

/// A base, or that it can not be read, and the place that says so.
type Told = (Result<HistoryBase, UnreadableBase>, Damage);

fn base_of(head: &Option<Record>, path: &Path) -> Result<Option<Told>, ReadError> {
    let Some(record) = head else { return Ok(None) };
    let payload = record.payload();
    refuse_unknown_mode(&payload).map_err(|kind| kind.at(path))?;
    let place = Damage::new(record.bytes.clone(), record.line, DamageKind::BadBase, Consequence::Lost);
    Ok(HistoryBase::of(&payload).map(|base| (base, place)))
}

/// Refuses a history that may lie where this build does not look.
pub(super) fn refuse_unknown_mode(payload: &Value) -> Result<(), ReadErrorKind> {
    let Some(mode) = payload.get("history_mode").filter(|mode| !mode.is_null()) else { return Ok(()) };
    match mode.as_str() {
        Some("legacy" | "paginated") => Ok(()),
        Some(mode) => Err(ReadErrorKind::UnknownHistoryMode(mode.to_owned())),
        None => Err(ReadErrorKind::UnknownHistoryMode(mode.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::rollout::draft::Draft;
    use crate::rollout::{History, ThreadId, read_whole_history};
    use crate::world::RealDisk;

    const IDS: [&str; 3] = [
        "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a",
        "01a203fe-4f82-7021-8336-6f3d36f211b5",
        "01a203fe-5555-7021-8336-6f3d36f211b5",
    ];

    /// A home in which each thread forks the one before, each with one turn of its own.
    struct Home(tempfile::TempDir);

    impl Home {
        fn chained() -> Home {
            let home = Home(tempfile::tempdir().unwrap());
            let mut end = None;
            for at in 0..IDS.len() {
                let base = end.map(|end: usize| (IDS[at - 1], end as u64));
                end = Some(home.write(at, base));
            }
            home
        }
        fn path(&self, at: usize) -> PathBuf {
            self.0.path().join(format!("sessions/2026/11/22/rollout-2026-11-22T16-02-07-{}.jsonl", IDS[at]))
        }
        /// Writes a thread, which inherits so many bytes of that base; how long it is.
        fn write(&self, at: usize, base: Option<(&str, u64)>) -> usize {
            let mut meta = json!({"id": IDS[at], "cwd": "/p", "history_mode": "paginated"});
            if let Some((id, end)) = base {
                meta["history_base"] = json!({"thread_id": id, "end_ordinal_exclusive": 0, "end_byte_offset": end});
            }
            let drafts = [Draft::other("session_meta", meta), Draft::user_item(&format!("said {at}"))];
            let bytes: Vec<u8> =
                drafts.iter().flat_map(|draft| draft.line(jiff::Timestamp::UNIX_EPOCH, None)).collect();
            let path = self.path(at);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &bytes).unwrap();
            bytes.len()
        }
        fn read(&self) -> History {
            read_whole_history(&RealDisk, &self.path(2)).unwrap()
        }
        /// What the youngest thread says, and what is wrong: which file of the chain, what, and whether it is a loss.
        fn told(&self) -> (Vec<String>, Vec<(u32, DamageKind, bool)>) {
            let history = self.read();
            let said = history.items.iter().map(|item| item.value()["content"][0]["text"].as_str().unwrap().to_owned());
            (said.collect(), history.damage.iter().map(|d| (d.file, d.kind, d.is_lossy())).collect())
        }
    }

    fn uuid(at: usize) -> Uuid {
        Uuid::try_parse(IDS[at]).unwrap()
    }

    #[test]
    fn a_fork_of_a_fork_says_what_both_bases_said_before_it() {
        let home = Home::chained();
        assert_eq!(home.told(), (vec!["said 0".into(), "said 1".into(), "said 2".into()], vec![]));
        let history = home.read();
        assert_eq!(history.files, [home.path(2), home.path(1), home.path(0)]);
        assert_eq!(history.meta.id, ThreadId::parse(IDS[2]).unwrap());
        assert_eq!(history.items.iter().map(|item| item.place().file).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(history.thread.base.unwrap().value.rollout, uuid(1));
    }

    #[test]
    fn a_base_counts_up_to_its_cut_and_what_was_said_later_does_not() {
        let home = Home::chained();
        let later = Draft::user_item("later").line(jiff::Timestamp::UNIX_EPOCH, None);
        let mut bytes = fs::read(home.path(1)).unwrap();
        bytes.extend(later);
        fs::write(home.path(1), bytes).unwrap();
        assert_eq!(home.told(), (vec!["said 0".into(), "said 1".into(), "said 2".into()], vec![]));
    }

    #[test]
    fn a_base_is_found_in_the_archive_and_beside_a_file_that_lies_in_no_home() {
        let home = Home::chained();
        let archived = home.0.path().join("archived_sessions");
        fs::create_dir(&archived).unwrap();
        fs::rename(home.path(0), archived.join(home.path(0).file_name().unwrap())).unwrap();
        assert_eq!(home.told().1, []);
        let elsewhere = tempfile::tempdir().unwrap();
        let beside = |at: usize| elsewhere.path().join(home.path(at).file_name().unwrap());
        fs::copy(home.path(2), beside(2)).unwrap();
        fs::copy(home.path(1), beside(1)).unwrap();
        let history = read_whole_history(&RealDisk, &beside(2)).unwrap();
        assert_eq!((history.items.len(), history.damage[0].kind), (2, DamageKind::MissingBase(uuid(0))));
    }

    #[test]
    fn a_missing_base_is_told_where_it_is_named_and_the_rest_is_given() {
        let home = Home::chained();
        fs::remove_file(home.path(0)).unwrap();
        assert_eq!(
            home.told(),
            (vec!["said 1".into(), "said 2".into()], vec![(1, DamageKind::MissingBase(uuid(0)), true)])
        );
        let text = home.read().damage[0].to_string();
        assert!(text.ends_with(&format!("restore it to the home (rollout {})", IDS[0])), "{text}");
    }

    #[test]
    fn a_base_shorter_than_its_cut_gives_what_it_has() {
        let home = Home::chained();
        let end = home.write(0, None) as u64;
        home.write(1, Some((IDS[0], end + 7)));
        home.write(2, Some((IDS[1], fs::metadata(home.path(1)).unwrap().len())));
        let (said, damage) = home.told();
        assert_eq!((said.len(), damage), (3, vec![(2, DamageKind::ShortBase, true)]));
    }

    #[test]
    fn a_cut_inside_a_record_costs_that_record_and_one_before_its_newline_nothing() {
        let home = Home::chained();
        let end = home.write(0, None) as u64;
        for (cut, said, told) in [(30, 2, DamageKind::SplitByCut), (1, 3, DamageKind::Unterminated)] {
            let own = home.write(1, Some((IDS[0], end - cut))) as u64;
            home.write(2, Some((IDS[1], own)));
            let (items, damage) = home.told();
            assert_eq!((items.len(), damage), (said, vec![(2, told, told == DamageKind::SplitByCut)]));
        }
    }

    #[test]
    fn a_ring_ends_where_it_closes_and_a_base_that_cannot_be_read_is_told() {
        let home = Home::chained();
        home.write(0, Some((IDS[2], 10)));
        assert!(matches!(home.told().1.as_slice(), [(2, DamageKind::CyclicBase(_), true), ..]));
        home.write(2, Some(("nobody", 10)));
        assert_eq!(home.told(), (vec!["said 2".into()], vec![(0, DamageKind::BadBase, true)]));
    }

    #[test]
    fn a_compaction_makes_what_is_missing_before_it_no_loss() {
        let home = Home::chained();
        fs::remove_file(home.path(1)).unwrap();
        let mut bytes = fs::read(home.path(2)).unwrap();
        bytes.extend(Draft::compacted("s", vec![]).line(jiff::Timestamp::UNIX_EPOCH, None));
        fs::write(home.path(2), bytes).unwrap();
        assert_eq!(home.told(), (vec![], vec![(0, DamageKind::MissingBase(uuid(1)), false)]));
    }

    #[test]
    fn a_base_in_a_mode_that_is_not_known_is_refused() {
        let home = Home::chained();
        let text = fs::read_to_string(home.path(1)).unwrap().replace("paginated", "cloud");
        fs::write(home.path(1), text).unwrap();
        let error = read_whole_history(&RealDisk, &home.path(2)).unwrap_err();
        assert_eq!(error.path, home.path(1));
        assert!(matches!(error.kind, ReadErrorKind::UnknownHistoryMode(mode) if mode == "cloud"));
    }
}
