//! Branches: what becomes of a thread that two lives have at once.
//!
//! As long as one life at a time has a thread, its turns are one *strand*. A server that is asked for a thread which
//! another live process has loaded can go on beside it under an id of its own: from there on the thread has two strands
//! with one past. What is said in one is no part of the other, and an old id leads to the strand that it was of.
//!
//! A strand begins with a reply that names a new id while another life, still running, has the thread. The server's
//! note says which of two such replies branched, where they came at once; without a note it is the later one. Where ids
//! stay there is one strand, whoever writes it. Where the client maps ids (`thread/fork`), each client goes on in its
//! own.

/// Number of a strand in its run; the first of every thread is 0.
pub(super) type Strand = usize;

/// Where a strand left another.
#[derive(Debug)]
struct Branch {
    parent: Strand,
    /// Index of the call that made it: what was acknowledged before is certainly part of it.
    called: usize,
    /// Index of the first model request of that call: what was sent later is certainly none.
    asked: usize,
}

/// All strands but the first of each thread.
#[derive(Debug, Default)]
pub(super) struct Branches(Vec<Branch>);

impl Branches {
    /// A strand leaves `parent`.
    pub(super) fn begin(&mut self, parent: Strand, called: usize, asked: usize) -> Strand {
        self.0.push(Branch { parent, called, asked });
        self.0.len()
    }

    /// Whether a turn that was sent at `at` in the strand `other` may be part of `strand`.
    pub(super) fn may_hold(&self, strand: Strand, other: Strand, at: usize) -> bool {
        self.line(strand, |branch| branch.asked, at).any(|ancestor| ancestor == other)
    }

    /// Whether a turn that was acknowledged at `at` in the strand `other` must be part of `strand`.
    pub(super) fn must_hold(&self, strand: Strand, other: Strand, at: usize) -> bool {
        self.line(strand, |branch| branch.called, at).any(|ancestor| ancestor == other)
    }

    /// The strand that a strand left.
    pub(super) fn parent(&self, strand: Strand) -> Option<Strand> {
        self.of(strand).map(|branch| branch.parent)
    }

    /// The strand and those that it comes from, as far back as something at `at` came before each parting.
    fn line(&self, strand: Strand, parting: fn(&Branch) -> usize, at: usize) -> impl Iterator<Item = Strand> {
        let before =
            move |strand: &Strand| self.of(*strand).filter(|branch| at < parting(branch)).map(|branch| branch.parent);
        std::iter::successors(Some(strand), before)
    }

    fn of(&self, strand: Strand) -> Option<&Branch> {
        self.0.get(strand.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{Invariant, Outcome};
    use super::*;
    use crate::journal::{IdChoice, Item, Note, TargetKind};

    #[test]
    fn a_strand_has_what_came_before_the_parting() {
        let mut branches = Branches::default();
        let one = branches.begin(0, 10, 12);
        let two = branches.begin(one, 20, 20);
        assert!(branches.must_hold(one, 0, 9) && !branches.must_hold(one, 0, 11));
        assert!(branches.may_hold(one, 0, 11) && !branches.may_hold(one, 0, 12));
        assert!(branches.must_hold(two, 0, 9) && branches.must_hold(two, one, 15) && !branches.must_hold(two, one, 25));
        assert!(!branches.may_hold(0, one, 1), "what is said in a branch is nowhere else");
        assert_eq!((branches.parent(two), branches.parent(one), branches.parent(0)), (Some(one), Some(0), None));
    }

    /// Life 1 has a thread with one turn, and life 2 goes on with it beside that; both say something more.
    fn branched(notes: Vec<Note>) -> Story {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        let past = story.history("main");
        story.life();
        story.say(Say { notes, ..Say::reply("main", A, B, past.clone()) });
        story.say_in(1, Say::reply("main", A, A, past));
        story
    }

    #[test]
    fn each_strand_goes_on_with_its_own() {
        let mut story = branched(vec![note("branched_from_live")]);
        let theirs = vec![user(p(1)), assistant(r(1)), user(p(2)), assistant(r(2))];
        story.say(Say::reply("main", B, B, theirs));
        assert_eq!(story.fired(), [""; 0]);
        assert_eq!(story.says(Invariant::Durable), Outcome::Held);
    }

    #[test]
    fn what_is_said_in_a_branch_is_invented_elsewhere() {
        let mut story = branched(vec![note("branched_from_live")]);
        let mixed = vec![user(p(1)), assistant(r(1)), user(p(2)), assistant(r(2)), user(p(3)), assistant(r(3))];
        story.say_in(1, Say::reply("main", A, A, mixed));
        assert_eq!(story.fired(), ["nothing-invented"]);
    }

    #[test]
    fn a_branch_that_is_not_told_of_is_dishonest() {
        let story = branched(Vec::new());
        assert_eq!(story.fired(), ["honest"]);
        assert!(text(&story.says(Invariant::Honest)).contains("goes on beside another live process"));
    }

    #[test]
    fn an_old_id_leads_to_its_own_strand() {
        for (history, fired) in [
            (vec![user(p(1)), assistant(r(1)), user(p(3)), assistant(r(3))], vec![]),
            (
                vec![user(p(1)), assistant(r(1)), user(p(2)), assistant(r(2))],
                vec!["durable", "nothing-invented", "honest"],
            ),
        ] {
            let mut story = branched(vec![note("branched_from_live")]);
            story.death(Some("KILL"));
            story.death_of(1, Some("KILL"));
            story.life();
            story.say(Say { id_is: IdChoice::First, ..Say::reply("main", A, C, history) });
            assert_eq!(story.fired(), fired);
        }
    }

    /// Two lives are asked for one id of a dead one at the same time; the second answers first, the first says nothing.
    fn raced(note_of_second: bool, history_of_second: Vec<Item>) -> Story {
        let mut story = Story::restarted();
        let past = story.history("main");
        story.life();
        let notes = if note_of_second { vec![note("branched_from_live")] } else { Vec::new() };
        let one = Say::reply("main", A, B, past);
        let two = Say { notes, ..Say::reply("main", A, C, history_of_second) };
        let first = story.of_life(2, |story| story.call(&one));
        let second = story.call(&two);
        story.of_life(2, |story| story.request(first, &one));
        story.request(second, &two);
        story.answer(second, &two);
        story.of_life(2, |story| story.answer(first, &one));
        story
    }

    #[test]
    fn a_client_that_maps_ids_goes_on_with_its_own() {
        let mut story = Story::restarted_on(TargetKind::CodexFork);
        let past = story.history("main");
        story.life();
        story.say(Say { client: Some("second".into()), ..Say::reply("main", A, C, past.clone()) });
        story.say_in(2, Say::reply("main", A, B, past.clone()));
        let own = [past, vec![user(p(3)), assistant(r(3))]].concat();
        story.say_in(2, Say { id_is: IdChoice::First, ..Say::reply("main", A, B, own) });
        assert_eq!(story.fired(), [""; 0]);
    }

    #[test]
    fn of_two_that_race_the_note_says_who_branched() {
        let past = vec![user(p(1)), assistant(r(1))];
        assert_eq!(raced(true, past.clone()).fired(), [""; 0]);
        assert_eq!(raced(false, past).fired(), ["honest"], "the other one, which was told after it");
    }

    #[test]
    fn a_branch_may_or_may_not_hold_what_was_under_way() {
        let whole = vec![user(p(1)), assistant(r(1)), user(p(2)), assistant(r(2))];
        let mut story = raced(true, whole.clone());
        assert_eq!(story.fired(), [""; 0]);
        let theirs = [whole, vec![user(p(3)), assistant(r(3))]].concat();
        story.say(Say::reply("main", C, C, theirs));
        assert_eq!(story.fired(), [""; 0]);
    }
}
