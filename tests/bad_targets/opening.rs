//! Targets that cannot be opened.

use std::time::Duration;

use libtest_mimic::Trial;
use rehydra::codex::install;
use rehydra::codex::version::Version;

use crate::npm;
use crate::stage::{CALM, RESTART, part, run, run_all, trial};

const SHORT: [&str; 2] = ["open_ms=300", "call_ms=300"];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_program_that_is_not_found_is_told_before_anything_is_played", not_found),
        trial("a_program_that_may_not_be_run_is_told", not_executable),
        trial("a_script_whose_interpreter_is_not_there_is_told", no_interpreter),
        trial("a_target_that_exits_at_once_is_told_with_its_code_and_its_last_words", exits),
        trial("a_target_that_echoes_is_told_that_it_speaks_no_mcp", echoes),
        trial("a_target_that_prints_a_banner_is_shown_its_banner", banner),
        trial("a_target_that_floods_before_it_speaks_is_given_up_at_once", floods),
        trial("a_line_without_an_end_before_any_message_is_given_up_at_once", endless_line),
        trial("half_an_answer_before_dying_is_shown", half),
        trial("a_target_that_never_answers_is_waited_for_once", waited_for_once),
        trial("initialize_that_is_never_answered_is_told", no_initialize),
        trial("a_list_of_tools_that_never_comes_is_told", no_list),
        trial("a_target_that_opens_once_and_never_again_fails", opens_once),
        trial("the_mcp_server_of_a_codex_that_has_none_is_told", codex_without).with_ignored_flag(npm::missing()),
    ]
}

fn not_found() {
    let came = run(RESTART, "./nobody-has-this --stdio", &[]);
    assert_eq!((came.code, came.json.as_str()), (Some(3), ""), "{}", came.text);
    assert!(came.says("there is no program"), "{}", came.text);
}

fn not_executable() {
    let text = tempfile::NamedTempFile::new().expect("a file");
    for nothing_to_run in [text.path(), std::path::Path::new("/tmp")] {
        let came = run(RESTART, &nothing_to_run.display().to_string(), &[]);
        assert_eq!((came.code, came.json.as_str()), (Some(3), ""), "{}", came.text);
        assert!(came.says(&nothing_to_run.display().to_string()) && came.says("executable"), "{}", came.text);
    }
}

fn no_interpreter() {
    let place = tempfile::tempdir().expect("a directory");
    let script = place.path().join("server");
    std::fs::write(&script, "#!/nowhere/interpreter\n").expect("written");
    let runnable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, runnable).expect("set");
    let came = run(RESTART, &script.display().to_string(), &[]);
    came.to(3, "error", &["exited with code 127", "failed to start", "help: check the command"]);
}

fn exits() {
    let says = ["exited with code 7 before the conversation was open", "on stderr: cannot open the database"];
    run(RESTART, &part("exits"), &[]).to(3, "error", &says);
}

fn echoes() {
    run(RESTART, "cat", &[]).to(3, "error", &["answered `initialize` with an error", "is it an MCP server on stdio?"]);
}

fn banner() {
    let says =
        ["on stdout, which is for JSON-RPC alone: HTTP server listening on port 3000", "did not answer `initialize`"];
    run(RESTART, &part("banner"), &["open_ms=3000"]).to(3, "error", &says);
}

fn floods() {
    let says = ["printed more than 1048576 bytes of something else", "starting up, please wait"];
    let came = run(RESTART, &part("floods-at-once"), &[]).to(3, "error", &says);
    came.within(Duration::from_secs(8)).in_memory(200);
}

fn endless_line() {
    let says = ["printed more than 65536 bytes of something else", "xxxxxxxx"];
    let came = run(RESTART, &part("endless-line-at-once"), &["preamble_bytes=65536"]).to(3, "error", &says);
    came.within(Duration::from_secs(8)).in_memory(150);
}

fn half() {
    let says = ["exited with code 9 before the conversation", r#"{"jsonrpc":"2.0","id":0,"result":{"protoc"#];
    run(RESTART, &part("half-an-answer-at-once"), &[]).to(3, "error", &says);
}

fn waited_for_once() {
    let came = run_all(&[RESTART; 12], "sleep 1000", &["open_ms=1000"]);
    let came = came.to(3, "error", &["did not answer `initialize` within 1000 ms", "not played s1, s10, s11"]);
    assert_eq!(came.text.matches("did not answer").count(), 1, "{}", came.text);
    assert_eq!(came.json.matches("\"reason\": \"not played: ").count(), 11, "{}", came.json);
    came.within(Duration::from_secs(6));
}

fn no_initialize() {
    run(RESTART, &part("no-initialize"), &SHORT).to(3, "error", &["did not answer `initialize` within 300 ms"]);
    run(RESTART, &part("silent"), &SHORT).to(3, "error", &["did not answer `initialize` within 300 ms"]);
}

fn no_list() {
    // Our own server has to start in that time.
    run(RESTART, &part("no-list"), &["open_ms=2000"]).to(3, "error", &["did not answer `tools/list` within 2000 ms"]);
}

fn opens_once() {
    let came = run_all(&[RESTART, CALM], &part("opens-once"), &[]);
    let says = ["FAIL s0 on", "life 2 does not open: target", "exited with code 5", "the database is locked"];
    assert_eq!(came.code, Some(1), "{}", came.text);
    let all = format!("{}{}", came.text, came.json);
    for text in says {
        assert!(came.says(text), "no `{text}` in {all}");
    }
    assert_eq!(came.fired(), ["responsive"], "{all}");
}

fn codex_without() {
    let codex = install::ensure(Version::new(0, 169, 0)).expect("npm brings it").native;
    let command = format!("{} mcp-server", shlex::try_quote(&codex.display().to_string()).expect("a word"));
    let came = run_all(&[RESTART, CALM], &command, &[]);
    came.to(3, "error", &["before the conversation was open", "on stderr:", "not played s1"]);
}
