//! How lives end and begin, and what clients do besides calling.

use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Signal, Whom};

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
