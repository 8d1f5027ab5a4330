//! How lives end, and what they leave.

use libtest_mimic::Trial;
use rehydra::fault::plan::{Action, Fault, Signal, Trigger, Whom};
use rehydra::journal::{AnswerOutcome, Kind};
use rehydra::target::{End, Target};

use crate::rig::{KILL, Plan, Rig, is_there, this_binary, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_kill_at_a_frame_still_drains_what_was_in_the_pipe", drained),
        trial("a_kill_at_an_answer_fires_before_the_player_knows_of_it", at_the_answer),
        trial("a_kill_once_the_bytes_are_in_the_pipe_closes_the_call", once_sent),
        trial("a_line_cut_by_the_death_is_recorded_as_partial", partial),
        trial("a_server_that_ends_by_itself_closes_its_calls", by_itself),
        trial("end_of_input_ends_a_server_that_listens", eof),
        trial("a_server_deaf_to_a_signal_is_counted_and_then_killed", deaf_to_term),
        trial("a_server_deaf_to_end_of_input_is_counted_and_then_killed", deaf_to_eof),
        trial("a_process_left_behind_is_counted_and_then_killed", leftover),
        trial("a_group_kill_leaves_nothing", group),
        trial("a_flood_ends_the_life_and_breaks_the_run", flood),
        trial("dropping_the_target_ends_everything", dropped),
        trial("burying_nobody_is_nothing", nobody),
    ]
}

fn deaths(rig: &Rig) -> Vec<(Option<i32>, Option<i32>, Option<String>)> {
    let exits = rig.all(|kind| match kind {
        Kind::Exit(exit) => Some(exit),
        _ => None,
    });
    let deaths = rig.all(|kind| match kind {
        Kind::Death(death) => Some(death.asked),
        _ => None,
    });
    assert_eq!(exits.len(), deaths.len());
    exits.into_iter().zip(deaths).map(|(exit, asked)| (exit.code, exit.signal, asked)).collect()
}

fn leftovers(rig: &Rig) -> Vec<Vec<u32>> {
    rig.all(|kind| match kind {
        Kind::Leftover(leftover) => Some(leftover.pids),
        _ => None,
    })
}

fn pid(rig: &Rig) -> u32 {
    let pids = rig.all(|kind| match kind {
        Kind::Spawn(spawn) => Some(spawn.pid),
        _ => None,
    });
    *pids.last().expect("it was spawned")
}

fn asked(name: &str) -> Option<String> {
    Some(name.to_owned())
}

fn kill_at(at: Trigger) -> Fault {
    Fault::new(at, Action::Kill { signal: Signal::Kill, whom: Whom::Server })
}

async fn drained() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    rig.armed.arm(rig.next(), "f".into(), kill_at(Trigger::Frame { name: "agent_message".into(), n: 1 }));
    let answer = rig.call("burst").await;
    assert_eq!((answer.outcome, answer.text.as_str()), (AnswerOutcome::Reply, "in the pipe"));
    rig.bury(None).await;
    assert_eq!(deaths(&rig), [(None, Some(9), asked("KILL"))]);
    let story = rig.story();
    assert_eq!(story[story.len() - 7..], ["call", "frame", "fault", "frame", "answer", "exit", "death"]);
}

async fn at_the_answer() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let call = rig.next();
    rig.armed.arm(call, "f".into(), kill_at(Trigger::Frame { name: "answer".into(), n: 1 }));
    let answer = rig.call("hello").await;
    rig.armed.disarm(call);
    assert_eq!(answer.outcome, AnswerOutcome::Reply);
    rig.bury(None).await;
    let fired = rig.all(|kind| match kind {
        Kind::Fault(fault) => Some(fault.fired),
        _ => None,
    });
    assert_eq!(fired, [true]);
    assert_eq!(deaths(&rig), [(None, Some(9), asked("KILL"))]);
}

async fn once_sent() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    rig.armed.arm(rig.next(), "f".into(), kill_at(Trigger::Sent));
    let answer = rig.call("stuck").await;
    assert_eq!(answer.outcome, AnswerOutcome::Closed);
    assert!(!rig.target.is_alive());
    rig.bury(None).await;
    assert_eq!(deaths(&rig), [(None, Some(9), asked("KILL"))]);
}

async fn partial() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    assert_eq!(rig.call("half").await.outcome, AnswerOutcome::Closed);
    rig.bury(None).await;
    let frames = rig.all(|kind| match kind {
        Kind::Frame(frame) => Some(frame.partial),
        _ => None,
    });
    assert_eq!(frames.iter().filter(|partial| **partial).count(), 1);
    assert_eq!(frames.last(), Some(&true));
}

async fn by_itself() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    rig.call("half").await;
    let refused = rig.call("after the end").await;
    assert_eq!(refused.outcome, AnswerOutcome::Closed);
    rig.bury(None).await;
    assert_eq!(deaths(&rig), [(Some(1), None, None)]);
}

async fn eof() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    rig.call("hello").await;
    rig.bury(Some(End::Eof)).await;
    assert_eq!(deaths(&rig), [(Some(0), None, asked("eof"))]);
    assert!(leftovers(&rig).is_empty());
}

async fn deaf_to_term() {
    let trap = r#"trap "" TERM; exec "$0" fake-server plain"#;
    let rig = Plan::command(&["sh", "-c", trap, &this_binary()]).limits(|limits| limits.call_ms = 200).rig();
    rig.open(1).await;
    rig.bury(Some(End::Signal(Signal::Term, Whom::Group))).await;
    assert_eq!(deaths(&rig), [(None, Some(9), asked("TERM"))]);
    assert_eq!(leftovers(&rig), [[pid(&rig)]]);
}

async fn deaf_to_eof() {
    let rig = Plan::fake("deaf-to-eof").limits(|limits| limits.call_ms = 200).rig();
    rig.open(1).await;
    rig.bury(Some(End::Eof)).await;
    assert_eq!(deaths(&rig), [(None, Some(9), asked("eof"))]);
    assert_eq!(leftovers(&rig), [[pid(&rig)]]);
}

async fn leftover() {
    let rig = Plan::fake("plain").limits(|limits| limits.leftover_ms = 100).rig();
    rig.open(1).await;
    let child: u32 = rig.call("forks").await.text.parse().expect("a pid");
    rig.bury(KILL).await;
    assert_eq!(leftovers(&rig), [[child]]);
    assert!(!is_there(child));
    assert_eq!(rig.story().last().map(String::as_str), Some("death"));
}

async fn group() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let child: u32 = rig.call("forks").await.text.parse().expect("a pid");
    rig.bury(Some(End::Signal(Signal::Kill, Whom::Group))).await;
    assert!(leftovers(&rig).is_empty());
    assert!(!is_there(child));
}

async fn flood() {
    let rig = Plan::fake("plain").limits(|limits| limits.stdout_bytes = 100_000).rig();
    rig.open(1).await;
    assert_eq!(rig.call("flood").await.outcome, AnswerOutcome::Closed);
    rig.bury(None).await;
    let broken = rig.all(|kind| match kind {
        Kind::Broken(broken) => Some(broken.text),
        _ => None,
    });
    assert_eq!(broken.len(), 1);
    assert!(broken[0].contains("more than 100000 bytes; stop what it prints, or raise"), "{}", broken[0]);
}

async fn dropped() {
    let rig = Plan::fake("plain").rig();
    rig.open(1).await;
    let child: u32 = rig.call("forks").await.text.parse().expect("a pid");
    let pid = pid(&rig);
    assert!(is_there(pid) && is_there(child));
    drop(rig);
    assert!(!is_there(pid) && !is_there(child));
}

async fn nobody() {
    let rig = Plan::fake("plain").rig();
    rig.bury(KILL).await;
    rig.bury(None).await;
    assert!(rig.events().is_empty());
    assert!(!rig.target.is_alive());
}
