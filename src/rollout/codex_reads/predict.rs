//! The table applied to a file.

use std::ops::Range;

use super::facts::Facts;
use super::release::Release;
use super::table::{Does, Row, SEEN, TABLE};

/// What a Codex will do with a file.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The release on which that was seen: the one asked for, or the newest of [`SEEN`] that reads as it does.
    pub seen_on: Release,
    /// It resumes the thread.
    pub resumes: bool,
    /// Where it does not: the condition, and a part of what it says.
    pub why: Option<(&'static Row, &'static str)>,
    /// Where it does: what it resumes the thread without.
    pub loses: Vec<Loss>,
}

/// Something that a Codex resumes a thread without.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The condition.
    pub row: &'static Row,
    /// What is missing, as the end of "it resumes without …".
    pub what: &'static str,
    /// The records it does not see, where the condition is about records.
    pub bytes: Vec<Range<u64>>,
}

/// What `release` will do with the file that `facts` were gathered from.
///
/// A release that was not tried is taken for the newest one before it that was, except that the releases from 0.148 on,
/// the first that write paginated files, are taken for 0.153.4.
pub fn predict(release: Release, facts: &Facts) -> Prediction {
    let column = column_of(release);
    let seen_on = SEEN.get(column).copied().unwrap_or(release);
    let mut loses = Vec::new();
    for row in TABLE.iter().filter(|row| (row.holds)(facts)) {
        match row.does.get(column) {
            Some(Does::Refuses(says)) => {
                return Prediction { seen_on, resumes: false, why: Some((row, says)), loses: Vec::new() };
            }
            Some(Does::Without(what)) => {
                let of_row = |hidden| row.hidden == Some(hidden);
                let unseen = facts.unseen.iter().filter(|unseen| of_row(unseen.hidden));
                loses.push(Loss { row, what, bytes: unseen.map(|unseen| unseen.bytes.clone()).collect() });
            }
            Some(Does::Resumes) | None => {}
        }
    }
    Prediction { seen_on, resumes: true, why: None, loses }
}

/// The column of the table that tells of a release.
fn column_of(release: Release) -> usize {
    let first = [Release::new(0, 0, 0), Release::new(0, 130, 0), Release::new(0, 148, 0), Release::new(0, 169, 0)];
    first.iter().rposition(|first| *first <= release).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rollout::codex_reads::gather_bytes;

    const NAME: &str = "rollout-2026-11-22T16-02-07-01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a.jsonl";
    const META: &str = r#"{"timestamp":"t","type":"session_meta","payload":{"id":"01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a","timestamp":"t","cwd":"/","originator":"o","cli_version":"0.130.0"}}"#;

    fn of(release: &str, text: &str) -> Prediction {
        predict(release.parse().unwrap(), &gather_bytes(text.as_bytes().to_vec(), Path::new(NAME)))
    }

    #[test]
    fn a_healthy_file_is_resumed_whole_by_all() {
        for release in SEEN {
            let prediction = of(&release.to_string(), META);
            assert!(prediction.resumes && prediction.loses.is_empty() && prediction.seen_on == release);
        }
    }

    #[test]
    fn what_a_release_says_is_told() {
        let says = |release, text: &str| of(release, text).why.map(|(_, says)| says);
        assert_eq!(says("0.105.0", ""), Some("empty session file"));
        assert_eq!(says("0.169.0", ""), Some("is empty"));
        assert_eq!(says("0.130.0", &format!("garbage\n{META}")), None);
        assert_eq!(says("0.153.4", &format!("garbage\n{META}")), Some("failed to parse first rollout record"));
    }

    #[test]
    fn a_record_that_is_not_seen_is_lost_and_the_rest_resumed() {
        let text = format!("{META}\n{{\"type\":\"event_msg\",\"payload\":{{\"type\":\"x\"}}}}\n");
        let prediction = of("0.169.0", &text);
        let start = META.len() as u64 + 1;
        let bytes: Vec<_> = prediction.loses.iter().flat_map(|loss| loss.bytes.clone()).collect();
        assert!(prediction.resumes);
        assert_eq!(bytes.len(), 1);
        assert_eq!(bytes.first(), Some(&(start..text.len() as u64 - 1)));
    }

    #[test]
    fn a_release_that_was_not_tried_reads_as_the_one_before_it() {
        let seen_on = |release: &str| of(release, META).seen_on.to_string();
        assert_eq!(seen_on("0.42.0"), "0.105.0");
        assert_eq!(seen_on("0.142.0"), "0.130.0");
        assert_eq!(seen_on("0.148.0"), "0.153.4");
        assert_eq!(seen_on("0.160.0"), "0.153.4");
        assert_eq!(seen_on("0.200.0"), "0.169.0");
    }
}
