//! A thread on paper: what it is, what is wrong with it, what was said, what Codex would do with it, what to do.

use anstyle::{AnsiColor, Style};

use super::home::grouped;
use crate::neutral;
use crate::report::wrapped;
use crate::rollout::inspect::{Became, CodexDoes, DamageTold, FileReport, Said, Told, Verdict, Who};

/// Longest text of a stranger on a line.
const TEXT_CHARS: usize = 1_000;
/// Columns of the name before a value.
const NAME: usize = 12;

/// The whole page; `full` shows texts whole, line by line as they were written.
pub(super) fn page(report: &FileReport, full: bool, columns: usize) -> String {
    let mut text = String::new();
    let style = style_of(report.verdict);
    text.push_str(&format!("{style}{}{style:#}  {}\n", report.verdict.name(), neutral::line(&report.path, TEXT_CHARS)));
    if let Some(why) = &report.unreadable {
        text.push_str(&wrapped("  ", &neutral::inside(why), columns));
    }
    for value in &report.meta {
        text.push_str(&meta(value, columns));
    }
    if report.files.len() > 1 {
        text.push_str(&heading("files"));
        for (n, part) in report.files.iter().enumerate() {
            let inherited =
                part.inherited.map_or(String::new(), |bytes| format!(", of which {} are inherited", grouped(bytes)));
            let says = format!("{}  {} bytes{inherited}", neutral::line(&part.path, TEXT_CHARS), grouped(part.bytes));
            text.push_str(&wrapped(&format!("{n:>5}  "), &says, columns));
        }
    }
    if !report.damage.is_empty() {
        text.push_str(&heading("damage"));
        report.damage.iter().for_each(|damage| text.push_str(&damage_line(damage, columns)));
    }
    if !report.transcript.is_empty() {
        text.push_str(&heading("transcript"));
        report.transcript.iter().for_each(|said| text.push_str(&entry(said, full, columns)));
        if report.further > 0 {
            text.push_str(&format!("{:>5}  and {} more entries\n", "…", grouped(report.further)));
        }
    }
    if !report.codex.is_empty() {
        text.push_str(&heading("codex"));
        text.push_str(&codex(&report.codex, columns));
    }
    let remedies = remedies(report);
    if !remedies.is_empty() {
        text.push_str(&heading("remedy"));
        remedies.iter().for_each(|remedy| text.push_str(&wrapped("  ", remedy, columns)));
    }
    text
}

fn heading(name: &str) -> String {
    let bold = Style::new().bold();
    format!("\n{bold}{name}{bold:#}\n")
}

/// Name, value, and in brackets what says so and what else was told.
fn meta(told: &Told, columns: usize) -> String {
    let place = |from: &str, file: Option<u32>, line: Option<u64>| {
        let file = file.filter(|file| *file > 0).map_or(String::new(), |file| format!(", file {file}"));
        format!("{from}{file}{}", line.map_or(String::new(), |line| format!(", line {line}")))
    };
    let mut says = format!("{}  ({})", neutral::line(&told.value, TEXT_CHARS), place(&told.from, told.file, told.line));
    for other in &told.overrode {
        let value = neutral::line(&other.value, TEXT_CHARS);
        says.push_str(&format!("; not {value} ({})", place(&other.from, other.file, other.line)));
    }
    wrapped(&format!("  {:<NAME$}", told.name), &says, columns)
}

fn damage_line(damage: &DamageTold, columns: usize) -> String {
    let style = match damage.follows {
        crate::rollout::inspect::Follows::Lost => style_of(Verdict::Lossy),
        _ => style_of(Verdict::Damaged),
    };
    let word = damage.follows.name();
    let file = if damage.file == 0 { String::new() } else { format!("file {}, ", damage.file) };
    let line = damage.line.map_or(String::new(), |line| format!("line {}, ", grouped(line)));
    let says = format!("{file}{line}bytes {}..{}: {}", damage.from_byte, damage.to_byte, neutral::inside(&damage.text));
    let lines = wrapped(&format!("  {word:<11}  "), &says, columns);
    lines.replacen(word, &format!("{style}{word}{style:#}"), 1)
}

/// Lines that a cut text of a person may have.
const LINES: usize = 8;

/// Line, time, who, what. Words of people are broken over lines; of everything else one line is shown.
fn entry(said: &Said, full: bool, columns: usize) -> String {
    // Of a base `1:7`: line 7 of file 1.
    let file = if said.file == 0 { String::new() } else { format!("{}:", said.file) };
    let line = said.line.map_or(String::new(), |line| format!("{file}{line}"));
    let head = format!("{line:>5}  {:<8}  {:<10}  ", clock(said.at.as_deref()), said.who.name());
    let fate = match (said.fate, said.by_line) {
        (Became::Live, _) => String::new(),
        (fate, Some(line)) => format!(" [{} by line {line}]", fate.name()),
        (fate, None) => format!(" [{}]", fate.name()),
    };
    let length = format!(" ({} characters)", grouped(said.chars));
    let is_cut = (said.text.chars().count() as u64) < said.chars;
    let tail = if is_cut { format!(" …{length}{fate}") } else { fate.clone() };
    let is_prose = matches!(said.who, Who::User | Who::Assistant | Who::Reasoning | Who::Compaction);
    let style = match (said.fate, said.who) {
        (Became::Live, Who::User) => Style::new().bold(),
        (Became::Live, Who::Assistant) => Style::new(),
        _ => Style::new().dimmed(),
    };
    let mut text = String::new();
    if full {
        for (n, line) in (neutral::block(&said.text) + &tail).lines().enumerate() {
            let head = if n == 0 { head.clone() } else { " ".repeat(head.len()) };
            text.push_str(&format!("{style}{head}{line}{style:#}\n"));
        }
        return text;
    }
    let flat = said.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = neutral::inside(&flat);
    let room = columns.saturating_sub(head.chars().count());
    let lines = match (is_prose, shown.chars().count() + tail.chars().count() <= room) {
        (true, _) | (_, true) => wrapped(&head, &(shown + &tail), columns),
        _ => {
            let tail = format!("{length}{fate}");
            let room = room.saturating_sub(tail.chars().count() + 1).max(20);
            format!("{head}{}{tail}\n", neutral::line(&shown, room))
        }
    };
    for line in lines.lines().take(LINES) {
        text.push_str(&format!("{style}{line}{style:#}\n"));
    }
    text
}

/// The time of day of a timestamp, as far as it is one.
fn clock(at: Option<&str>) -> String {
    let time = at.and_then(|at| at.split_once('T')).map_or("", |(_, time)| time);
    neutral::line(time.get(..8).unwrap_or_default(), 8)
}

/// What each release does; those that do the same share a line.
fn codex(all: &[CodexDoes], columns: usize) -> String {
    let mut lines: Vec<(Vec<String>, String)> = Vec::new();
    for does in all {
        let seen = if does.seen_on == does.release { String::new() } else { format!(" (as {} does)", does.seen_on) };
        let release = format!("{}{seen}", does.release);
        let says = codex_says(does);
        match lines.last_mut().filter(|(_, known)| *known == says) {
            Some((releases, _)) => releases.push(release),
            None => lines.push((vec![release], says)),
        }
    }
    let shown =
        |(releases, says): &(Vec<String>, String)| wrapped("  ", &format!("{}: {says}", releases.join(", ")), columns);
    lines.iter().map(shown).collect()
}

fn codex_says(does: &CodexDoes) -> String {
    if !does.resumes {
        let because = does.because.as_deref().unwrap_or("is as it is");
        let says = does.says.as_deref().map_or(String::new(), |says| format!("; it says \"{says}\""));
        return format!("refuses it, because the file {because}{says}");
    }
    if does.without.is_empty() {
        return "resumes it".to_owned();
    }
    let without = does.without.iter().map(|without| {
        let bytes: Vec<String> = without.from_bytes.iter().take(3).map(u64::to_string).collect();
        let more = if without.from_bytes.len() > 3 { " …" } else { "" };
        let at = if bytes.is_empty() { String::new() } else { format!(" (byte {}{more})", bytes.join(", ")) };
        format!("{}{at}, because the file {}", without.what, without.because)
    });
    format!("resumes it without {}", without.collect::<Vec<_>>().join("; and without "))
}

/// What helps.
fn remedies(report: &FileReport) -> Vec<String> {
    let path = neutral::line(&report.path, TEXT_CHARS);
    let mut remedies = Vec::new();
    let refused = report.codex.iter().any(|does| !does.resumes || !does.without.is_empty());
    if report.damage.iter().any(|damage| damage.class == "missing-base") {
        remedies
            .push("put the file that it continues back into the home: its name ends with the id that is told".into());
    }
    if report.codex.iter().any(|does| does.says.as_deref().is_some_and(|says| says.contains("codex unarchive"))) {
        remedies.push("`codex unarchive` puts the thread back where every Codex finds it".into());
    }
    if report.unreadable.is_none() && (report.verdict == Verdict::Lossy || refused) {
        remedies.push(format!(
            "`rehydra repair {path} --out DST` writes what can be read as a file that every Codex from 0.42 on resumes"
        ));
    }
    remedies
}

/// The colour of a verdict.
pub(super) fn style_of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Healthy => AnsiColor::Green.on_default(),
        Verdict::Damaged => AnsiColor::Yellow.on_default(),
        _ => AnsiColor::Red.on_default().bold(),
    }
}

/// Bytes in the unit that fits.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", grouped(bytes / unit), bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}
