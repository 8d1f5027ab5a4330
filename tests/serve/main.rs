//! `rehydra serve` as its clients meet it: the real binary, exact lines on a pipe, the stub model behind it.
//!
//! A test is told when something has happened, by a frame, a gate of the stub or the end of a process, and never waits
//! for a time to pass; [`rig::PATIENCE`] only turns a hang into a failure.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod disk;
mod endings;
mod files;
mod opening;
mod policy;
mod rehydration;
mod rig;
mod turns;
mod two_servers;
