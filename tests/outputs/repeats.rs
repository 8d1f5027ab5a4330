//! A race is told from a bug.

use serde_json::json;

use super::json::report;
use super::rig::{Place, STORY};

#[test]
fn a_server_that_comes_back_every_other_time_has_a_race() {
    let place = Place::new(&[("a.toml", STORY)]);
    let racing = place.racing();
    let args = ["run", "a.toml", "--target-command", &racing, "--repeat", "4", "--jobs", "1", "--json", "out.json"];
    let came = place.rehydra(&args).to(
        1,
        &["FAIL 2/4", "2 FAIL, 2 pass of 4 runs", "rehydrates broken in 2 of 4 runs: a race", "2 passed, 2 failed"],
    );
    assert_eq!(came.out.matches("promise ").count(), 1, "each way is explained once: {}", came.out);
    let told = report(&place);
    let rounds: Vec<_> = told["cases"].as_array().expect("cases").iter().map(|case| case["round"].clone()).collect();
    assert_eq!(rounds, [json!(1), json!(2), json!(3), json!(4)]);
    let broken = json!([{ "invariant": "rehydrates", "runs": 2, "judged": 4, "race": true }]);
    assert_eq!(told["repeats"][0]["broken"], broken);
    let kept: Vec<_> =
        told["cases"].as_array().expect("cases").iter().filter_map(|case| case["run"].as_str()).collect();
    assert_eq!(kept.len(), 2, "a directory for each run that failed");
    assert!(kept.iter().all(|dir| place.path(dir).join("journal.jsonl").is_file()), "{kept:?}");
}

#[test]
fn a_bug_is_there_every_time() {
    let place = Place::new(&[("a.toml", STORY)]);
    let args = ["run", "a.toml", "--target", "builtin:no-rehydrate", "--repeat", "3"];
    let came = place.rehydra(&args).to(1, &["FAIL 3/3", "1 broke the same promises in every run, which is no race"]);
    assert_eq!(came.out.matches("promise ").count(), 1, "{}", came.out);
    place.rehydra(&["run", "a.toml", "--repeat", "3"]).to(0, &["pass 3/3", "3 passed"]);
}

#[test]
fn a_race_that_the_baseline_knows_shows_its_rate() {
    let place = Place::new(&[("a.toml", STORY)]);
    let racing = place.racing();
    let gap = format!(
        "[[gap]]\nscenario = \"a\"\ntarget = \"{racing}\"\ninvariants = [\"rehydrates\"]\nreason = \"known\"\n"
    );
    let run = |races: &str| {
        std::fs::write(place.path("baseline.toml"), format!("{gap}{races}")).expect("written");
        place.rehydra(&[
            "run",
            "a.toml",
            "--target-command",
            &racing,
            "--repeat",
            "4",
            "--jobs",
            "1",
            "--baseline",
            "baseline.toml",
        ])
    };
    run("races = true\n").to(0, &["gap 2/4", "rehydrates broken in 2 of 4 runs: a race", "2 passed, 2 gaps"]);
    run("").to(1, &["FIXED 2/4", "give its entry `races = true`"]);
}
