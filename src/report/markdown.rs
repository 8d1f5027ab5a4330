//! The results as Markdown, for the summary of a CI job: a table of verdicts, then what failed.
//!
//! A name is put between `<code>` tags with every mark of punctuation as a character reference, so that it can be neither
//! Markdown nor HTML, and GitHub makes no link of it. An explanation stands in `<pre>`, in which nothing but `<` and `&` has a
//! meaning. What does not fit is left out by whole explanations and counted, because GitHub drops a summary that is too
//! long altogether.

use super::repeats::{sentence, verdicts};
use super::tally::attention;
use super::{COLUMNS, Results, Tally, explanations, neutral, tallies, totals, word};
use crate::verdict::Verdict;

/// What GitHub takes of one step: 1 MiB.
pub const SUMMARY_BYTES: usize = 1 << 20;
/// Longest name in it, in characters.
const NAME_CHARS: usize = 300;
/// Most rows of the table: a page with more is read by nobody.
const ROWS: usize = 500;
/// Most targets in the table.
const TARGETS: usize = 30;

/// At most `bytes` of Markdown, with an empty line before and after it; empty where not even the totals fit.
pub fn markdown(results: &Results<'_>, bytes: usize) -> String {
    let tallies = tallies(results.cases);
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    let mut out = format!("\n### rehydra: {}\n", plain(&totals(results.cases, results.elapsed_ms)).trim_end());
    if out.len() > bytes {
        return String::new();
    }
    let loud =
        |tally: &&Tally<'_>| attention(&tally.worst().verdict) >= attention(&Verdict::Fixed { reason: String::new() });
    let mut parts = vec![table(&tallies)];
    if !results.stale.is_empty() {
        parts.push(format!("\n**The baseline is stale**\n\n{}", preformatted(&results.stale.join("\n"))));
    }
    parts.extend(tallies.iter().filter(loud).map(details));
    let count = parts.len();
    let note =
        |left: usize| format!("\n… and {left} more parts, which have no room here: see the output of the step.\n");
    let room = bytes.saturating_sub(note(count).len());
    for (n, part) in parts.into_iter().enumerate() {
        if out.len() + part.len() > room {
            let note = note(count - n);
            if out.len() + note.len() <= bytes {
                out.push_str(&note);
            }
            return out;
        }
        out.push_str(&part);
    }
    out
}

/// A row a scenario, a column a target; those that need attention first, so that the rows that are left out need none.
fn table(tallies: &[Tally<'_>]) -> String {
    let mut targets: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, Vec<&Tally<'_>>)> = Vec::new();
    let mut places = std::collections::BTreeMap::new();
    for tally in tallies {
        if !targets.contains(&tally.target()) {
            targets.push(tally.target());
        }
        let next = rows.len();
        match rows.get_mut(*places.entry(tally.scenario()).or_insert(next)) {
            Some((_, row)) => row.push(tally),
            None => rows.push((tally.scenario(), vec![tally])),
        }
    }
    if rows.is_empty() {
        return "\nNothing was played.\n".to_owned();
    }
    let worst = |row: &[&Tally<'_>]| row.iter().map(|tally| attention(&tally.worst().verdict)).max();
    rows.sort_by_key(|(_, row)| std::cmp::Reverse(worst(row).filter(|most| *most >= 3)));
    let shown = targets.get(..targets.len().min(TARGETS)).unwrap_or_default();
    let mut out =
        format!("\n| scenario |{}\n|---|{}\n", cells(shown.iter().map(|t| code(t))), "---|".repeat(shown.len()));
    for (scenario, row) in rows.iter().take(ROWS) {
        let cell = |target: &&str| row.iter().find(|tally| tally.target() == *target).map(|tally| cell(tally));
        out.push_str(&format!("| {} |{}\n", code(scenario), cells(shown.iter().map(|t| cell(t).unwrap_or_default()))));
    }
    for (left, what) in [(rows.len().saturating_sub(ROWS), "scenarios"), (targets.len() - shown.len(), "targets")] {
        if left > 0 {
            out.push_str(&format!("\n… and {left} more {what}\n"));
        }
    }
    out
}

fn cells(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| format!(" {cell} |")).collect()
}

fn cell(tally: &Tally<'_>) -> String {
    let worst = &tally.worst().verdict;
    let mark = match worst {
        Verdict::Pass => "✅ ",
        Verdict::Gap { .. } | Verdict::Unsupported { .. } => "",
        Verdict::Fail { .. } | Verdict::Fixed { .. } | Verdict::Error { .. } => "❌ ",
    };
    match tally.runs() {
        1 => format!("{mark}{}", word(worst)),
        runs => format!("{mark}{} {}/{runs}", word(worst), tally.count(worst)),
    }
}

fn details(tally: &Tally<'_>) -> String {
    let case = tally.worst();
    let (verdict, scenario, target) = (word(&case.verdict), code(tally.scenario()), code(tally.target()));
    let mut text = explanations(tally.ways(), COLUMNS).join("\n");
    if tally.runs() > 1 {
        text.push_str(&format!("\n{}\n", verdicts(tally)));
        tally.rates().into_iter().for_each(|rate| text.push_str(&format!("{}\n", sentence(rate))));
    }
    let text = preformatted(&anstream::adapter::strip_str(&text).to_string());
    format!("\n<details><summary>{verdict} {scenario} on {target}</summary>\n\n{text}\n</details>\n")
}

fn code(name: &str) -> String {
    let mut out = String::from("<code>");
    for c in neutral(name, NAME_CHARS).chars() {
        match c {
            c if c.is_ascii_punctuation() && !matches!(c, '-' | '/' | '.') => {
                out.push_str(&format!("&#{};", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    out + "</code>"
}

fn preformatted(text: &str) -> String {
    format!("<pre>\n{}\n</pre>\n", crate::neutral::html(text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, fired};
    use super::*;
    use crate::check::Invariant;
    use crate::report::Case;

    fn results(cases: &[Case]) -> Results<'_> {
        Results { cases, stale: &[], elapsed_ms: 1_200 }
    }

    #[test]
    fn the_table_stands_above_what_failed() {
        let fail = || Verdict::Fail { reason: "broken: durable".into() };
        let cases = [
            case("calm", "x", Verdict::Pass),
            case("calm", "y", Verdict::Gap { reason: "known".into(), refs: Vec::new() }),
            fired(case("idle/kill-9", "x", fail()), &[Invariant::Durable]),
            case("idle/kill-9", "x", Verdict::Pass),
        ];
        let stale = ["line 9 of the baseline is about `gone`".to_owned()];
        insta::assert_snapshot!(markdown(&Results { stale: &stale, ..results(&cases) }, SUMMARY_BYTES));
    }

    #[test]
    fn nothing_that_a_target_says_is_markup() {
        let hostile = "</pre></details><script>|*_`[x](http://y)@team#1\n\n# head\u{1b}[31m";
        let cases = [case(hostile, hostile, Verdict::Error { text: hostile.into() })];
        let text = markdown(&results(&cases), SUMMARY_BYTES);
        assert_eq!((text.matches("</pre>").count(), text.matches("</details>").count()), (1, 1), "{text}");
        assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{text}");
        let outside = text.split_once("<pre>").map(|(before, _)| before).unwrap_or_default();
        assert!(!outside.contains("](") && !outside.contains('@') && !outside.contains("://"), "{text}");
        let table: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert!(table.iter().all(|line| line.matches('|').count() == 3), "{table:?}");
        assert!(!text.lines().any(|line| line.starts_with("# ")), "{text}");
    }

    #[test]
    fn a_summary_that_is_too_long_leaves_explanations_out() {
        let long = || Verdict::Error { text: "too long ".repeat(60) };
        let cases: Vec<_> = (0..3_000).map(|n| case(&format!("s{n}"), "x", long())).collect();
        let whole = markdown(&results(&cases), SUMMARY_BYTES);
        assert!(whole.len() <= SUMMARY_BYTES && whole.len() > SUMMARY_BYTES - 4_000, "{}", whole.len());
        assert!(whole.contains("more parts, which have no room here") && whole.contains("… and 2500 more scenarios"));
        for bytes in [0, 40, 100, 1_000, 100_000] {
            assert!(markdown(&results(&cases), bytes).len() <= bytes);
        }
    }
}
