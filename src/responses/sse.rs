//! Server-sent events: one encoder, one incremental decoder.
//!
//! The decoder follows the WHATWG rules as far as a Responses stream needs them: lines end with LF, CR or CRLF, a colon
//! at the start makes a comment, several `data` lines are joined by newlines, an empty line ends an event, an event
//! without data is none, `id` and `retry` mean nothing here. Bytes may be split anywhere, inside a character too. Its
//! memory is bounded by the limit it is given: one event that exceeds it is an error and not a slow death. Text that is
//! not UTF-8 is an error as well, because a silent replacement would change what the model said.

use serde_json::Value;

/// One event, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// Its `event` field; empty if it had none.
    pub name: String,
    /// Its `data` lines, joined by newlines.
    pub data: String,
}

/// Why a stream of events cannot be read further. The decoder stays in error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is longer than the limit.
    #[error("an event of the stream exceeds {limit_bytes} bytes; raise the limit or mend the sender")]
    TooLong {
        /// The limit.
        limit_bytes: usize,
    },
    /// A line is not UTF-8.
    #[error("a line of the event stream is not UTF-8; the sender must encode its JSON as UTF-8")]
    NotUtf8,
}

/// The bytes of one event: its name and one line of JSON.
pub fn encode(name: &str, data: &Value) -> Vec<u8> {
    // JSON text holds no raw newline, so one `data` line is always enough.
    format!("event: {name}\ndata: {data}\n\n").into_bytes()
}

/// Reads events from bytes as they come.
#[derive(Debug)]
pub struct Decoder {
    limit_bytes: usize,
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    after_cr: bool,
    first_line: bool,
    failed: Option<SseError>,
}

impl Decoder {
    /// A decoder at the start of a stream. `limit_bytes` bounds one event, its field names included.
    pub fn new(limit_bytes: usize) -> Decoder {
        Decoder {
            limit_bytes,
            line: Vec::new(),
            name: String::new(),
            data: String::new(),
            has_data: false,
            after_cr: false,
            first_line: true,
            failed: None,
        }
    }

    /// Takes the next bytes and appends the events that they complete to `events`; after an error, those before it.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let taken = self.take(bytes, events);
        self.failed = taken.err();
        taken
    }

    /// Whether the bytes so far end inside an event, which is lost if the stream ends here.
    pub fn is_inside_event(&self) -> bool {
        !self.line.is_empty() || self.has_data || !self.name.is_empty()
    }

    fn take(&mut self, mut bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (head, tail) = bytes.split_at(end);
            self.extend_line(head)?;
            self.end_line(events)?;
            bytes = match tail {
                [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.extend_line(bytes)
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        if self.line.len() + self.data.len() + self.name.len() + bytes.len() > self.limit_bytes {
            return Err(SseError::TooLong { limit_bytes: self.limit_bytes });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) -> Result<(), SseError> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&bytes).map_err(|_| SseError::NotUtf8)?;
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<SseEvent>) {
        let event = SseEvent { name: std::mem::take(&mut self.name), data: std::mem::take(&mut self.data) };
        if std::mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent { name: name.into(), data: data.into() }
    }

    fn decode(parts: &[&[u8]]) -> Vec<SseEvent> {
        let mut decoder = Decoder::new(1024);
        let mut events = Vec::new();
        for part in parts {
            decoder.push(part, &mut events).unwrap();
        }
        assert!(!decoder.is_inside_event());
        events
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = encode("response.created", &json!({"text": "two\nlines, ü"}));
        assert_eq!(decode(&[&bytes]), [event("response.created", "{\"text\":\"two\\nlines, ü\"}")]);
    }

    #[test]
    fn a_split_anywhere_changes_nothing() {
        let stream =
            "event: a\r\ndata: {\"ü\":1}\r\n\r\n: comment\ndata: x\ndata:y\n\nevent: b\rdata: z\r\r".as_bytes();
        let whole = [event("a", "{\"ü\":1}"), event("", "x\ny"), event("b", "z")];
        assert_eq!(decode(&[stream]), whole);
        for at in 0..=stream.len() {
            let (head, tail) = stream.split_at(at);
            assert_eq!(decode(&[head, tail]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn comments_unknown_fields_and_events_without_data_are_nothing() {
        assert_eq!(decode(&[b": ping\n\nid: 7\nretry: 1\n\nevent: lonely\n\ndata\n\n"]), [event("", "")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_only() {
        assert_eq!(decode(&["\u{feff}data: a\n\n".as_bytes()]), [event("", "a")]);
    }

    #[test]
    fn an_event_beyond_the_limit_is_an_error_that_stays() {
        let mut decoder = Decoder::new(16);
        let mut events = Vec::new();
        let error = SseError::TooLong { limit_bytes: 16 };
        assert_eq!(decoder.push(b"data: ok\n\ndata: 0123456789abcdef", &mut events), Err(error));
        assert_eq!(events, [event("", "ok")]);
        assert_eq!(decoder.push(b"\n\n", &mut events), Err(error));
        let mut many_lines = Decoder::new(16);
        assert_eq!(many_lines.push(&b"data:12\n".repeat(9), &mut Vec::new()), Err(error));
    }

    #[test]
    fn text_that_is_not_utf8_is_an_error() {
        assert_eq!(Decoder::new(64).push(b"data: \xff\n", &mut Vec::new()), Err(SseError::NotUtf8));
    }

    #[test]
    fn the_end_inside_an_event_can_be_told() {
        let mut decoder = Decoder::new(64);
        decoder.push(b"data: half\n", &mut Vec::new()).unwrap();
        assert!(decoder.is_inside_event());
    }
}
