//! Servers that `rehydra init` cannot describe: each gets its reason, the server's own words, and a remedy.

use libtest_mimic::Trial;

use crate::rig::Place;

/// The role, and what must be said.
const TROUBLES: &[(&str, &[&str])] = &[
    (
        "textless",
        &["no tool of the server takes a text that could be a prompt; its tools: go", "on stderr: odd server"],
    ),
    ("offline", &["no prompt reached the stub model", "I know that without a model", "--env MY_BASE_URL={stub}/v1"]),
    (
        "elsewhere",
        &["the server asked for api.example.com:443 instead, and was refused", "cannot reach the model: HTTP/1.1 403"],
    ),
    ("idless", &["the answer of `go` names nothing that could be the conversation's id", "rehydra.toml by hand"]),
    ("forgets", &["no value in the answer of `go`", "made the model receive the first prompt again", "on stderr: odd"]),
    ("failing", &["reached the model, and the call failed all the same", "no ␛[31mdisk"]),
];

pub(crate) fn trials() -> Vec<Trial> {
    let described = TROUBLES.iter().map(|(mode, says)| {
        Trial::test(format!("the odd server `{mode}` is not described"), || {
            let place = Place::new();
            let came = place.init(&[], &["odd-server", mode]).to(1, says);
            assert_eq!(came.out, "");
            assert!(came.err.starts_with("error: "), "{}", came.err);
            assert!(!place.path("rehydra.toml").exists());
            Ok(())
        })
    });
    let commands: [(&str, &[&str], &[&str]); 5] = [
        ("is not there", &["no-such-server"], &["there is no program `no-such-server` on PATH"]),
        ("exits at once", &["sh", "-c", "echo oops >&2; exit 3"], &["exited with code 3", "on stderr: oops"]),
        ("speaks no MCP", &["cat"], &["answered `initialize` with an error", "is it an MCP server on stdio?"]),
        ("says nothing", &["sleep", "1000"], &["did not answer `initialize` within 500 ms", "--limit open_ms=60000"]),
        ("cannot be run", &["./rehydra.txt"], &["cannot be run; make it executable"]),
    ];
    let unusable = commands.into_iter().map(|(what, command, says)| {
        Trial::test(format!("a server that {what} is told, with a remedy"), move || {
            let place = Place::new();
            std::fs::write(place.path("rehydra.txt"), "")?;
            // The one that is waited for in vain is not waited for long.
            let limit = if what == "says nothing" { 500 } else { 10_000 };
            let came = place.rehydra(&[&["init", "--limit", &format!("open_ms={limit}"), "--"], command].concat());
            assert_eq!(came.to(1, says).out, "");
            Ok(())
        })
    });
    described.chain(unusable).collect()
}
