//! Facts that take a look at files as wholes: what a rollout continues, and whether all of it is UTF-8.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::facts::Base;
use super::session;
use crate::limits::SEGMENT_CHAIN;
use crate::rollout::lineage::HistoryBase;
use crate::rollout::locate::Segments;
use crate::rollout::reader::{Found, Reader};
use crate::rollout::record::Kind;
use crate::rollout::scan::source::Source;
use crate::world::Disk;

/// Follows the chain of bases.
pub(super) fn state_of(disk: &dyn Disk, home: &Path, path: &Path, base: HistoryBase) -> io::Result<Base> {
    let mut seen = HashSet::from([path.to_owned()]);
    let mut segments = Segments::new(disk, home);
    let mut next = Some(base);
    while let Some(base) = next.take() {
        let Some(file) = segments.find(base.rollout)? else { return Ok(Base::Missing) };
        if !seen.insert(file.clone()) || seen.len() > SEGMENT_CHAIN {
            return Ok(Base::Cycle);
        }
        let compressed = file.extension().is_some_and(|extension| extension == "zst");
        if !compressed && disk.status(&file)?.len < base.end_byte_offset {
            return Ok(Base::Short);
        }
        let mut reader = Reader::open(disk, &file)?;
        let mut headless = true;
        while let Some(found) = reader.next_found()? {
            if let Found::Record(record) = found
                && record.kind == Kind::SessionMeta
            {
                headless = session::fault(&record.payload()).is_some();
                next = HistoryBase::of(&record.payload()).and_then(Result::ok);
                break;
            }
        }
        if headless {
            return Ok(Base::Headless);
        }
    }
    Ok(Base::There)
}

/// Whether all that `source` gives is UTF-8, holding 64 KiB of it.
pub(super) fn is_utf8(mut source: Source) -> io::Result<bool> {
    let mut piece = vec![0; 64 << 10];
    let mut held = 0;
    loop {
        let read = match source.read(piece.get_mut(held..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if read == 0 {
            return Ok(held == 0);
        }
        let text = piece.get(..held + read).unwrap_or_default();
        match std::str::from_utf8(text) {
            Ok(_) => held = 0,
            Err(error) if error.error_len().is_some() => return Ok(false),
            // A character that goes on in the next piece.
            Err(error) => {
                let range = error.valid_up_to()..text.len();
                held = range.len();
                piece.copy_within(range, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_found_wherever_a_piece_ends() {
        let long = "ä".repeat(70_000);
        let is = |bytes: Vec<u8>| is_utf8(Source::of(bytes)).unwrap();
        assert!(is(long.clone().into_bytes()) && is(format!("x{long}").into_bytes()));
        assert!(!is([long.as_bytes(), b"\xc3"].concat()) && !is([b"\xff", long.as_bytes()].concat()));
    }
}
