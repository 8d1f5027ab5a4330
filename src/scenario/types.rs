//! A scenario as data, after parsing: what the player plays.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::check::Invariant;
use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Fault, Signal, Trigger, Watched, Whom};
use crate::fault::power::Loss;
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

/// A call of [`StepKind::Together`].
#[derive(Clone, Debug, PartialEq)]
pub struct TogetherCall {
    /// Begins a thread rather than continuing one.
    pub start: bool,
    /// The call.
    pub call: Call,
}

/// `codex` or `reply`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The client that calls; [`MAIN_CLIENT`] if the scenario gives none.
    pub client: String,
    /// The scenario's name for the thread; `main` if it gives none.
    pub thread: String,
    /// Which id a reply is sent with.
    pub id: Id,
    /// The prompt, without its marker.
    pub prompt: String,
    /// Directory below the run's, for a start (made if missing).
    pub cwd: Option<String>,
    /// For a start. `read-only`, `workspace-write`, `danger-full-access`.
    pub sandbox: Option<String>,
    /// For a start. `untrusted`, `on-failure`, `on-request`, `never`.
    pub approval: Option<String>,
    /// One answer per request of the turn, in order.
    pub model: Vec<Response>,
    /// What goes wrong during it.
    pub fault: Option<Fault>,
    /// How it must end.
    pub expect: Expect,
    /// Instead of the run's limit.
    pub limit_ms: Option<u64>,
    /// Bytes of filler behind the prompt.
    pub fill: u32,
    /// What is answered where the target asks for an approval.
    pub approve: Approve,
}

/// What is answered where the target asks for an approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approve {
    /// No, at once.
    #[default]
    Deny,
    /// Yes, at once.
    Accept,
    /// Nothing: it stays open.
    Hold,
}

/// Which id a reply is sent with.
#[derive(Clone, Debug, PartialEq)]
pub enum Id {
    /// The newest id that the thread is known by.
    Current,
    /// The id it had first.
    First,
    /// The one before the newest.
    Previous,
    /// This text, byte for byte; `{current}`, `{CURRENT}` (upper case), `{simple}` (without hyphens) stand for forms of
    /// the thread's newest id.
    Literal(String),
}

/// How a call must end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// The outcome.
    pub outcome: Expected,
    /// Regular expression on the answer's text.
    pub text: Option<String>,
}

/// See [`Expect`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// A reply; of a call with a fault that ends the life: an interruption.
    #[default]
    Default,
    /// A reply.
    Reply,
    /// An error answer.
    Error,
    /// Cut off by the step's fault.
    Interrupted,
    /// Anything that ends.
    Any,
}

/// How the old life ends and the next begins. All but the end is of the next life alone: the one after it is as the
/// first one was, unless its restart says so again.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// How the old life ends, if it is still there.
    pub end: Ending,
    /// What is done next where that does not end it.
    pub then: Vec<Rung>,
    /// How the next one is opened.
    pub opening: Opening,
    /// Another server, by the name that `--target` takes, at its shortest.
    pub target: Option<String>,
    /// Another home, by a name of the story's; the same name is the same home.
    pub home: Option<String>,
    /// Another credential for the model, by a name of the story's; the model then takes no other.
    pub credentials: Option<String>,
    /// How often its server tries a model request, and a stream that broke off, again.
    pub retries: u32,
    /// The time zone, in any form that `TZ` has.
    pub tz: Option<String>,
    /// Further variables of its environment.
    pub env: Vec<(String, String)>,
}

impl Restart {
    /// A restart that changes nothing but the life.
    pub fn by(end: Ending) -> Restart {
        let (then, opening, env) = (Vec::new(), Opening::default(), Vec::new());
        Restart { end, then, opening, target: None, home: None, credentials: None, retries: 0, tz: None, env }
    }
}

/// See [`Restart`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// A signal.
    Signal {
        /// Which.
        signal: Signal,
        /// To whom.
        whom: Whom,
    },
    /// Stdin closed.
    Eof,
}

impl From<Ending> for Action {
    fn from(ending: Ending) -> Action {
        match ending {
            Ending::Signal { signal, whom } => Action::Kill { signal, whom },
            Ending::Eof => Action::Eof,
        }
    }
}

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

/// The client that acts where a step names none.
pub const MAIN_CLIENT: &str = "main";

/// Something that a client does besides calling.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientStep {
    /// Which client; each has a server of its own, on the same home.
    pub name: String,
    /// What it does.
    pub act: ClientAct,
}

/// See [`ClientStep`].
#[derive(Clone, Debug, PartialEq)]
pub enum ClientAct {
    /// Begins a life.
    Open(Opening),
    /// Ends its life.
    End {
        /// How.
        end: Ending,
        /// What is done next where that does not end it.
        then: Vec<Rung>,
    },
    /// Writes one line as it stands, whatever it says.
    Send(String),
    /// Writes these bytes as a line, whether or not they are text.
    SendBytes(Vec<u8>),
    /// Takes its last call back, although that has ended.
    CancelLast,
    /// Writes the beginning of a line, closes the target's stdin and waits for the exit.
    SendHalf(String),
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

/// A change to a file of the run's directory. Paths are relative and stay inside; see [`PathPart`](super::PathPart) for
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
