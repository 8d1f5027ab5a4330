//! What Codex itself would do with a file, told.

use std::path::Path;

use serde::Serialize;

use crate::rollout::codex_reads::{Facts, Prediction, Release, gather, predict};
use crate::world::Disk;

/// What one release of Codex would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct CodexDoes {
    /// The release that was asked about.
    pub release: String,
    /// The release on which it was seen.
    pub seen_on: String,
    /// It resumes the thread.
    pub resumes: bool,
    /// Where it does not: what of the file makes it refuse, as the end of "the file …".
    pub because: Option<String>,
    /// And a part of what it says then.
    pub says: Option<String>,
    /// Where it does: what it resumes the thread without.
    pub without: Vec<Without>,
}

/// Something that a Codex resumes a thread without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "harness", derive(schemars::JsonSchema))]
pub struct Without {
    /// What is missing, as the end of "it resumes without …".
    pub what: String,
    /// What of the file makes it so, as the end of "the file …".
    pub because: String,
    /// First bytes of the records that it does not see, where it is about records.
    pub from_bytes: Vec<u64>,
}

/// What each of these releases would do; nothing where the file can not be read.
pub(super) fn all(disk: &dyn Disk, home: &Path, path: &Path, releases: &[Release]) -> Vec<CodexDoes> {
    let Ok(facts) = gather(disk, home, path) else { return Vec::new() };
    releases.iter().map(|release| told(*release, &facts)).collect()
}

fn told(release: Release, facts: &Facts) -> CodexDoes {
    let Prediction { seen_on, resumes, why, loses } = predict(release, facts);
    let without = loses.into_iter().map(|loss| Without {
        what: loss.what.to_owned(),
        because: loss.row.when.to_owned(),
        from_bytes: loss.bytes.iter().map(|bytes| bytes.start).collect(),
    });
    CodexDoes {
        release: release.to_string(),
        seen_on: seen_on.to_string(),
        resumes,
        because: why.map(|(row, _)| row.when.to_owned()),
        says: why.map(|(_, says)| says.to_owned()),
        without: without.collect(),
    }
}
