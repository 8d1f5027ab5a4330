//! The command line as a user meets it: exit codes and the sentences that say what to do. No test here needs a network.

#![allow(clippy::expect_used, reason = "a helper of a test fails as the test does")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

const STORY: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n\
    [[step]]\nrestart = {}\n\n[[step]]\nreply = { prompt = \"Which?\", model = { text = \"Blue.\" } }\n";
const GAP: &str = "invariants = [\"rehydrates\"]\nreason = \"before the patch\"\nrefs = [\"openai/codex#6168\"]\n";

/// What a call came to.
struct Came {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Came {
    /// The exit code, and what stdout or stderr must hold.
    #[track_caller]
    fn to(self, code: i32, says: &[&str]) -> Came {
        let all = format!("{}\n{}", self.out, self.err);
        assert_eq!(self.code, Some(code), "{all}");
        for text in says {
            assert!(all.contains(text), "no `{text}` in:\n{all}");
        }
        assert!(!all.contains("panicked"), "{all}");
        self
    }
}

/// A directory to work in.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Place {
        let place = Place(tempfile::tempdir().expect("a directory"));
        for (name, text) in files {
            let path = place.path(name);
            fs::create_dir_all(path.parent().expect("below it")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
        // A CI that runs these tests is none of their business.
        command.env_remove("GITHUB_ACTIONS");
        command.current_dir(self.0.path()).args(args).timeout(std::time::Duration::from_secs(120));
        command
    }

    fn rehydra(&self, args: &[&str]) -> Came {
        came(self.command(args))
    }
}

fn came(mut command: Command) -> Came {
    let output = command.output().expect("rehydra runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Came { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn what_passes_is_0_and_leaves_nothing() {
    let place = Place::new(&[("suite/a.toml", STORY)]);
    let came = place.rehydra(&["run", "suite"]).to(0, &["scenario  builtin", "a         pass", "1 passed"]);
    assert!(!came.out.contains('\u{1b}'), "colours without a terminal: {}", came.out);
    assert_eq!(fs::read_dir(place.path(".rehydra")).expect("made").count(), 1, "only .gitignore");
}

#[test]
fn what_fails_is_1_and_says_how_to_see_it_again() {
    let place = Place::new(&[("my suite/a.toml", STORY), ("my suite/ab.toml", STORY)]);
    let args = ["run", "my suite", "--filter", "a", "--target", "builtin:no-rehydrate"];
    let came = place.rehydra(&args).to(1, &["FAIL a on", "Session not found", "0 passed, 1 failed"]);
    let command = |name: &str| {
        let line = came.out.lines().find_map(|line| line.trim().strip_prefix(name)).expect("a command");
        let words = shlex(line.trim());
        words.split_first().map(|(_, args)| args.to_vec()).expect("rehydra …")
    };
    for name in ["judge again", "play again"] {
        let args = command(name);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        place.rehydra(&args).to(1, &["FAIL a on", "0 passed, 1 failed"]);
    }
}

/// Words of a command line that quotes with `'` alone.
fn shlex(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("one").push(c),
        }
    }
    words
}

#[test]
fn a_suite_brings_its_own_baseline_and_gaps_are_explained() {
    let gap =
        |scenario: &str, target: &str| format!("[[gap]]\nscenario = \"{scenario}\"\ntarget = \"{target}\"\n{GAP}");
    let baseline = gap("a", "builtin:no-rehydrate") + &gap("a", "node nobody.js");
    let place = Place::new(&[("suite/a.toml", STORY), ("suite/baseline.toml", &baseline)]);
    let control = ["run", "suite", "--target", "builtin:no-rehydrate"];
    let line = "  1 gap on builtin:no-rehydrate: before the patch (openai/codex#6168)";
    place.rehydra(&control).to(0, &["gap", line, "0 passed, 1 gap in"]);
    place.rehydra(&[&control[..], &["--baseline", "/dev/null"]].concat()).to(1, &["FAIL"]);

    fs::write(place.path("suite/baseline.toml"), gap("gone", "builtin") + &gap("a", "builtin:rehydrate"))
        .expect("written");
    place.rehydra(&["run", "suite"]).to(1, &["FIXED line 1", "`gone`, which is no scenario", "FIXED line 7"]);
    let other = Place::new(&[("b.toml", STORY), ("baseline.toml", "")]);
    let two = ["run", "suite", &other.0.path().display().to_string()];
    place.rehydra(&two).to(2, &["are two baselines", "--baseline"]);
}

#[test]
fn a_file_is_judged_by_the_baseline_of_its_suite_and_again_by_the_one_it_was_judged_by() {
    let gap = format!("[[gap]]\nscenario = \"deep/a\"\ntarget = \"builtin:no-rehydrate\"\n{GAP}");
    let place = Place::new(&[("suite/deep/a.toml", STORY), ("suite/baseline.toml", &gap), (".git/HEAD", "")]);
    let run = ["run", "suite/deep/a.toml", "--target", "builtin:no-rehydrate", "--keep"];
    place.rehydra(&run).to(0, &["deep/a", "1 gap on builtin:no-rehydrate: before the patch"]);
    fs::write(place.path("suite/baseline.toml"), "").expect("written");
    place.rehydra(&["replay", ".rehydra", "--same"]).to(0, &["1 gap on builtin:no-rehydrate: before the patch"]);
    place.rehydra(&["replay", ".rehydra", "--baseline", "/dev/null"]).to(1, &["FAIL"]);

    let elsewhere =
        Place::new(&[("project/a.toml", STORY), ("project/.git/HEAD", ""), ("baseline.toml", "no = toml =")]);
    elsewhere.rehydra(&["run", "project/a.toml"]).to(0, &["1 passed"]);
}

#[test]
fn a_baseline_that_cannot_be_read_is_2() {
    let empty_reason = format!("[[gap]]\nscenario = \"a\"\ntarget = \"b\"\n{}", GAP.replace("before the patch", ""));
    let place = Place::new(&[("garbage.toml", "gap = ["), ("empty.toml", &empty_reason)]);
    let run = |file: &str| place.rehydra(&["run", "--baseline", file]);
    run("none.toml").to(2, &["failed to read the baseline none.toml"]);
    run("garbage.toml").to(2, &["garbage.toml:1"]);
    run("empty.toml").to(2, &["`reason` is empty", "help: give `reason` a text"]);
}

#[test]
fn wrong_paths_and_scenarios_are_2_all_at_once() {
    let place = Place::new(&[("bad/a.toml", "rehydra = 1\ntitel = \"t\""), ("bad/b.toml", "x"), ("empty/readme", "")]);
    place.rehydra(&["run", "none.toml", "empty", "bad"]).to(
        2,
        &[
            "none.toml cannot be read",
            "empty holds no scenario",
            "bad/a.toml:2:1",
            "did you mean `title`?",
            "bad/b.toml:1",
        ],
    );
    let came = place.rehydra(&["run", "none.toml"]).to(2, &["= help: name scenario files"]);
    assert_eq!(came.err.matches("error:").count(), 1, "{}", came.err);
    place.rehydra(&["replay", "none"]).to(2, &["journal.jsonl", "--keep"]);
}

#[test]
fn wrong_words_on_the_command_line_are_2() {
    let place = Place::new(&[]);
    for (args, says) in [
        (&["--target", "builtn"][..], "there are builtin, builtin:no-rehydrate, codex, codex@VERSION"),
        (&["--target", "codex@latest"], "`latest` is no Codex version; give one such as 0.153.4"),
        (&["--target", "codex@0.169.0/mcp"], "`codex mcp-server` exists up to 0.153.4"),
        (&["--target", "codex@9.9.9/mcp"], "leave `/mcp` out"),
        (&["--target-command", ""], "give a program and its arguments"),
        (&["--target-command", "node 'x"], "close the quotation"),
        (&["--filter", "zzz"], "help: there are approval/accepted"),
        (&["--filter", "idle/kill-9", "--filter", "zzz"], "has `zzz` in its name"),
        (&["--jobs", "0"], "--jobs"),
        (&["--limit", "call_ms=0"], "NAME=N with N above 0"),
        (&["--limit", "patience=1"], "one of call_ms, open_ms"),
        (&["--json", "/nowhere/x.json"], "failed to write /nowhere/x.json"),
        (&["--bogus"], "unexpected argument"),
    ] {
        place.rehydra(&[&["run"], args].concat()).to(2, &[says]);
    }
    assert!(!place.path(".rehydra").exists(), "nothing was played");
}

#[test]
fn a_target_that_cannot_be_had_is_3_with_a_remedy() {
    let place = Place::new(&[("not-runnable", "")]);
    let without_path = |target: &str| {
        let mut command = place.command(&["run", "--target", target]);
        command.env("PATH", place.0.path()).env("REHYDRA_CACHE", place.path("cache"));
        came(command)
    };
    without_path("codex").to(3, &["no `codex` on PATH", "codex@VERSION"]);
    without_path("codex@0.153.4").to(3, &["npm is needed", "install Node.js"]);
    let command = |command: &str| place.rehydra(&["run", "--target-command", command]);
    command("nobody-has-this").to(3, &["no program `nobody-has-this` on PATH"]);
    command("./nobody-has-this").to(3, &["there is no program", "check the path"]);
    command("./not-runnable").to(3, &["make it executable"]);
    let runs = place.path("not-runnable/runs").display().to_string();
    place.rehydra(&["run", "--runs", &runs]).to(3, &["--runs"]);
}

#[test]
fn a_target_that_is_no_server_is_an_error_told_once() {
    let place = Place::new(&[("a.toml", STORY), ("b.toml", STORY)]);
    let run = |command: &str| place.rehydra(&["run", "a.toml", "b.toml", "--target-command", command]);
    let came = run("false").to(3, &["exited with code 1", "the same in  b", "0 passed, 2 errors"]);
    assert_eq!(came.out.matches("exited with code 1").count(), 1, "{}", came.out);
    run("cat").to(3, &["answered `initialize` with an error", "is it an MCP server on stdio?"]);
    let silent = ["run", "a.toml", "b.toml", "--limit", "open_ms=500", "--target-command", "sleep 1000"];
    place.rehydra(&silent).to(3, &["did not answer `initialize` within 500 ms", "raise the limit `open_ms`"]);
    run("sh -c 'echo its complaint >&2; exit 3'").to(3, &["exited with code 3", "on stderr: its complaint"]);
}

#[test]
fn what_a_target_prints_commands_neither_terminal_nor_ci() {
    let place = Place::new(&[("a.toml", STORY), ("say", "::error::x\u{1b}[31m\u{202e}red ::error::y\n")]);
    let came = place.rehydra(&["run", "a.toml", "--target-command", "sh -c 'cat \"$0\"; cat \"$0\" >&2' say"]);
    let came = came.to(3, &["error::x"]);
    assert!(!came.out.contains(['\u{1b}', '\u{202e}']), "{}", came.out);
    assert!(!came.out.lines().any(|line| line.trim_start().starts_with("::")), "{}", came.out);
    assert!(came.out.lines().all(|line| line.len() <= 100 || line.contains("rehydra ")), "{}", came.out);
}

#[test]
fn json_is_alone_on_stdout() {
    let place = Place::new(&[("a.toml", STORY)]);
    let run = ["run", "a.toml", "--target-command", "false", "--json"];
    let verdict = |text: &str| {
        let all: serde_json::Value = serde_json::from_str(text).expect("JSON and nothing else");
        all.pointer("/cases/0/verdict").and_then(serde_json::Value::as_str).map(str::to_owned)
    };
    let came = place.rehydra(&[&run[..], &["-"]].concat()).to(3, &["exited with code 1"]);
    assert_eq!(verdict(&came.out).as_deref(), Some("error"));
    let came = place.rehydra(&[&run[..], &["out.json"]].concat()).to(3, &["a         ERROR"]);
    assert!(came.out.contains("exited with code 1"), "{}", came.out);
    assert_eq!(verdict(&fs::read_to_string(place.path("out.json")).expect("written")).as_deref(), Some("error"));
    let came = place.rehydra(&["replay", ".rehydra", "--json"]).to(3, &[]);
    assert_eq!(verdict(&came.out).as_deref(), Some("error"));
}

#[test]
fn a_result_that_cannot_be_written_is_3_and_a_reader_that_leaves_is_nothing() {
    let place = Place::new(&[("a.toml", STORY)]);
    for args in [&["schema"][..], &["run", "a.toml"]] {
        let with = |out: std::process::Stdio| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rehydra"));
            let output = command.current_dir(place.0.path()).args(args).stdout(out).output().expect("rehydra runs");
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let (code, err) = with(full.into());
        assert_eq!((code, err.starts_with("error: failed to write to standard output")), (Some(3), true), "{err}");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(with(writer.into()), (Some(0), String::new()));
    }
}

#[test]
fn an_empty_directory_of_ones_own_gets_no_gitignore() {
    let place = Place::new(&[("a.toml", STORY)]);
    place.rehydra(&["run", "a.toml", "--runs", "."]).to(0, &["1 passed"]);
    assert!(!place.path(".gitignore").exists(), "git would pass over the whole project");
}

#[test]
fn a_recording_of_ones_own_is_placed_by_its_manifest() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let recorded = fs::read_to_string(fixtures.join("mcp-0.130.0.jsonl")).expect("a recording");
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(fixtures.join("manifest.json")).expect("a manifest")).expect("JSON");
    let known = manifest["fixtures"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "mcp-0.130.0"));
    let known = known.expect("the recording's entry");
    let mut own = serde_json::json!({ "name": "mine", "file": "mine.jsonl" });
    for key in ["id", "file_name", "turns", "markers"] {
        own[key] = known[key].clone();
    }
    let story = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\", \"durable\", \"ordered\", \"once\", \"cwd\"]\n\n\
        [[step]]\nplace = { thread = \"mine\", file = \"recorded/mine.jsonl\", cwd = \"project\" }\n\n\
        [[step]]\nreply = { thread = \"mine\", prompt = \"Go on.\", model = { text = \"Going on.\" } }\n";
    let place = Place::new(&[("suite/a.toml", story), ("suite/recorded/mine.jsonl", &recorded)]);
    place.rehydra(&["run", "suite"]).to(3, &["no readable manifest.json", "write one"]);
    let write = |own: &serde_json::Value| {
        let text = serde_json::json!({ "fixtures": [own] }).to_string();
        fs::write(place.path("suite/recorded/manifest.json"), text).expect("written");
    };
    write(&own);
    place.rehydra(&["run", "suite"]).to(0, &["1 passed"]);
    own["markers"] = serde_json::json!(["rhp-00000000"]);
    write(&own);
    place.rehydra(&["run", "suite"]).to(3, &["names the marker rhp-00000000, which is not in mine.jsonl"]);
    own["file_name"] = "../../../outside.jsonl".into();
    own["markers"] = serde_json::json!([]);
    write(&own);
    place.rehydra(&["run", "suite"]).to(3, &["does not stay inside the home"]);
}

#[test]
fn a_server_whose_first_call_fails_is_quoted() {
    let place = Place::new(&[("a.toml", STORY)]);
    // It answers line by line: initialize, then after `initialized` tools/list, and then an error.
    let script = r#"
        read -r _; echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}'
        read -r _; read -r _; echo '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"codex","inputSchema":{"type":"object"}},{"name":"codex-reply","inputSchema":{"type":"object"}}]}}'
        read -r _; echo '{"jsonrpc":"2.0","id":2,"result":{"isError":true,"content":[{"type":"text","text":"FOO_KEY is not set"}]}}'
        read -r _
    "#;
    fs::write(place.path("server.sh"), script).expect("written");
    let came = place.rehydra(&["run", "a.toml", "--target-command", "sh server.sh"]);
    let came = came.to(3, &["the target's first answer is an error (FOO_KEY is not set)"]);
    assert_eq!(came.out.matches("FOO_KEY is not set)").count(), 1, "{}", came.out);
}

#[test]
fn what_a_target_lacks_is_unsupported_and_not_played() {
    let story = STORY.replace("[[step]]\ncodex", "needs = [\"tools\", \"injector\"]\n\n[[step]]\ncodex");
    let place = Place::new(&[("a.toml", &story)]);
    let came = place.rehydra(&["run", "a.toml"]).to(0, &["unsupported", "0 passed, 1 unsupported"]);
    assert!(!came.out.contains("FAIL"), "{}", came.out);
}

#[test]
fn the_help_says_what_a_user_needs() {
    let place = Place::new(&[]);
    place.rehydra(&["--help"]).to(0, &["run", "replay", "serve", "doctor", "schema"]);
    let came = place.rehydra(&["run", "--help"]).to(0, &["Exit code:", "Verdicts:", "Examples:", "--limit <NAME=N>"]);
    assert!(came.out.lines().all(|line| line.chars().count() <= 100), "{}", came.out);
    place.rehydra(&[]).to(2, &["Usage: rehydra"]);
}

#[test]
fn the_doctor_tries_a_run_and_leaves_nothing() {
    let place = Place::new(&[]);
    let doctor = |args: &[&str]| {
        let mut command = place.command(&["doctor"]);
        command.args(args).env("REHYDRA_CACHE", place.path("cache")).env("TMPDIR", place.0.path());
        command
    };
    let says = ["ok    rehydra", "ok    trial      `idle/kill-9` passes on `builtin`", "runs work here"];
    came(doctor(&[])).to(0, &says);
    assert_eq!(fs::read_dir(place.0.path()).expect("there").count(), 0);
    let json: serde_json::Value = serde_json::from_str(&came(doctor(&["--json"])).to(0, &[]).out).expect("JSON");
    assert_eq!(json["works"], true);
    let found = json["findings"].as_array().expect("a list");
    assert!(found.iter().any(|f| f["name"] == "cache" && f["state"] == "ok"), "{json}");
}

#[test]
fn the_doctor_says_what_is_missing_and_whether_it_matters() {
    let place = Place::new(&[("bin/npm", "no program"), ("cache", "no directory")]);
    let mut little = place.command(&["doctor"]);
    little.env("PATH", place.path("bin")).env("REHYDRA_CACHE", place.path("cache"));
    let says = ["warn  npm", "help: install Node.js", "warn  cache", "set REHYDRA_CACHE", "runs work here"];
    came(little).to(0, &says);
    let mut nothing = place.command(&["doctor", "--runs", "cache/runs"]);
    nothing.env("REHYDRA_BIN", "/nonexistent/rehydra");
    let says = ["fail  rehydra", "set REHYDRA_BIN to its path", "fail  disk", "with `rehydra run --runs DIR`"];
    let came = came(nothing).to(1, &says);
    assert!(!came.out.contains("trial"), "nothing can be tried: {}", came.out);
}
