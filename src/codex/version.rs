//! A Codex release and what it can do.
//!
//! Only what decides how a release is driven stands here, each with the versions it was seen on; how its files look is
//! the rollout room's. A version's text becomes part of a path and of a command line, so nothing but the two forms that
//! Codex publishes is one: `0.153.4` and `0.154.0-alpha.3`.

use std::fmt;
use std::str::FromStr;

/// A release of Codex. Later ones are greater; an alpha is less than its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
    alpha: Option<u32>,
}

/// A text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no Codex version; give one such as 0.153.4 or 0.154.0-alpha.3")]
pub struct VersionError(String);

impl Version {
    /// The release with these numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Version {
        Version { major, minor, patch, alpha: None }
    }

    /// Whether it has `codex mcp-server`: up to 0.153.4; 0.154.0 removed it.
    pub fn has_mcp_server(self) -> bool {
        self.numbers() < (0, 154, 0)
    }

    /// Whether its `codex app-server` can bring a thread back: `thread/resume` came with 0.57.
    pub fn has_app_server(self) -> bool {
        self.numbers() >= (0, 57, 0)
    }

    /// Whether its app-server has `thread/fork`: from 0.80.0.
    pub fn has_fork(self) -> bool {
        self.numbers() >= (0, 80, 0)
    }

    /// Whether sub-agents are switched off by `[agents] enabled = false`. 0.130.0 and older refuse to start with that key;
    /// 0.153.4 takes either switch; 0.169.0 warns about the older `[features] multi_agent = false`.
    pub(super) fn has_agents_table(self) -> bool {
        self.numbers() >= (0, 154, 0)
    }

    /// Whether `[skills.bundled] enabled = false` keeps the bundled skills away: 0.130.0 does, 0.105.0 does not know it.
    pub(super) fn has_bundled_skills_switch(self) -> bool {
        self.numbers() >= (0, 130, 0)
    }

    // An alpha has what its release has.
    fn numbers(self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Version) -> std::cmp::Ordering {
        let order = |v: &Version| (v.numbers(), v.alpha.is_none(), v.alpha);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.chars().take(64).flat_map(char::escape_debug).collect()))
    }
}

fn parse(text: &str) -> Option<Version> {
    let (numbers, alpha) = match text.split_once("-alpha.") {
        Some((numbers, alpha)) => (numbers, Some(number(alpha)?)),
        None => (text, None),
    };
    let mut parts = numbers.split('.').map(number);
    let (major, minor, patch) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(Version { major, minor, patch, alpha })
}

// No sign, no leading zero: one text for each version.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        self.alpha.map_or(Ok(()), |n| write!(f, "-alpha.{n}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_it_reads_and_sorts_by_age() {
        let ages = ["0.9.10", "0.153.4", "0.154.0-alpha.2", "0.154.0-alpha.10", "0.154.0", "1.0.0"];
        for pair in ages.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for text in ages {
            assert_eq!(version(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_every_other_text() {
        for text in [
            "",
            "0.153",
            "0.153.4.1",
            "v0.153.4",
            "0.153.4-linux-x64",
            "0.153.4-alpha",
            "+0.1.2",
            "0.01.2",
            "latest",
            "0.153.4/..",
            "0.1.99999999999",
            "0.153.4 ",
            "0.1.\u{1b}[2J",
        ] {
            let error = text.parse::<Version>().expect_err(text).to_string();
            assert!(!error.contains('\u{1b}'));
        }
    }

    #[test]
    fn knows_what_a_release_can_do() {
        assert!(version("0.153.4").has_mcp_server() && !version("0.154.0").has_mcp_server());
        assert!(!version("0.154.0-alpha.1").has_mcp_server());
        assert!(version("0.57.0").has_app_server() && !version("0.55.0").has_app_server());
        assert!(version("0.80.0").has_fork() && !version("0.79.0").has_fork());
    }
}
