//! Lines of a report: how wide, in which colour, and broken where a reader would break them.
//!
//! Texts carry ANSI styles always; whoever prints them takes the styles out where nobody sees colours (`anstream` does,
//! by the terminal, `NO_COLOR` and `CLICOLOR_FORCE`). Widths are therefore counted before a text is painted.

use anstyle::{AnsiColor, Style};

use super::Case;
use crate::neutral::at_line_start;
use crate::verdict::Verdict;

/// Columns of a report that is read in no terminal.
pub const COLUMNS: usize = 100;
/// Narrower or wider terminals are taken for these.
const NARROWEST: usize = 40;
const WIDEST: usize = 160;

/// Columns of the terminal that standard output is, or [`COLUMNS`].
pub fn columns() -> usize {
    let found = terminal_size::terminal_size_of(std::io::stdout());
    found.map_or(COLUMNS, |(width, _)| usize::from(width.0).clamp(NARROWEST, WIDEST))
}

/// A verdict in one word, as every table shows it.
pub fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail { .. } => "FAIL",
        Verdict::Gap { .. } => "gap",
        Verdict::Fixed { .. } => "FIXED",
        Verdict::Unsupported { .. } => "unsupported",
        Verdict::Error { .. } => "ERROR",
    }
}

/// The line that says how a case ended: `FAIL idle/kill-9 on builtin`.
pub fn headline(case: &Case) -> String {
    let (scenario, target) = (super::neutral(&case.scenario, COLUMNS), super::neutral(&case.target, COLUMNS));
    format!("{} {scenario} on {target}", painted(&case.verdict, word(&case.verdict)))
}

/// `text` in the colour of the verdict.
pub(super) fn painted(verdict: &Verdict, text: &str) -> String {
    let style = match verdict {
        Verdict::Pass => AnsiColor::Green.on_default(),
        Verdict::Gap { .. } => AnsiColor::Yellow.on_default(),
        Verdict::Fixed { .. } => AnsiColor::Cyan.on_default().bold(),
        Verdict::Unsupported { .. } => Style::new().dimmed(),
        Verdict::Fail { .. } | Verdict::Error { .. } => AnsiColor::Red.on_default().bold(),
    };
    format!("{style}{text}{style:#}")
}

/// Breaks `text` at spaces into lines of at most `columns`, the first after `head`, the others indented as far. A word
/// that is longer than a line stays whole, so that an id or a path can be copied. Every line ends in a newline, and none
/// is one that CI takes for a command.
pub fn wrapped(head: &str, text: &str, columns: usize) -> String {
    let indent = " ".repeat(head.chars().count());
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > columns {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.iter().map(|line| at_line_start(line.trim_end()) + "\n").collect()
}

/// `text` in at most `columns`, with what is left out in the middle as `…`.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= columns {
        return text.to_owned();
    }
    let kept = columns.saturating_sub(1);
    let (front, back) = (kept.div_ceil(2), kept / 2);
    let front: String = chars.iter().take(front).collect();
    let back: String = chars.iter().skip(chars.len() - back).collect();
    format!("{front}…{back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrapped("  a  ", "one two three", 12), "  a  one two\n     three\n");
        assert_eq!(wrapped("", "/a/very/long/path and", 10), "/a/very/long/path\nand\n");
        assert_eq!(wrapped("head", "", 10), "head\n");
    }

    #[test]
    fn no_line_of_a_broken_text_is_a_command_to_ci() {
        let text = wrapped("  ", "::error::x and then ::error::y ::z", 12);
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    }

    #[test]
    fn what_is_too_long_loses_its_middle() {
        assert_eq!(shortened("abcdefghij", 10), "abcdefghij");
        assert_eq!(shortened("abcdefghij", 6), "abc…ij");
        assert_eq!(shortened("äöüßäöüß", 3), "ä…ß");
    }
}
