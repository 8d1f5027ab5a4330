//! Scenarios as tests of a user's own test binary, and test binaries that need no `rehydra` beside them.
//!
//! With the feature `libtest` a file of the user's becomes a suite in which every scenario on every target is a test. Put
//! this into `tests/restarts.rs`, with `harness = false` under `[[test]]` in `Cargo.toml`:
//!
//! ```no_run
//! # #[cfg(feature = "libtest")]
//! fn main() -> std::process::ExitCode {
//!     rehydra::testing::main(rehydra::harness::Suite::at("tests/restarts").command("node server.js"))
//! }
//! # #[cfg(not(feature = "libtest"))]
//! # fn main() {}
//! ```
//!
//! `cargo test` and `cargo nextest` list, filter, shard and time them like any other tests. A test fails with what
//! `rehydra run` would print.
//!
//! # The binary that starts processes
//!
//! The harness starts every process through a `rehydra` binary, which asks the kernel that the process may not outlive
//! it. A binary whose `main` begins with [`host`], as that of `testing::main` does, is one: the harness calls the test binary
//! itself, and nothing needs to be installed. The tests of a `#[test]` file have no `main` to say so; there the harness
//! needs `rehydra` on PATH, `REHYDRA_BIN`, or [`Builder::rehydra_bin`](crate::harness::Builder::rehydra_bin).

use std::process::ExitCode;

use crate::{cli, proc};

/// To be the first thing in a `main`: if this process was started as `rehydra`, does what `rehydra` would do and returns
/// its exit code, which `main` is to return. Otherwise the program is taken for a `rehydra` binary from now on, unless
/// `REHYDRA_BIN` or `CARGO_BIN_EXE_rehydra` names another.
///
/// ```standalone_crate
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     if let Some(code) = rehydra::testing::host() {
///         return code;
///     }
///     // … whatever the program is there for …
/// #   ExitCode::SUCCESS
/// }
/// ```
pub fn host() -> Option<ExitCode> {
    if let Some(code) = cli::hidden_main() {
        return Some(code);
    }
    let mut args = std::env::args_os().skip(1);
    // As the targets that are our own server are called; no test runner is called so.
    if args.next().is_some_and(|arg| arg == "serve") && args.next().is_some_and(|arg| arg == "--engine") {
        return Some(cli::main());
    }
    proc::answer_for_rehydra();
    None
}

/// The `main` of a test binary: every scenario of the suite on every target is a test, named after the scenario
/// (`idle/kill-9`), and where there are several targets after both (`idle/kill-9@codex@0.153.4`). Beside them stands
/// `baseline`, which fails if the baseline is about something that does not exist.
///
/// A case is a passed test if it is a pass, a known gap or unsupported, as for the exit code of `rehydra run`. What a
/// target is known not to support is ignored. A suite that cannot be read fails every test, and lists one.
#[cfg(feature = "libtest")]
pub fn main(suite: crate::harness::Suite) -> ExitCode {
    use libtest_mimic::Arguments;

    if let Some(code) = host() {
        return code;
    }
    let arguments = Arguments::from_args();
    trials::run(&arguments, suite)
}

#[cfg(feature = "libtest")]
mod trials {
    use std::process::ExitCode;
    use std::sync::Arc;

    use libtest_mimic::{Arguments, Failed, Trial};

    use crate::harness::{Loaded, Pair, Suite};

    pub(super) fn run(arguments: &Arguments, suite: Suite) -> ExitCode {
        let loaded = match suite.load() {
            Ok(loaded) => Arc::new(loaded),
            Err(error) => {
                // A filter that names another test must not make this a success.
                let arguments = Arguments { filter: None, skip: Vec::new(), exact: false, ..arguments.clone() };
                let unread = Trial::test("suite", move || Err(Failed::from(error)));
                return libtest_mimic::run(&arguments, vec![unread]).exit_code();
            }
        };
        let pairs = loaded.pairs();
        let several = pairs.iter().any(|pair| Some(&pair.target) != pairs.first().map(|first| &first.target));
        let mut trials: Vec<Trial> = pairs.into_iter().map(|pair| trial(&loaded, pair, several)).collect();
        trials.push(baseline(&loaded));
        let conclusion = libtest_mimic::run(arguments, trials);
        loaded.tidy();
        conclusion.exit_code()
    }

    fn trial(loaded: &Arc<Loaded>, pair: Pair, several: bool) -> Trial {
        let name = if several { format!("{}@{}", pair.scenario, pair.target) } else { pair.scenario.clone() };
        let (loaded, ignored) = (Arc::clone(loaded), pair.lacking.is_some());
        let play = move || {
            let case = loaded.play(&pair)?;
            if case.is_fine() { Ok(()) } else { Err(Failed::from(case.explanation())) }
        };
        Trial::test(name, play).with_ignored_flag(ignored)
    }

    fn baseline(loaded: &Arc<Loaded>) -> Trial {
        let stale = loaded.stale();
        Trial::test("baseline", move || if stale.is_empty() { Ok(()) } else { Err(Failed::from(stale.join("\n"))) })
    }
}
