//! What a survey has found out: a profile, and what no profile has a place for.

use crate::journal::Identity;
use crate::scenario::Profile;

/// A server, described.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// How to test it.
    pub profile: Profile,
    /// What else was seen.
    pub found: Found,
}

/// What was seen of a server besides its profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The tools that it lists.
    pub tools: Vec<String>,
    /// The id of the trial conversation.
    pub id: String,
    /// What an unknown id gets.
    pub unknown: Unknown,
    /// What came of a restart.
    pub restart: Restart,
    /// How it told that something was lost.
    pub noted: Noted,
    /// How many processes outlived the server when it was killed.
    pub left: usize,
    /// Files that it wrote, with the placeholders of a profile for the directories.
    pub files: Vec<String>,
    /// Requests to the model without any prompt of ours.
    pub strays: usize,
    /// Hosts outside of this machine that it asked for, in vain.
    pub hosts: Vec<String>,
    /// The version of the Codex that it started, if it started one by that name.
    pub codex: Option<String>,
    /// The model is told the directory that the conversation was begun with.
    pub tells_cwd: bool,
}

/// What a reply with an unknown id gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// An error.
    Refused {
        /// One of them.
        text: String,
        /// What all of them match, if they have enough in common.
        pattern: Option<String>,
    },
    /// An answer, as if the conversation were there.
    Answered,
    /// An answer in the conversation that was there already: the id does not matter to it.
    Ignored,
    /// Nothing.
    Silent,
}

/// What a reply with a known id gets after the server was killed and started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// An answer, and the model had everything that was said before.
    Whole(Identity),
    /// An answer, and the model had some of it.
    Part,
    /// An answer, and the model had nothing.
    Blank,
    /// An error.
    Refused(String),
    /// Nothing.
    Silent,
    /// The server could not be started again.
    NotOpened(String),
}

/// What a server says when the directory of a conversation was taken away while it was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noted {
    /// An answer, and this beside it.
    Told {
        /// What it said.
        text: String,
        /// A pattern for notes like it; none where a run knows them anyway.
        pattern: Option<String>,
    },
    /// An answer without a word about it.
    Untold,
    /// An error.
    Refused(String),
    /// It was not asked, because no conversation comes back to it or no directory goes to it, or it did not answer.
    Unknown,
}
