//! A call that is about to be made, word by word, and the reply to it.

use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use super::{Error, Harness};
use crate::fault::plan::{Action, Fault, Signal, Trigger, Whom};
use crate::journal::{Answer, AnswerOutcome};
use crate::marker;
use crate::model::script::{Failure, Output, Response};
use crate::scenario::{Approve, Call, Expect, Expected, Id, MAIN_CLIENT};

/// A call of the story: what is asked, what the stub model answers, what goes wrong meanwhile.
///
/// [`Harness::codex`] and [`Harness::reply`] make one that is sent by awaiting it; [`Ask::codex`] and [`Ask::reply`] make
/// one for [`Harness::together`]. The words are those of a scenario file.
#[derive(Debug)]
#[must_use = "a call is made when it is awaited"]
pub struct Ask<H = ()> {
    pub(super) harness: H,
    pub(super) start: bool,
    pub(super) call: Call,
    pub(super) line: u32,
}

impl Ask {
    /// Begins a thread.
    #[track_caller]
    pub fn codex(prompt: impl Into<String>) -> Ask {
        Ask::new((), true, prompt.into())
    }

    /// Continues one.
    #[track_caller]
    pub fn reply(prompt: impl Into<String>) -> Ask {
        Ask::new((), false, prompt.into())
    }
}

impl<H> Ask<H> {
    #[track_caller]
    pub(super) fn new(harness: H, start: bool, prompt: String) -> Ask<H> {
        let call = Call {
            client: MAIN_CLIENT.to_owned(),
            thread: "main".to_owned(),
            id: Id::Current,
            prompt,
            cwd: None,
            sandbox: None,
            approval: None,
            model: Vec::new(),
            fault: None,
            expect: Expect::default(),
            limit_ms: None,
            fill: 0,
            approve: Approve::default(),
        };
        Ask { harness, start, call, line: Location::caller().line() }
    }

    /// The story's name for the thread, if it is not `main`.
    pub fn thread(mut self, name: impl Into<String>) -> Self {
        self.call.thread = name.into();
        self
    }

    /// The story's name for the client that calls, if there are several.
    pub fn client(mut self, name: impl Into<String>) -> Self {
        self.call.client = name.into();
        self
    }

    /// Which of the thread's ids a reply is sent with, if it is not the newest.
    pub fn id(mut self, id: Id) -> Self {
        self.call.id = id;
        self
    }

    /// Directory of a new thread, below the run's and made if missing, if it is not `project`.
    pub fn cwd(mut self, below: impl Into<String>) -> Self {
        self.call.cwd = Some(below.into());
        self
    }

    /// Sandbox of a new thread, if it is not `read-only`.
    pub fn sandbox(mut self, mode: impl Into<String>) -> Self {
        self.call.sandbox = Some(mode.into());
        self
    }

    /// Approval policy of a new thread, if it is not `on-request`.
    pub fn approval(mut self, policy: impl Into<String>) -> Self {
        self.call.approval = Some(policy.into());
        self
    }

    /// What the model says to the turn's next request, in one piece.
    pub fn answers(self, text: impl Into<String>) -> Self {
        self.answers_in(1, text)
    }

    /// The same in `chunks` pieces, so that something can go wrong between two of them.
    pub fn answers_in(self, chunks: u32, text: impl Into<String>) -> Self {
        let output = vec![Output::Text { text: text.into(), chunks }];
        self.responds(Response { output, ..Response::default() })
    }

    /// How the turn's next request to the model goes wrong.
    pub fn model_fails(self, failure: Failure) -> Self {
        self.responds(Response { failure: Some(failure), ..Response::default() })
    }

    /// Anything that a model can answer to the turn's next request: tool calls, reasoning, a failure after some chunks.
    pub fn responds(mut self, response: Response) -> Self {
        self.call.model.push(response);
        self
    }

    /// Kills the server, and it alone, with `SIGKILL` at that point of the call.
    pub fn killed_at(self, at: Trigger) -> Self {
        self.fault(at, Action::Kill { signal: Signal::Kill, whom: Whom::Server })
    }

    /// What goes wrong at that point of the call.
    pub fn fault(mut self, at: Trigger, what: Action) -> Self {
        self.call.fault = Some(Fault::new(at, what));
        self
    }

    /// How the call must end. Without it: with a reply, unless it has a fault of its own.
    pub fn expects(mut self, outcome: Expected) -> Self {
        self.call.expect.outcome = outcome;
        self
    }

    /// A regular expression that must find something in the answer's text.
    pub fn expects_text(mut self, pattern: impl Into<String>) -> Self {
        self.call.expect.text = Some(pattern.into());
        self
    }

    /// How long the answer may take, instead of the run's limit.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.call.limit_ms = Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

impl<'h> IntoFuture for Ask<&'h mut Harness> {
    type Output = Result<Reply, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'h>>;

    fn into_future(self) -> Self::IntoFuture {
        let Ask { harness, start, call, line } = self;
        Box::pin(harness.call(start, call, line))
    }
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Reply {
    answer: Answer,
}

impl Reply {
    pub(super) fn new(answer: Answer) -> Reply {
        Reply { answer }
    }

    /// Answered and no error.
    pub fn is_reply(&self) -> bool {
        self.answer.outcome == AnswerOutcome::Reply
    }

    /// The id by which the answer names the thread.
    pub fn thread_id(&self) -> Option<&str> {
        self.answer.id_returned.as_deref()
    }

    /// The text of the answer or the error, without the markers that the harness plants.
    pub fn text(&self) -> String {
        let text = self.answer.text.clone();
        marker::find(&text).iter().fold(text, |text, marker| text.replace(&format!(" {marker}"), ""))
    }

    /// All of it, as the journal has it.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }
}
