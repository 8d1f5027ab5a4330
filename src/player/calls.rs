//! Calls: plant, script, arm, send, wait.

use std::time::Duration;

use super::markers::planted;
use super::story::{Stop, Story, make_dir};
use super::survey;
use crate::journal::{Answer, AnswerOutcome, CallId, CallKind, IdChoice, Kind, Lane, Planted, Unexpected};
use crate::scenario::{Approve, Call, Expected};
use crate::target::{Ask, Differs, Pending, Target};

/// The name under which a call without a directory of its own runs.
const DEFAULT_CWD: &str = "project";

struct UnderWay<'a> {
    spec: &'a Call,
    ask: Ask,
    pending: Pending,
}

impl<T: Target> Story<'_, T> {
    /// Sends the calls in order without waiting between them, then waits for every one. A life begins if none has yet.
    pub(super) async fn call(&mut self, calls: &[(bool, &Call)]) -> Result<(), Stop> {
        if self.lives == 0 {
            self.begin_life(Differs::default()).await?;
        }
        let mut under_way = Vec::new();
        for (start, spec) in calls {
            let ask = self.ask(*start, spec)?;
            let pending = self.target.send(ask.clone()).await?;
            under_way.push(UnderWay { spec, ask, pending });
        }
        let faulted = calls.iter().any(|(_, spec)| spec.fault.is_some());
        let mut ended = false;
        for UnderWay { spec, ask, pending } in under_way {
            let answer =
                pending.0.await.map_err(|_| Stop(format!("call {} was never ended by the target", ask.call)))?;
            ended |= self.armed.disarm(ask.call);
            self.learn(&ask, &answer);
            self.expect(spec, &ask, &answer, faulted);
            survey::settings_written(&self.world, &self.home, &ask, &answer, &self.journal);
        }
        if ended {
            self.end_life(None).await?;
        }
        Ok(())
    }

    fn ask(&mut self, start: bool, spec: &Call) -> Result<Ask, Stop> {
        self.calls += 1;
        let call: CallId = self.calls;
        let (prompt, marker) = self.planter.prompt(&spec.prompt, spec.fill);
        let responses = self.planter.responses(&spec.model);
        let planted = Planted { call, markers: planted(&responses) };
        self.journal.append(Lane::Player, Kind::Planted(planted));
        self.stub.expect(call, marker.clone(), responses);
        if let Some(fault) = &spec.fault {
            self.armed.arm(call, format!("step {}", self.step), fault.clone());
        }
        let id = if start { None } else { Some(self.id_for(spec)?) };
        let limit_ms = spec.limit_ms.unwrap_or(self.limits.call_ms);
        let mut ask = Ask {
            call,
            step: self.step,
            thread: spec.thread.clone(),
            kind: if start { CallKind::Start } else { CallKind::Reply },
            id,
            prompt,
            marker,
            cwd: None,
            sandbox: None,
            approval: None,
            faulted: spec.fault.is_some(),
            approve: match spec.approve {
                Approve::Deny => Some(false),
                Approve::Accept => Some(true),
                Approve::Hold => None,
            },
            limit: Duration::from_millis(limit_ms),
        };
        if start {
            let cwd = self.inside(spec.cwd.as_deref().unwrap_or(DEFAULT_CWD))?;
            make_dir(&cwd)?;
            ask.cwd = Some(cwd.display().to_string());
            // Narrower than the home's config.toml, so that a server which forgets the thread's policy shows it.
            ask.sandbox = Some(spec.sandbox.clone().unwrap_or_else(|| "read-only".to_owned()));
            ask.approval = Some(spec.approval.clone().unwrap_or_else(|| "on-request".to_owned()));
        }
        Ok(ask)
    }

    fn id_for(&self, spec: &Call) -> Result<(String, IdChoice), Stop> {
        self.book.choose(&spec.thread, &spec.id).ok_or_else(|| {
            let end = self.book.failed_start(&spec.thread).unwrap_or("gave none");
            Stop(format!("thread `{}` has no id to go on with: the call that begins it {end}", spec.thread))
        })
    }

    /// Whatever id a reply names is what its thread is known by from now on. An id that is no thread of the story teaches
    /// nothing.
    fn learn(&mut self, ask: &Ask, answer: &Answer) {
        let Some(id) = &answer.id_returned else {
            return self.book.fail(&ask.thread, ended(answer));
        };
        let literal = ask.id.as_ref().filter(|(_, is)| *is == IdChoice::Literal);
        let known = literal.is_none_or(|(sent, _)| self.book.owner(sent).is_some());
        // A tool error may name the continuation it has made, or just repeat what it was given.
        let repeats = ask.id.as_ref().is_some_and(|(sent, _)| sent == id);
        if known && (answer.outcome == AnswerOutcome::Reply || !repeats) {
            self.book.learn(&ask.thread, id);
        }
    }

    /// Journals an expectation that was not met. Without one in the scenario a call is to be replied to, unless a fault
    /// of its step excuses it; a call without any answer is the invariants' to judge.
    fn expect(&self, spec: &Call, ask: &Ask, answer: &Answer, faulted: bool) {
        let outcome = answer.outcome;
        let is_error = matches!(outcome, AnswerOutcome::ToolError | AnswerOutcome::RpcError);
        let (met, wanted) = match spec.expect.outcome {
            Expected::Default => (faulted || !is_error, "a reply"),
            Expected::Any => (true, "an end"),
            Expected::Reply => (outcome == AnswerOutcome::Reply, "a reply"),
            Expected::Error => (is_error, "an error"),
            Expected::Interrupted => (outcome == AnswerOutcome::Closed, "an interruption"),
        };
        let pattern = spec.expect.text.as_deref();
        let matched = pattern.is_none_or(|p| regex_lite::Regex::new(p).is_ok_and(|r| r.is_match(&answer.text)));
        if met && matched {
            return;
        }
        let expected = pattern.map_or(wanted.to_owned(), |p| format!("{wanted} that matches `{p}`"));
        let got = format!("{outcome:?}: {}", answer.text);
        self.journal.append(Lane::Player, Kind::Unexpected(Unexpected { call: ask.call, expected, got }));
    }
}

/// How a call without an id ended, as the end of a sentence.
fn ended(answer: &Answer) -> String {
    match answer.outcome {
        AnswerOutcome::Reply => format!("was answered without an id: {}", answer.text),
        AnswerOutcome::ToolError | AnswerOutcome::RpcError => format!("was answered by an error: {}", answer.text),
        AnswerOutcome::Timeout => "was not answered in time".to_owned(),
        AnswerOutcome::Closed => "was ended by the end of the server".to_owned(),
        AnswerOutcome::Cancelled => "was cancelled".to_owned(),
    }
}
