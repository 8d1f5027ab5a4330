//! The Responses API over HTTP.
//!
//! No proxy is used, whatever the environment says: a proxy would swallow loopback addresses and see the credential.
//! No redirect is followed either, since the credential would go with it. A request that fails before its stream begins
//! is sent again as often as the provider's `request_max_retries` says; a stream that has begun is never repeated. What
//! is read is bounded: one event, an error's body, and the silence between two pieces.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use super::model::{Credential, Model, ModelError, ModelEvents, ModelRequest};
use crate::responses::sse::{Decoder, SseEvent};

/// Longest single event.
const EVENT_BYTES: usize = 64 << 20;
/// Most of an error's body that is kept.
const ERROR_BODY_BYTES: usize = 1 << 20;
/// Longest silence within a stream; Codex's default.
const IDLE: Duration = Duration::from_secs(300);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// Wait before the first retry; each further one waits twice as long, up to the second value.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// A provider reached over HTTP.
pub struct HttpModel {
    client: reqwest::Client,
    url: String,
    retries: u64,
}

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up the HTTP client: {0}; check the system's certificates")]
pub struct HttpSetupError(#[source] reqwest::Error);

impl HttpModel {
    /// `base_url` has no slash at its end.
    pub fn new(base_url: &str, retries: u64) -> Result<HttpModel, HttpSetupError> {
        let mut builder =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT);
        if base_url.starts_with("http://") {
            // Reading the system's certificates takes tens of milliseconds, and no certificate will be looked at.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(HttpSetupError)?;
        Ok(HttpModel { client, url: format!("{base_url}/responses"), retries })
    }
}

impl Model for HttpModel {
    fn respond(&self, request: ModelRequest) -> ModelEvents {
        let client = self.client.clone();
        let (url, retries) = (self.url.clone(), self.retries);
        let opening = async move { open(&client, &url, retries, request).await };
        stream::once(opening)
            .flat_map(|opened| match opened {
                Ok(response) => events(response),
                Err(error) => stream::once(std::future::ready(Err(error))).boxed(),
            })
            .boxed()
    }
}

async fn open(
    client: &reqwest::Client,
    url: &str,
    retries: u64,
    request: ModelRequest,
) -> Result<Response, ModelError> {
    let body = request.body.to_string();
    let mut wait = BACK_OFF.0;
    let mut left = retries;
    loop {
        let mut attempt = client
            .post(url)
            .header("content-type", "application/json")
            .header("accept", "text/event-stream")
            .body(body.clone());
        attempt = match &request.credential {
            Credential::None => attempt,
            Credential::Bearer(token) => attempt.bearer_auth(token),
            Credential::Missing { variable } => return Err(ModelError::MissingVariable(variable.clone())),
        };
        let (error, again) = match tokio::time::timeout(IDLE, attempt.send()).await {
            Ok(Ok(response)) if response.status().is_success() => return Ok(response),
            Ok(Ok(response)) => {
                let again = response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS;
                (status_error(response, url).await, again)
            }
            Ok(Err(error)) => (ModelError::Disconnected(error.to_string()), true),
            Err(_) => (idle(), true),
        };
        if !again || left == 0 {
            return Err(error);
        }
        left -= 1;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACK_OFF.1);
    }
}

async fn status_error(response: Response, url: &str) -> ModelError {
    let status = response.status();
    let body = error_body(response).await;
    match status {
        StatusCode::BAD_REQUEST => ModelError::BadRequest(body),
        StatusCode::TOO_MANY_REQUESTS => ModelError::TooManyRequests,
        StatusCode::INTERNAL_SERVER_ERROR => ModelError::HighDemand,
        other => {
            let parsed: Option<Value> = serde_json::from_str(&body).ok();
            let message = parsed.as_ref().and_then(|body| body.pointer("/error/message")).and_then(Value::as_str);
            let message = message.map_or_else(|| body.clone(), str::to_owned);
            ModelError::UnexpectedStatus { status: other.to_string(), message, url: url.to_owned() }
        }
    }
}

async fn error_body(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < ERROR_BODY_BYTES {
        match tokio::time::timeout(IDLE, response.chunk()).await {
            Ok(Ok(Some(piece))) => body.extend_from_slice(&piece),
            _ => break,
        }
    }
    body.truncate(ERROR_BODY_BYTES);
    String::from_utf8_lossy(&body).into_owned()
}

/// A stream that is being read.
struct Reading {
    response: Response,
    decoder: Decoder,
    ready: std::collections::VecDeque<SseEvent>,
    failed: bool,
}

fn events(response: Response) -> ModelEvents {
    let reading = Reading {
        response,
        decoder: Decoder::new(EVENT_BYTES),
        ready: std::collections::VecDeque::new(),
        failed: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let next = reading.next().await?;
        Some((next, reading))
    })
    .boxed()
}

impl Reading {
    /// The next event that is JSON; others are passed over, as Codex does.
    async fn next(&mut self) -> Option<Result<Value, ModelError>> {
        loop {
            while let Some(event) = self.ready.pop_front() {
                if let Ok(value) = serde_json::from_str(&event.data) {
                    return Some(Ok(value));
                }
            }
            if self.failed {
                return None;
            }
            let error = match tokio::time::timeout(IDLE, self.response.chunk()).await {
                Ok(Ok(Some(piece))) => match self.take(&piece) {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Ok(Ok(None)) => return None,
                Ok(Err(error)) => ModelError::Disconnected(format!("Transport error: network error: {error}")),
                Err(_) => idle(),
            };
            self.failed = true;
            return Some(Err(error));
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), ModelError> {
        let mut events = Vec::new();
        let result = self.decoder.push(piece, &mut events);
        self.ready.extend(events);
        match result {
            Ok(()) => Ok(()),
            // What was whole before the bad bytes still counts.
            Err(_) if !self.ready.is_empty() => {
                self.failed = true;
                Ok(())
            }
            Err(error) => Err(ModelError::Disconnected(error.to_string())),
        }
    }
}

fn idle() -> ModelError {
    ModelError::Disconnected("idle timeout waiting for SSE".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers each connection with one of `responses` and closes it; gives the base URL and what was received.
    async fn server(responses: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let mut received = Vec::new();
            for response in responses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 4096];
                let n = stream.read(&mut bytes).await.unwrap();
                received.push(String::from_utf8_lossy(&bytes[..n]).into_owned());
                stream.write_all(response.as_bytes()).await.unwrap();
            }
            received
        });
        (url, served)
    }

    fn response(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    async fn ask(base_url: &str, retries: u64, credential: Credential) -> Vec<Result<Value, ModelError>> {
        let model = HttpModel::new(base_url, retries).unwrap();
        model.respond(ModelRequest { body: json!({"n": 1}), credential }).collect().await
    }

    async fn failure(status: &str, body: &str) -> String {
        let (url, _served) = server(vec![response(status, body)]).await;
        let events = ask(&url, 0, Credential::None).await;
        let [Err(error)] = events.as_slice() else { panic!("{events:?}") };
        error.to_string().replace(&url, "BASE")
    }

    #[tokio::test]
    async fn statuses_are_told_in_the_words_of_0_153_4() {
        let demand = "We're currently experiencing high demand, which may cause temporary errors.";
        assert_eq!(failure("500 Internal Server Error", "").await, demand);
        assert_eq!(failure("400 Bad Request", "<html>x</html>").await, "<html>x</html>");
        assert_eq!(
            failure("429 Too Many Requests", "slow").await,
            "exceeded retry limit, last status: 429 Too Many Requests"
        );
        let told = |what: &str| format!("unexpected status {what}, url: BASE/responses");
        assert_eq!(
            failure("401 Unauthorized", "{\"error\":{\"message\":\"bad key\"}}").await,
            told("401 Unauthorized: bad key")
        );
        assert_eq!(failure("404 Not Found", "nope").await, told("404 Not Found: nope"));
        assert_eq!(failure("307 Temporary Redirect", "there").await, told("307 Temporary Redirect: there"));
    }

    #[tokio::test]
    async fn events_are_read_and_what_is_no_json_passes_by() {
        let body = "event: a\ndata: {\"type\":\"x\"}\n\ndata: {nope\n\ndata: {\"type\":\"y\"}\n\n";
        let (url, served) = server(vec![response("200 OK", body)]).await;
        let events = ask(&url, 0, Credential::Bearer("token".into())).await;
        assert_eq!(events, [Ok(json!({"type": "x"})), Ok(json!({"type": "y"}))]);
        let request = served.await.unwrap().remove(0);
        assert!(request.starts_with("POST /v1/responses HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer token\r\n"), "{request}");
        assert!(request.ends_with("{\"n\":1}"), "{request}");
    }

    #[tokio::test]
    async fn a_stream_that_breaks_off_is_a_transport_error_after_what_was_whole() {
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\ndata: {\"type\":\"x\"}\n\n".to_owned();
        let (url, _served) = server(vec![cut]).await;
        let events = ask(&url, 0, Credential::None).await;
        assert_eq!(events[0], Ok(json!({"type": "x"})));
        let broken =
            "stream disconnected before completion: Transport error: network error: error decoding response body";
        assert_eq!(events[1].as_ref().unwrap_err().to_string(), broken);
        assert_eq!(events.len(), 2);
    }

    #[tokio::test]
    async fn a_request_that_got_no_stream_is_sent_again() {
        let (url, served) =
            server(vec![response("503 Service Unavailable", ""), response("200 OK", "data: 1\n\n")]).await;
        assert_eq!(ask(&url, 1, Credential::None).await, [Ok(json!(1))]);
        assert_eq!(served.await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn nothing_is_sent_without_the_credential_that_is_wanted() {
        let missing = Credential::Missing { variable: "KEY".into() };
        assert_eq!(ask("http://127.0.0.1:9", 0, missing).await, [Err(ModelError::MissingVariable("KEY".into()))]);
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_as_codex_tells_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let events = ask(&url, 0, Credential::None).await;
        let expected =
            format!("stream disconnected before completion: error sending request for url ({url}/responses)");
        assert_eq!(events[0].as_ref().unwrap_err().to_string(), expected);
    }
}
