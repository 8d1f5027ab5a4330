//! The trial: a real conversation with a server that nobody has described, until every part of a profile is known.
//!
//! Guesses come from names and schemas ([`candidates`]); what is right is seen at the stub alone. A tool begins a
//! conversation if a prompt given to it reaches the model. A value of its answer is the conversation's id if, given back
//! as an argument, it makes the model receive the first prompt again. Then the server is asked for ids that it cannot
//! know, killed, started once more, and asked for the one that it should.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::after::{self, Thread};
use super::found::{Found, Noted, Restart, Survey, Unknown};
use super::reach::{Attempt, attempts, everything};
use super::schema::Tool;
use super::stage::{Came, Stage};
use super::trouble::{self, Trouble};
use super::{candidates, files, ids, schema};
use crate::journal::{self, IdIn, Identity, Level, Tools};
use crate::limits::{Limits, SURVEY_MS, SURVEY_REPLIES};
use crate::scenario::Profile;
use crate::target::live::Asked;
use crate::target::resolve::TargetName;

/// What is looked at, and how.
pub struct Plan<'a> {
    /// What is known of the server: its name, its command and what of its environment must be as it is. All else is a
    /// default, and found out.
    pub profile: Profile,
    /// Within which limits.
    pub limits: Limits,
    /// An empty directory for the trials; nothing in it is wanted afterwards.
    pub dir: &'a Path,
    /// The `rehydra` binary to launch with; `None` finds one, see [`crate::proc::launcher_path`].
    pub launcher: Option<&'a Path>,
    /// Is told what is being tried, in a few words.
    pub tell: &'a (dyn Fn(&str) + Send + Sync),
}

/// Looks at a server and describes it. Takes at most [`SURVEY_MS`]; a trial that is given up ends with its server.
///
/// # Errors
///
/// Why the server cannot be described: it cannot be used, it holds no conversations, or its requests to the model do
/// not come to the stub.
pub async fn survey(plan: Plan<'_>) -> Result<Survey, Trouble> {
    match tokio::time::timeout(Duration::from_millis(SURVEY_MS), Trial { plan }.run()).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let text = format!("the trial conversation took longer than {} s", SURVEY_MS / 1000);
            Err(Trouble::new(text, "lower the limit of a call: --limit call_ms=5000"))
        }
    }
}

struct Trial<'a> {
    plan: Plan<'a>,
}

/// A conversation that has begun.
struct Begun {
    stage: Stage,
    attempt: Attempt,
    listed: Vec<Tool>,
    tool: journal::Tool,
    came: Came,
}

/// A conversation that went on.
struct WentOn {
    reply: journal::Tool,
    id: String,
    id_in: IdIn,
    came: Came,
}

impl Trial<'_> {
    async fn run(self) -> Result<Survey, Trouble> {
        let mut begun = self.begin().await?;
        let outcome = self.go_on(&mut begun).await;
        let stderr = begun.stage.complaints();
        let found = match outcome {
            Ok(on) => self.rest(&mut begun, &on).await.map(|found| (on, found)),
            Err(trouble) => Err(trouble.with_stderr(stderr)),
        };
        let Begun { stage, attempt, tool, .. } = begun;
        stage.end().await;
        let (on, found) = found?;
        Ok(self.described(attempt, tool, on, found))
    }

    /// Tries one environment after the other until a prompt reaches the model.
    async fn begin(&self) -> Result<Begun, Trouble> {
        let mut all = attempts(&self.plan.profile.env);
        all.reverse();
        let mut last = None;
        let mut opened = false;
        let mut n = 0;
        while let Some(attempt) = all.pop() {
            n += 1;
            (self.plan.tell)(&format!("starts the server, {}", attempt.told()));
            let mut stage = self.stage(n, &attempt)?;
            if let Err(trouble) = stage.open().await {
                stage.end().await;
                // It may be that a variable is missing; if not even all of them help, nothing does.
                if trouble.is_ours || last.replace(trouble.clone()).is_some() && !opened {
                    return Err(trouble);
                }
                if !opened {
                    all.push(everything(&self.plan.profile.env));
                }
                continue;
            }
            opened = true;
            match self.first(stage, attempt).await {
                Ok(begun) => return Ok(begun),
                Err(End::Next(trouble)) => last = Some(trouble),
                Err(End::Over(trouble)) => return Err(trouble),
            }
        }
        Err(last.unwrap_or_else(|| Trouble::harness("there was nothing to try".to_owned())))
    }

    fn stage(&self, n: u32, attempt: &Attempt) -> Result<Stage, Trouble> {
        let dir = self.plan.dir.join(n.to_string());
        std::fs::create_dir(&dir)
            .map_err(|error| Trouble::harness(format!("failed to make {}: {error}", dir.display())))?;
        let mut profile = self.plan.profile.clone();
        profile.env = attempt.env();
        let target = TargetName::Profile(Arc::new(profile)).resolve();
        let target =
            target.map_err(|error| Trouble::new(error.to_string(), "write the command as you would type it"))?;
        Stage::set(&dir, &target, &self.plan.limits, self.plan.launcher)
    }

    /// Tries one way to begin after the other in this environment.
    async fn first(&self, mut stage: Stage, attempt: Attempt) -> Result<Begun, End> {
        let tried = self.starts(&mut stage).await;
        match tried {
            Ok((listed, tool, came)) => Ok(Begun { stage, attempt, listed, tool, came }),
            Err(end) => {
                let stderr = stage.complaints();
                stage.end().await;
                Err(match end {
                    End::Next(trouble) => End::Next(trouble.with_stderr(stderr)),
                    End::Over(trouble) => End::Over(trouble.with_stderr(stderr)),
                })
            }
        }
    }

    async fn starts(&self, stage: &mut Stage) -> Result<(Vec<Tool>, journal::Tool, Came), End> {
        let listed = schema::tools(&stage.list().await.map_err(End::Over)?);
        let starts = candidates::starts(&listed);
        if starts.is_empty() {
            return Err(End::Over(trouble::silent(&listed)));
        }
        let mut said = Vec::new();
        'all: for start in starts {
            let mut forms = vec![start.full, start.bare];
            forms.dedup();
            for tool in forms {
                (self.plan.tell)(&format!("calls `{}`", tool.name));
                let came = stage.call(&tool, None).await;
                if came.reached() {
                    return trouble::answered(&came, &tool).map(|()| (listed, tool, came)).map_err(End::Over);
                }
                said.push((trouble::call(&tool, None, &came.prompt), came.told()));
                // What waits so long waits for a model that does not answer: it is the right tool in the wrong place.
                if matches!(came.asked, Asked::Timeout) || !stage.is_alive() {
                    break 'all;
                }
            }
        }
        Err(End::Next(trouble::unreached(stage).with_said(said)))
    }

    /// Finds the id, and the argument that takes it.
    async fn go_on(&self, begun: &mut Begun) -> Result<WentOn, Trouble> {
        let Some(result) = begun.came.result() else {
            return Err(Trouble::harness("the conversation has no answer".to_owned()));
        };
        let cwd = begun.stage.cwd();
        let told = ids::told(result, &[&begun.came.prompt, &cwd]);
        let mut values: Vec<&str> = told.iter().map(|told| told.id.as_str()).collect();
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(*value));
        let replies = candidates::replies(&begun.listed, &begun.tool.name);
        if replies.is_empty() || values.is_empty() {
            return Err(trouble::no_way_on(&begun.tool.name, result, values.is_empty()));
        }
        let mut said = Vec::new();
        for (value, reply) in likeliest(values.len(), replies.len()) {
            let (Some(value), Some(reply)) = (values.get(value), replies.get(reply)) else { continue };
            (self.plan.tell)(&format!("calls `{}` with `{}` = {value}", reply.name, reply.id.as_deref().unwrap_or("")));
            let came = begun.stage.call(reply, Some(value)).await;
            if let (true, Some(result)) = (came.recalls(&begun.came.marker), came.result()) {
                let places = || told.iter().filter(|told| told.id == **value).map(|told| &told.id_in);
                // After a restart the reply may name another id, so a place that replies have too is better.
                let best = places().find(|place| ids::read(place, result).is_some()).or(places().next());
                let id_in = best.cloned().unwrap_or_default();
                return Ok(WentOn { reply: reply.clone(), id: (*value).to_owned(), id_in, came });
            }
            said.push((trouble::call(reply, Some(value), &came.prompt), came.told()));
            if !begun.stage.is_alive() {
                break;
            }
        }
        Err(trouble::forgets(&begun.tool.name).with_said(said))
    }

    /// What only a conversation that goes on can show.
    async fn rest(&self, begun: &mut Begun, on: &WentOn) -> Result<Found, Trouble> {
        let said = [&begun.came.marker, &on.came.marker];
        let thread = Thread { reply: &on.reply, id: &on.id, id_in: &on.id_in, said };
        let stage = &mut begun.stage;
        (self.plan.tell)("asks for conversations that are not there");
        let unknown = after::asked_for_unknown(stage, &thread).await;
        (self.plan.tell)("kills the server and asks again");
        let left = stage.kill().await?;
        let (restart, id) = after::restarted(stage, &thread).await?;
        let files = stage.written();
        let cwd = stage.cwd();
        let mut told = begun.came.requests.iter().filter_map(|request| request.cwd_told.as_ref());
        let tells_cwd = told.any(|told| *told == cwd);
        let strays = stage.strays();
        let noted = match restart {
            Restart::Whole(_) if begun.tool.cwd.is_some() => {
                (self.plan.tell)("takes the directory away and asks again");
                after::bereft(stage, &thread, &id).await
            }
            _ => Noted::Unknown,
        };
        Ok(Found {
            tools: begun.listed.iter().map(|tool| tool.name.clone()).collect(),
            id: on.id.clone(),
            unknown,
            restart,
            noted,
            left,
            files,
            strays,
            hosts: stage.hosts(),
            codex: stage.codex(),
            tells_cwd,
        })
    }

    fn described(self, attempt: Attempt, start: journal::Tool, on: WentOn, found: Found) -> Survey {
        let tools = Tools { start, reply: on.reply, id_in: on.id_in };
        let level = if tools == Tools::default() { Level::CodexCompatible } else { Level::Core };
        let identity = match found.restart {
            Restart::Whole(identity) => identity,
            _ if level == Level::Core => Identity::Same,
            _ => Identity::New,
        };
        let unknown_id_error = match &found.unknown {
            Unknown::Refused { pattern, .. } => pattern.clone(),
            _ => None,
        };
        let note = match &found.noted {
            Noted::Told { pattern, .. } => pattern.clone(),
            _ => None,
        };
        let rollouts = files::are_rollouts(&found.files);
        let env = attempt.needed();
        let profile = Profile { tools, level, identity, unknown_id_error, note, rollouts, env, ..self.plan.profile };
        Survey { profile, found }
    }
}

/// Why no conversation could be begun in one environment.
enum End {
    /// Another one may do.
    Next(Trouble),
    /// No other will.
    Over(Trouble),
}

/// Pairs of places in two lists, those near the beginning of both first.
fn likeliest(values: usize, replies: usize) -> impl Iterator<Item = (usize, usize)> {
    let on = move |sum: usize| (0..=sum).map(move |value| (value, sum - value));
    let pairs = (0..values + replies).flat_map(on).filter(move |(value, reply)| *value < values && *reply < replies);
    pairs.take(SURVEY_REPLIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_pairs_come_first_and_each_once() {
        let pairs: Vec<_> = likeliest(2, 3).collect();
        assert_eq!(pairs, [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (1, 2)]);
        assert_eq!(likeliest(1_000, 1_000).count(), SURVEY_REPLIES);
        assert_eq!(likeliest(0, 3).count(), 0);
    }
}
