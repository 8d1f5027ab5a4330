//! Taking a request in: its head and body whole, within limits, recorded, and read as far as it can be.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, header};
use serde_json::Value;

use crate::journal::{Direction, Seq, sha256_hex};
use crate::limits::MODEL_READ_MS;
use crate::responses::{context, item, pairing};

use super::counting::Wire;
use super::refuse::Refused;
use super::shell::Shell;

/// A request as it came.
pub(super) struct Received {
    pub(super) head: Parts,
    /// Whole, or what came of it before a limit.
    pub(super) body: Vec<u8>,
    /// Where the journal has its bytes.
    pub(super) from: Vec<Seq>,
    /// It exceeded a limit.
    pub(super) refused: Option<Refused>,
}

/// The client went away before its request was whole.
#[derive(Debug)]
pub(super) struct Gone;

/// Reads the request to its end and records it. A body beyond the limit is read on but not kept, so that the client
/// gets to read the refusal.
pub(super) async fn receive(
    wire: &Wire,
    request: hyper::Request<Incoming>,
    limit_bytes: usize,
) -> Result<Received, Gone> {
    let (head, mut incoming) = request.into_parts();
    let mut from = vec![wire.record(Direction::In, &head_bytes(&head))];
    let mut body = Vec::new();
    let mut refused = None;
    let mut dropped = 0usize;
    let outcome = loop {
        let Ok(frame) = tokio::time::timeout(Duration::from_millis(MODEL_READ_MS), incoming.frame()).await else {
            let text = format!("the request stopped in the middle for {MODEL_READ_MS} ms; send it whole");
            refused = Some(Refused::malformed(StatusCode::REQUEST_TIMEOUT, text));
            break Ok(());
        };
        match frame {
            None => break Ok(()),
            Some(Err(_)) => break Err(Gone),
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_else(|_| Bytes::new());
                if refused.is_none() && body.len() + data.len() <= limit_bytes {
                    body.extend_from_slice(&data);
                    continue;
                }
                let text = format!("the request is longer than {limit_bytes} bytes, the stub model's limit");
                refused = Some(Refused::malformed(StatusCode::PAYLOAD_TOO_LARGE, text));
                dropped += data.len();
                if dropped > 4 * limit_bytes {
                    break Ok(());
                }
            }
        }
    };
    if !body.is_empty() {
        from.push(wire.record(Direction::In, &body));
    }
    outcome.map(|()| Received { head, body, from, refused })
}

/// The head as text, credentials replaced.
fn head_bytes(head: &Parts) -> Vec<u8> {
    let mut text = format!("{} {} {:?}\r\n", head.method, head.uri, head.version).into_bytes();
    for (name, value) in &head.headers {
        let secret =
            ["authorization", "proxy-authorization", "api-key", "x-api-key", "cookie"].contains(&name.as_str());
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(if secret { "«redacted»".as_bytes() } else { value.as_bytes() });
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// What a request for a response says.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) input: Vec<Value>,
    /// Text of the last message of the user that is not contextual; empty if there is none.
    pub(super) prompt: String,
    pub(super) cwd_told: Option<String>,
    /// Bytes of its body.
    pub(super) len: u64,
    /// It carries encrypted reasoning.
    pub(super) sealed: bool,
    /// The tool for shell commands that it offers.
    pub(super) shell: Shell,
    /// SHA-256 of the credential, hex.
    pub(super) credential_digest: Option<String>,
    /// Why it gets no answer, the first reason of those the API checks in this order: credential, form, pairing.
    pub(super) refused: Option<Refused>,
}

/// Whether it is a request for a response at all.
pub(super) fn is_for_a_response(head: &Parts) -> bool {
    head.method == Method::POST && matches!(head.uri.path(), "/v1/responses" | "/responses")
}

/// Reads a request for a response. One that is refused is read as far as it can be, so that the journal shows whose it was.
pub(super) fn read(received: &Received, token: &str) -> Asked {
    let credential = received.head.headers.get(header::AUTHORIZATION).map(|value| credential(value.as_bytes()));
    let (len, digest) = (received.body.len() as u64, credential.map(sha256_hex));
    let mut asked = Asked { credential_digest: digest, len, ..Asked::default() };
    let formed = match &received.refused {
        Some(refused) => Err(refused.clone()),
        None => asked.fill(received),
    };
    let authorised = match credential {
        Some(given) if given == token.as_bytes() => Ok(()),
        Some(_) => Err(Refused::unauthorized("the bearer token is not this run's; send the one the target was given")),
        None => Err(Refused::unauthorized("no bearer token; send `Authorization: Bearer …` with the run's token")),
    };
    let paired = || pairing::unpaired(&asked.input).first().map_or(Ok(()), |what| Err(Refused::unpaired(what)));
    asked.refused = authorised.and(formed).and_then(|()| paired()).err();
    asked
}

/// What follows `Bearer`; the whole value of another scheme.
fn credential(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token.trim_ascii(),
        _ => value,
    }
}

impl Asked {
    fn fill(&mut self, received: &Received) -> Result<(), Refused> {
        let encoding = received.head.headers.get(header::CONTENT_ENCODING).filter(|e| e.as_bytes() != b"identity");
        if let Some(encoding) = encoding {
            let text = format!("the stub model reads no {encoding:?} bodies; switch request compression off");
            return Err(Refused::malformed(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        let bad = |text: String| Refused::malformed(StatusCode::BAD_REQUEST, text);
        let body: Value = serde_json::from_slice(&received.body)
            .map_err(|error| bad(format!("the request is not JSON ({error}); send a Responses API request")))?;
        let input = body.get("input").and_then(item::of_input);
        self.input = input.ok_or_else(|| bad("the request has no `input` list; send the items in it".to_owned()))?;
        self.model = body.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.prompt = context::last_prompt(&self.input).map(item::text).unwrap_or_default();
        self.sealed = self.input.iter().any(item::is_sealed);
        self.cwd_told = context::cwd_told(&self.input);
        self.shell = body.get("tools").map(Shell::offered).unwrap_or_default();
        if body.get("stream") != Some(&Value::Bool(true)) {
            return Err(bad("the stub model answers streams only; send `\"stream\": true`".to_owned()));
        }
        Ok(())
    }
}
