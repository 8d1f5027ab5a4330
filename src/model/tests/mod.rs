//! The stub over real loopback sockets, seen from the client's side.

mod failures;
mod gates;
mod refusals;

use std::sync::Arc;

use super::gate::{Gate, Open};
use super::script::{Output, Response};
use super::server::Stub;
use super::testing::Recorded;

fn start(recorded: &Recorded, gate: Arc<dyn Gate>) -> Stub {
    Stub::start(recorded.journal.clone(), gate, Recorded::SECRET.to_owned()).unwrap()
}

fn open(recorded: &Recorded) -> Stub {
    start(recorded, Arc::new(Open))
}

fn says(text: &str, chunks: u32) -> Response {
    Response { output: vec![Output::Text { text: text.into(), chunks }], ..Response::default() }
}
