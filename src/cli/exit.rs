//! Exit codes: part of the public interface, the same for every subcommand that judges.

use std::process::ExitCode;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// 0: every verdict is a pass, a known gap or unsupported.
    Fine,
    /// 1: at least one scenario failed, or the baseline is stale; `rehydra doctor`: something is missing that every run
    /// needs; `rehydra init`: the server cannot be described; `rehydra repair`: the copy is written and something of
    /// the thread is lost; `rehydra inspect`: something that was written is lost.
    Failed,
    /// 2: the command line, a scenario or another input file is wrong. Nothing was played or written.
    Usage,
    /// 3: the harness itself failed, or there was nothing to judge.
    Broken,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Broken => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
