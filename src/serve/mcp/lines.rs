//! Bytes into lines.
//!
//! The reader can be dropped between any two polls without losing a byte, because rmcp selects over it and starts anew
//! after each other event. A line beyond the limit is passed over to its end instead of being kept.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest line that is taken from a client, in bytes.
const LINE_BYTES: usize = 64 << 20;

/// The lines of a stream.
pub(super) struct LineReader<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    limit: usize,
    overlong: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(super) fn new(input: R) -> LineReader<R> {
        LineReader {
            input: BufReader::with_capacity(64 << 10, input),
            line: Vec::new(),
            limit: LINE_BYTES,
            overlong: false,
        }
    }

    /// The next line without its end, or `None` at the end of the input; a last line needs no newline. A read error
    /// counts as the end, since nothing more can come.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let available = self.input.fill_buf().await.unwrap_or_default();
            if available.is_empty() {
                let rest = std::mem::take(&mut self.line);
                return (!rest.is_empty() && !self.overlong).then_some(rest);
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let part = available.get(..newline.unwrap_or(available.len())).unwrap_or_default();
            if self.overlong || self.line.len() + part.len() > self.limit {
                self.overlong = true;
                self.line.clear();
            } else {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(newline.is_some());
            self.input.consume(used);
            if newline.is_some() {
                let line = std::mem::take(&mut self.line);
                if !std::mem::take(&mut self.overlong) {
                    return Some(line);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(bytes: &[u8], limit: usize) -> Vec<String> {
        let mut reader = LineReader::new(bytes);
        reader.limit = limit;
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await {
            lines.push(String::from_utf8(line).unwrap());
        }
        lines
    }

    #[tokio::test]
    async fn an_overlong_line_is_passed_over_and_the_next_one_is_read() {
        assert_eq!(all(b"one\nmuch too long\ntwo", 5).await, ["one", "two"]);
    }

    #[tokio::test]
    async fn the_last_line_needs_no_newline() {
        assert_eq!(all(b"\na\r\nb", 9).await, ["", "a\r", "b"]);
    }
}
