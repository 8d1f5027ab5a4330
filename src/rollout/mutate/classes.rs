//! The table of classes. A class is one entry here and one small function; nothing else knows how many there are.

use super::edit::Edit;
use super::{Keep, bytes, compressed, meta, records, tail};
use crate::rollout::DamageKind::{self, *};
use crate::rollout::Era;

/// Makes another file of one; `None` where it offers no place.
type Whole = fn(&[u8]) -> Option<Vec<u8>>;

/// A class of damage.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) eras: &'static [Era],
    /// A reader that lists oddities lists one of these.
    tells: &'static [DamageKind],
    /// What a turn said is gone, and it can be seen that something is: whoever uses the file owes a note.
    pub(super) owed: bool,
    /// Changes the file; `false` where it offers no place.
    pub(super) alter: fn(&mut Edit, Keep) -> bool,
    /// Changes it as a whole instead.
    pub(super) whole: Option<Whole>,
}

impl Class {
    /// What there is to be told.
    pub(super) fn tells(&self, keep: Keep) -> Vec<DamageKind> {
        match keep {
            Keep::AllButNewline => vec![Unterminated],
            Keep::Bytes(0) => Vec::new(),
            _ => self.tells.to_vec(),
        }
    }
}

const EVERY: &[Era] = &Era::ALL;
const LATER: &[Era] = &[Era::WorldState, Era::Paginated];
const PAGINATED: &[Era] = &[Era::Paginated];
const ENVELOPES: &[Era] = &[Era::Envelope, Era::WorldState, Era::Paginated];

const fn class(
    name: &'static str,
    eras: &'static [Era],
    tells: &'static [DamageKind],
    alter: fn(&mut Edit, Keep) -> bool,
    says: &'static str,
) -> Class {
    Class { name, says, eras, tells, owed: true, alter, whole: None }
}

const fn unowed(class: Class) -> Class {
    Class { owed: false, ..class }
}

const fn whole(
    name: &'static str,
    tells: &'static [DamageKind],
    whole: fn(&[u8]) -> Option<Vec<u8>>,
    says: &'static str,
) -> Class {
    Class { whole: Some(whole), ..class(name, EVERY, tells, tail::torn_tail, says) }
}

/// Every class, by what is hit: the end of a write, bytes, records, the meta record and ordinals, the file as a whole.
pub(super) static CLASSES: [Class; 66] = [
    class(
        "torn-tail",
        EVERY,
        &[TornTail],
        tail::torn_tail,
        "the last record is cut: power loss, a full disk, a short write",
    ),
    class("newline-missing", EVERY, &[Unterminated], tail::newline_missing, "the last record lacks its newline alone"),
    class(
        "torn-record",
        EVERY,
        &[BadJson],
        tail::torn_record,
        "a record is cut and keeps its newline: Codex from 0.153 on went on after a torn tail",
    ),
    class(
        "torn-then-whole",
        EVERY,
        &[TornRepeat, BadJson],
        tail::torn_then_whole,
        "the beginning of a record on a line of its own, then the whole record (openai/codex#24425)",
    ),
    class(
        "torn-and-whole",
        ENVELOPES,
        &[TornRepeat, Glued],
        tail::torn_and_whole,
        "the beginning of a record and then the whole record on one line (openai/codex#24425)",
    ),
    class(
        "glued-record",
        ENVELOPES,
        &[Glued],
        tail::glued,
        "a torn record with the next one on the same line: Codex up to 0.142 went on after a torn tail",
    ),
    class(
        "two-on-a-line",
        ENVELOPES,
        &[],
        tail::two_on_a_line,
        "two whole records on one line: Codex up to 0.142 went on after a missing newline",
    ),
    class(
        "nul-tail",
        EVERY,
        &[NulBytes],
        bytes::nul_tail,
        "4 KiB of zero bytes after the last record (openai/codex#41566)",
    ),
    class(
        "nul-record",
        EVERY,
        &[NulBytes],
        bytes::nul_record,
        "zero bytes in place of a record: a write that power loss took back",
    ),
    class("nul-run", EVERY, &[NulBytes], bytes::nul_run, "4 KiB of zero bytes on a line of their own"),
    class(
        "nul-before-record",
        EVERY,
        &[NulBytes, BadJson, Glued],
        bytes::nul_before_record,
        "zero bytes directly before a record, on the same line",
    ),
    class("blank-lines", EVERY, &[Blank], bytes::blank_lines, "an empty line and one of white space"),
    class("crlf", EVERY, &[CarriageReturn], bytes::crlf, "carriage returns before all newlines"),
    class(
        "byte-order-mark",
        EVERY,
        &[ByteOrderMark],
        bytes::byte_order_mark,
        "a byte order mark before the first record",
    ),
    class(
        "invalid-utf8",
        EVERY,
        &[ReplacedBytes],
        bytes::invalid_utf8,
        "half of a character in a record's text (openai/codex#36802)",
    ),
    class(
        "invalid-utf8-tail",
        EVERY,
        &[InvalidUtf8, TornTail],
        bytes::invalid_utf8_tail,
        "the last record is cut in the middle of a character",
    ),
    class(
        "lone-surrogate",
        EVERY,
        &[ReplacedSurrogate],
        bytes::lone_surrogate,
        "an escape that is half of a surrogate pair",
    ),
    class(
        "line-separators",
        EVERY,
        &[],
        bytes::line_separators,
        "U+2028, U+2029 and U+0085 as they are inside a text (github/copilot-cli#2490)",
    ),
    class(
        "raw-newline",
        EVERY,
        &[SplitRecord, BadJson],
        bytes::raw_newline,
        "a newline as it is inside a text, so that the record stands on two lines (github/copilot-cli#2649)",
    ),
    class(
        "flipped-byte",
        EVERY,
        &[BadJson],
        bytes::flipped_byte,
        "one byte of a record is another, so that it is no JSON",
    ),
    class("garbage-line", EVERY, &[BadJson], bytes::garbage_line, "a line that never was a record"),
    class("number-line", EVERY, &[NotARecord], bytes::number_line, "a line that is a number"),
    class("string-line", EVERY, &[NotARecord], bytes::string_line, "a line that is a string"),
    class("array-line", EVERY, &[NotARecord], bytes::array_line, "a line that is a list"),
    class("null-line", EVERY, &[NotARecord], bytes::null_line, "a line that is null"),
    class("empty-object", EVERY, &[NotARecord], bytes::empty_object, "a line that is an object without a key"),
    class("deep-nesting", EVERY, &[TooDeep], bytes::deep_nesting, "a record nested 2,000 deep"),
    class("no-timestamp", ENVELOPES, &[NoTimestamp], records::no_timestamp, "a record without a timestamp"),
    class(
        "numeric-timestamps",
        ENVELOPES,
        &[NoTimestamp],
        records::numeric_timestamps,
        "all timestamps are numbers (Dicklesworthstone/cross_agent_session_resumer#16)",
    ),
    class(
        "unknown-kind",
        ENVELOPES,
        &[UnknownKind],
        records::unknown_kind,
        "a record of a kind that no version writes today",
    ),
    class(
        "unknown-item",
        EVERY,
        &[UnknownItem, UnknownKind],
        records::unknown_item,
        "a response item of a type that no version writes today",
    ),
    class("unknown-event", ENVELOPES, &[], records::unknown_event, "an event of a type that no version writes today"),
    class("extra-keys", EVERY, &[], records::extra_keys, "keys that nobody knows"),
    class("numbers", EVERY, &[], records::numbers, "floats and large integers (openai/codex#35746)"),
    class(
        "duplicate-key",
        ENVELOPES,
        &[],
        records::duplicate_key,
        "a key stands twice in a payload; the last one is as it was",
    ),
    class("spaced", EVERY, &[], records::spaced, "white space between the tokens of a record"),
    class("long-line", ENVELOPES, &[], records::long_line, "a text of a mebibyte in one record"),
    unowed(class("record-deleted", EVERY, &[], records::deleted, "a record is not there")),
    class("record-duplicated", EVERY, &[], records::duplicated, "a record stands twice"),
    class("records-swapped", EVERY, &[], records::swapped, "a record and the next one have changed places"),
    unowed(class(
        "dangling-call",
        EVERY,
        &[],
        records::dangling_call,
        "the output of a call is not there: the process died while the tool ran",
    )),
    class("orphan-output", EVERY, &[OrphanOutput], records::orphan_output, "the call of an output is not there"),
    class(
        "output-as-object",
        EVERY,
        &[BadItem],
        records::output_as_object,
        "the output of a call is an object, which every Codex skips",
    ),
    class(
        "reasoning-content",
        EVERY,
        &[],
        records::reasoning_content,
        "a reasoning item with its text in the open, as other providers write it (openai/codex#36551)",
    ),
    class("ghost-snapshot", EVERY, &[], records::ghost_snapshot, "a snapshot of the working tree, which is never sent"),
    unowed(class(
        "bad-compaction-item",
        ENVELOPES,
        &[BadCompaction],
        records::bad_compaction_item,
        "one item of a compaction's history lacks what its type needs",
    )),
    unowed(class("meta-removed", ENVELOPES, &[NoMeta], meta::removed, "no session_meta (openai/codex#38341)")),
    class(
        "meta-torn",
        ENVELOPES,
        &[BadJson],
        meta::torn,
        "a torn session_meta: killed in the first write (seen on 0.153.4)",
    ),
    class("meta-late", ENVELOPES, &[LateMeta], meta::late, "the session_meta stands after another record"),
    class(
        "garbage-before-meta",
        ENVELOPES,
        &[BadJson, LateMeta],
        meta::garbage_before,
        "a line that is no record before the session_meta",
    ),
    class("meta-without-cwd", ENVELOPES, &[], meta::without_cwd, "the session_meta says no cwd"),
    class(
        "meta-without-id",
        ENVELOPES,
        &[BadMeta],
        meta::without_id,
        "the session_meta says no id (catatafishen/agentbridge#40)",
    ),
    class("meta-bad-id", ENVELOPES, &[BadMeta], meta::bad_id, "the id in the session_meta is a path out of the home"),
    class("meta-other-id", EVERY, &[], meta::other_id, "the id in the session_meta is not that of the file's name"),
    class("meta-repeated", ENVELOPES, &[], meta::repeated, "the session_meta stands once more in the middle"),
    class(
        "second-meta",
        ENVELOPES,
        &[],
        meta::second,
        "a session_meta of another thread in the middle: the first one counts",
    ),
    class(
        "unknown-history-mode",
        ENVELOPES,
        &[],
        meta::unknown_history_mode,
        "a history mode that nobody knows: more of the thread may be elsewhere",
    ),
    class("history-mode-removed", LATER, &[], meta::history_mode_removed, "the session_meta says no history mode"),
    unowed(class("only-meta", ENVELOPES, &[], meta::only_meta, "nothing but the session_meta is left")),
    unowed(class("empty-file", EVERY, &[], meta::empty_file, "no byte is left (openai/codex#39853)")),
    class(
        "last-ordinal-missing",
        PAGINATED,
        &[NoOrdinal],
        meta::last_ordinal_missing,
        "the last record has no ordinal: an old Codex went on (openai/codex#45150)",
    ),
    class("ordinals-missing", PAGINATED, &[], meta::ordinals_missing, "no record has an ordinal"),
    class(
        "duplicate-ordinal",
        PAGINATED,
        &[OrdinalOrder],
        meta::duplicate_ordinal,
        "a record has the ordinal of the one before it (openai/codex#35746)",
    ),
    class(
        "ordinals-out-of-order",
        PAGINATED,
        &[OrdinalOrder],
        meta::ordinals_out_of_order,
        "two neighbours have each other's ordinal",
    ),
    whole(
        "compressed",
        &[],
        compressed::whole,
        "the file is a zstd frame: Codex compresses what nobody touched for a week",
    ),
    whole("zst-cut", &[CutFrame], compressed::cut, "a zstd frame without its last third"),
];
