//! A second death in what comes after the first.
//!
//! The later lives of some points are recorded as well, and cut again. All pairs would be the square of the points, so they
//! are drawn: a few second points for each of as many first ones as are wanted.

use std::fs;
use std::sync::Arc;

use super::classes::Outcome;
use super::pinned::mixed;
use super::points::{Point, points};
use super::results::Swept;
use super::sweep::{Plan, constructed, recorded_after};
use super::tail;
use crate::target::past::Recording;

/// Second points that are drawn for one first point.
pub(super) const DRAWN: usize = 8;

/// The draws of a sweep: each first point by its place, in the order of the seed, again and again until there are as many as
/// are wanted.
pub(super) fn firsts(seed: u64, distinct: usize, wanted: usize) -> Vec<(usize, u64)> {
    if distinct == 0 {
        return Vec::new();
    }
    let rounds = wanted.div_ceil(DRAWN) as u64;
    (0..rounds).map(|round| ((mixed(seed ^ 0xD2 ^ round) % distinct as u64) as usize, round)).collect()
}

/// Plays one first point with the injector watching, and dies again at some points of what came after.
pub(super) async fn play(plan: &Plan, recorded: &Arc<Recording>, first: &Point, round: u64) -> Vec<Swept> {
    let dir = plan.dir.join(format!("d{round:07}"));
    let story = tail::scenario(&plan.scenario, &recorded.run, first);
    let after = match recorded_after(plan, recorded, &story, first, &dir).await {
        Ok(after) => Arc::new(after),
        Err(text) => return vec![swept(first, None, Outcome::failed(text), None)],
    };
    let mut second: Vec<(usize, Point)> =
        points(&after.run).distinct.into_iter().enumerate().filter(|(_, point)| point.life > first.life).collect();
    second.sort_by_key(|(at, _)| mixed(plan.seed ^ round.rotate_left(40) ^ *at as u64));
    second.truncate(DRAWN);
    let mut out = Vec::new();
    for (n, (_, point)) in second.into_iter().enumerate() {
        let name = format!("e{round:06}{n}");
        let outcome = constructed(plan, &after, &story, &point, &name).await;
        let told = (outcome != Outcome::default())
            .then(|| crate::scenario::to_toml(&tail::scenario(&story, &after.run, &point)));
        out.push(swept(first, Some(&point), outcome, told));
    }
    let _ = fs::remove_dir_all(dir);
    out
}

fn swept(first: &Point, second: Option<&Point>, constructed: Outcome, story: Option<String>) -> Swept {
    let then = second.map(|point| format!("; then, in life {}, {}", point.life, point.what)).unwrap_or_default();
    Swept { point: format!("{}{then}", first.what), life: first.life, step: first.step, constructed, live: None, story }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed_and_reach_what_is_wanted() {
        let draws = firsts(7, 50, 1_000);
        assert_eq!(draws, firsts(7, 50, 1_000));
        assert_ne!(draws, firsts(8, 50, 1_000));
        assert!(draws.len() * DRAWN >= 1_000 && draws.iter().all(|(at, _)| *at < 50));
        assert_eq!(firsts(7, 0, 1_000), []);
    }
}
