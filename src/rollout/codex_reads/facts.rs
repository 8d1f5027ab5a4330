//! The facts about a rollout on which it depends what Codex does with it: the columns of the table, as plain data that
//! tests and reports can also make up by hand.

use std::ops::Range;

use super::table::Hidden;

/// What the table asks of a file. See the module above for whose eyes it is seen with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// It lies below `archived_sessions`.
    pub archived: bool,
    /// It is a `.zst` file.
    pub compressed: bool,
    /// It is one, and ends inside a frame.
    pub cut_frame: bool,
    /// Its name is one that Codex gives: `rollout-<time>-<thread>[_<segment>].jsonl[.zst]`.
    pub well_named: bool,
    /// Nothing but blank lines is in it.
    pub empty: bool,
    /// No line is a record to Codex; a bare file (0.20 to 0.29) has none.
    pub no_record: bool,
    /// Some byte in it is not UTF-8.
    pub not_utf8: bool,
    /// What its first line that is not blank is.
    pub head: Head,
    /// It holds a `session_meta` that Codex can use, wherever it stands.
    pub has_meta: bool,
    /// Records before that.
    pub records_before_meta: u64,
    /// A response item is among them.
    pub item_before_meta: bool,
    /// A `user_message` event is somewhere in it.
    pub has_prompt_event: bool,
    /// Where it holds none that Codex can use, but one: the field that is missing or has another form.
    pub meta_fault: Option<&'static str>,
    /// How it says that its history is kept.
    pub mode: Mode,
    /// The last record has an ordinal.
    pub last_has_ordinal: bool,
    /// The state of what it continues.
    pub base: Base,
    /// Records that the reader uses and some Codex does not see, at most [`LISTED`](crate::rollout::damage::LISTED).
    pub unseen: Vec<Unseen>,
    /// A rollback takes back turns from before a compaction that brought a history of its own.
    pub rolled_back_over_compaction: bool,
}

/// See [`Facts::head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// There is no such line.
    Nothing,
    /// A `session_meta` that Codex can use.
    Meta,
    /// Another record.
    Record,
    /// Anything that is no record to Codex.
    Noise,
}

/// See [`Facts::mode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `legacy`, or nothing, as before 0.145.
    Legacy,
    /// `paginated`.
    Paginated,
    /// Something else; `null` is.
    Unknown,
}

/// See [`Facts::base`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// It continues nothing.
    None,
    /// Every file it continues is there, and long enough as far as that can be told without unpacking.
    There,
    /// One is not there.
    Missing,
    /// One ends before the place up to which it is continued.
    Short,
    /// One has no `session_meta`.
    Headless,
    /// The chain comes back to itself.
    Cycle,
    /// Nobody looked: the file was in memory.
    Unknown,
}

/// A record that the reader uses and some Codex does not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Where it stands in the file (of a compressed one: in what it unpacks to).
    pub bytes: Range<u64>,
    /// Why not.
    pub hidden: Hidden,
}
