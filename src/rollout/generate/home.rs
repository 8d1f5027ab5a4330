//! Whole homes: threads of all eras, some of which continue others, lying about as they do on people's disks.
//!
//! A home is generated thread by thread, and handed over file by file, so that one file is in memory and not the home.
//! Ids, days and zones are drawn from the seed. Days lie around the edges of the calendar: midnight, the end of a year, a
//! leap day, the hour that a clock repeats. A file's name tells the local time of a zone that differs from thread to
//! thread, so the day of its directory is often not that of the times inside.
//!
//! Three ways of continuing are there. A *fork* of a paginated file names the bytes of its parent that it builds on, a
//! fork of an older file copies them, and a *revert* of a paginated thread is a second file of the same thread, without
//! the last turn. With oddities, threads are moved by the mutators of [`crate::rollout::mutate::home`] that cost nothing:
//! archived, compressed, copied, in the wrong directory. A correct reader finds each of them by its id, and reads it whole.

use std::io;
use std::path::PathBuf;

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::expected::{Base, Expected};
use super::thread::{Known, Place, write_known};
use super::{Era, Lineage, Spec, Thread, ToolKind};
use crate::rollout::ThreadId;
use crate::rollout::draw::Draw;
use crate::rollout::mutate::home::{HomeMutator, Loses};

/// What to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct HomeSpec {
    /// How many threads.
    pub threads: u32,
    /// Decides everything else.
    pub seed: u64,
    /// Their eras; all where it is empty.
    pub eras: Vec<Era>,
    /// Most turns of a file.
    pub turns: u32,
    /// About how many bytes each file has at least.
    pub bytes: u64,
    /// The directory that the threads' cwds lie in.
    pub cwd: String,
    /// Threads are archived, compressed, copied and moved.
    pub oddities: bool,
}

impl Default for HomeSpec {
    /// Ten threads of all eras, with oddities.
    fn default() -> HomeSpec {
        let cwd = "/project".to_owned();
        HomeSpec { threads: 10, seed: 1, eras: Vec::new(), turns: 4, bytes: 0, cwd, oddities: true }
    }
}

/// A file of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeFile {
    /// Below the home.
    pub path: PathBuf,
    /// What lies there.
    pub content: Content,
}

/// See [`HomeFile`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A regular file.
    Bytes(Vec<u8>),
    /// A symbolic link to a path below the home.
    Link(PathBuf),
}

/// What is to be found of a thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedThread {
    /// The file that a correct reader takes for the thread's id, below the home.
    pub head: PathBuf,
    /// What was done to it, by the mutator's name.
    pub oddity: Option<String>,
    /// What it reads there.
    pub expected: Expected,
}

/// A home in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratedHome {
    /// Its files.
    pub files: Vec<HomeFile>,
    /// Its threads; one that was reverted is here once, with its newest file.
    pub threads: Vec<ExpectedThread>,
}

/// What generating a home hands over.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// A file.
    File(HomeFile),
    /// A thread, after its files.
    Thread(Box<ExpectedThread>),
}

/// Generates a home into memory.
pub fn home(spec: &HomeSpec) -> GeneratedHome {
    let mut home = GeneratedHome::default();
    // Nothing is written to that could fail.
    let _ = write_home(spec, &mut |made| {
        match made {
            Made::File(file) => home.files.push(file),
            Made::Thread(thread) => home.threads.push(*thread),
        }
        Ok(())
    });
    home
}

/// Generates a home, and hands each file over when it is made.
pub fn write_home(spec: &HomeSpec, sink: &mut dyn FnMut(Made) -> io::Result<()>) -> io::Result<()> {
    let mut draw = Draw::new(spec.seed);
    let mut parent: Option<Written> = None;
    for number in 0..spec.threads {
        let start = start(number, &mut draw);
        let parent_here = parent.take().filter(|_| draw.below(3) > 0);
        let (plan, lineage) = match &parent_here {
            Some(parent) => fork(spec, parent, &mut draw),
            None => (plan(spec, era(spec, &mut draw), &mut draw), Lineage::default()),
        };
        let id = thread_id(plan.era, start, &mut draw);
        let thread = Thread { id, cwd: format!("{}/{number}", spec.cwd), start, zone: zone(&mut draw), lineage };
        let mut files = Vec::new();
        let mut written = Written::new(plan, thread, &mut files)?;
        if written.spec.era == Era::Paginated && written.spec.turns > 0 && draw.below(3) == 0 {
            let (plan, thread) = revert(spec, &written, &mut draw);
            written = Written::new(plan, thread, &mut files)?;
        }
        let expected = written.known.expected.clone();
        let mut found = ExpectedThread { head: PathBuf::from(&expected.file), oddity: None, expected };
        if spec.oddities && draw.below(2) == 0 {
            make_odd(&mut files, &mut found, &mut draw);
        }
        // What was moved is no parent: a reader that does not find it should be told by its own thread.
        parent = Some(written).filter(|_| found.oddity.is_none());
        files.into_iter().try_for_each(|file| sink(Made::File(file)))?;
        sink(Made::Thread(Box::new(found)))?;
    }
    Ok(())
}

/// A file that another thread may continue.
struct Written {
    spec: Spec,
    thread: Thread,
    known: Known,
    bytes: Vec<u8>,
}

impl Written {
    fn new(spec: Spec, thread: Thread, files: &mut Vec<HomeFile>) -> io::Result<Written> {
        let mut bytes = Vec::new();
        let known = write_known(&spec, &thread, &mut bytes)?;
        let path = PathBuf::from(&known.expected.file);
        files.push(HomeFile { path, content: Content::Bytes(bytes.clone()) });
        Ok(Written { spec, thread, known, bytes })
    }

    /// The last id of the file's name.
    fn rollout_id(&self) -> String {
        let segment = self.thread.lineage.segment.map(|id| id.to_string());
        segment.unwrap_or_else(|| self.thread.id.to_string())
    }

    fn base(&self, place: &Place) -> Base {
        let (end_ordinal_exclusive, end_byte_offset) = (place.ordinal, place.bytes);
        Base { rollout_id: self.rollout_id(), end_ordinal_exclusive, end_byte_offset }
    }
}

/// A thread of its own that goes on where another one is: by a reference in a paginated file, by a copy in others.
fn fork(home: &HomeSpec, parent: &Written, draw: &mut Draw) -> (Spec, Lineage) {
    let spec = plan(home, parent.spec.era, draw);
    let end = &parent.known.end;
    let (base, copied) = match parent.spec.era {
        // A bare file tells of no forks.
        Era::Bare => return (spec, Lineage::default()),
        Era::Paginated => (Some(parent.base(end)), Vec::new()),
        _ => (None, parent.bytes.clone()),
    };
    let forked_from = Some(parent.thread.id);
    (spec, Lineage { forked_from, segment: None, base, copied, said: end.said.clone() })
}

/// The same thread without its last turn, in a file of its own.
fn revert(home: &HomeSpec, written: &Written, draw: &mut Draw) -> (Spec, Thread) {
    let spec = plan(home, Era::Paginated, draw);
    let place = &written.known.last_turn;
    let old = &written.thread;
    let start = old.start.checked_add(SignedDuration::from_hours(1)).unwrap_or(old.start);
    let mut said = place.said.clone();
    // What the reverted turn said is in no history any more.
    let kept = said.items.len();
    let later = written.known.end.said.items.iter().skip(kept).filter_map(|item| item.marker.clone());
    said.gone.extend(later);
    let lineage = Lineage {
        forked_from: old.lineage.forked_from,
        segment: Some(uuid(Era::Paginated, start, draw)),
        base: Some(written.base(place)),
        copied: Vec::new(),
        said,
    };
    (spec, Thread { id: old.id, cwd: old.cwd.clone(), start, zone: old.zone.clone(), lineage })
}

fn make_odd(files: &mut Vec<HomeFile>, found: &mut ExpectedThread, draw: &mut Draw) {
    let harmless: Vec<HomeMutator> = HomeMutator::all().filter(|mutator| mutator.loses() == Loses::Nothing).collect();
    let Some(mutator) = harmless.get(draw.below(harmless.len())) else { return };
    if let Some(head) = mutator.apply(files, &found.head, draw.next()) {
        found.oddity = Some(mutator.name().to_owned());
        found.head = head;
    }
}

fn era(spec: &HomeSpec, draw: &mut Draw) -> Era {
    let eras: &[Era] = if spec.eras.is_empty() { &Era::ALL } else { &spec.eras };
    eras.get(draw.below(eras.len())).copied().unwrap_or(Era::Envelope)
}

/// What one file of the home holds.
fn plan(home: &HomeSpec, era: Era, draw: &mut Draw) -> Spec {
    let turns = 1 + draw.below(home.turns.max(1) as usize) as u32;
    let some = |draw: &mut Draw, one_in: usize| draw.below(one_in) == 0;
    Spec {
        turns,
        era,
        seed: draw.next(),
        tools: draw.below(3) as u32,
        kinds: ToolKind::ALL.to_vec(),
        reasoning: some(draw, 2),
        images: some(draw, 4),
        aborted: some(draw, 4),
        rolled_back: u32::from(some(draw, 4)),
        interrupted: some(draw, 6),
        compaction: some(draw, 4).then(|| turns.div_ceil(2)),
        bytes: home.bytes,
        ..Spec::default()
    }
}

/// When the `number`-th thread begins: a day later than the one before, near an edge of the calendar.
fn start(number: u32, draw: &mut Draw) -> Timestamp {
    const EDGES: [&str; 6] = [
        "2026-03-29T00:59:58Z",
        "2026-10-25T00:30:00Z",
        "2026-12-31T23:59:58Z",
        "2028-02-28T23:59:59Z",
        "2026-06-30T12:00:00Z",
        "2026-11-22T05:20:24Z",
    ];
    let edge = EDGES.get(draw.below(EDGES.len())).and_then(|edge| edge.parse::<Timestamp>().ok());
    let edge = edge.unwrap_or(Timestamp::UNIX_EPOCH);
    let apart = SignedDuration::from_secs(i64::from(number) * 7 + draw.below(7) as i64);
    edge.checked_add(apart).unwrap_or(edge)
}

/// The zones whose local time the names tell. As offsets, so that no machine's table of zones is asked: +2 and +1 are
/// Berlin before and after its clocks are put back.
fn zone(draw: &mut Draw) -> TimeZone {
    const HOURS: [i8; 8] = [0, 9, 14, -12, -5, 2, 1, -8];
    let hours = HOURS.get(draw.below(HOURS.len())).copied().unwrap_or(0);
    TimeZone::fixed(Offset::constant(hours))
}

/// An id as the era's versions make it: drawn, or with the time in front.
pub fn drawn_id(era: Era, start: Timestamp, seed: u64) -> ThreadId {
    thread_id(era, start, &mut Draw::new(seed))
}

fn thread_id(era: Era, start: Timestamp, draw: &mut Draw) -> ThreadId {
    ThreadId::from(uuid(era, start, draw))
}

fn uuid(era: Era, start: Timestamp, draw: &mut Draw) -> Uuid {
    let drawn = (u128::from(draw.next()) << 64 | u128::from(draw.next())).to_be_bytes();
    if era == Era::Bare {
        return uuid::Builder::from_random_bytes(drawn).into_uuid();
    }
    let mut random = [0; 10];
    random.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
    let millis = u64::try_from(start.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::marker::Marker;
    use crate::rollout::mutate::shown;

    fn homes() -> impl Iterator<Item = GeneratedHome> {
        (0..60).map(|seed| home(&HomeSpec { seed, threads: 8, oddities: false, ..HomeSpec::default() }))
    }

    /// The bytes that a thread consists of: what it builds on, then its own.
    fn chain(home: &GeneratedHome, expected: &Expected) -> Vec<u8> {
        let mut whole = Vec::new();
        if let Some(base) = &expected.base {
            let is_base =
                |file: &&HomeFile| file.path.to_string_lossy().ends_with(&format!("{}.jsonl", base.rollout_id));
            let file = home.files.iter().find(is_base).unwrap();
            let answer = home_meta(file);
            let before = Expected { base: answer, file: String::new(), ..expected.clone() };
            whole = chain_of(home, &before, file, base.end_byte_offset as usize);
        }
        let own = home.files.iter().find(|file| file.path.as_os_str() == expected.file.as_str()).unwrap();
        whole.extend_from_slice(bytes(own));
        whole
    }

    fn chain_of(home: &GeneratedHome, before: &Expected, file: &HomeFile, end: usize) -> Vec<u8> {
        let path = file.path.to_string_lossy().into_owned();
        let mut whole = chain(home, &Expected { file: path, ..before.clone() });
        let own = bytes(file).len();
        whole.truncate(whole.len() - own + end);
        assert_eq!(whole.last(), Some(&b'\n'), "a base ends with a record");
        whole
    }

    fn home_meta(file: &HomeFile) -> Option<Base> {
        let first = bytes(file).split(|byte| *byte == b'\n').next().unwrap();
        let meta: serde_json::Value = serde_json::from_slice(first).unwrap();
        let base = meta["payload"].get("history_base")?;
        Some(Base {
            rollout_id: base["thread_id"].as_str().unwrap().to_owned(),
            end_ordinal_exclusive: base["end_ordinal_exclusive"].as_u64().unwrap(),
            end_byte_offset: base["end_byte_offset"].as_u64().unwrap(),
        })
    }

    fn bytes(file: &HomeFile) -> &[u8] {
        match &file.content {
            Content::Bytes(bytes) => bytes,
            Content::Link(to) => panic!("a link to {}", to.display()),
        }
    }

    #[test]
    fn a_chain_says_what_its_thread_is_expected_to_say() {
        let mut lengths = HashMap::new();
        for home in homes() {
            for thread in &home.threads {
                let whole = chain(&home, &thread.expected);
                assert_eq!(shown(&whole).unwrap(), thread.expected.markers(), "{:?}", thread.expected);
                let continues = (thread.expected.base.is_some(), thread.expected.forked_from.is_some());
                *lengths.entry(continues).or_insert(0) += 1;
            }
        }
        assert_eq!(lengths.len(), 4, "none, fork by copy, revert, fork by reference: {lengths:?}");
    }

    #[test]
    fn threads_of_a_home_share_nothing_but_what_they_inherit() {
        let home = home(&HomeSpec { threads: 200, oddities: false, ..HomeSpec::default() });
        let ids: HashSet<_> = home.threads.iter().map(|thread| &thread.expected.thread_id).collect();
        let paths: HashSet<_> = home.files.iter().map(|file| &file.path).collect();
        assert_eq!((ids.len(), paths.len()), (200, home.files.len()));
        let roots = home.threads.iter().map(|thread| &thread.expected).filter(|e| e.forked_from.is_none());
        let markers: Vec<Marker> = roots.flat_map(|expected| expected.markers()).collect();
        assert_eq!(markers.iter().collect::<HashSet<_>>().len(), markers.len());
    }

    #[test]
    fn the_same_seed_gives_the_same_home() {
        let spec = HomeSpec { threads: 20, ..HomeSpec::default() };
        assert_eq!(home(&spec), home(&spec));
        assert_ne!(home(&spec), home(&HomeSpec { seed: 2, ..spec.clone() }));
        assert!(home(&spec).threads.iter().any(|thread| thread.oddity.is_some()));
    }
}
