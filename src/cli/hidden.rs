//! The subcommands that the harness starts for itself and nobody types: the launcher that becomes a target, the stand-in
//! that becomes a foreign server's Codex, and the warden that clears up after a killed harness. They come before any parsing, because a target pays for them at each
//! start.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::fault::write;
use crate::proc;
use crate::target::stand_in;

/// Runs a hidden subcommand if the command line is one.
pub(crate) fn main() -> Option<ExitCode> {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (sub, rest) = args.split_first()?;
    match (sub.to_str()?, rest) {
        ("__exec", rest) => {
            let (error, code) = match write::install(rest).map(|rest| proc::exec_launcher(&rest)) {
                Ok(error) => (error.to_string(), error.exit_code()),
                Err(error) => (error.to_string(), error.exit_code()),
            };
            anstream::eprintln!("{error}");
            Some(ExitCode::from(code))
        }
        ("__codex", rest) => {
            anstream::eprintln!("{}", stand_in::become_codex(rest));
            Some(ExitCode::from(127))
        }
        ("__warden", [tag]) => {
            proc::warden(&tag.to_string_lossy());
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}
