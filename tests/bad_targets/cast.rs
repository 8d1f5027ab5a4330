//! The servers under test: programs that are none, and one that is with a single bad habit.
//!
//! A habit is put on our own server: every line goes through this process, and one of them comes out wrong. So what is
//! found is that habit and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};

use serde_json::{Value, json};

/// What a hostile server prints: escape sequences of both kinds, a change of direction, commands of CI services, tags.
pub(crate) const HOSTILE: &str = "::error::pwned \u{1b}[2J\u{1b}]0;pwned\u{7}\u{9b}31m\u{202e}##[command]pwned \
    ##vso[task.complete result=Succeeded]</script><b>pwned</b>";

const MEGABYTE: usize = 1 << 20;

/// Plays a part until it ends.
pub(crate) fn play(part: &str) -> ExitCode {
    match part {
        "exits" => {
            eprintln!("cannot open the database");
            ExitCode::from(7)
        }
        "silent" => forever(),
        "floods-at-once" => loop {
            out(b"starting up, please wait\n");
        },
        "endless-line-at-once" => loop {
            out(&[b'x'; 4096]);
        },
        "hostile-at-once" => {
            out(format!("{HOSTILE}\n").as_bytes());
            eprintln!("{HOSTILE}");
            ExitCode::from(1)
        }
        "banner" => {
            out(b"HTTP server listening on port 3000\n");
            forever();
        }
        "opens-once" => {
            let opened = std::path::Path::new(&std::env::var_os("CODEX_HOME").expect("a home")).join("opened");
            if opened.exists() {
                eprintln!("the database is locked");
                return ExitCode::from(5);
            }
            std::fs::write(opened, "").expect("the home can be written");
            serve("none")
        }
        "half-an-answer-at-once" => {
            let _ = line_of(std::io::stdin().lock().lines().next());
            out(br#"{"jsonrpc":"2.0","id":0,"result":{"protoc"#);
            ExitCode::from(9)
        }
        habit => serve(habit),
    }
}

fn forever() -> ! {
    loop {
        std::thread::park();
    }
}

fn out(bytes: &[u8]) {
    let mut pipe = std::io::stdout().lock();
    // A harness that reads no more is the end of the part.
    if pipe.write_all(bytes).and_then(|()| pipe.flush()).is_err() {
        std::process::exit(0);
    }
}

fn line_of(line: Option<std::io::Result<String>>) -> Option<String> {
    line.and_then(Result::ok)
}

/// Our own server behind this process, which has that habit.
fn serve(habit: &str) -> ExitCode {
    let mut server = Command::new(env!("CARGO_BIN_EXE_rehydra"))
        .args(["serve", "--engine", "embedded"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("our server starts");
    let mut to = server.stdin.take().expect("a pipe");
    let from = BufReader::new(server.stdout.take().expect("a pipe"));
    let listening = habit.to_owned();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let request: Value = serde_json::from_str(&line).expect("the client writes JSON");
            if hears(&listening, &request) && writeln!(to, "{line}").is_err() {
                break;
            }
        }
        if listening == "outstays" {
            forever();
        }
        drop(to);
    });
    let mut calls = 0;
    for line in from.lines().map_while(Result::ok) {
        let message: Value = serde_json::from_str(&line).expect("our server writes JSON");
        let is_reply = message.pointer("/result/structuredContent").is_some();
        calls += usize::from(is_reply);
        if is_reply {
            says(habit, &line, message, calls);
        } else if !(habit == "no-initialize" && message.pointer("/result/protocolVersion").is_some()) {
            out(format!("{line}\n").as_bytes());
        }
    }
    ended(server)
}

fn ended(mut server: Child) -> ExitCode {
    let status = server.wait().expect("our server ends");
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Whether a request of the client reaches the server.
fn hears(habit: &str, request: &Value) -> bool {
    !matches!((habit, request["method"].as_str()), ("no-list", Some("tools/list")) | ("no-call", Some("tools/call")))
}

/// Writes the reply to a call, in the manner of the habit.
fn says(habit: &str, line: &str, mut message: Value, calls: usize) {
    let mut before: Vec<u8> = Vec::new();
    match habit {
        "floods" => loop {
            out(b"{\"jsonrpc\":\"2.0\",\"method\":\"tick\"}\n");
        },
        "long-line" if calls == 1 => {
            for _ in 0..100 {
                out(&vec![b'x'; MEGABYTE]);
            }
            before.push(b'\n');
        }
        "floods-stderr" => {
            let noise = "a line that nobody needs\n".repeat(MEGABYTE / 25);
            for _ in 0..64 {
                eprint!("{noise}");
            }
            eprintln!("last words");
        }
        "no-utf-8" => before.extend(b"\xff\xfe\xc3\x28\n"),
        "hostile" => {
            before.extend(format!("{HOSTILE}\n").bytes());
            eprintln!("{HOSTILE}");
        }
        "dies-in-a-line" => {
            eprintln!("out of memory");
            out(line.as_bytes().split_at(line.len() / 2).0);
            std::process::exit(101);
        }
        "dies-after-a-reply" => {
            out(format!("{line}\n").as_bytes());
            std::process::exit(101);
        }
        "twice" => before.extend(format!("{line}\n").bytes()),
        "wrong-id" => message["id"] = json!(4_711),
        "daemon" if calls == 1 => {
            // Away from its group and its pipes, as a daemon goes.
            let mut daemon = Command::new("setsid");
            daemon.args(["sleep", "1000"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            #[allow(clippy::zombie_processes, reason = "it outlives us: that is what the harness has to cope with")]
            let daemon = daemon.spawn().expect("setsid is there");
            eprintln!("daemon {}", daemon.id());
        }
        _ => {}
    }
    before.extend(format!("{message}\n").bytes());
    out(&before);
}
