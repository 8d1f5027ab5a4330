//! What is known of a recorded rollout: `manifest.json` beside it.
//!
//! A recording is placed into a home by a scenario, so what a server must send to the model cannot be learnt from
//! watching a conversation; the recorder wrote it down instead, from what the real Codex sent. Who places a file of their
//! own writes the same by hand, and can leave out where it comes from.

mod base_length;
mod feature;
mod fixture;
#[cfg(test)]
pub(in crate::rollout) mod recorded;
#[cfg(test)]
mod tests;

pub use base_length::tell_base_lengths;
pub use feature::{Feature, Shown};
pub use fixture::{CWD_PLACEHOLDER, Fixture, HOME_PLACEHOLDER, Manifest, OtherFile, Truth};
