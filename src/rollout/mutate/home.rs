//! Damage around a file: its place, its name, its siblings, the files that it builds on.
//!
//! Most of it costs nothing, because an id is found by reading and not by believing names; what a correct reader still
//! reaches is told by [`HomeMutator::loses`]. The rules of preference are those of Codex 0.169.0: plain before
//! compressed, active before archived; and, beyond Codex, something before nothing (openai/codex#39853).

#![allow(clippy::ptr_arg, reason = "one signature for all classes, and some add or remove files")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::compressed;
use crate::rollout::generate::home::{Content, HomeFile};

/// One class of damage around a file.
#[derive(Clone, Copy)]
pub struct HomeMutator {
    class: &'static Class,
}

/// What a correct reader that looks for the thread does not reach any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loses {
    /// It finds the thread, and reads it whole.
    Nothing,
    /// It finds the thread, says that what it builds on cannot be read, and reads the rest.
    Base,
    /// It does not find the thread.
    Thread,
}

struct Class {
    name: &'static str,
    says: &'static str,
    loses: Loses,
    /// Changes the file at that index, or what is around it; gives the path of the file to be taken for the thread.
    alter: fn(&mut Vec<HomeFile>, usize, u64) -> Option<PathBuf>,
}

impl HomeMutator {
    /// Every class.
    pub fn all() -> impl ExactSizeIterator<Item = HomeMutator> {
        CLASSES.iter().map(|class| HomeMutator { class })
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<HomeMutator> {
        HomeMutator::all().find(|mutator| mutator.name() == name)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.class.name
    }

    /// What it does, in a sentence.
    pub fn says(&self) -> &'static str {
        self.class.says
    }

    /// What it costs a correct reader.
    pub fn loses(&self) -> Loses {
        self.class.loses
    }

    /// Damages what is around the thread's file `head`, and gives the file that is to be taken for the thread now;
    /// `None` where the files offer no place and stay as they were.
    pub fn apply(&self, files: &mut Vec<HomeFile>, head: &Path, seed: u64) -> Option<PathBuf> {
        let at = files.iter().position(|file| file.path == head)?;
        (self.class.alter)(files, at, seed)
    }
}

const fn class(
    name: &'static str,
    loses: Loses,
    alter: fn(&mut Vec<HomeFile>, usize, u64) -> Option<PathBuf>,
    says: &'static str,
) -> Class {
    Class { name, says, loses, alter }
}

static CLASSES: [Class; 14] = [
    class("archived", Loses::Nothing, archived, "the file is in archived_sessions"),
    class("compressed", Loses::Nothing, zst, "the file is a zstd frame, `.jsonl.zst`"),
    class("both-siblings", Loses::Nothing, both, "beside the file lies an older, shorter state of it, compressed"),
    class("wrong-day", Loses::Nothing, wrong_day, "the file is in the directory of another day (openai/codex#22618)"),
    class("moved", Loses::Nothing, moved, "the file is in a directory of sessions that is no day"),
    class(
        "copy",
        Loses::Nothing,
        copy,
        "beside the file lies a copy of half of it, `… (1).jsonl` (openai/codex#39853)",
    ),
    class("empty-twin", Loses::Nothing, empty_twin, "a newer file of the same thread has no byte (openai/codex#39853)"),
    class("directory", Loses::Nothing, directory, "a directory has the name of a newer file of the thread"),
    class("lying-name", Loses::Nothing, lying_name, "the file's name tells the id of another thread"),
    class("link", Loses::Nothing, link, "the file is a symbolic link to one elsewhere in the home"),
    class("missing-base", Loses::Base, missing_base, "the file that it builds on is not there"),
    class("short-base", Loses::Base, short_base, "the file that it builds on is shorter than what is to be read of it"),
    class("cyclic-base", Loses::Base, cyclic_base, "the file says that it builds on itself"),
    class("deleted", Loses::Thread, deleted, "the file is not there (openai/codex#21196)"),
];

fn archived(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    put(files, at, |path| Some(Path::new("archived_sessions").join(path.file_name()?)))
}

fn zst(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let frame = compressed::whole(bytes(files, at)?)?;
    files.get_mut(at)?.content = Content::Bytes(frame);
    put(files, at, |path| Some(with_zst(path)))
}

fn both(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let frame = compressed::whole(half(bytes(files, at)?))?;
    files.push(HomeFile { path: with_zst(&path), content: Content::Bytes(frame) });
    Some(path)
}

fn wrong_day(files: &mut Vec<HomeFile>, at: usize, seed: u64) -> Option<PathBuf> {
    let day = 1 + seed % 28;
    put(files, at, |path| {
        let month = path.parent()?.parent()?;
        let dir = month.join(format!("{day:02}"));
        (Some(dir.as_path()) != path.parent()).then_some(())?;
        Some(dir.join(path.file_name()?))
    })
}

fn moved(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    put(files, at, |path| Some(Path::new("sessions/restored from backup").join(path.file_name()?)))
}

fn copy(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let content = Content::Bytes(half(bytes(files, at)?).to_vec());
    let name = format!("{} (1).jsonl", path.file_stem()?.to_str()?);
    files.push(HomeFile { path: path.with_file_name(name), content });
    Some(path)
}

fn empty_twin(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    files.push(HomeFile { path: newer(&path)?, content: Content::Bytes(Vec::new()) });
    Some(path)
}

fn directory(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    files.push(HomeFile { path: newer(&path)?.join("note.txt"), content: Content::Bytes(b"a file\n".to_vec()) });
    Some(path)
}

fn lying_name(files: &mut Vec<HomeFile>, at: usize, seed: u64) -> Option<PathBuf> {
    // Of a segment the name alone tells which one it is.
    let id = rollout_id(&files.get(at)?.path)?;
    let meta = meta_of(bytes(files, at)?)?;
    let told = meta.get("payload").unwrap_or(&meta).get("id")?.as_str()?.to_owned();
    (told == id && !is_built_on(files, &id)).then_some(())?;
    let other = format!("01a20000-0000-7000-8000-{:012x}", seed & 0xFFFF_FFFF_FFFF);
    put(files, at, |path| Some(path.with_file_name(path.file_name()?.to_str()?.replace(&id, &other))))
}

fn link(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let file = files.get_mut(at)?;
    let path = file.path.clone();
    let store = Path::new("elsewhere").join(path.file_name()?);
    let content = std::mem::replace(&mut file.content, Content::Link(store.clone()));
    files.push(HomeFile { path: store, content });
    Some(path)
}

fn missing_base(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let (base, _) = base_of(files, at)?;
    files.remove(base);
    Some(path)
}

fn short_base(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let (base, end) = base_of(files, at)?;
    let short = half(bytes(files, base)?.get(..end)?).to_vec();
    files.get_mut(base)?.content = Content::Bytes(short);
    Some(path)
}

fn cyclic_base(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let text = String::from_utf8(bytes(files, at)?.to_vec()).ok()?;
    let (first, rest) = text.split_once('\n')?;
    let mut meta: Value = serde_json::from_str(first).ok()?;
    let base = meta.get_mut("payload")?.get_mut("history_base")?.as_object_mut()?;
    base.insert("thread_id".to_owned(), rollout_id(&path)?.into());
    files.get_mut(at)?.content = Content::Bytes(format!("{meta}\n{rest}").into_bytes());
    Some(path)
}

fn deleted(files: &mut Vec<HomeFile>, at: usize, _: u64) -> Option<PathBuf> {
    let path = files.get(at)?.path.clone();
    let id = rollout_id(&path)?;
    // Another segment of the thread, or one that builds on it, would be found in its place.
    (!is_built_on(files, &id) && base_of(files, at).is_none()).then(|| files.remove(at).path)
}

/// Moves a file.
fn put(files: &mut [HomeFile], at: usize, to: impl FnOnce(&Path) -> Option<PathBuf>) -> Option<PathBuf> {
    let file = files.get_mut(at)?;
    file.path = to(&file.path)?;
    Some(file.path.clone())
}

fn bytes(files: &[HomeFile], at: usize) -> Option<&[u8]> {
    match &files.get(at)?.content {
        Content::Bytes(bytes) => Some(bytes),
        Content::Link(_) => None,
    }
}

/// The first half of the lines.
fn half(bytes: &[u8]) -> &[u8] {
    let end = bytes.len() / 2;
    let end = bytes.get(..end).unwrap_or_default().iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

fn with_zst(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".zst");
    PathBuf::from(name)
}

/// The path of a file of the same thread whose name tells a later time.
fn newer(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let ids = name.get("rollout-2026-11-22T05-20-24".len()..)?;
    Some(Path::new("sessions/2029/01/01").join(format!("rollout-2029-01-01T00-00-00{ids}")))
}

/// The last id of a file's name.
fn rollout_id(path: &Path) -> Option<String> {
    let stem = path.file_name()?.to_str()?.split(".jsonl").next()?;
    stem.get(stem.len().checked_sub(36)?..).map(str::to_owned)
}

fn meta_of(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next()?).ok()
}

/// Index of the file that a file builds on, and how many of its bytes belong to it.
fn base_of(files: &[HomeFile], at: usize) -> Option<(usize, usize)> {
    let meta = meta_of(bytes(files, at)?)?;
    let base = meta.get("payload")?.get("history_base")?;
    let id = base.get("thread_id")?.as_str()?;
    let end = usize::try_from(base.get("end_byte_offset")?.as_u64()?).ok()?;
    let found = files.iter().position(|file| rollout_id(&file.path).as_deref() == Some(id))?;
    Some((found, end))
}

/// Whether another file builds on the one with that id.
fn is_built_on(files: &[HomeFile], id: &str) -> bool {
    (0..files.len()).any(|at| {
        let meta = bytes(files, at).and_then(meta_of);
        let base = meta.as_ref().and_then(|meta| meta.get("payload")?.get("history_base")?.get("thread_id")?.as_str());
        base == Some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Era;
    use crate::rollout::generate::home::{GeneratedHome, HomeSpec, home};

    /// A home with a thread that builds on another file.
    fn with_base() -> (GeneratedHome, PathBuf) {
        let made = |seed| home(&HomeSpec { seed, eras: vec![Era::Paginated], oddities: false, ..HomeSpec::default() });
        let builds = |home: &GeneratedHome| home.threads.iter().find(|thread| thread.expected.base.is_some()).cloned();
        let found =
            (0..50).find_map(|seed| Some(made(seed)).and_then(|home| builds(&home).map(|thread| (home, thread))));
        let (home, thread) = found.unwrap();
        (home, thread.head)
    }

    #[test]
    fn every_class_changes_the_home_and_leaves_the_head_where_it_says() {
        let (home, with_base) = with_base();
        for mutator in HomeMutator::all() {
            let heads = home.threads.iter().map(|thread| &thread.head).chain([&with_base]);
            let changed = heads.filter_map(|head| {
                let mut files = home.files.clone();
                let head = mutator.apply(&mut files, head, 5)?;
                assert_ne!(files, home.files, "{}", mutator.name());
                let is_there = files.iter().any(|file| file.path == head);
                assert_eq!(is_there, mutator.loses() != Loses::Thread, "{}", mutator.name());
                let mut paths: Vec<_> = files.iter().map(|file| &file.path).collect();
                paths.sort();
                paths.dedup();
                assert_eq!(paths.len(), files.len(), "{} puts two files into one place", mutator.name());
                Some(())
            });
            assert!(changed.count() > 0, "{} found no place", mutator.name());
        }
    }
}
