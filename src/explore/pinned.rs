//! A world in which the player makes the same files and ids in every run of a sweep.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::world::{Clock, Ids, RealClock, World};

/// A world whose time stands at `now` and whose ids follow from the seed. Elapsed time is real.
pub(super) fn world(now: jiff::Timestamp, seed: u64) -> World {
    let clock = Pinned { now, real: RealClock::default() };
    let ids = Seeded { now, seed, drawn: AtomicU64::new(0) };
    World { clock: Arc::new(clock), ids: Arc::new(ids), ..World::real() }
}

struct Pinned {
    now: jiff::Timestamp,
    real: RealClock,
}

impl Clock for Pinned {
    fn now(&self) -> jiff::Timestamp {
        self.now
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        self.real.zone()
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }
}

struct Seeded {
    now: jiff::Timestamp,
    seed: u64,
    drawn: AtomicU64,
}

impl Ids for Seeded {
    fn uuid(&self) -> uuid::Uuid {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (mixed(self.seed ^ n), mixed(self.seed.rotate_left(32) ^ n ^ 1));
        let mut random = [0; 10];
        random[..8].copy_from_slice(&high.to_le_bytes());
        random[8..].copy_from_slice(&low.to_le_bytes()[..2]);
        let millis = u64::try_from(self.now.as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// splitmix64: every bit of the number changes about half of the others.
pub(super) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_time_stands() {
        let now: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let (a, b, c) = (world(now, 7), world(now, 7), world(now, 8));
        let ids = |world: &World| [world.ids.uuid(), world.ids.uuid()];
        let first = ids(&a);
        assert_eq!(first, ids(&b));
        assert_ne!(first, ids(&c));
        assert_ne!(first[0], first[1]);
        assert_eq!((a.clock.now(), first[0].get_version_num()), (now, 7));
    }
}
