//! The player: follows a scenario step by step on one target and leaves a run.
//!
//! It plants a marker in every prompt and every scripted reply, tells the stub what to answer, arms the step's fault,
//! sends the call and waits until it has ended. It judges nothing: all it does is append to the journal, and everything
//! that anybody wants to know afterwards is read from there.
//!
//! The story goes on when a call fails, and when the server ends by itself: what is asked of it then ends as closed, and
//! a reply to a thread that it never named is left out. Only when the harness itself cannot go on (a target that does
//! not open, a file that cannot be written) does the player stop, with a `Broken` event that makes the verdict an error.

mod book;
mod calls;
mod clients;
mod decoy;
mod disk;
mod files;
mod homes;
mod live;
mod markers;
mod power;
mod sqlite;
mod story;
mod survey;

pub use live::{Live, LiveError, Plan, play, play_after};
pub use story::Story;
