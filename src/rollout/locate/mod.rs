//! Thread id → file.
//!
//! A rollout is found by its name, `rollout-<time>-<thread>[_<segment>].jsonl`, below `sessions/` (by day, but Codex
//! and its users put files elsewhere too) and `archived_sessions/` (flat). The *first* uuid is the thread: the last one
//! of a segment's name is not. Hidden and temporary names never match.
//!
//! Every directory is looked at even when the id tells the day it was made: a later file of the same thread (a revert,
//! a restored copy) lies under a later day and is the one that counts. Names alone are read, so this stays cheap. Only
//! when no name fits are first records read, because names can lie; the number of files opened for that is bounded.
//!
//! Links are followed with a guard against loops, directories that can not be read are skipped, anything but a regular
//! file is no rollout. SQLite is not consulted: Codex's own index is a cache that may point out of the home.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::ThreadId;
use super::reader::{Found, Reader};
use super::record::{Body, Record};
use crate::limits::CLIENT_ID_BYTES;
use crate::world::{Disk, EntryKind};

/// The parts of a rollout's file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutName {
    /// Local time of its creation, `YYYY-MM-DDThh-mm-ss`.
    pub time: String,
    /// The thread.
    pub thread: ThreadId,
    /// The segment, where it is not the thread's root (paginated files that continue others).
    pub segment: Option<Uuid>,
    /// Its name ends with `.zst`.
    pub compressed: bool,
}

const TIME_PATTERN: &[u8; 19] = b"0000-00-00T00-00-00";
const UUID_LEN: usize = 36;

impl RolloutName {
    /// Takes a file name apart; `None` if it is no rollout's.
    pub fn parse(name: &str) -> Option<RolloutName> {
        let rest = name.strip_prefix("rollout-")?;
        let (rest, compressed) = match rest.strip_suffix(".zst") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rest = rest.strip_suffix(".jsonl")?;
        let (time, rest) = rest.split_at_checked(TIME_PATTERN.len())?;
        let fits = time.bytes().zip(TIME_PATTERN).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            pattern => byte == *pattern,
        });
        let (thread, rest) = rest.strip_prefix('-')?.split_at_checked(UUID_LEN)?;
        let segment = match rest.strip_prefix('_') {
            Some(segment) => Some(hyphenated(segment)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let thread = ThreadId::from(hyphenated(thread)?);
        fits.then(|| RolloutName { time: time.to_owned(), thread, segment, compressed })
    }

    /// The id of this one file among its thread's: the segment's, or the thread's for the thread's root.
    pub fn rollout_id(&self) -> Uuid {
        self.segment.unwrap_or(self.thread.uuid())
    }
}

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == UUID_LEN).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// The rollout of the thread `id` below `home` (`sessions/**`, `archived_sessions/**`), or `None`.
///
/// `id` is untrusted: a text that is no UUID is `None`.
pub fn find_thread_path_by_id_str(disk: &dyn Disk, home: &Path, id: &str) -> io::Result<Option<PathBuf>> {
    if id.len() > CLIENT_ID_BYTES {
        return Ok(None);
    }
    match ThreadId::parse(id) {
        Ok(id) => find_thread_path(disk, home, id),
        Err(_) => Ok(None),
    }
}

/// The rollout of the thread `id` below `home`, or `None`.
///
/// Of several the active file comes before the archived one, the plain before the compressed, then the newest name (of
/// two names of one second the segment's, as with Codex 0.169).
pub fn find_thread_path(disk: &dyn Disk, home: &Path, id: ThreadId) -> io::Result<Option<PathBuf>> {
    let named = files_below(disk, home, |name| name.is_some_and(|name| name.thread == id));
    if let Some(file) = named.into_iter().max_by(|a, b| a.rank().cmp(&b.rank())) {
        return Ok(Some(file.path));
    }
    let plain = files_below(disk, home, |name| name.is_none_or(|name| !name.compressed));
    Ok(find_by_content(disk, plain, id))
}

/// The file of the rollout `rollout_id` below `home`, or `None`: the base that a `history_base` names.
///
/// A rollout's id is the *last* uuid of its name: a segment's own, or the thread's for the thread's root. The active
/// file comes before the archived one and the plain before the compressed.
pub fn find_segment(disk: &dyn Disk, home: &Path, rollout_id: Uuid) -> io::Result<Option<PathBuf>> {
    let named = files_below(disk, home, |name| name.is_some_and(|name| name.rollout_id() == rollout_id));
    Ok(named.into_iter().max_by(|a, b| a.rank().cmp(&b.rank())).map(|file| file.path))
}

/// Most files whose first record is read when no name fits.
const OPENED: usize = 1_000;
/// Deepest directory below `sessions`; Codex's own tree has three levels.
const DEPTH: usize = 12;
/// Most names looked at.
const NAMES: usize = 4_000_000;

struct Candidate {
    path: PathBuf,
    file_name: String,
    name: Option<RolloutName>,
    is_active: bool,
}

impl Candidate {
    /// The greatest rank wins.
    fn rank(&self) -> (bool, bool, &str, &Path) {
        let plain = !self.name.as_ref().is_some_and(|name| name.compressed);
        (self.is_active, plain, &self.file_name, &self.path)
    }
}

/// Every file below the home that is a rollout by name, or may be one in spite of its name, and is `wanted`.
fn files_below(disk: &dyn Disk, home: &Path, wanted: impl Fn(Option<&RolloutName>) -> bool) -> Vec<Candidate> {
    let mut walk = Walk { disk, wanted, seen: HashSet::new(), names_left: NAMES, found: Vec::new() };
    walk.tree(&home.join("sessions"), true);
    walk.tree(&home.join("archived_sessions"), false);
    walk.found
}

struct Walk<'a, W> {
    disk: &'a dyn Disk,
    wanted: W,
    /// Directories visited, where the disk can tell them apart.
    seen: HashSet<(u64, u64)>,
    names_left: usize,
    found: Vec<Candidate>,
}

impl<W: Fn(Option<&RolloutName>) -> bool> Walk<'_, W> {
    fn tree(&mut self, root: &Path, is_active: bool) {
        let mut waiting = vec![(root.to_owned(), 0)];
        while let Some((dir, depth)) = waiting.pop() {
            let Ok(status) = self.disk.status(&dir) else { continue };
            if status.identity.is_some_and(|identity| !self.seen.insert(identity)) {
                continue;
            }
            // A directory that can not be read hides its files and nothing else.
            let Ok(entries) = self.disk.list(&dir) else { continue };
            for entry in entries {
                let Some(left) = self.names_left.checked_sub(1) else { return };
                self.names_left = left;
                match entry.kind {
                    EntryKind::Dir if depth < DEPTH => waiting.push((dir.join(&entry.name), depth + 1)),
                    EntryKind::File => self.file(&dir, entry.name.to_str(), is_active),
                    _ => {}
                }
            }
        }
    }

    fn file(&mut self, dir: &Path, name: Option<&str>, is_active: bool) {
        let Some(file_name) = name.filter(|name| !name.starts_with('.')) else { return };
        let name = RolloutName::parse(file_name);
        let may_be_one = name.is_some() || file_name.ends_with(".jsonl");
        if may_be_one && (self.wanted)(name.as_ref()) {
            self.found.push(Candidate { path: dir.join(file_name), file_name: file_name.to_owned(), name, is_active });
        }
    }
}

/// Records looked at for a file's own id, and the longest line among them.
const HEAD_RECORDS: usize = 8;
const HEAD_LINE_BYTES: usize = 4 << 20;

/// The best-ranked file whose metadata says `id`, whatever its name says.
fn find_by_content(disk: &dyn Disk, mut files: Vec<Candidate>, id: ThreadId) -> Option<PathBuf> {
    files.sort_by(|a, b| b.rank().cmp(&a.rank()));
    files.into_iter().take(OPENED).map(|file| file.path).find(|path| id_inside(disk, path) == Some(id))
}

/// The id that the head of a file gives itself.
fn id_inside(disk: &dyn Disk, path: &Path) -> Option<ThreadId> {
    let head = Reader::open(disk, path).ok()?.with_line_limit(HEAD_LINE_BYTES).take(HEAD_RECORDS);
    head.map_while(Result::ok).find_map(|found| match found {
        Found::Record(Record { body: Body::SessionMeta(payload) | Body::BareMeta(payload), .. }) => {
            ThreadId::parse(payload.get("id")?.as_str()?).ok()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::world::RealDisk;

    const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
    const OTHER: &str = "01a203fe-4f82-7021-8336-6f3d36f211b5";

    /// A home with these files, each with text of its own.
    fn home(files: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let path = home.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        home
    }

    fn found(home: &tempfile::TempDir, id: &str) -> Option<String> {
        let path = find_thread_path_by_id_str(&RealDisk, home.path(), id).unwrap()?;
        Some(path.strip_prefix(home.path()).unwrap().display().to_string())
    }

    fn name(time: &str, rest: &str) -> String {
        format!("rollout-2026-11-22T{time}-{rest}")
    }

    #[test]
    fn a_name_is_taken_apart_strictly() {
        let parsed = RolloutName::parse(&name("16-02-07", &format!("{ID}_{OTHER}.jsonl.zst"))).unwrap();
        assert_eq!((parsed.thread.to_string(), parsed.segment.unwrap().to_string()), (ID.into(), OTHER.into()));
        assert_eq!((parsed.time.as_str(), parsed.compressed), ("2026-11-22T16-02-07", true));
        let short = &ID[..35];
        for bad in [
            format!("{ID}.jsonl"),
            name("16-02-07", &format!("{ID}.jsonl.bak")),
            name("16-02-07", &format!("{short}.jsonl")),
            name("16-02-07", &format!("{ID}_.jsonl")),
            name("16-02-07", &format!("{ID}_{short}.jsonl")),
            name("16:02:07", &format!("{ID}.jsonl")),
            format!(".{}", name("16-02-07", &format!("{ID}.jsonl"))),
            "rollout-äääääääääää".to_owned(),
        ] {
            assert_eq!(RolloutName::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_newest_name_wins_whatever_its_directory() {
        let old = format!("sessions/2026/11/22/{}", name("16-02-07", &format!("{ID}.jsonl")));
        let new = format!("sessions/elsewhere/{}", name("16-02-08", &format!("{ID}.jsonl")));
        let segment = format!("sessions/2027/01/01/{}", name("16-02-08", &format!("{ID}_{OTHER}.jsonl")));
        assert_eq!(found(&home(&[&old]), ID), Some(old.clone()));
        assert_eq!(found(&home(&[&old, &new]), ID), Some(new.clone()));
        assert_eq!(found(&home(&[&old, &new, &segment]), ID), Some(segment.clone()));
        assert_eq!(found(&home(&[&segment]), OTHER), None);
    }

    #[test]
    fn active_comes_before_archived_and_plain_before_compressed() {
        let plain = format!("sessions/{}", name("01-00-00", &format!("{ID}.jsonl")));
        let zst = format!("sessions/{}", name("02-00-00", &format!("{ID}.jsonl.zst")));
        let archived = format!("archived_sessions/{}", name("03-00-00", &format!("{ID}.jsonl")));
        assert_eq!(found(&home(&[&plain, &zst, &archived]), ID), Some(plain));
        assert_eq!(found(&home(&[&zst, &archived]), ID), Some(zst.clone()));
        assert_eq!(found(&home(&[&zst]), ID), Some(zst));
    }

    #[test]
    fn a_segment_is_found_by_the_last_id_of_its_name() {
        let root = format!("sessions/2026/11/22/{}", name("16-02-07", &format!("{ID}.jsonl")));
        let segment = format!("archived_sessions/{}", name("16-02-08", &format!("{ID}_{OTHER}.jsonl.zst")));
        let home = home(&[&root, &segment]);
        let found = |id: &str| find_segment(&RealDisk, home.path(), Uuid::try_parse(id).unwrap()).unwrap();
        assert_eq!(found(ID), Some(home.path().join(root)));
        assert_eq!(found(OTHER), Some(home.path().join(segment)));
        assert_eq!(found(&ID.replace('0', "1")), None);
    }

    #[test]
    fn any_spelling_of_an_id_is_taken_and_any_other_text_finds_nothing() {
        let file = format!("sessions/{}", name("01-00-00", &format!("{ID}.jsonl")));
        let home = home(&[&file]);
        for id in [ID.to_uppercase(), ID.replace('-', ""), format!("urn:uuid:{ID}")] {
            assert_eq!(found(&home, &id), Some(file.clone()), "{id}");
        }
        let long = ID.repeat(300);
        for id in ["", "../../etc/passwd", "*", &ID[..8], &long, OTHER] {
            assert_eq!(found(&home, id), None, "{id}");
        }
    }

    #[test]
    fn a_name_that_lies_is_seen_through_only_if_no_name_fits() {
        let home = home(&[]);
        let dir = home.path().join("sessions");
        fs::create_dir(&dir).unwrap();
        let meta = format!(r#"{{"timestamp":"t","type":"session_meta","payload":{{"id":"{ID}"}}}}"#);
        let lying = name("01-00-00", &format!("{OTHER}.jsonl"));
        fs::write(dir.join(&lying), format!("{meta}\n")).unwrap();
        assert_eq!(found(&home, ID), Some(format!("sessions/{lying}")));
        let honest = name("00-00-00", &format!("{ID}.jsonl"));
        fs::write(dir.join(&honest), "").unwrap();
        assert_eq!(found(&home, ID), Some(format!("sessions/{honest}")));
    }

    #[test]
    fn links_are_followed_and_loops_and_strange_files_do_no_harm() {
        let home = home(&[]);
        let real = tempfile::tempdir().unwrap();
        let file = name("01-00-00", &format!("{ID}.jsonl"));
        fs::write(real.path().join(&file), "").unwrap();
        let sessions = home.path().join("sessions");
        fs::create_dir(&sessions).unwrap();
        symlink(&sessions, sessions.join("loop")).unwrap();
        symlink("/nowhere", sessions.join(name("09-00-00", &format!("{ID}.jsonl")))).unwrap();
        fs::create_dir(sessions.join(name("08-00-00", &format!("{ID}.jsonl")))).unwrap();
        assert_eq!(found(&home, ID), None);
        symlink(real.path(), sessions.join("day")).unwrap();
        assert_eq!(found(&home, ID), Some(format!("sessions/day/{file}")));
    }
}
