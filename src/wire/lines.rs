//! Reading lines from a stranger: exact, bounded, and resumable at any point.
//!
//! A line is what stands before a newline, `\r` and empty lines included. Of a line beyond its limit both ends, the
//! length and the digest are kept and the rest is skipped, so the lines after it are read as usual. Each line counts
//! against the stream's limit with [`LINE_COST_BYTES`] more than it has, so a flood of empty lines ends too.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::{Mark, Tap};
use crate::limits::BODY_ENDS_BYTES;

/// What each line costs a reader besides its own bytes.
pub const LINE_COST_BYTES: u64 = 256;

/// Limits of one stream, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Of a line.
    pub line_bytes: u64,
    /// Of everything.
    pub total_bytes: u64,
}

/// One line, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It ended with a newline.
    Whole(Vec<u8>),
    /// The stream ended in the middle of it.
    Partial(Vec<u8>),
    /// It was longer than the limit.
    Long(Long),
}

/// What is kept of a line that was too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Long {
    /// Its length in bytes.
    pub len: u64,
    /// Of all of it.
    pub sha256: [u8; 32],
    /// Its first bytes, at most 64 KiB.
    pub head: Vec<u8>,
    /// Its last bytes, at most 64 KiB.
    pub tail: Vec<u8>,
    /// It ended with a newline.
    pub whole: bool,
}

/// Reading had to stop before the end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More than the stream may hold. [`LineReader::discard`] reads on without keeping anything.
    #[error("the stream holds more than {limit} bytes")]
    Flood {
        /// The limit.
        limit: u64,
    },
    /// The pipe failed.
    #[error("failed to read: {0}")]
    Io(#[from] std::io::Error),
}

/// Reads lines. Every method can be cancelled without losing a byte.
pub struct LineReader<R> {
    input: BufReader<R>,
    caps: Caps,
    tap: Arc<dyn Tap>,
    spent: u64,
    discarded: u64,
    line: Growing,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads `input` within `caps`; `tap` sees each line.
    pub fn new(input: R, caps: Caps, tap: Arc<dyn Tap>) -> LineReader<R> {
        let input = BufReader::with_capacity(64 << 10, input);
        LineReader { input, caps, tap, spent: 0, discarded: 0, line: Growing::default() }
    }

    /// From now on the stream may hold `total_bytes`, what was read so far included.
    pub fn allow(&mut self, total_bytes: u64) {
        self.caps.total_bytes = total_bytes;
    }

    /// The next line and the tap's mark; `None` at the end of the stream.
    pub async fn next(&mut self) -> Result<Option<(Mark, Line)>, ReadError> {
        loop {
            let bytes = self.input.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(self.rest());
            }
            let newline = bytes.iter().position(|b| *b == b'\n');
            let taken = newline.unwrap_or(bytes.len());
            self.line.push(bytes.get(..taken).unwrap_or_default(), self.caps.line_bytes);
            self.input.consume(taken + usize::from(newline.is_some()));
            self.spent += taken as u64 + if newline.is_some() { LINE_COST_BYTES } else { 0 };
            if self.spent > self.caps.total_bytes {
                return Err(ReadError::Flood { limit: self.caps.total_bytes });
            }
            if newline.is_some() {
                let line = std::mem::take(&mut self.line).end(true);
                return Ok(Some(self.tapped(line)));
            }
        }
    }

    /// What was read of a line without an end, when nothing more is to come; `None` if that is nothing.
    pub fn rest(&mut self) -> Option<(Mark, Line)> {
        let line = std::mem::take(&mut self.line);
        (!line.is_empty()).then(|| self.tapped(line.end(false)))
    }

    /// Reads to the end and keeps nothing, not even what was read of a line.
    pub async fn discard(&mut self) {
        self.line = Growing::default();
        loop {
            match self.input.fill_buf().await {
                Ok([]) | Err(_) => return,
                Ok(bytes) => {
                    let len = bytes.len();
                    self.discarded += len as u64;
                    self.input.consume(len);
                }
            }
        }
    }

    /// How many bytes [`LineReader::discard`] has read.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    fn tapped(&self, line: Line) -> (Mark, Line) {
        (self.tap.incoming(&line), line)
    }
}

/// A line whose end has not come yet.
#[derive(Default)]
struct Growing {
    bytes: Vec<u8>,
    long: Option<Box<Overlong>>,
}

struct Overlong {
    len: u64,
    hash: Sha256,
    tail: Vec<u8>,
}

impl Growing {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.long.is_none()
    }

    fn push(&mut self, more: &[u8], limit: u64) {
        if let Some(long) = &mut self.long {
            return long.push(more);
        }
        if (self.bytes.len() + more.len()) as u64 <= limit {
            return self.bytes.extend_from_slice(more);
        }
        let mut long = Box::new(Overlong { len: 0, hash: Sha256::new(), tail: Vec::new() });
        long.push(&self.bytes);
        long.push(more);
        // Only the head stays, and the limit may be shorter than a head.
        let missing = BODY_ENDS_BYTES.saturating_sub(self.bytes.len()).min(more.len());
        self.bytes.extend_from_slice(more.get(..missing).unwrap_or_default());
        self.bytes.truncate(BODY_ENDS_BYTES);
        self.bytes.shrink_to_fit();
        self.long = Some(long);
    }

    fn end(self, whole: bool) -> Line {
        match self.long {
            Some(long) => Line::Long(Long {
                len: long.len,
                sha256: long.hash.finalize().into(),
                head: self.bytes,
                tail: long.tail,
                whole,
            }),
            None if whole => Line::Whole(self.bytes),
            None => Line::Partial(self.bytes),
        }
    }
}

impl Overlong {
    fn push(&mut self, more: &[u8]) {
        self.len += more.len() as u64;
        self.hash.update(more);
        self.tail.extend_from_slice(more.get(more.len().saturating_sub(BODY_ENDS_BYTES)..).unwrap_or_default());
        let surplus = self.tail.len().saturating_sub(BODY_ENDS_BYTES);
        self.tail.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Numbers the lines and keeps what it saw.
    #[derive(Default)]
    struct Seen(AtomicU64, Mutex<Vec<Line>>);
    impl Tap for Seen {
        fn incoming(&self, line: &Line) -> Mark {
            self.1.lock().unwrap().push(line.clone());
            self.0.fetch_add(1, Ordering::Relaxed) + 1
        }
        fn outgoing(&self, _: &[u8]) -> Mark {
            0
        }
        fn outgoing_half(&self, _: &[u8]) -> Mark {
            0
        }
    }

    const CAPS: Caps = Caps { line_bytes: 10, total_bytes: 1 << 20 };

    async fn read(input: &[u8], caps: Caps) -> (Vec<Line>, Option<ReadError>) {
        let tap = Arc::new(Seen::default());
        let mut reader = LineReader::new(input, caps, tap.clone());
        let mut lines = Vec::new();
        let end = loop {
            match reader.next().await {
                Ok(Some((mark, line))) => {
                    lines.push(line);
                    assert_eq!(mark, lines.len() as u64);
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        assert_eq!(*tap.1.lock().unwrap(), lines, "the tap sees what the reader yields");
        (lines, end)
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_come_byte_for_byte() {
        let (lines, end) = read(b"one\r\n\n\xff{}\n", CAPS).await;
        assert_eq!(lines, [whole("one\r"), whole(""), Line::Whole(b"\xff{}".to_vec())]);
        assert!(end.is_none());
    }

    #[tokio::test]
    async fn a_line_without_its_newline_is_partial() {
        let (lines, _) = read(b"one\ntw", CAPS).await;
        assert_eq!(lines, [whole("one"), Line::Partial(b"tw".to_vec())]);
    }

    #[tokio::test]
    async fn both_ends_of_an_overlong_line_are_kept_and_the_next_is_read() {
        let mut input = vec![b'a'; BODY_ENDS_BYTES];
        input.extend(vec![b'b'; 300_000]);
        input.extend(vec![b'c'; BODY_ENDS_BYTES]);
        let sha256: [u8; 32] = Sha256::digest(&input).into();
        let len = input.len() as u64;
        input.extend(b"\nnext\n");
        let (lines, _) = read(&input, CAPS).await;
        let (head, tail) = (vec![b'a'; BODY_ENDS_BYTES], vec![b'c'; BODY_ENDS_BYTES]);
        assert_eq!(lines, [Line::Long(Long { len, sha256, head, tail, whole: true }), whole("next")]);
    }

    #[tokio::test]
    async fn a_line_just_at_the_limit_is_whole_and_one_byte_more_is_not() {
        let (lines, _) = read(b"0123456789\n0123456789a\n", CAPS).await;
        assert_eq!(lines[0], whole("0123456789"));
        assert!(matches!(&lines[1], Line::Long(long) if long.len == 11 && long.head == b"0123456789a"));
    }

    #[tokio::test]
    async fn a_flood_ends_even_if_its_lines_are_empty() {
        let caps = Caps { line_bytes: 10, total_bytes: 4 * LINE_COST_BYTES };
        let (lines, end) = read(&[b'\n'; 100], caps).await;
        assert_eq!(lines.len(), 4);
        assert!(matches!(end, Some(ReadError::Flood { limit: 1024 })));
    }

    #[tokio::test]
    async fn a_stream_may_be_allowed_more_later() {
        let caps = Caps { line_bytes: 10, total_bytes: LINE_COST_BYTES + 3 };
        let mut reader = LineReader::new(&b"abc\ndef\n"[..], caps, Arc::new(Seen::default()));
        assert!(matches!(reader.next().await, Ok(Some(_))));
        reader.allow(2 * (LINE_COST_BYTES + 3));
        assert!(matches!(reader.next().await, Ok(Some(_))));
        assert!(matches!(reader.next().await, Ok(None)));
    }

    #[tokio::test]
    async fn what_is_discarded_is_counted_to_the_end() {
        let caps = Caps { line_bytes: 10, total_bytes: 0 };
        let mut reader = LineReader::new(&b"abc\ndef"[..], caps, Arc::new(Seen::default()));
        assert!(reader.next().await.is_err());
        reader.discard().await;
        assert_eq!(reader.discarded(), 3);
    }

    #[tokio::test]
    async fn a_cancelled_read_loses_nothing() {
        let (mut writer, pipe) = tokio::io::duplex(64);
        let mut reader = LineReader::new(pipe, CAPS, Arc::new(Seen::default()));
        writer.write_all(b"on").await.unwrap();
        tokio::select! {
            biased;
            _ = reader.next() => panic!("there is no whole line yet"),
            () = tokio::task::yield_now() => {}
        }
        writer.write_all(b"e\n").await.unwrap();
        assert_eq!(reader.next().await.unwrap().map(|(_, line)| line), Some(whole("one")));
    }
}
