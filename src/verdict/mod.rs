//! Findings × baseline → verdict.
//!
//! One run has one [`Verdict`]. Every invariant that fires counts, whether the scenario set out to prove it or not; what
//! a scenario proves decides only what must not stay unjudged. A run in which the harness failed, the fault never fired,
//! or a promise that was to be proved could not be looked at, is an *error*: a verdict can be that nobody knows, and
//! that is not a pass. Where a finding explains why there was nothing to look at, the finding alone decides.
//!
//! A baseline excuses exactly what it lists. One invariant more is a failure; one fewer means that the baseline is
//! stale, which fails as well, so that it cannot rot. [`draft`] describes what failed in the words of a baseline, but for
//! the reason, which is a person's to give.

mod draft;
mod judge;
mod known;
#[cfg(test)]
mod tests;

pub use draft::{Draft, Failed, draft};
pub use judge::{Verdict, exit_code, judge};
pub use known::{stale, stale_targets};
