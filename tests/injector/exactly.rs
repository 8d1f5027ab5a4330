//! The property: a write that is torn at any byte, of any file, by any thread of any process, is torn exactly there, and
//! nothing but what was told has landed anywhere.

use proptest::prelude::*;
use rehydra::fault::write::{Attempt, Decision, Op, Then};

use crate::rig::{Rig, has_cc};

#[derive(Clone, Debug)]
struct Story {
    processes: usize,
    threads: usize,
    /// Each with its length.
    writes: Vec<(&'static str, usize)>,
    append: bool,
    /// One open file for all, or one for each.
    shared: bool,
    is_static: bool,
    exact: bool,
    victim: prop::sample::Index,
    byte: prop::sample::Index,
    then: Then,
}

fn story() -> impl Strategy<Value = Story> {
    let write = (prop::sample::select(&["write", "writev"][..]), 1_usize..5000);
    let then = prop_oneof![Just(Then::NoReturn), Just(Then::Short), (1_i32..100).prop_map(Then::Errno)];
    let shape = (1_usize..3, 1_usize..4, prop::collection::vec(write, 1..5));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (shape, flags, any::<prop::sample::Index>(), any::<prop::sample::Index>(), then).prop_map(
        |((processes, threads, writes), (append, shared, is_static, exact), victim, byte, then)| Story {
            processes,
            threads,
            writes,
            // What only the exact rung can do is not asked of the other, nor of files that write over each other.
            append: append || !exact || !shared,
            shared,
            is_static,
            exact,
            victim,
            byte,
            then,
        },
    )
}

impl Story {
    fn program(&self) -> String {
        let mode = if self.append { "ca" } else { "c" };
        let many = format!("fork:{} threads:{}", self.processes, self.threads);
        let open = format!("open:F/f:{mode}");
        let writes: Vec<String> = self.writes.iter().map(|(op, len)| format!("{op}:{len}")).collect();
        let begin = if self.shared { format!("{open} {many}") } else { format!("{many} {open}") };
        format!("{begin} {}", writes.join(" "))
    }

    /// Writes of all threads together.
    fn count(&self) -> usize {
        self.processes * self.threads * self.writes.len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_torn_write_is_torn_at_the_byte_and_nothing_else_lands(story in story()) {
        if !has_cc() {
            return Ok(());
        }
        let victim = story.victim.index(story.count());
        let (mut seen, byte, then) = (0, story.byte, story.then);
        let torn = std::sync::Arc::new(std::sync::Mutex::new(None));
        let note = torn.clone();
        let tear = move |attempt: &Attempt<'_>| {
            if attempt.op != Op::Write {
                return Decision::Pass;
            }
            seen += 1;
            if seen != victim + 1 {
                return Decision::Pass;
            }
            let bytes = byte.index(attempt.data.len() + 1) as u64;
            *note.lock().unwrap() = Some((attempt.order, bytes));
            Decision::Cut { bytes, then }
        };
        let rig = Rig { is_static: story.is_static, exact: story.exact, ..Rig::new() };
        let done = rig.run(&story.program(), tear);
        let met = *torn.lock().unwrap();
        prop_assert!(met.is_some(), "only {} of {} came: {}{:?}", done.asked.len(), story.count(), done.said, done.ended);
        let (order, bytes) = met.unwrap();

        prop_assert_eq!(&done.troubles, &Vec::<String>::new());
        let hit = done.heard.iter().find(|heard| heard.order == order).expect("it has happened");
        prop_assert_eq!(hit.landed, bytes);
        // Each piece is of one letter, and of a length that somebody was told to write.
        for heard in done.heard.iter().filter(|heard| heard.op == Op::Write) {
            let letter = heard.data[0];
            prop_assert!(heard.data.iter().all(|byte| *byte == letter));
            prop_assert!(story.writes.iter().any(|(_, len)| *len == heard.data.len()));
            let whole = heard.data.len() as u64;
            prop_assert_eq!(heard.landed, if heard.order == order { bytes } else { whole });
        }
        // In one order, without a gap.
        let orders: Vec<u64> = done.asked.iter().map(|asked| asked.order).collect();
        prop_assert_eq!(orders, (1..=done.asked.len() as u64).collect::<Vec<_>>());
        if then == Then::NoReturn {
            prop_assert_eq!(done.ended.signal, Some(9));
            prop_assert_eq!(done.heard.last().map(|heard| heard.order), Some(order), "something landed after the death");
        } else {
            prop_assert_eq!(done.ended.code, Some(0));
            let writes = done.heard.iter().filter(|heard| heard.op == Op::Write).count();
            prop_assert_eq!(writes, story.count());
            let answer = match then {
                Then::Errno(errno) => format!(" -1 {errno}\n"),
                _ => format!(" {bytes} 0\n"),
            };
            prop_assert!(done.said.contains(&answer), "{}", done.said);
        }
        let found = std::fs::read(rig.path("f")).unwrap();
        prop_assert_eq!(done.model().remove("f").unwrap_or_default(), found);
    }
}
