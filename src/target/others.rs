//! The servers that stories begin lives of besides the one that they are played on.
//!
//! A story says "written by this release, read by that one". Each release is found, or installed, before anything is
//! played: what is missing is told as it is of a target, and no run is left half played.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::resolve::{ResolveError, Resolved, TargetName};

/// Servers that were found, by their shortest names.
#[derive(Clone, Debug, Default)]
pub struct Others(BTreeMap<String, Arc<Resolved>>);

impl Others {
    /// Finds or installs all of these. Blocks, for as long as an installation takes.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Others, ResolveError> {
        let mut others = Others::default();
        for name in names {
            others.find(name, None)?;
        }
        Ok(others)
    }

    /// Finds or installs one more, if it is not known yet. `rehydra` is the binary of our own server; `None` finds one.
    pub fn find(&mut self, name: &str, rehydra: Option<&Path>) -> Result<Arc<Resolved>, ResolveError> {
        if let Some(found) = self.0.get(name) {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(name.parse::<TargetName>()?.resolve_with(rehydra)?);
        self.0.insert(name.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// The server of that name, if it was found.
    pub fn get(&self, name: &str) -> Option<&Arc<Resolved>> {
        self.0.get(name)
    }
}
