//! The Responses API as it goes over the wire: items of a request, events of a stream, server-sent events both ways.
//!
//! Everything here is a pure function of values or bytes: nothing is sent, read or awaited. The stub model builds its
//! streams with it and the embedded engine reads them with it, so that both mean the same by an event.
//!
//! Items stay [`serde_json::Value`]s. A typed item would have to know every field that any Codex release sends, and
//! what it does not know it would lose; the functions of [`item`] look at what is there and never fail. Shapes are those
//! that Codex 0.105.0 to 0.169.0 send and accept.

pub mod context;
pub mod event;
pub mod incoming;
pub mod item;
pub mod pairing;
pub mod sse;
