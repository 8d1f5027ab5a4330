//! Which sandbox and approval policy threads get, and what is told of it.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::rig::{Rig, kinds};

/// Begins a thread that asks for `sandbox` and `approval`, on a server with `flags`: what it got, and its id.
async fn begun(rig: &Rig, flags: &[&str], asked: Value) -> ((String, String), String) {
    let mut server = rig.server_with(flags);
    let turn = rig.turn();
    let mut arguments = asked;
    arguments["cwd"] = json!(rig.project());
    let id = server.begin_start(&turn, arguments).await;
    server.result(id).await;
    let configured = server.event(id, "session_configured").await;
    server.kill(Signal::KILL).await;
    (got(&configured), configured["thread_id"].as_str().unwrap().to_owned())
}

/// Brings the thread back on a server with `flags`: what it got, and the kinds of the notes.
async fn back(rig: &Rig, flags: &[&str], id: &str) -> ((String, String), Vec<String>) {
    let mut server = rig.server_with(flags);
    let turn = rig.turn();
    let call = server.begin_reply(id, &turn).await;
    let result = server.result(call).await;
    let configured = server.event(call, "session_configured").await;
    server.kill(Signal::KILL).await;
    (got(&configured), kinds(&result).into_iter().map(str::to_owned).collect())
}

fn got(configured: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&configured["sandbox_policy"]["type"]), text(&configured["approval_policy"]))
}

fn pair(sandbox: &str, approval: &str) -> (String, String) {
    (sandbox.to_owned(), approval.to_owned())
}

fn wide() -> Value {
    json!({"sandbox": "danger-full-access", "approval-policy": "never"})
}

#[tokio::test]
async fn a_thread_is_not_widened_by_a_configuration_that_allows_more() {
    let rig = Rig::with_config("sandbox_mode = \"danger-full-access\"\napproval_policy = \"never\"");
    let narrow = json!({"sandbox": "read-only", "approval-policy": "on-request"});
    let (_, id) = begun(&rig, &[], narrow).await;
    assert_eq!(back(&rig, &[], &id).await, (pair("read-only", "on-request"), vec![]));
}

#[tokio::test]
async fn a_thread_is_narrowed_to_what_the_configuration_says_and_that_is_told() {
    let rig = Rig::new();
    let (got, id) = begun(&rig, &[], wide()).await;
    assert_eq!(got, pair("danger-full-access", "never"));
    rig.configure("sandbox_mode = \"workspace-write\"\napproval_policy = \"untrusted\"");
    let told = vec!["narrowed".to_owned(), "narrowed".to_owned()];
    assert_eq!(back(&rig, &[], &id).await, (pair("workspace-write", "untrusted"), told));
}

#[tokio::test]
async fn where_neither_flags_nor_configuration_set_anything_the_thread_keeps_what_it_had() {
    let rig = Rig::new();
    let (_, id) = begun(&rig, &[], wide()).await;
    assert_eq!(back(&rig, &[], &id).await, (pair("danger-full-access", "never"), vec![]));
}

#[tokio::test]
async fn the_flags_bound_new_threads_and_those_that_are_brought_back() {
    let flags = ["--max-sandbox", "read-only", "--max-approval", "on-request"];
    let rig = Rig::with_config("sandbox_mode = \"danger-full-access\"\napproval_policy = \"never\"");
    assert_eq!(begun(&rig, &flags, wide()).await.0, pair("read-only", "on-request"));
    assert_eq!(begun(&rig, &flags, json!({})).await.0, pair("read-only", "on-request"));
    let (_, id) = begun(&rig, &[], wide()).await;
    let (got, told) = back(&rig, &flags, &id).await;
    assert_eq!((got, told.len()), (pair("read-only", "on-request"), 2));
}

#[tokio::test]
async fn a_flag_goes_before_the_configuration_for_what_it_sets_and_only_for_that() {
    let rig = Rig::new();
    let (_, id) = begun(&rig, &[], wide()).await;
    rig.configure("sandbox_mode = \"read-only\"\napproval_policy = \"on-request\"");
    let flags = ["--max-sandbox", "danger-full-access"];
    let told = vec!["narrowed".to_owned()];
    assert_eq!(back(&rig, &flags, &id).await, (pair("danger-full-access", "on-request"), told));
}
