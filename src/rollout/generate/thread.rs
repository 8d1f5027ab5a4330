//! One thread as a file: what is asked for, and what comes back beside the bytes.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Spec;
use super::author::Author;
use super::expected::{Base, Expected, Said};
use crate::marker::Marker;
use crate::rollout::ThreadId;

/// A thread that is made up.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Its cwd.
    pub cwd: String,
    /// When it begins.
    pub start: Timestamp,
    /// The zone of its file's name; all times inside are UTC.
    pub zone: TimeZone,
    /// What it continues.
    pub lineage: Lineage,
}

/// What a thread continues: nothing, unless [`home`](mod@super::home) says so.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    pub(super) forked_from: Option<ThreadId>,
    /// The file is a later segment of the thread.
    pub(super) segment: Option<Uuid>,
    pub(super) base: Option<Base>,
    /// Lines of the parent that stand behind the fork's own first line.
    pub(super) copied: Vec<u8>,
    /// What was said before.
    pub(super) said: Said,
}

/// A generated rollout and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The file.
    pub bytes: Vec<u8>,
    /// Where it belongs below the home; date and time of the name are UTC.
    pub path: PathBuf,
    /// What a correct server sends to the model for it, in order; what a compaction replaced is not there.
    pub markers: Vec<Marker>,
    /// Of the turn without an end: they may be sent or not.
    pub unacknowledged: Vec<Marker>,
    /// It holds at least one complete turn.
    pub complete: bool,
    /// The whole answer.
    pub expected: Expected,
}

/// Generates the rollout of thread `id`, which lives in `cwd` and begins at `start`.
pub fn generate(spec: &Spec, id: ThreadId, cwd: &str, start: Timestamp) -> Generated {
    let lineage = Lineage::default();
    let thread = Thread { id, cwd: cwd.to_owned(), start, zone: TimeZone::UTC, lineage };
    let mut author = Author::new(spec, &thread, None);
    // Nothing is written to that could fail.
    let _ = author.write();
    let bytes = author.out.take();
    let expected = author.expected();
    let (markers, unacknowledged) = expected.acknowledged();
    let path = PathBuf::from(&expected.file);
    Generated { bytes, path, markers, unacknowledged, complete: spec.turns > 0, expected }
}

/// Writes the rollout of a thread, record by record; what is held does not grow with the size of the file.
pub fn write(spec: &Spec, thread: &Thread, out: &mut dyn Write) -> io::Result<Expected> {
    Ok(write_known(spec, thread, out)?.expected)
}

/// What home.rs needs of a file to let another one continue it.
pub(super) struct Known {
    pub(super) expected: Expected,
    /// Its end.
    pub(super) end: Place,
    /// Where its last turn begins.
    pub(super) last_turn: Place,
}

/// A place between two records, and what was said before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) bytes: u64,
    /// The first ordinal behind it.
    pub(super) ordinal: u64,
    pub(super) said: Said,
}

pub(super) fn write_known(spec: &Spec, thread: &Thread, out: &mut dyn Write) -> io::Result<Known> {
    let mut author = Author::new(spec, thread, Some(out));
    author.write()?;
    author.out.flush()?;
    Ok(Known { expected: author.expected(), end: author.place(), last_turn: author.last_turn })
}
