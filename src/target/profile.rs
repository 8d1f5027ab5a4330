//! Profiles: what a target is, for those that need no file to say so.

use std::path::Path;

use crate::journal::{Dialect, Identity, Level, TargetKind, TargetProfile, Tools};

/// The answer of Codex's own server to an id that it does not know (0.105.0, 0.130.0, 0.153.4).
const UNKNOWN_ID: &str = "^Session not found for thread_id: ";
/// The same of its app-server (0.105.0 to 0.169.0).
const APP_SERVER_UNKNOWN_ID: &str = "^no rollout found for thread id ";

/// Our own server with the embedded engine. `program` is a `rehydra` binary.
pub fn builtin(program: &Path) -> TargetProfile {
    let command = vec![text(program), "serve".into(), "--engine".into(), "embedded".into()];
    let version = Some(env!("CARGO_PKG_VERSION").to_owned());
    TargetProfile { version, ..codex_like("builtin", TargetKind::Builtin, command) }
}

/// The control: our own server without rehydration.
pub fn builtin_control(program: &Path) -> TargetProfile {
    let mut profile = builtin(program);
    profile.command.push("--no-rehydrate".into());
    TargetProfile { name: "builtin:no-rehydrate".into(), kind: TargetKind::BuiltinControl, ..profile }
}

/// `codex mcp-server` of an installed release. `program` is its native binary.
pub fn codex_mcp(version: &str, program: &Path) -> TargetProfile {
    let command = vec![text(program), "mcp-server".into()];
    let name = format!("codex@{version}");
    TargetProfile { version: Some(version.to_owned()), ..codex_like(&name, TargetKind::CodexMcp, command) }
}

/// `codex app-server` of an installed release, whose threads come back by `thread/resume` (identity `same`) or by
/// `thread/fork` (identity `new`). `program` is its native binary.
pub fn codex_app_server(version: &str, identity: Identity, program: &Path) -> TargetProfile {
    let (kind, suffix) = match identity {
        Identity::Same => (TargetKind::CodexResume, "app-server"),
        Identity::New => (TargetKind::CodexFork, "app-server:fork"),
    };
    let command = vec![text(program), "app-server".into()];
    let common = codex_like(&format!("codex@{version}/{suffix}"), kind, command);
    TargetProfile {
        dialect: Dialect::AppServer,
        identity,
        version: Some(version.to_owned()),
        unknown_id_error: Some(APP_SERVER_UNKNOWN_ID.to_owned()),
        ..common
    }
}

/// `--target-command`: anybody's server that has Codex's tools. The text is split as a shell splits words, without
/// running one, and is the target's name.
pub fn from_command(command: &str) -> Result<TargetProfile, CommandError> {
    let words = shlex::split(command).ok_or_else(|| CommandError::Quotes(command.to_owned()))?;
    if words.is_empty() {
        return Err(CommandError::Empty);
    }
    Ok(codex_like(command, TargetKind::Foreign, words))
}

/// The text of a `--target-command` is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// A quote has no end.
    #[error("`{0}` ends inside a quotation or after a backslash; close the quotation")]
    Quotes(String),
    /// There is nothing in it.
    #[error("the target's command is empty; give a program and its arguments")]
    Empty,
}

fn codex_like(name: &str, kind: TargetKind, command: Vec<String>) -> TargetProfile {
    TargetProfile {
        name: name.to_owned(),
        kind,
        dialect: Dialect::Mcp,
        level: Level::CodexCompatible,
        identity: Identity::New,
        command,
        version: None,
        note: None,
        unknown_id_error: Some(UNKNOWN_ID.to_owned()),
        daemon: false,
        tools: Tools::default(),
        rollouts: true,
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_like_a_shell_does_and_nothing_in_it_is_run() {
        let profile = from_command(r#"node 'my server.js' --note "a b" $(reboot)"#).expect("a command");
        assert_eq!(profile.command, ["node", "my server.js", "--note", "a b", "$(reboot)"]);
        assert_eq!((profile.kind, profile.level), (TargetKind::Foreign, Level::CodexCompatible));
    }

    #[test]
    fn what_is_no_command_is_told() {
        assert_eq!(from_command("  "), Err(CommandError::Empty));
        assert_eq!(from_command("node 'x"), Err(CommandError::Quotes("node 'x".into())));
    }

    #[test]
    fn the_control_is_the_builtin_but_for_rehydration() {
        let (ours, control) = (builtin(Path::new("/r")), builtin_control(Path::new("/r")));
        assert_eq!(control.command.strip_prefix(ours.command.as_slice()), Some(&["--no-rehydrate".to_owned()][..]));
        assert_eq!(control.name, "builtin:no-rehydrate");
    }
}
