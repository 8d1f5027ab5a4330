//! What the tests of this room share: a journal that can be looked at, a gate that can be held, a raw HTTP client.

use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::journal::testing::header;
use crate::journal::{CallId, Direction, Journal, Kind, ModelRequest, Redactor};
use crate::marker::{Carrier, Marker};
use crate::responses::item;

use super::gate::{Gate, Point};

/// A test that waits this long has failed; nothing waits that long when it passes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits, but not for ever.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("what the test waits for has happened")
}

/// A journal in a directory that goes with it.
pub(super) struct Recorded {
    pub(super) journal: Journal,
    dir: tempfile::TempDir,
}

impl Recorded {
    /// The bearer token, which is a secret of the run.
    pub(super) const SECRET: &str = "rehydra-test-token";

    pub(super) fn new() -> Recorded {
        let dir = tempfile::tempdir().unwrap();
        let header = header("model", 1);
        let redactor = Redactor::new([Recorded::SECRET.to_owned()]);
        Recorded { journal: Journal::create(dir.path(), &header, redactor, || 0).unwrap(), dir }
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Vec<ModelRequest> {
        let request = |kind| if let Kind::ModelRequest(request) = kind { Some(request) } else { None };
        self.journal.events().into_iter().filter_map(|event| request(event.kind)).collect()
    }

    /// All bytes that went out so far.
    pub(super) fn sent(&self) -> String {
        let mut sent = Vec::new();
        let blobs = crate::journal::BlobStore::new(self.dir.path());
        for event in self.journal.events() {
            if let Kind::ModelBytes(bytes) = event.kind
                && bytes.direction == Direction::Out
            {
                sent.extend(blobs.bytes(&bytes.bytes).unwrap());
            }
        }
        String::from_utf8(sent).unwrap()
    }

    /// The journal's file as it is now.
    pub(super) fn file(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("journal.jsonl")).unwrap()
    }
}

/// A gate whose holder is told of each point and lets the exchange go on from it.
pub(super) struct Held(mpsc::UnboundedSender<Stopped>);

/// An exchange that waits at a point.
pub(super) struct Stopped {
    pub(super) call: CallId,
    pub(super) point: Point,
    pub(super) go: oneshot::Sender<()>,
}

impl Held {
    pub(super) fn new() -> (Arc<Held>, mpsc::UnboundedReceiver<Stopped>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Arc::new(Held(sender)), receiver)
    }
}

impl Gate for Held {
    fn reach(&self, call: CallId, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let (go, goes) = oneshot::channel();
        self.0.send(Stopped { call, point, go }).unwrap();
        Box::pin(async move {
            let _ = goes.await;
        })
    }
}

/// A gate that is open and remembers what passed it.
#[derive(Default)]
pub(super) struct Passed(pub(super) Mutex<Vec<(CallId, Point)>>);

impl Gate for Passed {
    fn reach(&self, call: CallId, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.lock().unwrap().push((call, point));
        Box::pin(std::future::ready(()))
    }
}

/// The marker of call `n`.
pub(super) fn marker(n: CallId) -> Marker {
    Marker::new(Carrier::Prompt, 1, u64::from(n))
}

/// A request with that input.
pub(super) fn request(input: &[Value]) -> String {
    json!({"model": "mock-model", "stream": true, "input": input}).to_string()
}

/// A request that holds nothing but the prompt of call `n`.
pub(super) fn prompt(n: CallId) -> String {
    request(&[item::user(&format!("hello {}", marker(n)))])
}

/// One connection to the stub, its request written.
pub(super) struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Client {
    /// Posts a request for a response with the right token.
    pub(super) async fn post(port: u16, body: &str) -> Client {
        let authorization = format!("Authorization: Bearer {}\r\n", Recorded::SECRET);
        Client::send(port, "POST /v1/responses", &authorization, body).await
    }

    /// Sends a request with exactly those further header lines.
    pub(super) async fn send(port: u16, line: &str, headers: &str, body: &str) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        // A fixed buffer: the kernel holds no more than this and the sender's for a client that does not read.
        socket.set_recv_buffer_size(64 << 10).unwrap();
        let mut stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
        let head = format!("{line} HTTP/1.1\r\nHost: stub\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        Client { stream, seen: Vec::new() }
    }

    /// Reads until `text` has come.
    pub(super) async fn until(&mut self, text: &str) {
        while !self.seen().contains(text) {
            assert_ne!(soon(self.stream.read_buf(&mut self.seen)).await.unwrap(), 0, "the stream ended before {text}");
        }
    }

    /// What is there without waiting, and all before.
    pub(super) fn now(&mut self) -> String {
        while self.stream.try_read_buf(&mut self.seen).is_ok_and(|n| n > 0) {}
        self.seen()
    }

    /// Reads to the end, which may be an error.
    pub(super) async fn end(&mut self) -> std::io::Result<String> {
        soon(self.stream.read_to_end(&mut self.seen)).await?;
        Ok(self.seen())
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

/// Posts and reads the whole answer.
pub(super) async fn ask(port: u16, body: &str) -> String {
    Client::post(port, body).await.end().await.unwrap()
}
