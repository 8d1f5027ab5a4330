//! One exchange: a request in, its turn found, its gate passed, its answer or refusal out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Version, header};

use crate::journal::{Journal, Kind, Lane, ModelRequest};

use super::body::{AnswerBody, Script, whole};
use super::counting::{Mark, Wire};
use super::gate::{Gate, Point};
use super::receive::{Asked, Received, is_for_a_response, read, receive};
use super::refuse::{ENCRYPTED_CONTENT, Refused, error_body};
use super::script::{Break, Failure, Place};
use super::turns::{Assigned, Scripted, Turns};
use super::{plan, summary};

/// What all exchanges of a stub share.
pub(super) struct Shared {
    pub(super) journal: Journal,
    pub(super) gate: Arc<dyn Gate>,
    /// The one bearer token that is accepted now.
    pub(super) token: Mutex<String>,
    pub(super) request_limit_bytes: usize,
    pub(super) turns: Mutex<Turns>,
    pub(super) requests: AtomicU32,
}

impl Shared {
    pub(super) fn token(&self) -> MutexGuard<'_, String> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exchange ends without an answer: the client is gone, or the script resets the connection.
#[derive(Debug, thiserror::Error)]
#[error("the exchange ends without an answer")]
pub(super) struct Unanswered;

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    wire: Arc<Wire>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Unanswered> {
    let received = receive(&wire, request, shared.request_limit_bytes).await.map_err(|_| Unanswered)?;
    if received.head.version == Version::HTTP_10 {
        wire.ask_plain();
    }
    if !is_for_a_response(&received.head) {
        return Ok(not_here(&shared, &received));
    }
    let token = shared.token().clone();
    let asked = read(&received, &token);
    let (assigned, refused) = note(&shared, &received, &asked);
    if let Some(call) = assigned.call {
        shared.gate.reach(call, Point::Request { n: assigned.of_turn }).await;
    }
    match (refused, assigned.scripted) {
        (Some(refused), _) => Ok(plain(refused.status, refused.body())),
        (None, Some(scripted)) => play(&shared, wire, assigned.call, scripted, &asked).await,
        // `note` refuses what has no script.
        (None, None) => Err(Unanswered),
    }
}

/// Finds the request's turn and journals it. Both under one lock, so that the numbers of requests and of a turn's
/// requests follow the order of the journal.
fn note(shared: &Shared, received: &Received, asked: &Asked) -> (Assigned, Option<Refused>) {
    let body = shared.journal.body(&received.body);
    let items = summary::items(&shared.journal, &asked.input);
    let mut turns = shared.turns();
    let assigned = turns.assign(&asked.prompt);
    let refused = asked.refused.clone().or_else(|| unexpected(&assigned));
    let event = ModelRequest {
        from: received.from.clone(),
        n: shared.requests.fetch_add(1, Ordering::Relaxed) + 1,
        call: assigned.call,
        of_turn: assigned.of_turn,
        items,
        cwd_told: asked.cwd_told.clone(),
        credential_digest: asked.credential_digest.clone(),
        refused: refused.as_ref().map(|refused| refused.refusal.clone()),
        body,
    };
    shared.journal.append(Lane::Model, Kind::ModelRequest(event));
    (assigned, refused)
}

fn unexpected(assigned: &Assigned) -> Option<Refused> {
    if assigned.scripted.is_some() {
        return None;
    }
    Some(Refused::unexpected(match assigned.call {
        Some(call) => format!(
            "request {} of the turn of call {call} has no scripted response; add one to the step's `model`",
            assigned.of_turn
        ),
        None => "the last user message holds no marker of this run and matches no [[model]] `when`; \
                 send the prompt as it was given, or add a [[model]] for this request"
            .to_owned(),
    }))
}

/// Plays a scripted response.
async fn play(
    shared: &Shared,
    wire: Arc<Wire>,
    call: Option<u32>,
    scripted: Scripted,
    asked: &Asked,
) -> Result<Response<AnswerBody>, Unanswered> {
    match &scripted.response.failure {
        Some(Failure::Reset) => {
            wire.ask_reset();
            return Err(Unanswered);
        }
        Some(Failure::Http { status, body }) => {
            return Ok(plain(status_of(*status), body.clone()));
        }
        Some(Failure::Refused { status, body, retry_after, above }) if above.is_none_or(|most| asked.len > most) => {
            let mut refused = plain(status_of(*status), body.clone());
            if let Some(seconds) = retry_after {
                refused.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(*seconds));
            }
            return Ok(refused);
        }
        Some(Failure::EncryptedContent) if asked.sealed => {
            return Ok(plain(StatusCode::BAD_REQUEST, ENCRYPTED_CONTENT.to_owned()));
        }
        Some(Failure::At(Place::Start, how)) => match how {
            // Ends with the client's connection, or with the stub.
            Break::Stall => std::future::pending().await,
            Break::Close => return Err(Unanswered),
            Break::Reset => {
                wire.ask_reset();
                return Err(Unanswered);
            }
        },
        _ => {}
    }
    let script = Script {
        steps: plan::steps(&scripted.label, &asked.model, &scripted.response, asked.shell).into(),
        drip: scripted.response.drip,
        wire,
        gate: Arc::clone(&shared.gate),
        call,
        chunks: scripted.chunks,
        last: scripted.last,
        handed_over: Mark::default(),
        then: None,
        after: None,
    };
    let content_type = match &scripted.response.failure {
        Some(Failure::ContentType { value }) => value,
        _ => "text/event-stream",
    };
    Ok(response(StatusCode::OK, content_type, script.into_body()))
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Answers what is not a request for a response. Anything posted is a finding: it may be a prompt that went astray.
fn not_here(shared: &Shared, received: &Received) -> Response<AnswerBody> {
    let (method, path) = (&received.head.method, received.head.uri.path());
    let text = format!("{method} {path} is not served here; the stub model knows POST /v1/responses alone");
    if method != hyper::Method::POST {
        return plain(StatusCode::NOT_FOUND, error_body("invalid_request_error", &text));
    }
    let refused = Refused::malformed(StatusCode::NOT_FOUND, text);
    let asked = Asked { refused: Some(refused.clone()), ..Asked::default() };
    note(shared, received, &asked);
    plain(refused.status, refused.body())
}

fn plain(status: StatusCode, body: String) -> Response<AnswerBody> {
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
    response(status, if is_json { "application/json" } else { "text/plain; charset=utf-8" }, whole(body))
}

fn response(status: StatusCode, content_type: &str, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    if let Ok(value) = header::HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}
