//! The recordings of this repository, for tests.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Fixture, Manifest};

/// Where they lie.
pub(in crate::rollout) fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// All of them, as their manifest has them.
pub(in crate::rollout) fn all() -> Vec<Fixture> {
    let manifest = fs::read(dir().join("manifest.json")).unwrap();
    serde_json::from_slice::<Manifest>(&manifest).unwrap().fixtures
}
