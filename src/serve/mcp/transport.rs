//! Lines in, lines out, and who is still waited for.
//!
//! One task owns the output: it writes whole lines in the order in which they were handed over, so that no line is
//! torn when rmcp drops a future, and an awaited notification precedes the result. The queue to it is short; a client
//! that does not read holds the turns back instead of filling the memory.
//!
//! At the end of the input the transport waits, without a limit of its own, until each request that was passed on is
//! answered or cancelled, and only then tells rmcp. A client that goes away in the middle of a turn so finds the turn
//! complete on disk.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::RoleServer;
use rmcp::model::{JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::gate::{self, Verdict};
use super::lines::LineReader;
use super::order::Order;

const QUEUED_LINES: usize = 16;

struct OutLine {
    bytes: Vec<u8>,
    written: Option<oneshot::Sender<io::Result<()>>>,
}

/// The transport below rmcp.
pub(super) struct Lines<R> {
    input: LineReader<R>,
    ended: bool,
    answer: Option<Vec<u8>>,
    order: Order,
    waiting: Arc<Waiting>,
    output: Option<mpsc::Sender<OutLine>>,
    writer: Option<JoinHandle<()>>,
}

/// The requests that are neither answered nor cancelled.
#[derive(Default)]
struct Waiting {
    ids: Mutex<HashSet<RequestId>>,
    fewer: Notify,
}

impl Waiting {
    fn ids(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False if a request with that id is waited for already.
    fn add(&self, id: RequestId) -> bool {
        self.ids().insert(id)
    }

    fn remove(&self, id: &RequestId) {
        self.ids().remove(id);
        self.fewer.notify_waiters();
    }

    async fn none_left(&self) {
        loop {
            let fewer = self.fewer.notified();
            tokio::pin!(fewer);
            fewer.as_mut().enable();
            if self.ids().is_empty() {
                return;
            }
            fewer.await;
        }
    }
}

impl<R: AsyncRead + Send + Unpin> Lines<R> {
    pub(super) fn new<W: AsyncWrite + Send + Unpin + 'static>(input: R, output: W) -> Lines<R> {
        let (sender, receiver) = mpsc::channel(QUEUED_LINES);
        Lines {
            input: LineReader::new(input),
            ended: false,
            answer: None,
            order: Order::default(),
            waiting: Arc::new(Waiting::default()),
            output: Some(sender),
            writer: Some(tokio::spawn(write_lines(output, receiver))),
        }
    }

    /// Hands over an answer that was made here. It stays in `self` while the queue is full, so that a dropped future
    /// loses nothing.
    async fn flush_answer(&mut self) {
        if self.answer.is_none() {
            return;
        }
        let Some(output) = &self.output else { return };
        if let Ok(slot) = output.reserve().await
            && let Some(bytes) = self.answer.take()
        {
            slot.send(OutLine { bytes, written: None });
        }
        self.answer = None;
    }
}

async fn write_lines<W: AsyncWrite + Unpin>(mut output: W, mut lines: mpsc::Receiver<OutLine>) {
    while let Some(line) = lines.recv().await {
        let result = match output.write_all(&line.bytes).await {
            Ok(()) => output.flush().await,
            Err(error) => Err(error),
        };
        if let Some(written) = line.written {
            // Whoever does not wait for it does not want to know.
            let _ = written.send(result);
        }
    }
}

fn encode(message: &impl serde::Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the client no longer reads")
}

impl<R: AsyncRead + Send + Unpin> Transport<RoleServer> for Lines<R> {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let answered = match &message {
            JsonRpcMessage::Response(response) => Some(response.id.clone()),
            JsonRpcMessage::Error(error) => error.id.clone(),
            _ => None,
        };
        let line = encode(&message);
        let output = self.output.clone();
        let waiting = Arc::clone(&self.waiting);
        async move {
            let result = async {
                let (written, done) = oneshot::channel();
                let output = output.ok_or_else(closed)?;
                output.send(OutLine { bytes: line?, written: Some(written) }).await.map_err(|_| closed())?;
                done.await.map_err(|_| closed())?
            }
            .await;
            if let Some(id) = answered {
                waiting.remove(&id);
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            self.flush_answer().await;
            if self.ended {
                self.waiting.none_left().await;
                return None;
            }
            let Some(line) = self.input.next().await else {
                self.ended = true;
                continue;
            };
            match gate::judge(&line) {
                // A second request with an id that is still waited for could not be told from the first in its answer.
                Verdict::Serve(id, mut message) => {
                    if self.waiting.add(id) {
                        self.order.line_up(&mut message);
                        return Some(*message);
                    }
                }
                Verdict::Cancel(id, message) => {
                    self.waiting.remove(&id);
                    return Some(*message);
                }
                Verdict::Tell(message) => return Some(*message),
                Verdict::Answer(answer) => self.answer = encode(&answer).ok(),
                Verdict::Drop => {}
            }
        }
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        self.output = None;
        if let Some(writer) = self.writer.take() {
            writer.await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use rmcp::model::ServerResult;

    /// rmcp would wait five seconds from the moment at which it is told of the end.
    #[tokio::test]
    async fn the_end_of_the_input_is_hidden_until_everything_is_answered() {
        let input: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
        let mut lines = Lines::new(input, tokio::io::sink());
        assert!(lines.receive().await.is_some());
        assert!(lines.receive().now_or_never().is_none());
        let answer = JsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(1));
        lines.send(answer).await.unwrap();
        assert!(lines.receive().await.is_none());
        lines.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_is_an_error_and_still_counts_as_answered() {
        let (gone, output) = tokio::io::duplex(1);
        drop(gone);
        let input: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";
        let mut lines = Lines::new(input, output);
        assert!(lines.receive().await.is_some());
        let answer = JsonRpcMessage::response(ServerResult::empty(()), RequestId::Number(1));
        assert!(lines.send(answer).await.is_err());
        assert!(lines.receive().await.is_none());
    }
}
