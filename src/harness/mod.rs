//! Playing and judging for whoever asks: the command line, a test suite, a test by hand.

mod job;

pub(crate) use job::{CONTROL, Job, judge, quoted, recorded};
