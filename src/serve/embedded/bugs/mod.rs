//! Defects on purpose.
//!
//! A check that has never been seen to fire proves nothing, so the embedded engine can be given one defect at a time,
//! and the tests see to it that the right invariant finds each. The places where a defect can strike are the methods of a
//! `Plant`; without the feature `planted-bugs`, which no release has, a plant is empty, every method does what a healthy
//! engine does, and there is no way to name a bug.
//!
//! `names` lists the bugs, `plant` says where each strikes, and what it then does to a history or to the disk stands in
//! `histories` and `disks`.

#[cfg(feature = "planted-bugs")]
mod disks;
#[cfg(feature = "planted-bugs")]
mod histories;
#[cfg(feature = "planted-bugs")]
mod names;
#[cfg(not(feature = "planted-bugs"))]
mod none;
#[cfg(feature = "planted-bugs")]
mod plant;
#[cfg(feature = "planted-bugs")]
mod unsynced;

#[cfg(feature = "planted-bugs")]
pub use names::{Bug, UnknownBug};

#[cfg(not(feature = "planted-bugs"))]
pub(super) use none::Plant;

#[cfg(feature = "planted-bugs")]
pub(super) use plant::Plant;
