//! The matrix: a row a scenario, a column a target, a word a verdict.
//!
//! It fits the page. Where the names of the targets are too long for it, the columns are numbered and the names stand
//! above; where there are still too many, the rest follows in further tables.

use super::page::{painted, shortened, word, wrapped};
use super::tally::attention;
use super::{Case, neutral};
use crate::verdict::Verdict;

/// Between two columns.
const GAP: usize = 2;
/// The names of the scenarios are cut to no less, whatever the targets take.
const ROW_NAME: usize = 30;
/// Longest name that is looked at.
const NAME: usize = 300;

/// The matrix of all cases, rows and columns in the order in which the cases first name them.
pub fn matrix(cases: &[Case], columns: usize) -> String {
    let rows = distinct(cases.iter().map(|case| case.scenario.as_str()));
    let targets = distinct(cases.iter().map(|case| case.target.as_str()));
    let longest = rows.iter().map(|row| shown(row).chars().count()).max().unwrap_or(0).max("scenario".len());
    let table: Vec<Column<'_>> =
        targets.iter().map(|target| Column::new(cases, &rows, target, shown(target))).collect();
    if longest.min(ROW_NAME) + table.iter().map(Column::width).sum::<usize>() <= columns {
        return one(&rows, longest, &table, columns);
    }
    let mut out = String::new();
    let mut numbered = Vec::new();
    for (n, target) in (1..).zip(&targets) {
        let label = format!("[{n}]");
        out.push_str(&wrapped(&format!("{label:5}"), &shown(target), columns));
        numbered.push(Column::new(cases, &rows, target, label));
    }
    let mut rest = numbered.as_slice();
    while !rest.is_empty() {
        let mut room = columns.saturating_sub(longest.min(ROW_NAME));
        let fit = |column: &&Column<'_>| room.checked_sub(column.width()).map(|left| room = left).is_some();
        let (some, more) = rest.split_at(rest.iter().take_while(fit).count().max(1));
        out.push('\n');
        out.push_str(&one(&rows, longest, some, columns));
        rest = more;
    }
    out
}

/// One column: its heading, and for each row the cases there.
struct Column<'a> {
    heading: String,
    cells: Vec<Cell<'a>>,
}

impl<'a> Column<'a> {
    fn new(cases: &'a [Case], rows: &[&str], target: &str, heading: String) -> Column<'a> {
        let here: Vec<&Case> = cases.iter().filter(|case| case.target == target).collect();
        let cell = |row: &&str| Cell(here.iter().filter(|c| c.scenario == *row).map(|c| &c.verdict).collect());
        Column { heading, cells: rows.iter().map(cell).collect() }
    }

    /// With the space before it.
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| cell.text().len());
        GAP + cells.chain([self.heading.chars().count()]).max().unwrap_or(0)
    }
}

/// The verdicts of one scenario on one target: one, or as many as runs were judged.
struct Cell<'a>(Vec<&'a Verdict>);

impl Cell<'_> {
    /// The one that needs most attention.
    fn worst(&self) -> Option<&Verdict> {
        self.0.iter().copied().max_by_key(|verdict| attention(verdict))
    }

    /// `FAIL`, or `FAIL 2/10` of several.
    fn text(&self) -> String {
        let Some(worst) = self.worst().map(word) else { return String::new() };
        match (self.0.iter().filter(|verdict| word(verdict) == worst).count(), self.0.len()) {
            (_, 1) => worst.to_owned(),
            (n, all) => format!("{worst} {n}/{all}"),
        }
    }
}

fn one(rows: &[&str], longest: usize, table: &[Column<'_>], columns: usize) -> String {
    let taken: usize = table.iter().map(Column::width).sum();
    let first = longest.min(columns.saturating_sub(taken).max(ROW_NAME));
    let mut out = format!("{:first$}", "scenario");
    for column in table {
        let width = column.width() - GAP;
        out.push_str(&format!("{:GAP$}{:width$}", "", column.heading));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    for (n, row) in rows.iter().enumerate() {
        let mut line = format!("{:first$}", shortened(&shown(row), first));
        let mut padding = 0;
        for column in table {
            let cell = column.cells.get(n);
            let text = cell.map(Cell::text).unwrap_or_default();
            line.push_str(&" ".repeat(padding + GAP));
            padding = column.width() - GAP - text.len();
            line.push_str(&cell.and_then(Cell::worst).map_or(String::new(), |worst| painted(worst, &text)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn shown(name: &str) -> String {
    neutral(name, NAME)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, plain};
    use super::*;

    fn gap() -> Verdict {
        Verdict::Gap { reason: "known".into(), refs: Vec::new() }
    }

    fn lines(cases: &[Case], columns: usize) -> Vec<String> {
        let text = plain(&matrix(cases, columns));
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= columns), "{text}");
        lines
    }

    #[test]
    fn rows_and_columns_stand_under_each_other() {
        let cases = [case("idle/kill-9", "builtin", Verdict::Pass), case("idle/kill-9", "codex", gap())];
        assert_eq!(lines(&cases, 100), ["scenario     builtin  codex", "idle/kill-9  pass     gap"]);
    }

    #[test]
    fn names_that_do_not_fit_stand_above() {
        let command = format!("node {}", "x".repeat(70));
        let long = format!("suite/{}/end", "y".repeat(120));
        let cases = [case(&long, "builtin", Verdict::Pass), case(&long, &command, gap())];
        let lines = lines(&cases, 80);
        assert_eq!(lines[0], "[1]  builtin");
        assert!(lines[1].starts_with("[2]  node"), "{lines:?}");
        assert!(lines.last().is_some_and(|last| last.contains('…') && last.ends_with("/end  pass  gap")), "{lines:?}");
    }

    #[test]
    fn columns_that_do_not_fit_follow_in_further_tables() {
        let target = |n: usize| format!("codex@0.100.{n}");
        let cases: Vec<_> =
            (0..30).map(|n| case("a", &target(n), Verdict::Unsupported { reason: "-".into() })).collect();
        let lines = lines(&cases, 100);
        assert_eq!(lines.iter().filter(|line| line.starts_with("scenario")).count(), 5);
        assert_eq!(lines.iter().flat_map(|line| line.matches("unsupported")).count(), 30);
    }

    #[test]
    fn several_runs_of_a_case_share_a_cell_and_the_worst_is_counted() {
        let error = Verdict::Error { text: "t".into() };
        let cases = [case("a", "t", Verdict::Pass), case("a", "t", error), case("a", "t", Verdict::Pass)];
        assert_eq!(lines(&cases, 100), ["scenario  t", "a         ERROR 1/3"]);
    }

    #[test]
    fn a_name_that_would_command_the_terminal_does_not() {
        let text = plain(&matrix(&[case("a\u{1b}[2J", "b\u{202e}", Verdict::Pass)], 100));
        assert!(text.contains("a␛[2J") && !text.contains('\u{202e}'), "{text:?}");
    }
}
