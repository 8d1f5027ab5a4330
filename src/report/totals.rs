//! What stands below the matrix: why there are gaps, and how many of everything.

use super::page::{painted, word, wrapped};
use super::{Case, neutral};
use crate::verdict::Verdict;

/// Longest reason that is shown.
const REASON: usize = 400;
/// Most reasons that are shown of one kind; the JSON report has all of them.
const SHOWN: usize = 12;

/// A line for each reason why something is a known gap or unsupported; empty if nothing is.
pub fn reasons(cases: &[Case], columns: usize) -> String {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for case in cases {
        let (reason, refs) = match &case.verdict {
            Verdict::Gap { reason, refs } => (reason.as_str(), refs.as_slice()),
            Verdict::Unsupported { reason } => (reason.as_str(), [].as_slice()),
            _ => continue,
        };
        let same = |group: &&mut Group<'_>| {
            (group.reason, group.refs, group.target()) == (reason, refs, &case.target)
                && word(group.verdict()) == word(&case.verdict)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.cases.push(case),
            None => groups.push(Group { reason, refs, cases: vec![case] }),
        }
    }
    let mut out: String = groups.iter().take(SHOWN).map(|group| group.line(columns)).collect();
    if let Some(more @ 1..) = groups.len().checked_sub(SHOWN) {
        out.push_str(&format!("… and {more} more reasons: see --json\n"));
    }
    out
}

/// Cases of one target with the same reason.
struct Group<'a> {
    reason: &'a str,
    refs: &'a [String],
    cases: Vec<&'a Case>,
}

impl Group<'_> {
    fn target(&self) -> &str {
        self.cases.first().map_or("", |case| &case.target)
    }

    fn verdict(&self) -> &Verdict {
        self.cases.first().map_or(&Verdict::Pass, |case| &case.verdict)
    }

    /// `38 gaps on codex@0.153.4: it keeps threads in memory only (openai/codex#6168)`.
    fn line(&self, columns: usize) -> String {
        let refs = if self.refs.is_empty() { String::new() } else { format!(" ({})", self.refs.join(", ")) };
        let (n, target) = (self.cases.len(), neutral(self.target(), REASON));
        let kind = match (self.verdict(), n) {
            (Verdict::Gap { .. }, 1) => "gap",
            (Verdict::Gap { .. }, _) => "gaps",
            _ => "unsupported",
        };
        let text = format!("{kind} on {target}: {}{}", neutral(self.reason, REASON), neutral(&refs, REASON));
        let line = wrapped(&format!("{n:3} "), &text, columns);
        line.replacen(kind, &painted(self.verdict(), kind), 1)
    }
}

/// `41 passed, 3 gaps in 1.2 s`: every verdict that occurs, counted.
pub fn totals(cases: &[Case], elapsed_ms: u64) -> String {
    let words = [
        ("pass", "passed"),
        ("FAIL", "failed"),
        ("gap", "gaps"),
        ("FIXED", "fixed"),
        ("unsupported", "unsupported"),
        ("ERROR", "errors"),
    ];
    let counts = words.iter().filter_map(|(verdict, name)| {
        let mut those = cases.iter().filter(|case| word(&case.verdict) == *verdict).peekable();
        let text = match those.peek() {
            Some(case) => Some(case.verdict.clone()),
            None if *verdict == "pass" => return Some(format!("0 {name}")),
            None => None,
        }?;
        let n = those.count();
        let name = if (*name, n) == ("gaps", 1) { "gap" } else { name };
        let name = if (name, n) == ("errors", 1) { "error" } else { name };
        Some(painted(&text, &format!("{n} {name}")))
    });
    let seconds = elapsed_ms as f64 / 1000.0;
    format!("{} in {seconds:.1} s\n", counts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, plain};
    use super::*;

    fn gap(reason: &str) -> Verdict {
        Verdict::Gap { reason: reason.into(), refs: vec!["openai/codex#6168".into()] }
    }

    #[test]
    fn gaps_are_grouped_by_target_and_reason() {
        let cases = [
            case("a", "codex", gap("threads live in memory only")),
            case("b", "codex", gap("threads live in memory only")),
            case("b", "other", gap("threads live in memory only")),
            case("c", "codex", Verdict::Unsupported { reason: "cwd: n/a".into() }),
            case("d", "codex", Verdict::Pass),
        ];
        let text = plain(&reasons(&cases, 60));
        let expected = "  2 gaps on codex: threads live in memory only\n    (openai/codex#6168)\n  1 gap on other: threads \
                        live in memory only\n    (openai/codex#6168)\n  1 unsupported on codex: cwd: n/a\n";
        assert_eq!(text, expected);
        assert_eq!(plain(&totals(&cases, 1_234)), "1 passed, 3 gaps, 1 unsupported in 1.2 s\n");
    }

    #[test]
    fn a_flood_of_reasons_is_counted() {
        let cases: Vec<_> = (0..40).map(|n| case("a", "codex", gap(&format!("reason {n}")))).collect();
        let text = reasons(&cases, 100);
        assert_eq!(text.lines().count(), SHOWN + 1);
        assert!(text.ends_with("… and 28 more reasons: see --json\n"), "{text}");
        assert_eq!(plain(&totals(&[], 0)), "0 passed in 0.0 s\n");
    }
}
