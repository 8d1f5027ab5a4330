//! Every bug: its name on a command line, and what it does.

use std::fmt;
use std::str::FromStr;

macro_rules! bugs {
    ($($variant:ident $name:literal $does:literal)*) => {
        /// A defect that the embedded engine can be given.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug { $(#[doc = $does] $variant,)* }

        impl Bug {
            /// Every bug.
            pub const ALL: &'static [Bug] = &[$(Bug::$variant,)*];

            /// Its name on a command line.
            pub fn name(self) -> &'static str {
                match self { $(Bug::$variant => $name,)* }
            }
        }
    };
}

bugs! {
    LastTurnDropped "last-turn-dropped" "A rehydrated history lacks its last turn."
    FirstTurnDropped "first-turn-dropped" "A rehydrated history lacks its first turn."
    TurnRepeated "turn-repeated" "A rehydrated history has its last turn twice."
    ProcessCwd "process-cwd" "A rehydrated thread goes on in the process's cwd."
    OldIdReturned "old-id-returned" "The answer names the id that was asked for instead of the continuation's."
    DeadIdReturned "dead-id-returned" "The answer names an id that no thread has."
    NewestFile "newest-file" "The newest rollout is brought back, whichever was asked for."
    SourceTruncated "source-truncated" "Rehydrating cuts the source in half."
    FreshThreadForUnknownId "fresh-thread-for-unknown-id" "A reply to an unknown id begins a thread."
    SilentBlankHistory "silent-blank-history" "A rehydrated history is empty, and nothing is said."
    AnswersBeforeWriting "answers-before-writing" "What a turn made is written when the next one begins."
    StaleIdForksSilently "stale-id-forks-silently" "An old id is brought back anew from its own rollout, each time."
    WiderSandbox "wider-sandbox" "A rehydrated thread has no sandbox and needs no approval."
    LeaksOtherThread "leaks-other-thread" "A rehydrated history holds an item of another thread."
    EnvironmentCredential "environment-credential" "A rehydrated thread runs with a credential that is not the server's."
    OrphanChildProcess "orphan-child-process" "A process is left behind at the end of each life."
    TurnsSwapped "turns-swapped" "A rehydrated history has its last turn before the others."
    TextCut "text-cut" "The texts of a rehydrated history lack their first words."
    RolesLost "roles-lost" "A rehydrated history is told by the developer, prompts and replies alike."
    ToolOutputsDropped "tool-outputs-dropped" "A rehydrated history lacks what its tools answered."
    InterruptionClaimed "interruption-claimed" "A rehydrated history claims that the user interrupted it on purpose."
    ApprovalWidened "approval-widened" "A rehydrated thread needs no approval, and keeps its sandbox."
    NotesKeptBack "notes-kept-back" "What a rehydration has lost is told to nobody."
    OtherFileTruncated "other-file-truncated" "Rehydrating cuts the rollout of another thread in half."
    AliasLost "alias-lost" "The alias of a continuation is gone as soon as it is written."
    CannedReply "canned-reply" "A rehydrated reply has words that the model did not say."
    NoiseOnStdout "noise-on-stdout" "Rehydrating prints a line that is no frame."
    UnfinishedTurnAnswered "unfinished-turn-answered" "A turn that was cut off is given the answer of the turn before it."
    ReasoningDropped "reasoning-dropped" "A rehydrated history lacks the model's reasoning."
    HistoryCapped "history-capped" "A rehydrated history is the last hundred items of what it should be."
    LongTextsCut "long-texts-cut" "The texts of a rehydrated history end after 1 MiB."
    AsciiOnly "ascii-only" "The texts of a rehydrated history have lost whatever is not ASCII."
    OutputsFirst "outputs-first" "A rehydrated history has the outputs of tools before their calls."
    SandboxNarrowedSilently "sandbox-narrowed-silently" "A rehydrated thread may only read, and nobody is told."
    ContinuationCut "continuation-cut" "The file of a continuation holds half of its history and no later turn."
    CopiesOfCopies "copies-of-copies" "Each rehydration copies all that earlier ones have written."
    TodaysDirectoryOnly "todays-directory-only" "A rollout is looked for in the directory of the local day, and nowhere else."
    CredentialRemembered "credential-remembered" "The credential of the first life is kept on disk and used in every later one."
    ExitsOnModelError "exits-on-model-error" "The server ends when the model fails a turn."
    NotesOnEveryReply "notes-on-every-reply" "Every reply says that it was rehydrated, whether or not it was."
    ReadsOnEveryReply "reads-on-every-reply" "Every reply reads the rollout of its thread, whether or not that is in memory."
    IdCutToAUuid "id-cut-to-a-uuid" "An id is whatever UUID a text begins with."
    BranchUntold "branch-untold" "A branch from a thread that another process has loaded is told to nobody."
    BranchAliased "branch-aliased" "Such a branch gets an alias, as if it were the continuation."
    CancelIgnored "cancel-ignored" "A turn goes on that the client took back."
    RolloutsUnsynced "rollouts-unsynced" "Rollouts are never synced."
    AliasesUnsynced "aliases-unsynced" "The file of aliases is never synced."
    DirectoriesUnsynced "directories-unsynced" "Directories are never synced, so that no name outlives a power loss."
    CallsHome "calls-home" "Each life asks another host for something as it begins."
}

/// No bug has that name.
#[derive(Debug, thiserror::Error)]
#[error("no planted bug is called `{0}`; the names are those of `Bug::ALL`")]
pub struct UnknownBug(String);

impl FromStr for Bug {
    type Err = UnknownBug;
    fn from_str(name: &str) -> Result<Bug, UnknownBug> {
        Bug::ALL.iter().copied().find(|bug| bug.name() == name).ok_or_else(|| UnknownBug(name.to_owned()))
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        for bug in Bug::ALL {
            assert_eq!(bug.name().parse::<Bug>().unwrap(), *bug);
        }
        assert!("no-such-bug".parse::<Bug>().is_err());
    }
}
