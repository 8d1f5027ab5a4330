//! The suite inside the library, each scenario on our own server a test.

use std::process::ExitCode;

use rehydra::harness::Suite;

fn main() -> ExitCode {
    rehydra::testing::main(Suite::builtin().target("builtin"))
}
