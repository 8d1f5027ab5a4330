//! JSON-RPC over pipes, one line a message, with every byte accounted for.
//!
//! A typed client reorders notifications and drops what it does not know, so it cannot be the witness of what a server
//! said. Here a line is bytes first: a [`Tap`] sees it before anything parses it, and what it answers (a *mark*) stays
//! with the line, so that whatever is read from it can name its source. Parsing ([`Message::parse`]) comes after and is
//! the caller's choice.
//!
//! * **In**: [`LineReader`] yields whole lines, the partial last one of a writer that died, and both ends of a line
//!   that is too long. Memory is bounded by one line's limit; a stream's total has a limit too.
//! * **Out**: [`Outbox`] writes whole lines in the order in which they were handed over, never half of one because a caller
//!   gave up waiting, and closes the pipe at once when told to.
//!
//! Nothing here retries, answers or interprets.

mod lines;
mod message;
mod outbox;
mod tap;

pub use lines::{Caps, LINE_COST_BYTES, Line, LineReader, Long, ReadError};
pub use message::{Message, NotJsonRpc, notification, request, response, response_error};
pub use outbox::{Outbox, Written};
pub use tap::{Mark, Tap};
