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
    /// How slowly its stream comes; at once if absent.
    pub drip: Option<Drip>,
}

/// A stream that comes drop by drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drip {
    /// Bytes at a time, at least 1.
    pub bytes: u32,
    /// Milliseconds before each drop but the first. No verdict depends on them.
    pub every_ms: u32,
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
    /// A reasoning item with a summary and the encrypted content that a client sends back.
    Sealed {
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
        /// What it leaves behind each time it runs, to be counted.
        effect: Option<Effect>,
    },
}

/// Something that a command does and that can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its name in the story: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// How often it may happen for this call: from, to.
    pub times: (u32, u32),
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
    /// An HTTP error instead of a stream, of which the client is told more or which not every request gets.
    Refused {
        /// Status, 400 to 599.
        status: u16,
        /// The body as it is sent.
        body: String,
        /// Seconds in a header `Retry-After`.
        retry_after: Option<u32>,
        /// Only requests whose body has more bytes than that are refused; others are answered as if nothing was wrong.
        above: Option<u64>,
    },
    /// A request that carries encrypted reasoning is refused, in the words of the real API; others are answered as if
    /// nothing was wrong.
    EncryptedContent,
    /// The exchange breaks at this place, in this way.
    At(Place, Break),
    /// The events of the stream are not what they should be.
    Events(Mangled),
    /// The stream is sent as something else.
    ContentType {
        /// The header's value.
        value: String,
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

/// Where an exchange breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The request is whole and nothing is answered.
    Start,
    /// The head is sent and no event.
    Head,
    /// After so many chunks of text.
    Chunk(u32),
    /// After so many output items, each of them done.
    Item(u32),
}

/// How an exchange breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Break {
    /// Nothing more comes, for good; the connection stays open.
    Stall,
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// Events that are missing, doubled or strange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mangled {
    /// No `response.created`.
    CreatedMissing,
    /// `response.created` twice.
    CreatedTwice,
    /// No `response.output_item.added`.
    AddedMissing,
    /// No `response.output_item.done`.
    DoneMissing,
    /// Each `response.output_item.done` twice.
    DoneTwice,
    /// `response.completed` twice.
    CompletedTwice,
    /// An event of a type that nobody knows before each that somebody does.
    Unknown,
}
