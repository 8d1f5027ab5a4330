//! What commands leave behind: names that can be files, on targets that run commands.

use super::{PLAIN, Story, is_plain};
use crate::scenario::diagnostic::quoted;
use crate::scenario::view::View;

impl Story<'_> {
    /// Judges the effects of a call's scripted commands.
    pub(super) fn effects(&mut self, view: View<'_, '_>) {
        if !view.sound("model") {
            return;
        }
        for tool in view.views("model").into_iter().flat_map(|response| response.views("tools")) {
            let Some(name) = tool.text("effect") else { continue };
            if !is_plain(&name) {
                let message = format!("an effect cannot be called {}", quoted(&name));
                self.into.add(tool.value_span("effect"), message, "no plain name", PLAIN);
            }
            let times = tool.view("times");
            if tool.sound("times") && times.number("least") > times.number("most") {
                let message = "`least` is more than `most`".to_owned();
                let help = "write the smaller one as `least`";
                self.into.add(tool.value_span("times"), message, "no number is both", help);
            }
            if !self.runs_tools && !self.vague {
                let message = "the command leaves an effect, and the story does not say that it needs tools".to_owned();
                let help = "add `needs = [\"tools\"]` at the head of the file";
                self.into.add(tool.key_span("effect"), message, "where nothing runs it there is none", help);
                // Told once.
                self.runs_tools = true;
            }
        }
    }
}
