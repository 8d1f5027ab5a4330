//! Exploration: instead of a few deaths that somebody thought of, all that one conversation has.
//!
//! A [sweep](sweep()) records a conversation once, with the injector watching, and lists from its journal every point at
//! which the server could have died: before, within and after each thing that it did to its session files, and around
//! every frame and every chunk of the model. Points that leave the same files and the same acknowledged turns are one.
//! After each: restart, reply, **restart, reply**, because some damage shows only in the second life.
//!
//! What a death can only leave on disk is *constructed*: the first life is read from the record
//! ([`Past`](crate::target::past::Past)), the session files are laid as they were, and only the later lives are played. Some
//! points, chosen by the seed, are played live as well, with the fault at the same write; where that comes out otherwise,
//! the sweep has shown nothing and fails.
//!
//! What comes out is a table of classes: which promises are broken, at how many points, and for each class its smallest
//! example as a scenario that `rehydra run` plays. What a conversation breaks when it is killed while nothing happens is no
//! crash point's doing and stands apart.
//!
//! What it cannot see: state outside of the session files. A constructed home has no sqlite files, which Codex makes
//! anew; that this changes nothing is what the live share is there to show.

mod classes;
mod deeper;
mod pinned;
mod points;
mod results;
mod sweep;
mod tail;

pub use classes::{Class, Outcome};
pub use points::{Point, Points, points};
pub use results::{Report, Swept};
pub use sweep::{Plan, Progress, SweepError, sweep};
