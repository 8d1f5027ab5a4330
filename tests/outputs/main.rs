//! What `rehydra run` writes for CI systems, on real runs: JSON, annotations, a summary, repeats, shards, drafts of baselines.
//!
//! JUnit has a program of its own (`tests/junit.rs`), because it needs a validator that may be missing.

mod drafts;
mod github;
mod json;
mod repeats;
mod rig;
mod shards;
