//! Foreign servers: `rehydra init` gets to know them, and the suite tells the healthy from the broken.
//!
//! This binary is its own cast. Called as `foreign-server MODE` it is a server, called as `foreign-engine` the child of
//! one, and as `odd-server MODE` a server that cannot be described; called by cargo it runs the trials.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr)] // all of this is test code

mod model;
#[path = "../stage/npm.rs"]
mod npm;
mod odd;
mod rig;
mod server;
mod shape;
mod store;
mod surveys;
mod troubles;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["foreign-server", mode] => server::serve(mode),
        ["foreign-engine"] => model::engine(),
        ["odd-server", mode] => odd::serve(mode),
        _ => {
            let mut trials = surveys::trials(npm::missing());
            trials.extend(troubles::trials());
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}
