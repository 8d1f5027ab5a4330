//! Each scripted failure, as a client meets it.

use std::io::ErrorKind;
use std::sync::Arc;

use super::{open, says, start};
use crate::model::gate::Point;
use crate::model::script::{Break, Drip, Failure, Output, Place, Response};
use crate::model::testing::{Client, Passed, Recorded, ask, marker, prompt, request, soon};
use crate::responses::item;

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

fn breaks(place: Place, how: Break) -> Vec<Response> {
    vec![Response {
        output: vec![Output::Reasoning { summary: "why".into() }, Output::Text { text: "onetwo".into(), chunks: 2 }],
        failure: Some(Failure::At(place, how)),
        ..Response::default()
    }]
}

#[tokio::test]
async fn an_exchange_breaks_at_every_stage() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let places = [
        (Place::Start, "", "HTTP/1.1"),
        (Place::Head, "text/event-stream", "response."),
        (Place::Chunk(1), "\"one\"", "\"two\""),
        (Place::Item(1), "summary_text.done", "\"one\""),
        (Place::Item(2), "output_text.done", "response.completed"),
    ];
    let mut call = 0;
    for (place, there, not_there) in places {
        for how in [Break::Close, Break::Reset] {
            call += 1;
            stub.expect(call, marker(call), breaks(place, how));
            let mut client = Client::post(stub.port(), &prompt(call)).await;
            client.until(there).await;
            let end = client.end().await;
            assert_eq!(end.is_err(), how == Break::Reset, "{place:?} {how:?}: {end:?}");
            let seen = client.now();
            assert!(!seen.contains(not_there) && !seen.ends_with("0\r\n\r\n"), "{place:?} {how:?}: {seen}");
        }
    }
    let mut stalled = Vec::new();
    for (place, there, _) in places {
        call += 1;
        stub.expect(call, marker(call), breaks(place, Break::Stall));
        let mut client = Client::post(stub.port(), &prompt(call)).await;
        client.until(there).await;
        stalled.push(client);
    }
    soon(stub.stop()).await;
    for ((_, _, not_there), client) in places.into_iter().zip(&mut stalled) {
        let seen = client.end().await.unwrap();
        assert!(!seen.contains(not_there), "{seen}");
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let limit = Failure::Refused { status: 429, body: String::new(), retry_after: Some(7), above: None };
    stub.expect(1, marker(1), fails(limit));
    let answer = ask(stub.port(), &prompt(1)).await;
    assert!(answer.starts_with("HTTP/1.1 429 ") && answer.contains("\r\nretry-after: 7\r\n"), "{answer}");
}

#[tokio::test]
async fn a_request_is_too_large_above_a_number_of_bytes() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    let body = prompt(1);
    let above = |above: usize| Failure::Refused {
        status: 413,
        body: String::new(),
        retry_after: None,
        above: Some(above as u64),
    };
    stub.expect(1, marker(1), [fails(above(body.len())), fails(above(body.len() - 1))].concat());
    assert!(ask(stub.port(), &body).await.contains("response.completed"));
    assert!(ask(stub.port(), &body).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn encrypted_reasoning_is_refused_in_the_words_of_the_api() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), [fails(Failure::EncryptedContent), fails(Failure::EncryptedContent)].concat());
    assert!(ask(stub.port(), &prompt(1)).await.contains("response.completed"), "it carries none");
    let sealed = item::sealed_reasoning("rs_1", "why");
    let request = request(&[sealed, item::user(&format!("hello {}", marker(1)))]);
    let answer = ask(stub.port(), &request).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"code\":\"invalid_encrypted_content\""),
        "{answer}"
    );
}

#[tokio::test]
async fn a_stream_may_say_that_it_is_something_else() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), fails(Failure::ContentType { value: "text/html".into() }));
    let answer = ask(stub.port(), &prompt(1)).await;
    assert!(answer.contains("content-type: text/html\r\n") && answer.contains("response.completed"), "{answer}");
}

#[tokio::test]
async fn a_stream_that_comes_in_drops_is_the_same_stream_and_passes_the_same_points() {
    let (recorded, gate) = (Recorded::new(), Arc::new(Passed::default()));
    let stub = start(&recorded, gate.clone());
    let drip = Some(Drip { bytes: 7, every_ms: 1 });
    stub.expect(1, marker(1), vec![says("onetwo", 2)]);
    stub.expect(2, marker(2), vec![Response { drip, ..says("onetwo", 2) }]);
    let whole = ask(stub.port(), &prompt(1)).await;
    let drops = ask(stub.port(), &prompt(2)).await;
    // Each drop is a chunk of its own on the wire, with a line for its size.
    assert!(drops.lines().count() > 3 * whole.lines().count(), "{drops}");
    let passed = gate.0.lock().unwrap();
    let of = |call| passed.iter().filter(|(c, _)| *c == call).map(|(_, point)| *point).collect::<Vec<_>>();
    assert_eq!(of(1), of(2));
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
