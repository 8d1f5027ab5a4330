//! Reading from the end: where a compaction that still counts stands near it, what is before need not be read.
//!
//! A compaction that brings its own history replaces everything before it, so the history can be had from the end of a
//! file of any size. It is found by its bytes, block by block from the end. Then the records are walked from a
//! `task_started` before it on, as they would be walked from the first one; if what that gives depends on anything
//! before it, the walk begins again further up, and after some tries at the first record after all.
//!
//! It depends on nothing before where all of these hold: a compaction that brings a history still counts; a complete turn
//! that still counts stands before it; a `turn_context` that still counts tells a cwd; and no rollback took back as
//! many turns as there were. Rollbacks over compactions, compactions without a history and files without `task_started`
//! (up to 0.95) are thereby read from the front, as are compressed files.
//!
//! How much is read in vain is bounded by a share of the thread's length.

use std::io::{self, Read, SeekFrom};

use memchr::memmem;

use super::super::damage::Damage;
use super::super::meta::ReadError;
use super::super::place::Place;
use super::files::Files;
use super::walk::Walk;
use crate::world::ReadFile;

/// Codex writes no white space between a key and its value; a quoted record has its quotes escaped.
const COMPACTED: &[u8] = br#""type":"compacted""#;
const BLOCK_BYTES: u64 = 256 << 10;
/// How far before a compaction the first walk begins; each further one begins eight times as far.
pub(super) const FIRST_STEP_BYTES: u64 = 64 << 10;
/// What may be read in vain of a short thread; of a longer one it is an eighth.
const IN_VAIN_BYTES: u64 = 4 << 20;

/// The walk from the end, where it gives what a walk from the front gives; `broken` is the damage that is known already,
/// and `first_step` how far before a compaction the first try begins.
pub(super) fn walk_from_the_end(
    files: &Files<'_>,
    broken: &[Damage],
    first_step: u64,
) -> Result<Option<Walk>, ReadError> {
    let mut left = IN_VAIN_BYTES.max(files.len().map_err(|error| files.failed(error))? / 8);
    let mut seen_compaction = false;
    for file in files.newest_first() {
        let Some((mut raw, end)) = files.raw(file).map_err(|error| files.failed(error))? else { return Ok(None) };
        let found = if seen_compaction { Ok(Some(end)) } else { last_compaction(&mut *raw, end, &mut left) };
        let Some(found) = found.map_err(|error| files.failed(error))? else { continue };
        seen_compaction = true;
        let mut step = first_step;
        loop {
            let start = found.saturating_sub(step);
            let Some(rest) = left.checked_sub(end - start) else { return Ok(None) };
            left = rest;
            let start = line_after(&mut *raw, start).map_err(|error| files.failed(error))?;
            let mut walk = Walk::from_a_turn();
            broken.iter().for_each(|damage| walk.damages.tell(damage.clone()));
            walk.all(files, Some(&Place { file, bytes: start..start, line: None }))?;
            if walk.stands_alone() {
                return Ok(Some(walk));
            }
            if found <= step {
                break;
            }
            step = step.saturating_mul(8);
        }
    }
    Ok(None)
}

/// Where the last record before `end` that may be a compaction tells its kind; at most `left` bytes are looked at.
fn last_compaction(file: &mut dyn ReadFile, end: u64, left: &mut u64) -> io::Result<Option<u64>> {
    let overlap = COMPACTED.len() as u64;
    let compacted = memmem::Finder::new(COMPACTED);
    let mut block = Vec::new();
    let mut upto = end;
    while upto > 0 {
        let from = upto.saturating_sub(BLOCK_BYTES);
        let Some(rest) = left.checked_sub(upto - from) else { return Ok(None) };
        *left = rest;
        block.clear();
        file.seek(SeekFrom::Start(from))?;
        file.take(end.min(upto + overlap) - from).read_to_end(&mut block)?;
        // Many bytes are looked at together only from front to back.
        if let Some(at) = compacted.find_iter(&block).last() {
            return Ok(Some(from + at as u64));
        }
        upto = from;
    }
    Ok(None)
}

/// The start of the first line that begins at `from` or behind it; the end of the file if there is none.
fn line_after(file: &mut dyn ReadFile, from: u64) -> io::Result<u64> {
    let Some(mut at) = from.checked_sub(1) else { return Ok(0) };
    file.seek(SeekFrom::Start(at))?;
    let mut block = Vec::new();
    loop {
        block.clear();
        if file.take(BLOCK_BYTES).read_to_end(&mut block)? == 0 {
            return Ok(at);
        }
        if let Some(newline) = memchr::memchr(b'\n', &block) {
            return Ok(at + newline as u64 + 1);
        }
        at += block.len() as u64;
    }
}
