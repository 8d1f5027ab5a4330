//! What a story does to files between two lives.

use crate::fault::power::Loss;

/// What a power loss takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLoss {
    /// Of the session files.
    pub loss: Loss,
    /// Of the sqlite files.
    pub sqlite: Sqlite,
}

/// What becomes of a home's sqlite files, which nobody has to keep: they are made anew from the rollouts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sqlite {
    /// They stay as they are.
    #[default]
    Kept,
    /// They are gone.
    Deleted,
    /// They are as they were when the last life began.
    Older,
    /// They are no databases.
    Garbage,
}

/// A generated rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// The scenario's name for it.
    pub thread: String,
    /// What is generated.
    pub spec: crate::rollout::generate::Spec,
    /// Directory below the run's that is its cwd.
    pub cwd: Option<String>,
}

/// A recorded rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The scenario's name for it.
    pub thread: String,
    /// Name of a fixture in the binary, or a path beside the scenario file (with a manifest beside it).
    pub file: String,
    /// Directory below the run's that `{cwd}` in it stands for.
    pub cwd: Option<String>,
}

/// Damage to a thread's rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// Whose newest rollout.
    pub thread: String,
    /// How.
    pub mutator: crate::rollout::mutate::Mutator,
    /// Draws the record that is damaged, among those that fit; a torn tail has one place only.
    pub seed: u64,
}

/// A change to a file of the run's directory. Paths are relative and stay inside; see [`PathPart`](crate::scenario::PathPart) for
/// what may stand in them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FileStep {
    /// Removes a file or a whole directory.
    Remove {
        /// Below the run's directory.
        path: String,
    },
    /// Writes a file.
    Write {
        /// Below the run's directory.
        path: String,
        /// Its content.
        text: String,
    },
    /// Makes a directory.
    Mkdir {
        /// Below the run's directory.
        path: String,
    },
    /// Moves a file or a directory, and makes the directories that it then lies in.
    Move {
        /// Where it lies.
        from: String,
        /// Where it then lies, under a name that nobody has.
        to: String,
    },
    /// Copies a file or a directory.
    Copy {
        /// What is copied.
        from: String,
        /// Where the copy lies, under a name that nobody has.
        to: String,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where it lies.
        path: String,
        /// Where it leads to.
        to: String,
    },
    /// Sets the permissions.
    Chmod {
        /// Below the run's directory.
        path: String,
        /// As `chmod` takes them.
        mode: u32,
    },
    /// Sets the times of the last change and the last access.
    Touch {
        /// Below the run's directory.
        path: String,
        /// How long ago, in seconds.
        age_s: u64,
    },
    /// Holds a file (made if missing) as another process would that has its lock (`flock`), until it is let go or the story
    /// ends.
    Lock {
        /// Below the run's directory.
        path: String,
    },
    /// Lets go of every file that is held so.
    Unlock,
    /// Changes the sqlite files of all homes.
    Sqlite(Sqlite),
}

impl FileStep {
    /// Its key in a scenario file.
    pub fn name(&self) -> &'static str {
        match self {
            FileStep::Remove { .. } => "remove",
            FileStep::Write { .. } => "write",
            FileStep::Mkdir { .. } => "mkdir",
            FileStep::Move { .. } => "move",
            FileStep::Copy { .. } => "copy",
            FileStep::Symlink { .. } => "symlink",
            FileStep::Chmod { .. } => "chmod",
            FileStep::Touch { .. } => "touch",
            FileStep::Lock { .. } => "lock",
            FileStep::Unlock => "unlock",
            FileStep::Sqlite(_) => "sqlite",
        }
    }

    /// Every path that it names.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            FileStep::Remove { path }
            | FileStep::Write { path, .. }
            | FileStep::Mkdir { path }
            | FileStep::Chmod { path, .. }
            | FileStep::Lock { path }
            | FileStep::Touch { path, .. } => vec![path],
            FileStep::Move { from, to } | FileStep::Copy { from, to } | FileStep::Symlink { path: from, to } => {
                vec![from, to]
            }
            FileStep::Unlock | FileStep::Sqlite(_) => Vec::new(),
        }
    }
}
