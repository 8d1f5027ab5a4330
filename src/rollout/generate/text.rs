//! JSON as text, put together without a tree of values: a file of 100 MB is written as fast as its bytes are copied.

/// Text that is becoming JSON.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) Vec<u8>);

impl Text {
    /// As it stands.
    pub(super) fn raw(&mut self, json: &str) -> &mut Text {
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// A string, quoted and escaped.
    pub(super) fn string(&mut self, text: &str) -> &mut Text {
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(&mut self.0, text);
        self
    }

    /// A number.
    pub(super) fn number(&mut self, number: u64) -> &mut Text {
        let _ = serde_json::to_writer(&mut self.0, &number);
        self
    }

    /// A field after others: `,"key":` and the string.
    pub(super) fn field(&mut self, key: &str, text: &str) -> &mut Text {
        self.key(key).string(text)
    }

    /// The key of a field after others.
    pub(super) fn key(&mut self, key: &str) -> &mut Text {
        self.raw(",\"").raw(key).raw("\":")
    }

    /// A message item's role and content: texts, then an image if there is one.
    pub(super) fn message(&mut self, role: &str, text: &str, image: Option<&str>) -> &mut Text {
        let kind = if role == "assistant" { "output_text" } else { "input_text" };
        self.field("role", role).key("content").raw("[{\"type\":").string(kind).field("text", text).raw("}");
        if let Some(url) = image {
            self.raw(",{\"type\":\"input_image\"").field("image_url", url).raw("}");
        }
        self.raw("]")
    }
}

/// Prose without an end, that says nothing.
#[derive(Debug)]
pub(super) struct Filler(String);

impl Filler {
    pub(super) fn new() -> Filler {
        Filler("The tide came in and the tide went out, and nobody wrote it down.\n".repeat(1_000))
    }

    /// Appends `bytes` of it.
    pub(super) fn append(&self, text: &mut String, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            let part = self.0.get(..left.min(self.0.len())).unwrap_or(&self.0);
            text.push_str(part);
            left -= part.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_together_is_json() {
        let mut text = Text::default();
        text.raw("{\"n\":").number(7).field("s", "a\"\n\u{1}ä").raw("}");
        let value: serde_json::Value = serde_json::from_slice(&text.0).unwrap();
        assert_eq!(value, serde_json::json!({"n": 7, "s": "a\"\n\u{1}ä"}));
    }

    #[test]
    fn filler_has_the_length_that_is_asked_for() {
        let mut text = String::new();
        Filler::new().append(&mut text, 200_001);
        assert_eq!(text.len(), 200_001);
    }
}
