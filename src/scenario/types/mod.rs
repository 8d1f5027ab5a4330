//! A scenario as data, after parsing: what the player plays.

mod call;
mod disk;
mod life;

use std::collections::BTreeSet;
use std::path::PathBuf;

pub use self::call::*;
pub use self::disk::*;
pub use self::life::*;
use crate::check::Invariant;
use crate::fault::plan::{Fault, Signal, Trigger, Watched, Whom};
use crate::model::script::Response;

/// A story: a conversation, its faults, what it proves.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Path below the suite's root without `.toml`, `/` between parts.
    pub name: String,
    /// The file it was read from; `None` for one inside the binary.
    pub path: Option<PathBuf>,
    /// The text it was read from.
    pub source: String,
    /// One line.
    pub title: String,
    /// Issues and pull requests it is about.
    pub refs: Vec<String>,
    /// At least one.
    pub proves: Vec<Invariant>,
    /// What a target must be able to do.
    pub needs: Vec<Need>,
    /// Answers to model requests that carry no marker, tried in order.
    pub models: Vec<Unprompted>,
    /// At least one.
    pub steps: Vec<Step>,
}

impl Scenario {
    /// What of the lives of this story the injector has to see.
    pub fn watches(&self) -> Watched {
        let at: Vec<&Trigger> = self.faults().map(|fault| &fault.at).collect();
        let needed = self.needs.iter().any(|need| matches!(need, Need::Injector | Need::PowerLoss))
            || self.steps.iter().any(|step| matches!(step.what, StepKind::PowerLoss(_)));
        match () {
            () if at.iter().any(|at| matches!(at, Trigger::Read { .. })) => Watched::Reads,
            () if needed || at.iter().any(|at| at.is_about_files()) => Watched::Writes,
            () => Watched::Nothing,
        }
    }

    /// Whether it takes permissions away, so that they have to bind its lives.
    pub fn takes_permissions(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.what, StepKind::File(FileStep::Chmod { .. })))
    }

    /// The faults of its calls.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let calls = self.steps.iter().flat_map(|step| match &step.what {
            StepKind::Codex(call) | StepKind::Reply(call) => vec![call],
            StepKind::Together(calls) => calls.iter().map(|one| &one.call).collect(),
            _ => Vec::new(),
        });
        calls.filter_map(|call| call.fault.as_ref())
    }

    /// The servers that the story begins lives of besides the one that it is played on, each once.
    pub fn other_targets(&self) -> BTreeSet<&str> {
        fn other(step: &Step) -> Option<&str> {
            match &step.what {
                StepKind::Restart(restart) => restart.target.as_deref(),
                _ => None,
            }
        }
        self.steps.iter().filter_map(other).collect()
    }
}

/// What a scenario needs of a target or a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// Tools that really run.
    Tools,
    /// Approvals.
    Approval,
    /// A real Codex: the story is about its releases.
    Codex,
    /// Compaction.
    Compaction,
    /// The write injector.
    Injector,
    /// The power-loss model.
    PowerLoss,
    /// MCP itself: the story writes frames that only MCP has.
    Mcp,
    /// Prompts of more than 1 MiB (the app-server of 0.130.0 to 0.169.0 refuses them).
    LongPrompts,
}

/// `[[model]]`: the answer to a request whose last user message holds no marker of the story.
#[derive(Clone, Debug, PartialEq)]
pub struct Unprompted {
    /// Regular expression on the text of the last user message.
    pub when: String,
    /// The answer, each time.
    pub response: Response,
}

/// One step and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Line of its `[[step]]`, from 1.
    pub line: u32,
    /// What it does.
    pub what: StepKind,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// Begins a thread.
    Codex(Call),
    /// Continues one.
    Reply(Call),
    /// Several calls, sent in order without waiting; the step ends when all have ended.
    Together(Vec<TogetherCall>),
    /// Ends the life if there is one and begins the next.
    Restart(Restart),
    /// Sends a signal that is meant to end the life, and waits for the exit.
    Kill {
        /// Which.
        signal: Signal,
        /// To whom.
        whom: Whom,
    },
    /// `signal = "STOP"` or `"CONT"`, to the group.
    Pause {
        /// `true` is `STOP`.
        stop: bool,
    },
    /// Closes the target's stdin and waits for the exit.
    Eof,
    /// Stops the machine: ends every life and leaves on disk what such an end leaves.
    PowerLoss(PowerLoss),
    /// Puts a synthetic rollout into the home.
    Rollout(Synthetic),
    /// Puts a recorded rollout into the home.
    Place(Place),
    /// Damages a thread's rollout while no life is running.
    Damage(Damage),
    /// Changes a file of the run's directory.
    File(FileStep),
    /// Something that a client does besides calling.
    Client(ClientStep),
    /// Waits for a frame from the target.
    Wait {
        /// Its name, as in [`crate::fault::plan::Trigger::Frame`].
        frame: String,
        /// At most that long.
        limit_ms: Option<u64>,
    },
}

impl StepKind {
    /// Its key in a scenario file.
    pub fn key(&self) -> &'static str {
        match self {
            StepKind::Codex(_) => "codex",
            StepKind::Reply(_) => "reply",
            StepKind::Together(_) => "together",
            StepKind::Restart(_) => "restart",
            StepKind::Kill { .. } => "kill",
            StepKind::Pause { .. } => "signal",
            StepKind::Eof => "eof",
            StepKind::PowerLoss(_) => "power-loss",
            StepKind::Rollout(_) => "rollout",
            StepKind::Place(_) => "place",
            StepKind::Damage(_) => "damage",
            StepKind::File(_) => "file",
            StepKind::Client(_) => "client",
            StepKind::Wait { .. } => "wait",
        }
    }
}
