//! Turns beside, behind and instead of one another.

use serde_json::{Value, json};

use super::rig::{Rig, after, said, thread_of};

fn cancelled(id: u64) -> String {
    let params = json!({"requestId": id, "reason": "Request timed out"});
    format!("{}\n", json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}))
}

#[tokio::test]
async fn a_call_that_is_taken_back_is_never_answered_and_its_thread_goes_on() {
    let rig = Rig::new();
    let mut server = rig.server();
    let (one, two, three) = (rig.turn(), rig.stalling_turn(), rig.turn());
    let thread = server.start(&one, json!({})).await;
    let id = server.begin_reply(&thread, &two).await;
    server.event(id, "agent_message_content_delta").await;
    server.send(&cancelled(id)).await;
    assert_eq!(server.reply(&thread, &three).await, said(&thread, &three));
    let [asked, _] = two.markers.clone();
    let [blue, noted] = one.markers.clone();
    assert_eq!(rig.received(&three), [blue, noted, asked, three.markers[0].clone()]);
    assert!(server.finish().await.iter().all(|frame| frame["id"] != json!(id)));
}

#[tokio::test]
async fn a_call_that_is_taken_back_while_it_queues_never_reaches_the_model() {
    let rig = Rig::new();
    let mut server = rig.server();
    let (one, two, three, four) = (rig.turn(), rig.turn(), rig.turn(), rig.turn());
    let thread = server.start(&one, json!({})).await;
    let mut hold = rig.hold(&two);
    let running = server.begin_reply(&thread, &two).await;
    hold.reached().await;
    let queued = server.begin_reply(&thread, &three).await;
    server.send(&cancelled(queued)).await;
    drop(hold);
    server.result(running).await;
    server.reply(&thread, &four).await;
    assert_eq!(rig.received(&four), after(&[&one, &two], &four));
}

/// All requests are in the pipe before the server reads the first of them, so nothing but its own order decides.
#[tokio::test]
async fn turns_of_one_thread_run_in_the_order_in_which_they_were_sent() {
    let rig = Rig::new();
    let (old, blue) = rig.thread_of_a_dead_server().await;
    let mut server = rig.server();
    let turns: Vec<_> = (0..12).map(|_| rig.turn()).collect();
    let requests: Vec<(u64, String)> = turns
        .iter()
        .map(|turn| {
            let arguments = json!({"threadId": old, "prompt": turn.prompt});
            server.request("tools/call", json!({"name": "codex-reply", "arguments": arguments}))
        })
        .collect();
    let frames: String = requests.iter().map(|(_, frame)| frame.as_str()).collect();
    server.send(&frames).await;
    let mut threads = Vec::new();
    for (id, _) in &requests {
        threads.push(thread_of(&server.result(*id).await));
    }
    threads.dedup();
    assert_eq!(threads.len(), 1, "one continuation for all");
    let (last, before) = turns.split_last().unwrap();
    let history: Vec<_> = std::iter::once(&blue).chain(before).collect();
    assert_eq!(rig.received(last), after(&history, last));
}

#[tokio::test]
async fn threads_do_not_wait_for_one_another() {
    let rig = Rig::new();
    let mut server = rig.server();
    let (one, two) = (rig.turn(), rig.turn());
    let (mut first, mut second) = (rig.hold(&one), rig.hold(&two));
    let one_id = server.begin_start(&one, json!({})).await;
    first.reached().await;
    let two_id = server.begin_start(&two, json!({})).await;
    second.reached().await;
    // The later one is answered first.
    drop(second);
    let two_thread = thread_of(&server.result(two_id).await);
    drop(first);
    let one_result = server.result(one_id).await;
    assert_ne!(thread_of(&one_result), two_thread);
    assert_eq!(one_result, said(&thread_of(&one_result), &one));
}

#[tokio::test]
async fn a_thread_that_is_brought_back_does_not_wait_for_a_turn_of_another() {
    let rig = Rig::new();
    let (old, _) = rig.thread_of_a_dead_server().await;
    let mut server = rig.server();
    let (one, two) = (rig.turn(), rig.turn());
    let mut hold = rig.hold(&one);
    let id = server.begin_start(&one, json!({})).await;
    hold.reached().await;
    let result: Value = server.reply(&old, &two).await;
    assert_eq!(result["content"][0]["text"], json!(two.text));
    drop(hold);
    server.result(id).await;
}
