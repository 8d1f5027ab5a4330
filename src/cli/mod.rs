//! The command line.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Runs the program.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match args.split_first() {
        Some((sub, rest)) if sub == "__exec" => {
            let error = crate::proc::exec_launcher(rest);
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.exit_code())
        }
        Some((sub, [tag])) if sub == "__warden" => {
            crate::proc::warden(&tag.to_string_lossy());
            ExitCode::SUCCESS
        }
        _ => ExitCode::from(2),
    }
}
