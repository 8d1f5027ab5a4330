//! The table: what each release that was tried does with a rollout in each condition.

use std::fmt::Write as _;

use super::facts::{Base, Facts, Head, Mode};
use super::release::Release;

/// The releases that were tried, oldest first: the columns of the table.
pub const SEEN: [Release; 4] =
    [Release::new(0, 105, 0), Release::new(0, 130, 0), Release::new(0, 153, 4), Release::new(0, 169, 0)];

/// What a Codex does with a file in some condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// The condition makes no difference.
    Resumes,
    /// It refuses to resume the thread; a part of what it says.
    Refuses(&'static str),
    /// It resumes the thread without this.
    Without(&'static str),
}

/// Why a Codex does not see a record that the reader uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// It has no timestamp, or one that is no text.
    NoTimestamp,
    /// It shares its line with something else: another record, a torn one, zero bytes.
    SharesItsLine,
    /// It stands on several lines.
    OnSeveralLines,
    /// Some of its bytes are not UTF-8.
    NotUtf8,
    /// It has half of a surrogate pair.
    HalfPair,
    /// Its ordinal is no whole number.
    OddOrdinal,
    /// It names a key twice.
    KeyTwice,
    /// It stands before a second `session_meta`.
    BeforeLastMeta,
    /// It is an item of a type that 0.105.0 does not know.
    After0105,
    /// It is an item of a type that 0.130.0 does not know.
    After0130,
}

/// A condition and what becomes of a file in it.
#[derive(Debug)]
pub struct Row {
    /// The condition, as the end of "a rollout …".
    pub when: &'static str,
    /// Whether a file is in it.
    pub holds: fn(&Facts) -> bool,
    /// The records it is about, where it is about records.
    pub hidden: Option<Hidden>,
    /// What each release in [`SEEN`] does.
    pub does: [Does; 4],
}

use Does::{Refuses, Resumes, Without};

const fn row(when: &'static str, does: [Does; 4], holds: fn(&Facts) -> bool) -> Row {
    Row { when, holds, hidden: None, does }
}

const fn records(when: &'static str, hidden: Hidden, does: [Does; 4], holds: fn(&Facts) -> bool) -> Row {
    Row { when, holds, hidden: Some(hidden), does }
}

const NO_META: Does = Refuses("does not start with session metadata");
const NO_ID: Does = Refuses("failed to parse thread ID from rollout file");
const NOT_FOUND: Does = Refuses("no rollout found for thread id");
const EMPTY: Does = Refuses("is empty");
const UTF8: Does = Refuses("stream did not contain valid UTF-8");
const MODE: Does = Refuses("invalid session metadata history_mode");
const RECORD: Does = Without("that record");
const INHERITED: Does = Without("everything that it continues");

/// All conditions. Where a file is in several, the first that a release refuses is the one that it names.
pub static TABLE: &[Row] = &[
    row(
        "lies in `archived_sessions`",
        [
            NOT_FOUND,
            Resumes,
            Refuses("is archived. Run `codex unarchive"),
            Refuses("is archived. Run `codex unarchive"),
        ],
        |f| f.archived && f.has_meta && f.mode != Mode::Unknown,
    ),
    row(
        "lies in `archived_sessions` and has no `session_meta` that can be used",
        [NOT_FOUND, Resumes, Resumes, Resumes],
        |f| f.archived,
    ),
    row("is compressed (`.jsonl.zst`)", [UTF8, UTF8, Resumes, Resumes], |f| f.compressed),
    row(
        "is compressed and ends inside a frame",
        [UTF8, UTF8, Refuses("incomplete frame"), Refuses("incomplete frame")],
        |f| f.cut_frame,
    ),
    row("holds nothing but blank lines", [Refuses("empty session file"), EMPTY, EMPTY, EMPTY], |f| f.empty),
    row("has a `history_mode` that is neither `legacy` nor `paginated`", [Resumes, Resumes, MODE, MODE], |f| {
        f.mode == Mode::Unknown
    }),
    row("has records, and no `session_meta` that can be used among them", [Resumes, Resumes, NO_META, NO_META], |f| {
        !f.has_meta && !f.no_record
    }),
    row("holds a byte that is not UTF-8, and is not paginated", [UTF8; 4], |f| f.not_utf8 && f.mode != Mode::Paginated),
    row(
        "holds no record with an envelope and a timestamp, as those of 0.20 … 0.29",
        [NO_ID, EMPTY, EMPTY, EMPTY],
        |f| f.no_record,
    ),
    row(
        "has no `session_meta` with a timestamp on its line and with `id`, `timestamp`, `cwd`, `originator`, `cli_version`",
        [NO_ID, NO_META, NO_META, NO_META],
        |f| !f.has_meta,
    ),
    row(
        "is paginated and has another name than Codex gives",
        [
            Resumes,
            Resumes,
            Refuses("does not have a canonical rollout filename"),
            Refuses("does not have a canonical rollout filename"),
        ],
        |f| f.mode == Mode::Paginated && !f.well_named,
    ),
    row(
        "holds a byte that is not UTF-8, and is paginated",
        [UTF8, UTF8, Refuses("list_turns is not supported yet"), Resumes],
        |f| f.not_utf8 && f.mode == Mode::Paginated,
    ),
    row(
        "is paginated and continues a file that is not there",
        [INHERITED, INHERITED, Refuses("missing source rollout"), Refuses("missing source rollout")],
        |f| f.mode == Mode::Paginated && f.base == Base::Missing,
    ),
    row(
        "is paginated and continues a file beyond its end",
        [
            INHERITED,
            INHERITED,
            Refuses("cutoff byte offset is past the source rollout"),
            Refuses("cutoff byte offset is past the source rollout"),
        ],
        |f| f.mode == Mode::Paginated && f.base == Base::Short,
    ),
    row(
        "is paginated and continues a file that has no `session_meta`",
        [INHERITED, INHERITED, NO_META, NO_META],
        |f| f.mode == Mode::Paginated && f.base == Base::Headless,
    ),
    row(
        "is paginated and continues itself",
        [INHERITED, INHERITED, Refuses("cycle detected"), Refuses("cycle detected")],
        |f| f.base == Base::Cycle,
    ),
    row("is paginated and continues a file that is there", [INHERITED, INHERITED, Resumes, Resumes], |f| {
        f.mode == Mode::Paginated && matches!(f.base, Base::There | Base::Unknown)
    }),
    row("is not paginated and continues a file", [INHERITED; 4], |f| f.mode != Mode::Paginated && f.base != Base::None),
    row("has a response item before its `session_meta`", [NO_META, Resumes, NO_META, NO_META], |f| f.item_before_meta),
    row(
        "has a response item before its `session_meta`, and no `user_message` or more than nine records before it",
        [Resumes, NO_META, Resumes, Resumes],
        |f| f.item_before_meta && (!f.has_prompt_event || f.records_before_meta > 9),
    ),
    row(
        "has a first line that is no record",
        [
            Resumes,
            Resumes,
            Refuses("failed to parse first rollout record"),
            Refuses("failed to parse first rollout record"),
        ],
        |f| f.head == Head::Noise,
    ),
    row("has a record before its `session_meta`", [Resumes, Resumes, NO_META, NO_META], |f| f.head == Head::Record),
    row(
        "is paginated and its last record has no ordinal",
        [Resumes, Resumes, Refuses("is missing an ordinal"), Refuses("is missing an ordinal")],
        |f| f.mode == Mode::Paginated && !f.last_has_ordinal,
    ),
    records(
        "is paginated and has a second `session_meta`",
        Hidden::BeforeLastMeta,
        [Resumes, Resumes, Without("what stands before the last one"), Without("what stands before the last one")],
        |f| f.mode == Mode::Paginated && sees(f, Hidden::BeforeLastMeta),
    ),
    records("has a record without a timestamp", Hidden::NoTimestamp, [RECORD; 4], |f| sees(f, Hidden::NoTimestamp)),
    records(
        "has a record whose ordinal is no whole number",
        Hidden::OddOrdinal,
        [Resumes, Resumes, RECORD, RECORD],
        |f| sees(f, Hidden::OddOrdinal),
    ),
    records("has a record that stands on several lines", Hidden::OnSeveralLines, [RECORD; 4], |f| {
        sees(f, Hidden::OnSeveralLines)
    }),
    records(
        "is paginated and has a record with bytes that are not UTF-8",
        Hidden::NotUtf8,
        [Resumes, Resumes, Resumes, RECORD],
        |f| f.mode == Mode::Paginated && sees(f, Hidden::NotUtf8),
    ),
    records("has a record with half of a surrogate pair", Hidden::HalfPair, [RECORD; 4], |f| sees(f, Hidden::HalfPair)),
    records("has records that share a line with something else", Hidden::SharesItsLine, [RECORD; 4], |f| {
        sees(f, Hidden::SharesItsLine)
    }),
    records(
        "is paginated and has a record that names a key twice",
        Hidden::KeyTwice,
        [Resumes, Resumes, RECORD, Resumes],
        |f| f.mode == Mode::Paginated && sees(f, Hidden::KeyTwice),
    ),
    records(
        "has a tool search, a generated image or a context compaction",
        Hidden::After0105,
        [RECORD, Resumes, Resumes, Resumes],
        |f| sees(f, Hidden::After0105),
    ),
    records(
        "has a message between agents, or an item with a sound or an encrypted part",
        Hidden::After0130,
        [RECORD, RECORD, Resumes, Resumes],
        |f| sees(f, Hidden::After0130),
    ),
    row(
        "has turns taken back from before a compaction",
        [
            Without("what was said before that compaction"),
            Without("what was said before that compaction"),
            Resumes,
            Resumes,
        ],
        |f| f.rolled_back_over_compaction,
    ),
];

fn sees(facts: &Facts, hidden: Hidden) -> bool {
    facts.unseen.iter().any(|unseen| unseen.hidden == hidden)
}

/// The table as `docs/format.md` shows it.
pub fn markdown() -> String {
    let mut text = String::from("| a rollout that … |");
    for release in SEEN {
        let _ = write!(text, " {release} |");
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for row in TABLE {
        let _ = write!(text, "| {} |", row.when);
        for does in row.does {
            let _ = match does {
                Resumes => write!(text, " — |"),
                Refuses(says) => write!(text, " refuses: “{says}” |"),
                Without(what) => write!(text, " resumes without {what} |"),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_shows_the_table() {
        let doc = include_str!("../../../docs/format.md");
        let shown = doc.split_once("<!-- table -->\n").and_then(|(_, rest)| rest.split_once("<!-- end of table -->"));
        let (shown, _) = shown.unwrap_or_default();
        assert!(shown == markdown(), "docs/format.md is to show this table:\n{}", markdown());
    }

    #[test]
    fn no_condition_is_without_effect_or_told_twice() {
        let mut told = std::collections::HashSet::new();
        for row in TABLE {
            assert!(row.does.iter().any(|does| *does != Resumes), "{}", row.when);
            assert!(told.insert(row.when), "{}", row.when);
        }
    }
}
