//! The harness as a library: a story told from a test, a scenario file played from a test, a suite of them as tests.
//!
//! * [`Harness`] plays a story step by step: start, talk, kill, restart, reply, judge. Tell it what to do as the test goes.
//! * [`run_scenario`] plays one scenario file and gives back its [`Case`].
//! * [`Suite`] reads a directory of scenarios; `rehydra::testing` makes a test of each.
//!
//! There is one way of playing: all three go through the player, leave a journal, and are judged from that journal by
//! the checks, as `rehydra run` is. A failure is explained in the same words, and the run's directory is kept, so that
//! `rehydra replay` and the command in the explanation work on it.
//!
//! Processes are started by a `rehydra` binary, because a child that is to die with its parent needs one that asks the
//! kernel for it. It is looked for where [`Builder::rehydra_bin`] says. A test binary is never taken for one, unless its
//! `main` begins with `rehydra::testing::host`.

mod ask;
mod blocking;
mod builder;
mod error;
mod job;
mod lacking;
mod live;
mod suite;
mod targets;

pub use ask::{Ask, Reply};
pub use blocking::block_on;
pub use builder::Builder;
pub use error::Error;
pub use live::Harness;
pub use suite::{Loaded, Pair, Suite, run_scenario};

pub use crate::check::Invariant;
pub use crate::fault::plan::{Action, Edge, Rehydration, Signal, Trigger, Whom};
pub use crate::model::script::{Failure, Output, Response};
pub use crate::report::Case;
pub use crate::scenario::{Ending, Expected, Id};
pub use crate::verdict::Verdict;

pub(crate) use builder::{make_dated, plain};
pub(crate) use job::{CONTROL, Job, judge, quoted, recorded, recorded_baseline};
pub(crate) use lacking::lacking;
pub(crate) use targets::{BadTarget, names as target_names};
