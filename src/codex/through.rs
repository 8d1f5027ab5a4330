//! Which of its servers a release of Codex is spoken to through, and the names of both together.
//!
//! `codex@0.153.4/app-server` means the same wherever it is written: after `--target`, in a baseline, in a story. Nothing
//! is looked for here; a name is sound if the release can have such a server.

use super::version::Version;

/// Which of its servers a Codex is spoken to through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Through {
    /// `codex mcp-server`.
    Mcp,
    /// `codex app-server`; threads come back by `thread/resume`.
    Resume,
    /// `codex app-server`; threads come back by `thread/fork`.
    Fork,
}

impl Through {
    /// What a release is spoken to through if its name alone is given: its MCP server as long as it has one.
    pub fn usual(version: Version) -> Through {
        if version.has_mcp_server() { Through::Mcp } else { Through::Fork }
    }

    /// The name of a target that speaks to a release so, the shortest that means the same.
    pub fn name(self, version: Version) -> String {
        let suffix = if self == Through::usual(version) { String::new() } else { format!("/{}", self.suffix()) };
        format!("codex@{version}{suffix}")
    }

    /// What stands behind the `/` of a target's name.
    fn suffix(self) -> &'static str {
        match self {
            Through::Mcp => "mcp",
            Through::Resume => "app-server",
            Through::Fork => "app-server:fork",
        }
    }

    fn parse(suffix: &str) -> Option<Through> {
        [Through::Mcp, Through::Resume, Through::Fork].into_iter().find(|through| through.suffix() == suffix)
    }

    /// Why that release does not have it.
    fn missing(self, version: Version) -> Option<&'static str> {
        match self {
            Through::Mcp if !version.has_mcp_server() => {
                Some("`codex mcp-server` exists up to 0.153.4, and this one has none; leave `/mcp` out")
            }
            Through::Resume if !version.has_app_server() => {
                Some("its app-server has no `thread/resume`; 0.57.0 has it")
            }
            Through::Fork if !version.has_fork() => Some("its app-server has no `thread/fork`; 0.80.0 has it"),
            _ => None,
        }
    }
}

/// The release and the way to it that a name stands for, or why there is none; `None` if it does not begin with `codex@`.
pub fn named(name: &str) -> Option<Result<(Version, Through), String>> {
    let rest = name.strip_prefix("codex@")?;
    let (version, suffix) = rest.split_once('/').map_or((rest, None), |(version, suffix)| (version, Some(suffix)));
    let found = || {
        let parsed: Version = version.parse().map_err(|error| format!("target `{name}`: {error}"))?;
        let through = match suffix {
            None => Through::usual(parsed),
            Some(suffix) => Through::parse(suffix)
                .ok_or_else(|| format!("target `{name}`: there are `/mcp`, `/app-server` and `/app-server:fork`"))?,
        };
        match through.missing(parsed) {
            Some(why) => Err(format!("target `{name}`: {why}")),
            None => Ok((parsed, through)),
        }
    };
    Some(found())
}
