//! Which cells were tried: mutators, features and conditions down, eras across.

use std::collections::BTreeMap;

use rehydra::rollout::generate::Era;

use super::cases::{Case, wanted};

/// How often each cell was tried, and how often Codex resumed.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    cells: BTreeMap<(String, &'static str), (u32, u32)>,
    resumed: u32,
}

impl Coverage {
    /// A case was tried.
    pub(crate) fn ran(&mut self, case: &Case, resumed: bool) {
        self.resumed += u32::from(resumed);
        for (what, era) in &case.cells {
            let cell = self.cells.entry((what.clone(), name(*era))).or_default();
            cell.0 += 1;
            cell.1 += u32::from(resumed);
        }
    }

    /// The cells that were to be tried and were not.
    pub(crate) fn empty(&self) -> Vec<String> {
        let empty = wanted().into_iter().filter(|(what, era)| !self.cells.contains_key(&(what.clone(), name(*era))));
        empty.map(|(what, era)| format!("nothing was tried of {what} on {}", name(era))).collect()
    }

    /// The table: in each cell how many of how many were resumed.
    pub(crate) fn table(&self, version: &str, cases: usize) -> String {
        let mut text = format!("codex {version}: {cases} cases, {} resumed\n{:<60}", self.resumed, "");
        for era in Era::ALL {
            text.push_str(&format!("{:>12}", name(era)));
        }
        let mut rows: Vec<&String> = self.cells.keys().map(|(what, _)| what).collect();
        rows.dedup();
        for row in rows {
            text.push_str(&format!("\n{row:<60}"));
            for era in Era::ALL {
                let cell = self.cells.get(&(row.clone(), name(era)));
                let cell = cell.map_or("·".to_owned(), |(ran, resumed)| format!("{resumed}/{ran}"));
                text.push_str(&format!("{cell:>12}"));
            }
        }
        text
    }
}

fn name(era: Era) -> &'static str {
    match era {
        Era::Bare => "bare",
        Era::Envelope => "envelope",
        Era::WorldState => "world-state",
        Era::Paginated => "paginated",
        _ => "another era",
    }
}
