//! The differences between Codex and this crate that are known, each with its reason: `known.toml`.
//!
//! An entry is for a difference that no row of the table foretells. One that explains nothing any more fails the trial of
//! each release that it names, unless it is one of those that are seen sometimes.

use std::collections::BTreeSet;

use serde::Deserialize;

/// All entries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    #[serde(default)]
    difference: Vec<Entry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Releases.
    versions: Vec<String>,
    /// A part of the case's name; several, of which one is enough.
    cases: Vec<String>,
    /// A part of what is told of the difference.
    says: String,
    /// It depends on what Codex does first, and may as well not be seen.
    #[serde(default)]
    sometimes: bool,
    /// Why it is so.
    reason: String,
}

impl Known {
    /// The checked-in list.
    pub(crate) fn read() -> Result<Known, String> {
        let known: Known = toml::from_str(include_str!("known.toml")).map_err(|error| error.to_string())?;
        match known.difference.iter().find(|entry| entry.reason.trim().is_empty()) {
            Some(entry) => Err(format!("a known difference without a reason: {}", entry.says)),
            None => Ok(known),
        }
    }

    /// The entry that explains a difference.
    pub(crate) fn explains(&self, version: &str, case: &str, difference: &str) -> Option<usize> {
        self.difference.iter().position(|entry| {
            entry.versions.iter().any(|v| v == version)
                && entry.cases.iter().any(|part| case.contains(part.as_str()))
                && difference.contains(&entry.says)
        })
    }

    /// The entries of a release that explained nothing.
    pub(crate) fn stale(&self, version: &str, used: &BTreeSet<usize>) -> Vec<String> {
        let entries = self.difference.iter().enumerate();
        let is_of = |entry: &Entry| entry.versions.iter().any(|v| v == version);
        let stale = entries.filter(|(n, entry)| !used.contains(n) && !entry.sometimes && is_of(entry));
        stale.map(|(_, entry)| format!("known.toml explains nothing on {version} by: {}", entry.says)).collect()
    }
}
