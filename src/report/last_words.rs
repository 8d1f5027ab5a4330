//! What a server said on stderr before it failed to answer: the first thing that its author wants to know.

use super::Case;
use crate::check::{Finding, Invariant};
use crate::journal::{Incarnation, Kind, Run};
use crate::neutral;
use crate::verdict::Verdict;

/// Most lines that are shown, the last ones; the journal and `stderr-N.log` beside it have all that were kept.
const LINES: usize = 6;
/// Longest line that is shown, in characters.
const CHARS: usize = 300;

/// The life that ended or hung by itself, and the last lines that it wrote to stderr, harmless. None where everything was
/// answered, where the life said nothing, and where the verdict's text quotes it already.
pub(super) fn last_words(case: &Case) -> Option<(Incarnation, Vec<String>)> {
    let run = case.run.as_ref()?;
    let unanswered = |finding: &&Finding| finding.invariant == Invariant::Responsive;
    let life = match &case.verdict {
        Verdict::Error { text } if !text.contains("on stderr:") => run.events.last()?.incarnation,
        Verdict::Fail { .. } => {
            let mut findings = case.outcomes.iter().flat_map(|(_, outcome)| outcome.findings());
            findings.find(unanswered)?.incarnation
        }
        _ => return None,
    };
    let lines = said(run, life);
    (!lines.is_empty()).then_some((life, lines))
}

fn said(run: &Run, life: Incarnation) -> Vec<String> {
    let bodies = run.events.iter().rev().filter_map(|event| match &event.kind {
        Kind::Stderr(stderr) if event.incarnation == life => Some(&stderr.bytes),
        _ => None,
    });
    // A line that is too long to be kept whole is no last word.
    let lines = bodies.filter_map(|body| run.blobs.bytes(body).ok()).filter(|line| !line.trim_ascii().is_empty());
    let mut lines: Vec<String> =
        lines.take(LINES).map(|line| neutral::line(&String::from_utf8_lossy(&line), CHARS)).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::super::testing::{case, failed};
    use super::*;
    use crate::journal::testing::header;
    use crate::journal::{BlobStore, Body, Event, Lane, Stderr};

    fn with(case: Case, words: &[(Incarnation, &str)]) -> Case {
        let event = |(seq, (incarnation, text)): (u64, &(Incarnation, &str))| {
            let kind = Kind::Stderr(Stderr { bytes: Body::Text((*text).to_owned()) });
            Event { seq, at: 0, incarnation: *incarnation, lane: Lane::Target, kind }
        };
        let events = (1..).zip(words).map(event).collect();
        let blobs = BlobStore::new(std::path::Path::new("nowhere"));
        Case { run: Some(Run { header: header("a", 1), events, blobs, cut_short: false }), ..case }
    }

    #[test]
    fn the_life_that_did_not_answer_is_quoted_and_no_other() {
        let words = [(1, "ready"), (1, "\u{1b}[31mpanic"), (1, " "), (2, "ready again")];
        let case = with(failed("a", "t", &[(Invariant::Responsive, "it ends")]), &words);
        assert_eq!(last_words(&case), Some((1, vec!["ready".to_owned(), "␛[31mpanic".to_owned()])));
        let answered = with(failed("a", "t", &[(Invariant::Durable, "lost")]), &words);
        assert_eq!(last_words(&answered), None);
    }

    #[test]
    fn only_the_end_is_quoted_and_nothing_twice() {
        let words: Vec<_> = (0..20).map(|_| (1, "again")).collect();
        let error = |text: &str| with(case("a", "t", Verdict::Error { text: text.into() }), &words);
        assert_eq!(last_words(&error("it floods")).map(|(_, lines)| lines.len()), Some(LINES));
        assert_eq!(last_words(&error("it exits\n  on stderr: again")), None);
    }
}
