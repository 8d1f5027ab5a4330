//! A draft of a baseline becomes one by nothing but reasons.

use super::rig::{Place, STORY};

const CONTROL: [&str; 4] = ["run", "suite", "--target", "builtin:no-rehydrate"];

#[test]
fn a_draft_with_reasons_makes_every_failure_a_gap() {
    let quiet = "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n\n[[step]]\n\
        codex = { prompt = \"x\", model = { text = \"y\" }, expect = { outcome = \"error\" } }\n";
    let place = Place::new(&[("suite/a.toml", STORY), ("suite/b/c.toml", STORY), ("suite/own.toml", quiet)]);
    let racing = place.racing();
    let all = [&CONTROL[..], &["--target-command", &racing, "--repeat", "2", "--jobs", "1"]].concat();
    let filtered = [&all[..], &["--filter", "a", "--filter", "b/c"]].concat();
    let came = place.rehydra(&[&all[..], &["--write-baseline", "draft.toml"]].concat());
    came.to(1, &["drafted 2 entries into draft.toml: give each a reason"]);
    let draft = place.read("draft.toml");
    assert!(draft.contains("scenario   = \"{a,b/c}\"") && draft.contains("races      = true"), "{draft}");
    assert_eq!(draft.matches("# No entry: own on ").count(), 2, "{draft}");

    let with = |file: &str| place.rehydra(&[&filtered[..], &["--baseline", file]].concat());
    with("draft.toml").to(2, &["`reason` is empty", "help: give `reason` a text"]);
    let reasons = draft.replace("reason     = \"\"", "reason     = \"it was so before\"");
    std::fs::write(place.path("baseline.toml"), reasons).expect("written");
    // Six failures of the control and the racing server, each a gap; the other runs of the racing one pass.
    with("baseline.toml").to(0, &["2 passed, 6 gaps"]);
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let place = Place::new(&[("suite/a.toml", STORY), ("known.toml", "# mine\n")]);
    let draft = |file: &str| place.rehydra(&[&CONTROL[..], &["--write-baseline", file]].concat());
    draft("known.toml").to(2, &["known.toml is there already and stays as it is"]);
    assert_eq!(place.read("known.toml"), "# mine\n");
    draft("nowhere/draft.toml").to(2, &["there is no directory nowhere"]);
    assert!(!place.path(".rehydra").exists(), "nothing was played");
}

#[test]
fn there_is_no_draft_of_nothing() {
    let place = Place::new(&[("suite/a.toml", STORY)]);
    let came = place.rehydra(&["run", "suite", "--write-baseline", "draft.toml"]);
    came.to(0, &["nothing failed, so draft.toml was not made"]);
    assert!(!place.path("draft.toml").exists());
}

#[test]
fn the_same_failures_give_the_same_draft() {
    let place = Place::new(&[("suite/a.toml", STORY), ("suite/b.toml", STORY), ("suite/c.toml", STORY)]);
    for file in ["one.toml", "two.toml"] {
        place.rehydra(&[&CONTROL[..], &["--write-baseline", file]].concat()).to(1, &["drafted entry into"]);
    }
    assert_eq!(place.read("one.toml"), place.read("two.toml"));
}
