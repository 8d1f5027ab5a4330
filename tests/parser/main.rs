//! `rehydra parser` from outside: a right parser passes, and each wrong one is found out in its own way.
//!
//! This binary is its own cast. With `REHYDRA_CAST` in its environment it is the parser under test, right but for the one
//! thing that the variable names; called by cargo it runs the trials.

#![allow(clippy::expect_used, clippy::print_stdout)] // all of this is test code

mod cast;
#[path = "../../examples/parsers/ours.rs"]
mod ours;
mod trials;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    match std::env::var("REHYDRA_CAST") {
        Ok(role) => cast::play(&role),
        Err(_) => libtest_mimic::run(&Arguments::from_args(), trials::trials()).exit_code(),
    }
}
