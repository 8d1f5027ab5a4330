//! A foreign server, from its profile to something that can be started.
//!
//! A profile is written in one directory and its server runs in another, so what is relative in it is settled first: its
//! program and files, the directories of its PATH, the Codex that it is to start. What can only be known once a run's
//! stage is set (the stub's port, the run's directories) stays a placeholder until [`Filling`] fills it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::command::{LocateError, located};
use crate::codex::install::{self, InstallError, Installed};
use crate::codex::version::VersionError;
use crate::journal::{Dialect, TargetKind, TargetProfile, Tools};
use crate::limits::Limits;
use crate::scenario::{PLACEHOLDERS, Profile};

/// What a foreign server is started with, beyond what every target is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Variables of its environment, with placeholders.
    pub env: Vec<(String, String)>,
    /// Directories that come before the run's own PATH; those with a placeholder are whole words with placeholders.
    pub path: Vec<String>,
    /// The Codex that it finds as `codex`: the one that the profile names, else the one on the user's PATH, if there is one.
    pub codex: Option<Installed>,
    /// Limits that differ from the run's.
    pub limits: Vec<(String, u64)>,
}

impl Setup {
    /// The limits of a run on this server. What the command line sets (`pinned`) stays as it is.
    pub fn limits(&self, mut limits: Limits, pinned: &[String]) -> Limits {
        for (name, value) in self.limits.iter().filter(|(name, _)| !pinned.contains(name)) {
            limits.set(name, *value);
        }
        limits
    }
}

/// What the journal says of a foreign server, and what it is started with. `path` is the PATH on which its program is
/// looked up.
pub(super) fn settled(profile: &Profile, path: &OsStr) -> Result<(TargetProfile, Setup), Unsettled> {
    let dir = &profile.dir;
    let command = located(&profile.command, dir, path)?;
    let relative = |text: &String| if text.starts_with('{') { text.clone() } else { shown(&dir.join(text)) };
    let mut path: Vec<String> = profile.path.iter().map(relative).collect();
    path.extend(beside(&profile.command, &command));
    let target = TargetProfile {
        name: profile.name.clone(),
        kind: TargetKind::Foreign,
        dialect: Dialect::Mcp,
        level: profile.level,
        identity: profile.identity,
        command,
        version: None,
        note: profile.note.clone(),
        unknown_id_error: profile.unknown_id_error.clone(),
        daemon: profile.daemon,
        tools: profile.tools.clone(),
        rollouts: profile.rollouts,
    };
    let setup = Setup { env: profile.env.clone(), path, codex: codex_of(profile)?, limits: profile.limits.clone() };
    Ok((target, setup))
}

/// The Codex that a profile names, installed or asked for its version.
fn codex_of(profile: &Profile) -> Result<Option<Installed>, Unsettled> {
    let Some(named) = &profile.codex else { return codex_on_path() };
    let found = match named.strip_prefix("codex@") {
        Some(version) => version.parse().map_err(Unsettled::Version).map(install::ensure)?,
        None => install::at(&profile.dir.join(named)),
    };
    Ok(Some(found?))
}

/// The Codex on the user's PATH; that there is none is no reason not to start a server that may need none.
pub(super) fn codex_on_path() -> Result<Option<Installed>, Unsettled> {
    match install::find_on_path() {
        Ok(found) => Ok(Some(found)),
        Err(InstallError::NotOnPath | InstallError::NoVersion { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Why a foreign server cannot be started on this machine.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsettled {
    #[error(transparent)]
    Program(#[from] LocateError),
    #[error("`codex`: {0}")]
    Version(VersionError),
    #[error("`codex`: {0}")]
    Codex(#[from] InstallError),
}

/// The directory of a program that was found on the user's PATH. What is installed together is found together: `npx`
/// needs the `node` beside it.
pub(super) fn beside(words: &[String], located: &[String]) -> Option<String> {
    let by_name = !words.first()?.contains('/');
    let dir = Path::new(located.first()?).parent()?;
    by_name.then(|| shown(dir))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What the placeholders of a profile stand for in one run.
#[derive(Clone, Debug)]
pub struct Filling {
    /// The run's `CODEX_HOME`.
    pub home: PathBuf,
    /// The stub's port on 127.0.0.1.
    pub stub_port: u16,
    /// The bearer token that the stub demands.
    pub token: String,
    /// Where threads work unless a story says otherwise.
    pub cwd: PathBuf,
    /// The run's directory.
    pub run: PathBuf,
}

impl Filling {
    /// The text with every placeholder filled. Other braces stay as they are, and what is filled in is not read again.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name =
                PLACEHOLDERS.into_iter().find(|name| after.strip_prefix(*name).is_some_and(|r| r.starts_with('}')));
            match name {
                Some(name) => {
                    filled.push_str(&self.value(name));
                    rest = after.get(name.len() + 1..).unwrap_or_default();
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    fn value(&self, name: &str) -> String {
        match name {
            "home" => shown(&self.home),
            "stub" => format!("http://127.0.0.1:{}", self.stub_port),
            "port" => self.stub_port.to_string(),
            "token" => self.token.clone(),
            "cwd" => shown(&self.cwd),
            "run" => shown(&self.run),
            other => format!("{{{other}}}"),
        }
    }

    /// The profile with the placeholders of its command and its tools' arguments filled.
    pub fn profile(&self, mut profile: TargetProfile) -> TargetProfile {
        profile.command = profile.command.iter().map(|word| self.fill(word)).collect();
        self.tools(&mut profile.tools);
        profile
    }

    fn tools(&self, tools: &mut Tools) {
        for args in [&mut tools.start.args, &mut tools.reply.args] {
            args.values_mut().for_each(|value| self.value_in(value));
        }
    }

    /// The depth of what a profile holds is limited where it is read.
    fn value_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.fill(text),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value_in(value)),
            Value::Object(table) => table.values_mut().for_each(|value| self.value_in(value)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::Profiles;

    fn filling() -> Filling {
        let at = |dir: &str| PathBuf::from(dir);
        Filling { home: at("/r/home"), stub_port: 99, token: "{home}".into(), cwd: at("/r/project"), run: at("/r") }
    }

    #[test]
    fn placeholders_are_filled_once_and_other_braces_stay() {
        let fill = |text: &str| filling().fill(text);
        assert_eq!(fill("{stub}/v1 {port} {home}{cwd}"), "http://127.0.0.1:99/v1 99 /r/home/r/project");
        assert_eq!(fill("{\"a\": {run}} {other} {hom {home"), "{\"a\": /r} {other} {hom {home");
        assert_eq!(fill("{token}"), "{home}");
        assert_eq!(fill("ä{{run}}"), "ä{/r}");
    }

    #[test]
    fn arguments_are_filled_all_the_way_down() {
        let source = "[target.a]\ncommand = [\"sh\"]\nstart = { tool = \"t\", prompt = \"/p\", args = { deep = [{ at = \
                      \"{run}\" }] } }\nreply = { tool = \"t\", prompt = \"/p\", id = \"/id\" }\n";
        let profiles =
            Profiles::parse("rehydra.toml", Path::new("/"), source).unwrap_or_else(|wrong| panic!("{wrong}"));
        let (target, _) = settled(profiles.get("a").expect("a"), OsStr::new("/bin")).expect("there is a shell");
        let filled = filling().profile(target);
        assert_eq!(Value::Object(filled.tools.start.args), json!({"deep": [{"at": "/r"}]}));
    }

    #[test]
    fn what_is_relative_is_found_from_the_profile_s_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join("server.sh"), "").expect("a file");
        let source = "[target.a]\ncommand = [\"sh\", \"server.sh\"]\npath = [\"tools\", \"{run}/bin\"]\nlimits = { call_ms = 7 }\n";
        let profiles = Profiles::parse("rehydra.toml", dir.path(), source).unwrap_or_else(|wrong| panic!("{wrong}"));
        let (target, setup) = settled(profiles.get("a").expect("a"), OsStr::new("/bin")).expect("there is a shell");
        let at = |name: &str| shown(&dir.path().join(name));
        assert_eq!(target.command, ["/bin/sh".to_owned(), at("server.sh")]);
        assert_eq!(setup.path, [at("tools"), "{run}/bin".into(), "/bin".into()]);
        assert_eq!(setup.limits(Limits::default(), &[]).call_ms, 7);
        assert_eq!(setup.limits(Limits::default(), &["call_ms".into()]), Limits::default());
    }
}
