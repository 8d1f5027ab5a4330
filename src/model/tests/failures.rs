//! Each scripted failure, as a client meets it.

use std::io::ErrorKind;
use std::sync::Arc;

use super::{open, says, start};
use crate::model::gate::Point;
use crate::model::script::{Failure, Response};
use crate::model::testing::{Client, Passed, Recorded, ask, marker, prompt, soon};

fn fails(failure: Failure) -> Vec<Response> {
    vec![Response { failure: Some(failure), ..says("onetwo", 2) }]
}

#[tokio::test]
async fn an_http_error_comes_with_its_status_and_body() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let body = r#"{"error":{"message":"overloaded"}}"#.to_owned();
    stub.expect(1, marker(1), fails(Failure::Http { status: 503, body: body.clone() }));
    let answer = ask(stub.port(), &prompt(1)).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    assert!(answer.contains("content-type: application/json"));
}

#[tokio::test]
async fn a_reset_is_a_reset_before_any_header() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), fails(Failure::Reset));
    let error = Client::post(stub.port(), &prompt(1)).await.end().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(recorded.sent(), "");
    assert_eq!(recorded.requests().len(), 1);
}

#[tokio::test]
async fn a_close_in_mid_body_is_an_orderly_end_of_an_unfinished_body() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    for (call, after, there, not_there) in
        [(1, 0, "response.created", "output_item.added"), (2, 1, "\"one\"", "\"two\""), (3, 2, "\"two\"", "_text.done")]
    {
        stub.expect(call, marker(call), fails(Failure::Close { after }));
        let answer = ask(stub.port(), &prompt(call)).await;
        assert!(answer.contains("transfer-encoding: chunked"));
        assert!(answer.contains(there) && !answer.contains(not_there), "after {after}: {answer}");
        assert!(!answer.ends_with("0\r\n\r\n"));
    }
}

#[tokio::test]
async fn without_completed_the_body_ends_in_order_and_the_end_is_reached() {
    let (recorded, gate) = (Recorded::new(), Arc::new(Passed::default()));
    let stub = start(&recorded, gate.clone());
    stub.expect(1, marker(1), fails(Failure::NoCompleted));
    let answer = ask(stub.port(), &prompt(1)).await;
    assert!(answer.contains("response.output_item.done") && !answer.contains("response.completed"));
    assert!(answer.ends_with("0\r\n\r\n"));
    assert_eq!(gate.0.lock().unwrap().last(), Some(&(1, Point::End)));
}

#[tokio::test]
async fn a_stall_keeps_the_connection_open_until_the_stub_stops() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), fails(Failure::Stall { after: 1 }));
    stub.expect(2, marker(2), vec![says("alive", 1)]);
    let mut client = Client::post(stub.port(), &prompt(1)).await;
    client.until("\"one\"").await;
    assert!(ask(stub.port(), &prompt(2)).await.contains("\"alive\""));
    assert!(!client.now().contains("\"two\""));
    soon(stub.stop()).await;
    let answer = client.end().await.unwrap();
    assert!(!answer.contains("\"two\"") && !answer.ends_with("0\r\n\r\n"));
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", stub.port())).await.is_err());
}

#[tokio::test]
async fn a_dropped_stub_closes_its_connections() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), fails(Failure::Stall { after: 0 }));
    let mut client = Client::post(stub.port(), &prompt(1)).await;
    client.until("response.created").await;
    drop(stub);
    client.end().await.unwrap();
}

#[tokio::test]
async fn after_a_failure_the_turn_goes_on_with_its_next_response() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let mut responses = fails(Failure::Reset);
    responses.push(says("second", 1));
    stub.expect(1, marker(1), responses);
    assert!(Client::post(stub.port(), &prompt(1)).await.end().await.is_err());
    assert!(ask(stub.port(), &prompt(1)).await.contains("\"second\""));
}
