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
/// Of several the plain file comes before the compressed one, the active before the archived, then the newest name
/// (of two names of one second the segment's, as with Codex 0.169). A compressed file is returned only if there is
/// nothing else; reading it is refused with its own error.
pub fn find_thread_path(disk: &dyn Disk, home: &Path, id: ThreadId) -> io::Result<Option<PathBuf>> {
    let files = all_files(disk, home);
    let named = files.iter().filter(|file| file.thread() == Some(id)).max_by_key(|file| file.rank());
    if let Some(file) = named {
        return Ok(Some(file.path.clone()));
    }
    Ok(find_by_content(disk, files, id))
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
    fn thread(&self) -> Option<ThreadId> {
        self.name.as_ref().map(|name| name.thread)
    }

    /// The greatest rank wins.
    fn rank(&self) -> (bool, bool, &str, &Path) {
        let plain = !self.name.as_ref().is_some_and(|name| name.compressed);
        (plain, self.is_active, &self.file_name, &self.path)
    }
}

/// Every file below the home that is a rollout by name, or may be one in spite of its name.
fn all_files(disk: &dyn Disk, home: &Path) -> Vec<Candidate> {
    let mut walk = Walk { disk, seen: HashSet::new(), names_left: NAMES, found: Vec::new() };
    walk.tree(&home.join("sessions"), true);
    walk.tree(&home.join("archived_sessions"), false);
    walk.found
}

struct Walk<'a> {
    disk: &'a dyn Disk,
    /// Directories visited, where the disk can tell them apart.
    seen: HashSet<(u64, u64)>,
    names_left: usize,
    found: Vec<Candidate>,
}

impl Walk<'_> {
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
        if name.is_some() || file_name.ends_with(".jsonl") {
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
    let plain = files.into_iter().filter(|file| !file.name.as_ref().is_some_and(|name| name.compressed));
    plain.take(OPENED).map(|file| file.path).find(|path| id_inside(disk, path) == Some(id))
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
