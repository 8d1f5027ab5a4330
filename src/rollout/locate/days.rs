//! The day directories in which a thread's first file lies.
//!
//! A uuid of version 7 carries the millisecond of its creation in UTC. Codex names the day directory in local time, and
//! neither the id nor the home tells the zone; clocks on earth are from 12 hours behind UTC to 14 hours before it, so
//! that three days are enough. A file may be made later than its id (0.151 and later make it with the first turn), or
//! be put elsewhere: then it is simply not there.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

/// The day in UTC, the day before and the day after, as paths below `sessions`; `None` if the id carries no time (Codex
/// up to 0.29 gave ids of version 4).
pub(super) fn around(id: Uuid) -> Option<[PathBuf; 3]> {
    if id.get_version_num() != 7 {
        return None;
    }
    let (seconds, _) = id.get_timestamp()?.to_unix();
    let instant = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    let day = instant.to_zoned(TimeZone::UTC).date();
    Some([path(day), path(day.yesterday().ok()?), path(day.tomorrow().ok()?)])
}

/// `YYYY/MM/DD`, put together from numbers alone.
fn path(day: Date) -> PathBuf {
    PathBuf::from(format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_three_days_or_none() {
        let days = around("01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a".parse().unwrap()).unwrap();
        assert_eq!(days, ["2026/11/22", "2026/11/21", "2026/11/23"].map(PathBuf::from));
        let days = around("00000000-0000-7000-8000-000000000000".parse().unwrap()).unwrap();
        assert_eq!(days, ["1970/01/01", "1969/12/31", "1970/01/02"].map(PathBuf::from));
        // Version 4, and a time that no calendar has.
        assert_eq!(around("6b2ec6f1-53c1-4c2c-a9d5-2b0e0f0b0a3e".parse().unwrap()), None);
        assert_eq!(around("ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap()), None);
    }
}
