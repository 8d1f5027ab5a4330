//! A suite as a test binary, seen by those who run test binaries: `cargo test`, `cargo nextest`, a person who reads why.
//!
//! This binary is its own cast: with a directory in `REHYDRA_TEST_SUITE` it is the user's test binary that is looked at.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::path::Path;
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use rehydra::harness::{Suite, Verdict, run_scenario};
use tempfile::TempDir;

const SUITE: &str = "REHYDRA_TEST_SUITE";
const TARGETS: &str = "REHYDRA_TEST_TARGETS";
const CONTROL: &str = "builtin:no-rehydrate";

fn main() -> ExitCode {
    if let Some(dir) = std::env::var_os(SUITE) {
        let targets = std::env::var(TARGETS).unwrap_or_default();
        let suite = Suite::at(dir).runs("runs");
        return rehydra::testing::main(targets.split_whitespace().fold(suite, |suite, name| suite.target(name)));
    }
    if let Some(code) = rehydra::testing::host() {
        return code;
    }
    let trials = vec![
        trial("tests are listed as nextest reads them", tests_are_listed_as_nextest_reads_them),
        trial("one test is played alone", one_test_is_played_alone),
        trial("a failure says what the command line says", a_failure_says_what_the_command_line_says),
        trial("a known gap passes and a stale one does not", a_known_gap_passes_and_a_stale_one_does_not),
        trial("the targets of the project are played", the_targets_of_the_project_are_played),
        trial("what a target lacks is ignored", what_a_target_lacks_is_ignored),
        trial("a suite that cannot be read is no success", a_suite_that_cannot_be_read_is_no_success),
        trial("a test called serve is no server", a_test_called_serve_is_no_server),
        trial("one file is played from a test", one_file_is_played_from_a_test),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        test();
        Ok::<_, Failed>(())
    })
}

const STORY: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n\
    [[step]]\nrestart = {}\n\n[[step]]\nreply = { prompt = \"Which?\", model = { text = \"Blue.\" } }\n";
const GAP: &str = "[[gap]]\nscenario = \"a/*\"\ntarget = \"builtin:no-rehydrate\"\ninvariants = [\"rehydrates\"]\n\
    reason = \"it keeps threads in memory\"\n";

fn place(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join("suite").join(name);
        std::fs::create_dir_all(path.parent().expect("below it")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }
    dir
}

/// This binary as the user's, in the place, on those targets. No `rehydra` is to be found but itself.
fn tests(place: &TempDir, targets: &str, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().expect("a program"));
    command.args(args).current_dir(place.path()).env(SUITE, "suite").env(TARGETS, targets);
    for name in ["REHYDRA_BIN", "CARGO_BIN_EXE_rehydra", "PATH"] {
        command.env_remove(name);
    }
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn runs(place: &TempDir) -> usize {
    let found = std::fs::read_dir(place.path().join("runs")).into_iter().flatten().flatten();
    found.filter(|entry| entry.path().is_dir()).count()
}

fn tests_are_listed_as_nextest_reads_them() {
    let place = place(&[("a/one.toml", STORY), ("two.toml", STORY)]);
    let (fine, listed) = tests(&place, "builtin", &["--list", "--format", "terse"]);
    assert!(fine);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["a/one: test", "two: test", "baseline: test"]);
    let (fine, ignored) = tests(&place, "builtin", &["--list", "--format", "terse", "--ignored"]);
    assert_eq!((fine, ignored.as_str()), (true, ""));
    let (_, both) = tests(&place, &format!("builtin {CONTROL}"), &["--list", "--format", "terse"]);
    assert!(both.contains("a/one@builtin: test\na/one@builtin:no-rehydrate: test\n"), "{both}");
    assert!(!place.path().join("runs").exists(), "a list is no run");
}

fn one_test_is_played_alone() {
    let place = place(&[("a/one.toml", STORY), ("a/one-more.toml", STORY)]);
    let (fine, said) = tests(&place, "builtin", &["--exact", "a/one", "--nocapture"]);
    assert!(fine && said.contains("1 passed; 0 failed"), "{said}");
    assert_eq!(runs(&place), 0);
}

fn a_failure_says_what_the_command_line_says() {
    let place = place(&[("a/one.toml", STORY)]);
    let (fine, said) = tests(&place, CONTROL, &[]);
    assert!(!fine);
    for words in [
        "FAIL a/one on builtin:no-rehydrate",
        "rehydrates: ",
        "got       Session not found",
        "judge again  rehydra replay runs/",
        "play again   rehydra run suite --filter a/one --target builtin:no-rehydrate --keep",
    ] {
        assert!(said.contains(words), "no `{words}` in:\n{said}");
    }
    assert_eq!(runs(&place), 1, "the run is kept");
}

fn a_known_gap_passes_and_a_stale_one_does_not() {
    let known = place(&[("a/one.toml", STORY), ("baseline.toml", GAP)]);
    let (fine, said) = tests(&known, CONTROL, &[]);
    assert!(fine, "{said}");
    let gone = place(&[("b/one.toml", STORY), ("baseline.toml", GAP)]);
    let (fine, said) = tests(&gone, "builtin", &[]);
    assert!(!fine && said.contains("line 1 of the baseline is about `a/*`, which is no scenario"), "{said}");
    let lone = run_scenario(known.path().join("suite/a/one.toml"), CONTROL).expect("played");
    assert!(matches!(lone.verdict, Verdict::Gap { .. }), "the file is one of its suite\n{}", lone.explanation());
    let fixed = GAP.replace(":no-rehydrate", "");
    let fixed = place(&[("a/one.toml", STORY), ("baseline.toml", &fixed)]);
    let (fine, said) = tests(&fixed, "builtin", &[]);
    assert!(!fine && said.contains("FIXED a/one on builtin"), "{said}");
}

fn the_targets_of_the_project_are_played() {
    let place = place(&[("a/one.toml", STORY)]);
    let own = std::env::current_exe().expect("a program");
    let profile = format!(
        "[target.mine]\ncommand = [{own:?}, \"serve\", \"--engine\", \"embedded\"]\nlevel = \"codex-compatible\"\n\
         start = {{ tool = \"codex\", prompt = \"/prompt\", cwd = \"/cwd\" }}\n\
         reply = {{ tool = \"codex-reply\", prompt = \"/prompt\", id = \"/threadId\" }}\n\
         id-in = {{ pointer = \"/structuredContent/threadId\" }}\nidentity = \"new\"\n"
    );
    std::fs::write(place.path().join("rehydra.toml"), profile).expect("a file");
    for targets in ["", "mine"] {
        let (fine, said) = tests(&place, targets, &["--exact", "a/one"]);
        assert!(fine && said.contains("1 passed"), "{said}");
    }
    let (fine, said) = tests(&place, "main", &[]);
    assert!(!fine && said.contains("rehydra.toml has mine"), "{said}");
}

fn what_a_target_lacks_is_ignored() {
    let needy = STORY.replace("\n\n[[step]]\ncodex", "\nneeds = [\"tools\"]\n\n[[step]]\ncodex");
    let place = place(&[("needy.toml", &needy)]);
    let (fine, said) = tests(&place, "builtin", &[]);
    assert!(fine && said.contains("1 ignored"), "{said}");
}

fn a_suite_that_cannot_be_read_is_no_success() {
    let place = place(&[("a.toml", "rehydra = 2"), ("b.toml", STORY)]);
    let (fine, said) = tests(&place, "builtin", &["--exact", "b"]);
    assert!(!fine && said.contains("a.toml:1:11"), "{said}");
    let (fine, said) = tests(&place, "claude", &[]);
    assert!(!fine && said.contains("suite"), "{said}");
}

fn a_test_called_serve_is_no_server() {
    let place = place(&[("serve.toml", STORY)]);
    let (fine, said) = tests(&place, "builtin", &["serve"]);
    assert!(fine && said.contains("1 passed"), "{said}");
}

fn one_file_is_played_from_a_test() {
    let story = Path::new("scenarios/idle/kill-9.toml");
    let case = run_scenario(story, "builtin").expect("played");
    assert_eq!(case.verdict, Verdict::Pass, "{}", case.explanation());
    assert!(case.dir.is_none());
    let within = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let case = within.block_on(async { run_scenario(story, "builtin") }).expect("played");
    case.assert_fine();
}
