//! The stub model: a Responses API server on a loopback port of its own, for one run.
//!
//! A scenario says what the model answers, as [`script::Response`]s; [`Stub::expect`] ties them to a call by the marker
//! in its prompt. A request is recognised by the newest registered marker in its last message of the user, so that
//! whatever history a server sends, and in whatever form, the turn is found; the *n*-th request of a turn gets the
//! *n*-th response.
//!
//! What it guarantees:
//!
//! * **Everything is recorded.** The exact bytes that the kernel took, the requests as they came (credentials replaced),
//!   and above them one `ModelRequest` each, in the order in which the requests were whole.
//! * **Points are exact.** At each [`gate::Point`] the exchange waits for the [`gate::Gate`]. *Before* a chunk means
//!   that all that precedes it is with the kernel and nothing of the chunk is; *after* means that the kernel took all of
//!   it, its framing included, for the connection under hyper counts. Other exchanges go on meanwhile.
//! * **Nothing hangs by accident.** What no script expects, what is unpaired, unauthorised or malformed is refused at
//!   once, with the reason in the body and in the journal. Only a scripted stall stays silent, and it ends with the
//!   client's connection or with the stub.
//!
//! It serves one exchange a connection, so that a connection's number in the journal names an exchange and no fault of
//! one touches another. It never retries, never invents an answer, and answers nothing but streams.

mod body;
mod counting;
mod exchange;
pub mod gate;
mod plan;
mod receive;
mod refuse;
pub mod script;
mod server;
mod shell;
mod summary;
mod turns;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use server::Stub;
pub use turns::BadPattern;
