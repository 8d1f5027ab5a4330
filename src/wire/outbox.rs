//! Writing lines to a stranger that may not read them.
//!
//! A task writes what is handed over, in order and whole: a caller that stops waiting leaves its line in the queue, and a
//! stopped process finds it there when it goes on. Closing is immediate and does not wait for the queue: what has not
//! reached the pipe by then never will.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Mark, Tap};

/// Most lines that wait for the pipe.
const QUEUE_LINES: usize = 1024;

/// Ready once the kernel took a line's bytes; an error if the pipe was closed, or the queue full, before.
pub type Written = oneshot::Receiver<()>;

struct Item {
    /// With its newline, if it has one.
    bytes: Vec<u8>,
    then: Box<dyn FnOnce() + Send>,
    written: oneshot::Sender<()>,
}

/// The writing end of a wire.
pub struct Outbox<W> {
    tap: Arc<dyn Tap>,
    queue: Mutex<mpsc::Sender<Item>>,
    pipe: Arc<Pipe<W>>,
}

impl<W: AsyncWrite + Unpin + Send + 'static> Outbox<W> {
    /// Starts the task that writes to `output`.
    pub fn start(output: W, tap: Arc<dyn Tap>) -> Outbox<W> {
        let (queue, items) = mpsc::channel(QUEUE_LINES);
        let pipe = Arc::new(Pipe { output: AsyncMutex::new(Some(output)), closing: CancellationToken::new() });
        tokio::spawn(write_all(items, Arc::clone(&pipe)));
        Outbox { tap, queue: Mutex::new(queue), pipe }
    }

    /// Hands over one line (without its newline). The tap sees it now; `prepare` gets the tap's mark before the line can
    /// have been written; `then` runs as soon as the kernel took the last byte, before the next line is written.
    pub fn send(&self, mut line: Vec<u8>, prepare: impl FnOnce(Mark), then: impl FnOnce() + Send + 'static) -> Written {
        let (written, ready) = oneshot::channel();
        // Held over both steps, so that the tap's order is the pipe's.
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        prepare(self.tap.outgoing(&line));
        line.push(b'\n');
        let _ = queue.try_send(Item { bytes: line, then: Box::new(then), written });
        ready
    }

    /// Hands over the beginning of a line, whose end nothing will follow: whoever sends it closes the pipe next.
    pub fn send_half(&self, bytes: Vec<u8>) -> Written {
        let (written, ready) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        self.tap.outgoing_half(&bytes);
        let _ = queue.try_send(Item { bytes, then: Box::new(|| {}), written });
        ready
    }

    /// Closes the pipe. What is still queued is dropped.
    pub fn close(&self) {
        self.pipe.close();
    }
}

struct Pipe<W> {
    output: AsyncMutex<Option<W>>,
    closing: CancellationToken,
}

impl<W> Pipe<W> {
    fn close(&self) {
        self.closing.cancel();
        // Whoever holds it now is told by the token, and closes when it lets go.
        if let Ok(mut output) = self.output.try_lock() {
            output.take();
        }
    }
}

impl<W: AsyncWrite + Unpin> Pipe<W> {
    async fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut output = self.output.lock().await;
        let Some(pipe) = output.as_mut() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let written = tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(io::ErrorKind::BrokenPipe.into()),
            written = pipe.write_all(line) => written,
        };
        if written.is_err() {
            output.take();
        }
        drop(output);
        // It may have been told to close while the lock was held.
        if self.closing.is_cancelled() {
            self.close();
        }
        written
    }
}

/// Ends when the outbox is dropped or its pipe closed.
async fn write_all<W: AsyncWrite + Unpin>(mut items: mpsc::Receiver<Item>, pipe: Arc<Pipe<W>>) {
    while let Some(Item { bytes, then, written }) = items.recv().await {
        if pipe.write(&bytes).await.is_err() {
            return;
        }
        then();
        let _ = written.send(());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::io::AsyncReadExt;

    use super::super::Line;
    use super::*;

    #[derive(Default)]
    struct Count(AtomicU64);
    impl Tap for Count {
        fn incoming(&self, _: &Line) -> Mark {
            0
        }
        fn outgoing(&self, _: &[u8]) -> Mark {
            self.0.fetch_add(1, Ordering::Relaxed) + 1
        }
        fn outgoing_half(&self, _: &[u8]) -> Mark {
            self.0.fetch_add(100, Ordering::Relaxed) + 100
        }
    }

    fn outbox(room: usize) -> (Outbox<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (output, other) = tokio::io::duplex(room);
        (Outbox::start(output, Arc::new(Count::default())), other)
    }

    #[tokio::test]
    async fn lines_arrive_whole_and_in_order() {
        let (outbox, mut other) = outbox(4);
        let mut marks = Vec::new();
        let first = outbox.send(b"first".to_vec(), |mark| marks.push(mark), || {});
        let second = outbox.send(b"second".to_vec(), |mark| marks.push(mark), || {});
        let mut got = [0; 13];
        other.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"first\nsecond\n");
        assert_eq!(marks, [1, 2]);
        first.await.unwrap();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_gives_up_leaves_no_half_line() {
        let (outbox, mut other) = outbox(4);
        drop(outbox.send(b"given up".to_vec(), |_| {}, || {}));
        let _kept = outbox.send(b"next".to_vec(), |_| {}, || {});
        let mut got = [0; 14];
        other.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"given up\nnext\n");
    }

    #[tokio::test]
    async fn a_half_line_has_no_end_and_is_told_apart() {
        let tap = Arc::new(Count::default());
        let (output, mut other) = tokio::io::duplex(64);
        let outbox = Outbox::start(output, tap.clone());
        drop(outbox.send(b"whole".to_vec(), |_| {}, || {}));
        outbox.send_half(b"hal".to_vec()).await.unwrap();
        outbox.close();
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"whole\nhal");
        assert_eq!(tap.0.load(Ordering::Relaxed), 101);
    }

    #[tokio::test]
    async fn closing_ends_a_write_that_nobody_reads() {
        let (outbox, mut other) = outbox(4);
        let stuck = outbox.send(b"longer than the pipe".to_vec(), |_| {}, || panic!("it was never written"));
        let mut begun = [0; 4];
        other.read_exact(&mut begun).await.unwrap();
        outbox.close();
        assert!(stuck.await.is_err());
        let mut rest = Vec::new();
        other.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() <= 4, "the pipe is closed: {rest:?}");
    }

    #[tokio::test]
    async fn after_closing_nothing_is_written() {
        let (outbox, mut other) = outbox(64);
        outbox.close();
        assert!(outbox.send(b"late".to_vec(), |_| {}, || {}).await.is_err());
        let mut rest = Vec::new();
        assert_eq!(other.read_to_end(&mut rest).await.unwrap(), 0);
    }
}
