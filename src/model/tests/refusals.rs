//! What is refused is refused at once, with the reason, and told in the journal.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{open, says, start};
use crate::journal::RefusalKind;
use crate::model::gate::{Open, Point};
use crate::model::server::Stub;
use crate::model::testing::{Client, Passed, Recorded, ask, marker, prompt, request};
use crate::responses::item;

/// The status and the message of an error answer.
fn error(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    (status, body["error"]["message"].as_str().unwrap().to_owned())
}

fn refused(recorded: &Recorded) -> (RefusalKind, String) {
    let refusal = recorded.requests().pop().unwrap().refused.unwrap();
    (refusal.kind, refusal.text)
}

#[tokio::test]
async fn what_no_script_expects_is_refused() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let (status, text) = error(&ask(stub.port(), &prompt(1)).await);
    assert_eq!(status, 400);
    assert!(text.contains("no marker of this run"), "{text}");
    assert_eq!(refused(&recorded), (RefusalKind::Unexpected, text));
}

#[tokio::test]
async fn a_request_beyond_the_script_is_refused_but_its_point_is_reached() {
    let (recorded, gate) = (Recorded::new(), Arc::new(Passed::default()));
    let stub = start(&recorded, gate.clone());
    stub.expect(3, marker(3), vec![says("only", 1)]);
    ask(stub.port(), &prompt(3)).await;
    let (status, text) = error(&ask(stub.port(), &prompt(3)).await);
    assert_eq!((status, text.contains("request 2 of the turn of call 3")), (400, true), "{text}");
    assert_eq!(refused(&recorded).0, RefusalKind::Unexpected);
    assert_eq!(gate.0.lock().unwrap().last(), Some(&(3, Point::Request { n: 2 })));
}

#[tokio::test]
async fn unpaired_calls_and_outputs_are_refused_in_the_words_of_the_api() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let call = item::function_call("fc", "call_x", "shell", &json!({}));
    let output = item::function_call_output("call_x", "done");
    for (n, alone, words) in [
        (1, call, "No tool output found for function call call_x."),
        (2, output, "No tool call found for function call output with call_id call_x."),
    ] {
        stub.expect(n, marker(n), vec![says("never", 1)]);
        let body = request(&[alone, item::user(&format!("hello {}", marker(n)))]);
        assert_eq!(error(&ask(stub.port(), &body).await), (400, words.to_owned()));
        assert_eq!(refused(&recorded), (RefusalKind::Unpaired, words.to_owned()));
        assert_eq!(recorded.requests().pop().unwrap().call, Some(n));
    }
}

#[tokio::test]
async fn a_bearer_token_is_demanded() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), vec![says("never", 1)]);
    let mut digests = Vec::new();
    for headers in ["", "Authorization: Bearer another\r\n", "Authorization: Basic cmVoeWRyYQ==\r\n"] {
        let mut client = Client::send(stub.port(), "POST /v1/responses", headers, &prompt(1)).await;
        let (status, _) = error(&client.end().await.unwrap());
        assert_eq!((status, refused(&recorded).0), (401, RefusalKind::Unauthorized), "{headers}");
        digests.push(recorded.requests().pop().unwrap().credential_digest);
    }
    assert_eq!(digests[0], None);
    assert!(digests[1].is_some() && digests[1] != digests[2]);
    assert!(!recorded.file().contains("another") && !recorded.file().contains("cmVoeWRyYQ"));
}

#[tokio::test]
async fn the_path_without_a_version_and_any_case_of_the_scheme_are_fine() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), vec![says("fine", 1)]);
    let headers = format!("authorization: bearer {}\r\n", Recorded::SECRET);
    let answer = Client::send(stub.port(), "POST /responses", &headers, &prompt(1)).await.end().await.unwrap();
    assert!(answer.contains("\"fine\""));
}

#[tokio::test]
async fn what_is_no_request_for_a_stream_is_malformed() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let (deep, bare) = ("[".repeat(100_000), r#"{"stream":true}"#);
    for body in ["", "not json", "[]", bare, r#"{"input":[],"stream":false}"#, r#"{"input":7,"stream":true}"#, &deep] {
        let (status, text) = error(&ask(stub.port(), body).await);
        assert_eq!((status, refused(&recorded)), (400, (RefusalKind::Malformed, text)), "{body:.20}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_with_the_remedy() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let headers = format!("Authorization: Bearer {}\r\nContent-Encoding: zstd\r\n", Recorded::SECRET);
    let mut client = Client::send(stub.port(), "POST /v1/responses", &headers, "(\u{b5}/\u{fd}").await;
    let (status, text) = error(&client.end().await.unwrap());
    assert_eq!((status, refused(&recorded).0), (415, RefusalKind::Malformed));
    assert!(text.contains("switch request compression off"), "{text}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_client_can_read_why() {
    let recorded = Recorded::new();
    let stub =
        Stub::start_with_limit(recorded.journal.clone(), Arc::new(Open), Recorded::SECRET.to_owned(), 1000).unwrap();
    let (status, _) = error(&ask(stub.port(), &request(&[item::user(&"x".repeat(3000))])).await);
    assert_eq!((status, refused(&recorded).0), (413, RefusalKind::Malformed));
}

#[tokio::test]
async fn other_paths_are_not_found_and_a_prompt_that_went_astray_is_told() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let (status, _) = error(&Client::send(stub.port(), "GET /v1/models", "", "").await.end().await.unwrap());
    assert_eq!((status, recorded.requests().len()), (404, 0));
    let mut astray = Client::send(stub.port(), "POST /v1/chat/completions", "", "{}").await;
    assert_eq!((error(&astray.end().await.unwrap()).0, refused(&recorded).0), (404, RefusalKind::Malformed));
}
