//! The program; see [`rehydra::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    rehydra::cli::main()
}
