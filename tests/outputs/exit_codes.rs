//! Every exit code of `rehydra run`, and every cause of it, one by one.
//!
//! 0: nothing needs attention. 1: the target, or the baseline, is not as it should be. 2: the command line or an input is
//! wrong, and nothing was played. 3: the harness could not do its work. An interrupted run is in `tests/interrupt.rs`, a
//! standard output that cannot be written in `tests/cli.rs`.

use super::rig::{Came, GAP, Place, STORY, came, unsupported};

const CONTROL: [&str; 2] = ["--target", "builtin:no-rehydrate"];

fn run(place: &Place, args: &[&str]) -> Came {
    place.rehydra(&[&["run"], args].concat())
}

#[test]
fn a_pass_is_0() {
    run(&Place::new(&[("a.toml", STORY)]), &["a.toml"]).to(0, &["1 passed"]);
}

#[test]
fn a_known_gap_is_0() {
    let place = Place::new(&[("a.toml", STORY), ("known.toml", GAP)]);
    run(&place, &[&CONTROL[..], &["a.toml", "--baseline", "known.toml"]].concat()).to(0, &["1 gap"]);
}

#[test]
fn unsupported_is_0_unless_it_is_denied() {
    let place = Place::new(&[("a.toml", &unsupported())]);
    run(&place, &["a.toml"]).to(0, &["1 unsupported"]);
    run(&place, &["a.toml", "--deny-unsupported"]).to(1, &["1 unsupported"]);
    let passes = Place::new(&[("a.toml", STORY)]);
    run(&passes, &["a.toml", "--deny-unsupported"]).to(0, &["1 passed"]);
}

#[test]
fn a_shard_without_a_case_is_0() {
    run(&Place::new(&[("a.toml", STORY)]), &["a.toml", "--shard", "2/2"]).to(0, &["nothing to play"]);
}

#[test]
fn what_only_prints_is_0() {
    let place = Place::new(&[]);
    for args in [&["--version"][..], &["--help"], &["schema"], &["schema", "report"], &["run", "--help"]] {
        place.rehydra(args).to(0, &[]);
    }
}

#[test]
fn a_broken_promise_is_1() {
    run(&Place::new(&[("a.toml", STORY)]), &[&CONTROL[..], &["a.toml"]].concat()).to(1, &["1 failed"]);
}

#[test]
fn an_expectation_that_is_not_met_is_1() {
    let story = STORY.replace("text = \"Noted.\" }", "text = \"Noted.\" }, expect = { outcome = \"error\" }");
    run(&Place::new(&[("a.toml", &story)]), &["a.toml"]).to(1, &["the scenario expects"]);
}

#[test]
fn one_promise_beyond_the_baseline_is_1() {
    let place = Place::new(&[("a.toml", STORY), ("known.toml", &GAP.replace("\"rehydrates\"", "\"once\""))]);
    run(&place, &[&CONTROL[..], &["a.toml", "--baseline", "known.toml"]].concat())
        .to(1, &["broken beyond what line 1"]);
}

#[test]
fn other_words_than_in_the_baseline_are_1() {
    let place = Place::new(&[("a.toml", STORY), ("known.toml", &format!("{GAP}text = \"no such thread\"\n"))]);
    run(&place, &[&CONTROL[..], &["a.toml", "--baseline", "known.toml"]].concat()).to(1, &["not in the words"]);
}

#[test]
fn a_gap_that_is_gone_is_1() {
    let place = Place::new(&[("a.toml", STORY), ("known.toml", &GAP.replace(":no-rehydrate", ""))]);
    run(&place, &["a.toml", "--baseline", "known.toml"]).to(1, &["1 fixed", "no longer fires"]);
}

#[test]
fn a_baseline_about_nothing_is_1() {
    let place = Place::new(&[("suite/a.toml", STORY), ("known.toml", &GAP.replace("\"a\"", "\"gone\""))]);
    run(&place, &["suite", "--baseline", "known.toml"]).to(1, &["1 passed", "`gone`, which is no scenario"]);
    let place = Place::new(&[("suite/a.toml", STORY), ("known.toml", &GAP.replace(":no-rehydrate", ":other"))]);
    run(&place, &["suite", "--baseline", "known.toml"]).to(1, &["1 passed", "which is no target"]);
}

#[test]
fn one_failure_among_repeats_is_1() {
    let place = Place::new(&[("a.toml", STORY)]);
    let racing = place.racing();
    run(&place, &["a.toml", "--target-command", &racing, "--repeat", "2", "--jobs", "1"]).to(1, &["FAIL 1/2"]);
}

#[test]
fn a_wrong_command_line_is_2() {
    let place = Place::new(&[("a.toml", STORY)]);
    for (args, says) in [
        (&["--bogus"][..], "unexpected argument"),
        (&["--target", "nobody"], "no target `nobody`"),
        (&["--filter", "zzz"], "has `zzz` in its name"),
        (&["--limit", "call_ms=0"], "NAME=N"),
        (&["--jobs", "0"], "--jobs"),
        (&["--repeat", "0"], "--repeat"),
        (&["--repeat", "10001"], "--repeat"),
        (&["--shard", "0/2"], "give it as i/n"),
        (&["--shard", "3/2"], "give it as i/n"),
        (&["--annotations", "gitlab"], "possible values: github, none"),
        (&["--junit-locations"], "--junit <FILE>"),
        (&["--json", "x", "--junit", "x"], "x is to be written twice"),
        (&["--json", "/nowhere/x"], "failed to write /nowhere/x"),
        (&["--junit", "/nowhere/x"], "failed to write /nowhere/x"),
        (&["--summary", "/nowhere/x"], "failed to write /nowhere/x"),
        (&["--write-baseline", "a.toml"], "a.toml is there already"),
        (&["--baseline", "none.toml"], "failed to read the baseline none.toml"),
    ] {
        run(&place, &[&["a.toml"], args].concat()).to(2, &[says]);
    }
    run(&place, &["none.toml"]).to(2, &["none.toml cannot be read"]);
    assert!(!place.path(".rehydra").exists(), "nothing was played");
}

#[test]
fn a_wrong_input_is_2() {
    let place = Place::new(&[
        ("a.toml", STORY),
        ("bad.toml", &STORY.replace("proves", "proofs")),
        ("known.toml", &GAP.replace("before the patch", "")),
    ]);
    run(&place, &["bad.toml"]).to(2, &["did you mean `proves`?"]);
    run(&place, &["a.toml", "--baseline", "known.toml"]).to(2, &["`reason` is empty"]);
    assert!(!place.path(".rehydra").exists(), "nothing was played");
}

#[test]
fn a_target_that_cannot_be_had_is_3() {
    run(&Place::new(&[("a.toml", STORY)]), &["a.toml", "--target-command", "./nobody"]).to(3, &["there is no program"]);
}

#[test]
fn a_target_that_is_no_server_is_3() {
    run(&Place::new(&[("a.toml", STORY)]), &["a.toml", "--target-command", "false"]).to(3, &["1 error"]);
}

#[test]
fn a_fault_that_never_came_is_3() {
    let model = "model = [{ text = \"Blue.\" }, { text = \"Never asked for.\" }]";
    let fault = ", fault = { at = { model-request = 2 }, kill = {} }, expect = { outcome = \"any\" }";
    let story = STORY.replace("model = { text = \"Blue.\" }", &format!("{model}{fault}"));
    run(&Place::new(&[("a.toml", &story)]), &["a.toml"]).to(3, &["1 error"]);
}

#[test]
fn an_error_is_3_whatever_else_fails() {
    let place = Place::new(&[("a.toml", STORY)]);
    let args = [&CONTROL[..], &["a.toml", "--target-command", "false"]].concat();
    run(&place, &args).to(3, &["0 passed, 1 failed, 1 error"]);
}

#[test]
fn a_place_for_runs_that_cannot_be_made_is_3() {
    let place = Place::new(&[("a.toml", STORY), ("file", "")]);
    run(&place, &["a.toml", "--runs", "file/runs"]).to(3, &["choose another place with --runs"]);
}

#[test]
fn an_output_that_cannot_be_written_in_the_end_is_3() {
    let place = Place::new(&[("a.toml", STORY)]);
    for flag in ["--json", "--junit", "--summary"] {
        run(&place, &["a.toml", flag, "/dev/full"]).to(3, &["failed to write /dev/full", "1 passed"]);
    }
    // A summary that only the environment names decides nothing.
    let mut command = place.command(&["run", "a.toml"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", "/dev/full");
    came(command).to(0, &["warning: failed to write /dev/full"]);
}
