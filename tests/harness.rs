//! Stories told step by step from tests: what a user of the library writes, and what comes out when it goes wrong.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::path::Path;

use rehydra::harness::{
    Ask, Builder, Edge, Ending, Error, Expected, Failure, Id, Invariant, Trigger, Verdict, block_on, run_scenario,
};
use rehydra::journal::Kind;
use rehydra::scenario::{FileStep, Restart, StepKind};
use rehydra::{Harness, rollout};
use tempfile::TempDir;

const CONTROL: &str = "builtin:no-rehydrate";

/// A place for runs, and a harness that makes its runs there.
fn place() -> (TempDir, Builder) {
    let runs = tempfile::tempdir().expect("a directory");
    let builder = Harness::builder().runs(runs.path().join("runs")).rehydra_bin(env!("CARGO_BIN_EXE_rehydra"));
    (runs, builder)
}

/// What lies in the place, but for the file that keeps `git` away.
fn left(runs: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(runs.path().join("runs")).expect("runs").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name != ".gitignore").collect()
}

#[tokio::test]
async fn a_conversation_comes_back_and_leaves_nothing_behind() -> Result<(), Error> {
    let (runs, builder) = place();
    let mut h = builder.start().await?;
    let first = h.codex("Remember the colour blue.").answers("Noted.").await?;
    h.kill().await?;
    h.restart().await?;
    let reply = h.reply("Which colour?").answers("Blue.").await?;
    assert_eq!(reply.text(), "Blue.");
    assert!(first.thread_id().is_some() && reply.thread_id().is_some());
    assert_ne!(reply.thread_id(), first.thread_id());
    let case = h.finish().await;
    case.assert_fine();
    assert_eq!(case.verdict, Verdict::Pass, "{}", case.explanation());
    assert_eq!(left(&runs), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_story_goes_on_with_another_server_and_the_journal_says_which() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.target(CONTROL).start().await?;
    h.codex("Remember the colour blue.").answers("Noted.").await?;
    let ours = Restart { target: Some("builtin".to_owned()), ..Restart::by(Ending::Eof) };
    h.step(StepKind::Restart(ours)).await?;
    let reply = h.reply("Which colour?").answers("Blue.").await?;
    assert_eq!(reply.text(), "Blue.");
    h.restart().await?;
    h.reply("Still?").expects(Expected::Error).await?;
    let lives: Vec<Option<String>> = h
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            Kind::Life(life) => Some(life.target),
            _ => None,
        })
        .collect();
    assert_eq!(lives, [None, Some("builtin".to_owned()), None]);
    let spawned = h.events().into_iter().filter_map(|event| match event.kind {
        Kind::Spawn(spawn) => spawn.target,
        _ => None,
    });
    assert_eq!(spawned.map(|target| target.name).collect::<Vec<_>>(), ["builtin"]);
    let nowhere = Restart { target: Some("mine".to_owned()), ..Restart::by(Ending::Eof) };
    let error = h.step(StepKind::Restart(nowhere)).await.expect_err("there is no such server");
    assert!(error.to_string().contains("no target `mine`"), "{error}");
    let case = h.finish().await;
    // The one life in between rehydrated it; the last one forgets, and is told by its own name.
    assert!(case.outcomes.iter().any(|(invariant, outcome)| {
        *invariant == Invariant::Rehydrates && outcome.findings().iter().all(|finding| finding.incarnation == 3)
    }));
    Ok(())
}

#[tokio::test]
async fn a_server_that_forgets_is_told_as_on_the_command_line_and_can_be_played_again() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.target(CONTROL).name("forgetful").start().await?;
    let first = h.codex("Remember the colour blue.").answers("Noted.").await?;
    h.restart().await?;
    let error = h.reply("Which colour?").answers("Blue.").await.expect_err("the control forgets");
    let Error::Unexpected { step: 3, got, .. } = &error else { panic!("{error}") };
    assert!(
        got.contains("Session not found for thread_id") && got.contains(first.thread_id().expect("an id")),
        "{got}"
    );
    let case = h.finish().await;
    assert!(!case.is_fine());
    let fired: Vec<Invariant> = case.findings().map(|finding| finding.invariant).collect();
    assert_eq!(fired, [Invariant::Rehydrates]);
    let told = case.explanation();
    for words in
        ["FAIL forgetful on builtin:no-rehydrate", "rehydrates: ", "step 3 (reply, line ", "judge again  rehydra "]
    {
        assert!(told.contains(words), "no `{words}` in:\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "{told}");
    let dir = case.dir.as_deref().expect("it is kept");
    assert!(told.contains(&format!("rehydra run {}", dir.join("story.toml").display())), "{told}");
    played_again(&dir.join("story.toml"));
    Ok(())
}

/// The story that a harness leaves is a scenario, and passes on a server that remembers.
fn played_again(story: &Path) {
    let run = |target: &str| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_rehydra"));
        command.args(["run", "--target", target]).arg(story).current_dir(story.parent().expect("a directory"));
        command
    };
    run("builtin").assert().code(0);
    run(CONTROL).assert().code(1);
}

#[tokio::test]
async fn a_turn_that_dies_between_two_chunks_is_interrupted_and_the_thread_goes_on() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.proves([Invariant::Durable, Invariant::Reached]).start().await?;
    h.codex("Remember the colour blue.").answers("Noted.").await?;
    let cut = h.reply("And seven.").answers_in(4, "Seven, noted.");
    let cut = cut.killed_at(Trigger::ModelChunk { n: 2, edge: Edge::After }).await?;
    assert!(!cut.is_reply() && cut.thread_id().is_none());
    h.restart().await?;
    h.reply("Which colour?").answers("Blue.").await?;
    h.finish().await.assert_fine();
    Ok(())
}

#[tokio::test]
async fn calls_sent_together_come_back_in_their_order() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.start().await?;
    let both = [Ask::codex("Blue.").thread("one").answers("One."), Ask::codex("Red.").thread("two").answers("Two.")];
    let replies = h.together(both).await?;
    assert_eq!(replies.iter().map(|reply| reply.text()).collect::<Vec<_>>(), ["One.", "Two."]);
    h.restart().await?;
    h.reply("Which?").thread("two").answers("Red.").await?;
    h.finish().await.assert_fine();
    Ok(())
}

#[tokio::test]
async fn an_error_that_is_expected_is_no_failure() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.proves([Invariant::UnknownId]).start().await?;
    h.codex("Hello.").answers("Hello.").await?;
    let unknown = Id::Literal("0199a213-81c0-7800-8aa1-bbab2a035a53".to_owned());
    let asked = h.reply("Hello?").id(unknown).answers("Never said.").expects(Expected::Error);
    let answer = asked.expects_text("^Session not found").await?;
    assert!(!answer.is_reply());
    let broken = h.reply("Hello?").model_fails(Failure::Http { status: 500, body: String::new() });
    broken.expects(Expected::Any).await?;
    h.reply("Again?").answers("Yes.").await?;
    h.finish().await.assert_fine();
    Ok(())
}

#[tokio::test]
async fn any_other_step_is_one_of_a_scenario() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.proves([Invariant::Responsive]).keep().start().await?;
    h.step(StepKind::File(FileStep::Write { path: "project/notes".into(), text: "here".into() })).await?;
    assert_eq!(std::fs::read_to_string(h.dir().join("project/notes")).expect("the file"), "here");
    let reply = h.codex("Hello.").answers("Hello.").await?;
    let id = reply.thread_id().expect("an id").to_owned();
    let world = rehydra::world::World::real();
    let found = rollout::find_thread_path_by_id_str(&*world.disk, &h.dir().join("home"), &id).expect("readable");
    assert!(found.is_some());
    assert!(h.events().iter().any(|event| matches!(event.kind, Kind::ModelRequest(_))));
    let case = h.finish().await;
    assert!(case.dir.as_deref().is_some_and(Path::is_dir), "it is to be kept");
    Ok(())
}

#[tokio::test]
async fn a_story_with_nothing_to_judge_proves_nothing() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.start().await?;
    h.codex("Hello.").answers("Hello.").await?;
    let case = h.finish().await;
    assert!(matches!(case.verdict, Verdict::Error { .. }), "{}", case.explanation());
    assert!(case.explanation().contains("rehydrates is to be proved and could not be judged"));
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_start_stops_the_story() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.command("sh -c 'echo no such luck >&2; exit 3'").start().await?;
    let error = h.codex("Hello.").answers("Hello.").await.expect_err("there is nobody to answer");
    assert!(format!("{error:?}").contains("no such luck"), "{error}");
    assert!(matches!(h.restart().await, Err(Error::Stopped { .. })), "nothing can follow");
    let case = h.finish().await;
    assert!(case.explanation().contains("no such luck") && case.dir.is_some(), "{}", case.explanation());
    Ok(())
}

#[tokio::test]
async fn what_does_not_exist_is_told_before_anything_is_made() {
    let (runs, builder) = place();
    let error = builder.target("claude").start().await.err().expect("no target");
    assert!(matches!(&error, Error::Wrong(text) if text.contains("no target `claude`")), "{error}");
    assert!(!runs.path().join("runs").exists());
}

#[tokio::test]
async fn a_step_that_is_given_up_ends_the_story_and_is_no_pass() -> Result<(), Error> {
    let (_runs, builder) = place();
    let mut h = builder.start().await?;
    h.codex("Hello.").answers("Hello.").await?;
    let mut dropped = Box::pin(h.restart());
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(dropped.as_mut().poll(context))).await;
    assert!(polled.is_pending());
    drop(dropped);
    let error = h.reply("Still there?").answers("Yes.").await.expect_err("the step before has no end");
    assert!(error.to_string().contains("await every step"), "{error}");
    let case = h.finish().await;
    assert!(matches!(&case.verdict, Verdict::Error { text } if text.contains("given up")), "{}", case.explanation());
    Ok(())
}

#[tokio::test]
async fn a_harness_that_is_dropped_kills_its_server_and_keeps_its_run() -> Result<(), Error> {
    let (runs, builder) = place();
    let mut h = builder.name("dropped").start().await?;
    h.codex("Hello.").answers("Hello.").await?;
    let pid = h.events().iter().find_map(|event| match &event.kind {
        Kind::Spawn(spawn) => Some(spawn.pid),
        _ => None,
    });
    let pid = pid.expect("a process");
    drop(h);
    let running = std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(!running, "{pid} still runs");
    assert_eq!(left(&runs), ["dropped@builtin"]);
    assert!(runs.path().join("runs/dropped@builtin/story.toml").is_file());
    Ok(())
}

#[test]
fn a_test_without_a_runtime_blocks() -> Result<(), Error> {
    let (_runs, builder) = place();
    let case = block_on(async {
        let mut h = builder.start().await?;
        h.codex("Remember the colour blue.").answers("Noted.").await?;
        h.restart().await?;
        h.reply("Which colour?").answers("Blue.").await?;
        Ok::<_, Error>(h.finish().await)
    })?;
    case.assert_fine();
    assert!(case.scenario.contains("a_test_without_a_runtime_blocks"), "{}", case.scenario);
    Ok(())
}

#[test]
fn a_path_that_is_no_scenario_is_told() {
    let gone = run_scenario("no/such/story.toml", "builtin").expect_err("it is not there");
    assert!(gone.to_string().contains("no/such/story.toml"), "{gone}");
    let many = run_scenario("scenarios/idle", "builtin").expect_err("several");
    assert!(many.to_string().contains("name one file"), "{many}");
}
