//! Whose request it is: turns by their markers, and patterns for requests that carry none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use regex_lite::Regex;

use crate::journal::CallId;
use crate::marker::{self, Marker};

use super::script::Response;

/// A pattern of a scenario is no regular expression.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a regular expression: {source}; mend `when` of the scenario's [[model]]")]
pub struct BadPattern {
    pattern: String,
    source: regex_lite::Error,
}

/// Everything that the stub expects.
#[derive(Default)]
pub(super) struct Turns {
    turns: Vec<Turn>,
    by_marker: BTreeMap<Marker, usize>,
    unprompted: Vec<Unprompted>,
}

struct Turn {
    call: CallId,
    responses: Vec<Response>,
    asked: u32,
    chunks: ChunkCount,
}

struct Unprompted {
    when: Regex,
    response: Response,
    asked: u32,
}

/// Counts the chunks of a turn over all its requests, as they are reached.
#[derive(Clone, Debug, Default)]
pub(super) struct ChunkCount(Arc<AtomicU32>);

impl ChunkCount {
    /// The number of the chunk that comes now, from 1.
    pub(super) fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The turn a request belongs to, and what it gets.
#[derive(Debug)]
pub(super) struct Assigned {
    /// `None` for a request that a pattern matched, or that nothing expects.
    pub(super) call: Option<CallId>,
    /// Number of the request within its turn, from 1; 0 outside of any.
    pub(super) of_turn: u32,
    /// The answer, if one is scripted.
    pub(super) scripted: Option<Scripted>,
}

/// A scripted answer to one request.
#[derive(Debug)]
pub(super) struct Scripted {
    /// Makes the ids of the response and its items.
    pub(super) label: String,
    pub(super) response: Response,
    /// Nothing is scripted for the turn after it.
    pub(super) last: bool,
    pub(super) chunks: ChunkCount,
}

impl Turns {
    /// Registers a turn. A marker that is registered again belongs to the newer one.
    pub(super) fn expect(&mut self, call: CallId, marker: Marker, responses: Vec<Response>) {
        self.by_marker.insert(marker, self.turns.len());
        self.turns.push(Turn { call, responses, asked: 0, chunks: ChunkCount::default() });
    }

    /// Registers an answer to requests whose last prompt matches and holds no registered marker.
    pub(super) fn unprompted(&mut self, pattern: &str, response: Response) -> Result<(), BadPattern> {
        let when = Regex::new(pattern).map_err(|source| BadPattern { pattern: pattern.to_owned(), source })?;
        self.unprompted.push(Unprompted { when, response, asked: 0 });
        Ok(())
    }

    /// Finds the turn of a request by its last prompt. Where that quotes several turns (a server that puts the history
    /// into one message does), the one registered last is meant, wherever its marker stands.
    pub(super) fn assign(&mut self, prompt: &str) -> Assigned {
        let newest = marker::find(prompt).iter().filter_map(|marker| self.by_marker.get(marker)).max();
        match newest.and_then(|at| self.turns.get_mut(*at)) {
            Some(turn) => turn.next(),
            None => self.assign_unprompted(prompt),
        }
    }

    fn assign_unprompted(&mut self, prompt: &str) -> Assigned {
        let found = self.unprompted.iter_mut().enumerate().find(|(_, pattern)| pattern.when.is_match(prompt));
        let scripted = found.map(|(place, pattern)| {
            pattern.asked += 1;
            Scripted {
                label: format!("u{}_{}", place + 1, pattern.asked),
                response: pattern.response.clone(),
                last: true,
                chunks: ChunkCount::default(),
            }
        });
        Assigned { call: None, of_turn: 0, scripted }
    }
}

impl Turn {
    fn next(&mut self) -> Assigned {
        let place = self.asked as usize;
        self.asked = self.asked.saturating_add(1);
        // What failed fails again, as long as it is asked: a client that tries once more does no wrong, and whether it
        // does must not decide how the call ends.
        let failing = self.responses.last().filter(|last| last.failure.is_some());
        let scripted = self.responses.get(place).or(failing).map(|response| Scripted {
            label: format!("{}_{}", self.call, self.asked),
            response: response.clone(),
            last: place + 1 >= self.responses.len(),
            chunks: self.chunks.clone(),
        });
        Assigned { call: Some(self.call), of_turn: self.asked, scripted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Carrier;

    fn marker(n: u64) -> Marker {
        Marker::new(Carrier::Prompt, 1, n)
    }

    fn answers(texts: &[&str]) -> Vec<Response> {
        let output = |text: &&str| vec![super::super::script::Output::Text { text: (*text).into(), chunks: 1 }];
        texts.iter().map(|text| Response { output: output(text), ..Response::default() }).collect()
    }

    #[test]
    fn the_nth_request_of_a_turn_gets_the_nth_response_and_then_none() {
        let mut turns = Turns::default();
        turns.expect(4, marker(1), answers(&["a", "b"]));
        let got: Vec<_> = (0..3).map(|_| turns.assign(&format!("hello {}", marker(1)))).collect();
        let seen: Vec<_> =
            got.iter().map(|a| (a.call, a.of_turn, a.scripted.as_ref().map(|s| (s.label.as_str(), s.last)))).collect();
        assert_eq!(seen, [(Some(4), 1, Some(("4_1", false))), (Some(4), 2, Some(("4_2", true))), (Some(4), 3, None)]);
    }

    #[test]
    fn a_failure_at_the_end_comes_again_for_a_client_that_tries_again() {
        let mut turns = Turns::default();
        let failing = Response { failure: Some(super::super::script::Failure::Reset), ..Response::default() };
        turns.expect(4, marker(1), vec![failing]);
        let got: Vec<_> = (0..2).map(|_| turns.assign(&format!("hello {}", marker(1)))).collect();
        assert!(got.iter().all(|a| a.scripted.as_ref().is_some_and(|s| s.last && s.response.failure.is_some())));
    }

    #[test]
    fn the_newest_registered_marker_counts_wherever_it_stands() {
        let mut turns = Turns::default();
        turns.expect(1, marker(1), answers(&["a"]));
        turns.expect(2, marker(2), answers(&["b"]));
        let unknown = marker(9);
        assert_eq!(turns.assign(&format!("{} {} {unknown}", marker(2), marker(1))).call, Some(2));
        assert_eq!(turns.assign(&format!("{}", marker(1))).call, Some(1));
        assert_eq!(turns.assign(&format!("{unknown}")).call, None);
    }

    #[test]
    fn a_pattern_answers_what_carries_no_marker_each_time() {
        let mut turns = Turns::default();
        turns.unprompted("^Summarise", answers(&["sum"]).remove(0)).unwrap();
        for label in ["u1_1", "u1_2"] {
            let assigned = turns.assign("Summarise the thread");
            assert_eq!((assigned.call, assigned.of_turn), (None, 0));
            assert_eq!(assigned.scripted.unwrap().label, label);
        }
        assert!(turns.assign("Say something").scripted.is_none());
        assert!(turns.unprompted("(", Response::default()).unwrap_err().to_string().contains("`(`"));
    }
}
