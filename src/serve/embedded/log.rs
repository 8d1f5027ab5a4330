//! A thread's own rollout, as its turns write it.
//!
//! What goes before the model is durable before the model is called; what the model made is written as it is made and
//! durable before the answer is sent. The first flush also gives the file its name, so a thread whose first turn never
//! came so far has never existed.

use std::io;
use std::path::Path;

use super::bugs::Plant;
use crate::rollout::draft::Draft;
use crate::rollout::writer::Writer;

/// A rollout that turns are appended to.
pub(super) struct Log {
    writer: Writer,
    published: bool,
    held_back: Vec<Draft>,
    plant: Plant,
}

impl Log {
    /// `published`: the file has its name already.
    pub(super) fn new(writer: Writer, published: bool, plant: Plant) -> Log {
        Log { writer, published, held_back: Vec::new(), plant }
    }

    /// Where the file lies.
    pub(super) fn path(&self) -> &Path {
        self.writer.path()
    }

    /// Writes what is to be durable before the model is called, and returns once it is.
    pub(super) fn begin_turn(&mut self, drafts: &[Draft]) -> io::Result<()> {
        for draft in std::mem::take(&mut self.held_back).iter().chain(drafts) {
            self.writer.append(draft)?;
        }
        self.flush()
    }

    /// Writes one record of the turn that runs.
    pub(super) fn append(&mut self, draft: Draft) -> io::Result<()> {
        if self.plant.holds_output_back() {
            self.held_back.push(draft);
            return Ok(());
        }
        self.writer.append(&draft)
    }

    /// Writes the last record of the turn, and returns once all of it is durable.
    pub(super) fn end_turn(&mut self, draft: Draft) -> io::Result<()> {
        self.append(draft)?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.published {
            return self.writer.sync();
        }
        self.writer.publish()?;
        self.published = true;
        Ok(())
    }
}
