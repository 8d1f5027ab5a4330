//! Lines on their way out of the generator.

use std::io::{self, Write};

use super::text::Text;

/// Lines on their way: into memory, or through a buffer to a writer.
pub(super) struct Out<'a> {
    pub(super) text: Text,
    sink: Option<&'a mut dyn Write>,
    written: u64,
}

impl<'a> Out<'a> {
    /// How much is held before it is passed on.
    const BUFFER_BYTES: usize = 256 << 10;

    /// Without a sink everything is held.
    pub(super) fn new(sink: Option<&'a mut dyn Write>) -> Out<'a> {
        Out { text: Text::default(), sink, written: 0 }
    }

    /// What is held; nothing is, from then on.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text.0)
    }

    pub(super) fn end_line(&mut self) -> io::Result<()> {
        self.text.raw("\n");
        if self.text.0.len() < Self::BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            sink.write_all(&self.text.0)?;
            self.written += self.text.0.len() as u64;
            self.text.0.clear();
        }
        Ok(())
    }

    /// Bytes of the file so far.
    pub(super) fn len(&self) -> u64 {
        self.written + self.text.0.len() as u64
    }
}
