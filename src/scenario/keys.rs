//! The keys of a scenario file: the only place where they are listed.

use super::grammar::*;
use super::types::{Expected, Need};
use crate::fault::plan::{Edge, Rehydration, Signal, Whom};
use crate::limits::*;
use crate::rollout::generate::Era;
use crate::rollout::mutate::Keep;

pub(super) const NEEDS: Words<Need> = Words(&[
    ("tools", Need::Tools),
    ("approval", Need::Approval),
    ("compaction", Need::Compaction),
    ("injector", Need::Injector),
    ("power-loss", Need::PowerLoss),
]);
pub(super) const SIGNALS: Words<Signal> =
    Words(&[("KILL", Signal::Kill), ("TERM", Signal::Term), ("INT", Signal::Int), ("ABRT", Signal::Abort)]);
/// How a life ends: a signal, or `None` for a closed stdin.
pub(super) const ENDS: Words<Option<Signal>> = Words(&[
    ("KILL", Some(Signal::Kill)),
    ("TERM", Some(Signal::Term)),
    ("INT", Some(Signal::Int)),
    ("ABRT", Some(Signal::Abort)),
    ("eof", None),
]);
pub(super) const WHOM: Words<Whom> = Words(&[("server", Whom::Server), ("group", Whom::Group)]);
/// `true` is a stop.
pub(super) const PAUSES: Words<bool> = Words(&[("STOP", true), ("CONT", false)]);
pub(super) const EDGES: Words<Edge> = Words(&[("before", Edge::Before), ("after", Edge::After)]);
pub(super) const REHYDRATIONS: Words<Rehydration> =
    Words(&[("call", Rehydration::Call), ("configured", Rehydration::Configured), ("model", Rehydration::Model)]);
pub(super) const OUTCOMES: Words<Expected> = Words(&[
    ("reply", Expected::Reply),
    ("error", Expected::Error),
    ("interrupted", Expected::Interrupted),
    ("any", Expected::Any),
]);
pub(super) const ERAS: Words<Era> = Words(&[
    ("bare", Era::Bare),
    ("envelope", Era::Envelope),
    ("world-state", Era::WorldState),
    ("paginated", Era::Paginated),
]);
/// How much of a torn record stays, where it is not a number of bytes.
pub(super) const KEEPS: Words<Keep> = Words(&[("half", Keep::Half), ("all-but-newline", Keep::AllButNewline)]);

fn sandboxes() -> Vec<&'static str> {
    vec!["read-only", "workspace-write", "danger-full-access"]
}

fn approvals() -> Vec<&'static str> {
    vec!["untrusted", "on-failure", "on-request", "never"]
}

const COUNT: Shape = Shape::Int { min: 1, max: 1_000 };
const CHUNKS_BEFORE: Shape = Shape::Int { min: 0, max: 1_000 };
const MILLISECONDS: Shape = Shape::Int { min: 1, max: SCENARIO_LIMIT_MS };
const BODY: Shape = Shape::Text(Text { min: 0, max: SCENARIO_TEXT_CHARS, form: Form::Plain });
const NAME: Shape = line(SCENARIO_LINE_CHARS);
const NOTHING: Shape = Shape::Table(&EMPTY);
const THREAD: &str = "The scenario's name for the thread.";
const WHERE: &str = "Directory below the run's that is the thread's cwd.";

/// The file.
pub(super) static FILE: TableShape = TableShape {
    id: "scenario",
    name: "the scenario",
    doc: "A scenario: a conversation, its faults, and what it proves.",
    choice: None,
    refused: &[Refused {
        key: "steps",
        why: "is not how steps are written",
        help: "write each step under a `[[step]]` of its own",
    }],
    keys: &[
        required("rehydra", Shape::Version(1), "rehydra = 1", "Version of the scenario format."),
        required(
            "title",
            line(SCENARIO_LINE_CHARS),
            "title = \"what the scenario shows\"",
            "One line for tables and reports.",
        ),
        optional(
            "refs",
            Shape::List { of: &line(SCENARIO_LINE_CHARS), min: 0, max: SCENARIO_LIST, unique: true },
            "Issues and pull requests that it is about, like \"openai/codex#12594\".",
        ),
        required(
            "proves",
            Shape::List { of: &Shape::Word(invariants), min: 1, max: SCENARIO_LIST, unique: true },
            "proves = [\"rehydrates\", \"durable\"]",
            "The invariants that it is there to prove.",
        ),
        optional(
            "needs",
            Shape::List { of: &Shape::Word(|| NEEDS.names()), min: 0, max: SCENARIO_LIST, unique: true },
            "What a target or a machine must be able to do.",
        ),
        optional(
            "model",
            Shape::List { of: &Shape::Table(&UNPROMPTED), min: 1, max: SCENARIO_RESPONSES, unique: false },
            "Answers to model requests that carry no prompt of the story.",
        ),
        required(
            "step",
            Shape::List { of: &Shape::Table(&STEP), min: 1, max: SCENARIO_STEPS, unique: false },
            "[[step]]",
            "What happens, in order.",
        ),
    ],
};

static UNPROMPTED: TableShape = TableShape {
    id: "unprompted",
    name: "`[[model]]`",
    doc: "The answer to a model request whose last user message carries no prompt of the story.",
    choice: None,
    refused: &[],
    keys: &[
        required("when", pattern(), "when = \"a pattern\"", "Regular expression on the text of the last user message."),
        TEXT,
        CHUNKS,
        REASONING,
        TOOL_CALLS,
        TOKENS,
        FAILURE,
    ],
};

const TEXT: Key = optional("text", text(SCENARIO_TEXT_CHARS), "The assistant's message.");
const CHUNKS: Key = beside("chunks", "text", COUNT, "Number of pieces in which the text is sent; 1 if absent.");
const REASONING: Key = optional("reasoning", text(SCENARIO_TEXT_CHARS), "Summary of a reasoning item before the text.");
static ONE_TOOL: Shape = Shape::Table(&TOOL);
const TOOL_CALLS: Key = optional(
    "tools",
    Shape::List { of: &ONE_TOOL, min: 1, max: SCENARIO_RESPONSES, unique: false },
    "Tool calls after the text.",
);
const TOKENS: Key = optional("usage", Shape::Table(&USAGE), "Token counts to report.");
const FAILURE: Key = optional("fail", Shape::Table(&FAIL), "How the exchange goes wrong.");

/// One response of the model.
pub(super) static RESPONSE: TableShape = TableShape {
    id: "response",
    name: "`model`",
    doc: "The stub's answer to one model request: reasoning, text, tool calls, in this order.",
    choice: None,
    refused: &[],
    keys: &[TEXT, CHUNKS, REASONING, TOOL_CALLS, TOKENS, FAILURE],
};

static TOOL: TableShape = TableShape {
    id: "tool",
    name: "`tools`",
    doc: "One tool call.",
    choice: None,
    refused: &[],
    keys: &[
        required("name", NAME, "name = \"shell\"", "The tool's name."),
        optional("arguments", Shape::Object, "Its arguments; none if absent."),
    ],
};

static USAGE: TableShape = TableShape {
    id: "usage",
    name: "`usage`",
    doc: "Token counts of a response.",
    choice: None,
    refused: &[],
    keys: &[
        required("input", Shape::Int { min: 0, max: 1 << 53 }, "input = 100", "Input tokens."),
        required("output", Shape::Int { min: 0, max: 1 << 53 }, "output = 10", "Output tokens."),
    ],
};

static FAIL: TableShape = TableShape {
    id: "fail",
    name: "`fail`",
    doc: "How an exchange with the model goes wrong.",
    choice: Some("give `fail` exactly one of `http`, `reset`, `stall-after`, `close-after`, `no-completed`"),
    refused: &[],
    keys: &[
        one_of("http", Shape::Int { min: 400, max: 599 }, "An HTTP error with this status instead of a stream."),
        beside("body", "http", BODY, "Body of the HTTP error; empty if absent."),
        one_of("reset", Shape::Yes, "The connection is reset before any response header."),
        one_of("stall-after", CHUNKS_BEFORE, "The stream stops for good after that many chunks."),
        one_of("close-after", CHUNKS_BEFORE, "The connection is closed in mid-body after that many chunks."),
        one_of("no-completed", Shape::Yes, "All items are sent, `response.completed` is not, and the body ends."),
    ],
};

/// `[[step]]`.
pub(super) static STEP: TableShape = TableShape {
    id: "step",
    name: "a step",
    doc: "One step: exactly one key.",
    choice: Some("give each `[[step]]` exactly one key, and every further key a `[[step]]` of its own"),
    refused: &[
        Refused {
            key: "client",
            why: "is not in this build",
            help: "openings, raw frames and cancels are not played yet",
        },
        Refused {
            key: "codex-reply",
            why: "is not what a step is called",
            help: "write `reply`, which calls the target's `codex-reply`",
        },
    ],
    keys: &[
        one_of("codex", Shape::Table(&CODEX), "Begins a thread."),
        one_of("reply", Shape::Table(&REPLY), "Continues a thread."),
        one_of(
            "together",
            Shape::List { of: &Shape::Table(&TOGETHER), min: 2, max: SCENARIO_TOGETHER, unique: false },
            "Calls that are sent in order without waiting; the step ends when all have ended.",
        ),
        one_of("restart", Shape::Table(&RESTART), "Ends the life if there is one and begins the next."),
        one_of("kill", Shape::Table(&KILL), "Sends a signal that is meant to end the life, and waits for the exit."),
        one_of("signal", Shape::Word(|| PAUSES.names()), "Stops or continues the whole process group."),
        one_of("eof", NOTHING, "Closes the target's stdin and waits for the exit."),
        one_of("rollout", Shape::Table(&ROLLOUT), "Puts a synthetic rollout into the home."),
        one_of("place", Shape::Table(&PLACE), "Puts a recorded rollout into the home."),
        one_of("damage", Shape::Table(&DAMAGE), "Damages a thread's rollout while no life is running."),
        one_of("file", Shape::Table(&FILE_STEP), "Changes a file of the run's directory."),
        one_of("wait", Shape::Table(&WAIT), "Waits for a frame from the target."),
    ],
};

static EMPTY: TableShape = TableShape {
    id: "nothing",
    name: "this table",
    doc: "An empty table: the key says it all.",
    choice: None,
    refused: &[],
    keys: &[],
};

static TOGETHER: TableShape = TableShape {
    id: "together",
    name: "`together`",
    doc: "One of several calls that are sent together.",
    choice: Some("give each entry of `together` exactly one of `codex` and `reply`"),
    refused: &[],
    keys: &[
        one_of("codex", Shape::Table(&CODEX), "Begins a thread."),
        one_of("reply", Shape::Table(&REPLY), "Continues a thread."),
    ],
};

const PROMPT: Key = required("prompt", text(SCENARIO_TEXT_CHARS), "prompt = \"Which colour?\"", "The user's words.");
const CALL_THREAD: Key = optional("thread", NAME, "The scenario's name for the thread; `main` if absent.");
static ONE_RESPONSE: Shape = Shape::Table(&RESPONSE);
static RESPONSES: [Shape; 2] =
    [Shape::Table(&RESPONSE), Shape::List { of: &ONE_RESPONSE, min: 1, max: SCENARIO_RESPONSES, unique: false }];
static ENDINGS: [Shape; 2] = [Shape::Word(|| OUTCOMES.names()), Shape::Table(&EXPECT)];
const MODEL: Key = optional(
    "model",
    Shape::Either(&RESPONSES),
    "The model's response, or a list of responses that the requests of the turn get in order.",
);
const FAULT_KEY: Key = optional("fault", Shape::Table(&FAULT), "What goes wrong during the call.");
const EXPECT_KEY: Key = optional(
    "expect",
    Shape::Either(&ENDINGS),
    "How the call must end; a reply if absent, or an interruption where the call's fault ends the life.",
);
const CALL_LIMIT: Key = optional("limit_ms", MILLISECONDS, "Milliseconds to the answer, instead of the run's limit.");

/// A call that begins a thread.
pub(super) static CODEX: TableShape = TableShape {
    id: "codex",
    name: "`codex`",
    doc: "A call that begins a thread.",
    choice: None,
    refused: &[Refused {
        key: "id",
        why: "does not belong to `codex`",
        help: "a new thread gets its id from the target; an id is given to `reply`",
    }],
    keys: &[
        CALL_THREAD,
        PROMPT,
        optional("cwd", path(), "Directory below the run's that is the thread's cwd; made if missing."),
        optional("sandbox", Shape::Word(sandboxes), "Sandbox of the thread."),
        optional("approval", Shape::Word(approvals), "Approval policy of the thread."),
        MODEL,
        FAULT_KEY,
        EXPECT_KEY,
        CALL_LIMIT,
    ],
};

const NOT_OF_A_REPLY: &str = "does not belong to `reply`";
const KEEPS_ITS_OWN: &str = "a reply keeps its thread's settings; give them to the `codex` that begins the thread";

/// A call that continues a thread.
pub(super) static REPLY: TableShape = TableShape {
    id: "reply",
    name: "`reply`",
    doc: "A call that continues a thread.",
    choice: None,
    refused: &[
        Refused { key: "cwd", why: NOT_OF_A_REPLY, help: KEEPS_ITS_OWN },
        Refused { key: "sandbox", why: NOT_OF_A_REPLY, help: KEEPS_ITS_OWN },
        Refused { key: "approval", why: NOT_OF_A_REPLY, help: KEEPS_ITS_OWN },
    ],
    keys: &[
        CALL_THREAD,
        optional(
            "id",
            BODY,
            "`current` (the default), `first` or `previous` id of the thread, or any other text, sent as it is; \
             `{current}`, `{CURRENT}` and `{simple}` in it stand for forms of the thread's newest id.",
        ),
        PROMPT,
        MODEL,
        FAULT_KEY,
        EXPECT_KEY,
        CALL_LIMIT,
    ],
};

static EXPECT: TableShape = TableShape {
    id: "expect",
    name: "`expect`",
    doc: "How a call must end.",
    choice: None,
    refused: &[],
    keys: &[
        optional("outcome", Shape::Word(|| OUTCOMES.names()), "The outcome."),
        optional("text", pattern(), "Regular expression on the text of the answer."),
    ],
};

static FAULT: TableShape = TableShape {
    id: "fault",
    name: "`fault`",
    doc: "Something that goes wrong on purpose: when, and what.",
    choice: Some("give `fault` exactly one action: `kill`, `eof`, `stop` or `continue`"),
    refused: &[],
    keys: &[
        required("at", Shape::Table(&TRIGGER), "at = { model-request = 1 }", "When it happens."),
        one_of("kill", Shape::Table(&KILL), "A signal that is meant to end the life."),
        one_of("eof", NOTHING, "The target's stdin is closed."),
        one_of("stop", NOTHING, "The whole process group is stopped."),
        one_of("continue", NOTHING, "The whole process group goes on."),
    ],
};

const NOT_BUILT: &str = "needs the write injector, which is not in this build";
const TRIGGERS: &str = "use `sent`, `frame`, `model-request`, `model-chunk`, `model-end` or `rehydration`";

/// A trigger.
pub(super) static TRIGGER: TableShape = TableShape {
    id: "at",
    name: "`at`",
    doc: "When a fault fires. Numbers count within the step, from 1.",
    choice: Some(
        "give `at` exactly one of `sent`, `frame`, `model-request`, `model-chunk`, `model-end`, `rehydration`",
    ),
    refused: &[
        Refused { key: "write", why: NOT_BUILT, help: TRIGGERS },
        Refused { key: "record", why: NOT_BUILT, help: TRIGGERS },
        Refused { key: "read", why: NOT_BUILT, help: TRIGGERS },
        Refused { key: "sync", why: NOT_BUILT, help: TRIGGERS },
    ],
    keys: &[
        one_of("sent", Shape::Word(|| vec!["call"]), "Our request's bytes are in the pipe."),
        one_of(
            "frame",
            NAME,
            "That frame was read from the target: a method, the type of a `codex/event`, or `answer`.",
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
    ],
};

static KILL: TableShape = TableShape {
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

static RESTART: TableShape = TableShape {
    id: "restart",
    name: "`restart`",
    doc: "How the old life ends, if it is still there.",
    choice: None,
    refused: &[],
    keys: &[
        optional("end", Shape::Word(|| ENDS.names()), "A signal, or `eof` for a closed stdin; KILL if absent."),
        optional("whom", Shape::Word(|| WHOM.names()), "The server's process alone (if absent) or its whole group."),
    ],
};

static ROLLOUT: TableShape = TableShape {
    id: "rollout",
    name: "`rollout`",
    doc: "A synthetic rollout.",
    choice: None,
    refused: &[],
    keys: &[
        required("thread", NAME, "thread = \"old\"", THREAD),
        required("turns", Shape::Int { min: 0, max: 10_000 }, "turns = 3", "Complete turns."),
        required("era", Shape::Word(|| ERAS.names()), "era = \"envelope\"", "Shape of the file."),
        optional("cwd", path(), WHERE),
        optional("seed", Shape::Int { min: 0, max: i64::MAX as u64 }, "Decides ids and texts; 1 if absent."),
        optional("tools", Shape::Int { min: 0, max: 100 }, "Tool calls in each turn; 0 if absent."),
        optional("interrupted", Shape::Flag, "After the complete turns, one that was cut off after its prompt."),
        optional("compaction", Shape::Int { min: 1, max: 10_000 }, "A compaction after that many turns."),
        optional("sandbox", Shape::Word(sandboxes), "Sandbox of its turns; read-only if absent."),
        optional("approval", Shape::Word(approvals), "Approval policy of its turns; on-request if absent."),
    ],
};

static PLACE: TableShape = TableShape {
    id: "place",
    name: "`place`",
    doc: "A recorded rollout.",
    choice: None,
    refused: &[],
    keys: &[
        required("thread", NAME, "thread = \"recorded\"", THREAD),
        required(
            "file",
            path(),
            "file = \"fixture:exec-0.153.4\"",
            "`fixture:` and the name of a recording inside the binary, or a path beside the scenario file.",
        ),
        optional("cwd", path(), "Directory below the run's that `{cwd}` in the recording stands for."),
    ],
};

static DAMAGE: TableShape = TableShape {
    id: "damage",
    name: "`damage`",
    doc: "Damage to a thread's newest rollout.",
    choice: Some("give `damage` exactly one mutator: `torn-tail`"),
    refused: &[],
    keys: &[
        required("thread", NAME, "thread = \"main\"", "Whose rollout."),
        one_of("torn-tail", Shape::Table(&TORN_TAIL), "The last record is cut."),
    ],
};

static TORN_TAIL: TableShape = TableShape {
    id: "torn-tail",
    name: "`torn-tail`",
    doc: "The last record is cut.",
    choice: None,
    refused: &[],
    keys: &[required(
        "keep",
        Shape::Either(&[Shape::Int { min: 0, max: 1 << 32 }, Shape::Word(|| KEEPS.names())]),
        "keep = \"half\"",
        "How many of its bytes stay, or half of them, or all but its newline.",
    )],
};

static FILE_STEP: TableShape = TableShape {
    id: "file",
    name: "`file`",
    doc: "A change to a file of the run's directory.",
    choice: Some("give `file` exactly one of `remove`, `mkdir`, `write`"),
    refused: &[],
    keys: &[
        one_of("remove", path(), "Removes a file or a whole directory."),
        one_of("mkdir", path(), "Makes a directory."),
        one_of("write", path(), "Writes a file."),
        completes("text", "write", BODY, "text = \"…\"", "The file's content."),
    ],
};

static WAIT: TableShape = TableShape {
    id: "wait",
    name: "`wait`",
    doc: "A wait for a frame from the target.",
    choice: None,
    refused: &[],
    keys: &[
        required("frame", NAME, "frame = \"session_configured\"", "A method, or the type of a `codex/event`."),
        optional("limit_ms", MILLISECONDS, "Milliseconds to wait at most."),
    ],
};
