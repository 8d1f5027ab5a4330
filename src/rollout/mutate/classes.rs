//! The table of classes. A class is one entry here and one small function; nothing else knows how many there are.

use super::edit::Edit;
use super::{Keep, tail};
use crate::rollout::DamageKind::{self, *};
use crate::rollout::generate::Era;

/// A class of damage.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) eras: &'static [Era],
    /// A reader that lists oddities lists one of these.
    tells: &'static [DamageKind],
    /// What it does to a record can be seen afterwards.
    pub(super) trace: bool,
    /// Changes the file; `false` where it offers no place.
    pub(super) alter: fn(&mut Edit, Keep) -> bool,
    /// Changes it as a whole instead.
    pub(super) whole: Option<fn(&[u8]) -> Option<Vec<u8>>>,
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

const EVERY: &[Era] = &[Era::Bare, Era::Envelope, Era::WorldState, Era::Paginated];
const ENVELOPES: &[Era] = &[Era::Envelope, Era::WorldState, Era::Paginated];

const fn class(
    name: &'static str,
    eras: &'static [Era],
    tells: &'static [DamageKind],
    alter: fn(&mut Edit, Keep) -> bool,
    says: &'static str,
) -> Class {
    Class { name, says, eras, tells, trace: true, alter, whole: None }
}

/// Every class.
pub(super) static CLASSES: [Class; 7] = [
    class("torn-tail", EVERY, &[TornTail], tail::torn_tail, "the last record is cut: power loss, a full disk"),
    class(
        "newline-missing",
        EVERY,
        &[Unterminated],
        tail::newline_missing,
        "the last record lacks its newline (openai/codex#24425 begins so)",
    ),
    class(
        "torn-record",
        EVERY,
        &[BadJson],
        tail::torn_record,
        "a record inside the file is cut and keeps its newline: Codex from 0.153 on went on after a torn tail",
    ),
    class(
        "torn-then-whole",
        EVERY,
        &[BadJson],
        tail::torn_then_whole,
        "the beginning of a record on a line of its own, then the whole record (openai/codex#24425)",
    ),
    class(
        "torn-and-whole",
        ENVELOPES,
        &[Glued],
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
];
