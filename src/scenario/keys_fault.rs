//! The keys of faults: when, and what. Those at files are seen by the injector alone.

use super::grammar::*;
use super::keys::{MILLISECONDS, NAME, NOTHING, SIGNALS, WHOM};
use super::keys_call::COUNT;
use super::keys_client::THEN;
use crate::fault::plan::{Cut, Edge, FileError, FileOp, Rehydration};
use crate::limits::*;

pub(super) const EDGES: Words<Edge> = Words(&[("before", Edge::Before), ("after", Edge::After)]);
pub(super) const REHYDRATIONS: Words<Rehydration> =
    Words(&[("call", Rehydration::Call), ("configured", Rehydration::Configured), ("model", Rehydration::Model)]);
pub(super) const TOUCHES: Words<FileOp> = Words(&[
    (FileOp::Write.name(), FileOp::Write),
    (FileOp::Truncate.name(), FileOp::Truncate),
    (FileOp::Rename.name(), FileOp::Rename),
    (FileOp::Unlink.name(), FileOp::Unlink),
    (FileOp::Create.name(), FileOp::Create),
    (FileOp::Mkdir.name(), FileOp::Mkdir),
]);
/// How much of a write lands, where it is not a number of bytes.
pub(super) const CUTS: Words<Cut> = Words(&[("half", Cut::Half), ("all-but-newline", Cut::ButLast), ("all", Cut::All)]);
pub(super) const ERRORS: Words<FileError> = Words(&[
    ("ENOSPC", FileError::NoSpace),
    ("EIO", FileError::Io),
    ("EROFS", FileError::ReadOnly),
    ("EDQUOT", FileError::Quota),
    ("EMFILE", FileError::TooManyFiles),
    ("EACCES", FileError::Access),
]);

/// `fault`.
pub(super) static FAULT: TableShape = TableShape {
    id: "fault",
    name: "`fault`",
    doc: "Something that goes wrong on purpose: when, and what.",
    choice: Some(
        "give `fault` exactly one action: `kill`, `eof`, `stop`, `continue`, `cancel`, `repeat`, or at a file `errno`, \
         `short`, `delay` or `hold`",
    ),
    refused: &[],
    keys: &[
        required("at", Shape::Table(&TRIGGER), "at = { model-request = 1 }", "When it happens."),
        one_of("kill", Shape::Table(&KILL), "A signal that is meant to end the life."),
        one_of("eof", NOTHING, "The target's stdin is closed."),
        one_of("stop", NOTHING, "The whole process group is stopped."),
        one_of("continue", NOTHING, "The whole process group goes on."),
        one_of("cancel", NOTHING, "The client takes the call back and waits for it no longer."),
        one_of("repeat", NOTHING, "The client writes the call's line once more, with the request id that it has."),
        one_of("errno", Shape::Table(&ERRNO), "What the target does to the file fails."),
        one_of("short", NOTHING, "The write ends with what has landed, and the target is told how much that is."),
        one_of("delay", Shape::Table(&DELAY), "It happens later."),
        one_of("hold", Shape::Table(&HOLD), "It happens when something else has happened."),
        optional("then", THEN, "Further rungs of a ladder that begins with `kill` or `eof`."),
    ],
};

/// A trigger.
pub(super) static TRIGGER: TableShape = TableShape {
    id: "at",
    name: "`at`",
    doc: "When a fault fires. Numbers count within the step, from 1.",
    choice: Some(
        "give `at` exactly one of `sent`, `frame`, `model-request`, `model-chunk`, `model-end`, `rehydration`, `write`, \
         `record`, `read`, `sync`",
    ),
    refused: &[],
    keys: &[
        one_of("sent", Shape::Word(|| vec!["call"]), "Our request's bytes are in the pipe."),
        one_of(
            "frame",
            NAME,
            "That frame was read from the target: a method, the type of a `codex/event`, `answer`, `approval` or `tool`.",
        ),
        beside("n", "frame", COUNT, "Which frame of that name; the first if absent."),
        one_of("model-request", COUNT, "The step's n-th model request is whole at the stub, nothing is answered."),
        one_of("model-chunk", Shape::Int { min: 1, max: 1_000_000 }, "The step's n-th text chunk."),
        completes(
            "edge",
            "model-chunk",
            Shape::Word(|| EDGES.names()),
            "edge = \"after\"",
            "Before: not written. After: the kernel took its bytes.",
        ),
        one_of("model-end", Shape::Yes, "All items are done, `response.completed` is not sent."),
        one_of(
            "rehydration",
            Shape::Word(|| REHYDRATIONS.names()),
            "Of the first call after a restart: sent, its continuation announced, its first model request at the stub.",
        ),
        one_of("write", Shape::Table(&WRITE), "The target is about to change a file so for the n-th time."),
        one_of("record", Shape::Table(&RECORD), "The target is about to write the n-th record of that kind."),
        one_of("read", Shape::Table(&TOUCH), "The target is about to read such a file for the n-th time."),
        one_of("sync", Shape::Table(&TOUCH), "The target is about to sync such a file or directory for the n-th time."),
    ],
};

/// A signal for the target.
pub(super) static KILL: TableShape = TableShape {
    id: "kill",
    name: "`kill`",
    doc: "A signal that is meant to end the life.",
    choice: None,
    refused: &[],
    keys: &[
        optional("signal", Shape::Word(|| SIGNALS.names()), "Which; KILL if absent."),
        optional("whom", Shape::Word(|| WHOM.names()), "The server's process alone (if absent) or its whole group."),
    ],
};

const BYTE: Key = optional(
    "byte",
    Shape::Either(&[Shape::Int { min: 0, max: SCENARIO_CUT_BYTES }, Shape::Word(|| CUTS.names())]),
    "How much of it has landed when the fault fires: bytes, or a word; nothing if absent.",
);
const PATH: Key = required(
    "path",
    NAME,
    "path = \"sessions/*\"",
    "Pattern on the file's path below the home; `*` is any text, `/` included, and `{a,b}` one of several.",
);
const WHICH: Key = optional("n", COUNT, "Which time within the step; the first if absent.");

static WRITE: TableShape = TableShape {
    id: "write",
    name: "`write`",
    doc: "A change of a file. Needs the injector.",
    choice: None,
    refused: &[],
    keys: &[
        PATH,
        optional("op", Shape::Word(|| TOUCHES.names()), "How the file is changed; `write` if absent."),
        WHICH,
        BYTE,
    ],
};

static RECORD: TableShape = TableShape {
    id: "record",
    name: "`record`",
    doc: "A record of a rollout that is written. Needs the injector.",
    choice: None,
    refused: &[],
    keys: &[
        required("kind", NAME, "kind = \"function_call\"", "The `type` of the record, or of its payload."),
        optional("n", COUNT, "Which one of that kind within the step; the first if absent."),
        BYTE,
    ],
};

static TOUCH: TableShape = TableShape {
    id: "touch",
    name: "`read` or `sync`",
    doc: "A file that is read or synced. Needs the injector.",
    choice: None,
    refused: &[],
    keys: &[PATH, WHICH],
};

static ERRNO: TableShape = TableShape {
    id: "errno",
    name: "`errno`",
    doc: "An error of the file system.",
    choice: None,
    refused: &[],
    keys: &[
        required("name", Shape::Word(|| ERRORS.names()), "name = \"ENOSPC\"", "Which."),
        optional("lasting", Shape::Flag, "Whether everything of the kind fails so from then on, until the life ends."),
    ],
};

static DELAY: TableShape = TableShape {
    id: "delay",
    name: "`delay`",
    doc: "A slow file system.",
    choice: None,
    refused: &[],
    keys: &[required("ms", MILLISECONDS, "ms = 200", "So many milliseconds later. No verdict depends on them.")],
};

static HOLD: TableShape = TableShape {
    id: "hold",
    name: "`hold`",
    doc: "What the target does to the file waits.",
    choice: None,
    refused: &[],
    keys: &[required(
        "until",
        Shape::Table(&TRIGGER),
        "until = { frame = \"answer\" }",
        "For what. It waits no longer than the call.",
    )],
};
