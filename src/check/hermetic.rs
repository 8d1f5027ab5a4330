//! `hermetic`: nothing in a run asks for another host.
//!
//! A run's model is the stub, and nothing else is needed. Whatever is asked of the run's proxy was refused and stands in
//! the journal with the name of the host: telemetry, an update check, a model of a provider of its own. One finding a host
//! and life. A program that goes past the proxy variables is not seen.

use std::collections::BTreeMap;

use super::Invariant;
use super::outcome::{Finding, Outcome, one_line};
use super::view::View;
use crate::journal::{Incarnation, Kind, Seq};

/// Nothing but the stub model is asked for.
pub(super) fn hermetic(view: &View<'_>) -> Outcome {
    let mut hosts: BTreeMap<(Incarnation, &str), Vec<Seq>> = BTreeMap::new();
    let mut lives = false;
    for event in &view.run.events {
        match &event.kind {
            Kind::Egress(egress) => {
                let host = egress.host.as_deref().unwrap_or("a host that it does not name in HTTP");
                hosts.entry((event.incarnation, host)).or_default().push(event.seq);
            }
            Kind::Life(_) => lives = true,
            _ => {}
        }
    }
    let findings = hosts.into_iter().map(|((incarnation, host), evidence)| {
        let host = one_line(host);
        let times = match evidence.len() {
            1 => String::new(),
            n => format!(" {n} times"),
        };
        Finding {
            invariant: Invariant::Hermetic,
            call: None,
            incarnation,
            step: None,
            expected: "no traffic but to the stub model".to_owned(),
            got: format!("a request to {host}{times}, refused"),
            text: format!("something in the run asks for {host}"),
            evidence,
        }
    });
    Outcome::conclude(findings.collect(), lives, "no life was opened")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::journal::{Egress, Lane, TargetKind};

    #[test]
    fn a_host_that_is_asked_for_is_found_once_in_each_life() {
        let mut story = Story::restarted();
        assert_eq!(story.says(Invariant::Hermetic), Outcome::Held);
        let mut asks = |host: Option<&str>| {
            story.push(Lane::Target, Kind::Egress(Egress { host: host.map(str::to_owned) }));
        };
        asks(Some("chatgpt.com:443"));
        asks(Some("chatgpt.com:443"));
        asks(None);
        assert_eq!(story.fired(), ["hermetic"]);
        let outcome = story.says(Invariant::Hermetic);
        let texts: Vec<_> = outcome.findings().iter().map(|f| (f.text.as_str(), f.got.as_str())).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts.contains(&(
            "something in the run asks for chatgpt.com:443",
            "a request to chatgpt.com:443 2 times, refused"
        )));
    }

    #[test]
    fn a_run_without_a_life_shows_nothing() {
        assert!(is_unjudged(&Story::new(TargetKind::Builtin).says(Invariant::Hermetic)));
    }
}
