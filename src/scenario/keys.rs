//! The keys of a scenario file and of its steps. Those of calls stand in `keys_call.rs`; no key is listed anywhere else.

use super::grammar::*;
use super::keys_call::{CODEX, REPLY, UNPROMPTED, approvals, sandboxes};
use super::keys_client::{CLIENT, OPENINGS, THEN};
use super::keys_fault::KILL;
use super::types::{Need, Sqlite};
use crate::fault::plan::{Signal, Whom};
use crate::fault::power::DataLoss;
use crate::limits::*;
use crate::rollout::generate::Era;
use crate::rollout::mutate::{Keep, Mutator};

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
pub(super) const DATA_LOSSES: Words<DataLoss> = Words(&[
    ("lost", DataLoss::Lost),
    ("half", DataLoss::Half),
    ("sector", DataLoss::Sector),
    ("zeros", DataLoss::Zeros),
    ("kept", DataLoss::Kept),
]);
/// `true` is lost.
pub(super) const NAME_LOSSES: Words<bool> = Words(&[("lost", true), ("kept", false)]);
pub(super) const SQLITES: Words<Sqlite> =
    Words(&[("kept", Sqlite::Kept), ("deleted", Sqlite::Deleted), ("older", Sqlite::Older)]);
/// What is done to sqlite files between two lives.
pub(super) const SQLITE_CHANGES: Words<Sqlite> =
    Words(&[("deleted", Sqlite::Deleted), ("older", Sqlite::Older), ("garbage", Sqlite::Garbage)]);
pub(super) const ERAS: Words<Era> = Words(&[
    ("bare", Era::Bare),
    ("envelope", Era::Envelope),
    ("world-state", Era::WorldState),
    ("paginated", Era::Paginated),
]);
/// How much of a torn record stays, where it is not a number of bytes.
pub(super) const KEEPS: Words<Keep> = Words(&[("half", Keep::Half), ("all-but-newline", Keep::AllButNewline)]);

pub(super) const MILLISECONDS: Shape = Shape::Int { min: 1, max: SCENARIO_LIMIT_MS };
pub(super) const BODY: Shape = Shape::Text(Text { min: 0, max: SCENARIO_TEXT_CHARS, form: Form::Plain });
pub(super) const NAME: Shape = line(SCENARIO_LINE_CHARS);
/// A name that becomes a part of a path.
pub(super) const LABEL: Shape = Shape::Text(Text { min: 1, max: SCENARIO_LABEL_CHARS, form: Form::Path });
pub(super) const NOTHING: Shape = Shape::Table(&EMPTY);
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

static POWER_LOSS: TableShape = TableShape {
    id: "power-loss",
    name: "`power-loss`",
    doc: "Every life ends, and what was not synced may be gone.",
    choice: None,
    refused: &[],
    keys: &[
        optional("data", Shape::Word(|| DATA_LOSSES.names()), "What is left of bytes not synced; `lost` if absent."),
        optional(
            "byte",
            Shape::Int { min: 0, max: SCENARIO_CUT_BYTES },
            "Instead of `data`: so many of them are left.",
        ),
        optional("names", Shape::Word(|| NAME_LOSSES.names()), "What becomes of names not synced; `lost` if absent."),
        optional("sqlite", Shape::Word(|| SQLITES.names()), "What becomes of sqlite files; `kept` if absent."),
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

/// Every class of damage that has no table of its own.
fn mutators() -> Vec<&'static str> {
    Mutator::all().filter(|mutator| mutator.keep().is_none()).map(|mutator| mutator.name()).collect()
}

static DAMAGE: TableShape = TableShape {
    id: "damage",
    name: "`damage`",
    doc: "Damage to a thread's newest rollout.",
    choice: Some("give `damage` exactly one of `torn-tail`, `mutator`"),
    refused: &[],
    keys: &[
        required("thread", NAME, "thread = \"main\"", "Whose rollout."),
        one_of("torn-tail", Shape::Table(&TORN_TAIL), "The last record is cut."),
        one_of("mutator", Shape::Word(mutators), "Any other class of damage; `rehydra generate --list` explains them."),
        beside("seed", "mutator", Shape::Int { min: 0, max: i64::MAX as u64 }, "Draws the record; 1 if absent."),
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
    choice: Some(
        "give `file` exactly one of `remove`, `mkdir`, `write`, `move`, `copy`, `symlink`, `chmod`, `touch`, `lock`, \
         `unlock`, `sqlite`",
    ),
    refused: &[],
    keys: &[
        one_of("remove", path(), "Removes a file or a whole directory."),
        one_of("mkdir", path(), "Makes a directory."),
        one_of("move", Shape::Table(&MOVE), "Moves a file or a directory."),
        one_of("copy", Shape::Table(&MOVE), "Copies a file or a directory."),
        one_of("symlink", Shape::Table(&SYMLINK), "Makes a symbolic link."),
        one_of("chmod", Shape::Table(&CHMOD), "Sets permissions."),
        one_of("touch", Shape::Table(&AGE), "Sets the time of the last change."),
        one_of("lock", path(), "Holds a file's lock as another process would."),
        one_of("unlock", Shape::Yes, "Lets go of every file that is held so."),
        one_of("sqlite", Shape::Word(|| SQLITE_CHANGES.names()), "Changes the sqlite files of all homes."),
        one_of("write", path(), "Writes a file."),
        completes("text", "write", BODY, "text = \"…\"", "The file's content."),
    ],
};

const TO: Key = required("to", path(), "to = \"elsewhere\"", "Where to, below the run's directory.");

static MOVE: TableShape = TableShape {
    id: "move",
    name: "`move` or `copy`",
    doc: "From one place below the run's directory to another that nobody has.",
    choice: None,
    refused: &[],
    keys: &[required("from", path(), "from = \"{rollout}\"", "What, below the run's directory."), TO],
};

static SYMLINK: TableShape = TableShape {
    id: "symlink",
    name: "`symlink`",
    doc: "A symbolic link.",
    choice: None,
    refused: &[],
    keys: &[required("path", path(), "path = \"home/sessions\"", "Where the link lies."), TO],
};

static CHMOD: TableShape = TableShape {
    id: "chmod",
    name: "`chmod`",
    doc: "Permissions of a file or a directory. In a story that sets some they bind the target, even if it is root.",
    choice: None,
    refused: &[],
    keys: &[
        required("path", path(), "path = \"{rollout}\"", "Whose."),
        required("mode", Shape::Int { min: 0, max: 0o7777 }, "mode = 0o000", "As `chmod` takes them."),
    ],
};

static AGE: TableShape = TableShape {
    id: "age",
    name: "`touch`",
    doc: "The time at which a file was last changed.",
    choice: None,
    refused: &[],
    keys: &[
        required("path", path(), "path = \"{rollout}\"", "Whose."),
        required("age_s", Shape::Int { min: 0, max: 1 << 32 }, "age_s = 691200", "How many seconds ago."),
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
