//! Gates: exact points of an exchange at which the stub waits until whoever holds the gate lets it go on.

use std::future::Future;
use std::pin::Pin;

use crate::journal::CallId;

/// Before the bytes are written, or after the kernel took them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Not written.
    Before,
    /// The kernel took them.
    After,
}

/// A point of the exchange that belongs to `call`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The turn's `n`-th request is whole at the stub and nothing is answered. From 1.
    Request {
        /// Which.
        n: u32,
    },
    /// The turn's `n`-th text chunk, counted over all its requests. From 1.
    Chunk {
        /// Which.
        n: u32,
        /// Which side of it.
        edge: Edge,
    },
    /// All items of the turn's last scripted response are done, `response.completed` is not sent.
    End,
}

/// Holds the stub at its points.
pub trait Gate: Send + Sync {
    /// Called at every point; the stub goes on when the future is ready.
    fn reach(&self, call: CallId, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A gate that is always open.
#[derive(Clone, Copy, Debug)]
pub struct Open;

impl Gate for Open {
    fn reach(&self, _: CallId, _: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}
