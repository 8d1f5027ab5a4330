//! The tag: an environment variable by which a process is recognised as ours, whoever its parent is by now.
//!
//! Its value is a path of parts, `<harness>/<run>/<life>`, so that one life, one run or everything of one harness
//! process can be asked for. The harness's part is its process id and its start in clock ticks since boot, which is
//! unique until the machine starts again, and needs no randomness.

use super::table;

/// The environment variable that holds the tag.
pub const TAG_VAR: &str = "REHYDRA_RUN";

/// A tag, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The tag that covers everything this process starts.
    pub fn harness() -> Tag {
        let pid = std::process::id();
        let started = table::entry(pid).map_or(0, |entry| entry.started);
        Tag(format!("{pid}-{started}"))
    }

    /// The tag of a part of this one: a run of the harness, a life of the run. What could be taken for a separator is
    /// replaced by `_`.
    pub fn of(&self, part: &str) -> Tag {
        let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        Tag(format!("{}/{}", self.0, part.chars().map(plain).collect::<String>()))
    }

    /// A tag from its text, as the warden gets it.
    pub fn from_text(text: &str) -> Tag {
        Tag(text.to_owned())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a process with the value `tag` is covered.
    pub fn covers(&self, tag: &[u8]) -> bool {
        tag.strip_prefix(self.0.as_bytes()).is_some_and(|rest| rest.first().is_none_or(|b| *b == b'/'))
    }

    /// The start of the harness in clock ticks since boot: nothing older can carry the tag.
    pub(super) fn since(&self) -> u64 {
        let harness = self.0.split('/').next().unwrap_or("");
        harness.split('-').nth(1).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_covers_its_parts_and_not_its_namesakes() {
        let run = Tag::from_text("7-99").of("run");
        assert!(run.covers(b"7-99/run"));
        assert!(run.covers(run.of("1").as_str().as_bytes()));
        assert!(!run.covers(b"7-99/run2/1"));
        assert!(!run.of("1").covers(b"7-99/run/12"));
        assert!(!run.covers(b"7-99"));
    }

    #[test]
    fn a_part_cannot_smuggle_in_a_separator() {
        assert_eq!(Tag::from_text("7-99").of("a/b c").as_str(), "7-99/a_b_c");
    }

    #[test]
    fn the_harness_is_named_by_its_pid_and_its_start() {
        let tag = Tag::harness();
        assert!(tag.as_str().starts_with(&format!("{}-", std::process::id())));
        assert!(tag.since() > 0);
    }
}
