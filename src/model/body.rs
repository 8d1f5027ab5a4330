//! The body of a scripted answer: its steps, gates and breaks, one frame after the other.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};

use crate::journal::CallId;

use super::counting::{Mark, Wire};
use super::gate::{Edge, Gate, Point};
use super::plan::Step;
use super::script::Drip;
use super::turns::ChunkCount;

/// The body of any answer of the stub.
pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Broken>;

/// A script breaks the body off here; hyper closes the connection without the end of the body.
#[derive(Debug, thiserror::Error)]
#[error("the script breaks the stream off here")]
pub(super) struct Broken;

/// A body that is there at once.
pub(super) fn whole(text: String) -> AnswerBody {
    Full::new(Bytes::from(text)).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A stream that follows its steps.
pub(super) struct Script {
    pub(super) steps: VecDeque<Step>,
    pub(super) wire: Arc<Wire>,
    pub(super) gate: Arc<dyn Gate>,
    /// Whose points they are; a response outside of any turn has none.
    pub(super) call: Option<CallId>,
    pub(super) chunks: ChunkCount,
    /// Its end is the end of the turn.
    pub(super) last: bool,
    pub(super) handed_over: Mark,
    /// The point that is reached once the kernel has all of what is going out.
    pub(super) then: Option<Point>,
    pub(super) after: Option<Point>,
    /// How slowly the bytes go out.
    pub(super) drip: Option<Drip>,
}

impl Script {
    pub(super) fn into_body(self) -> AnswerBody {
        let frames = stream::unfold(self, |mut script| async move {
            let frame = script.next().await?;
            Some((frame.map(Frame::data), script))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// The next frame. A gate is reached only when the kernel has all that precedes it.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            if let Some(point) = self.after.take() {
                self.settle().await;
                self.reach(point).await;
            }
            match self.steps.pop_front()? {
                Step::Send(bytes) => return Some(Ok(self.pour(bytes))),
                Step::Rest(bytes) => {
                    let every_ms = self.drip.map_or(0, |drip| drip.every_ms);
                    self.settle().await;
                    // What the story asks for: nothing is told by it, and no verdict depends on it.
                    tokio::time::sleep(Duration::from_millis(every_ms.into())).await;
                    return Some(Ok(self.pour(bytes)));
                }
                Step::Item => {}
                Step::Chunk(bytes) => {
                    let n = self.chunks.next();
                    self.settle().await;
                    self.reach(Point::Chunk { n, edge: Edge::Before }).await;
                    self.then = Some(Point::Chunk { n, edge: Edge::After });
                    return Some(Ok(self.pour(bytes)));
                }
                Step::Done if self.last => {
                    self.settle().await;
                    self.reach(Point::End).await;
                }
                Step::Done => {}
                Step::Stall => {
                    self.settle().await;
                    std::future::pending::<()>().await;
                }
                Step::Reset => {
                    self.settle().await;
                    self.wire.ask_reset();
                    return Some(Err(Broken));
                }
                Step::Break => {
                    self.settle().await;
                    return Some(Err(Broken));
                }
            }
        }
    }

    /// Hands over what goes out at once; the rest is the next step. A chunk is out with its last drop.
    fn pour(&mut self, mut bytes: Vec<u8>) -> Bytes {
        let most = self.drip.map_or(usize::MAX, |drip| drip.bytes.max(1) as usize);
        if bytes.len() > most {
            self.steps.push_front(Step::Rest(bytes.split_off(most)));
        } else {
            self.after = self.then.take();
        }
        self.hand_over(bytes)
    }

    fn hand_over(&mut self, bytes: Vec<u8>) -> Bytes {
        self.handed_over = self.wire.mark(bytes.len());
        Bytes::from(bytes)
    }

    async fn settle(&self) {
        self.wire.taken(self.handed_over).await;
    }

    async fn reach(&self, point: Point) {
        if let Some(call) = self.call {
            self.gate.reach(call, point).await;
        }
    }
}
