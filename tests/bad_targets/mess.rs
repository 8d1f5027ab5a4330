//! Targets that print what they should not: too much, no text, or commands.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::cast::HOSTILE;
use crate::stage::{CALM, Came, part, run, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_flood_of_messages_is_an_error_that_names_the_limit", floods),
        trial("a_flood_on_stderr_is_cut_and_harms_nobody", floods_stderr),
        trial("a_line_of_100_mb_fails_in_bounded_memory", long_line),
        trial("bytes_that_are_no_text_fail_and_are_shown", no_utf_8),
        trial("what_a_failing_target_prints_commands_nobody", hostile),
        trial("what_a_target_prints_before_it_dies_commands_nobody", hostile_at_once),
    ]
}

fn floods() {
    let came = run(CALM, &part("floods"), &["stdout_bytes=4000000"]);
    let came = came.to(3, "error", &["cannot be recorded further", "raise the limit `stdout_bytes`"]);
    came.within(Duration::from_secs(15)).in_memory(200);
}

fn floods_stderr() {
    // Three replies, 64 MiB after each.
    let came = run(CALM, &part("floods-stderr"), &["stderr_bytes=1000000"]).to(0, "pass", &[]);
    came.within(Duration::from_secs(30)).in_memory(150);
}

fn long_line() {
    let came = run(CALM, &part("long-line"), &[]);
    let came = came.to(1, "fail", &["a line of 104857600 bytes"]);
    assert_eq!(came.fired(), ["protocol"], "{}", came.text);
    came.within(Duration::from_secs(30)).in_memory(400);
}

fn no_utf_8() {
    let came = run(CALM, &part("no-utf-8"), &[]).to(1, "fail", &["prints something on stdout that is no frame"]);
    assert_eq!(came.fired(), ["protocol"], "{}", came.text);
    assert!(came.text.contains("got       \u{fffd}\u{fffd}"), "{}", came.text);
}

fn hostile() {
    let came =
        run(CALM, &part("hostile"), &[]).to(1, "fail", &["prints something on stdout that is no frame", "pwned"]);
    tame(&came);
}

fn hostile_at_once() {
    let came =
        run(CALM, &part("hostile-at-once"), &[]).to(3, "error", &["on stdout, which is", "on stderr: ", "pwned"]);
    tame(&came);
}

/// Nothing in a report acts on a terminal, on CI or on a page, and the JSON still says what was printed.
fn tame(came: &Came) {
    for report in [&came.text, &came.json] {
        assert!(!report.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}']), "{report:?}");
        assert!(!report.contains("##[") && !report.contains("##vso["), "{report}");
        assert!(!report.lines().any(|line| line.trim_start().starts_with("::")), "{report}");
    }
    assert!(!came.json.contains("</script>") && !came.json.contains("<b>"), "{}", came.json);
    let json: serde_json::Value = serde_json::from_str(&came.json).expect("JSON");
    let got =
        json["cases"][0]["checks"].as_array().expect("checks").iter().find(|check| check["invariant"] == "protocol");
    let got = got.expect("it is judged")["findings"][0]["got"].as_str().expect("a text").to_owned();
    assert_eq!(got, HOSTILE);
}
