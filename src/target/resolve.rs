//! Names of targets: from what a user writes after `--target` to a server that can be started.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::command::located;
use super::foreign::{self, Setup};
use super::profile;
use crate::codex::install;
use crate::codex::through;
pub use crate::codex::through::Through;
use crate::codex::version::Version;
use crate::journal::{Identity, TargetProfile};
use crate::proc;
use crate::scenario::Profile;

/// What a user may write after `--target`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetName {
    /// `builtin`: `rehydra serve --engine embedded`.
    Builtin,
    /// `builtin:no-rehydrate`: the control.
    BuiltinControl,
    /// `builtin:bug=NAME`: our server with a planted bug.
    #[cfg(feature = "planted-bugs")]
    BuiltinBug(String),
    /// `codex@VERSION`, `codex@VERSION/mcp`, `/app-server` or `/app-server:fork`: installed with npm into a cache.
    Codex(Version, Through),
    /// `codex`: the one on PATH, spoken to as `codex@` its version.
    CodexOnPath,
    /// `--target-command`: a command line whose server has Codex's tools.
    Command(String),
    /// A foreign server, by its profile in a `rehydra.toml`.
    Profile(Arc<Profile>),
}

/// What a release is spoken to as.
fn profile_of(through: Through, version: Version, program: &Path) -> TargetProfile {
    let version = version.to_string();
    match through {
        Through::Mcp => profile::codex_mcp(&version, program),
        Through::Resume => profile::codex_app_server(&version, Identity::Same, program),
        Through::Fork => profile::codex_app_server(&version, Identity::New, program),
    }
}

/// A target that can be started.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What it is.
    pub profile: TargetProfile,
    /// The Codex version, where it is one or may start one; its configuration depends on it.
    pub version: Option<Version>,
    /// What a foreign server is started with.
    pub setup: Setup,
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
        match through::named(name) {
            Some(named) => {
                let (version, through) = named.map_err(ResolveError)?;
                Ok(TargetName::Codex(version, through))
            }
            None => {
                let known = "builtin, builtin:no-rehydrate, codex, codex@VERSION with or without /mcp, /app-server or \
                             /app-server:fork";
                let own = "--target-command 'CMD', and a name in rehydra.toml";
                Err(ResolveError(format!("no target `{name}`; there are {known}, {own}")))
            }
        }
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

    /// The name as it is shown, the shortest that means the same.
    pub fn text(&self) -> String {
        match self {
            TargetName::Builtin => "builtin".to_owned(),
            TargetName::BuiltinControl => "builtin:no-rehydrate".to_owned(),
            #[cfg(feature = "planted-bugs")]
            TargetName::BuiltinBug(bug) => format!("builtin:bug={bug}"),
            TargetName::Codex(version, through) => through.name(*version),
            TargetName::CodexOnPath => "codex".to_owned(),
            TargetName::Command(command) => command.clone(),
            TargetName::Profile(profile) => profile.name.clone(),
        }
    }

    /// The words by which `rehydra run` is asked for it.
    pub(crate) fn words(&self) -> [String; 2] {
        match self {
            TargetName::Command(command) => ["--target-command".to_owned(), command.clone()],
            name => ["--target".to_owned(), name.text()],
        }
    }

    /// Finds or installs what it names. Blocks, for as long as an installation takes.
    pub fn resolve(&self) -> Result<Resolved, ResolveError> {
        self.resolve_with(None)
    }

    /// The same with a `rehydra` binary for the targets that are our own server; `None` finds one, see
    /// [`proc::launcher_path`].
    pub fn resolve_with(&self, rehydra: Option<&Path>) -> Result<Resolved, ResolveError> {
        let failed = |error: &dyn std::fmt::Display| ResolveError(format!("target `{}`: {error}", self.text()));
        let ours = || proc::launcher_path(rehydra).map_err(|error| failed(&error));
        let setup = Setup::default();
        let plain = |profile| Ok(Resolved { profile, version: None, setup: Setup::default() });
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
            TargetName::Codex(version, through) => {
                let installed = install::ensure(*version).map_err(|error| failed(&error))?;
                let mut profile = profile_of(*through, *version, &installed.native);
                profile.name = self.text();
                Ok(Resolved { profile, version: Some(*version), setup })
            }
            TargetName::CodexOnPath => {
                let found = install::find_on_path().map_err(|error| failed(&error))?;
                let mut profile = profile_of(Through::usual(found.version), found.version, &found.native);
                profile.name = self.text();
                Ok(Resolved { profile, version: Some(found.version), setup })
            }
            TargetName::Command(command) => {
                let mut profile = profile::from_command(command).map_err(|error| failed(&error))?;
                let here = std::env::current_dir().map_err(|error| failed(&error))?;
                let path = std::env::var_os("PATH").unwrap_or_default();
                let words = located(&profile.command, &here, &path).map_err(|error| failed(&error))?;
                let codex = foreign::codex_on_path().map_err(|error| failed(&error))?;
                let path = foreign::beside(&profile.command, &words).into_iter().collect();
                profile.command = words;
                Ok(of_foreign(profile, Setup { codex, path, ..setup }))
            }
            TargetName::Profile(profile) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let (profile, setup) = foreign::settled(profile, &path).map_err(|error| failed(&error))?;
                Ok(of_foreign(profile, setup))
            }
        }
    }
}

/// A foreign server's home is that of the Codex that it may start.
fn of_foreign(profile: TargetProfile, setup: Setup) -> Resolved {
    Resolved { profile, version: setup.codex.as_ref().map(|codex| codex.version), setup }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str) -> Result<String, String> {
        name.parse::<TargetName>().map(|name| name.text()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_release_is_spoken_to_through_its_mcp_server_as_long_as_it_has_one() {
        let through = |name: &str| match name.parse() {
            Ok(TargetName::Codex(_, through)) => Some(through),
            _ => None,
        };
        assert_eq!(through("codex@0.153.4"), Some(Through::Mcp));
        assert_eq!(through("codex@0.154.0"), Some(Through::Fork));
        assert_eq!(through("codex@0.105.0/app-server"), Some(Through::Resume));
        assert_eq!(through("codex@0.153.4/app-server:fork"), Some(Through::Fork));
    }

    #[test]
    fn a_target_is_shown_by_its_shortest_name() {
        for (name, short) in [
            ("codex@0.153.4/mcp", "codex@0.153.4"),
            ("codex@0.169.0/app-server:fork", "codex@0.169.0"),
            ("codex@0.169.0/app-server", "codex@0.169.0/app-server"),
            ("codex@0.153.4/app-server:fork", "codex@0.153.4/app-server:fork"),
        ] {
            assert_eq!(shown(name).as_deref(), Ok(short));
        }
    }

    #[test]
    fn what_a_release_does_not_have_is_told() {
        for (name, words) in [
            ("codex@0.169.0/mcp", "up to 0.153.4"),
            ("codex@0.55.0/app-server", "thread/resume"),
            ("codex@0.79.0/app-server:fork", "thread/fork"),
            ("codex@0.169.0/acp", "/app-server:fork"),
            ("codex@0.169.0/", "/app-server:fork"),
            ("codex@new", "no Codex version"),
            ("claude", "no target `claude`"),
        ] {
            let error = shown(name).expect_err(name);
            assert!(error.contains(words), "{error}");
        }
    }
}
