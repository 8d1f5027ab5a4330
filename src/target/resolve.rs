//! Names of targets: from what a user writes after `--target` to a server that can be started.

use std::str::FromStr;

use super::command::located;
use super::profile;
use crate::codex::install;
use crate::codex::version::Version;
use crate::journal::TargetProfile;
use crate::proc;

/// What a user may write after `--target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetName {
    /// `builtin`: `rehydra serve --engine embedded`.
    Builtin,
    /// `builtin:no-rehydrate`: the control.
    BuiltinControl,
    /// `builtin:bug=NAME`: our server with a planted bug.
    #[cfg(feature = "planted-bugs")]
    BuiltinBug(String),
    /// `codex@VERSION` or `codex@VERSION/mcp`: installed with npm into a cache.
    Codex(Version),
    /// `codex`: the one on PATH.
    CodexOnPath,
    /// `--target-command`: a command line whose server has Codex's tools.
    Command(String),
}

/// A target that can be started.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What it is.
    pub profile: TargetProfile,
    /// The Codex version, where it is one; its configuration depends on it.
    pub version: Option<Version>,
}

/// Why a name is no target, or why a target cannot be had on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(String);

impl FromStr for TargetName {
    type Err = ResolveError;

    fn from_str(name: &str) -> Result<TargetName, ResolveError> {
        match name {
            "builtin" => return Ok(TargetName::Builtin),
            "builtin:no-rehydrate" => return Ok(TargetName::BuiltinControl),
            "codex" => return Ok(TargetName::CodexOnPath),
            _ => {}
        }
        #[cfg(feature = "planted-bugs")]
        if let Some(bug) = name.strip_prefix("builtin:bug=") {
            return Ok(TargetName::BuiltinBug(bug.to_owned()));
        }
        let Some(rest) = name.strip_prefix("codex@") else {
            let known = "builtin, builtin:no-rehydrate, codex@VERSION, codex";
            return Err(ResolveError(format!("no target `{name}`; there are {known}, and --target-command 'CMD'")));
        };
        let (version, dialect) = rest.split_once('/').unwrap_or((rest, "mcp"));
        let parsed: Version = version.parse().map_err(|error| ResolveError(format!("target `{name}`: {error}")))?;
        if dialect != "mcp" {
            return Err(ResolveError(format!("target `{name}`: the dialect `{dialect}` is not built yet; use `/mcp`")));
        }
        if !parsed.has_mcp_server() {
            let gone = "Codex has no `mcp-server` since 0.154.0";
            return Err(ResolveError(format!("target `{name}`: {gone}; use codex@0.153.4 or an older one")));
        }
        Ok(TargetName::Codex(parsed))
    }
}

impl TargetName {
    /// `--target-command`: refused here if it is no command line.
    pub fn command(command: &str) -> Result<TargetName, ResolveError> {
        let sound = profile::from_command(command).map_err(|error| ResolveError(format!("--target-command: {error}")));
        sound.map(|_| TargetName::Command(command.to_owned()))
    }

    /// Whether a baseline may speak of a target of that name: one that could be asked for, or some command line.
    pub fn may_exist(name: &str) -> bool {
        let ours = name.starts_with("builtin") || name.starts_with("codex@");
        !ours || name.parse::<TargetName>().is_ok()
    }

    /// The name as it was written.
    pub fn text(&self) -> String {
        match self {
            TargetName::Builtin => "builtin".to_owned(),
            TargetName::BuiltinControl => "builtin:no-rehydrate".to_owned(),
            #[cfg(feature = "planted-bugs")]
            TargetName::BuiltinBug(bug) => format!("builtin:bug={bug}"),
            TargetName::Codex(version) => format!("codex@{version}"),
            TargetName::CodexOnPath => "codex".to_owned(),
            TargetName::Command(command) => command.clone(),
        }
    }

    /// Finds or installs what it names. Blocks, for as long as an installation takes.
    pub fn resolve(&self) -> Result<Resolved, ResolveError> {
        let failed = |error: &dyn std::fmt::Display| ResolveError(format!("target `{}`: {error}", self.text()));
        let ours = || proc::launcher_path(None).map_err(|error| failed(&error));
        let plain = |profile| Ok(Resolved { profile, version: None });
        match self {
            TargetName::Builtin => plain(profile::builtin(&ours()?)),
            TargetName::BuiltinControl => plain(profile::builtin_control(&ours()?)),
            #[cfg(feature = "planted-bugs")]
            TargetName::BuiltinBug(bug) => {
                let mut profile = profile::builtin(&ours()?);
                profile.name = self.text();
                profile.command.extend(["--bug".to_owned(), bug.clone()]);
                plain(profile)
            }
            TargetName::Codex(version) => {
                let installed = install::ensure(*version).map_err(|error| failed(&error))?;
                let profile = profile::codex_mcp(&version.to_string(), &installed.native);
                Ok(Resolved { profile, version: Some(*version) })
            }
            TargetName::CodexOnPath => {
                let found = install::find_on_path().map_err(|error| failed(&error))?;
                if !found.version.has_mcp_server() {
                    return Err(failed(&"its `mcp-server` is gone; use codex@0.153.4 or an older one"));
                }
                let mut profile = profile::codex_mcp(&found.version.to_string(), &found.native);
                profile.name = self.text();
                Ok(Resolved { profile, version: Some(found.version) })
            }
            TargetName::Command(command) => {
                let mut profile = profile::from_command(command).map_err(|error| failed(&error))?;
                let here = std::env::current_dir().map_err(|error| failed(&error))?;
                let path = std::env::var_os("PATH").unwrap_or_default();
                profile.command = located(&profile.command, &here, &path).map_err(|error| failed(&error))?;
                plain(profile)
            }
        }
    }
}
