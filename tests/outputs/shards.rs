//! All shards together are one run of the whole.

use std::collections::BTreeSet;

use super::json::report;
use super::rig::{GAP, Place, STORY};

#[test]
fn every_case_is_played_in_exactly_one_shard_and_what_is_stale_is_told_once() {
    let stale = GAP.replace("\"a\"", "\"gone\"");
    let place = Place::new(&[
        ("suite/a.toml", STORY),
        ("suite/b.toml", STORY),
        ("suite/c.toml", STORY),
        ("suite/baseline.toml", &format!("{}{stale}", GAP.replace("\"a\"", "\"{a,b,c}\""))),
    ]);
    let run = |more: &[&str]| {
        let targets = ["--target", "builtin", "--target", "builtin:no-rehydrate"];
        place.rehydra(&[&["run", "suite", "--json", "out.json"], &targets[..], more].concat());
        let written = report(&place);
        let name = |case: &serde_json::Value| format!("{} {} {}", case["scenario"], case["target"], case["verdict"]);
        let cases: Vec<String> = written["cases"].as_array().expect("cases").iter().map(name).collect();
        (cases, written["stale"].as_array().expect("texts").len())
    };
    let (whole, told) = run(&[]);
    assert_eq!((whole.len(), told), (6, 1));
    let shards: Vec<_> = (1..=4).map(|i| run(&["--shard", &format!("{i}/4")])).collect();
    let parts: Vec<&String> = shards.iter().flat_map(|(cases, _)| cases).collect();
    assert_eq!(parts.len(), 6);
    assert_eq!(parts.into_iter().collect::<BTreeSet<_>>(), whole.iter().collect());
    assert_eq!(shards.iter().map(|(_, told)| *told).collect::<Vec<_>>(), [1, 0, 0, 0]);
}

#[test]
fn a_shard_with_nothing_in_it_is_fine_and_says_so() {
    let place = Place::new(&[("a.toml", STORY)]);
    let args = ["run", "a.toml", "--shard", "3/3", "--junit", "out.xml", "--summary", "out.md"];
    place.rehydra(&args).to(0, &["nothing to play in shard 3/3", "0 passed"]);
    assert!(place.read("out.xml").contains("tests=\"0\"") && place.read("out.md").contains("Nothing was played."));
}

#[test]
fn a_target_that_no_case_of_the_shard_needs_is_not_looked_for() {
    let place = Place::new(&[("a.toml", STORY)]);
    let args = ["run", "a.toml", "--target", "builtin", "--target-command", "nobody-has-this", "--shard"];
    place.rehydra(&[&args[..], &["1/2"]].concat()).to(0, &["1 passed"]);
    place.rehydra(&[&args[..], &["2/2"]].concat()).to(3, &["no program `nobody-has-this`"]);
}
