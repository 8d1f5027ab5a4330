//! What a command that judges shows: what needs attention, the matrix, the rates, the reasons; and what it comes to.

use super::Exit;
use super::out::{self, Failure, print};
use crate::{report, verdict};

/// Shows what needs attention, the matrix, and why there are gaps. Where JSON goes to stdout, it is alone there.
pub(super) fn show_cases(results: &report::Results<'_>, remarks: &[String], json: Option<&str>) -> Result<(), Failure> {
    let columns = report::columns();
    let cases = results.cases;
    let mut text = String::new();
    let told = report::tallies(cases).into_iter().flat_map(|tally| tally.ways());
    for explanation in report::explanations(told, columns) {
        text.push_str(&explanation);
        text.push('\n');
    }
    for remark in remarks {
        text.push_str(&format!("{remark}\n\n"));
    }
    if let Some(json) = json {
        out::complain(&text);
        return print(json);
    }
    text.push_str(&report::matrix(cases, columns));
    for more in [report::repeats(cases, columns), report::reasons(cases, columns)] {
        if !more.is_empty() {
            text.push_str(&format!("\n{more}"));
        }
    }
    text.push_str(&format!("\n{}", report::totals(cases, results.elapsed_ms)));
    print(&text)
}

pub(super) fn exit_of(results: &report::Results<'_>) -> Exit {
    let verdicts: Vec<_> = results.cases.iter().map(|case| &case.verdict).collect();
    match verdict::exit_code(&verdicts) {
        0 if results.stale.is_empty() => Exit::Fine,
        0 | 1 => Exit::Failed,
        _ => Exit::Broken,
    }
}
