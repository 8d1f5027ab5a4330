//! The connection under hyper, which counts and records what the kernel took.
//!
//! hyper buffers: a body that hands over a chunk knows nothing of when it leaves the process. This IO sits below that
//! buffer. It counts each byte that a `write` to the socket accepted, appends the same bytes to the journal, and notes
//! each `flush`, which hyper makes only once its buffer is empty. A chunk is with the kernel when a flush has come since
//! it was handed over and at least its own length has been written in between; both are demanded.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::journal::{Direction, Journal, Kind, Lane, ModelBytes, Seq};

/// What the two ends of one connection share: the IO that hyper writes to, and the body that hyper reads from.
pub(super) struct Wire {
    connection: u32,
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    written: u64,
    flushes: u64,
    waiting: Option<Waker>,
    reset: bool,
    plain: bool,
}

/// A moment on the wire, and how much was handed over after it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    written: u64,
    flushes: u64,
    len: u64,
}

impl Wire {
    pub(super) fn new(connection: u32, journal: Journal) -> Wire {
        Wire { connection, journal, state: Mutex::default() }
    }

    /// Records bytes of this connection.
    pub(super) fn record(&self, direction: Direction, bytes: &[u8]) -> Seq {
        let bytes = self.journal.body(bytes);
        let event = ModelBytes { connection: self.connection, direction, bytes };
        self.journal.append(Lane::Model, Kind::ModelBytes(event))
    }

    /// The moment at which a body hands over a chunk of `len` bytes.
    pub(super) fn mark(&self, len: usize) -> Mark {
        let state = self.lock();
        let len = if state.plain { len as u64 } else { framed(len) };
        Mark { written: state.written, flushes: state.flushes, len }
    }

    /// Ready when the kernel took all that was handed over up to and with the chunk of that mark. Only the task that
    /// drives the connection may wait, and it waits for one mark at a time.
    pub(super) async fn taken(&self, mark: Mark) {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if state.flushes > mark.flushes && state.written >= mark.written + mark.len {
                return Poll::Ready(());
            }
            state.waiting = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// The body goes out as it is, without the framing of the chunked encoding, which HTTP/1.0 does not have.
    pub(super) fn ask_plain(&self) {
        self.lock().plain = true;
    }

    /// Has the connection end by a reset instead of an orderly close.
    pub(super) fn ask_reset(&self) {
        self.lock().reset = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Length of a chunk of the chunked transfer encoding: its size in hex, two line ends, its bytes.
fn framed(len: usize) -> u64 {
    let digits = (usize::BITS - len.leading_zeros()).div_ceil(4).max(1) as u64;
    len as u64 + digits + 4
}

/// The socket, counted.
pub(super) struct CountingIo {
    io: TokioIo<TcpStream>,
    wire: Arc<Wire>,
}

impl CountingIo {
    pub(super) fn new(stream: TcpStream, wire: Arc<Wire>) -> CountingIo {
        CountingIo { io: TokioIo::new(stream), wire }
    }

    /// Closes the connection: by a reset if one was asked for, else in order.
    pub(super) fn close(self) {
        if self.wire.lock().reset {
            // Without it the close is an orderly one, and the client sees the end of the stream instead of a reset.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

impl Read for CountingIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for CountingIo {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        if let Some(bytes) = bytes.get(..taken).filter(|bytes| !bytes.is_empty()) {
            self.wire.record(Direction::Out, bytes);
            self.wire.lock().written += taken as u64;
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        let waiting = {
            let mut state = self.wire.lock();
            state.flushes += 1;
            state.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::framed;

    #[test]
    fn a_chunk_is_counted_with_its_framing() {
        for len in [1usize, 15, 16, 255, 256, 65_535, 65_536] {
            assert_eq!(framed(len), format!("{len:X}\r\n\r\n").len() as u64 + len as u64, "{len}");
        }
    }
}
