//! What `rehydra run` tells a CI, on real runs: exit codes, JSON, annotations, a summary, repeats, shards, drafts of baselines.
//!
//! JUnit has a program of its own (`tests/junit.rs`), because it needs a validator that may be missing.

mod drafts;
mod exit_codes;
mod github;
mod json;
mod repeats;
mod rig;
mod shards;
