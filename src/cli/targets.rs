//! Which targets a call is about, told to whoever typed it.

use std::path::Path;

use super::out::{Failure, styled};
use crate::harness::{BadTarget, target_names};
use crate::target::resolve::TargetName;

/// The targets that are asked for by name or as command lines, else those of the project, else our own server.
pub(super) fn names(named: &[String], commands: &[String], profiles: &Path) -> Result<Vec<TargetName>, Failure> {
    target_names(named, commands, profiles).map_err(|wrong| match wrong {
        BadTarget::Name(text) => Failure::usage(text),
        wrong @ BadTarget::Profiles(_) => Failure::diagnosed(wrong.render(styled())),
    })
}
