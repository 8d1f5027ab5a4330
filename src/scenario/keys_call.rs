//! The keys of calls: what is asked, what the model answers, what goes wrong meanwhile, how it must end.

use super::grammar::*;
use super::keys::{BODY, LABEL, MILLISECONDS, NAME};
use super::keys_client::NAMED;
use super::keys_fail::{DRIP, FAILURE};
use super::keys_fault::FAULT;
use super::types::{Approve, Expected};
use crate::limits::*;

pub(super) const OUTCOMES: Words<Expected> = Words(&[
    ("reply", Expected::Reply),
    ("error", Expected::Error),
    ("interrupted", Expected::Interrupted),
    ("any", Expected::Any),
]);

pub(super) const APPROVES: Words<Approve> =
    Words(&[("deny", Approve::Deny), ("accept", Approve::Accept), ("hold", Approve::Hold)]);

pub(super) fn sandboxes() -> Vec<&'static str> {
    vec!["read-only", "workspace-write", "danger-full-access"]
}

pub(super) fn approvals() -> Vec<&'static str> {
    vec!["untrusted", "on-failure", "on-request", "never"]
}

pub(super) const COUNT: Shape = Shape::Int { min: 1, max: 1_000 };

/// `[[model]]`.
pub(super) static UNPROMPTED: TableShape = TableShape {
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
        SEALED,
        TOOL_CALLS,
        TOKENS,
        FAILURE,
        DRIP,
    ],
};

const TEXT: Key = optional("text", text(SCENARIO_TEXT_CHARS), "The assistant's message.");
const CHUNKS: Key = beside("chunks", "text", COUNT, "Number of pieces in which the text is sent; 1 if absent.");
const REASONING: Key = optional("reasoning", text(SCENARIO_TEXT_CHARS), "Summary of a reasoning item before the text.");
const SEALED: Key = beside(
    "encrypted",
    "reasoning",
    Shape::Yes,
    "The reasoning has encrypted content, which a client sends back with the history.",
);
static ONE_TOOL: Shape = Shape::Table(&TOOL);
const TOOL_CALLS: Key = optional(
    "tools",
    Shape::List { of: &ONE_TOOL, min: 1, max: SCENARIO_RESPONSES, unique: false },
    "Tool calls after the text.",
);
const TOKENS: Key = optional("usage", Shape::Table(&USAGE), "Token counts to report.");

/// One response of the model.
pub(super) static RESPONSE: TableShape = TableShape {
    id: "response",
    name: "`model`",
    doc: "The stub's answer to one model request: reasoning, text, tool calls, in this order.",
    choice: None,
    refused: &[],
    keys: &[TEXT, CHUNKS, REASONING, SEALED, TOOL_CALLS, TOKENS, FAILURE, DRIP],
};

static TOOL: TableShape = TableShape {
    id: "tool",
    name: "`tools`",
    doc: "One tool call.",
    choice: Some("give each entry of `tools` exactly one of `name` and `run`"),
    refused: &[],
    keys: &[
        one_of("name", NAME, "The tool's name."),
        one_of(
            "run",
            text(SCENARIO_TEXT_CHARS),
            "A shell command, run by whatever tool for shell commands the request offers.",
        ),
        beside("arguments", "name", Shape::Object, "The arguments of the tool of that name; none if absent."),
        beside("escalate", "run", Shape::Yes, "The command asks to run outside of the sandbox."),
        beside(
            "effect",
            "run",
            LABEL,
            "The command leaves one effect of that name each time it runs, before all else that it does.",
        ),
        beside(
            "times",
            "effect",
            Shape::Either(&TIMES),
            "How often it happens across deaths and retries; once if absent.",
        ),
    ],
};

static TIMES: [Shape; 2] = [OFTEN, Shape::Table(&RANGE)];
const OFTEN: Shape = Shape::Int { min: 0, max: 1_000 };

static RANGE: TableShape = TableShape {
    id: "times",
    name: "`times`",
    doc: "How often something may happen.",
    choice: None,
    refused: &[],
    keys: &[
        required("least", OFTEN, "least = 0", "At least so often."),
        required("most", OFTEN, "most = 1", "At most so often."),
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

const PROMPT: Key = required("prompt", text(SCENARIO_TEXT_CHARS), "prompt = \"Which colour?\"", "The user's words.");
const CALL_THREAD: Key = optional("thread", NAME, "The scenario's name for the thread; `main` if absent.");
const CALL_CLIENT: Key = optional("client", NAME, NAMED);
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

const FILL: Key = optional(
    "fill",
    Shape::Int { min: 1, max: SCENARIO_FILL_BYTES },
    "So many bytes of filler between the prompt and its marker.",
);
const APPROVE: Key = optional(
    "approve",
    Shape::Word(|| APPROVES.names()),
    "What is answered where the target asks for an approval; `deny` if absent, and `hold` leaves it open.",
);

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
        CALL_CLIENT,
        CALL_THREAD,
        PROMPT,
        optional("cwd", path(), "Directory below the run's that is the thread's cwd; made if missing."),
        optional("sandbox", Shape::Word(sandboxes), "Sandbox of the thread."),
        optional("approval", Shape::Word(approvals), "Approval policy of the thread."),
        MODEL,
        FAULT_KEY,
        EXPECT_KEY,
        CALL_LIMIT,
        FILL,
        APPROVE,
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
        CALL_CLIENT,
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
        FILL,
        APPROVE,
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
