//! How a server ends with a turn in flight.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::rig::{Rig, said, thread_of};

#[tokio::test]
async fn the_end_of_the_input_waits_for_the_turn_in_flight_and_its_answer() {
    let rig = Rig::new();
    let mut server = rig.server();
    let turn = rig.turn();
    let mut hold = rig.hold_end(&turn);
    let id = server.begin_start(&turn, json!({})).await;
    hold.reached().await;
    server.close();
    drop(hold);
    let frames = server.finish().await;
    let last = frames.last().unwrap();
    assert_eq!(last["id"], json!(id));
    let thread = thread_of(&last["result"]);
    assert_eq!(last["result"], said(&thread, &turn));
    let written = fs::read_to_string(rig.rollout(&thread)).unwrap();
    let end: Value = serde_json::from_str(written.lines().last().unwrap()).unwrap();
    assert_eq!(end["payload"]["type"], "task_complete");
}

/// Shorter than anything that a server could wait for here: the turn, which is held, or its client's library, for 5 s.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The kernel ends the process; nothing of ours is asked.
#[tokio::test]
async fn a_signal_ends_the_server_at_once_whatever_is_in_flight() {
    let rig = Rig::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = rig.server();
        let turn = rig.turn();
        let mut hold = rig.hold(&turn);
        server.begin_start(&turn, json!({})).await;
        hold.reached().await;
        server.signal(signal);
        let ended = tokio::time::timeout(AT_ONCE, server.ended()).await;
        assert_eq!(ended.expect("at once").signal(), Some(signal.as_raw()));
    }
}

/// The prompt was durable before the model was asked.
#[tokio::test]
async fn a_prompt_that_reached_the_model_survives_a_kill() {
    let rig = Rig::new();
    let mut server = rig.server();
    let (one, two) = (rig.turn(), rig.turn());
    let mut hold = rig.hold(&one);
    let id = server.begin_start(&one, json!({"cwd": rig.project()})).await;
    let thread = server.event(id, "session_configured").await["thread_id"].as_str().unwrap().to_owned();
    hold.reached().await;
    server.kill(Signal::KILL).await;
    let mut next = rig.server();
    let result = next.reply(&thread, &two).await;
    assert_eq!(rig.received(&two), [one.markers[0].clone(), two.markers[0].clone()]);
    assert_eq!(super::rig::kinds(&result), ["cut"]);
}
