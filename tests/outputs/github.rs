//! Annotations and the summary, as a step of GitHub Actions gets them.

use std::process::Command;

use super::rig::{Place, STORY, came};

/// The line of the step that fails where nothing comes back.
const REPLY_LINE: u32 = 11;

/// A step of a job whose checkout is the place.
fn step(place: &Place, args: &[&str]) -> Command {
    let mut command = place.command(args);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_WORKSPACE", place.path(""));
    command.env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    command
}

fn commands(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.trim_start().starts_with("::")).collect()
}

#[test]
fn what_failed_is_annotated_on_its_step_and_summed_up() {
    let place = Place::new(&[("sub/suite/a.toml", STORY), ("summary.md", "before\n")]);
    let mut command = step(&place, &["run", "suite", "--target", "builtin", "--target", "builtin:no-rehydrate"]);
    command.current_dir(place.path("sub"));
    let came = came(command).to(1, &["1 passed, 1 failed"]);
    let head = format!("::error file=sub/suite/a.toml,line={REPLY_LINE},title=FAIL a on builtin%3Ano-rehydrate::");
    let [annotation] = commands(&came.out)[..] else { panic!("one annotation: {}", came.out) };
    assert!(annotation.starts_with(&head) && annotation.contains("Session not found"), "{annotation}");
    let summary = place.read("summary.md");
    assert!(summary.starts_with("before\n\n### rehydra: 1 passed, 1 failed"), "{summary}");
    assert!(summary.contains("| <code>a</code> | ✅ pass | ❌ FAIL |") && summary.contains("<details>"), "{summary}");
}

#[test]
fn nobody_is_annotated_unasked_and_a_flag_asks() {
    let place = Place::new(&[("a.toml", STORY)]);
    let control = ["run", "a.toml", "--target", "builtin:no-rehydrate"];
    assert_eq!(commands(&place.rehydra(&control).to(1, &[]).out), Vec::<&str>::new());
    let none = [&control[..], &["--annotations", "none"]].concat();
    assert_eq!(commands(&came(step(&place, &none)).to(1, &[]).out), Vec::<&str>::new());
    assert!(!place.path("summary.md").exists());
    let github = [&control[..], &["--annotations", "github", "--summary", "own.md"]].concat();
    assert_eq!(commands(&place.rehydra(&github).to(1, &[]).out).len(), 1);
    assert!(place.read("own.md").contains("### rehydra: 0 passed, 1 failed"));
}

#[test]
fn json_stays_alone_on_stdout() {
    let place = Place::new(&[("a.toml", STORY)]);
    let args = ["run", "a.toml", "--target", "builtin:no-rehydrate", "--json", "-"];
    let came = came(step(&place, &args)).to(1, &[]);
    serde_json::from_str::<serde_json::Value>(&came.out).expect("JSON and nothing else");
    assert_eq!(commands(&came.err).len(), 1, "{}", came.err);
}

#[test]
fn a_story_inside_the_binary_is_on_no_file() {
    let place = Place::new(&[("empty.toml", "")]);
    let args = ["run", "--filter", "idle/kill-9", "--target", "builtin:no-rehydrate", "--baseline", "empty.toml"];
    let came = came(step(&place, &args)).to(1, &[]);
    let [annotation] = commands(&came.out)[..] else { panic!("one annotation: {}", came.out) };
    assert!(annotation.starts_with("::error title=FAIL idle/kill-9 on "), "{annotation}");
}

#[test]
fn a_target_cannot_forge_a_command_or_markup() {
    let say = "::error::x\u{1b}[31m</pre><script>\n::stop-commands::y\n##[error]z\r\n%0A::warning::\n";
    let place = Place::new(&[("a.toml", STORY), ("say", say)]);
    let args = ["run", "a.toml", "--target-command", "sh -c 'cat \"$0\"; cat \"$0\" >&2; exit 3' say"];
    let came = came(step(&place, &args)).to(3, &[]);
    let [annotation] = commands(&came.out)[..] else { panic!("one annotation: {}", came.out) };
    assert!(annotation.starts_with("::error file=a.toml,line=") && annotation.contains("%250A"), "{annotation}");
    let summary = place.read("summary.md");
    for text in [&came.out, &came.err, &summary] {
        assert!(!text.contains(['\u{1b}', '\r']) && !text.contains("##[") && !text.contains("\n::stop"), "{text}");
    }
    assert!(!summary.contains("<script"), "{summary}");
}

#[test]
fn a_summary_stays_within_what_github_takes() {
    let full = "x".repeat((1 << 20) - 10);
    let place = Place::new(&[("a.toml", STORY), ("summary.md", &full)]);
    came(step(&place, &["run", "a.toml"])).to(0, &[]);
    assert_eq!(place.read("summary.md"), full);
    // One that GitHub names and that cannot be written decides nothing; one that was asked for does.
    let mut command = step(&place, &["run", "a.toml"]);
    command.env("GITHUB_STEP_SUMMARY", "/nowhere/summary.md");
    came(command).to(0, &["warning: failed to write /nowhere/summary.md"]);
}
