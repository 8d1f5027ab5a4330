//! Reading and writing rollouts needs no async runtime, no HTTP and no protocol library.
//!
//! Parser authors test against the library without the harness, so what they build is counted: this asks cargo for the
//! crates of the featureless library, offline and by the lock file.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::collections::BTreeSet;
use std::process::Command;

/// Crates of the featureless library and all below it: 35 when it was measured, with room for a few small ones.
const MOST_CRATES: usize = 40;

#[test]
fn the_library_without_its_harness_stays_light() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--no-default-features", "--prefix", "none", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(crates.contains("rehydra") && crates.contains("serde_json"), "not a tree of this crate: {crates:?}");
    for heavy in ["tokio", "rmcp", "hyper", "reqwest"] {
        assert!(!crates.contains(heavy), "{heavy} came into the featureless build: {crates:?}");
    }
    assert!(crates.len() <= MOST_CRATES, "{} crates, at most {MOST_CRATES} wanted: {crates:?}", crates.len());
}
