//! What is wrong with a file that a person wrote, shown where it is wrong.
//!
//! A [`Diagnostics`] holds everything that one reading found, in the order of the source, so that an author mends a file
//! once and not once per mistake. Each entry names what is wrong, points at it with line and caret, and says what to do.
//!
//! The text of a file is data, and hostile until proved otherwise: it may carry terminal escapes, direction overrides or
//! the command syntax of a CI service. Nothing of it reaches the rendered text unneutralised, and no line of the
//! rendered text begins with `::` or holds `##[`, which is how such services are commanded. A source line of a megabyte
//! is shown as the part around the caret, so that the size of the rendering does not depend on the size of the file.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::neutral;

/// Most entries kept of one file; what is beyond is counted.
const KEPT: usize = 100;
/// Columns that a long line of the source is shown in.
const COLUMNS: usize = 100;
/// Longest caret.
const CARET_CHARS: usize = 80;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// Bytes of the source that the caret points at, whole characters; `None` for the file as a whole.
    pub span: Option<Range<usize>>,
    /// What stands beside the caret; may be empty.
    pub label: String,
    /// Another place that explains this one, and what stands beside it.
    pub related: Option<(Range<usize>, String)>,
    /// What to do about it.
    pub help: String,
}

/// Everything that is wrong with one file, in the order of its source. Its display is the plain rendering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct Diagnostics {
    origin: String,
    text: String,
    entries: Vec<Diagnostic>,
    dropped: usize,
}

impl Diagnostics {
    /// For the text `source`, which is called `origin` in the rendering.
    pub(super) fn new(origin: &str, source: &str) -> Diagnostics {
        Diagnostics { origin: origin.to_owned(), text: source.to_owned(), entries: Vec::new(), dropped: 0 }
    }

    /// For a file that cannot be taken at all; an empty `origin` is not shown.
    pub(super) fn refusal(origin: &str, message: String, help: &str) -> Diagnostics {
        let mut all = Diagnostics::new(origin, "");
        all.push(Diagnostic { message, span: None, label: String::new(), related: None, help: help.to_owned() });
        all
    }

    pub(super) fn push(&mut self, mut entry: Diagnostic) {
        if self.entries.len() < KEPT {
            // The TOML parser points at bytes, in the middle of a character too.
            entry.span = entry.span.map(|span| self.within(&span));
            entry.related = entry.related.map(|(span, label)| (self.within(&span), label));
            self.entries.push(entry);
        } else {
            self.dropped += 1;
        }
    }

    /// Puts the entries into the order of the source.
    pub(super) fn sort(&mut self) {
        self.entries.sort_by_key(|e| e.span.as_ref().map_or(0, |s| s.start));
    }

    /// Nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is wrong, in the order of the source.
    pub fn entries(&self) -> &[Diagnostic] {
        &self.entries
    }

    /// The text for a person: plain, or `styled` with colours of the terminal.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(COLUMNS);
        let mut text = String::new();
        for entry in &self.entries {
            let group = Group::with_title(Level::ERROR.primary_title(neutral(&entry.message)));
            let group = match &entry.span {
                Some(span) => group.element(self.snippet(span, entry)),
                None if self.origin.is_empty() => group,
                None => group.element(Origin::path(neutral(&self.origin))),
            };
            let group = match entry.help.as_str() {
                "" => group,
                help => group.element(Level::HELP.message(neutral(help))),
            };
            text.push_str(&renderer.render(&[group]));
            text.push_str("\n\n");
        }
        if self.dropped > 0 {
            text.push_str(&format!("… and {} more\n", self.dropped));
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The lines of the source that hold the place, and the place that explains it.
    fn snippet(&self, span: &Range<usize>, entry: &Diagnostic) -> Snippet<'static, Annotation<'static>> {
        let mut marks = vec![(self.caret(span), AnnotationKind::Primary, entry.label.as_str())];
        if let Some((related, label)) = &entry.related {
            marks.push((self.caret(related), AnnotationKind::Context, label.as_str()));
        }
        let from = marks.iter().map(|(caret, ..)| self.line_start(caret.start)).min().unwrap_or(0);
        let to = marks.iter().map(|(caret, ..)| self.line_end(caret.end)).max().unwrap_or(0);
        let line = self.slice(0..from).matches('\n').count() + 1;
        let shown = |range: Range<usize>| -> String {
            self.slice(range)
                .split('\n')
                .map(|line| neutral::inside(line.trim_end_matches('\r')))
                .collect::<Vec<_>>()
                .join("\n")
        };
        let mut snippet = Snippet::source(shown(from..to)).line_start(line).path(neutral(&self.origin));
        for (caret, kind, label) in marks {
            // Neutral text is not as long as what it stands for, so places are counted again in it.
            let start = shown(from..caret.start).len();
            let annotation = kind.span(start..start + shown(caret).len());
            snippet = snippet.annotation(match label {
                "" => annotation,
                label => annotation.label(neutral(label)),
            });
        }
        snippet
    }

    /// A caret stays on the line on which it begins, and is not longer than what a line can show.
    fn caret(&self, span: &Range<usize>) -> Range<usize> {
        let span = self.within(span);
        let end = span.end.min(self.line_end(span.start));
        let length = self.slice(span.start..end).char_indices().nth(CARET_CHARS).map(|(at, _)| at);
        span.start..length.map_or(end, |length| span.start + length)
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        self.slice(at..self.text.len()).find(['\n', '\r']).map_or(self.text.len(), |length| at + length)
    }

    /// The span inside the source, with the whole of each character that it touches.
    fn within(&self, span: &Range<usize>) -> Range<usize> {
        let is_boundary = |at: &usize| self.text.is_char_boundary(*at);
        let len = self.text.len();
        let start = (0..=span.start.min(len)).rev().find(is_boundary).unwrap_or(0);
        let end = (span.end.min(len)..=len).find(is_boundary).unwrap_or(len);
        start..end.max(start)
    }
}

/// Text of the file for use in a message: neutralised, cut, in back-ticks.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", neutral(&cut(text, 60)).replace('`', "'"))
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// One line of plain text that shows the same and commands nobody.
fn neutral(text: &str) -> String {
    neutral::line(text, usize::MAX)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&neutral(&self.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str, span: Range<usize>) -> Diagnostics {
        let mut all = Diagnostics::new("a.toml", source);
        all.push(Diagnostic {
            message: "it is wrong".to_owned(),
            span: Some(span),
            label: "this".to_owned(),
            related: None,
            help: "mend it".to_owned(),
        });
        all
    }

    #[test]
    fn points_at_the_span_with_line_and_column() {
        let text = one("a = 1\nb = two\n", 10..13).render(false);
        assert!(text.contains("--> a.toml:2:5"), "{text}");
        assert!(text.contains("2 | b = two"), "{text}");
        assert!(text.contains("^^^ this"), "{text}");
        assert!(text.contains("help: mend it"), "{text}");
    }

    #[test]
    fn hostile_text_reaches_nobody() {
        let source = "::error::owned\u{1b}[31m \u{202e}evil\u{9b}31m ##[error]x";
        let mut all = one(source, 0..5);
        all.origin = "::error file=x::\u{1b}]0;title\u{7}".to_owned();
        all.push(Diagnostic {
            message: format!("::warning::{}\n::error::two", quoted(source)),
            span: Some(7..12),
            label: "::debug::".to_owned(),
            related: Some((0..5, "\n::notice::x".to_owned())),
            help: "\u{1b}c\n::error::".to_owned(),
        });
        let text = all.render(false);
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
        assert!(!text.contains("##["), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
    }

    #[test]
    fn a_long_line_is_shown_as_a_window_around_the_caret() {
        let source = format!("{}BAD{}", "a".repeat(1 << 20), "z".repeat(1 << 20));
        let text = one(&source, (1 << 20)..(1 << 20) + 3).render(false);
        assert!(text.len() < 2_000, "{}", text.len());
        assert!(text.contains("a.toml:1:1048577") && text.contains("aaaBADzzz"), "{text}");
    }

    #[test]
    fn a_span_outside_the_text_or_inside_a_character_is_no_panic() {
        for (from, to) in [(0, 0), (1, 2), (5, 3), (900, 1000), (0, 1000), (3, 3)] {
            assert!(one("äß\r\n", from..to).render(true).contains("it is wrong"));
        }
    }

    #[test]
    fn a_span_is_a_part_of_the_source_whatever_it_is_told_as() {
        let source = "äß\r\n";
        for (from, to, shown) in [(1, 2, "ä"), (1, 3, "äß"), (2, 2, ""), (5, 3, ""), (3, 900, "ß\r\n"), (900, 1000, "")]
        {
            let span = one(source, from..to).entries()[0].span.clone().unwrap();
            assert_eq!(source.get(span), Some(shown), "{from}..{to}");
        }
    }

    #[test]
    fn what_is_beyond_the_limit_is_counted() {
        let mut all = Diagnostics::new("a.toml", "");
        for _ in 0..KEPT + 7 {
            all.push(Diagnostic {
                message: "again".to_owned(),
                span: None,
                label: String::new(),
                related: None,
                help: String::new(),
            });
        }
        assert_eq!(all.entries().len(), KEPT);
        assert!(all.render(false).ends_with("… and 7 more"));
    }
}
