//! Stories of the embedded engine: scripted model, real files, lives that end and begin.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::model::{Credential, ModelError};
use super::{EmbeddedEngine, Parts};
use crate::rehydrate::faulty::{FaultyDisk, Lasts};
use crate::responses::item;
use crate::responses::pairing::unpaired;
use crate::rollout::ThreadId;
use crate::rollout::settings::Sandbox;
use crate::serve::engine::{Outcome, Rehydration, SandboxMode, StartRequest};
use crate::serve::testing::*;
use crate::world::World;

fn rehydration(outcome: &Outcome) -> Option<&Rehydration> {
    match outcome {
        Outcome::Reply { rehydration, .. } | Outcome::TurnFailed { rehydration, .. } => rehydration.as_ref(),
        _ => None,
    }
}

fn text(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Reply { text, .. } | Outcome::TurnFailed { text, .. } => text,
        other => panic!("{other:?}"),
    }
}

fn input(home: &Home) -> Vec<Value> {
    home.model.requests().pop().unwrap().body["input"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_turn_is_on_disk_before_the_model_is_asked_and_whole_before_it_is_answered() {
    let home = Home::new();
    let events = Recorder::default();
    home.model.will_say("hello");
    let dir = home.path().to_owned();
    home.model.at_request(move || {
        let rollout = crate::rollout::locate::find_thread_path_by_id_str(
            &crate::world::RealDisk,
            &dir,
            &first_thread(&dir.join("sessions")),
        );
        let written = records(&rollout.unwrap().unwrap());
        assert_eq!(written, ["session_meta", "task_started", "user", "turn_context", "user", "user_message"]);
    });
    let request = StartRequest { prompt: "hi".into(), ..StartRequest::default() };
    let outcome = start_with(&home.engine(), request, &events).await;
    assert_eq!(text(&outcome), "hello");
    let told = ["session_configured", "task_started", "user_message", "agent_message", "task_complete"];
    assert_eq!(events.types(), told);
    let written = records(&events.rollout_path());
    assert_eq!(written[6..], ["agent_message", "assistant", "task_complete"]);
}

/// The id in the name of the only rollout below `dir`.
fn first_thread(dir: &std::path::Path) -> String {
    let path = std::fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    if path.is_dir() {
        return first_thread(&path);
    }
    let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
    stem[stem.len() - 36..].to_owned()
}

#[tokio::test]
async fn a_reply_in_the_same_life_goes_on_under_the_same_id() {
    let home = Home::new();
    let engine = home.engine();
    home.model.will_say("one");
    home.model.will_say("two");
    let first = start(&engine, "a").await;
    let events = Recorder::default();
    let cancel = CancellationToken::new();
    let second = reply_with(&engine, thread_of(&first), "b", &events, &cancel).await;
    assert_eq!((thread_of(&second), rehydration(&second)), (thread_of(&first), None));
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: one", "user: b"]);
    assert_eq!(events.types()[0], "task_started");
}

#[tokio::test]
async fn after_a_restart_the_old_id_goes_on_in_a_new_thread_with_all_of_its_history() {
    let home = Home::new();
    for text in ["one", "two", "three", "four"] {
        home.model.will_say(text);
    }
    let old = thread_of(&start(&home.engine(), "a").await);

    let second_life = home.engine();
    let events = Recorder::default();
    let revived = reply_with(&second_life, old, "b", &events, &CancellationToken::new()).await;
    let new = thread_of(&revived);
    assert_ne!(new, old);
    assert_eq!(rehydration(&revived).map(|r| (r.from, r.to)), Some((old, new)));
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: one", "user: b"]);
    assert_eq!(events.types()[..2], ["session_configured", "task_started"]);
    assert!(events.rollout_path().to_string_lossy().contains(&new.to_string()));

    let stale = reply(&second_life, old, "c").await;
    assert_eq!((thread_of(&stale), rehydration(&stale)), (new, None));
    drop(second_life);

    let third = reply(&home.engine(), old, "d").await;
    assert_ne!(thread_of(&third), new);
    let heard = home.model.last_heard();
    assert_eq!(heard[2..], ["user: b", "assistant: two", "user: c", "assistant: three", "user: d"]);
}

#[tokio::test]
async fn the_control_knows_no_thread_of_an_earlier_life_and_the_engine_no_id_that_never_was() {
    let home = Home::new();
    let old = thread_of(&start(&home.control(), "a").await);
    assert_eq!(reply(&home.control(), old, "b").await, Outcome::NotFound { thread: old });
    let before = home.files();
    let unknown = ThreadId::parse("01a2019e-7c9d-7000-8000-000000000001").unwrap();
    assert_eq!(reply(&home.engine(), unknown, "b").await, Outcome::NotFound { thread: unknown });
    assert_eq!(home.files(), before);
}

#[tokio::test]
async fn the_thread_keeps_its_cwd_and_its_sandbox_across_a_restart() {
    let home = Home::new();
    home.model.will_say("one");
    home.model.will_say("two");
    let request =
        StartRequest { cwd: Some("sub".into()), sandbox: Some(SandboxMode::ReadOnly), ..StartRequest::default() };
    let old = thread_of(&start_with(&home.engine(), request, &Recorder::default()).await);
    let elsewhere = EmbeddedEngine::new(Parts { process_cwd: "/elsewhere".into(), ..home.parts() });
    let events = Recorder::default();
    reply_with(&elsewhere, old, "b", &events, &CancellationToken::new()).await;

    let cwd = home.path().join("process/sub");
    let told = crate::responses::context::cwd_told(&input(&home));
    assert_eq!(told.as_deref(), cwd.to_str());
    let contexts = input(&home).iter().filter(|item| item::text(item).contains("<cwd>")).count();
    assert_eq!(contexts, 1, "a cwd that was told is not told again");
    let history = crate::rollout::read_history(&crate::world::RealDisk, &events.rollout_path()).unwrap();
    let context = history.turn_context.unwrap();
    assert_eq!((context.cwd, context.sandbox), (Some(cwd), Some(Sandbox::ReadOnly)));
}

#[tokio::test]
async fn a_tool_call_is_told_that_nothing_ran_and_the_model_is_asked_once_more() {
    let home = Home::new();
    let call = item::function_call("fc", "call_1", "shell", &json!({}));
    home.model.will(Scripted::Items(vec![call]));
    home.model.will_say("then not");
    let events = Recorder::default();
    let request = StartRequest { prompt: "run".into(), ..StartRequest::default() };
    let outcome = start_with(&home.engine(), request, &events).await;
    assert_eq!(text(&outcome), "then not");
    assert_eq!(unpaired(&input(&home)), []);
    assert_eq!(item::text(input(&home).last().unwrap()), "not executed by this engine");
    let written = records(&events.rollout_path());
    assert_eq!(written[6..8], ["function_call", "function_call_output"]);
}

#[tokio::test]
async fn a_model_that_only_calls_tools_is_not_asked_for_ever() {
    let home = Home::new();
    for n in 0..20 {
        home.model.will(Scripted::Items(vec![item::function_call("fc", &format!("call_{n}"), "shell", &json!({}))]));
    }
    let outcome = start(&home.engine(), "run").await;
    assert!(matches!(&outcome, Outcome::TurnFailed { text, .. } if text.contains("8 exchanges")), "{outcome:?}");
    assert_eq!(home.model.requests().len(), 8);
}

#[tokio::test]
async fn a_broken_turn_keeps_what_was_whole_and_the_thread_goes_on() {
    let home = Home::new();
    let engine = home.engine();
    let half = vec![item::assistant("m", "half")];
    home.model.will(Scripted::Fails(half, ModelError::HighDemand));
    home.model.will_say("whole");
    let broken = start(&engine, "a").await;
    assert!(matches!(&broken, Outcome::TurnFailed { text, .. } if text.starts_with("We're currently")));
    assert_eq!(text(&reply(&engine, thread_of(&broken), "b").await), "whole");
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: half", "user: b"]);
}

#[tokio::test]
async fn a_cancelled_turn_frees_the_thread() {
    let home = Home::new();
    let engine = home.engine();
    home.model.will_say("one");
    home.model.will(Scripted::Hangs(Vec::new()));
    home.model.will_say("three");
    let events = Recorder::default();
    let thread = thread_of(&start_with(&engine, StartRequest::default(), &events).await);
    let cancel = CancellationToken::new();
    let (cancelled, ()) = tokio::join!(reply_with(&engine, thread, "b", &events, &cancel), async {
        home.model.asked(2).await;
        cancel.cancel();
    });
    assert_eq!(cancelled, Outcome::Cancelled);
    assert_eq!(records(&events.rollout_path()).last().unwrap(), "turn_aborted");
    assert_eq!(text(&reply(&engine, thread, "c").await), "three");
    assert_eq!(home.model.last_heard()[2..], ["user: b", "user: c"]);
}

#[tokio::test]
async fn turns_of_a_thread_queue_while_other_threads_run() {
    let home = Home::new();
    let engine = home.engine();
    home.model.will_say("one");
    let thread = thread_of(&start(&engine, "a").await);
    home.model.will(Scripted::Hangs(Vec::new()));
    home.model.will_say("of another thread");
    home.model.will_say("after the cancelled one");
    let events = Recorder::default();
    let cancel = CancellationToken::new();
    let story = async {
        home.model.asked(2).await;
        let other = start(&engine, "x").await;
        assert_eq!(text(&other), "of another thread");
        cancel.cancel();
    };
    let (first, second, ()) =
        tokio::join!(reply_with(&engine, thread, "b", &events, &cancel), reply(&engine, thread, "c"), story);
    assert_eq!(first, Outcome::Cancelled);
    assert_eq!(text(&second), "after the cancelled one");
    assert_eq!(home.model.requests().len(), 4);
}

#[tokio::test]
async fn concurrent_replies_after_a_restart_share_one_continuation() {
    let home = Home::new();
    for text in ["one", "two", "three"] {
        home.model.will_say(text);
    }
    let old = thread_of(&start(&home.engine(), "a").await);
    let engine = home.engine();
    let (one, two) = tokio::join!(reply(&engine, old, "b"), reply(&engine, old, "c"));
    assert_eq!(thread_of(&one), thread_of(&two));
    assert_ne!(thread_of(&one), old);
    assert!(rehydration(&one).is_some());
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: one", "user: b", "assistant: two", "user: c"]);
    let rollouts = home.files().into_iter().filter(|path| path.to_string_lossy().contains("rollout-")).count();
    assert_eq!(rollouts, 2);
}

#[tokio::test]
async fn a_model_error_in_a_rehydrated_call_names_the_new_id_and_the_alias_stays() {
    let home = Home::new();
    home.model.will_say("one");
    home.model.will(Scripted::Fails(Vec::new(), ModelError::TooManyRequests));
    home.model.will_say("three");
    let old = thread_of(&start(&home.engine(), "a").await);
    let failed = reply(&home.engine(), old, "b").await;
    assert!(matches!(failed, Outcome::TurnFailed { .. }));
    assert_ne!(thread_of(&failed), old);
    reply(&home.engine(), old, "c").await;
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: one", "user: b", "user: c"]);
}

#[tokio::test]
async fn notes_reach_the_first_answer_that_is_given() {
    let home = Home::new();
    home.model.will_say("one");
    let old = thread_of(&start(&home.engine(), "a").await);
    home.model.will(Scripted::Hangs(Vec::new()));
    home.model.will_say("three");
    let engine = home.engine();
    let cancel = CancellationToken::new();
    let events = Recorder::default();
    let (cancelled, ()) = tokio::join!(reply_with(&engine, old, "b", &events, &cancel), async {
        home.model.asked(2).await;
        cancel.cancel();
    });
    assert_eq!(cancelled, Outcome::Cancelled);
    assert!(rehydration(&reply(&engine, old, "c").await).is_some());
}

#[tokio::test]
async fn a_home_that_cannot_be_written_begins_no_thread() {
    let home = Home::new();
    std::fs::write(home.path().join("sessions"), "in the way").unwrap();
    let outcome = start(&home.engine(), "a").await;
    assert!(matches!(&outcome, Outcome::StartFailed { text } if text.contains("check space")), "{outcome:?}");
    assert_eq!(home.model.requests(), []);
}

#[tokio::test]
async fn every_turn_runs_with_the_servers_own_credential() {
    let home = Home::new();
    let old = thread_of(&start(&home.engine(), "a").await);
    reply(&home.engine(), old, "b").await;
    let own = Credential::Bearer("own".to_owned());
    assert!(home.model.requests().iter().all(|request| request.credential == own));
    let written = home.files().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    assert!(written.into_iter().all(|text| !text.contains("\"own\"")));
}

/// One refusal at each operation of the disk in turn, in a conversation whose first turn calls a tool.
#[tokio::test]
async fn whatever_the_disk_refuses_the_thread_goes_on_and_nothing_that_was_answered_is_lost() {
    for at in 0.. {
        let home = Home::new();
        let disk = FaultyDisk::new(at, Lasts::Once);
        let world = World { disk: std::sync::Arc::new(disk.clone()), ..World::real() };
        let engine = EmbeddedEngine::new(Parts { world, ..home.parts() });
        home.model.will(Scripted::Items(vec![item::function_call("fc", "c", "shell", &json!({}))]));
        home.model.will_say("one");
        let begun = start(&engine, "a").await;
        if matches!(begun, Outcome::StartFailed { .. }) {
            continue;
        }
        let thread = thread_of(&begun);
        home.model.clear();
        let mut answered: Vec<String> = Vec::new();
        let mut note = |outcome: &Outcome| {
            if matches!(outcome, Outcome::Reply { .. }) {
                answered.push(format!("assistant: {}", text(outcome)));
            }
        };
        note(&begun);
        for said in ["two", "three"] {
            home.model.will_say(said);
            note(&reply(&engine, thread, "b").await);
            home.model.clear();
        }
        assert_eq!(unpaired(&input(&home)), [], "operation {at}");
        drop(engine);
        home.model.will_say("four");
        assert_eq!(text(&reply(&home.engine(), thread, "c").await), "four", "operation {at}");
        assert_eq!(unpaired(&input(&home)), [], "operation {at}, after a restart");
        let heard: Vec<_> = home.model.last_heard().into_iter().filter(|said| answered.contains(said)).collect();
        assert_eq!(heard, answered, "operation {at}");
        if !disk.fired() {
            assert!(at > 20 && answered.len() == 3);
            return;
        }
    }
}
