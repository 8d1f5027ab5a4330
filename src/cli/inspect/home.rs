//! A home: a line for each file that is not healthy while they are read, and a summary.

use std::fmt;
use std::io::IsTerminal;
use std::path::Path;

use anstyle::Style;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::cli::out::{Failure, print};
use crate::neutral;
use crate::report::{self, wrapped};
use crate::rollout::inspect::{self, FileLine, HomeReport, Step, Verdict};
use crate::world::Disk;

/// Longest text of a stranger on a line.
const TEXT_CHARS: usize = 1_000;

/// Reads the home; where `shows`, each file that is not healthy is printed as soon as it is its turn.
pub(super) fn survey(disk: &dyn Disk, home: &Path, shows: bool) -> Result<HomeReport, Failure> {
    let bar = bar();
    let columns = report::columns();
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().min(8));
    let mut failed = None;
    let report = inspect::survey(disk, home, threads, &mut |Step { done, of, file }| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
        if let Some(file) = file.filter(|_| shows) {
            let text = line(file, home, columns);
            // Both share one screen where standard output is a terminal.
            let printed = match std::io::stdout().is_terminal() {
                true => bar.suspend(|| print(&text)),
                false => print(&text),
            };
            failed = printed.err();
        }
        failed.is_none()
    });
    bar.finish_and_clear();
    match failed {
        Some(failure) => Err(failure),
        None => Ok(report),
    }
}

/// Hidden by indicatif where standard error is no terminal. Until the names are known, it says that they are looked for.
fn bar() -> ProgressBar {
    let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style("looking for rollouts"));
    bar.tick();
    let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
        // A text in memory takes everything.
        let _ = write!(text, "{} files/s", grouped(state.per_sec() as u64));
    };
    bar.set_style(style("{bar:24} {human_pos} of {human_len}  {rate}  {eta} left").with_key("rate", rate));
    bar
}

/// A file that is not healthy: its path on a line of its own, which Codex's names fill, then its verdict and what is
/// wrong, class by class.
fn line(file: &FileLine, home: &Path, columns: usize) -> String {
    let path = Path::new(&file.path);
    let path = path.strip_prefix(home).unwrap_or(path).display().to_string();
    let mut wrong: Vec<String> = file.unreadable.iter().map(|why| neutral::inside(why)).collect();
    for class in &file.damage {
        let times = if class.count == 1 { String::new() } else { format!("{} times, first at ", class.count) };
        let place = class.line.map_or(String::new(), |line| format!("line {line}, "));
        let what = neutral::inside(&class.text);
        wrong.push(format!("{}: {times}{place}byte {}: {what}", class.follows.name(), class.byte));
    }
    if wrong.is_empty() {
        wrong.push(String::new());
    }
    let (style, verdict) = (super::file::style_of(file.verdict), file.verdict.name());
    let first = format!("  {verdict:<10}  ");
    let (mut text, mut head) = (neutral::line(&path, TEXT_CHARS) + "\n", first.clone());
    for says in &wrong {
        text.push_str(&wrapped(&head, says, columns).replacen(
            &first,
            &format!("  {style}{verdict:<10}{style:#}  "),
            1,
        ));
        head = " ".repeat(first.len());
    }
    text
}

/// The summary.
pub(super) fn page(report: &HomeReport, columns: usize) -> String {
    let bold = Style::new().bold();
    let mut text = if report.damaged.is_empty() { String::new() } else { "\n".to_owned() };
    let mut row = |name: &str, value: &str| {
        let head = format!("{name:<10}  ");
        let lines = wrapped(&head, value, columns);
        text.push_str(&match lines.strip_prefix(name) {
            Some(rest) => format!("{bold}{name}{bold:#}{rest}"),
            None => lines,
        });
    };
    row("home", &neutral::line(&report.home, TEXT_CHARS));
    let kinds = [(report.segments, "segments"), (report.archived, "archived"), (report.compressed, "compressed")];
    let kinds: String =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {} {what}", grouped(*n))).collect();
    row("files", &format!("{} of {} threads{kinds}", grouped(report.files), grouped(report.threads)));
    row("size", &format!("{} in {} records", super::file::size(report.bytes), grouped(report.records)));
    row("eras", &counts(&report.eras));
    row("versions", &counts(&report.versions));
    row("health", &counts(&report.verdicts));
    for (n, class) in report.classes.iter().enumerate() {
        let name = if n == 0 { "damage" } else { "" };
        let files = if class.files == 1 { "1 file".to_owned() } else { format!("{} files", grouped(class.files)) };
        let says =
            format!("{} in {files}, {}: {}", grouped(class.count), class.follows.name(), neutral::inside(&class.text));
        row(name, &says);
    }
    if report.verdict() != Verdict::Healthy {
        row("next", "`rehydra inspect FILE` tells of one of them byte by byte");
    }
    text
}

fn counts(counts: &std::collections::BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let shown = counts.iter().map(|(name, n)| format!("{} {}", neutral::line(name, 40), grouped(**n)));
    shown.collect::<Vec<_>>().join(" · ")
}

/// A number with a comma after each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
