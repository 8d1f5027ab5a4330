//! The keys of what clients do besides calling: how they open a conversation, how they leave, what else they write.

use super::grammar::*;
use super::keys::{ENDS, MILLISECONDS, NAME, WHOM};
use crate::fault::client::Opening;
use crate::limits::*;

pub(super) const OPENINGS: Words<Opening> = Words(&[
    ("plain", Opening::Plain),
    ("probe-first", Opening::ProbeFirst),
    ("probe-late", Opening::ProbeLate),
    ("lazy", Opening::Lazy),
    ("twice", Opening::Twice),
]);

pub(super) const NAMED: &str = "The client, which has a server of its own on the same home; `main` if absent.";
const SIGNALLED: &str = "The server's process alone (if absent) or its whole group.";

static ONE_RUNG: Shape = Shape::Table(&RUNG);
/// What follows the first rung of a ladder.
pub(super) const THEN: Shape = Shape::List { of: &ONE_RUNG, min: 1, max: SCENARIO_RUNGS, unique: false };

static RUNG: TableShape = TableShape {
    id: "rung",
    name: "`then`",
    doc: "A rung of a ladder: what is done if the life is still there.",
    choice: None,
    refused: &[],
    keys: &[
        required("after_ms", MILLISECONDS, "after_ms = 2000", "Milliseconds after the rung before it."),
        required("end", Shape::Word(|| ENDS.names()), "end = \"KILL\"", "A signal, or `eof` for a closed stdin."),
        optional("whom", Shape::Word(|| WHOM.names()), SIGNALLED),
    ],
};

/// `client`.
pub(super) static CLIENT: TableShape = TableShape {
    id: "client",
    name: "`client`",
    doc: "Something that a client does besides calling.",
    choice: Some("give `client` exactly one of `opening`, `end`, `send`, `send-bytes`, `send-half`, `cancel`"),
    refused: &[],
    keys: &[
        optional("name", NAME, NAMED),
        one_of("opening", Shape::Word(|| OPENINGS.names()), "It begins a life, and opens the conversation so."),
        one_of("end", Shape::Word(|| ENDS.names()), "It ends its life: by a signal, or `eof` for a closed stdin."),
        beside("whom", "end", Shape::Word(|| WHOM.names()), SIGNALLED),
        beside("then", "end", THEN, "The ladder's further rungs, each for a life that is still there."),
        one_of("send", line(SCENARIO_TEXT_CHARS), "It writes this line, whatever it says."),
        one_of("send-bytes", line(SCENARIO_TEXT_CHARS), "It writes a line of these bytes, two hex digits each."),
        one_of(
            "cancel",
            Shape::Word(|| vec!["last"]),
            "It takes its last call back, which has ended; one that is under way is cancelled by a `fault` of the call.",
        ),
        one_of(
            "send-half",
            line(SCENARIO_TEXT_CHARS),
            "It writes this beginning of a line, closes the target's stdin and waits for the exit.",
        ),
    ],
};
