//! What was wrong with a rollout, and where.
//!
//! Reading tolerates everything and hides nothing: whatever a reader passes over, mends or cannot use becomes one
//! [`Damage`] with the bytes it stood in and what follows from it ([`Consequence`]). Whether a user must be told is
//! decided by that and not by each caller: [`Damage::is_lossy`].
//!
//! The list that a whole file gathers is bounded ([`LISTED`]), because a file may consist of nothing but oddities.

use std::fmt;
use std::ops::Range;

use uuid::Uuid;

/// One oddity of a rollout. Nothing is dropped without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which file of the thread: 0 the one that was asked for, then its bases in the order in which they were opened.
    pub file: u32,
    /// Where, in bytes of the file; of a compressed file, in bytes of what it unpacks to.
    pub bytes: Range<u64>,
    /// Line, from 1; `None` where the file was read from its end, so that the lines before are not counted.
    pub line: Option<u64>,
    /// What.
    pub kind: DamageKind,
    /// What follows from it.
    pub consequence: Consequence,
}

/// What follows from a [`Damage`], from nothing to a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consequence {
    /// Nothing is missing.
    Harmless,
    /// What stands there was mended or salvaged, and is used.
    Used,
    /// What stands there is not used, and was not for the model either.
    PassedOver,
    /// Something that a turn said, or a setting it ran under, can no longer be read: a note is owed to the user.
    Lost,
}

impl Damage {
    /// Damage of the file that was asked for.
    pub fn new(bytes: Range<u64>, line: Option<u64>, kind: DamageKind, consequence: Consequence) -> Damage {
        Damage { file: 0, bytes, line, kind, consequence }
    }

    /// Something a turn said is lost, rather than noise passed over.
    pub fn is_lossy(&self) -> bool {
        self.consequence == Consequence::Lost
    }
}

/// See [`Damage`]. What Codex does with each is as 0.42 to 0.169 were seen to do it in a legacy file (facts that hold
/// for some of them name them); "skips" means that it reads the rest as if the line were not there, and tells nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The last line has no newline and does not parse. Codex skips it; up to 0.142 it then glues its next record to it.
    TornTail,
    /// The last line has no newline but is whole; it is used, as Codex uses it.
    Unterminated,
    /// A torn record with further records on the same line; those are used. Codex up to 0.142 makes such lines, since
    /// it appends to a torn tail without a newline, and every Codex then skips the whole line. 0.153 and later end a torn
    /// tail before they append.
    Glued,
    /// A torn record that stands whole right behind itself, on the same line or the next: a writer that failed has tried
    /// again. Codex skips the torn one where it has a line of its own, else both.
    TornRepeat,
    /// A record that raw newlines broke over several lines; it is mended and used. Codex skips each of the lines.
    SplitRecord,
    /// A record that stands twice, one directly behind the other; both are used, as Codex uses both. Of a rollback that is a
    /// loss, because it takes back further turns.
    Repeated,
    /// A line that is not JSON. Codex skips it, 0.153 and later only behind the first record: before it they refuse the file.
    BadJson,
    /// A line with an escaped half of a surrogate pair in a string, and no record for another reason as well. Codex skips
    /// it.
    LoneSurrogate,
    /// A record with escaped halves of surrogate pairs, which are no text; they are read as U+FFFD, and it is used. Codex
    /// skips the line.
    ReplacedSurrogate,
    /// A line that is not UTF-8, and no record for another reason as well. Codex refuses a whole legacy file for one such
    /// byte (0.105 to 0.169), and a paginated one up to 0.153.4; 0.169.0 skips the line there.
    InvalidUtf8,
    /// A record with bytes that are not UTF-8; they are read as U+FFFD, and it is used. To Codex it is one of
    /// [`DamageKind::InvalidUtf8`].
    ReplacedBytes,
    /// Zero bytes where a record should stand: a write that power loss took back. Codex skips them.
    NulBytes,
    /// Empty lines, or one of white space. Codex skips them.
    Blank,
    /// Lines end with `\r\n`: something has converted the file. Told once. Codex reads them all the same.
    CarriageReturn,
    /// A UTF-8 byte order mark before a line. On line 1 it makes Codex refuse the file, for then that has no metadata.
    ByteOrderMark,
    /// A line longer than [`crate::limits::ROLLOUT_LINE_BYTES`]; it was skipped without being held. Codex has no limit.
    TooLong,
    /// JSON nested deeper than [`crate::limits::ROLLOUT_NESTING`]. Codex has the same limit and skips the line.
    TooDeep,
    /// JSON, but no record: not an object, or without a kind or a payload. Codex skips it.
    NotARecord,
    /// A record without a timestamp, or with one that is no text; it is used, although Codex skips it.
    NoTimestamp,
    /// A record without an ordinal in a file whose records have them; it is used. Codex up to 0.142 appends such records.
    /// 0.153.4 and 0.169 then refuse to continue the thread if it is the last.
    NoOrdinal,
    /// An ordinal that is not greater than the one before it; the order of the file counts, for Codex too. 0.146 to
    /// 0.153.4 wrote the same one twice.
    OrdinalOrder,
    /// A kind of record that this build does not know. Codex skips what it does not know.
    UnknownKind,
    /// A response item that this build does not know how to send. Codex drops what it does not know.
    UnknownItem,
    /// A response item that lacks what its type needs. Codex skips the line.
    BadItem,
    /// A compaction that cannot be used; the history before it stays, as with Codex 0.87 and later.
    BadCompaction,
    /// The output of a tool call that is not in the history; it is not sent.
    OrphanOutput,
    /// A `session_meta` without a readable id. Codex refuses the file.
    BadMeta,
    /// The first `session_meta` is not the first record; it is used, although Codex 0.153 and later refuse the file.
    LateMeta,
    /// No `session_meta` at all: id from the file's name, cwd from the turns. Codex refuses the file.
    NoMeta,
    /// A `history_base` without a readable id or byte offset: what it inherits is unknown.
    BadBase,
    /// The base with this rollout id is nowhere below the home, or can not be opened. Codex 0.153.4 and 0.169.0 refuse
    /// such a thread.
    MissingBase(Uuid),
    /// The base with this rollout id is part of the chain already.
    CyclicBase(Uuid),
    /// A chain beyond [`crate::limits::SEGMENT_CHAIN`]; what lies deeper is not read.
    ChainTooLong,
    /// A base without a `session_meta`: whether it has a base of its own is unknown.
    BaseWithoutMeta,
    /// A base that ends before the offset up to which it is inherited.
    ShortBase,
    /// A base that can not be read to the offset up to which it is inherited.
    UnreadableBase,
    /// The record of a base that the offset up to which it is inherited splits.
    SplitByCut,
    /// A compressed file whose data ends inside a frame; what comes before is used.
    CutFrame,
    /// A compressed file with data that cannot be unpacked; what comes before is used.
    CorruptFrame,
    /// A compressed file that unpacks to more than [`crate::limits::ROLLOUT_UNPACKED_BYTES`]; what comes before is used.
    UnpackedTooLong,
    /// That many further oddities, not listed one by one.
    Further(u64),
}

impl DamageKind {
    fn says(self) -> &'static str {
        match self {
            DamageKind::TornTail => "torn last record, skipped",
            DamageKind::Unterminated => "last record without a newline, used",
            DamageKind::Glued => "torn record with the next one glued to it; the torn one is skipped",
            DamageKind::TornRepeat => "torn record that stands whole behind it, skipped",
            DamageKind::SplitRecord => "record broken over several lines, mended and used",
            DamageKind::Repeated => "record that stands twice, used twice",
            DamageKind::BadJson => "not JSON, skipped",
            DamageKind::LoneSurrogate => "half of a surrogate pair in a string, skipped",
            DamageKind::ReplacedSurrogate => "record with half of a surrogate pair, which is read as U+FFFD; used",
            DamageKind::InvalidUtf8 => "not UTF-8, skipped",
            DamageKind::ReplacedBytes => "record with bytes that are not UTF-8, which are read as U+FFFD; used",
            DamageKind::NulBytes => "zero bytes in place of a record, skipped",
            DamageKind::Blank => "blank lines, skipped",
            DamageKind::CarriageReturn => "lines end with a carriage return, which is skipped",
            DamageKind::ByteOrderMark => "byte order mark, skipped",
            DamageKind::TooLong => "line beyond the length limit, skipped",
            DamageKind::TooDeep => "JSON beyond the nesting limit, skipped",
            DamageKind::NotARecord => "JSON but no record, skipped",
            DamageKind::NoTimestamp => "record without a timestamp, used",
            DamageKind::NoOrdinal => "record without an ordinal, used",
            DamageKind::OrdinalOrder => "ordinal not above the one before it; the file's order counts",
            DamageKind::UnknownKind => "record of an unknown kind, passed over",
            DamageKind::UnknownItem => "response item of an unknown type, not sent to the model",
            DamageKind::BadItem => "response item that lacks what its type needs, not sent to the model",
            DamageKind::BadCompaction => "unusable compaction, passed over: the history before it stays",
            DamageKind::OrphanOutput => "output of a tool call that is not in the history, not sent to the model",
            DamageKind::BadMeta => "session_meta without a readable id, passed over",
            DamageKind::LateMeta => "session_meta is not the first record, used",
            DamageKind::NoMeta => "no session_meta: id taken from the file's name, cwd from the turns",
            DamageKind::BadBase => "unreadable history_base: what the thread inherits is not known",
            DamageKind::MissingBase(_) => {
                "the rollout that it continues is missing: all before is lost; restore it to the home"
            }
            DamageKind::CyclicBase(_) => "the rollout that it continues continues this one: nothing before is read",
            DamageKind::ChainTooLong => "continues more rollouts than are followed: what lies deeper is not read",
            DamageKind::BaseWithoutMeta => {
                "inherited from, without a session_meta: what it inherits itself is not known"
            }
            DamageKind::ShortBase => "ends before the offset up to which it is inherited from: the rest is lost",
            DamageKind::UnreadableBase => "inherited from and not readable up to here",
            DamageKind::SplitByCut => "record split by the offset up to which it is inherited from, skipped",
            DamageKind::CutFrame => "compressed data is cut off; what comes before is used",
            DamageKind::CorruptFrame => "compressed data is corrupt; what comes before is used",
            DamageKind::UnpackedTooLong => "compressed data beyond the size limit, skipped",
            DamageKind::Further(_) => "more of the same, not listed one by one",
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.bytes;
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "bytes {start}..{end}: {}", self.kind.says())?;
        match self.kind {
            DamageKind::Further(count) => write!(f, " ({count})"),
            DamageKind::MissingBase(id) | DamageKind::CyclicBase(id) => write!(f, " (rollout {id})"),
            _ => Ok(()),
        }
    }
}

/// Most oddities that are listed one by one; those beyond are counted in one last [`DamageKind::Further`].
pub const LISTED: usize = 1_000;

/// A bounded list of oddities, in the order in which they were told.
#[derive(Debug, Default)]
pub(super) struct Damages {
    listed: Vec<Damage>,
    further: Option<Damage>,
}

impl Damages {
    /// Adds one, or counts it.
    pub(super) fn tell(&mut self, damage: Damage) {
        if self.listed.len() < LISTED {
            self.listed.push(damage);
            return;
        }
        let Some(further) = self.further.as_mut() else {
            self.further = Some(Damage { kind: DamageKind::Further(1), ..damage });
            return;
        };
        if let DamageKind::Further(count) = further.kind {
            further.kind = DamageKind::Further(count.saturating_add(1));
        }
        further.bytes = further.bytes.start.min(damage.bytes.start)..further.bytes.end.max(damage.bytes.end);
        further.consequence = further.consequence.max(damage.consequence);
    }

    /// What was told; what stood wholly before the live history cost it nothing and is no loss.
    pub(super) fn finish(self, is_before: impl Fn(&Damage) -> bool) -> Vec<Damage> {
        let mut all = self.listed;
        all.extend(self.further);
        for damage in &mut all {
            if is_before(damage) {
                damage.consequence = damage.consequence.min(Consequence::PassedOver);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blank(line: u64, consequence: Consequence) -> Damage {
        Damage::new(line..line + 1, Some(line), DamageKind::Blank, consequence)
    }

    #[test]
    fn says_where_and_what() {
        let damage = Damage::new(120..133, Some(4), DamageKind::TornTail, Consequence::Lost);
        assert_eq!(damage.to_string(), "line 4, bytes 120..133: torn last record, skipped");
        let from_the_end = Damage { line: None, ..damage };
        assert_eq!(from_the_end.to_string(), "bytes 120..133: torn last record, skipped");
    }

    #[test]
    fn the_list_is_bounded_and_the_rest_is_counted() {
        let mut damages = Damages::default();
        for line in 0..LISTED as u64 + 5 {
            let lost = line == LISTED as u64 + 2;
            damages.tell(blank(line, if lost { Consequence::Lost } else { Consequence::Harmless }));
        }
        let all = damages.finish(|_| false);
        assert_eq!(all.len(), LISTED + 1);
        let last = all.last().unwrap();
        assert_eq!((last.kind, last.is_lossy(), last.bytes.clone()), (DamageKind::Further(5), true, 1_000..1_005));
    }

    #[test]
    fn what_stood_before_the_live_history_is_no_loss() {
        let mut damages = Damages::default();
        damages.tell(blank(1, Consequence::Lost));
        damages.tell(blank(9, Consequence::Lost));
        assert_eq!(
            damages.finish(|damage| damage.bytes.end <= 5).iter().map(Damage::is_lossy).collect::<Vec<_>>(),
            vec![false, true]
        );
    }
}
