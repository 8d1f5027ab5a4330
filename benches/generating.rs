//! How fast rollouts are generated: `cargo bench --bench generating`.
//!
//! Each size is generated three times to nowhere, so that the disk is not measured; the fastest counts. The target is
//! 100 MB in two seconds.

#![allow(clippy::print_stdout, reason = "the figures are the result")]

use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rehydra::rollout::Era;
use rehydra::rollout::generate::home::drawn_id;
use rehydra::rollout::generate::{Lineage, Spec, Thread, write};
use rehydra::world::{Clock, RealClock};

fn main() -> io::Result<()> {
    let clock = RealClock::default();
    let start = Timestamp::constant(1_795_363_327, 0);
    for (era, name) in [(Era::Envelope, "envelope"), (Era::Paginated, "paginated")] {
        for megabytes in [10_u64, 100, 500] {
            let bytes = megabytes * 1_000_000;
            let turns = u32::try_from(bytes >> 14).unwrap_or(u32::MAX);
            let spec = Spec { era, turns, tools: 2, reasoning: true, bytes, ..Spec::default() };
            let (cwd, lineage) = ("/project".to_owned(), Lineage::default());
            let thread = Thread { id: drawn_id(era, start, 1), cwd, start, zone: TimeZone::UTC, lineage };
            let mut fastest = f64::INFINITY;
            for _ in 0..3 {
                let begun = clock.elapsed();
                let mut counted = Counted(0);
                write(&spec, &thread, &mut counted)?;
                assert!(counted.0 >= bytes, "{} of {bytes} bytes", counted.0);
                fastest = fastest.min((clock.elapsed() - begun).as_secs_f64());
            }
            println!("{name:<10} {megabytes:>4} MB  {fastest:>7.3} s  {:>7.0} MB/s", megabytes as f64 / fastest);
        }
    }
    Ok(())
}

/// Counts and forgets.
struct Counted(u64);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
