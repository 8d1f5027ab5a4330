//! A suite of one's own as tests: a directory of scenarios and its baseline, each scenario on each server a test.
//!
//! In a crate of one's own this file is `tests/restarts.rs`, with `harness = false` under its `[[test]]`, and the server is
//! named by `.command("node server.js")`.

use std::process::ExitCode;

use rehydra::harness::Suite;

fn main() -> ExitCode {
    let suite = Suite::at("examples/scenarios_as_tests/restarts");
    rehydra::testing::main(suite.target("builtin").target("builtin:no-rehydrate"))
}
