//! What a subcommand says: results on stdout, diagnostics on stderr, and why it stops.

use std::io::{ErrorKind, IsTerminal, Write};

use super::Exit;

/// Why a subcommand stops: a text for the user, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    /// The whole text, its heading included.
    pub text: String,
}

impl Failure {
    /// The command line or an input is wrong.
    pub(super) fn usage(text: impl ToString) -> Failure {
        Failure { exit: Exit::Usage, text: format!("error: {}", text.to_string()) }
    }

    /// An input is wrong; `text` is a rendered diagnostic, which has a heading of its own.
    pub(super) fn diagnosed(text: String) -> Failure {
        Failure { exit: Exit::Usage, text }
    }

    /// The harness cannot work here.
    pub(super) fn broken(text: impl ToString) -> Failure {
        Failure { exit: Exit::Broken, text: format!("error: {}", text.to_string()) }
    }
}

/// How a subcommand ends.
pub(super) type Outcome = Result<Exit, Failure>;

/// Writes a result to stdout, in colours where somebody sees them. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::broken(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a diagnostic to stderr. Nobody can be told if that fails.
pub(super) fn complain(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Whether diagnostics are read in a terminal.
pub(super) fn styled() -> bool {
    std::io::stderr().is_terminal()
}
