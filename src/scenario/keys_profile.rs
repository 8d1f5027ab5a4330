//! The grammar of `rehydra.toml`: every table and key of a profile, in the types of `grammar.rs`.

use super::grammar::{
    Form, Key, Presence, Refused, Shape, TableShape, Text, Words, completes, line, one_of, optional, pattern, pointer,
    required,
};
use crate::journal::{Identity, Level};
use crate::limits::{SCENARIO_LINE_CHARS, SCENARIO_LIST, SCENARIO_TEXT_CHARS};

pub(super) const LEVELS: Words<Level> = Words(&[("core", Level::Core), ("codex-compatible", Level::CodexCompatible)]);
pub(super) const IDENTITIES: Words<Identity> = Words(&[("same", Identity::Same), ("new", Identity::New)]);

/// A word of a command line or the value of a variable; it may be empty.
const WORD: Shape = Shape::Text(Text { min: 0, max: SCENARIO_TEXT_CHARS, form: Form::Plain });

fn levels() -> Vec<&'static str> {
    LEVELS.names()
}

fn identities() -> Vec<&'static str> {
    IDENTITIES.names()
}

pub(super) static FILE: TableShape = TableShape {
    id: "profiles",
    name: "the file",
    doc: "The servers that a project tests.",
    choice: None,
    refused: &[Refused {
        key: "targets",
        why: "is called `target` here",
        help: "write `[target.NAME]`, one table for each server",
    }],
    keys: &[required(
        "target",
        Shape::Map { of: &Shape::Table(&PROFILE), max: 100 },
        "[target.NAME]",
        "The servers, each under the name that `--target` takes.",
    )],
};

static PROFILE: TableShape = TableShape {
    id: "profile",
    name: "the profile",
    doc: "One server: how it is started, how it is spoken to, and what it promises.",
    choice: None,
    refused: &[Refused {
        key: "args",
        why: "stands with a tool, and the command's words stand in `command`",
        help: "write `command = [\"program\", \"argument\"]`, and a tool's in `start.args` or `reply.args`",
    }],
    keys: &[
        required(
            "command",
            Shape::List { of: &WORD, min: 1, max: SCENARIO_LIST, unique: false },
            "command = [\"node\", \"server.js\"]",
            "Program and arguments, with placeholders; no shell reads them.",
        ),
        optional("start", Shape::Table(&START), "The tool that begins a conversation."),
        completes(
            "reply",
            "start",
            Shape::Table(&REPLY),
            "reply = { tool = \"ask\", prompt = \"/prompt\", id = \"/session\" }",
            "The tool that goes on with one.",
        ),
        optional("id-in", Shape::Table(&ID_IN), "Where a result tells the conversation's id."),
        optional("identity", Shape::Word(identities), "Whether a conversation has a new id after a restart."),
        optional("level", Shape::Word(levels), "Which promises it makes."),
        optional("rollouts", Shape::Flag, "It keeps its threads as Codex's rollouts in `CODEX_HOME`."),
        optional("unknown-id-error", pattern(), "What it answers to an id that it does not know."),
        optional("note", pattern(), "A text of its answers that says that something was lost."),
        optional("env", Shape::Map { of: &WORD, max: 1_000 }, "Variables of its environment, with placeholders."),
        optional(
            "path",
            Shape::List { of: &line(SCENARIO_LINE_CHARS), min: 0, max: 100, unique: true },
            "Directories that come first in its PATH.",
        ),
        optional("codex", line(SCENARIO_LINE_CHARS), "The Codex that it starts: `codex@VERSION`, or a path."),
        optional("daemon", Shape::Flag, "It may leave a process behind on purpose."),
        optional("limits", Shape::Table(&LIMITS), "Limits of its runs."),
    ],
};

const TOOL: Key = required("tool", line(SCENARIO_LINE_CHARS), "tool = \"ask\"", "The tool's name.");
const PROMPT: Key = required("prompt", pointer(), "prompt = \"/prompt\"", "Where the prompt goes.");
const ARGS: Key = optional("args", Shape::Object, "Arguments that every call has, with placeholders in their texts.");

static START: TableShape = TableShape {
    id: "start",
    name: "`start`",
    doc: "The tool that begins a conversation.",
    choice: None,
    refused: &[Refused {
        key: "id",
        why: "is an argument of a reply; a conversation gets its id when it begins",
        help: "write it in `reply`, and where a result tells it in `id-in`",
    }],
    keys: &[
        TOOL,
        PROMPT,
        optional("cwd", pointer(), "Where the thread's directory goes."),
        optional("sandbox", pointer(), "Where the sandbox goes: read-only, workspace-write or danger-full-access."),
        optional("approval", pointer(), "Where the approval policy goes: untrusted, on-request, on-failure or never."),
        ARGS,
    ],
};

static REPLY: TableShape = TableShape {
    id: "reply",
    name: "`reply`",
    doc: "The tool that goes on with a conversation.",
    choice: None,
    refused: &[
        Refused { key: "cwd", why: NOT_AGAIN, help: "write it in `start`, or a fixed one in `args`" },
        Refused { key: "sandbox", why: NOT_AGAIN, help: "write it in `start`, or a fixed one in `args`" },
        Refused { key: "approval", why: NOT_AGAIN, help: "write it in `start`, or a fixed one in `args`" },
    ],
    keys: &[TOOL, PROMPT, required("id", pointer(), "id = \"/session\"", "Where the conversation's id goes."), ARGS],
};

const NOT_AGAIN: &str = "is said when a conversation begins; a server that rehydrates must remember it";

static ID_IN: TableShape = TableShape {
    id: "id-in",
    name: "`id-in`",
    doc: "Where a result tells the conversation's id.",
    choice: Some("keep the one that is right: a pointer into the result, or a pattern of its text"),
    refused: &[],
    keys: &[
        one_of("pointer", pointer(), "A JSON pointer into the result."),
        one_of(
            "text",
            Shape::Text(Text { min: 1, max: crate::limits::SCENARIO_PATTERN_CHARS, form: Form::Group }),
            "A regular expression whose one group is the id, in the text of the result.",
        ),
    ],
};

/// A limit; none is longer than a day or larger than a tebibyte.
const fn limit(name: &'static str, doc: &'static str) -> Key {
    Key { name, shape: Shape::Int { min: 1, max: 1 << 40 }, presence: Presence::Optional, doc }
}

static LIMITS: TableShape = TableShape {
    id: "limits",
    name: "`limits`",
    doc: "Limits of the server's runs; what `--limit` says comes first.",
    choice: None,
    refused: &[],
    keys: &[
        limit("call_ms", "Until a call counts as timed out."),
        limit("open_ms", "From its start to its answer to `initialize`."),
        limit("frame_bytes", "One line of its standard output."),
        limit("stdout_bytes", "Its standard output in one life."),
        limit("preamble_bytes", "Its standard output in one life before its first message."),
        limit("stderr_bytes", "Its standard error in one life that is kept."),
        limit("journal_bytes", "The journal of a run."),
        limit("run_ms", "A whole run."),
        limit("leftover_ms", "How long a process of an ended life may still be there."),
    ],
};

/// The names of the limits that a profile can set.
pub(super) fn limits() -> impl Iterator<Item = &'static str> {
    LIMITS.keys.iter().map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_profile_can_set_every_limit() {
        let mut names: Vec<_> = limits().map(str::to_owned).collect();
        let mut all = Limits::names();
        names.sort();
        all.sort();
        assert_eq!(names, all);
    }
}
