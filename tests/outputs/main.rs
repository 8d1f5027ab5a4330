//! What `rehydra run` tells a CI, on real runs: exit codes, JSON, annotations, a summary, repeats, shards, drafts of baselines.
//!
//! JUnit has a program of its own (`tests/junit.rs`), because it needs a validator that may be missing.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

mod drafts;
mod exit_codes;
mod github;
mod json;
mod repeats;
mod rig;
mod shards;

#[test]
fn every_flag_that_the_guide_names_is_one() {
    let place = rig::Place::new(&[]);
    let help = ["run", "replay"].map(|command| place.rehydra(&[command, "--help"]).to(0, &[]).out).concat();
    let guide = include_str!("../../docs/ci.md");
    let words = guide.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let flags: std::collections::BTreeSet<&str> = words
        .filter(|word| word.starts_with("--") && word.len() > 3 && !["--locked", "--path"].contains(word))
        .collect();
    assert!(flags.len() > 10, "{flags:?}");
    let unknown: Vec<_> = flags.iter().filter(|flag| !help.contains(**flag)).collect();
    assert!(unknown.is_empty(), "docs/ci.md names {unknown:?}");
}
