//! App-servers that are newer than anything that was seen, and app-servers that are broken.

use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::journal::{Answer, AnswerOutcome, Identity, Kind};
use rehydra::target::Target;

use crate::rig::{KILL, Plan, Rig, is_there, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("what_a_newer_app_server_adds_is_passed_over", newer),
        trial("a_request_that_nobody_knows_is_answered_by_an_error", blessing),
        trial("a_warning_on_the_thread_is_a_note_of_the_call", warns),
        trial("an_app_server_that_never_answers_is_told_and_ended", silent),
        trial("an_app_server_that_exits_at_once_is_told_with_its_last_words", exits),
        trial("an_app_server_that_answers_another_id_has_not_answered", wrong_id),
        trial("a_turn_that_is_never_answered_ends_at_its_limit", unanswered),
        trial("a_turn_that_is_answered_under_another_id_ends_at_its_limit", elsewhere),
        trial("the_end_of_another_turn_is_not_this_ones", another_turn),
    ]
}

/// A call that is given up soon.
async fn short(rig: &Rig, prompt: &str) -> Answer {
    let mut ask = rig.ask(prompt);
    ask.limit = Duration::from_millis(100);
    rig.target.send(ask).await.expect("sent").0.await.expect("every call ends")
}

async fn newer() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    assert_eq!(rig.call("newer").await.outcome, AnswerOutcome::Reply);
    assert_eq!(rig.call("hello").await.text, "you said: hello");
    rig.bury(KILL).await;
    assert!(!rig.story().contains(&"broken".to_owned()));
}

async fn blessing() {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    let refused = r#"{"code":-32601,"message":"method not found: item/blessing/requestBlessing"}"#;
    assert_eq!(rig.call("newer").await.text, refused);
    rig.bury(KILL).await;
}

async fn warns() {
    let rig = Plan::app_server(Identity::New).rig();
    rig.open(1).await;
    let notes = rig.call("warns").await.notes;
    let told: Vec<_> = notes.iter().map(|note| (note.kind.as_str(), note.text.as_str())).collect();
    assert_eq!(told, [("warning", "the directory is gone")]);
    assert_eq!(rig.call("hello").await.notes, []);
    rig.bury(KILL).await;
}

/// What is said of one that cannot be opened, of which nothing is left.
async fn told(mode: &str, open_ms: u64) -> String {
    let rig = Plan::odd_app_server(Identity::Same, &[mode]).limits(|limits| limits.open_ms = open_ms).rig();
    let text = rig.try_open(1).await.expect_err("it cannot be opened").to_string();
    let pids = rig.all(|kind| match kind {
        Kind::Spawn(spawn) => Some(spawn.pid),
        _ => None,
    });
    assert!(matches!(pids.as_slice(), [pid] if !is_there(*pid)));
    text
}

async fn silent() {
    let text = told("silent", 100).await;
    assert!(text.contains("did not answer `initialize` within 100 ms"), "{text}");
    assert!(text.contains("raise the limit `open_ms`") && !text.contains("MCP"), "{text}");
}

async fn exits() {
    let text = told("exits", 10_000).await;
    assert!(text.contains("exited with code 2 before the conversation was open"), "{text}");
    assert!(text.contains("unrecognized subcommand 'app-server'"), "{text}");
}

async fn wrong_id() {
    let text = told("wrong-id", 100).await;
    assert!(text.contains("did not answer `initialize` within 100 ms"), "{text}");
}

async fn unanswered() {
    times_out("unanswered").await;
}

/// A call with that prompt is never answered, and the next one is.
async fn times_out(prompt: &str) {
    let rig = Plan::app_server(Identity::Same).rig();
    rig.open(1).await;
    assert_eq!(short(&rig, prompt).await.outcome, AnswerOutcome::Timeout);
    assert_eq!(rig.call("hello").await.text, "you said: hello");
    rig.bury(KILL).await;
}

async fn elsewhere() {
    times_out("wrong-id").await;
}

async fn another_turn() {
    times_out("another-turn").await;
}
