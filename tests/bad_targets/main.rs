//! Bad targets, as a user of `rehydra run --target-command` meets them: each ends within its limit, with a verdict or an
//! error that says what to do, with its last words, with the documented exit code, and in bounded memory.
//!
//! This binary is its own cast: called as `part NAME` it is the server under test.

#![allow(clippy::expect_used, clippy::print_stderr)] // all of this is test code

mod cast;
mod mess;
#[path = "../stage/npm.rs"]
mod npm;
mod opening;
mod stage;
mod talking;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["part", part] => cast::play(part),
        _ => {
            let trials = [opening::trials(), talking::trials(), mess::trials()].into_iter().flatten().collect();
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}
