//! How a life begins: spawn, `initialize`, `notifications/initialized`, and once in a run `tools/list`; an app-server has
//! only `initialize` and `initialized`.
//!
//! A client that probes writes `server/discover` before, and may take its answer for an error, for silence, or for late;
//! which of these it does is the [`Opening`]'s to say. Whatever a probe is answered, `initialize` follows: the protocols
//! that go without are not spoken here.
//!
//! The tools are listed so that the journal holds the output schemas that the check `protocol` compares with, and so
//! that a server without the tools of its profile is refused with its own list instead of failing every call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::calls::Reply;
use super::life::{Life, Phase};
use super::live::Fixed;
use super::mcp;
use super::speech::Speech;
use super::trouble::Trouble;
use super::{Differs, LifePlan, TargetError};
use crate::codex::app_server;
use crate::fault::client::{Opening, PROBE_MS};
use crate::journal::{self, Kind, Lane, Seq};
use crate::wire;

/// Spawns the process of a life.
pub(super) async fn begin(fixed: &Arc<Fixed>, plan: &LifePlan) -> Result<(Arc<Life>, Seq), TargetError> {
    fixed.journal.begin_incarnation(plan.incarnation);
    let begun = Life::begin(fixed, plan).await;
    begun.map_err(|error| Trouble::Spawn(error).tell(&fixed.profile, None, &[]))
}

/// Opens the conversation and journals `Life`. A life that is to be thrown away gets the probe, and nobody waits.
pub(super) async fn converse(life: &Life, plan: &LifePlan, spawn: Seq, list: bool) -> Result<(), Trouble> {
    let Some(opening) = plan.opening else {
        if matches!(life.speech, Speech::Mcp { .. }) {
            drop(life.outbox.send(mcp::probe_line(), |_| {}, || {}));
        }
        return Ok(());
    };
    let limit_ms = life.fixed.limits.open_ms;
    let deadline = Instant::now() + Duration::from_millis(limit_ms);
    let (hello, welcome) = match &life.speech {
        Speech::Mcp { .. } => open_mcp(life, opening, list, deadline).await?,
        Speech::AppServer(_) => open_app_server(life, deadline).await?,
    };
    let from = vec![spawn, hello, welcome];
    let process_cwd = plan.process_cwd.display().to_string();
    let Differs { home, credentials, server, .. } = plan.differs.clone();
    let target = server.map(|server| server.profile.name.clone());
    let begun = journal::Life { from, process_cwd, home, credentials, target };
    life.journal.append(Lane::Target, Kind::Life(begun));
    Ok(())
}

/// The frames of `initialize` and its answer.
async fn open_mcp(life: &Life, opening: Opening, list: bool, deadline: Instant) -> Result<(Seq, Seq), Trouble> {
    let probed = match opening {
        Opening::Plain | Opening::Twice => false,
        Opening::ProbeFirst | Opening::Lazy => {
            let limit = Duration::from_millis(PROBE_MS.min(life.fixed.limits.open_ms));
            // An error, a result, and silence are followed by the same.
            let _ = timeout(limit, probe(life)).await;
            true
        }
        Opening::ProbeLate => {
            drop(probe(life));
            true
        }
    };
    let (hello, welcome, result) = ask(life, "initialize", mcp::initialize_params(probed), deadline).await?;
    if !result.get("protocolVersion").is_some_and(Value::is_string) {
        return Err(Trouble::Malformed { method: "initialize", missing: "protocolVersion" });
    }
    drop(life.outbox.send(wire::notification("notifications/initialized"), |_| {}, || {}));
    if list && opening != Opening::Lazy {
        let (_, _, result) = ask(life, "tools/list", json!({}), deadline).await?;
        let (offered, more) = mcp::tools_offered(&result);
        if let (Some(trouble), false) = (Trouble::missing(&life.fixed.profile.tools, offered), more) {
            return Err(trouble);
        }
    }
    Ok((hello, welcome))
}

/// Writes the probe; ready with its answer, or with an error when the life ends first.
fn probe(life: &Life) -> oneshot::Receiver<Reply> {
    let (done, reply) = oneshot::channel();
    drop(life.outbox.send(mcp::probe_line(), |_| life.calls.ask(mcp::PROBE_SLOT, done), || {}));
    reply
}

/// The frames of `initialize` and its answer, whose content differs from release to release.
async fn open_app_server(life: &Life, deadline: Instant) -> Result<(Seq, Seq), Trouble> {
    let (method, params) = app_server::initialize("rehydra", env!("CARGO_PKG_VERSION"));
    let (hello, welcome, _) = ask(life, method, params, deadline).await?;
    drop(life.outbox.send(app_server::initialized(), |_| {}, || {}));
    Ok((hello, welcome))
}

/// One request of the opening: the frames of question and answer, and the result.
async fn ask(
    life: &Life,
    method: &'static str,
    params: Value,
    deadline: Instant,
) -> Result<(Seq, Seq, Value), Trouble> {
    match exchange(life, method, params, deadline).await {
        Exchanged::Reply(question, Reply { frame, outcome: Ok(result) }) => Ok((question, frame, result)),
        Exchanged::Reply(_, Reply { outcome: Err(error), .. }) => Err(Trouble::Refused { method, error }),
        Exchanged::Closed => Err(match life.over().await {
            Phase::Over { .. } if life.drowned.load(Ordering::Relaxed) => {
                Trouble::Drowned { limit: life.fixed.limits.preamble_bytes }
            }
            Phase::Over { ended, .. } => Trouble::Exited(ended),
            Phase::Running | Phase::Exited => Trouble::Silent { method, limit_ms: life.fixed.limits.open_ms },
        }),
        Exchanged::Timeout => Err(Trouble::Silent { method, limit_ms: life.fixed.limits.open_ms }),
    }
}

/// How a request that is no call's ended.
pub(super) enum Exchanged {
    /// The frame of the question, and the reply.
    Reply(Seq, Reply),
    /// The life ended first.
    Closed,
    /// Nothing came in time.
    Timeout,
}

/// Writes a request that is no call's and waits for its reply.
pub(super) async fn exchange(life: &Life, method: &str, params: Value, deadline: Instant) -> Exchanged {
    let id = life.calls.number();
    let (done, reply) = oneshot::channel();
    let mut question = 0;
    let prepare = |frame| {
        question = frame;
        life.calls.ask(id, done);
    };
    drop(life.outbox.send(life.speech.request(id, method, params), prepare, || {}));
    match timeout_at(deadline, reply).await {
        Ok(Ok(reply)) => Exchanged::Reply(question, reply),
        Ok(Err(_)) => Exchanged::Closed,
        Err(_) => Exchanged::Timeout,
    }
}
