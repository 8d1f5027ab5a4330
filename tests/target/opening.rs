//! Targets that cannot be opened, and what the user is told.

use libtest_mimic::Trial;
use rehydra::journal::{Body, Direction, Kind};

use crate::rig::{KILL, Plan, Rig, is_there, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_program_that_is_not_there_is_told", not_there),
        trial("a_server_that_exits_at_once_is_told_with_its_last_words", exits),
        trial("a_server_that_never_answers_is_told_and_ended", silent),
        trial("a_server_that_prints_no_json_rpc_is_told_what_it_printed", junk),
        trial("a_server_that_refuses_is_told_with_its_error", refuses),
        trial("a_server_without_codex_tools_is_told_its_own", other_tools),
        trial("ids_begin_anew_in_each_life_and_the_tools_are_listed_once", lives),
        trial("a_life_is_not_opened_over_another", over_another),
        trial("a_directory_that_is_not_there_is_told", no_cwd),
    ]
}

async fn told(rig: &Rig) -> String {
    rig.try_open(1).await.expect_err("it cannot be opened").to_string()
}

fn nothing_left(rig: &Rig) {
    let pids = rig.all(|kind| match kind {
        Kind::Spawn(spawn) => Some(spawn.pid),
        _ => None,
    });
    assert_eq!(pids.len(), 1);
    assert!(!is_there(pids[0]));
    assert_eq!(rig.story().last().map(String::as_str), Some("death"));
}

async fn not_there() {
    let rig = Plan::command(&["/nonexistent/server", "--stdio"]).rig();
    let text = told(&rig).await;
    assert!(text.contains("exited with code 127 before the conversation was open"), "{text}");
    assert!(text.contains("failed to start `/nonexistent/server`: No such file or directory"), "{text}");
    assert!(text.contains("help: check the command"), "{text}");
    nothing_left(&rig);
}

async fn exits() {
    let rig = Plan::fake("exits").rig();
    let text = told(&rig).await;
    assert!(text.contains("exited with code 3 before the conversation was open"), "{text}");
    assert!(text.contains("cannot open the ␛[31mdatabase"), "{text}");
    nothing_left(&rig);
}

async fn silent() {
    let rig = Plan::fake("silent").limits(|limits| limits.open_ms = 100).rig();
    let text = told(&rig).await;
    assert!(text.contains("did not answer `initialize` within 100 ms"), "{text}");
    assert!(text.contains("raise the limit `open_ms`"), "{text}");
    nothing_left(&rig);
}

async fn junk() {
    let rig = Plan::fake("junk").limits(|limits| limits.open_ms = 3000).rig();
    let text = told(&rig).await;
    assert!(text.contains("on stdout, which is for JSON-RPC alone: Server listening on stdio!"), "{text}");
    assert!(text.contains("Its log belongs on stderr"), "{text}");
    nothing_left(&rig);
}

async fn refuses() {
    let rig = Plan::fake("refuses").rig();
    let text = told(&rig).await;
    assert!(text.contains(r#"answered `initialize` with an error: {"code":-32600,"message":"too old"}"#), "{text}");
    nothing_left(&rig);
}

async fn other_tools() {
    let rig = Plan::fake("other-tools").rig();
    let text = told(&rig).await;
    assert!(text.contains("has no tool `codex` and no `codex-reply`; its tools: ask"), "{text}");
    nothing_left(&rig);
}

async fn lives() {
    let rig = Plan::fake("plain").rig();
    for life in 1..=2 {
        rig.open(life).await;
        rig.call("hello").await;
        rig.bury(KILL).await;
    }
    let requests = rig.all(|kind| match kind {
        Kind::Frame(frame) if frame.direction == Direction::In => match frame.bytes {
            Body::Text(text) => {
                let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                line["id"].as_i64().map(|id| format!("{id} {}", line["method"].as_str().unwrap_or_default()))
            }
            _ => None,
        },
        _ => None,
    });
    assert_eq!(requests, ["0 initialize", "1 tools/list", "2 tools/call", "0 initialize", "1 tools/call"]);
    assert_eq!(rig.events().last().map(|event| event.incarnation), Some(2));
}

async fn over_another() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    assert!(rig.try_open(2).await.expect_err("there is one").to_string().contains("bury it before"));
    assert_eq!(rig.call("still there").await.text, "you said: still there");
    rig.bury(KILL).await;
}

async fn no_cwd() {
    let rig = Plan::fake("plain").rig();
    let plan = rehydra::target::LifePlan {
        incarnation: 1,
        process_cwd: "/nonexistent/cwd".into(),
        opening: None,
        differs: Default::default(),
    };
    let error = rehydra::target::Target::open(&rig.target, plan).await.expect_err("it cannot be opened");
    assert!(error.to_string().contains("the working directory /nonexistent/cwd is no directory"), "{error}");
}
