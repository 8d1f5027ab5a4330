//! Points are reached in order, and mean what they say.

use std::sync::Arc;

use serde_json::json;

use super::{open, says, start};
use crate::model::gate::{Edge, Point};
use crate::model::script::{Failure, Output, Response};
use crate::model::testing::{Client, Held, Passed, Recorded, ask, marker, prompt, request, soon};
use crate::responses::item;

fn before(n: u32) -> Point {
    Point::Chunk { n, edge: Edge::Before }
}

fn after(n: u32) -> Point {
    Point::Chunk { n, edge: Edge::After }
}

#[tokio::test]
async fn points_come_in_order_over_all_requests_of_a_turn() {
    let (recorded, gate) = (Recorded::new(), Arc::new(Passed::default()));
    let stub = start(&recorded, gate.clone());
    let mut first = says("abc", 2);
    first.output.push(Output::Call { name: "shell".into(), arguments: json!({}) });
    stub.expect(1, marker(1), vec![first, says("def", 1)]);
    ask(stub.port(), &prompt(1)).await;
    ask(stub.port(), &prompt(1)).await;
    let points: Vec<Point> = gate.0.lock().unwrap().iter().map(|(_, point)| *point).collect();
    let request = |n| Point::Request { n };
    let expected = [request(1), before(1), after(1), before(2), after(2), request(2), before(3), after(3), Point::End];
    assert_eq!(points, expected);
}

#[tokio::test]
async fn a_held_point_holds_exactly_what_it_says() {
    let (recorded, (gate, mut stops)) = (Recorded::new(), Held::new());
    let stub = start(&recorded, gate);
    stub.expect(1, marker(1), vec![says("onetwo", 2)]);
    let mut client = Client::post(stub.port(), &prompt(1)).await;
    let mut points = Vec::new();
    for _ in 0..6 {
        let stopped = soon(stops.recv()).await.unwrap();
        let (there, not_there): (&[&str], &[&str]) = match stopped.point {
            Point::Request { .. } => (&[], &["HTTP/1.1"]),
            point if point == before(1) => (&["HTTP/1.1 200", "response.content_part.added"], &["\"one\""]),
            point if point == after(1) => (&["\"one\""], &["\"two\""]),
            point if point == before(2) => (&["\"one\""], &["\"two\""]),
            point if point == after(2) => (&["\"two\""], &["response.output_text.done"]),
            _ => (&["response.output_item.done"], &["response.completed"]),
        };
        for text in there {
            assert!(recorded.sent().contains(text), "{text} at {:?}", stopped.point);
            client.until(text).await;
        }
        for text in not_there {
            assert!(!recorded.sent().contains(text), "{text} at {:?}", stopped.point);
            assert!(!client.now().contains(text), "{text} at {:?}", stopped.point);
        }
        points.push(stopped.point);
        stopped.go.send(()).unwrap();
    }
    assert_eq!(points, [Point::Request { n: 1 }, before(1), after(1), before(2), after(2), Point::End]);
    let whole = client.end().await.unwrap();
    assert!(whole.contains("response.completed") && whole.ends_with("0\r\n\r\n"));
    assert_eq!(recorded.sent(), whole);
}

#[tokio::test]
async fn a_chunk_that_the_socket_does_not_take_at_once_is_not_after() {
    let (recorded, (gate, mut stops)) = (Recorded::new(), Held::new());
    let stub = start(&recorded, gate);
    // Far more than the kernel holds for a client that does not read.
    let long = "x".repeat(8 << 20);
    stub.expect(1, marker(1), vec![Response { failure: Some(Failure::Close { after: 1 }), ..says(&long, 1) }]);
    let mut client = Client::post(stub.port(), &prompt(1)).await;
    for point in [Point::Request { n: 1 }, before(1)] {
        let stopped = soon(stops.recv()).await.unwrap();
        assert_eq!(stopped.point, point);
        stopped.go.send(()).unwrap();
    }
    client.until("xxxx").await;
    assert!(stops.try_recv().is_err());
    let reading = tokio::spawn(async move { client.end().await });
    let stopped = soon(stops.recv()).await.unwrap();
    assert_eq!(stopped.point, after(1));
    assert!(recorded.sent().contains(&long));
    stopped.go.send(()).unwrap();
    assert!(soon(reading).await.unwrap().unwrap().contains(&long));
}

#[tokio::test]
async fn while_one_turn_is_held_another_goes_on() {
    let (recorded, (gate, mut stops)) = (Recorded::new(), Held::new());
    let stub = start(&recorded, gate);
    stub.expect(1, marker(1), vec![says("slow", 1)]);
    stub.expect(2, marker(2), vec![says("fast", 1)]);
    let mut slow = Client::post(stub.port(), &prompt(1)).await;
    let held = soon(stops.recv()).await.unwrap();
    assert_eq!((held.call, held.point), (1, Point::Request { n: 1 }));
    let mut fast = Client::post(stub.port(), &prompt(2)).await;
    for _ in 0..4 {
        let stopped = soon(stops.recv()).await.unwrap();
        assert_eq!(stopped.call, 2);
        stopped.go.send(()).unwrap();
    }
    assert!(fast.end().await.unwrap().contains("\"fast\""));
    assert_eq!(slow.now(), "");
    held.go.send(()).unwrap();
    for _ in 0..3 {
        soon(stops.recv()).await.unwrap().go.send(()).unwrap();
    }
    assert!(slow.end().await.unwrap().contains("\"slow\""));
}

#[tokio::test]
async fn an_exchange_ends_when_its_client_goes_away_at_a_held_point() {
    let (recorded, (gate, mut stops)) = (Recorded::new(), Held::new());
    let stub = start(&recorded, gate);
    stub.expect(1, marker(1), vec![says("one", 1)]);
    for point in [Point::Request { n: 1 }, before(1)] {
        stub.expect(1, marker(1), vec![says("one", 1)]);
        let client = Client::post(stub.port(), &prompt(1)).await;
        let mut stopped = soon(stops.recv()).await.unwrap();
        while stopped.point != point {
            stopped.go.send(()).unwrap();
            stopped = soon(stops.recv()).await.unwrap();
        }
        drop(client);
        soon(stopped.go.closed()).await;
    }
}

#[tokio::test]
async fn requests_are_journalled_with_what_they_say() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(7, marker(7), vec![says("x", 1)]);
    let context = crate::responses::context::environment_context("/work/dir");
    let items = [
        item::user(&context),
        item::function_call("fc", "call_1", "shell", &json!({})),
        item::function_call_output("call_1", "aborted"),
        item::user(&format!("hello {}", marker(7))),
    ];
    ask(stub.port(), &request(&items)).await;
    let seen = recorded.requests().remove(0);
    assert_eq!((seen.n, seen.call, seen.of_turn, seen.refused), (1, Some(7), 1, None));
    assert_eq!(seen.cwd_told.as_deref(), Some("/work/dir"));
    let contexts: Vec<_> = seen.items.iter().map(|item| item.context.as_deref()).collect();
    assert_eq!(contexts, [Some("environment_context"), None, Some("aborted"), None]);
    assert_eq!(seen.items[3].markers, [marker(7)]);
    assert_eq!(seen.from.len(), 2);
    assert_eq!(seen.credential_digest.map(|digest| digest.len()), Some(64));
    assert!(!recorded.file().contains(Recorded::SECRET));
}

#[tokio::test]
async fn a_prompt_of_five_megabytes_is_answered() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), vec![says("read it", 1)]);
    let long = format!("{} {}", "word ".repeat(1 << 20), marker(1));
    let answer = ask(stub.port(), &request(&[item::user(&long)])).await;
    assert!(answer.contains("\"read it\""));
    assert_eq!(recorded.requests()[0].call, Some(1));
}

#[tokio::test]
async fn a_request_without_a_marker_is_answered_by_its_pattern() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.unprompted("^Summarise", says("in short", 1)).unwrap();
    for _ in 0..2 {
        assert!(ask(stub.port(), &request(&[item::user("Summarise it")])).await.contains("\"in short\""));
    }
    assert_eq!(recorded.requests()[1].call, None);
}

#[tokio::test]
async fn a_response_without_output_is_one() {
    let recorded = Recorded::new();
    let stub = open(&recorded);
    stub.expect(1, marker(1), vec![Response::default()]);
    assert!(ask(stub.port(), &prompt(1)).await.contains("response.completed"));
}

#[tokio::test]
async fn a_client_without_chunked_encoding_passes_the_same_points() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (recorded, gate) = (Recorded::new(), Arc::new(Passed::default()));
    let stub = start(&recorded, gate.clone());
    stub.expect(1, marker(1), vec![says("abc", 2)]);
    let body = prompt(1);
    let head = format!(
        "POST /v1/responses HTTP/1.0\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        Recorded::SECRET,
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", stub.port())).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut seen = String::new();
    soon(stream.read_to_string(&mut seen)).await.unwrap();
    assert!(seen.ends_with("\n\n") && seen.contains("response.completed"), "{seen}");
    assert_eq!(gate.0.lock().unwrap().len(), 6);
}
