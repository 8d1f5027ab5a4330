//! The files that a history is read from.

use std::io::{self, Cursor, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::damage::Damage;
use super::super::lineage::{Lineage, Segment, home_of, trace, trace_bytes};
use super::super::read_error::{ReadError, ReadErrorKind};
use super::super::reader::Reader;
use super::super::scan::source::begins_packed;
use crate::world::{Disk, ReadFile};

/// The files of a thread, to be opened one at a time and, if need be, again.
pub(super) struct Files<'a> {
    source: Source<'a>,
    segments: Vec<Segment>,
}

enum Source<'a> {
    Disk(&'a dyn Disk),
    Memory(Shared),
}

/// Bytes that several readers read.
#[derive(Clone)]
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Files<'a> {
    /// The thread whose rollout is `path`, and why its chain of files ends where it should not. Bases are looked for
    /// below the home that `path` lies in, then below `home`.
    pub(super) fn on_disk(
        disk: &'a dyn Disk,
        home: Option<&Path>,
        path: &Path,
    ) -> Result<(Files<'a>, Vec<Damage>), ReadError> {
        let homes: Vec<&Path> = home_of(path).into_iter().chain(home).collect();
        let Lineage { segments, damage, .. } = trace(disk, &homes, path)?;
        Ok((Files { source: Source::Disk(disk), segments }, damage))
    }

    /// Bytes that stand for the file `path`; nothing is read but them, so a base that they name is missing.
    pub(super) fn in_memory(bytes: Vec<u8>, path: &Path) -> Result<(Files<'a>, Vec<Damage>), ReadError> {
        let bytes = Shared(Arc::new(bytes));
        let reader =
            Reader::new(Box::new(Cursor::new(bytes.clone()))).map_err(|error| ReadErrorKind::Io(error).at(path))?;
        let Lineage { segments, damage, .. } = trace_bytes(reader, path)?;
        Ok((Files { source: Source::Memory(bytes), segments }, damage))
    }

    /// Their numbers in the order in which they are read: the oldest first.
    pub(super) fn oldest_first(&self) -> impl Iterator<Item = u32> + use<> {
        (0..u32::try_from(self.segments.len()).unwrap_or(u32::MAX)).rev()
    }

    /// The same, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = u32> + use<> {
        0..u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }

    /// How many bytes they hold together.
    pub(super) fn len(&self) -> io::Result<u64> {
        let lengths = self.newest_first().map(|file| Ok(self.raw(file)?.map_or(0, |(_, len)| len)));
        lengths.sum()
    }

    /// The bytes of the file of that number, and how many of them count; `None` where they are not those of its records.
    pub(super) fn raw(&self, file: u32) -> io::Result<Option<(Box<dyn ReadFile>, u64)>> {
        let Some(segment) = self.segments.get(file as usize) else { return Ok(None) };
        let mut raw = match &self.source {
            Source::Disk(disk) => disk.open(&segment.path)?,
            Source::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        };
        let is_packed = begins_packed(&mut raw)?;
        let len = raw.seek(SeekFrom::End(0))?;
        Ok((!is_packed).then_some((raw, len.min(segment.end.unwrap_or(len)))))
    }

    /// Where the file of that number is cut, if it is.
    pub(super) fn cut(&self, file: u32) -> Option<u64> {
        self.segments.get(file as usize).and_then(|segment| segment.end)
    }

    /// Opens the file of that number, from its start to its cut.
    pub(super) fn open(&self, file: u32) -> io::Result<Reader> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "no such file of the thread");
        let segment = self.segments.get(file as usize).ok_or_else(gone)?;
        let reader = match &self.source {
            Source::Disk(disk) => Reader::open(*disk, &segment.path)?,
            Source::Memory(bytes) => Reader::new(Box::new(Cursor::new(bytes.clone())))?,
        };
        Ok(match segment.end {
            Some(end) => reader.until(end),
            None => reader,
        })
    }

    /// The file that was asked for.
    pub(super) fn asked(&self) -> &Path {
        self.segments.first().map_or(Path::new(""), |segment| &segment.path)
    }

    /// That reading it failed.
    pub(super) fn failed(&self, error: io::Error) -> ReadError {
        ReadErrorKind::Io(error).at(self.asked())
    }

    /// Their paths, by number.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.segments.iter().map(|segment| &segment.path)
    }
}
