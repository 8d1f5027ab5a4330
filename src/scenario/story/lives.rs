//! Clients and their lives: who is there when a step needs somebody.

use std::ops::Range;

use super::{Client, Life, Story};
use crate::fault::client::Opening;
use crate::fault::plan::{Action, Fault};
use crate::scenario::diagnostic::quoted;
use crate::scenario::reach;
use crate::scenario::types::{Call, ClientAct, ClientStep, MAIN_CLIENT, Restart};
use crate::scenario::view::View;

impl Story<'_> {
    /// Names that cannot be what they are to be.
    pub(super) fn next_life(&mut self, told: &Restart, restart: View<'_, '_>) {
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && name != ".";
        for (key, name) in [("home", &told.home), ("credentials", &told.credentials)] {
            if let Some(name) = name.as_deref().filter(|name| !plain(name) && restart.sound(key)) {
                let message = format!("`{key}` cannot be called {}", quoted(name));
                self.into.add(
                    restart.value_span(key),
                    message,
                    "no plain name",
                    "use letters, digits, `-`, `_` and `.`",
                );
            }
        }
        for (name, at, _) in restart.pairs("env") {
            if let Some((_, help)) = ITS_OWN.iter().find(|(own, _)| *own == name) {
                self.into.add(at, format!("{} is the run's own", quoted(name)), "not here", *help);
            } else if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("there is no variable {}", quoted(name));
                self.into.add(at, message, "no name", "write a name without `=`");
            }
        }
    }

    /// A client begins a life.
    pub(super) fn opened(&mut self, name: &str, opening: Opening, at: Range<usize>) {
        if matches!(opening, Opening::ProbeFirst | Opening::ProbeLate) {
            self.needs_mcp(at, "the probe is a frame of MCP");
        }
        self.newest += 1;
        self.clients.insert(name.to_owned(), Client { life: Life::Running, number: self.newest });
    }

    pub(super) fn power_loss(&mut self, view: View<'_, '_>) {
        let (key, inner) = (view.key_span("power-loss"), view.view("power-loss"));
        if inner.has("byte") && inner.has("data") {
            let message = "`byte` and `data` both say what is left of what was not synced".to_owned();
            self.into.add(inner.key_span("byte"), message, "said twice", "remove one of the two");
        }
        if self.clients.values().all(|client| matches!(client.life, Life::Before)) && !self.vague {
            let message = "no life has begun yet whose writes could be lost".to_owned();
            self.into.add(key.clone(), message, "nothing to lose", "let a call come before it");
        }
        self.clients.values_mut().for_each(|client| client.life = Life::Ended(key.clone()));
    }

    pub(super) fn ends(&mut self, name: &str, key: Range<usize>) {
        self.needs_life(name, key.clone(), "can be ended");
        if let Some(client) = self.clients.get_mut(name) {
            client.life = Life::Ended(key);
        }
    }

    pub(super) fn needs_life(&mut self, name: &str, key: Range<usize>, what: &str) {
        let open = "add a step `client` with that `name` and `opening = \"plain\"` before it";
        match self.clients.get_mut(name) {
            _ if self.vague => {}
            Some(client) => {
                let Life::Ended(by) = &client.life else { return };
                let message = format!("no life is running that {what}");
                let because = (by.clone(), "the last one is ended here");
                let help = if name == MAIN_CLIENT { "add a step `restart = {}` before it" } else { open };
                self.into.add_because(key, message, "nobody is there", because, help);
                // Told once.
                client.life = Life::Unknown;
            }
            None => {
                let message = format!("no client {} has begun", quoted(name));
                self.into.add(key, message, "nobody is there", open);
                self.clients.insert(name.to_owned(), Client { life: Life::Unknown, number: 0 });
            }
        }
    }

    /// What a call's fault does to the life.
    pub(super) fn faulted(&mut self, call: &Call, view: View<'_, '_>) {
        let Some(client) = self.clients.get_mut(&call.client) else { return };
        match &call.fault {
            Some(Fault { what: Action::Kill { .. }, .. }) => client.life = Life::Ended(view.key_span("fault")),
            Some(Fault { what: Action::Eof, .. }) if !matches!(client.life, Life::Ended(_)) => {
                client.life = Life::Unknown;
            }
            Some(Fault { what: Action::Cancel | Action::Repeat, .. }) => {
                self.needs_mcp(view.key_span("fault"), "the client writes a frame that only MCP has");
            }
            None if view.has("fault") => client.life = Life::Unknown,
            _ => {}
        }
    }

    pub(super) fn needs_mcp(&mut self, at: Range<usize>, why: &str) {
        if !self.mcp && !self.vague {
            let message = format!("{why}, and the story does not say that it needs MCP");
            let help = "add `needs = [\"mcp\"]` at the head of the file";
            self.into.add(at, message, "not in every dialect", help);
            // Told once.
            self.mcp = true;
        }
    }

    pub(super) fn client(&mut self, step: &ClientStep, view: View<'_, '_>) {
        let key = view.key_span("client");
        let inner = view.view("client");
        match &step.act {
            ClientAct::Open(opening) => {
                let running = self.clients.get(&step.name).is_some_and(|c| matches!(c.life, Life::Running));
                if running && !self.vague {
                    let message = format!("the client {} has a life already", quoted(&step.name));
                    let help = "end it before, or leave this step out";
                    self.into.add(inner.key_span("opening"), message, "still running", help);
                }
                self.opened(&step.name, *opening, inner.value_span("opening"));
            }
            ClientAct::End { end, then } => {
                if inner.has("whom") && inner.text("end").as_deref() == Some("eof") {
                    let message = "`whom` says who gets the signal, and `eof` is none".to_owned();
                    self.into.add(inner.key_span("whom"), message, "for nobody", "remove `whom`");
                }
                reach::ladder((*end).into(), then, inner, self.into);
                self.ends(&step.name, key);
            }
            ClientAct::Send(_) | ClientAct::SendHalf(_) => {
                self.needs_mcp(key.clone(), "a frame of the story's own is one of MCP");
                if self.clients.get(&step.name).is_some_and(|c| matches!(c.life, Life::Before)) && !self.vague {
                    let message = "no life is running that can read it".to_owned();
                    let help = "add a step `client = { opening = \"plain\" }` before it";
                    self.into.add(key.clone(), message, "nobody is there", help);
                }
                match step.act {
                    ClientAct::SendHalf(_) => self.ends(&step.name, key),
                    _ => self.needs_life(&step.name, key, "can read it"),
                }
            }
        }
    }
}

/// Variables that a run sets itself, and what to do instead.
const ITS_OWN: &[(&str, &str)] = &[
    ("CODEX_HOME", "name another `home`"),
    ("HOME", "leave it to the run, whose directory holds it"),
    ("TMPDIR", "leave it to the run, whose directory holds it"),
    ("TZ", "write `tz`"),
    ("REHYDRA_STUB_TOKEN", "name other `credentials`"),
];
