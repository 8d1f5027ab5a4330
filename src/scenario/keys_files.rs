//! The keys of what befalls files while no server runs: rollouts that are laid, damage, power losses, and other changes.

use super::grammar::*;
use super::keys::{BODY, NAME};
use super::keys_call::{approvals, sandboxes};
use super::types::Sqlite;
use crate::fault::power::DataLoss;
use crate::limits::*;
use crate::rollout::generate::Era;
use crate::rollout::mutate::{Keep, Mutator};

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

const THREAD: &str = "The scenario's name for the thread.";
const WHERE: &str = "Directory below the run's that is the thread's cwd.";

pub(super) static POWER_LOSS: TableShape = TableShape {
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

pub(super) static ROLLOUT: TableShape = TableShape {
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

pub(super) static PLACE: TableShape = TableShape {
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

pub(super) static DAMAGE: TableShape = TableShape {
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

pub(super) static FILE_STEP: TableShape = TableShape {
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
