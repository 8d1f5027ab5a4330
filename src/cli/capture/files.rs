//! Which files of a home belong to a thread.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::Failure;
use crate::limits::CAPTURE_FILE_BYTES;
use crate::rehydrate::alias::aliases_path;
use crate::rollout::lineage::{home_of, trace};
use crate::rollout::locate::{RolloutName, walk};
use crate::rollout::{ThreadId, read_session_meta_line};
use crate::world::Disk;

/// A thread and all that belongs to it.
pub(super) struct Captured {
    /// The id by which it is continued.
    pub(super) id: ThreadId,
    /// The rollout that goes on, then all others.
    pub(super) files: Vec<CapturedFile>,
}

/// One file of it.
pub(super) struct CapturedFile {
    /// Below the home.
    pub(super) name: PathBuf,
    pub(super) bytes: Vec<u8>,
}

/// Reads the rollout at `path` and what belongs to it, all within limits.
pub(super) fn gather(disk: &dyn Disk, path: &Path) -> Result<Captured, Failure> {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(RolloutName::parse);
    let id = match &name {
        Some(name) => name.thread,
        None => read_session_meta_line(disk, path).map_err(Failure::usage)?.id,
    };
    let home = home_of(path);
    let below = match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => below.to_owned(),
        None => placed(path, name.as_ref())?,
    };
    let mut captured = Captured { id, files: vec![CapturedFile { name: below, bytes: read(disk, path)? }] };
    let Some(home) = home else { return Ok(captured) };
    let (ids, aliases) = aliases(disk, home, id)?;
    let mut paths = BTreeSet::new();
    walk(
        disk,
        home,
        |name| RolloutName::parse(name).is_some_and(|name| ids.contains(&name.thread)),
        |file| {
            paths.insert(file.path);
        },
    );
    for path in paths.iter().cloned().chain([path.to_owned()]).collect::<Vec<_>>() {
        // A file that cannot be read has no bases that could be told.
        let segments = trace(disk, &[home], &path).map(|lineage| lineage.segments).unwrap_or_default();
        paths.extend(segments.into_iter().map(|segment| segment.path));
    }
    paths.remove(path);
    for path in paths {
        if let Ok(below) = path.strip_prefix(home) {
            captured.files.push(CapturedFile { name: below.to_owned(), bytes: read(disk, &path)? });
        }
    }
    if !aliases.is_empty() {
        captured.files.push(CapturedFile { name: PathBuf::from("rehydra/aliases.jsonl"), bytes: aliases });
    }
    Ok(captured)
}

/// Where a file that lies in no home belongs, by the day in its name.
fn placed(path: &Path, name: Option<&RolloutName>) -> Result<PathBuf, Failure> {
    let day = name.and_then(|name| name.time.get(..10));
    let (Some(day), Some(file_name)) = (day, path.file_name()) else {
        return Err(Failure::usage(format!(
            "{} lies in no home and its name is no rollout's: give it the name that it had, or capture it where it lies",
            path.display()
        )));
    };
    Ok(day.split('-').fold(PathBuf::from("sessions"), |dir, part| dir.join(part)).join(file_name))
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::usage(format!("failed to read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let file = disk.open(path).map_err(failed)?;
    file.take(CAPTURE_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > CAPTURE_FILE_BYTES {
        let limit = CAPTURE_FILE_BYTES >> 20;
        return Err(Failure::usage(format!("{} is longer than {limit} MiB: too much to hand over", path.display())));
    }
    Ok(bytes)
}

/// The ids that aliases tie to `id`, and the lines that do.
fn aliases(disk: &dyn Disk, home: &Path, id: ThreadId) -> Result<(BTreeSet<ThreadId>, Vec<u8>), Failure> {
    let mut ids = BTreeSet::from([id]);
    let path = aliases_path(home);
    if disk.status(&path).is_err() {
        return Ok((ids, Vec::new()));
    }
    let bytes = read(disk, &path)?;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let ends = |line: &[u8]| {
        let line: Value = serde_json::from_slice(line).unwrap_or_default();
        let end = |key: &str| line.get(key).and_then(Value::as_str).and_then(|text| ThreadId::parse(text).ok());
        end("from").zip(end("to"))
    };
    let pairs: Vec<_> = lines.iter().map(|line| ends(line)).collect();
    loop {
        let before = ids.len();
        for (from, to) in pairs.iter().flatten() {
            if ids.contains(from) || ids.contains(to) {
                ids.extend([*from, *to]);
            }
        }
        if ids.len() == before {
            break;
        }
    }
    let named = |pair: &Option<(ThreadId, ThreadId)>| pair.is_some_and(|(from, _)| ids.contains(&from));
    let kept = lines.iter().zip(&pairs).filter(|(_, pair)| named(pair)).flat_map(|(line, _)| line.iter().copied());
    let kept = kept.collect();
    Ok((ids, kept))
}
