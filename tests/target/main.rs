//! Live targets from outside: a process that answers, one that misbehaves, one that outstays its welcome.
//!
//! This binary is its own cast. Called as `fake-server MODE` or `fake-app-server [MODE]` it is the server under test,
//! called as `harness` it is a harness that gets killed; called by cargo it runs the trials.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)] // all of this is test code

mod app_server;
mod clients;
mod deaths;
mod fake;
mod fake_app;
mod odd_app;
mod opening;
mod orphans;
mod rig;
mod talking;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["fake-app-server", mode @ ..] => fake_app::serve(mode.first().copied()),
        ["fake-server", mode] => fake::serve(mode),
        ["harness", rest @ ..] => orphans::harness(rest),
        _ => {
            let mut trials: Vec<Trial> = Vec::new();
            trials.extend(talking::trials());
            trials.extend(opening::trials());
            trials.extend(deaths::trials());
            trials.extend(clients::trials());
            trials.extend(app_server::trials());
            trials.extend(odd_app::trials());
            trials.extend(orphans::trials());
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}
