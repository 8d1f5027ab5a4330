//! Calls: plant, script, arm, send, wait.

use std::collections::BTreeSet;
use std::time::Duration;

use super::book::Unnamed;
use super::story::{Stop, Story, make_dir};
use super::survey;
use crate::journal::{Answer, AnswerOutcome, CallId, CallKind, IdChoice, Kind, Lane, Unexpected};
use crate::scenario::{Approve, Call, Expected, MAIN_CLIENT};
use crate::target::{Ask, Pending, Target};

/// The name under which a call without a directory of its own runs.
const DEFAULT_CWD: &str = "project";

struct UnderWay<'a> {
    spec: &'a Call,
    ask: Ask,
    pending: Pending,
}

impl<T: Target> Story<T> {
    /// Sends the calls in order without waiting between them, then waits for every one. A life begins if none has yet.
    pub(super) async fn call(&mut self, calls: &[(bool, &Call)]) -> Result<(), Stop> {
        for (_, spec) in calls {
            self.is_calling(&spec.client).await?;
        }
        let mut under_way = Vec::new();
        for (start, spec) in calls {
            let Some(ask) = self.ask(*start, spec)? else { continue };
            let pending = self.server(&spec.client).send(ask.clone()).await?;
            under_way.push(UnderWay { spec, ask, pending });
        }
        let faulted = calls.iter().any(|(_, spec)| spec.fault.is_some());
        let mut ended = BTreeSet::new();
        for UnderWay { spec, ask, pending } in under_way {
            let answer =
                pending.0.await.map_err(|_| Stop(format!("call {} was never ended by the target", ask.call)))?;
            if self.armed.disarm(ask.call) {
                ended.insert(&spec.client);
            }
            self.learn(&spec.client, &ask, &answer);
            let met = self.expect(spec, &ask, &answer, faulted);
            if ask.kind == CallKind::Start && answer.id_returned.is_none() && !faulted {
                self.book.unnamed(
                    &ask.thread,
                    Unnamed { call: ask.call, got: told(&answer), said: !met || unanswered(&answer) },
                );
            }
            survey::settings_written(&self.world, &self.home, &ask, &answer, &self.journal);
        }
        for client in ended {
            self.end_life(client, None).await?;
        }
        Ok(())
    }

    /// `None` for a reply to a thread that the server failed to name.
    fn ask(&mut self, start: bool, spec: &Call) -> Result<Option<Ask>, Stop> {
        let id = if start { None } else { self.id_for(spec)? };
        if !start && id.is_none() {
            return Ok(None);
        }
        self.calls += 1;
        let call: CallId = self.calls;
        let (prompt, marker) = self.planter.prompt(&spec.prompt, spec.fill);
        let responses = self.planter.responses(&spec.model);
        let planted = self.planting(call, &responses)?;
        self.journal.append(Lane::Player, Kind::Planted(planted));
        self.stub.expect(call, marker.clone(), responses);
        if let Some(fault) = &spec.fault {
            self.armed.arm(call, format!("step {}", self.step), fault.clone());
        }
        let limit_ms = spec.limit_ms.unwrap_or(self.limits.call_ms);
        let mut ask = Ask {
            call,
            step: self.step,
            client: Some(&spec.client).filter(|name| *name != MAIN_CLIENT).cloned(),
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
        Ok(Some(ask))
    }

    /// The id that a reply is sent with. Where the server failed to name the thread, which is said once, there is none
    /// and the reply is left out. That the scenario itself cut the beginning off is a mistake of the scenario.
    fn id_for(&mut self, spec: &Call) -> Result<Option<(String, IdChoice)>, Stop> {
        let thread = &spec.thread;
        if let Some(id) = self.book.choose(&spec.client, thread, &spec.id) {
            return Ok(Some(id));
        }
        let Some(unnamed) = self.book.why_unnamed(thread) else {
            let text = format!("thread `{thread}` has no id yet: the call that begins it was not answered with one");
            return Err(Stop(text));
        };
        if !std::mem::replace(&mut unnamed.said, true) {
            let expected = format!("a reply that names thread `{thread}`, to be continued later");
            let event = Unexpected { call: unnamed.call, expected, got: std::mem::take(&mut unnamed.got) };
            self.journal.append(Lane::Player, Kind::Unexpected(event));
        }
        Ok(None)
    }

    /// Whatever id a reply names is what its thread is known by from now on. An id that is no thread of the story teaches
    /// nothing.
    fn learn(&mut self, client: &str, ask: &Ask, answer: &Answer) {
        let Some(id) = &answer.id_returned else { return };
        let literal = ask.id.as_ref().filter(|(_, is)| *is == IdChoice::Literal);
        let known = literal.is_none_or(|(sent, _)| self.book.owner(sent).is_some());
        // A tool error may name the continuation it has made, or just repeat what it was given.
        let repeats = ask.id.as_ref().is_some_and(|(sent, _)| sent == id);
        if known && (answer.outcome == AnswerOutcome::Reply || !repeats) {
            self.book.told(client, &ask.thread, id);
        }
    }

    /// Journals an expectation that was not met. Without one in the scenario a call is to be replied to, unless a fault
    /// of its step excuses it; a call without any answer is the invariants' to judge. Whether it was met.
    fn expect(&self, spec: &Call, ask: &Ask, answer: &Answer, faulted: bool) -> bool {
        let outcome = answer.outcome;
        let is_error = matches!(outcome, AnswerOutcome::ToolError | AnswerOutcome::RpcError);
        let (met, wanted) = match spec.expect.outcome {
            Expected::Default => (faulted || !is_error, "a reply"),
            Expected::Any => (true, "an end"),
            Expected::Reply => (outcome == AnswerOutcome::Reply, "a reply"),
            Expected::Error => (is_error, "an error"),
            Expected::Interrupted => {
                (matches!(outcome, AnswerOutcome::Closed | AnswerOutcome::Cancelled), "an interruption")
            }
        };
        let pattern = spec.expect.text.as_deref();
        let matched = pattern.is_none_or(|p| regex_lite::Regex::new(p).is_ok_and(|r| r.is_match(&answer.text)));
        if met && matched {
            return true;
        }
        let expected = pattern.map_or(wanted.to_owned(), |p| format!("{wanted} that matches `{p}`"));
        let event = Unexpected { call: ask.call, expected, got: told(answer) };
        self.journal.append(Lane::Player, Kind::Unexpected(event));
        false
    }
}

/// Whether a finding of `responsive` tells how the call ended.
fn unanswered(answer: &Answer) -> bool {
    matches!(answer.outcome, AnswerOutcome::Closed | AnswerOutcome::Timeout)
}

fn told(answer: &Answer) -> String {
    format!("{:?}: {}", answer.outcome, answer.text)
}
