//! The table of a sweep.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Serialize;

use super::wrapped;
use crate::explore::{Class, Outcome, Report, Swept};
use crate::neutral;

/// Longest text of a point in the table.
const POINT_CHARS: usize = 76;

/// The table and what follows from it.
pub fn sweep_text(report: &Report) -> String {
    let mut text = String::new();
    let widest = report.classes.iter().map(|(class, ..)| class.text().chars().count()).max().unwrap_or(0).max(5);
    let _ = writeln!(text, "{:<widest$}  points", "class");
    for (class, places, example) in &report.classes {
        let _ = writeln!(text, "{:<widest$}  {:>6}", class.text(), places.len());
        let Some(first) = places.first().and_then(|at| report.swept.get(*at)).filter(|_| !class.is_fine()) else {
            continue;
        };
        let _ = writeln!(text, "  first at  {}", neutral::line(&first.point, POINT_CHARS));
        for (name, how) in &first.constructed.broken {
            if class.broken.contains(name) {
                text.push_str(&wrapped(
                    "  broken    ",
                    &format!("{name}: {}", neutral::line(how, 400)),
                    super::COLUMNS,
                ));
            }
        }
        if let Some(error) = &first.constructed.error {
            text.push_str(&wrapped("  why       ", &neutral::line(error, 400), super::COLUMNS));
        }
        if let Some(example) = example {
            let _ = writeln!(text, "  play it   rehydra run {}", example.display());
        }
    }
    if !report.quiet.broken.is_empty() {
        let names: BTreeSet<&str> = report.quiet.broken.iter().map(|(name, _)| name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let said = format!("a death while nothing happens breaks {} as well: no point's doing", names.join(", "));
        text.push('\n');
        text.push_str(&wrapped("", &said, super::COLUMNS));
    }
    for at in &report.differ {
        let Some(one) = report.swept.get(*at) else { continue };
        let class = |outcome: &Outcome| outcome.class(&report.quiet).text();
        let live = one.live.as_ref().map(class).unwrap_or_default();
        let said = format!("{}: constructed `{}`, live `{live}`", one.point, class(&one.constructed));
        text.push_str(&wrapped("DIFFERS  ", &neutral::line(&said, 400), super::COLUMNS));
    }
    let (broken, live) = (report.broken(), report.live);
    let _ = writeln!(
        text,
        "\n{} points leave {} states; {} played, {broken} of them break a promise, {live} played live as well, {} otherwise",
        report.all,
        report.distinct,
        report.swept.len(),
        report.differ.len()
    );
    text
}

/// The same for programs.
pub fn sweep_json(report: &Report, scenario: &str, target: &str) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Json<'a> {
        version: u32,
        scenario: &'a str,
        target: &'a str,
        points: usize,
        states: usize,
        quiet: &'a Outcome,
        classes: Vec<JsonClass<'a>>,
        differ: Vec<&'a str>,
        swept: &'a [Swept],
    }
    #[derive(Serialize)]
    struct JsonClass<'a> {
        text: String,
        #[serde(rename = "class")]
        of: &'a Class,
        points: Vec<&'a str>,
        example: Option<String>,
    }
    let point = |at: &usize| report.swept.get(*at).map(|one| one.point.as_str());
    let classes = report.classes.iter().map(|(class, places, example)| JsonClass {
        text: class.text(),
        of: class,
        points: places.iter().filter_map(point).collect(),
        example: example.as_ref().map(|path| path.display().to_string()),
    });
    serde_json::to_string_pretty(&Json {
        version: 1,
        scenario,
        target,
        points: report.all,
        states: report.distinct,
        quiet: &report.quiet,
        classes: classes.collect(),
        differ: report.differ.iter().filter_map(point).collect(),
        swept: &report.swept,
    })
}
