//! The model as the engine sees it: a request goes in, a stream of events comes out.
//!
//! Behind the trait stands the real Responses API over HTTP, or a script in tests and in the simulator. Both give the
//! API's own events as JSON, so that what an event means is decided in one place (`exchange`) for all of them.
//! A model holds no conversation: everything it is to know stands in the request.

use futures_util::stream::BoxStream;
use serde_json::Value;

/// One request to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRequest {
    /// The body of `POST {base_url}/responses`.
    pub body: Value,
    /// The bearer token: always the server's own, by the configured `env_key`.
    pub credential: Credential,
}

/// What authorises a request.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The provider wants none.
    None,
    /// A bearer token.
    Bearer(String),
    /// The provider's `env_key` names a variable that is not set.
    Missing {
        /// The variable.
        variable: String,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::None => "None",
            Credential::Bearer(_) => "Bearer(…)",
            Credential::Missing { .. } => "Missing",
        })
    }
}

/// Why a response did not come to its end. The display is the text of the error result, as Codex 0.153.4 has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The `env_key` variable is not set, or empty.
    #[error("Missing environment variable: `{0}`.")]
    MissingVariable(String),
    /// Status 500.
    #[error("We're currently experiencing high demand, which may cause temporary errors.")]
    HighDemand,
    /// Status 429, once all retries are used up.
    #[error("exceeded retry limit, last status: 429 Too Many Requests")]
    TooManyRequests,
    /// Status 400: the API's own words, the body as it came.
    #[error("{0}")]
    BadRequest(String),
    /// Any other status.
    #[error("unexpected status {status}: {message}, url: {url}")]
    UnexpectedStatus {
        /// Number and reason.
        status: String,
        /// `error.message` of the body, else the body.
        message: String,
        /// Where the request went.
        url: String,
    },
    /// The history no longer fits the model.
    #[error(
        "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before \
         retrying."
    )]
    ContextWindowExceeded,
    /// No whole response came: refused, reset, broken off, failed, or silent for too long.
    #[error("stream disconnected before completion: {0}")]
    Disconnected(String),
    /// The model went on calling tools, which this engine does not run.
    #[error(
        "the model called tools in {0} exchanges in a row, and this engine runs none; continue with a prompt that needs \
         no tools, or use an engine that runs them"
    )]
    ToolLoop(u32),
}

/// Events of a response as the API names them (`response.created` … `response.completed`), each a JSON object with a
/// `type`. The end of the stream is the end of the connection; whether the response was whole, its events say.
pub type ModelEvents = BoxStream<'static, Result<Value, ModelError>>;

/// A model.
pub trait Model: Send + Sync {
    /// Sends the request. Dropping the stream ends the exchange.
    fn respond(&self, request: ModelRequest) -> ModelEvents;
}
