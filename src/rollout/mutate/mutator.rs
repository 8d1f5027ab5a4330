//! What a mutator is, and what applying one tells.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::classes::{CLASSES, Class};
use super::edit::Edit;
use super::lines::Reading;
use super::model;
use crate::marker::Marker;
use crate::rollout::DamageKind;
use crate::rollout::{Era, is_packed};

/// One class of damage.
#[derive(Clone, Copy)]
pub struct Mutator {
    class: &'static Class,
    keep: Keep,
}

/// How much of a torn record stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// That many bytes, at most all but one.
    Bytes(u64),
    /// Half of the record.
    Half,
    /// The whole record; only its newline goes.
    AllButNewline,
}

/// Which of the places that fit a mutator is damaged. A mutator with one place only (the tail, the first line) takes
/// that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Where {
    /// One that the seed draws.
    Seed(u64),
    /// That line, from 1; if it does not fit, nothing is damaged.
    Line(u64),
    /// The last.
    Last,
}

/// Where damage was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Line, from 1: the first that is not what it was.
    pub line: u64,
    /// The bytes of the file before that are not in it any more as they were; empty where something was put in.
    pub before: Range<u64>,
    /// The bytes of the damaged file that stand in their place.
    pub after: Range<u64>,
}

/// A damaged rollout and what the damage did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutated {
    /// The file as it is now.
    pub bytes: Vec<u8>,
    /// Markers that the model was sent before, and that no reader can send it now, in order.
    pub destroyed: Vec<Marker>,
    /// The mutators that found a place, in the order in which they were applied.
    pub done: Vec<(Mutator, Where)>,
    /// What a reader sends to the model that skips every line which Codex skips, in order.
    pub plain: Vec<Marker>,
    /// What one sends that salvages all that can be salvaged. The same as `plain` for most classes.
    pub salvaged: Vec<Marker>,
    /// A correct reader refuses the file: there is nothing in it to be read, or it says itself that more is elsewhere.
    pub refused: bool,
    /// Something that a turn said is gone, and what is left of it shows that: whoever uses the file owes a note. A
    /// record that went without a trace is gone unseen, and nothing is owed.
    pub lossy: bool,
    /// A reader that lists oddities lists one of these kinds; if none is here, there is nothing to list.
    pub tells: Vec<DamageKind>,
    /// Where; `None` where the bytes offered no place and stay as they were.
    pub touched: Option<Touched>,
    /// The bytes are a zstd frame: the file's name ends in `.jsonl.zst`.
    pub compressed: bool,
}

impl Mutated {
    /// What every correct reader sends to the model, in order.
    pub fn must_show(&self) -> Vec<Marker> {
        let salvaged: HashSet<&Marker> = self.salvaged.iter().collect();
        self.plain.iter().filter(|marker| salvaged.contains(marker)).cloned().collect()
    }

    /// What correct readers may or may not send.
    pub fn may_show(&self) -> Vec<Marker> {
        let (plain, salvaged): (HashSet<&Marker>, HashSet<&Marker>) =
            (self.plain.iter().collect(), self.salvaged.iter().collect());
        let more = self.salvaged.iter().filter(|marker| !plain.contains(marker));
        self.plain.iter().filter(|marker| !salvaged.contains(marker)).chain(more).cloned().collect()
    }
}

impl Mutator {
    /// Every class, in the order in which they are documented. Names and order stay; classes are added at the end of
    /// their group.
    pub fn all() -> impl ExactSizeIterator<Item = Mutator> {
        CLASSES.iter().map(Mutator::of)
    }

    /// The class of that name.
    pub fn named(name: &str) -> Option<Mutator> {
        CLASSES.iter().find(|class| class.name == name).map(Mutator::of)
    }

    /// The class `torn-tail` with another amount that stays than half of the record.
    pub fn torn_tail(keep: Keep) -> Mutator {
        let [torn_tail, ..] = &CLASSES;
        Mutator { class: torn_tail, keep }
    }

    fn of(class: &'static Class) -> Mutator {
        Mutator { class, keep: Keep::Half }
    }

    /// Its name in scenario files, journals and on the command line.
    pub fn name(&self) -> &'static str {
        self.class.name
    }

    /// What it does, in a sentence; and how such damage comes about, where that is known.
    pub fn says(&self) -> &'static str {
        self.class.says
    }

    /// How much of the record stays, if it is the class `torn-tail`.
    pub fn keep(&self) -> Option<Keep> {
        let [torn_tail, ..] = &CLASSES;
        (self.class.name == torn_tail.name).then_some(self.keep)
    }

    /// Whether files of that era can have such damage.
    pub fn applies_to(&self, era: Era) -> bool {
        self.class.eras.contains(&era)
    }

    /// Damages a rollout. Bytes that offer no place stay as they are, and `touched` says so.
    pub fn apply(&self, bytes: &[u8], at: Where) -> Mutated {
        apply_all(&[(*self, at)], bytes)
    }

    /// The damaged bytes, and the line that was touched first.
    fn alter(&self, bytes: &[u8], at: Where) -> Option<(Vec<u8>, usize)> {
        if let Some(whole) = self.class.whole {
            return whole(bytes).map(|bytes| (bytes, 0));
        }
        // The lines of a compressed file are no lines.
        if is_packed(bytes) {
            return None;
        }
        let mut edit = Edit::new(bytes, at);
        (self.class.alter)(&mut edit, self.keep).then(|| (edit.bytes(), edit.touched))
    }
}

/// Damages a rollout several times over, each time what the one before left. `destroyed` is told from the first file to
/// the last; `tells` holds the kinds of all, although later damage may have hidden earlier.
pub fn apply_all(mutators: &[(Mutator, Where)], bytes: &[u8]) -> Mutated {
    let mut now = bytes.to_vec();
    let mut first_line = None;
    let mut done = Vec::new();
    let mut tells: Vec<DamageKind> = Vec::new();
    let mut owed = false;
    for (mutator, at) in mutators {
        let Some((altered, line)) = mutator.alter(&now, *at) else { continue };
        now = altered;
        done.push((*mutator, *at));
        first_line = Some(first_line.map_or(line, |first: usize| first.min(line)));
        tells.extend(mutator.class.tells(mutator.keep));
        owed |= mutator.class.owed && mutator.keep != Keep::Bytes(0);
    }
    let before = model::shown(bytes, Reading::Salvaging).unwrap_or_default();
    let (plain, salvaged) = (model::shown(&now, Reading::Plain), model::shown(&now, Reading::Salvaging));
    let refused = salvaged.is_none();
    let (plain, salvaged) = (plain.unwrap_or_default(), salvaged.unwrap_or_default());
    let left: HashSet<&Marker> = plain.iter().chain(&salvaged).collect();
    let mut told = HashSet::new();
    let gone = |marker: &Marker| !left.contains(marker) && told.insert(marker.clone());
    let destroyed: Vec<Marker> = before.into_iter().filter(gone).collect();
    // An output that no longer counts is nobody's orphan.
    tells.retain(|kind| *kind != DamageKind::OrphanOutput || !destroyed.is_empty());
    let lossy = owed && !destroyed.is_empty();
    let touched = first_line.map(|line| touched(line, bytes, &now));
    let compressed = is_packed(&now);
    Mutated { bytes: now, done, destroyed, plain, salvaged, refused, lossy, tells, touched, compressed }
}

/// The bytes between what both files begin with and what both end with.
fn touched(line: usize, before: &[u8], after: &[u8]) -> Touched {
    let same = |(a, b): &(&u8, &u8)| a == b;
    let head = before.iter().zip(after).take_while(same).count();
    let (old, new) = (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
    let range = |end: usize| head as u64..(end - tail) as u64;
    Touched { line: line as u64 + 1, before: range(before.len()), after: range(after.len()) }
}

impl PartialEq for Mutator {
    fn eq(&self, other: &Mutator) -> bool {
        self.class.name == other.class.name && self.keep == other.keep
    }
}

impl Eq for Mutator {}

impl fmt::Debug for Mutator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keep() {
            Some(keep) => write!(f, "{} (keeps {keep:?})", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::Carrier;

    fn marker(n: u64) -> Marker {
        Marker::new(Carrier::Reply, 1, n)
    }

    fn item(marker: &Marker) -> String {
        format!(
            r#"{{"timestamp":"t","type":"response_item","payload":{{"type":"message","role":"assistant","content":[{{"text":"a\n{marker}"}}]}}}}"#
        )
    }

    fn torn(keep: Keep, text: &str) -> Mutated {
        Mutator::torn_tail(keep).apply(text.as_bytes(), Where::Last)
    }

    #[test]
    fn a_cut_record_takes_its_markers_with_it() {
        let (first, last) = (item(&marker(1)), item(&marker(2)));
        let mutated = torn(Keep::Half, &format!("{first}\n{last}\n"));
        assert_eq!(mutated.bytes, [first.as_bytes(), b"\n", &last.as_bytes()[..last.len() / 2]].concat());
        assert_eq!((mutated.destroyed, mutated.lossy), (vec![marker(2)], true));
        assert_eq!((mutated.plain, mutated.tells), (vec![marker(1)], vec![DamageKind::TornTail]));
        let touched = mutated.touched.unwrap();
        assert_eq!((touched.line, touched.after.is_empty(), touched.before.end), (2, true, 2 * first.len() as u64 + 2));
    }

    #[test]
    fn a_record_that_keeps_all_its_bytes_loses_nothing() {
        let text = item(&marker(1));
        let mutated = torn(Keep::AllButNewline, &format!("{text}\n"));
        assert_eq!((mutated.bytes.as_slice(), mutated.destroyed, mutated.lossy), (text.as_bytes(), vec![], false));
        let mutated = torn(Keep::Bytes(u64::MAX), &format!("{text}\n"));
        assert_eq!((mutated.bytes.len(), mutated.destroyed), (text.len() - 1, vec![marker(1)]));
    }

    #[test]
    fn a_marker_that_another_record_shows_the_model_is_not_destroyed() {
        let twice = item(&marker(1));
        assert_eq!(torn(Keep::Half, &format!("{twice}\n{twice}\n")).destroyed, vec![]);
        let event = format!(r#"{{"timestamp":"t","type":"event_msg","payload":{{"message":"{}"}}}}"#, marker(3));
        let of_event = torn(Keep::Half, &format!("{twice}\n{event}\n"));
        assert_eq!((of_event.destroyed, of_event.lossy), (vec![], false));
        assert_eq!(torn(Keep::Half, &format!("{event}\n{}\n", item(&marker(3)))).destroyed, vec![marker(3)]);
    }

    #[test]
    fn a_record_without_a_trace_is_gone_unseen() {
        let text = item(&marker(1));
        let mutated = torn(Keep::Bytes(0), &format!("{text}\n"));
        assert_eq!((mutated.bytes.len(), mutated.destroyed, mutated.lossy), (0, vec![marker(1)], false));
    }

    #[test]
    fn bytes_without_a_place_stay_as_they_are() {
        for mutator in Mutator::all() {
            let mutated = mutator.apply(b"", Where::Seed(1));
            assert!(mutated.touched.is_none() || !mutated.bytes.is_empty(), "{mutator:?}");
        }
    }

    #[test]
    fn damage_after_damage_is_told_from_the_first_file_to_the_last() {
        let text = format!("{}\n{}\n{}\n", item(&marker(1)), item(&marker(2)), item(&marker(3)));
        let named = |name| Mutator::named(name).unwrap();
        let steps = [(named("torn-record"), Where::Line(1)), (named("torn-tail"), Where::Last)];
        let mutated = apply_all(&steps, text.as_bytes());
        assert_eq!((mutated.destroyed, mutated.plain), (vec![marker(1), marker(3)], vec![marker(2)]));
        assert_eq!(mutated.tells, vec![DamageKind::BadJson, DamageKind::TornTail]);
        assert_eq!(mutated.touched.unwrap().line, 1);
    }

    #[test]
    fn what_only_some_readers_save_may_be_shown_and_need_not() {
        let text = format!("{}\n{}\n", item(&marker(1)), item(&marker(2)));
        let mutated = Mutator::named("glued-record").unwrap().apply(text.as_bytes(), Where::Line(1));
        assert_eq!((mutated.must_show(), mutated.may_show()), (vec![], vec![marker(2)]));
        assert_eq!(mutated.destroyed, vec![marker(1)]);
    }

    #[test]
    fn a_compressed_file_is_damaged_before_it_is_compressed() {
        let text = format!("{}\n{}\n", item(&marker(1)), item(&marker(2)));
        let named = |name| (Mutator::named(name).unwrap(), Where::Last);
        let torn = apply_all(&[named("torn-tail"), named("compressed")], text.as_bytes());
        assert_eq!((torn.compressed, torn.plain, torn.destroyed), (true, vec![marker(1)], vec![marker(2)]));
        let frame = apply_all(&[named("compressed"), named("torn-tail")], text.as_bytes());
        assert_eq!((frame.compressed, frame.destroyed), (true, vec![]));
    }

    #[test]
    fn names_are_unique_and_lead_back() {
        let names: HashSet<&str> = Mutator::all().map(|mutator| mutator.name()).collect();
        assert_eq!(names.len(), Mutator::all().len());
        for mutator in Mutator::all() {
            assert_eq!(Mutator::named(mutator.name()), Some(mutator));
            assert_eq!(mutator.keep().is_some(), mutator.name() == "torn-tail");
        }
        assert_eq!(Mutator::named("no such class"), None);
    }
}
