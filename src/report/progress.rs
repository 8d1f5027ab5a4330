//! Live progress on stderr: a bar where somebody looks, nothing where nobody does.

use indicatif::{ProgressBar, ProgressStyle};

use super::{COLUMNS, neutral};

/// The bar of one `run`.
#[derive(Clone, Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for that many cases; hidden by indicatif itself where stderr is no terminal.
    pub fn new(cases: usize) -> Progress {
        let bar = ProgressBar::new(cases as u64);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress(bar)
    }

    /// A case is being played.
    pub fn playing(&self, scenario: &str, target: &str) {
        self.0.set_message(neutral(&format!("{scenario} on {target}"), COLUMNS));
    }

    /// A case has ended; a verdict that needs attention stays on the screen.
    pub fn ended(&self, line: Option<String>) {
        if let Some(line) = line {
            self.0.println(line);
        }
        self.0.inc(1);
    }

    /// All cases have ended; the bar makes room for the matrix.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
