//! Targets that open a conversation and break it.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::stage::{CALM, RESTART, is_there, part, run, run_all, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_server_without_a_bad_habit_passes", healthy),
        trial("a_call_that_is_never_answered_fails_and_the_story_goes_on", no_call),
        trial("half_a_line_before_dying_fails_with_the_last_words", dies_in_a_line),
        trial("a_server_that_exits_after_a_reply_fails_the_calls_that_follow", dies_after_a_reply),
        trial("a_second_answer_to_a_call_fails", twice),
        trial("an_answer_to_another_id_fails_and_ends_in_time", wrong_id),
        trial("a_daemon_that_outlives_its_server_is_counted_and_then_ended", daemon),
        trial("a_server_that_ignores_sigterm_is_counted_and_then_ended", ignores_sigterm),
        trial("a_server_that_ignores_the_end_of_its_input_is_counted_and_then_ended", ignores_eof),
    ]
}

fn healthy() {
    run_all(&[RESTART, CALM], &part("none"), &[]).to(0, "pass", &[]);
}

fn no_call() {
    let came = run(CALM, &part("no-call"), &["call_ms=300"]);
    let came = came.to(1, "fail", &["a call to thread `main` is not answered within 300 ms"]);
    assert_eq!(came.fired(), ["responsive"], "{}", came.text);
    came.within(Duration::from_secs(8));
}

fn dies_in_a_line() {
    let says = ["the server ends by itself during a call", "the target leaves a line without its end", "out of memory"];
    let came = run(CALM, &part("dies-in-a-line"), &[]).to(1, "fail", &says);
    assert_eq!(came.fired(), ["responsive", "protocol"], "{}", came.text);
}

fn dies_after_a_reply() {
    let came = run(CALM, &part("dies-after-a-reply"), &[]).to(1, "fail", &["the server ends by itself"]);
    assert_eq!(came.fired(), ["responsive"], "{}", came.text);
    // A life that begins on purpose after that is as good as any other.
    run(RESTART, &part("dies-after-a-reply"), &[]).to(0, "pass", &[]);
}

fn twice() {
    let came = run(CALM, &part("twice"), &[]).to(1, "fail", &["is answered twice"]);
    assert_eq!(came.fired(), ["protocol"], "{}", came.text);
}

fn wrong_id() {
    let says = ["an answer to 4711, which nobody asked", "is not answered within 500 ms"];
    let came = run(CALM, &part("wrong-id"), &["call_ms=500"]).to(1, "fail", &says);
    assert_eq!(came.fired(), ["responsive", "protocol"], "{}", came.text);
    came.within(Duration::from_secs(8));
}

fn daemon() {
    let came = run(RESTART, &part("daemon"), &["leftover_ms=1000"]).to(1, "fail", &["of life 1 outlive"]);
    assert_eq!(came.fired(), ["no-orphans"], "{}", came.text);
    let journal = journal_of(&came);
    let pids: Vec<u32> =
        journal.split("daemon ").skip(1).filter_map(|text| text.split('"').next()?.parse().ok()).collect();
    assert_eq!(pids.len(), 2, "one a life: {pids:?}");
    assert!(!pids.iter().any(|pid| is_there(*pid)), "{pids:?}");
}

/// The journal of the only run.
fn journal_of(came: &crate::stage::Came) -> String {
    let json: serde_json::Value = serde_json::from_str(&came.json).expect("JSON");
    let run = json["cases"][0]["run"].as_str().expect("it is kept");
    std::fs::read_to_string(came.place.path().join(run).join("journal.jsonl")).expect("a journal")
}

fn stubborn() -> String {
    format!("sh -c 'trap \"\" TERM; exec \"$@\"' sh {}", part("outstays"))
}

fn ignores_sigterm() {
    let story = RESTART.replace("restart = {}", "restart = { end = \"TERM\" }");
    still_there(&story);
}

fn ignores_eof() {
    let story = RESTART.replace("restart = {}", "restart = { end = \"eof\" }");
    still_there(&story);
}

fn still_there(story: &str) {
    assert_ne!(story, RESTART);
    let came = run(story, &stubborn(), &["call_ms=2000"]).to(1, "fail", &["outlive"]);
    assert_eq!(came.fired(), ["no-orphans"], "{}", came.text);
    came.within(Duration::from_secs(15));
}
