//! The matrix: a row a scenario, a column a target, a word a verdict.

use std::fmt::Write as _;

use super::{Case, word};

/// The matrix of all cases, rows and columns in the order in which the cases first name them, and a line of totals.
pub fn matrix(cases: &[Case], elapsed_ms: u64) -> String {
    let rows = distinct(cases.iter().map(|case| case.scenario.as_str()));
    let columns = distinct(cases.iter().map(|case| case.target.as_str()));
    let first = rows.iter().map(|row| row.len()).max().unwrap_or(0).max("scenario".len());
    let width = |column: &str| column.len().max("unsupported".len());
    let mut out = format!("{:first$}", "scenario");
    for column in &columns {
        let _ = write!(out, "  {column:width$}", width = width(column));
    }
    out = out.trim_end().to_owned();
    out.push('\n');
    for row in &rows {
        let mut line = format!("{row:first$}");
        for column in &columns {
            let case = cases.iter().find(|case| case.scenario == *row && case.target == *column);
            let _ = write!(line, "  {:width$}", case.map_or("", |case| word(&case.verdict)), width = width(column));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let _ = write!(out, "\n{}", totals(cases, elapsed_ms));
    out
}

/// `41 passed, 3 gaps in 1.2 s`: every verdict that occurs, counted.
fn totals(cases: &[Case], elapsed_ms: u64) -> String {
    let words = [
        ("pass", "passed"),
        ("FAIL", "failed"),
        ("gap", "gaps"),
        ("FIXED", "fixed"),
        ("unsupported", "unsupported"),
        ("ERROR", "errors"),
    ];
    let counts = words.iter().filter_map(|(verdict, name)| {
        let n = cases.iter().filter(|case| word(&case.verdict) == *verdict).count();
        (n > 0 || *verdict == "pass").then(|| format!("{n} {name}"))
    });
    let seconds = elapsed_ms as f64 / 1000.0;
    format!("{} in {seconds:.1} s\n", counts.collect::<Vec<_>>().join(", "))
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
