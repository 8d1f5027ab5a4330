//! The keys of a scenario file and of its steps. Those of calls, of clients, of faults and of files stand in files
//! beside this one; no key is listed anywhere else.

use super::grammar::*;
use super::keys_call::{CODEX, REPLY, UNPROMPTED};
use super::keys_client::{CLIENT, OPENINGS, THEN};
use super::keys_fault::KILL;
use super::keys_files::{DAMAGE, FILE_STEP, PLACE, POWER_LOSS, ROLLOUT};
use super::types::Need;
use crate::fault::plan::{Signal, Whom};
use crate::limits::*;

pub(super) const NEEDS: Words<Need> = Words(&[
    ("tools", Need::Tools),
    ("approval", Need::Approval),
    ("codex", Need::Codex),
    ("compaction", Need::Compaction),
    ("injector", Need::Injector),
    ("power-loss", Need::PowerLoss),
    ("mcp", Need::Mcp),
    ("long-prompts", Need::LongPrompts),
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
/// What a power loss leaves of what was not synced, where it is not a number of bytes.
pub(super) const MILLISECONDS: Shape = Shape::Int { min: 1, max: SCENARIO_LIMIT_MS };
pub(super) const BODY: Shape = Shape::Text(Text { min: 0, max: SCENARIO_TEXT_CHARS, form: Form::Plain });
pub(super) const NAME: Shape = line(SCENARIO_LINE_CHARS);
/// A name that becomes a part of a path.
pub(super) const LABEL: Shape = Shape::Text(Text { min: 1, max: SCENARIO_LABEL_CHARS, form: Form::Path });
pub(super) const NOTHING: Shape = Shape::Table(&EMPTY);

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

/// `[[step]]`.
pub(super) static STEP: TableShape = TableShape {
    id: "step",
    name: "a step",
    doc: "One step: exactly one key.",
    choice: Some("give each `[[step]]` exactly one key, and every further key a `[[step]]` of its own"),
    refused: &[Refused {
        key: "codex-reply",
        why: "is not what a step is called",
        help: "write `reply`, which calls the target's `codex-reply`",
    }],
    keys: &STEP_KEYS,
};

/// A step that is played several times.
static REPEATED: TableShape = TableShape {
    id: "repeated",
    name: "a repeated step",
    doc: "One of the steps of a `repeat`: exactly one key.",
    choice: Some("give each entry of `steps` exactly one key, and every further key an entry of its own"),
    refused: &[Refused {
        key: "repeat",
        why: "cannot stand in another `repeat`",
        help: "write its steps out, or give the outer one more `times`",
    }],
    // `repeat` is the last of them.
    keys: match STEP_KEYS.split_last() {
        Some((_, others)) => others,
        None => &[],
    },
};

static REPEAT: TableShape = TableShape {
    id: "repeat",
    name: "`repeat`",
    doc: "Steps that are played several times, one round after the other.",
    choice: None,
    refused: &[],
    keys: &[
        required("times", Shape::Int { min: 1, max: SCENARIO_STEPS as u64 }, "times = 50", "How many rounds."),
        required(
            "steps",
            Shape::List { of: &Shape::Table(&REPEATED), min: 1, max: SCENARIO_STEPS, unique: false },
            "steps = [{ restart = {} }, { reply = { … } }]",
            "The steps of a round, in order.",
        ),
    ],
};

static STEP_KEYS: [Key; 15] = [
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
    one_of("power-loss", Shape::Table(&POWER_LOSS), "Stops the machine and leaves on disk what that leaves."),
    one_of("rollout", Shape::Table(&ROLLOUT), "Puts a synthetic rollout into the home."),
    one_of("place", Shape::Table(&PLACE), "Puts a recorded rollout into the home."),
    one_of("damage", Shape::Table(&DAMAGE), "Damages a thread's rollout while no life is running."),
    one_of("file", Shape::Table(&FILE_STEP), "Changes a file of the run's directory."),
    one_of("wait", Shape::Table(&WAIT), "Waits for a frame from the target."),
    one_of("client", Shape::Table(&CLIENT), "Something that a client does besides calling."),
    one_of("repeat", Shape::Table(&REPEAT), "Plays steps several times."),
];

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

static RESTART: TableShape = TableShape {
    id: "restart",
    name: "`restart`",
    doc: "How the old life ends, if it is still there, and how the next one is opened and what is different in it.",
    choice: None,
    refused: &[],
    keys: &[
        optional("end", Shape::Word(|| ENDS.names()), "A signal, or `eof` for a closed stdin; KILL if absent."),
        optional("whom", Shape::Word(|| WHOM.names()), "The server's process alone (if absent) or its whole group."),
        beside("then", "end", THEN, "The ladder's further rungs, each for a life that is still there."),
        optional("opening", Shape::Word(|| OPENINGS.names()), "How the next life is opened; `plain` if absent."),
        optional(
            "target",
            NAME,
            "Another server for the next life: `builtin`, `builtin:no-rehydrate`, or `codex@VERSION` with or without \
             `/mcp`, `/app-server` or `/app-server:fork`.",
        ),
        optional("home", LABEL, "Another home for the next life, by a name: a new one, or the one that had it before."),
        optional(
            "credentials",
            LABEL,
            "Another credential for the next life, by a name; the model accepts no other then.",
        ),
        optional(
            "retries",
            Shape::Int { min: 0, max: 100 },
            "How often the next life's server tries a model request, and a stream that broke off, again; 0 if absent.",
        ),
        optional("tz", line(SCENARIO_LINE_CHARS), "Time zone of the next life, as `TZ` has it."),
        optional(
            "env",
            Shape::Map { of: &BODY, max: SCENARIO_ENV },
            "Further variables of the next life's environment.",
        ),
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
