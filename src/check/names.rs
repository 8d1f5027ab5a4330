//! The names of the promises, in the order in which every table shows them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::journal::Level;

macro_rules! invariants {
    ($($variant:ident $name:literal $level:ident $promise:literal)*) => {
        /// A named promise that a check tests.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Invariant { $(#[doc = $promise] #[serde(rename = $name)] $variant,)* }

        impl Invariant {
            /// All of them, in the order of every table.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$variant,)*];

            /// The name in scenario files and reports.
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$variant => $name,)* }
            }

            /// The promise in one sentence.
            pub fn promise(self) -> &'static str {
                match self { $(Invariant::$variant => $promise,)* }
            }

            /// Who makes it.
            pub fn level(self) -> Level {
                match self { $(Invariant::$variant => Level::$level,)* }
            }
        }
    };
}

invariants! {
    Rehydrates "rehydrates" Core "A reply with the id of a thread that has an acknowledged or placed complete turn is answered by the model in a new incarnation, not by an error."
    Durable "durable" Core "Everything in the expected history is in what the model receives after the restart."
    Ordered "ordered" Core "The history is in the order in which it happened."
    Once "once" Core "Each part of the history is there exactly once."
    NothingInvented "nothing-invented" Core "Nothing is in the history that never happened."
    Isolated "isolated" Core "Nothing of another thread is in the history."
    Paired "paired" Core "Each tool call has exactly one output and each output its call."
    Cwd "cwd" Core "The thread's cwd is what the model is told; it is never replaced silently."
    Honest "honest" Core "When something was lost, cut, narrowed or cannot be read, the answer says so."
    NoWider "no-wider" Core "The continuation has no wider sandbox or approval policy than the thread had, nor than a configured ceiling."
    SameAuth "same-auth" Core "The continuation runs with the server's own current credentials; none is read from or written to a rollout."
    Responsive "responsive" Core "Every call ends, by answer or error, within its limit, and a call that follows a model fault works."
    NoOrphans "no-orphans" Core "No process of a life is still there 2 s after that life's end."
    Effects "effects" Core "What a tool did happened as often as the scenario says, across deaths and retries."
    SourceKept "source-kept" Core "What the source rollout held at death is a byte-for-byte prefix of what it holds now; no other session file is lost, shortened or rewritten."
    Lean "lean" Core "A restart and one turn add at most the turn, a constant, and one normalised copy of the live history."
    NewThreadId "new-thread-id" CodexCompatible "The reply names a new threadId that works for the next reply and after the next restart."
    StaleId "stale-id" CodexCompatible "A client that goes on using the old id continues the newest continuation."
    UnknownId "unknown-id" CodexCompatible "An id with no rollout gets the original result, deep-equal, and nothing is created."
    Additive "additive" CodexCompatible "Without a restart, rehydration on or off makes no difference."
    Protocol "protocol" Core "Every frame is valid, results match the advertised output schema, one answer per request, nothing else on stdout."
    Reached "reached" Core "The fault that the scenario is about really fired."
    ShownIsSent "shown-is-sent" Core "The turns that thread/read shows are what the model got."
    Hermetic "hermetic" Core "Nothing in the run asks for another host than the stub model."
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Invariant {
    type Err = ();
    fn from_str(name: &str) -> Result<Invariant, ()> {
        Invariant::ALL.iter().copied().find(|i| i.name() == name).ok_or(())
    }
}
