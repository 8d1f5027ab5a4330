//! What a reply says that brought a thread back.

use std::fs;
use std::io::Write;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::rig::{Rig, after, kinds, rehydration, said, thread_of};

#[tokio::test]
async fn a_whole_thread_comes_back_without_a_word_beside_codexs() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    let before = fs::read(rig.rollout(&old)).unwrap();
    let mut server = rig.server();
    let (two, three) = (rig.turn(), rig.turn());
    let id = server.begin_reply(&old, &two).await;
    let result = server.result(id).await;
    let new = thread_of(&result);
    let mut expected = said(&new, &two);
    expected["_meta"] = json!({"rehydra/rehydration": {"from": old, "to": new, "notes": []}});
    assert_eq!(result, expected);
    assert_eq!(rig.received(&two), after(&[&one], &two));

    let configured = server.event(id, "session_configured").await;
    assert_eq!(configured["rollout_path"], json!(rig.rollout(&new)));
    assert_eq!(configured["cwd"], json!(rig.project()));
    assert_eq!(rig.meta(&new)["forked_from_id"], json!(old));
    assert_eq!(rig.aliases(), [(old.clone(), new.clone())]);
    assert_eq!(fs::read(rig.rollout(&old)).unwrap(), before, "the source is left as it was");

    // From now on both ids are the same thread in memory, and nothing more is told.
    assert_eq!(server.reply(&old, &three).await, said(&new, &three));
    assert_eq!(rig.received(&three), after(&[&one, &two], &three));
}

#[tokio::test]
async fn an_old_id_leads_to_what_was_said_since_through_every_restart() {
    let rig = Rig::new();
    let (first, mut last) = rig.thread_of_a_dead_server().await;
    let mut ids = vec![first.clone()];
    let mut turns = vec![];
    for _ in 0..3 {
        let mut server = rig.server();
        let turn = rig.turn();
        let result = server.reply(&first, &turn).await;
        ids.push(thread_of(&result));
        turns.push(std::mem::replace(&mut last, turn));
        assert_eq!(rig.received(&last), after(&turns.iter().collect::<Vec<_>>(), &last));
        server.kill(Signal::KILL).await;
    }
    let hops: Vec<_> = ids.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    assert_eq!(rig.aliases(), hops);
}

#[tokio::test]
async fn an_unknown_id_gets_the_answer_of_the_server_without_rehydration_and_makes_nothing() {
    let rig = Rig::new();
    rig.thread_of_a_dead_server().await;
    let before = rig.listing();
    let ids = [
        "01a2019e-7c9d-7000-8000-000000000001",
        "01A2019E-7C9D-7000-8000-000000000001",
        "urn:uuid:01a2019e-7c9d-7000-8000-000000000001",
        "../../etc/passwd",
        "*",
        "",
        &"a".repeat(10_240),
    ];
    let mut answers = Vec::new();
    for flags in [&[][..], &["--no-rehydrate"]] {
        let mut server = rig.server_with(flags);
        let mut all = Vec::new();
        for id in ids {
            let turn = rig.turn();
            all.push(server.reply(id, &turn).await);
        }
        server.kill(Signal::KILL).await;
        answers.push(all);
    }
    assert_eq!(answers[0], answers[1]);
    let canonical = "01a2019e-7c9d-7000-8000-000000000001";
    let text = format!("Session not found for thread_id: {canonical}");
    let expected = json!({
        "content": [{"type": "text", "text": text}],
        "structuredContent": {"threadId": canonical, "content": text},
        "isError": true
    });
    assert!(answers[0][..3].iter().all(|answer| *answer == expected), "{:?}", answers[0]);
    assert!(answers[0][3..].iter().all(|answer| answer["isError"] == json!(true)));
    assert_eq!(rig.listing(), before);
}

/// The second block holds exactly the owed notes, and each note names its file.
fn told(result: &Value) -> (&str, &Value) {
    let content = result["content"].as_array().unwrap();
    assert_eq!(content.len(), 2, "{result}");
    (content[1]["text"].as_str().unwrap(), &rehydration(result)["notes"])
}

#[tokio::test]
async fn a_cwd_that_is_gone_is_told_and_kept() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    fs::remove_dir(rig.project()).unwrap();
    let mut server = rig.server();
    let two = rig.turn();
    let id = server.begin_reply(&old, &two).await;
    let result = server.result(id).await;
    let (text, notes) = told(&result);
    assert_eq!(kinds(&result), ["cwd_missing"]);
    assert_eq!(text, format!("[rehydra] {}", notes[0]["text"].as_str().unwrap()));
    assert_eq!(notes[0]["file"], json!(rig.rollout(&old)));
    assert_eq!(server.event(id, "session_configured").await["cwd"], json!(rig.project()));
    assert_eq!(rig.received(&two), after(&[&one], &two));
    assert!(!rig.project().exists());
}

#[tokio::test]
async fn a_torn_end_costs_its_record_and_is_told_with_its_place() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    let path = rig.rollout(&old);
    let whole = fs::metadata(&path).unwrap().len();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(br#"{"timestamp":"2026-01-02T03:04:05.000Z","type":"response_item","payl"#).unwrap();
    let mut server = rig.server();
    let two = rig.turn();
    let result = server.reply(&old, &two).await;
    assert_eq!(kinds(&result), ["lost"]);
    let (text, notes) = told(&result);
    assert!(text.starts_with("[rehydra] something of the conversation is lost"), "{text}");
    assert_eq!((&notes[0]["file"], &notes[0]["byte"]), (&json!(path), &json!(whole)));
    assert_eq!(result["structuredContent"]["content"], json!(two.text));
    assert_eq!(rig.received(&two), after(&[&one], &two));
}

#[tokio::test]
async fn a_model_error_in_a_rehydrated_reply_names_the_new_thread_which_goes_on() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    let mut server = rig.server();
    let (two, three) = (rig.refused_turn(), rig.turn());
    let result = server.reply(&old, &two).await;
    let new = thread_of(&result);
    assert_eq!(result["isError"], json!(true));
    assert_eq!(rehydration(&result)["to"], json!(new));
    assert_eq!(rig.aliases(), [(old.clone(), new.clone())]);
    assert_eq!(server.reply(&old, &three).await, said(&new, &three));
    let [first, noted] = one.markers;
    assert_eq!(rig.received(&three), [first, noted, two.markers[0].clone(), three.markers[0].clone()]);
}

#[tokio::test]
async fn a_rollout_that_cannot_be_brought_back_is_an_error_that_says_why_and_leaves_nothing() {
    let rig = Rig::new();
    let (old, _) = rig.thread_of_a_dead_server().await;
    fs::write(rig.rollout(&old), "no record at all\n").unwrap();
    let mut before = rig.listing();
    // What the killed server left is cleared away on the way.
    before.retain(|path, _| path.extension().is_none_or(|end| end != "lock"));
    let mut server = rig.server();
    let turn = rig.turn();
    let result = server.reply(&old, &turn).await;
    assert_eq!(result["isError"], json!(true));
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("no session metadata") && text.contains("at byte 0"), "{text}");
    assert_eq!(result.get("_meta"), None);
    server.finish().await;
    assert_eq!(rig.listing(), before);
}
