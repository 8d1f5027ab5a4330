//! The parts that the content of a message and the output of a tool are made of.
//!
//! Codex skips the whole item for one part that it does not know or that lacks what its type needs (0.105.0, 0.130.0,
//! 0.153.4 and 0.169.0 were tried), so a part is looked at in the pass that checks its line.

use super::keys::{Sort, Span, sort_of, text_of};
use super::skim::{Flaw, Skim};

/// What the parts of an array are good for; of any other value, for everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Contents {
    /// Each can stand in a message.
    pub(in super::super) fit_message: bool,
    /// Each can stand in an output.
    pub(in super::super) fit_output: bool,
    /// One is a sound or encrypted, which 0.105.0 and 0.130.0 do not know.
    pub(in super::super) late: bool,
}

impl Default for Contents {
    fn default() -> Contents {
        Contents { fit_message: true, fit_output: true, late: false }
    }
}

impl Skim<'_> {
    /// Passes over the value that stands here, and looks at the elements of an array.
    pub(super) fn parts(&mut self) -> Result<(Span, Contents), Flaw> {
        let mut parts = Contents::default();
        self.space();
        if self.peek() != Some(b'[') {
            return Ok((self.value()?, parts));
        }
        let start = self.at();
        self.array(|skim| {
            let part = skim.part()?;
            parts.fit_message &= part.fit_message;
            parts.fit_output &= part.fit_output;
            parts.late |= part.late;
            Ok(())
        })?;
        Ok((start..self.at(), parts))
    }

    /// What one part is good for.
    fn part(&mut self) -> Result<Contents, Flaw> {
        let none = Contents { fit_message: false, fit_output: false, late: false };
        if self.peek() != Some(b'{') {
            return self.value().map(|_| none);
        }
        let (mut kind, mut text, mut image, mut sound, mut encrypted) = (None, None, None, None, None);
        self.object(|skim, key| {
            let slot = match key {
                b"type" => &mut kind,
                b"text" => &mut text,
                b"image_url" => &mut image,
                b"audio_url" => &mut sound,
                b"encrypted_content" => &mut encrypted,
                _ => return skim.value().map(drop),
            };
            *slot = Some(skim.value()?);
            Ok(())
        })?;
        let at = |span: &Option<Span>| span.clone().and_then(|span| self.text.get(span)).unwrap_or_default();
        let is_text = |span: &Option<Span>| sort_of(at(span)) == Sort::Text;
        let kind = std::str::from_utf8(at(&kind)).ok().and_then(text_of);
        Ok(match kind.as_deref() {
            Some("input_text") if is_text(&text) => Contents::default(),
            Some("output_text") if is_text(&text) => Contents { fit_output: false, ..Contents::default() },
            Some("input_image") if is_text(&image) => Contents::default(),
            Some("input_audio") if is_text(&sound) => Contents { late: true, ..Contents::default() },
            Some("encrypted_content") if is_text(&encrypted) => Contents { fit_output: true, late: true, ..none },
            _ => none,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (bool, bool, bool) {
        let (span, parts) = Skim::new(text.as_bytes()).parts().unwrap();
        assert_eq!(span, 0..text.len());
        (parts.fit_message, parts.fit_output, parts.late)
    }

    #[test]
    fn one_part_that_nobody_knows_spoils_all_of_them() {
        let good = r#"{"type":"input_text","text":"x"}"#;
        assert_eq!(parts("[]"), (true, true, false));
        assert_eq!(parts(&format!("[{good}, {good} ]")), (true, true, false));
        for bad in [
            r#"{"type":"smell","text":"x"}"#,
            r#"{"type":"input_text"}"#,
            r#"{"type":"input_text","text":7}"#,
            r#"{"type":"input_image","image_url":{}}"#,
            r#"{"text":"x"}"#,
            r#""x""#,
            "[]",
        ] {
            assert_eq!(parts(&format!("[{good},{bad}]")), (false, false, false), "{bad}");
        }
    }

    #[test]
    fn some_parts_stand_in_messages_alone_and_some_in_outputs() {
        assert_eq!(parts(r#"[{"text":"x","type":"output\u005ftext"}]"#), (true, false, false));
        assert_eq!(parts(r#"[{"type":"input_audio","audio_url":"x"}]"#), (true, true, true));
        assert_eq!(parts(r#"[{"type":"encrypted_content","encrypted_content":"x"}]"#), (false, true, true));
        assert_eq!(parts(r#""a text""#), (true, true, false));
    }
}
