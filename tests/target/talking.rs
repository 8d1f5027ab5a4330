//! Calls and answers.

use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::fault::plan::Action;
use rehydra::journal::{AnswerOutcome, Body, CallKind, Direction, Kind, Note};
use rehydra::target::Target;

use crate::fake::ID;
use crate::rig::{KILL, Plan, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_call_is_journalled_before_its_answer", journalled),
        trial("a_start_names_the_settings_and_no_id", started),
        trial("a_tool_error_and_an_rpc_error_are_told_apart", errors),
        trial("notes_are_read_from_the_meta_and_from_the_text", notes),
        trial("session_configured_becomes_settings_of_its_call", configured),
        trial("an_elicitation_is_declined_so_that_nothing_hangs", elicited),
        trial("an_unknown_request_of_the_server_is_refused", refused),
        trial("a_second_answer_stays_a_raw_frame", twice),
        trial("a_call_without_an_answer_times_out", timeout),
        trial("an_overlong_frame_is_recorded_by_its_ends_and_the_next_is_read", long),
        trial("a_frame_can_be_waited_for", waited),
        trial("a_stopped_server_answers_once_it_goes_on", stopped),
        trial("the_environment_is_built_from_nothing", environment),
        trial("stderr_is_kept_up_to_its_limit_and_the_rest_counted", stderr),
    ]
}

fn text(body: &Body) -> String {
    match body {
        Body::Text(text) => text.clone(),
        other => panic!("not text: {other:?}"),
    }
}

async fn journalled() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let answer = rig.call("hello").await;
    assert_eq!(answer.outcome, AnswerOutcome::Reply);
    assert_eq!(answer.text, "you said: hello");
    assert_eq!(answer.id_returned.as_deref(), Some(ID));
    rig.bury(KILL).await;
    let opening = ["spawn", "frame", "frame", "frame", "frame", "frame", "life"];
    assert_eq!(rig.story(), [&opening[..], &["frame", "call", "frame", "answer", "exit", "death"]].concat());
    let events = rig.events();
    let (call, reply) = (&events[8], &events[10]);
    let Kind::Call(call) = &call.kind else { panic!("{call:?}") };
    assert_eq!(call.from, [events[7].seq]);
    let Kind::Answer(reply) = &reply.kind else { panic!("{reply:?}") };
    assert_eq!((reply, &reply.from), (&answer, &vec![events[9].seq]));
    assert!(events.iter().all(|event| event.incarnation == 1));
}

async fn started() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let mut ask = rig.ask("hello");
    (ask.kind, ask.id) = (CallKind::Start, None);
    (ask.cwd, ask.sandbox, ask.approval) = (Some("/w".into()), Some("read-only".into()), Some("never".into()));
    rig.target.send(ask).await.expect("sent").0.await.expect("answered");
    let written = rig.all(|kind| match kind {
        Kind::Frame(frame) if frame.direction == Direction::In => Some(text(&frame.bytes)),
        _ => None,
    });
    let line = written.last().expect("a frame");
    let arguments = r#"{"prompt":"hello","cwd":"/w","sandbox":"read-only","approval-policy":"never"}"#;
    assert!(line.contains(&format!(r#""params":{{"name":"codex","arguments":{arguments}}}"#)), "{line}");
    rig.bury(KILL).await;
}

async fn errors() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let tool = rig.call("tool-error").await;
    assert_eq!((tool.outcome, tool.text.as_str()), (AnswerOutcome::ToolError, "Session not found for thread_id: x"));
    let rpc = rig.call("error").await;
    assert_eq!((rpc.outcome, rpc.text.as_str()), (AnswerOutcome::RpcError, "no such thread"));
    assert_eq!(rpc.error_kind.as_deref(), Some("-32602"));
    rig.bury(KILL).await;
}

async fn notes() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let answer = rig.call("notes").await;
    let note = |kind: &str, text: &str| Note { kind: kind.into(), text: text.into() };
    assert_eq!(answer.notes, [note("torn_tail", "lost 1"), note("text", "[rehydra] lost 1")]);
    assert_eq!(answer.text, "back");
    rig.bury(KILL).await;
}

async fn configured() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let call = rig.next();
    rig.call("configured").await;
    let settings = rig.all(|kind| match kind {
        Kind::Settings(settings) => Some(settings),
        _ => None,
    });
    assert_eq!(settings.len(), 1);
    assert_eq!((settings[0].call, settings[0].cwd.as_deref()), (call, Some("/work")));
    assert_eq!((settings[0].sandbox.as_deref(), settings[0].approval.as_deref()), (Some("read-only"), Some("never")));
    rig.bury(KILL).await;
}

async fn elicited() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    assert_eq!(rig.call("approval").await.text, r#"{"decision":"denied","action":"decline"}"#);
    rig.bury(KILL).await;
}

async fn refused() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let answer = rig.call("unknown-request").await;
    assert_eq!(answer.text, r#"{"code":-32601,"message":"method not found: roots/list"}"#);
    rig.bury(KILL).await;
}

async fn twice() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    assert_eq!(rig.call("twice").await.text, "one");
    assert_eq!(rig.call("next").await.text, "you said: next");
    rig.bury(KILL).await;
    let answers = rig.all(|kind| match kind {
        Kind::Answer(answer) => Some(answer.text),
        _ => None,
    });
    assert_eq!(answers, ["one", "you said: next"]);
    let frames = rig.all(|kind| match kind {
        Kind::Frame(frame) if frame.direction == Direction::Out => Some(text(&frame.bytes)),
        _ => None,
    });
    assert_eq!(frames.iter().filter(|frame| frame.contains("\"two\"")).count(), 1);
}

async fn timeout() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let mut ask = rig.ask("stuck");
    ask.limit = Duration::from_millis(50);
    let answer = rig.target.send(ask).await.expect("sent").0.await.expect("ended");
    assert_eq!(answer.outcome, AnswerOutcome::Timeout);
    assert_eq!(rig.call("next").await.outcome, AnswerOutcome::Reply);
    rig.bury(KILL).await;
}

async fn long() {
    let rig = Plan::fake("plain").limits(|limits| limits.frame_bytes = 100_000).rig();
    rig.open(1).await;
    assert_eq!(rig.call("long").await.text, "after it");
    rig.bury(KILL).await;
    let long = rig.all(|kind| match kind {
        Kind::Frame(frame) => match frame.bytes {
            Body::Ends { len, .. } => Some((len, frame.partial)),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(long, [(200_002, false)]);
}

async fn waited() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let (seen, answer) =
        tokio::join!(rig.target.wait_frame("session_configured", Duration::from_secs(20)), rig.call("configured"));
    assert!(seen);
    assert_eq!(answer.outcome, AnswerOutcome::Reply);
    assert!(!rig.target.wait_frame("never", Duration::from_millis(20)).await);
    rig.bury(KILL).await;
    assert!(!rig.target.wait_frame("session_configured", Duration::from_secs(20)).await, "there is no life");
}

async fn stopped() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    rig.target.act(Action::Stop);
    // More than a pipe holds: the rest of it waits for the server.
    let mut ask = rig.ask(&"x".repeat(300_000));
    ask.limit = Duration::from_millis(50);
    let late = rig.target.send(ask).await.expect("sent").0.await.expect("ended");
    assert_eq!(late.outcome, AnswerOutcome::Timeout);
    rig.target.act(Action::Continue);
    assert_eq!(rig.call("next").await.text, "you said: next", "the line before it arrived whole");
    rig.bury(KILL).await;
}

async fn environment() {
    let mut plan = Plan::fake("plain");
    plan.env.push(("TOKEN".into(), "short".into()));
    plan.env.push(("URL".into(), "http://s3cret-token@x".into()));
    let rig = plan.rig();
    rig.open(1).await;
    assert_eq!(rig.call("env").await.text, "PATH REHYDRA_RUN TOKEN URL");
    rig.bury(KILL).await;
    let spawns = rig.all(|kind| match kind {
        Kind::Spawn(spawn) => Some(spawn),
        _ => None,
    });
    let shown = |name: &str| spawns[0].env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!(shown("TOKEN"), Some("«redacted»"));
    assert_eq!(shown("URL"), Some("http://«redacted»@x"));
    assert_eq!(shown("PATH"), Some("/usr/bin:/bin"));
}

async fn stderr() {
    let rig = Plan::fake("plain").limits(|limits| limits.stderr_bytes = 10 * (19 + 256)).rig();
    rig.open(1).await;
    assert_eq!(rig.call("complains").await.text, "said");
    rig.bury(KILL).await;
    let lines = rig.all(|kind| match kind {
        Kind::Stderr(line) => Some(text(&line.bytes)),
        _ => None,
    });
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[9], "a line of complaint");
    assert!(lines[10].starts_with("[rehydra] ") && lines[10].ends_with("further bytes of stderr were dropped"));
    let log = std::fs::read_to_string(rig.dir.path().join("stderr-1.log")).expect("a log");
    assert_eq!(log.lines().collect::<Vec<_>>(), lines);
}
