//! The JUnit file of real runs is held against a schema by `xmllint` (libxml2).
//!
//! A validator of schemas that is written in Rust and maintained is not to be had, and a check by hand would test our own
//! idea of one. Where `xmllint` is missing the trials are ignored, with the reason; where `REHYDRA_REQUIRE_XMLLINT` is set,
//! as in CI, they fail instead.
#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

#[path = "outputs/rig.rs"]
mod rig;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Arguments, Failed, Trial};

use rig::{EVERY_VERDICT, Place, STORY};

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let missing = missing();
    let trials = [
        ("a report with every verdict keeps to the schema", every_verdict as fn() -> Result<(), Failed>),
        ("a report of nothing keeps to the schema", nothing),
        ("runs of one scenario keep to the schema", repeats),
        ("what a hostile target says keeps to the schema", hostile),
        ("places are given on request and no more", places),
        ("the schema refuses what is no report", refuses),
    ];
    let trials = trials.map(|(name, trial)| Trial::test(name, trial).with_ignored_flag(missing));
    libtest_mimic::run(&args, trials.into()).exit_code()
}

/// Whether there is no validator, and that is no failure.
#[allow(clippy::print_stderr, reason = "the reason for an ignored trial has nowhere else to go")]
fn missing() -> bool {
    let version = Command::new("xmllint").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = version.is_ok_and(|status| status.success());
    let missing = !there && std::env::var_os("REHYDRA_REQUIRE_XMLLINT").is_none();
    if missing {
        eprintln!("the trials on JUnit are ignored: there is no xmllint on PATH (libxml2-utils has it)");
    }
    missing
}

fn validate(file: &Path) -> Result<(), Failed> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit/strict.xsd");
    // No network: a schema or an entity from outside is refused.
    let output = Command::new("xmllint").args(["--nonet", "--noout", "--schema"]).arg(schema).arg(file).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{said}\n{}", std::fs::read_to_string(file)?).into()) }
}

fn holds(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|part| !text.contains(**part)) {
        Some(part) => Err(format!("no `{part}` in:\n{text}").into()),
        None => Ok(()),
    }
}

fn every_verdict() -> Result<(), Failed> {
    let place = Place::with_every_verdict();
    place.rehydra(&[&["run", "suite", "--junit", "out.xml"], &EVERY_VERDICT[..]].concat()).to(3, &[]);
    validate(&place.path("out.xml"))?;
    let text = place.read("out.xml");
    let parts = [
        "<testsuites name=\"rehydra\" tests=\"10\" failures=\"3\" errors=\"2\" time=",
        "<testsuite name=\"builtin:no-rehydrate\" tests=\"3\" skipped=\"2\" errors=\"0\" failures=\"1\"",
        "type=\"gap\">gap: before the patch (openai/codex#6168)</skipped>",
        "type=\"unsupported\">unsupported: not played: the embedded engine runs no tools",
        "<failure message=\"broken: rehydrates\" type=\"rehydrates\">FAIL b on builtin:no-rehydrate",
        "type=\"fixed\">FIXED b on builtin",
        "type=\"stale\">line 13 of the baseline",
        "scenario: suite/b.toml:11\n",
        "[[ATTACHMENT|.rehydra/",
    ];
    holds(&text, &parts)?;
    let attached = text.split("[[ATTACHMENT|").skip(1).filter_map(|rest| rest.split_once("]]"));
    for (path, _) in attached {
        if !place.path(path).is_file() {
            return Err(format!("no file {path}").into());
        }
    }
    Ok(())
}

fn nothing() -> Result<(), Failed> {
    let place = Place::new(&[("a.toml", STORY)]);
    place.rehydra(&["run", "a.toml", "--shard", "2/2", "--junit", "out.xml"]).to(0, &[]);
    validate(&place.path("out.xml"))
}

fn repeats() -> Result<(), Failed> {
    let place = Place::new(&[("a.toml", STORY)]);
    let racing = place.racing();
    let args = ["run", "a.toml", "--target-command", &racing, "--repeat", "2", "--jobs", "1", "--junit", "out.xml"];
    place.rehydra(&args).to(1, &[]);
    validate(&place.path("out.xml"))?;
    let rate = "runs: 1 FAIL, 1 pass of 2 runs\nrate: rehydrates broken in 1 of 2 runs: a race\n";
    holds(&place.read("out.xml"), &["tests=\"1\"", rate])
}

fn hostile() -> Result<(), Failed> {
    let say = "]]></failure>&bad;\u{1b}[31m\u{1}\u{7f}\u{85}\u{fffe}\u{ffff}\u{1f600}\n::error::x\n";
    let place = Place::new(&[("<&\"a\u{1}.toml", STORY), ("say", say)]);
    let story = place.path("<&\"a\u{1}.toml").display().to_string();
    let args = ["run", &story, "--junit", "out.xml", "--junit-locations", "--target-command"];
    let says = "sh -c 'cat \"$0\"; cat \"$0\" >&2; exit 3' say";
    place.rehydra(&[&args[..], &[says]].concat()).to(3, &[]);
    // With places it keeps to no schema; it must be XML all the same.
    let status = Command::new("xmllint").args(["--nonet", "--noout"]).arg(place.path("out.xml")).status()?;
    if !status.success() {
        return Err(place.read("out.xml").into());
    }
    place.rehydra(&["run", &story, "--junit", "strict.xml", "--target-command", says]).to(3, &[]);
    validate(&place.path("strict.xml"))
}

fn places() -> Result<(), Failed> {
    let place = Place::new(&[("suite/a.toml", STORY)]);
    let args = ["run", "suite", "--target", "builtin:no-rehydrate", "--junit", "out.xml"];
    place.rehydra(&[&args[..], &["--junit-locations"]].concat()).to(1, &[]);
    holds(&place.read("out.xml"), &[" file=\"suite/a.toml\" line=\"11\">"])?;
    place.rehydra(&args).to(1, &[]);
    if place.read("out.xml").contains("file=") { Err("a place that nobody asked for".into()) } else { Ok(()) }
}

fn refuses() -> Result<(), Failed> {
    let place = Place::new(&[("a.toml", STORY)]);
    place.rehydra(&["run", "a.toml", "--junit", "out.xml"]).to(0, &[]);
    let text = place.read("out.xml");
    validate(&place.path("out.xml"))?;
    for (from, to) in [
        ("<testcase ", "<testcase file=\"a.toml\" "),
        (" tests=\"1\"", ""),
        ("classname=", "class="),
        ("name=\"rehydra\"", "name=\"rehydra\" skipped=\"0\""),
        ("time=\"", "time=\"long"),
    ] {
        let wrong = text.replacen(from, to, 1);
        std::fs::write(place.path("wrong.xml"), &wrong)?;
        if wrong == text || validate(&place.path("wrong.xml")).is_ok() {
            return Err(format!("`{to}` for `{from}` is not refused").into());
        }
    }
    Ok(())
}
