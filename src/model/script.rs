//! What the stub answers, as plain data: one [`Response`] per request of a turn.

use serde_json::Value;

/// One scripted answer to one model request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Output items in order. Empty is a response without output.
    pub output: Vec<Output>,
    /// Token counts to report; zeroes if absent.
    pub usage: Option<Usage>,
    /// How the exchange goes wrong, if it does.
    pub failure: Option<Failure>,
}

/// One output item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// An assistant message, sent as `chunks` deltas of about equal length (at least 1).
    Text {
        /// The text, its marker included.
        text: String,
        /// Number of deltas.
        chunks: u32,
    },
    /// A reasoning item with a summary.
    Reasoning {
        /// The summary.
        summary: String,
    },
    /// A function call.
    Call {
        /// The tool's name.
        name: String,
        /// Its arguments as an object; sent as JSON text.
        arguments: Value,
    },
    /// A call of whatever tool for shell commands the request offers.
    Run {
        /// The command line.
        command: String,
        /// It asks to be run outside of the sandbox, which needs an approval where the policy is `on-request`.
        escalate: bool,
    },
}

/// Token counts of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

/// How an exchange goes wrong. `after` counts chunks (text deltas) of the response; 0 is before the first.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// An HTTP error instead of a stream.
    Http {
        /// Status, 400 to 599.
        status: u16,
        /// The body as it is sent.
        body: String,
    },
    /// The connection is reset before any response header.
    Reset,
    /// The stream stops for good after that many chunks; the connection stays open.
    Stall {
        /// Chunks sent before.
        after: u32,
    },
    /// The connection is closed in mid-body after that many chunks.
    Close {
        /// Chunks sent before.
        after: u32,
    },
    /// All items are sent, `response.completed` is not, and the body ends.
    NoCompleted,
    /// All items are sent, and the response ends with `response.failed` instead of `response.completed`.
    Failed {
        /// The error's message.
        message: String,
    },
    /// After that many chunks comes an event whose data is no JSON, and the body ends.
    Malformed {
        /// Chunks sent before.
        after: u32,
    },
}
