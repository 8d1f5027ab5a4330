//! Why a target cannot be used, in words that say what happened, what it printed, and what to do.
//!
//! What a target prints is data, and neutralised before any of it stands in a message of ours.

use std::fmt::Write;

use serde_json::Value;

use super::{TargetError, Whose};
use crate::journal::{Dialect, TargetProfile, Tools};
use crate::neutral;
use crate::proc::{Ended, LAUNCH_FAILED, SpawnError};

/// Longest line that is shown, in characters.
const SHOWN_CHARS: usize = 300;

/// What went wrong.
pub(super) enum Trouble {
    /// It could not be started.
    Spawn(SpawnError),
    /// It ended before the conversation was open.
    Exited(Ended),
    /// Its first message did not come among so much else on stdout, in bytes.
    Drowned { limit: u64 },
    /// It did not answer in time.
    Silent { method: &'static str, limit_ms: u64 },
    /// It answered with an error.
    Refused { method: &'static str, error: Value },
    /// Its answer is not what the protocol says.
    Malformed { method: &'static str, missing: &'static str },
    /// It does not have the tools.
    NoTools { missing: Vec<String>, offered: Vec<String>, are_codex_s: bool },
}

impl Trouble {
    /// The whole text; `junk` is the first line on its stdout that was no message, `stderr` its last lines there.
    pub(super) fn tell(&self, profile: &TargetProfile, junk: Option<&str>, stderr: &[String]) -> TargetError {
        let (what, remedy) = self.words(profile.dialect);
        let mut text = format!("target `{}` {what}", neutral(&profile.name));
        let _ = write!(text, "\n  command: {}", neutral(&shown(&profile.command)));
        if let Some(junk) = junk {
            let _ = write!(text, "\n  on stdout, which is for JSON-RPC alone: {junk}");
        }
        for (n, line) in stderr.iter().enumerate() {
            let _ = write!(text, "\n  {} {line}", if n == 0 { "on stderr:" } else { "          " });
        }
        let could_not_start = stderr.iter().any(|line| line.starts_with(LAUNCH_FAILED));
        let remedy = match junk {
            _ if could_not_start => "check the command, and the PATH in the target's `env`",
            Some(_) => match profile.dialect {
                Dialect::Mcp => "is it an MCP server on stdio? Its log belongs on stderr",
                Dialect::AppServer => "is it an app-server of Codex on stdio? Its log belongs on stderr",
            },
            None => remedy,
        };
        let _ = write!(text, "\n  help: {remedy}");
        let whose = if matches!(self, Trouble::Spawn(_)) { Whose::Harness } else { Whose::Server };
        TargetError { whose, text }
    }

    fn words(&self, dialect: Dialect) -> (String, &'static str) {
        let must_speak = match dialect {
            Dialect::Mcp => "is it an MCP server on stdio? It must speak MCP 2025-06-18 or negotiate it",
            Dialect::AppServer => "it must speak the protocol of `codex app-server`",
        };
        match self {
            Trouble::Spawn(error) => (
                format!("could not be started: {error}"),
                "check the command, and that this machine has processes and files to spare",
            ),
            Trouble::Exited(ended) => {
                let how = match (ended.code, ended.signal) {
                    (Some(code), _) => format!("exited with code {code}"),
                    (None, Some(signal)) => format!("was ended by signal {signal}"),
                    (None, None) => "ended".to_owned(),
                };
                (format!("{how} before the conversation was open"), "run the command by hand and see what it says")
            }
            Trouble::Drowned { limit } => (
                format!("printed more than {limit} bytes of something else on stdout before its first message"),
                must_speak,
            ),
            Trouble::Silent { method, limit_ms } => (
                format!("did not answer `{method}` within {limit_ms} ms"),
                match dialect {
                    Dialect::Mcp => {
                        "is it an MCP server on stdio? If it only starts slowly, raise the limit `open_ms` \
                         (--limit open_ms=60000)"
                    }
                    Dialect::AppServer => "if it only starts slowly, raise the limit `open_ms` (--limit open_ms=60000)",
                },
            ),
            Trouble::Refused { method, error } => {
                (format!("answered `{method}` with an error: {}", neutral(&error.to_string())), must_speak)
            }
            Trouble::Malformed { method, missing } => (format!("answered `{method}` without `{missing}`"), must_speak),
            Trouble::NoTools { missing, offered, are_codex_s } => {
                let offered: Vec<String> = offered.iter().map(|name| neutral(name)).collect();
                let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
                let missing: Vec<String> = missing.iter().map(|name| neutral(name)).collect();
                let what = format!("has no tool `{}`; its tools: {offered}", missing.join("` and no `"));
                let remedy = match are_codex_s {
                    true => "name the tools that hold its conversations in `start` and `reply` of a rehydra.toml",
                    false => "correct `start` and `reply` in rehydra.toml",
                };
                (what, remedy)
            }
        }
    }

    /// Which of the needed tools are not offered.
    pub(super) fn missing(tools: &Tools, offered: Vec<String>) -> Option<Trouble> {
        let mut missing: Vec<String> = [&tools.start.name, &tools.reply.name].map(Clone::clone).into();
        missing.dedup();
        missing.retain(|tool| !offered.contains(tool));
        let are_codex_s = tools.start.name == Tools::default().start.name;
        (!missing.is_empty()).then_some(Trouble::NoTools { missing, offered, are_codex_s })
    }
}

/// The command as one can type it.
fn shown(command: &[String]) -> String {
    shlex::try_join(command.iter().map(String::as_str)).unwrap_or_else(|_| command.join(" "))
}

/// A stranger's line, harmless and not too long.
pub(super) fn neutral(text: &str) -> String {
    neutral::line(text, SHOWN_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_the_tools_is_told_which() {
        let codex_s = Tools::default();
        let trouble = Trouble::missing(&codex_s, vec!["codex".into(), "ask".into()]).expect("one is missing");
        assert!(trouble.words(Dialect::Mcp).0.contains("no tool `codex-reply`; its tools: codex, ask"));
        assert!(Trouble::missing(&codex_s, vec!["codex-reply".into(), "codex".into()]).is_none());
        let mut one = codex_s;
        (one.start.name, one.reply.name) = ("ask".into(), "ask".into());
        assert!(Trouble::missing(&one, vec!["ask".into()]).is_none());
        let trouble = Trouble::missing(&one, Vec::new()).expect("it is missing");
        assert_eq!(trouble.words(Dialect::Mcp).0, "has no tool `ask`; its tools: none");
    }
}
