//! Foreign servers by their profiles, from outside: `rehydra run` in a directory with a `rehydra.toml`.
//!
//! This binary is its own cast. Called as `ask-server MODE` it is a server with one tool and ids of its own, called as
//! `fake-codex` it is what that server starts as `codex`; called by cargo it runs the trials. The trials with real
//! releases need npm, as those of `codex.rs` do.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)] // all of this is test code

#[path = "stage/npm.rs"]
mod npm;

use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use libtest_mimic::{Arguments, Trial};
use rehydra::journal::{Kind, Run};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["ask-server", mode] => serve(mode),
        ["fake-codex", rest @ ..] => fake_codex(rest),
        _ => {
            let args = Arguments::from_args();
            let test = |name: &str, trial: fn()| {
                Trial::test(name, move || {
                    trial();
                    Ok(())
                })
            };
            let mut trials = vec![
                test("a_project_s_own_server_is_the_default_target", own_server),
                test("a_name_that_is_near_a_profile_s_is_told", misspelt),
                test("an_unsound_file_stops_the_run_and_only_where_it_is_needed", unsound),
                test("tools_that_the_profile_has_wrong_are_told_with_those_there_are", wrong_tools),
                test("a_profile_s_limits_hold_unless_the_command_line_says_otherwise", limits),
                test("a_server_that_asks_no_model_of_ours_is_an_error", elsewhere),
                test("a_server_that_calls_home_is_found_by_the_host", curious),
                test("a_codex_that_is_told_to_ignore_everything_meets_the_stub", wrapped),
                test("a_server_that_finds_no_codex_is_told_what_to_do", no_codex),
            ];
            for version in ["0.130.0", "0.153.4", "0.169.0"] {
                let trial = Trial::test(format!("a_wrapped_codex_{version}_meets_the_stub"), move || {
                    real(version);
                    Ok(())
                });
                trials.push(trial.with_ignored_flag(npm::missing()));
            }
            libtest_mimic::run(&args, trials).exit_code()
        }
    }
}

// ---- The cast.

/// A server with the tool `ask`: it keeps its conversations in a file, or asks `codex` to.
fn serve(mode: &str) -> ExitCode {
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let message: Value = serde_json::from_str(&line).expect("the client writes JSON");
        let result = match message["method"].as_str() {
            Some("initialize") => json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                "serverInfo": {"name": "ask", "version": "1"}}),
            Some("tools/list") => json!({"tools": [{"name": "ask", "inputSchema": {"type": "object"}}]}),
            Some("tools/call") => answer(mode, &message["params"]["arguments"]),
            _ => continue,
        };
        println!("{}", json!({"jsonrpc": "2.0", "id": message["id"], "result": result}));
    }
    ExitCode::SUCCESS
}

fn answer(mode: &str, args: &Value) -> Value {
    let question = args["question"].as_str().expect("a question");
    assert_eq!(args["mode"], "fast", "the fixed argument comes with each call");
    let session = args["session"].as_str();
    let told = match mode {
        "elsewhere" => Ok(("1".to_owned(), "I answer without asking anybody.".to_owned())),
        "curious" => {
            call_home();
            keep(session, question)
        }
        "wrapper" => wrap(session, question),
        _ => keep(session, question),
    };
    match told {
        Ok((session, text)) => {
            json!({"content": [{"type": "text", "text": format!("session: {session}")}, {"type": "text", "text": text}]})
        }
        Err(text) => json!({"isError": true, "content": [{"type": "text", "text": text}]}),
    }
}

/// One turn of a conversation that is kept in a file below the directory that the environment names.
fn keep(session: Option<&str>, question: &str) -> Result<(String, String), String> {
    let var = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let dir = PathBuf::from(var("ASK_STATE")?);
    std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
    let fresh = || format!("s{}", std::fs::read_dir(&dir).map_or(0, Iterator::count));
    let session = session.map_or_else(fresh, str::to_owned);
    let file = dir.join(&session);
    let history = std::fs::read_to_string(&file).ok();
    let mut items: Vec<Value> = history.map_or_else(Vec::new, |text| serde_json::from_str(&text).expect("JSON"));
    items.push(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]}));
    let text = ask_model(&var("OPENAI_BASE_URL")?, &var("OPENAI_API_KEY")?, &items)?;
    items.push(json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}));
    std::fs::write(&file, Value::Array(items).to_string()).map_err(|error| error.to_string())?;
    Ok((session, text))
}

/// One exchange with the Responses API.
fn ask_model(base: &str, key: &str, items: &[Value]) -> Result<String, String> {
    let rest = base.strip_prefix("http://").ok_or("no http")?;
    let (host, path) = rest.split_once('/').ok_or("no path")?;
    let body = json!({"model": "m", "stream": true, "input": items}).to_string();
    let head = format!(
        "POST /{path}/responses HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(host).map_err(|error| error.to_string())?;
    stream.write_all((head + &body).as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|error| error.to_string())?;
    let events = answer.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let texts: Vec<String> = events
        .filter(|event| event["type"] == "response.output_item.done")
        .filter_map(|event| Some(event["item"]["content"][0]["text"].as_str()?.to_owned()))
        .collect();
    if texts.is_empty() { Err(answer) } else { Ok(texts.concat()) }
}

/// What a program does that wants to know whether there is a newer one of it.
fn call_home() {
    let proxy = std::env::var("https_proxy").expect("a run has a proxy");
    let mut stream = TcpStream::connect(proxy.trim_start_matches("http://")).expect("it listens");
    stream.write_all(b"CONNECT updates.example:443 HTTP/1.1\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

/// One turn by `codex exec`, started as a careless server starts it: its configuration ignored, with a provider of its
/// own, and with next to nothing of the environment.
fn wrap(session: Option<&str>, question: &str) -> Result<(String, String), String> {
    let mut command = Command::new("codex");
    command.arg("exec");
    command.args(session.iter().flat_map(|id| ["resume", id]));
    command.args([
        "--json",
        "--skip-git-repo-check",
        "--ignore-user-config",
        "-c",
        "model_provider=\"openai\"",
        question,
    ]);
    let kept = ["PATH", "HOME"].map(|name| (name, std::env::var(name).expect("it is set")));
    let ran = command.env_clear().envs(kept).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let lines = String::from_utf8_lossy(&ran.stdout).into_owned();
    let events: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |kind: &str, pointer: &str| {
        let mut events = events.iter().filter(|event| event["type"] == kind);
        events.find_map(|event| event.pointer(pointer)?.as_str().map(str::to_owned))
    };
    let id = find("thread.started", "/thread_id");
    let text = find("item.completed", "/item/text");
    id.zip(text).ok_or_else(|| format!("{lines}{}", String::from_utf8_lossy(&ran.stderr)))
}

/// As much of `codex exec --json` as the wrapper needs; it does what its last overrides say.
fn fake_codex(args: &[&str]) -> ExitCode {
    if args == ["--version"] {
        println!("codex-cli 0.153.4");
        return ExitCode::SUCCESS;
    }
    let mut overrides: BTreeMap<&str, &str> = BTreeMap::new();
    let mut words = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match *arg {
            "-c" => overrides.extend(rest.next().and_then(|text| text.split_once('='))),
            flag if flag.starts_with("--") => {}
            word => words.push(word),
        }
    }
    let value = |key: &str| overrides[key].trim_matches('"');
    assert_eq!(value("model_provider"), "stub");
    let key = std::env::var(value("model_providers.stub.env_key")).expect("the token is there");
    let home = std::env::var("CODEX_HOME").expect("the home is there");
    let (session, question) = match words.as_slice() {
        ["exec", "resume", id, question] => (Some(*id), question),
        ["exec", question] => (None, question),
        other => panic!("{other:?}"),
    };
    let said = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": question}]});
    let file = Path::new(&home).join("said");
    let mut items: Vec<Value> = match session {
        Some(_) => serde_json::from_str(&std::fs::read_to_string(&file).expect("history")).expect("JSON"),
        None => Vec::new(),
    };
    items.push(said);
    let text = ask_model(value("model_providers.stub.base_url"), &key, &items).expect("the model answers");
    items.push(json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}));
    std::fs::write(&file, Value::Array(items).to_string()).expect("written");
    println!("{}", json!({"type": "thread.started", "thread_id": session.unwrap_or("t1")}));
    println!("{}", json!({"type": "item.completed", "item": {"text": text}}));
    ExitCode::SUCCESS
}

// ---- The trials.

/// A directory with a `rehydra.toml` and a story.
struct Project(tempfile::TempDir);

const STORY: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\", \"durable\", \"cwd\", \"no-wider\", \"lean\"]\n\n\
    [[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n[[step]]\nrestart = {}\n\n\
    [[step]]\nreply = { prompt = \"Which colour?\", model = { text = \"Blue.\" } }\n";

impl Project {
    fn new(mode: &str, more: &str) -> Project {
        let dir = tempfile::tempdir().expect("a directory");
        let own = std::env::current_exe().expect("this binary");
        let profile = format!(
            "[target.mine]\ncommand = [{own:?}, \"ask-server\", \"{mode}\"]\n\
             start = {{ tool = \"ask\", prompt = \"/question\", args = {{ mode = \"fast\" }} }}\n\
             reply = {{ tool = \"ask\", prompt = \"/question\", id = \"/session\", args = {{ mode = \"fast\" }} }}\n\
             id-in = {{ text = 'session: (\\S+)' }}\n\
             env = {{ OPENAI_BASE_URL = \"{{stub}}/v1\", OPENAI_API_KEY = \"{{token}}\", ASK_STATE = \"{{run}}/state\" }}\n{more}"
        );
        let project = Project(dir);
        project.write("rehydra.toml", &profile);
        project.write("stories/story.toml", STORY);
        project
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehydra"));
        command.arg("run").args(args).current_dir(self.0.path()).env("REHYDRA_BIN", env!("CARGO_BIN_EXE_rehydra"));
        // No Codex of whoever runs the tests.
        command.env("PATH", "/usr/bin:/bin").output().expect("rehydra runs")
    }

    /// The one run that was kept.
    fn journal(&self) -> Run {
        let dirs = |dir: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(dir).expect("there is a directory");
            entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
        };
        let runs = dirs(&self.0.path().join(".rehydra"));
        let [run] = runs.as_slice() else { panic!("one call: {runs:?}") };
        let cases = dirs(run);
        let [case] = cases.as_slice() else { panic!("one case: {cases:?}") };
        Run::read(case).expect("a journal")
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) {
    let text = told(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(word), "no `{word}` in:\n{text}");
    }
}

fn own_server() {
    let project = Project::new("plain", "");
    project.write(
        "stories/placed.toml",
        "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\"]\n\n[[step]]\nrollout = { thread = \"old\", turns = 2, era = \
         \"envelope\" }\n\n[[step]]\nreply = { thread = \"old\", prompt = \"?\" }\n",
    );
    let files =
        STORY.replace("\"rehydrates\", \"durable\", \"cwd\", \"no-wider\", \"lean\"", "\"source-kept\", \"cwd\"");
    project.write("stories/files.toml", &files);
    let output = project.run(&["stories", "--keep"]);
    expect(&output, 0, &["mine", "story pass", "placed unsupported", "files unsupported", "1 passed, 2 unsupported"]);
    assert!(!told(&output).contains("builtin"));
    expect(&project.run(&["stories", "--target", "builtin", "--filter", "story"]), 0, &["builtin", "1 passed"]);
}

fn misspelt() {
    expect(
        &Project::new("plain", "").run(&["stories", "--target", "mien"]),
        2,
        &["no target `mien`", "did you mean `mine`?"],
    );
}

fn unsound() {
    let project = Project::new("plain", "lvel = \"core\"\n");
    expect(&project.run(&["stories"]), 2, &["unknown key `lvel`", "rehydra.toml:7:1", "did you mean `level`?"]);
    expect(&project.run(&["stories", "--target", "builtin"]), 0, &["1 passed"]);
}

fn wrong_tools() {
    let project = Project::new("plain", "");
    let text = std::fs::read_to_string(project.0.path().join("rehydra.toml")).expect("a profile");
    project.write("rehydra.toml", &text.replace("tool = \"ask\"", "tool = \"chat\""));
    expect(&project.run(&["stories"]), 3, &["has no tool `chat`; its tools: ask", "correct `start` and `reply`"]);
}

fn limits() {
    let project = Project::new("plain", "limits = { call_ms = 12345, run_ms = 54321 }\n");
    expect(&project.run(&["stories", "--keep", "--limit", "run_ms=60000"]), 0, &["1 passed"]);
    let limits = project.journal().header.limits;
    assert_eq!((limits.call_ms, limits.run_ms), (12_345, 60_000));
}

fn elsewhere() {
    let output = Project::new("elsewhere", "").run(&["stories"]);
    expect(&output, 3, &["its model traffic does not come to {stub}", "OPENAI_BASE_URL = \"{stub}/v1\""]);
    let wrong = Project::new("plain", "").run(&["stories"]);
    expect(&wrong, 0, &["1 passed"]);
    let project = Project::new("plain", "");
    let text = std::fs::read_to_string(project.0.path().join("rehydra.toml")).expect("a profile");
    project.write("rehydra.toml", &text.replace("OPENAI_BASE_URL", "OPENAI_BASE"));
    let output = project.run(&["stories"]);
    expect(&output, 3, &["first answer is an error (OPENAI_BASE_URL is not set)", "does not come to {stub}"]);
}

fn curious() {
    let output = Project::new("curious", "").run(&["stories"]);
    expect(&output, 1, &["hermetic: something in the run asks for updates.example:443", "FAIL story on mine"]);
}

/// A `codex` that is this binary.
fn codex_script(project: &Project) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let own = std::env::current_exe().expect("this binary");
    let path = project.write("tools/codex", &format!("#!/bin/sh\nexec '{}' fake-codex \"$@\"\n", own.display()));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

fn wrapped() {
    let project = Project::new("wrapper", "codex = \"./tools/codex\"\n");
    let script = codex_script(&project);
    expect(&project.run(&["stories", "--keep"]), 0, &["1 passed"]);
    let starts: Vec<_> = project
        .journal()
        .events
        .into_iter()
        .filter_map(|event| match event.kind {
            Kind::Launched(launched) => Some((event.incarnation, launched.version, launched.program, launched.args)),
            _ => None,
        })
        .collect();
    let [(1, version, program, args), (2, ..)] = starts.as_slice() else { panic!("one a life: {starts:?}") };
    assert_eq!((version.as_str(), Path::new(program)), ("0.153.4", script.canonicalize().expect("there").as_path()));
    assert!(args.starts_with(&["exec".into(), "--json".into()]), "the server's own words: {args:?}");
}

fn no_codex() {
    let output = Project::new("wrapper", "").run(&["stories"]);
    expect(&output, 3, &["no Codex is known to this run", "codex = \"codex@VERSION\""]);
}

fn real(version: &str) {
    let project = Project::new("wrapper", &format!("codex = \"codex@{version}\"\nrollouts = true\n"));
    expect(&project.run(&["stories", "--keep"]), 0, &["1 passed"]);
    let starts = project.journal().events.into_iter().filter(|event| matches!(event.kind, Kind::Launched(_)));
    assert_eq!(starts.count(), 2);
}
