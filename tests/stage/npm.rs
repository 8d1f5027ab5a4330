//! Whether trials on real Codex binaries can run here: npm brings the binaries.

use std::process::{Command, Stdio};

/// Why they cannot, if they may be left out; told on stderr. Where `REHYDRA_REQUIRE_CODEX` is set, as in CI, they fail
/// instead.
#[allow(clippy::print_stderr, reason = "the reason for an ignored trial has nowhere else to go")]
pub(crate) fn missing() -> bool {
    let npm = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = npm.is_ok_and(|status| status.success());
    let missing = !there && std::env::var_os("REHYDRA_REQUIRE_CODEX").is_none();
    if missing {
        eprintln!("the trials on real Codex binaries are ignored: there is no npm on PATH");
    }
    missing
}
