//! One call of the journal with everything that is told of it.
//!
//! What a turn is, and how its past and its thread are known, stands at the head of `view.rs`, which builds them.

use super::Invariant;
use super::branches::Strand;
use super::outcome::Finding;
use crate::journal::{Answer, AnswerOutcome, Call, CallKind, Event, Incarnation, ModelRequest, Seq, Settings};
use crate::marker::Marker;

/// Something of the journal and where it stands there.
#[derive(Debug)]
pub(super) struct Seen<'r, T> {
    /// Index among the run's events; the order of things.
    pub(super) at: usize,
    pub(super) seq: Seq,
    pub(super) incarnation: Incarnation,
    pub(super) what: &'r T,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Seen<'_, T> {}

impl<'r, T> Seen<'r, T> {
    pub(super) fn new(at: usize, event: &Event, what: &'r T) -> Seen<'r, T> {
        Seen { at, seq: event.seq, incarnation: event.incarnation, what }
    }
}

/// One call with everything the journal tells of it.
#[derive(Debug)]
pub(super) struct Turn<'r> {
    pub(super) call: Seen<'r, Call>,
    pub(super) answer: Option<Seen<'r, Answer>>,
    /// In the order of their arrival at the stub.
    pub(super) requests: Vec<Seen<'r, ModelRequest>>,
    pub(super) settings: Vec<Seen<'r, Settings>>,
    /// Markers planted in its scripted responses, where the journal tells them.
    pub(super) planted: Option<&'r [Marker]>,
    /// The scenario's name of the thread it belongs to; none if its id was never any thread's.
    pub(super) thread: Option<&'r str>,
    /// The strand of that thread which it goes on.
    pub(super) strand: Strand,
    /// It began that strand.
    pub(super) branches: bool,
    pub(super) restored: bool,
    pub(super) rehydrating: bool,
}

impl<'r> Turn<'r> {
    pub(super) fn outcome(&self) -> Option<AnswerOutcome> {
        self.answer.map(|a| a.what.outcome)
    }

    /// Answered by a result that is no error.
    pub(super) fn is_reply(&self) -> bool {
        self.outcome() == Some(AnswerOutcome::Reply)
    }

    /// Answered by an error of either kind.
    pub(super) fn is_error(&self) -> bool {
        matches!(self.outcome(), Some(AnswerOutcome::ToolError | AnswerOutcome::RpcError))
    }

    /// The answer that acknowledged the turn, if one did.
    pub(super) fn acknowledged(&self) -> Option<Seen<'r, Answer>> {
        self.answer.filter(|a| a.what.outcome == AnswerOutcome::Reply)
    }

    /// A turn whose history is judged: it continues a thread, reached the model, and was not answered by an error
    /// (which other checks judge).
    pub(super) fn shows_history(&self) -> bool {
        let continues = self.call.what.kind == CallKind::Reply && self.thread.is_some();
        continues && !self.requests.is_empty() && !self.is_error()
    }

    /// Evidence: the call and its answer.
    pub(super) fn evidence(&self) -> Vec<Seq> {
        std::iter::once(self.call.seq).chain(self.answer.map(|a| a.seq)).collect()
    }

    /// A finding about this turn.
    pub(super) fn finding(
        &self,
        invariant: Invariant,
        (expected, got): (impl Into<String>, impl Into<String>),
        text: impl Into<String>,
        evidence: Vec<Seq>,
    ) -> Finding {
        Finding {
            invariant,
            call: Some(self.call.what.call),
            incarnation: self.call.incarnation,
            step: Some(self.call.what.step),
            expected: expected.into(),
            got: got.into(),
            text: text.into(),
            evidence,
        }
    }
}
