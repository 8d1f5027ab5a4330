//! The dialect `app-server`.

use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::fault::plan::{Action, Fault, Rehydration, Signal, Trigger, Whom};
use rehydra::journal::{AnswerOutcome, Body, CallKind, Direction, Identity, Kind, Settings, SettingsSource, Shown};
use rehydra::target::{End, Target};

use crate::fake::ID;
use crate::fake_app::FORKED;
use crate::rig::{KILL, Plan, Rig, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("an_app_server_is_opened_and_called_by_its_own_methods", methods),
        trial("after_a_restart_nothing_but_resume_precedes_the_turn", resumed),
        trial("a_fork_has_a_new_id_and_the_old_one_leads_to_it", forked),
        trial("two_calls_share_one_fork", shared),
        trial("an_unknown_id_is_an_rpc_error_in_the_servers_words", unknown),
        trial("failed_and_interrupted_turns_are_told_apart", ends),
        trial("a_turn_may_end_before_its_start_is_answered", early),
        trial("an_approval_is_declined_so_that_nothing_hangs", approval),
        trial("results_become_settings_of_the_call", settings),
        trial("a_kill_at_the_result_of_the_fork_writes_no_turn", at_the_fork),
        trial("frames_are_called_by_their_methods", frames),
        trial("a_turn_without_an_end_times_out_and_nothing_is_asked_of_its_server", stuck),
        trial("what_a_thread_shows_is_asked_once_it_was_brought_back", shown),
        trial("a_stopped_server_is_not_asked_what_it_shows", stopped),
    ]
}

/// The methods that were written, with the id of the thread where there is one.
fn written(rig: &Rig) -> Vec<String> {
    let lines = rig.all(|kind| match kind {
        Kind::Frame(frame) if frame.direction == Direction::In => match frame.bytes {
            Body::Text(text) => Some(text),
            other => panic!("not text: {other:?}"),
        },
        _ => None,
    });
    let shown = |line: String| {
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let method = line["method"].as_str().unwrap_or("(answer)");
        match line["params"]["threadId"].as_str() {
            Some(ID) => format!("{method} old"),
            Some(FORKED) => format!("{method} new"),
            Some(other) => format!("{method} {other}"),
            None => method.to_owned(),
        }
    };
    lines.into_iter().map(shown).collect()
}

const OPENING: [&str; 2] = ["initialize", "initialized"];

async fn methods() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    let mut ask = rig.ask("hello");
    (ask.kind, ask.id, ask.cwd) = (CallKind::Start, None, Some("/w".into()));
    let answer = rig.target.send(ask).await.expect("sent").0.await.expect("answered");
    assert_eq!((answer.outcome, answer.text.as_str()), (AnswerOutcome::Reply, "you said: hello"));
    assert_eq!(answer.id_returned.as_deref(), Some(ID));
    assert_eq!(rig.call("again").await.text, "you said: again");
    rig.bury(KILL).await;
    assert_eq!(written(&rig), [&OPENING[..], &["thread/start", "turn/start old", "turn/start old"]].concat());
}

async fn resumed() {
    let rig = Plan::app_server(Identity::Same).rig();
    for life in [1, 2] {
        rig.open(life).await;
        assert_eq!(rig.call("hello").await.id_returned.as_deref(), Some(ID));
        assert_eq!(rig.call("once more").await.id_returned.as_deref(), Some(ID));
        rig.target.act(Action::Kill { signal: Signal::Kill, whom: Whom::Server });
        rig.bury(None).await;
    }
    let life = [&OPENING[..], &["thread/resume old", "turn/start old", "turn/start old"]].concat();
    assert_eq!(written(&rig), [life.clone(), life].concat());
}

async fn forked() {
    let rig = Plan::app_server(Identity::New).rig();
    for life in [1, 2] {
        rig.open(life).await;
        assert_eq!(rig.call("hello").await.id_returned.as_deref(), Some(FORKED));
        rig.target.act(Action::Kill { signal: Signal::Kill, whom: Whom::Server });
        rig.bury(None).await;
    }
    let first = [&OPENING[..], &["thread/fork old", "turn/start new"]].concat();
    let second = [&OPENING[..], &["thread/fork new", "turn/start new"]].concat();
    assert_eq!(written(&rig), [first, second].concat());
}

async fn shared() {
    let rig = Plan::app_server(Identity::New).rig();
    rig.open(1).await;
    let (one, two) = tokio::join!(rig.call("one"), rig.call("two"));
    assert_eq!((one.text.as_str(), two.text.as_str()), ("you said: one", "you said: two"));
    rig.target.act(Action::Kill { signal: Signal::Kill, whom: Whom::Server });
    rig.bury(None).await;
    assert_eq!(written(&rig)[2..], ["thread/fork old", "turn/start new", "turn/start new"]);
}

async fn unknown() {
    let rig = Plan::app_server(Identity::New).rig();
    rig.open(1).await;
    let mut ask = rig.ask("hello");
    ask.id = ask.id.map(|(_, is)| ("nobody".into(), is));
    let answer = rig.target.send(ask).await.expect("sent").0.await.expect("answered");
    assert_eq!((answer.outcome, answer.id_returned), (AnswerOutcome::RpcError, None));
    assert_eq!(answer.text, "no rollout found for thread id x");
    assert_eq!(answer.error_kind.as_deref(), Some("-32600"));
    rig.bury(KILL).await;
}

async fn ends() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    let failed = rig.call("fails").await;
    assert_eq!((failed.outcome, failed.text.as_str()), (AnswerOutcome::ToolError, "high demand"));
    assert_eq!(failed.error_kind.as_deref(), Some("internalServerError"));
    let interrupted = rig.call("interrupted").await;
    assert_eq!(
        (interrupted.outcome, interrupted.text.as_str()),
        (AnswerOutcome::ToolError, "the turn was interrupted")
    );
    rig.bury(KILL).await;
}

async fn early() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    assert_eq!(rig.call("early").await.text, "before the answer");
    rig.bury(KILL).await;
}

async fn approval() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    assert_eq!(rig.call("approval").await.text, r#"{"decision":"decline"}"#);
    rig.bury(KILL).await;
}

async fn settings() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    let call = rig.next();
    rig.call("hello").await;
    rig.bury(KILL).await;
    let shown: Vec<Settings> = rig.all(|kind| match kind {
        Kind::Settings(settings) => Some(settings),
        _ => None,
    });
    let [shown] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((shown.call, shown.source), (call, SettingsSource::Result));
    let told = [&shown.cwd, &shown.sandbox, &shown.approval].map(Option::as_deref);
    assert_eq!(told, [Some("/restored"), Some("read-only"), Some("never")]);
}

async fn at_the_fork() {
    let rig = Plan::app_server(Identity::New).rig();
    rig.open(1).await;
    let what = Action::Kill { signal: Signal::Term, whom: Whom::Server };
    let at = Trigger::Rehydration(Rehydration::Configured);
    rig.armed.arm(rig.next(), "f".into(), Fault::new(at, what));
    assert_eq!(rig.call("hello").await.outcome, AnswerOutcome::Closed);
    rig.bury(None).await;
    assert_eq!(written(&rig)[2..], ["thread/fork old"]);
}

async fn frames() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    let what = Action::Kill { signal: Signal::Kill, whom: Whom::Server };
    let at = Trigger::Frame { name: "item/completed".into(), n: 1 };
    rig.armed.arm(rig.next(), "f".into(), Fault::new(at, what));
    rig.call("hello").await;
    assert!(rig.armed.disarm(rig.next() - 1), "it has fired");
    assert!(rig.target.wait_frame("turn/started", Duration::from_secs(20)).await);
    rig.bury(None).await;
}

async fn stuck() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    rig.call("hello").await;
    let mut ask = rig.ask("stuck");
    ask.limit = Duration::from_millis(100);
    let answer = rig.target.send(ask).await.expect("sent").0.await.expect("ended");
    assert_eq!(answer.outcome, AnswerOutcome::Timeout);
    rig.bury(KILL).await;
    assert!(!written(&rig).iter().any(|line| line.starts_with("thread/read")));
}

fn what_shows(rig: &Rig) -> Vec<Shown> {
    rig.all(|kind| match kind {
        Kind::Shown(shown) => Some(shown),
        _ => None,
    })
}

async fn shown() {
    let rig = Plan::app_server(Identity::New).rig();
    rig.open(1).await;
    let mut ask = rig.ask("hello");
    (ask.kind, ask.id) = (CallKind::Start, None);
    rig.target.send(ask).await.expect("sent").0.await.expect("answered");
    rig.bury(KILL).await;
    assert_eq!(what_shows(&rig), [], "a thread that this life began is not asked for");
    rig.open(2).await;
    rig.call("hello").await;
    rig.bury(Some(End::Eof)).await;
    let shown = what_shows(&rig);
    let [shown] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((shown.thread.as_str(), shown.id.as_str()), ("main", FORKED));
    assert_eq!(shown.turns.len(), 1);
    assert_eq!(written(&rig).last().map(String::as_str), Some("thread/read new"));
}

async fn stopped() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    rig.call("hello").await;
    rig.target.act(Action::Stop);
    rig.bury(KILL).await;
    assert_eq!(what_shows(&rig), []);
}
