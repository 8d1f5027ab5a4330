//! MCP over stdio: a thin adapter between rmcp and the engine.
//!
//! rmcp has the protocol's types and runs one task a request; what it does differently from Codex's server is settled
//! around it, each in one small file:
//!
//! * `lines` cuts the input into lines of bounded length, blank lines and carriage returns as Codex takes them.
//! * `gate` decides about a line before rmcp sees it. Codex has no gate before `initialize`, ignores what is no
//!   request, and answers every method that it does not serve with -32601; rmcp ends the process at a notification that
//!   comes too early and answers `server/discover` by itself, after which clients speak a protocol in which no request
//!   goes from server to client.
//! * `transport` ties both to a writer, and hides the end of the input from rmcp until every call in flight is
//!   answered: rmcp would wait five seconds and no more, Codex waits for the turn.
//! * `order` lets the calls of one thread begin in the order in which they were sent; rmcp begins them in any.
//! * `handler` answers the four methods that remain; `result` makes tool results of outcomes; `server` puts all of
//!   it together.
//!
//! A cancelled call is answered by nothing, as the protocol wants. Signals are left to the kernel's default action, so
//! that SIGINT and SIGTERM end the process at once whatever is in flight, and with the exit status that Codex has;
//! everything that was acknowledged is on disk by then.

mod gate;
mod handler;
mod lines;
mod order;
mod result;
mod server;
#[cfg(test)]
mod tests;
mod transport;

pub use server::{ServeError, serve};
