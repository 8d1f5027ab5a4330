//! A second opinion: what a plain scan of everything finds, held against what is found the quick way.
//!
//! The scan shares no code with what it judges: it lists every path, reads every file whole, and sorts by the rules.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::tests::fifo;
use super::*;
use crate::rollout::ThreadId;
use crate::world::{Disk, Entry, EntryKind, Lock, ReadFile, RealDisk, Status, WriteFile};

/// The real disk, counting what is asked of it.
#[derive(Default)]
pub(super) struct Counting {
    directories: AtomicUsize,
    opens: AtomicUsize,
}

impl Counting {
    /// Directories that were there and read.
    pub(super) fn directories(&self) -> usize {
        self.directories.load(Ordering::SeqCst)
    }
    pub(super) fn opens(&self) -> usize {
        self.opens.load(Ordering::SeqCst)
    }
}

impl Disk for Counting {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.opens.fetch_add(1, Ordering::SeqCst);
        RealDisk.open(path)
    }
    fn status(&self, path: &Path) -> io::Result<Status> {
        RealDisk.status(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.directories.fetch_add(1, Ordering::SeqCst);
        RealDisk.list(dir)
    }
    fn visit(&self, dir: &Path, each: &mut dyn FnMut(&OsStr, Option<EntryKind>) -> ControlFlow<()>) -> io::Result<()> {
        self.directories.fetch_add(1, Ordering::SeqCst);
        RealDisk.visit(dir, each)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(dir)
    }
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        RealDisk.create_new(path)
    }
    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        RealDisk.append(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path, wait: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        RealDisk.lock(path, wait)
    }
}

/// Threads and segments of the homes made up here: two days apart, and one id that tells no day.
const IDS: [&str; 4] = [
    "019aac16-5a98-7bc2-9ce0-fdcc76d9015a",
    "019ab662-da98-7021-8336-6f3d36f211b5",
    "6b2ec6f1-53c1-4c2c-a9d5-2b0e0f0b0a3e",
    "019aac16-6f82-7021-8336-6f3d36f211b6",
];
const DIRECTORIES: [&str; 8] = [
    "sessions/2025/11/22",
    "sessions/2025/11/21",
    "sessions/2025/11/23",
    "sessions/2025/11/24",
    "sessions/2026/01/02",
    "sessions",
    "sessions/.hidden/2025",
    "archived_sessions",
];

/// One name of a home, and what is behind it.
#[derive(Clone, Debug)]
struct Thing {
    directory: &'static str,
    second: u32,
    thread: &'static str,
    segment: Option<&'static str>,
    ending: &'static str,
    is: Is,
}

#[derive(Clone, Debug)]
enum Is {
    Legacy(&'static str),
    Paginated(&'static str, Option<&'static str>),
    Noise(&'static str),
    Directory,
    Fifo,
    Dangling,
    /// A link to the tree itself.
    Loop,
}

impl Thing {
    fn file_name(&self) -> String {
        let segment = self.segment.map_or(String::new(), |segment| format!("_{segment}"));
        format!("rollout-2025-11-22T10-00-{:02}-{}{segment}{}", self.second, self.thread, self.ending)
    }

    fn make(&self, home: &Path) {
        let dir = home.join(self.directory);
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(self.file_name());
        if path.symlink_metadata().is_ok() {
            return;
        }
        let meta = |id: &str, more: String| {
            format!("{{\"timestamp\":\"t\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"{id}\"{more}}}}}\n")
        };
        match &self.is {
            Is::Legacy(id) => fs::write(path, meta(id, String::new())).unwrap(),
            Is::Paginated(id, base) => {
                let base = base.map_or(String::new(), |base| format!(",\"history_base\":{{\"thread_id\":\"{base}\"}}"));
                fs::write(path, meta(id, format!(",\"history_mode\":\"paginated\"{base}"))).unwrap();
            }
            Is::Noise(text) => fs::write(path, text).unwrap(),
            Is::Directory => fs::create_dir(path).unwrap(),
            Is::Fifo => fifo(&path),
            Is::Dangling => symlink("nowhere", path).unwrap(),
            Is::Loop => symlink(home.join("sessions"), path).unwrap(),
        }
    }
}

fn things() -> impl Strategy<Value = Vec<Thing>> {
    let id = || prop::sample::select(&IDS[..]);
    let is = prop_oneof![
        4 => id().prop_map(Is::Legacy),
        4 => (id(), prop::option::of(id())).prop_map(|(id, base)| Is::Paginated(id, base)),
        1 => prop::sample::select(&["", "\0\0\n", "no record\n"][..]).prop_map(Is::Noise),
        1 => prop_oneof![Just(Is::Directory), Just(Is::Fifo), Just(Is::Dangling), Just(Is::Loop)],
    ];
    let ending = prop_oneof![8 => Just(".jsonl"), 1 => Just(" (1).jsonl"), 1 => Just(".jsonl.bak")];
    let thing = (prop::sample::select(&DIRECTORIES[..]), 0u32..3, id(), prop::option::of(id()), ending, is);
    let thing = thing.prop_map(|(directory, second, thread, segment, ending, is)| {
        let is = match is {
            // Most files are of the thread that their name says.
            Is::Legacy(id) if id != IDS[1] => Is::Legacy(thread),
            Is::Paginated(id, base) if id != IDS[1] => Is::Paginated(thread, base),
            is => is,
        };
        Thing { directory, second, thread, segment, ending, is }
    });
    prop::collection::vec(thing, 1..10)
}

/// A file as the scan sees it.
#[derive(Clone, Debug)]
struct Scanned {
    path: PathBuf,
    active: bool,
    name: String,
    meta: Option<Value>,
}

impl Scanned {
    fn text(&self, key: &str) -> Option<String> {
        Some(self.meta.as_ref()?["payload"].get(key)?.as_str()?.to_owned())
    }
    fn ids(&self) -> Option<(String, String)> {
        let (stem, ids) = (self.name.strip_suffix(".jsonl")?, 28..);
        let ids = &stem[ids];
        (ids.len() == 36 || ids.len() == 73).then(|| (ids[..36].to_owned(), ids[ids.len() - 36..].to_owned()))
    }
    fn base(&self) -> Option<String> {
        Some(self.meta.as_ref()?["payload"]["history_base"]["thread_id"].as_str()?.to_owned())
    }
}

fn scan(home: &Path) -> Vec<Scanned> {
    let mut all = Vec::new();
    for root in ["sessions", "archived_sessions"] {
        let mut waiting = vec![home.join(root)];
        while let Some(dir) = waiting.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                let name = entry.file_name().into_string().unwrap();
                if entry.file_type().unwrap().is_dir() {
                    waiting.push(path);
                } else if entry.file_type().unwrap().is_file() && name.ends_with(".jsonl") {
                    let text = fs::read_to_string(&path).unwrap();
                    let meta = text.lines().next().and_then(|line| serde_json::from_str(line).ok());
                    all.push(Scanned { path, active: root == "sessions", name, meta });
                }
            }
        }
    }
    all
}

fn best(mut files: Vec<Scanned>, id: &str) -> Option<Scanned> {
    let rules: [&dyn Fn(&Scanned) -> bool; 3] =
        [&|file| file.meta.is_some(), &|file| file.text("id").is_none_or(|inside| inside == id), &|file| file.active];
    if files.len() > 1 {
        for rule in rules {
            if files.iter().any(rule) {
                files.retain(rule);
            }
        }
    }
    // The newest file of each rollout stands for it.
    files.sort_by_key(|file| (file.name[8..27].to_owned(), file.name.contains('_'), file.path.clone()));
    let mut seen = BTreeSet::new();
    files.reverse();
    files.retain(|file| seen.insert(file.ids().unwrap().1));
    let own = |file: &Scanned| file.ids().unwrap().1;
    let bases: BTreeSet<String> =
        files.iter().filter_map(|file| file.base().filter(|base| *base != own(file))).collect();
    let head = files.iter().find(|file| !bases.contains(&own(file))).or(files.first());
    head.cloned()
}

fn thread_by_scan(home: &Path, id: &str) -> Option<Scanned> {
    let all = scan(home);
    let named: Vec<_> = all.iter().filter(|file| file.ids().is_some_and(|ids| ids.0 == id)).cloned().collect();
    if !named.is_empty() {
        return best(named, id);
    }
    let mut inside: Vec<_> = all.into_iter().filter(|file| file.text("id").as_deref() == Some(id)).collect();
    inside.sort_by_key(|file| (file.name.contains(id), file.active, file.name.clone(), file.path.clone()));
    inside.pop()
}

/// The one difference there may be: an original in its day, with other files of its thread elsewhere.
fn is_an_original(found: &Path, home: &Path, id: &str) -> bool {
    let all = scan(home);
    let found = all.iter().find(|file| file.path == found).unwrap();
    let days: &[&str] = match id {
        id if id == IDS[1] => &["2025/11/23", "2025/11/24"],
        _ => &["2025/11/21", "2025/11/22", "2025/11/23"],
    };
    let in_days = |file: &Scanned| days.iter().any(|day| file.path.parent().unwrap().ends_with(day));
    let of_thread = |file: &&Scanned| file.name[28..].starts_with(id) && in_days(file);
    let legacy = found.text("history_mode").is_none() && found.base().is_none();
    legacy && found.ids() == Some((id.to_owned(), id.to_owned())) && all.iter().filter(of_thread).count() == 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn locate_finds_what_a_full_scan_finds(things in things()) {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        things.iter().for_each(|thing| thing.make(home));
        for id in IDS {
            let scanned = thread_by_scan(home, id).map(|file| file.path);
            let found = find_thread_path(&RealDisk, home, ThreadId::parse(id).unwrap()).unwrap();
            if found != scanned {
                let original = found.as_ref().is_some_and(|found| is_an_original(found, home, id));
                prop_assert!(original, "{}: found {:?}, a scan finds {:?}", id, found, scanned);
            }
        }
    }

    #[test]
    fn a_segment_that_a_full_scan_finds_is_found(things in things()) {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        things.iter().for_each(|thing| thing.make(home));
        for id in IDS {
            let named: Vec<_> = scan(home).into_iter().filter(|file| file.ids().is_some_and(|ids| ids.1 == id)).collect();
            let found = find_segment(&RealDisk, home, Uuid::try_parse(id).unwrap()).unwrap();
            prop_assert_eq!(found.is_some(), !named.is_empty());
            let told = |path: &PathBuf| named.iter().find(|file| file.path == *path).unwrap().meta.is_some();
            if let Some(found) = found {
                prop_assert_eq!(told(&found), named.iter().any(|file| file.meta.is_some()));
            }
        }
    }
}
