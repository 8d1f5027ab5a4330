//! All checks over one run, in the order of every table.

use super::outcome::{Finding, Outcome};
use super::view::View;
use super::{
    Invariant, additive, applies, auth, effects, files, hermetic, history, honest, identity, invented, lean, liveness,
    paired, protocol, reached, rehydrates, settings, shown, unknown_id,
};
use crate::journal::Run;

/// Most findings of one invariant that are kept; a server that logs to stdout would make one a line.
const MOST_FINDINGS: usize = 50;

/// Judges every invariant. `control` is the same story on the target's control, for `additive`.
///
/// A function of the two journals and nothing else: the same journals give the same outcomes, whatever they hold.
pub fn judge(run: &Run, control: Option<&Run>) -> Vec<(Invariant, Outcome)> {
    let view = View::new(run);
    let mut outcomes: Vec<(Invariant, Outcome)> = Vec::new();
    for invariant in Invariant::ALL.iter().copied().filter(|i| *i != Invariant::Reached) {
        outcomes.push((invariant, at_most(on_all(&view, invariant, control))));
    }
    // Only what the others found can tell why a fault did not fire.
    let findings: Vec<&Finding> = outcomes.iter().flat_map(|(_, o)| o.findings()).collect();
    let reached = at_most(reached::reached(&view, &findings));
    outcomes.push((Invariant::Reached, reached));
    outcomes.sort_by_key(|(invariant, _)| *invariant);
    outcomes
}

/// Judges an invariant as far as it applies to the servers of the run's lives: to none of them, then it is not looked
/// at; to some of them, then what the others do is no finding. A comparison with a control needs one server for all.
fn on_all(view: &View<'_>, invariant: Invariant, control: Option<&Run>) -> Outcome {
    let targets = view.targets();
    if invariant == Invariant::Additive && targets.len() > 1 {
        return Outcome::NotApplicable(
            "the story goes on with another server, and the control is one of the first alone",
        );
    }
    let reasons: Vec<_> = targets.iter().map(|target| applies::not_applicable(target, invariant)).collect();
    match reasons.iter().flatten().next() {
        Some(reason) if reasons.iter().all(Option::is_some) => Outcome::NotApplicable(reason),
        None => check(view, invariant, control),
        Some(reason) => match check(view, invariant, control) {
            Outcome::Findings(mut findings) => {
                findings.retain(|f| applies::not_applicable(view.target(f.incarnation), invariant).is_none());
                if findings.is_empty() { Outcome::NotApplicable(reason) } else { Outcome::Findings(findings) }
            }
            other => other,
        },
    }
}

fn check(view: &View<'_>, invariant: Invariant, control: Option<&Run>) -> Outcome {
    match invariant {
        Invariant::Rehydrates => rehydrates::rehydrates(view),
        Invariant::Durable => history::durable(view),
        Invariant::Ordered => history::ordered(view),
        Invariant::Once => history::once(view),
        Invariant::NothingInvented => invented::nothing_invented(view),
        Invariant::Isolated => history::isolated(view),
        Invariant::Paired => paired::paired(view),
        Invariant::Cwd => settings::cwd(view),
        Invariant::Honest => honest::honest(view),
        Invariant::NoWider => settings::no_wider(view),
        Invariant::SameAuth => auth::same_auth(view),
        Invariant::Responsive => liveness::responsive(view),
        Invariant::NoOrphans => liveness::no_orphans(view),
        Invariant::Effects => effects::effects(view),
        Invariant::SourceKept => files::source_kept(view),
        Invariant::Lean => lean::lean(view),
        Invariant::NewThreadId => identity::new_thread_id(view),
        Invariant::StaleId => identity::stale_id(view),
        Invariant::UnknownId => unknown_id::unknown_id(view),
        Invariant::Additive => additive::additive(view, control),
        Invariant::Protocol => protocol::protocol(view),
        Invariant::Reached => reached::reached(view, &[]),
        Invariant::ShownIsSent => shown::shown_is_sent(view),
        Invariant::Hermetic => hermetic::hermetic(view),
    }
}

fn at_most(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Findings(mut findings) if findings.len() > MOST_FINDINGS => {
            let more = findings.len() - MOST_FINDINGS;
            findings.truncate(MOST_FINDINGS);
            if let Some(last) = findings.last_mut() {
                last.text.push_str(&format!(" (and {more} more findings)"));
            }
            Outcome::Findings(findings)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Event, Kind, Lane, TargetKind, TargetProfile};
    use proptest::prelude::*;

    #[test]
    fn every_invariant_is_judged_once_and_in_order() {
        let outcomes = judge(&Story::restarted().run(), None);
        let judged: Vec<Invariant> = outcomes.iter().map(|(i, _)| *i).collect();
        assert_eq!(judged, Invariant::ALL);
    }

    #[test]
    fn an_empty_journal_shows_nothing() {
        let outcomes = judge(&Story::new(TargetKind::Builtin).run(), None);
        assert!(outcomes.iter().all(|(_, o)| matches!(o, Outcome::Unjudged(_) | Outcome::NotApplicable(_))));
    }

    #[test]
    fn what_an_app_server_shows_is_not_taken_for_held() {
        assert!(is_unjudged(&Story::restarted_on(TargetKind::CodexResume).says(Invariant::ShownIsSent)));
        let elsewhere = Story::restarted_on(TargetKind::CodexMcp).says(Invariant::ShownIsSent);
        assert!(matches!(elsewhere, Outcome::NotApplicable(_)));
    }

    /// A story that is begun on our server and goes on with another, whose profile is `other`.
    fn continued_on(other: TargetProfile, returned: &str) -> Story {
        let mut story = Story::new(TargetKind::Builtin);
        story.life();
        story.say(Say::start("main", A));
        story.death(Some("KILL"));
        story.life_of(TargetProfile { name: "another".into(), ..other });
        let history = story.history("main");
        story.say(Say::reply("main", A, returned, history));
        story
    }

    #[test]
    fn a_life_is_judged_by_the_server_that_it_is_of() {
        // A thread keeps its id on the one and has a new one on the other.
        let resumed = continued_on(profile(TargetKind::CodexResume), A);
        assert_eq!(resumed.says(Invariant::NewThreadId), Outcome::Held);
        let forked = continued_on(profile(TargetKind::CodexFork), A);
        assert_eq!(forked.fired(), ["source-kept", "new-thread-id"]);
        // Only the one that keeps ids appends to the file that it has.
        for (kind, returned, fired) in
            [(TargetKind::CodexResume, A, &[][..]), (TargetKind::CodexFork, B, &["source-kept"][..])]
        {
            let mut story = continued_on(profile(kind), returned);
            story.files.get_mut(&Story::rollout_path(A)).expect("the source").extend(b"{}\n");
            story.death(Some("KILL"));
            assert_eq!(story.fired(), fired, "{kind:?}");
        }
    }

    #[test]
    fn what_applies_to_no_server_of_a_story_is_not_looked_at() {
        let story = continued_on(profile(TargetKind::CodexResume), A);
        assert!(matches!(story.says(Invariant::Additive), Outcome::NotApplicable(_)));
        assert!(!matches!(story.says(Invariant::ShownIsSent), Outcome::NotApplicable(_)), "the second one shows turns");
        let never = continued_on(profile(TargetKind::CodexMcp), B);
        assert!(matches!(never.says(Invariant::ShownIsSent), Outcome::NotApplicable(_)));
        assert!(!matches!(never.says(Invariant::StaleId), Outcome::NotApplicable(_)));
    }

    #[test]
    fn a_frame_is_of_the_dialect_that_its_life_speaks() {
        let mut story = Story::new(TargetKind::Builtin);
        story.life_of(profile(TargetKind::CodexResume));
        story.frame(crate::journal::Direction::Out, r#"{"method":"turn/started","params":{}}"#);
        assert_eq!(story.fired(), [""; 0]);
        story.death(Some("KILL"));
        story.life();
        story.frame(crate::journal::Direction::Out, r#"{"method":"turn/started","params":{}}"#);
        assert_eq!(story.fired(), ["protocol"]);
    }

    #[test]
    fn an_id_that_another_server_refuses_is_no_dead_id() {
        let mut story = Story::restarted();
        let history = story.history("main");
        story.say(Say::reply("main", A, B, history));
        story.death(Some("KILL"));
        story.life_of(TargetProfile { name: "another".into(), ..profile(TargetKind::CodexMcp) });
        story.say(Say::refused("main", B));
        assert_eq!(story.fired(), ["rehydrates"]);
    }

    /// Pieces of a rich journal, to be torn apart and shuffled.
    fn pieces() -> Vec<Kind> {
        let mut story = Story::new(TargetKind::Builtin);
        story.place("decoy", C, vec![p(90)]);
        story.life();
        story.say(Say::start("main", A));
        story.damage("main", A, vec![r(1)]);
        story.restart();
        story.say(Say {
            history: Some(vec![tool_call("a"), context("turn_aborted")]),
            ..Say::reply("main", A, B, Vec::new())
        });
        story.fault(2, false);
        story.say(Say { id_is: crate::journal::IdChoice::Literal, ..Say::refused("main", "*") });
        for text in
            ["[", "{}", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#]
        {
            story.frame(crate::journal::Direction::In, text);
            story.frame(crate::journal::Direction::Out, text);
        }
        story.death(None);
        story.events.into_iter().map(|e| e.kind).collect()
    }

    proptest! {
        #[test]
        fn no_journal_makes_a_check_panic(order in prop::collection::vec((0usize..1000, 0u32..4, 0u64..60), 0..60)) {
            let pieces = pieces();
            let mut story = Story::new(TargetKind::Builtin);
            for (n, incarnation, seq) in order {
                let kind = pieces[n % pieces.len()].clone();
                story.events.push(Event { seq, at: 0, incarnation, lane: Lane::Player, kind });
            }
            let run = story.run();
            prop_assert_eq!(judge(&run, Some(&run)).len(), Invariant::ALL.len());
        }
    }
}
