//! The file name of a rollout: `rollout-<time>-<thread>[_<segment>].jsonl[.zst]`.
//!
//! Codex writes the time of creation in the local time of a zone that the name does not tell. The *first* uuid is the
//! thread. The last one is the rollout's own: a file that continues others (0.153 and later) has both, the root of a
//! thread only the one. Names are taken strictly, as 0.153.4 and 0.169 take them: no other prefix, no `.bak`, no
//! ` (1)`; letters of a uuid may be upper case.

use uuid::Uuid;

use crate::rollout::ThreadId;

/// The parts of a rollout's file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutName {
    /// Local time of its creation, `YYYY-MM-DDThh-mm-ss`.
    pub time: String,
    /// The thread.
    pub thread: ThreadId,
    /// The segment, where it is not the thread's root (paginated files that continue others).
    pub segment: Option<Uuid>,
    /// Its name ends with `.zst`.
    pub compressed: bool,
}

const PREFIX: &str = "rollout-";
const TIME_PATTERN: &[u8; 19] = b"0000-00-00T00-00-00";
/// Where the first uuid of a name begins.
const THREAD_AT: usize = PREFIX.len() + TIME_PATTERN.len() + 1;
const UUID_LEN: usize = 36;

impl RolloutName {
    /// Takes a file name apart; `None` if it is no rollout's.
    pub fn parse(name: &str) -> Option<RolloutName> {
        let rest = name.strip_prefix(PREFIX)?;
        let (rest, compressed) = match rest.strip_suffix(".zst") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rest = rest.strip_suffix(".jsonl")?;
        let (time, rest) = rest.split_at_checked(TIME_PATTERN.len())?;
        let fits = time.bytes().zip(TIME_PATTERN).all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            pattern => byte == *pattern,
        });
        let (thread, rest) = rest.strip_prefix('-')?.split_at_checked(UUID_LEN)?;
        let segment = match rest.strip_prefix('_') {
            Some(segment) => Some(hyphenated(segment)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let thread = ThreadId::from(hyphenated(thread)?);
        fits.then(|| RolloutName { time: time.to_owned(), thread, segment, compressed })
    }

    /// The id of this one file among its thread's: the segment's, or the thread's for the thread's root.
    pub fn rollout_id(&self) -> Uuid {
        self.segment.unwrap_or(self.thread.uuid())
    }
}

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == UUID_LEN).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// A uuid as names spell it, for a look at a name that costs neither an allocation nor a parse.
pub(super) struct Spelled([u8; UUID_LEN]);

impl Spelled {
    pub(super) fn new(id: Uuid) -> Spelled {
        let mut text = [0; UUID_LEN];
        id.hyphenated().encode_lower(&mut text);
        Spelled(text)
    }

    /// Whether the name may be one of this thread's. No name of the thread's is missed.
    pub(super) fn may_be_thread_of(&self, name: &str) -> bool {
        self.is_at(name, THREAD_AT)
    }

    /// Whether the name may be that of this rollout, by its last uuid. No name of the rollout's is missed.
    pub(super) fn may_be_rollout_of(&self, name: &str) -> bool {
        self.is_at(name, THREAD_AT) || self.is_at(name, THREAD_AT + UUID_LEN + 1)
    }

    /// Whether the name holds this uuid anywhere: a copy's ("… (1).jsonl") does.
    pub(super) fn is_in(&self, name: &str) -> bool {
        name.as_bytes().windows(UUID_LEN).any(|window| window.eq_ignore_ascii_case(&self.0))
    }

    fn is_at(&self, name: &str, at: usize) -> bool {
        name.as_bytes().get(at..at + UUID_LEN).is_some_and(|found| found.eq_ignore_ascii_case(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";
    const OTHER: &str = "01a203fe-4f82-7021-8336-6f3d36f211b5";

    #[test]
    fn a_name_is_taken_apart_strictly() {
        let parsed = RolloutName::parse(&format!("rollout-2026-11-22T16-02-07-{ID}_{OTHER}.jsonl.zst")).unwrap();
        assert_eq!((parsed.thread.to_string(), parsed.segment.unwrap().to_string()), (ID.into(), OTHER.into()));
        assert_eq!((parsed.time.as_str(), parsed.compressed), ("2026-11-22T16-02-07", true));
        let short = &ID[..35];
        for bad in [
            format!("{ID}.jsonl"),
            format!("rollout-2026-11-22T16-02-07-{ID}.jsonl.bak"),
            format!("rollout-2026-11-22T16-02-07-{ID} (1).jsonl"),
            format!("rollout-2026-11-22T16-02-07-{short}.jsonl"),
            format!("rollout-2026-11-22T16-02-07-{ID}_.jsonl"),
            format!("rollout-2026-11-22T16-02-07-{ID}_{short}.jsonl"),
            format!("rollout-2026-11-22T16:02:07-{ID}.jsonl"),
            format!(".rollout-2026-11-22T16-02-07-{ID}.jsonl"),
            "rollout-äääääääääää".to_owned(),
        ] {
            assert_eq!(RolloutName::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_cheap_look_misses_no_name_in_whatever_case() {
        let (id, other) = (ID.parse().unwrap(), OTHER.parse().unwrap());
        for name in [
            format!("rollout-2026-11-22T16-02-07-{ID}_{OTHER}.jsonl"),
            format!("rollout-2026-11-22T16-02-07-{}_{}.jsonl.zst", ID.to_uppercase(), OTHER.to_uppercase()),
        ] {
            let parsed = RolloutName::parse(&name).unwrap();
            assert_eq!((parsed.thread.uuid(), parsed.rollout_id()), (id, other));
            assert!(Spelled::new(id).may_be_thread_of(&name) && Spelled::new(other).may_be_rollout_of(&name));
            assert!(!Spelled::new(other).may_be_thread_of(&name) && Spelled::new(other).is_in(&name));
        }
    }
}
