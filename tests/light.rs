//! Reading and writing rollouts needs no async runtime, no HTTP and no protocol library.
//!
//! Parser authors test against the library without the harness, so what they build is counted: this asks cargo for the
//! crates of the featureless library, offline and by the lock file.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::process::Command;

/// Crates of the featureless library and all below it: 39 when it was measured, with room for a few small ones.
const MOST_CRATES: usize = 42;
/// Those with the strategies for property tests: 48 when it was measured.
const MOST_CRATES_WITH_STRATEGIES: usize = 52;

#[test]
fn the_library_without_its_harness_stays_light() {
    stays_light(&[], MOST_CRATES);
}

#[test]
fn the_strategies_bring_proptest_and_no_runtime() {
    let crates = stays_light(&["--features", "strategies"], MOST_CRATES_WITH_STRATEGIES);
    assert!(crates.contains("proptest"), "not a tree with the strategies: {crates:?}");
}

/// The crates of the featureless library with some features, which are few and none of them heavy.
fn stays_light(features: &[&str], most: usize) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--no-default-features", "--prefix", "none", "--offline", "--locked"])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(crates.contains("rehydra") && crates.contains("serde_json"), "not a tree of this crate: {crates:?}");
    for heavy in ["tokio", "rmcp", "hyper", "reqwest"] {
        assert!(!crates.contains(heavy), "{heavy} came into the featureless build: {crates:?}");
    }
    assert!(crates.len() <= most, "{} crates, at most {most} wanted: {crates:?}", crates.len());
    crates
}
