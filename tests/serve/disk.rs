//! What a server writes, and what becomes of it where it cannot.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::rig::{Rig, Server, after, kinds, said, thread_of};

#[tokio::test]
async fn whatever_is_written_is_for_its_user_alone() {
    let rig = Rig::new();
    let (old, _) = rig.thread_of_a_dead_server().await;
    let mut server = rig.server();
    let turn = rig.turn();
    server.reply(&old, &turn).await;
    let listing = rig.listing();
    for (path, (_, mode)) in &listing {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(*mode, wanted, "{} is {mode:o}", path.display());
    }
    assert!(listing.keys().any(|path| path.ends_with("rehydra/aliases.jsonl")));
    assert!(listing.keys().any(|path| path.ends_with("rehydra/locks")));
}

#[tokio::test]
async fn where_the_alias_cannot_be_written_the_reply_works_and_says_so() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    // A file where the directory belongs: nobody can write below it, whoever they are.
    fs::remove_dir_all(rig.home().join("rehydra")).unwrap();
    fs::write(rig.home().join("rehydra"), "").unwrap();
    let mut server = rig.server();
    let (two, three) = (rig.turn(), rig.turn());
    let result = server.reply(&old, &two).await;
    let new = thread_of(&result);
    assert_eq!(result["structuredContent"], said(&new, &two)["structuredContent"]);
    let kinds = kinds(&result);
    assert!(kinds.contains(&"alias_unwritable"), "{kinds:?}");
    assert_eq!(rig.received(&two), after(&[&one], &two));
    assert_eq!(server.reply(&old, &three).await, said(&new, &three));
    assert_eq!(rig.received(&three), after(&[&one, &two], &three));
}

#[tokio::test]
async fn a_relative_home_is_named_in_full_to_clients() {
    let rig = Rig::new();
    let mut server = Server::of(rig.command().env("CODEX_HOME", "../home"));
    let turn = rig.turn();
    let id = server.begin_start(&turn, json!({})).await;
    let configured = server.event(id, "session_configured").await;
    let path = Path::new(configured["rollout_path"].as_str().unwrap());
    assert!(path.is_absolute(), "{}", path.display());
    assert_eq!(path.canonicalize().unwrap(), rig.rollout(configured["thread_id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_home_that_takes_no_rollouts_is_told_and_the_server_lives() {
    let rig = Rig::new();
    fs::write(rig.home().join("sessions"), "").unwrap();
    let before = rig.home().join("sessions");
    let mut server = rig.server();
    let turn = rig.turn();
    let id = server.begin_start(&turn, json!({})).await;
    let result = server.result(id).await;
    assert_eq!(result["isError"], json!(true));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("failed to begin a rollout"), "{text}");
    assert!(rig.requests().is_empty());
    fs::remove_file(before).unwrap();
    let turn = rig.turn();
    server.start(&turn, json!({})).await;
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_refused_at_the_start_with_its_line_and_a_remedy() {
    let rig = Rig::new();
    let file = rig.home().join("config.toml");
    let cases = [
        ("\nsandbox_mode = \"everything\"\n", ":2: `sandbox_mode` is not understood; set read-only"),
        ("model = 5\n", ":1: `model` is of type integer; make it a string"),
        ("model_provider = \"gone\"\n", ":1: `model_provider` names `gone`, which is not defined; add"),
        ("# fine\nmodel = \"m\"\nmodel_providers = [\n", ":"),
    ];
    for (text, expected) in cases {
        fs::write(&file, text).unwrap();
        let (code, said) = Server::refuses_to_start(&mut rig.command()).await;
        let wanted = format!("error: {}{expected}", file.display());
        assert!(said.starts_with(&wanted), "{said:?} does not begin with {wanted:?}");
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    }
}
