//! How clients open, and open again after a death.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::rig::{Rig, Server, after, said, thread_of};

/// Claude Code's: a probe with a version that has no `initialize`, then `initialize`, then the initialized notification.
async fn open(server: &mut Server) {
    let meta = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}});
    let probe = json!({"jsonrpc": "2.0", "id": "server-discover-probe-1", "method": "server/discover", "params": meta});
    server.send(&format!("{probe}\n")).await;
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {"roots": {}, "elicitation": {"form": {}}},
        "clientInfo": {"name": "claude-code", "version": "2.1.330"}
    });
    let id = server.ask("initialize", hello).await;
    let opened = server.answer(id).await;
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(opened["result"]["serverInfo"]["name"], "rehydra");
}

async fn initialized(server: &mut Server) {
    server.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
}

fn probe_answers(frames: &[Value]) -> Vec<&Value> {
    frames.iter().filter(|frame| frame["id"] == "server-discover-probe-1").collect()
}

#[tokio::test]
async fn a_client_that_probes_falls_back_and_goes_on_after_a_death_with_the_same_ids() {
    let rig = Rig::new();
    let mut first = rig.server();
    open(&mut first).await;
    initialized(&mut first).await;
    let tools = first.ask("tools/list", json!({})).await;
    assert_eq!(first.result(tools).await["tools"].as_array().map(Vec::len), Some(2));
    let blue = rig.turn();
    let old = first.start(&blue, json!({"cwd": rig.project()})).await;
    first.kill(Signal::KILL).await;

    // The client opens anew, counts from 0 again, and asks for no list.
    let mut second = rig.server();
    open(&mut second).await;
    initialized(&mut second).await;
    let seven = rig.turn();
    let id = second.begin_reply(&old, &seven).await;
    assert_eq!(id, 1);
    let result = second.result(id).await;
    assert_ne!(thread_of(&result), old);
    assert_eq!(rig.received(&seven), after(&[&blue], &seven));

    let frames = second.finish().await;
    let error = json!({
        "code": -32601, "message": "method not found: server/discover", "data": {"method": "server/discover"}
    });
    let expected = json!({"jsonrpc": "2.0", "id": "server-discover-probe-1", "error": error});
    assert_eq!(probe_answers(&frames), [&expected]);
}

#[tokio::test]
async fn calls_are_served_before_the_client_says_that_it_is_initialized_and_before_it_initializes() {
    let rig = Rig::new();
    let mut server = rig.server();
    let (one, two) = (rig.turn(), rig.turn());
    let thread = server.start(&one, json!({})).await;
    open(&mut server).await;
    let id = server.begin_reply(&thread, &two).await;
    initialized(&mut server).await;
    assert_eq!(server.result(id).await, said(&thread, &two));
}
