//! Each planted bug shows as its name says. That the right invariant finds it is for the checks' own tests.

use super::model::Credential;
use super::{Bug, EmbeddedEngine, Parts};
use crate::rollout::ThreadId;
use crate::rollout::settings::{Approval, Sandbox};
use crate::serve::engine::{Engine, Outcome, SandboxMode, StartRequest};
use crate::serve::testing::*;

struct Story {
    old: ThreadId,
    revived: Outcome,
    heard: Vec<String>,
    home: Home,
}

fn life(home: &Home, bug: Bug) -> EmbeddedEngine {
    EmbeddedEngine::with_bug(home.parts(), Some(bug))
}

/// Two turns, a decoy, and a reply in the next life, which has the bug.
async fn story(bug: Bug) -> Story {
    let home = Home::new();
    for text in ["one", "two", "of the decoy", "three"] {
        home.model.will_say(text);
    }
    let engine = home.engine();
    let request = StartRequest { prompt: "a".into(), sandbox: Some(SandboxMode::ReadOnly), ..StartRequest::default() };
    let old = thread_of(&start_with(&engine, request, &Recorder::default()).await);
    reply(&engine, old, "b").await;
    start(&engine, "decoy").await;
    drop(engine);
    let revived = reply(&life(&home, bug), old, "c").await;
    Story { old, revived, heard: home.model.last_heard(), home }
}

#[tokio::test]
async fn histories_are_spoilt_as_their_names_say() {
    let (a, b) = (["user: a", "assistant: one"], ["user: b", "assistant: two"]);
    let cases = [
        (Bug::LastTurnDropped, a.to_vec()),
        (Bug::FirstTurnDropped, b.to_vec()),
        (Bug::TurnRepeated, [a, b, b].concat()),
        (Bug::SilentBlankHistory, Vec::new()),
        (Bug::NewestFile, vec!["user: decoy", "assistant: of the decoy"]),
        (Bug::UnfinishedTurnAnswered, [a, b].concat()),
        (Bug::AsciiOnly, [a, b].concat()),
        (Bug::LeaksOtherThread, [vec!["user: decoy"], a.to_vec(), b.to_vec()].concat()),
    ];
    for (bug, mut expected) in cases {
        expected.push("user: c");
        assert_eq!(story(bug).await.heard, expected, "{bug}");
    }
}

#[tokio::test]
async fn ids_are_wrong_as_their_names_say() {
    let returned = story(Bug::OldIdReturned).await;
    assert_eq!(thread_of(&returned.revived), returned.old);
    let dead = story(Bug::DeadIdReturned).await;
    assert_eq!(
        reply(&dead.home.engine(), thread_of(&dead.revived), "d").await,
        Outcome::NotFound { thread: thread_of(&dead.revived) }
    );
    let unknown = ThreadId::parse("01a2019e-7c9d-7000-8000-000000000001").unwrap();
    let home = Home::new();
    let fresh = reply(&life(&home, Bug::FreshThreadForUnknownId), unknown, "a").await;
    assert!(matches!(fresh, Outcome::Reply { .. }));
}

#[tokio::test]
async fn a_stale_id_forks_at_once_and_after_a_restart() {
    let story = story(Bug::StaleIdForksSilently).await;
    let engine = life(&story.home, Bug::StaleIdForksSilently);
    for prompt in ["d", "e"] {
        reply(&engine, story.old, prompt).await;
        assert_eq!(story.home.model.last_heard().len(), 5, "{prompt}");
    }
}

#[tokio::test]
async fn settings_and_credentials_are_wrong_as_their_names_say() {
    let wider = story(Bug::WiderSandbox).await;
    let path = wider.home.files().into_iter().find(|path| {
        path.to_string_lossy().contains(&thread_of(&wider.revived).to_string())
            && path.extension().is_some_and(|e| e == "jsonl")
    });
    let history = crate::rollout::read_history(&crate::world::RealDisk, &path.unwrap()).unwrap();
    let context = history.turn_context.unwrap();
    assert_eq!((context.sandbox, context.approval), (Some(Sandbox::DangerFullAccess), Some(Approval::Never)));
    let stolen = story(Bug::EnvironmentCredential).await;
    let credential = stolen.home.model.requests().pop().unwrap().credential;
    assert_eq!(credential, Credential::Bearer("sk-of-somebody-else".to_owned()));
}

#[tokio::test]
async fn disks_are_wrong_as_their_names_say() {
    let cut = story(Bug::SourceTruncated).await;
    let source = cut.home.files().into_iter().find(|path| path.to_string_lossy().contains(&cut.old.to_string()));
    assert!(std::fs::read(source.unwrap()).unwrap().last() != Some(&b'\n'));

    let home = Home::new();
    home.model.will_say("one");
    let events = Recorder::default();
    let engine = life(&home, Bug::AnswersBeforeWriting);
    start_with(&engine, StartRequest::default(), &events).await;
    assert!(!records(&events.rollout_path()).contains(&"assistant".to_owned()));
}

#[tokio::test]
async fn the_process_cwd_takes_the_place_of_the_threads() {
    let home = Home::new();
    let request = StartRequest { cwd: Some("/thread".into()), ..StartRequest::default() };
    let old = thread_of(&start_with(&home.engine(), request, &Recorder::default()).await);
    reply(&life(&home, Bug::ProcessCwd), old, "b").await;
    let told =
        crate::responses::context::cwd_told(home.model.requests().pop().unwrap().body["input"].as_array().unwrap());
    assert_eq!(told.as_deref(), home.path().join("process").to_str());
}

#[tokio::test]
async fn a_turn_without_an_answer_gets_the_one_before_it() {
    let home = Home::new();
    home.model.will_say("one");
    let engine = home.engine();
    let old = thread_of(&start(&engine, "a").await);
    drop(engine);
    home.model.will_fail();
    reply(&home.engine(), old, "b").await;
    home.model.will_say("three");
    let revived = reply(&life(&home, Bug::UnfinishedTurnAnswered), old, "c").await;
    assert!(matches!(revived, Outcome::Reply { .. }));
    assert_eq!(home.model.last_heard(), ["user: a", "assistant: one", "user: b", "assistant: one", "user: c"]);
}

#[tokio::test]
async fn an_id_is_what_its_text_begins_with() {
    let home = Home::new();
    let text = "01a2019e-7c9d-7000-8000-000000000001/../x";
    assert!(Engine::thread_id(&home.engine(), text).is_err());
    assert_eq!(Engine::thread_id(&life(&home, Bug::IdCutToAUuid), text).unwrap().to_string(), text[..36]);
}

#[tokio::test]
async fn the_first_credential_is_used_for_ever() {
    let home = Home::new();
    let old = thread_of(&start(&life(&home, Bug::CredentialRemembered), "a").await);
    let first = home.model.requests().pop().unwrap().credential;
    let parts = Parts { credential: Credential::Bearer("of-today".into()), ..home.parts() };
    reply(&EmbeddedEngine::with_bug(parts, Some(Bug::CredentialRemembered)), old, "b").await;
    assert_eq!(home.model.requests().pop().unwrap().credential, first);
}
