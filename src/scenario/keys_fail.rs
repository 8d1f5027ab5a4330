//! The keys of what goes wrong between a target and its model: errors, breaks at every stage, events that are not what
//! they should be, and bytes that come slowly.

use super::grammar::*;
use super::keys::BODY;
use crate::limits::*;
use crate::model::script::{Mangled, Place};

const CHUNKS_BEFORE: Shape = Shape::Int { min: 0, max: 1_000 };

/// Where an exchange breaks, if not after so many items.
pub(super) const PLACES: Words<Place> = Words(&[("start", Place::Start), ("head", Place::Head)]);

pub(super) const MANGLED: Words<Mangled> = Words(&[
    ("created-missing", Mangled::CreatedMissing),
    ("created-twice", Mangled::CreatedTwice),
    ("added-missing", Mangled::AddedMissing),
    ("done-missing", Mangled::DoneMissing),
    ("done-twice", Mangled::DoneTwice),
    ("completed-twice", Mangled::CompletedTwice),
    ("unknown", Mangled::Unknown),
]);

static AT: [Shape; 2] = [Shape::Word(|| PLACES.names()), Shape::Int { min: 1, max: SCENARIO_RESPONSES as u64 }];

/// How an exchange goes wrong.
pub(super) const FAILURE: Key = optional("fail", Shape::Table(&FAIL), "How the exchange goes wrong.");
/// How slowly a stream comes.
pub(super) const DRIP: Key = optional("drip", Shape::Table(&DROPS), "The stream comes slowly, some bytes at a time.");

static DROPS: TableShape = TableShape {
    id: "drip",
    name: "`drip`",
    doc: "How slowly a stream comes. No verdict depends on it.",
    choice: None,
    refused: &[],
    keys: &[
        required("bytes", Shape::Int { min: 1, max: 1 << 20 }, "bytes = 16", "Bytes at a time."),
        required(
            "every_ms",
            Shape::Int { min: 1, max: SCENARIO_LIMIT_MS },
            "every_ms = 5",
            "Milliseconds from one drop to the next.",
        ),
    ],
};

static FAIL: TableShape = TableShape {
    id: "fail",
    name: "`fail`",
    doc: "How an exchange with the model goes wrong.",
    choice: Some(
        "give `fail` exactly one of `http`, `invalid-encrypted-content`, `reset`, `reset-after`, `reset-at`, \
         `stall-after`, `stall-at`, `close-after`, `close-at`, `no-completed`, `failed`, `malformed-after`, `events`, \
         `content-type`",
    ),
    refused: &[],
    keys: &[
        one_of("http", Shape::Int { min: 400, max: 599 }, "An HTTP error with this status instead of a stream."),
        beside("body", "http", BODY, "Body of the HTTP error; empty if absent."),
        beside("retry-after", "http", Shape::Int { min: 0, max: 3_600 }, "Seconds in a header `Retry-After`."),
        beside(
            "above",
            "http",
            Shape::Int { min: 0, max: MODEL_REQUEST_BYTES as u64 },
            "Only a request with a body of more bytes is refused; others are answered.",
        ),
        one_of(
            "invalid-encrypted-content",
            Shape::Yes,
            "A request with encrypted reasoning is refused in the words of the API; others are answered.",
        ),
        one_of("reset", Shape::Yes, "The connection is reset before any response header."),
        one_of("reset-after", CHUNKS_BEFORE, "The connection is reset in mid-body after that many chunks."),
        one_of(
            "reset-at",
            Shape::Either(&AT),
            "The connection is reset at the `start`, after the `head`, or after that many output items.",
        ),
        one_of("stall-after", CHUNKS_BEFORE, "The stream stops for good after that many chunks."),
        one_of(
            "stall-at",
            Shape::Either(&AT),
            "Nothing comes any more, for good: from the `start`, after the `head`, or after that many output items.",
        ),
        one_of("close-after", CHUNKS_BEFORE, "The connection is closed in mid-body after that many chunks."),
        one_of(
            "close-at",
            Shape::Either(&AT),
            "The connection is closed at the `start`, after the `head`, or after that many output items.",
        ),
        one_of("no-completed", Shape::Yes, "All items are sent, `response.completed` is not, and the body ends."),
        one_of("failed", text(SCENARIO_TEXT_CHARS), "The response ends with `response.failed` and that message."),
        one_of(
            "malformed-after",
            CHUNKS_BEFORE,
            "After that many chunks comes an event whose data is no JSON, and the body ends.",
        ),
        one_of(
            "events",
            Shape::Word(|| MANGLED.names()),
            "Events of the stream are missing, come twice, or are of a type that nobody knows.",
        ),
        one_of("content-type", line(SCENARIO_LINE_CHARS), "The stream is sent with this content type."),
    ],
};
