//! Calls of `rehydra parser` on the cast, and what they came to.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};
use rehydra::parser::{Answer, CONTRACT, schema};
use serde_json::Value;

type Test = fn() -> Result<(), Failed>;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = WRONG.iter().map(|wrong| Trial::test(wrong.role, move || found_out(wrong))).collect();
    let named: [(&str, Test); 12] = [
        ("our_own_reader_passes_every_class", || our_own_passes(false)),
        ("our_own_reader_passes_every_class_in_a_batch", || our_own_passes(true)),
        ("a_told_loss_is_no_failure_unless_it_is_denied", told_loss),
        ("what_is_not_told_is_not_judged_and_the_table_says_so", not_told),
        ("a_file_that_kills_a_batch_costs_no_other_file", batch_survives),
        ("a_failure_is_kept_as_small_as_it_can_be", kept_small),
        ("a_command_that_cannot_be_started_is_no_verdict", no_such_program),
        ("a_command_line_without_a_file_is_refused", wrong_command_lines),
        ("the_environment_is_clean_but_for_what_is_named", clean_environment),
        ("the_contract_and_its_schema_are_printed", explained),
        ("junit_has_a_case_for_each_file", junit),
        ("the_same_seed_gives_the_same_files", same_seed),
    ];
    trials.extend(named.into_iter().map(|(name, test)| Trial::test(name, test)));
    trials
}

/// A wrong parser, and how it is found out on every file of the classes.
struct Wrong {
    role: &'static str,
    class: &'static str,
    outcome: &'static str,
    finding: &'static str,
}

const fn wrong(role: &'static str, class: &'static str, outcome: &'static str, finding: &'static str) -> Wrong {
    Wrong { role, class, outcome, finding }
}

const WRONG: &[Wrong] = &[
    wrong("dies", "healthy", "crash", "broken"),
    wrong("gives-up", "healthy", "crash", "broken"),
    wrong("hangs", "healthy", "hang", "broken"),
    wrong("floods", "healthy", "flood", "broken"),
    wrong("says-hello", "healthy", "no-answer", "broken"),
    wrong("misspells", "healthy", "no-answer", "broken"),
    wrong("drops-the-last-turn", "healthy", "silent-loss", "missing"),
    wrong("drops-the-last-turn", "newline-missing", "silent-loss", "missing"),
    wrong("reassures", "torn-record", "silent-loss", "unadmitted"),
    wrong("invents", "healthy", "wrong", "invented"),
    wrong("tells-twice", "healthy", "wrong", "doubled"),
    wrong("lies-about-its-cwd", "healthy", "wrong", "cwd"),
    wrong("lies-about-its-id", "healthy", "wrong", "id"),
    wrong("alarms", "healthy", "wrong", "false-alarm"),
    wrong("refuses", "healthy", "wrong", "refused"),
    wrong("writes", "healthy", "wrong", "changed"),
    wrong("swaps-roles", "healthy", "wrong", "role"),
    wrong("splits-turns", "healthy", "wrong", "turns"),
    wrong("tells-one-turn", "healthy", "wrong", "turns"),
    wrong("tells-backwards", "healthy", "wrong", "order"),
];

fn rehydra(role: &str, args: &[&str]) -> Output {
    let this = std::env::current_exe().expect("this binary");
    let batch = args.contains(&"--batch");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
    command.arg("parser").args(["--env", &format!("REHYDRA_CAST={role}")]).args(args).arg("--").arg(this);
    if !batch {
        command.arg("{file}");
    }
    command.output().expect("rehydra runs")
}

/// The JSON of a call.
fn played(role: &str, args: &[&str]) -> (Option<i32>, Value) {
    let out = rehydra(role, &[&["--json", "-"], args].concat());
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    let value: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    let schema = include_str!("../../docs/parser-report.schema.json");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<_> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{value:#}");
    assert_eq!(value["exit_code"].as_i64(), out.status.code().map(i64::from), "{text}");
    (out.status.code(), value)
}

fn cases(document: &Value) -> &[Value] {
    document["cases"].as_array().expect("cases")
}

fn kinds(case: &Value) -> Vec<&str> {
    let findings = case["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["kind"].as_str()).collect()
}

fn found_out(wrong: &Wrong) -> Result<(), Failed> {
    let few = ["--class", wrong.class, "--era", "envelope", "--cases", "12", "--no-shrink", "--limit-ms"];
    let limit = if wrong.outcome == "hang" { "300" } else { "30000" };
    let (code, document) = played(wrong.role, &[few.as_slice(), &[limit]].concat());
    assert_eq!(code, Some(1), "{document:#}");
    assert_eq!(cases(&document).len(), 12);
    // A conversation of one turn can be told in no other order, and what loses nothing need not be admitted.
    let caught = |case: &&Value| case["outcome"] == wrong.outcome && kinds(case).contains(&wrong.finding);
    let passed = cases(&document).iter().filter(|case| case["outcome"] == "pass").count();
    let found = cases(&document).iter().filter(caught).count();
    assert!(found > 0 && found + passed == 12, "{document:#}");
    Ok(())
}

fn our_own_passes(batch: bool) -> Result<(), Failed> {
    let flags: &[&str] = if batch { &["--batch", "--cases", "3", "--seed", "7"] } else { &["--cases", "1"] };
    let (code, document) = played("right", flags);
    let wrong: Vec<&Value> = cases(&document).iter().filter(|case| case["outcome"] != "pass").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(code, Some(0));
    let classes: Vec<&str> =
        document["classes"].as_array().expect("classes").iter().filter_map(|class| class["class"].as_str()).collect();
    assert_eq!(classes, rehydra::parser::classes(), "every class has a row");
    Ok(())
}

fn told_loss() -> Result<(), Failed> {
    let args = ["--class", "newline-missing", "--era", "envelope", "--cases", "3"];
    let (code, document) = played("drops-the-last-turn-and-says-so", &args);
    let outcomes: Vec<&Value> = cases(&document).iter().map(|case| &case["outcome"]).collect();
    let told = outcomes.iter().filter(|outcome| **outcome == "told-loss").count();
    // Where the last turn is an open one, nobody misses it.
    let passed = outcomes.iter().filter(|outcome| **outcome == "pass").count();
    assert!(code == Some(0) && told > 0 && told + passed == 3, "{document:#}");
    let (code, _) = played("drops-the-last-turn-and-says-so", &[args.as_slice(), &["--deny-told"]].concat());
    assert_eq!(code, Some(1));
    // A file that nothing happened to loses nothing.
    let (code, document) = played("drops-the-last-turn-and-says-so", &["--class", "healthy", "--cases", "1"]);
    assert!(
        code == Some(1) && cases(&document).iter().all(|case| kinds(case).contains(&"false-alarm")),
        "{document:#}"
    );
    Ok(())
}

fn not_told() -> Result<(), Failed> {
    let out = rehydra("tells-nothing", &["--class", "torn-tail", "--cases", "1"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{text}");
    assert!(text.contains("not told, and so not judged: id (never), cwd (never), damaged (never)"), "{text}");
    Ok(())
}

fn batch_survives() -> Result<(), Failed> {
    let (_, document) = played("dies-of-damage", &["--batch", "--class", "torn-record", "--cases", "6", "--no-shrink"]);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases(&document) {
        *counts.entry(case["outcome"].as_str().expect("a name")).or_default() += 1;
    }
    let (passed, crashed) = (counts.get("pass").copied(), counts.get("crash").copied());
    assert!(
        crashed > Some(0) && counts.values().sum::<usize>() == passed.unwrap_or(0) + crashed.unwrap_or(0),
        "{counts:?}"
    );
    let (_, right) = played("dies-of-damage", &["--class", "torn-record", "--cases", "6", "--no-shrink"]);
    let outcomes = |document: &Value| cases(document).iter().map(|case| case["outcome"].clone()).collect::<Vec<_>>();
    assert_eq!(outcomes(&document), outcomes(&right), "alone and in a batch");
    Ok(())
}

fn kept_small() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let keep = dir.path().join("failures");
    let keep_text = keep.to_string_lossy();
    let (code, document) = played(
        "drops-the-third-turn",
        &["--class", "healthy", "--era", "envelope", "--cases", "8", "--keep", &keep_text],
    );
    assert_eq!(code, Some(1), "{document:#}");
    let kept: Vec<&str> = cases(&document).iter().filter_map(|case| case["kept"].as_str()).collect();
    assert!(!kept.is_empty() && kept.len() == fs::read_dir(&keep)?.count());
    for place in kept.iter().map(Path::new) {
        let expected: Value = serde_json::from_slice(&fs::read(place.join("expected.json"))?)?;
        let turns = &expected["expected"]["turns"];
        assert_eq!(turns.as_array().map(Vec::len), Some(3), "no turn more than it needs: {expected:#}");
        let answer = serde_json::json!({"turns": turns}).to_string();
        Answer::parse(answer.as_bytes()).expect("what would have been right, as a parser says it");
        let files = fs::read_dir(place)?.filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("rollout-"))
        });
        assert_eq!(files.count(), 1);
    }
    Ok(())
}

fn bare(args: &[&str]) -> (Option<i32>, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_rehydra")).arg("parser").args(args).output().expect("rehydra runs");
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code(), text)
}

fn no_such_program() -> Result<(), Failed> {
    for batch in [&["--batch", "--", "no-such-program"][..], &["--", "no-such-program", "{file}"]] {
        let (code, text) = bare(&[&["--class", "healthy"], batch].concat());
        assert!(code == Some(3) && text.contains("failed to start `no-such-program`"), "{code:?} {text}");
    }
    Ok(())
}

fn wrong_command_lines() -> Result<(), Failed> {
    for (args, says) in [
        (&["--", "cat"][..], "the command has no `{file}`"),
        (&["--batch", "--", "cat", "{file}"], "take one of both away"),
        (&[], "no command is given"),
        (&["--class", "torn-tale", "--", "cat", "{file}"], "there is no class `torn-tale`"),
        (&["--era", "stone-age", "--", "cat", "{file}"], "give one of bare"),
        (&["--env", "=x", "--", "cat", "{file}"], "names no variable"),
    ] {
        let (code, text) = bare(args);
        assert!(code == Some(2) && text.contains(says), "{code:?} {text}");
    }
    Ok(())
}

fn clean_environment() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let script = dir.path().join("env.sh");
    fs::write(&script, "printf '{\"error\":\"%s\"}' \"$(env | cut -d= -f1 | sort | tr '\\n' ' ')$(ls -A | wc -l)\"")?;
    let script = script.to_string_lossy();
    let common = ["--class", "healthy", "--era", "bare", "--cases", "1", "--env", "MINE=1", "--"];
    let (_, text) = bare(&[&common[..], &["sh", &script, "{file}"]].concat());
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("CODEX_HOME HOME LANG MINE PATH PWD REHYDRA_RUN"), "{text}");
    Ok(())
}

fn explained() -> Result<(), Failed> {
    assert_eq!(bare(&["--explain"]), (Some(0), CONTRACT.to_owned()));
    let doc = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/parser.md"))?;
    assert!(doc.contains(CONTRACT), "docs/parser.md shows the contract as it is");
    let checked_in = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/parser.schema.json"))?;
    assert_eq!(checked_in, format!("{:#}\n", schema()), "docs/parser.schema.json: rehydra schema parser");
    let (_, classes) = bare(&["--classes"]);
    assert_eq!(classes.lines().collect::<Vec<_>>(), rehydra::parser::classes());
    Ok(())
}

fn junit() -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("junit.xml");
    rehydra("lies-about-its-cwd", &["--class", "recorded", "--junit", &file.to_string_lossy()]);
    let text = fs::read_to_string(&file)?;
    let cases = text.matches("<testcase").count();
    assert!(
        cases > 0 && text.matches("<failure type=\"wrong\"").count() == cases || text.contains("message="),
        "{text}"
    );
    assert!(text.contains("the cwd is `/elsewhere`, not"), "{text}");
    Ok(())
}

fn same_seed() -> Result<(), Failed> {
    let names = |seed: &str| {
        let (_, document) =
            played("tells-twice", &["--class", "torn-tail", "--cases", "2", "--no-shrink", "--seed", seed]);
        document["cases"].to_string()
    };
    assert_eq!(names("5"), names("5"));
    assert_ne!(names("5"), names("6"));
    Ok(())
}
