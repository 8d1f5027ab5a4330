//! How a server's requests to the model are brought to the stub: which variables it is told the address and key by.
//!
//! A run's `CODEX_HOME` names the stub already, so a server that starts Codex, or reads its configuration, needs nothing.
//! Others take the address from a variable of OpenAI's clients. One variable after the other is set; those that are not
//! being tried name an address at which nobody answers, so that no trial leaves this machine.

/// Where nobody answers: a reserved port of this machine.
const NOWHERE: &str = "http://127.0.0.1:9/v1";
/// Variables that hold the address of the API, the likeliest first.
const ADDRESSES: [&str; 2] = ["OPENAI_BASE_URL", "OPENAI_API_BASE"];
/// The variable that holds the key.
const KEY: &str = "OPENAI_API_KEY";

/// One environment that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// What the profile would say.
    needed: Vec<(String, String)>,
}

/// The environments in the order in which they are tried; `own` is in all of them and goes first.
pub(super) fn attempts(own: &[(String, String)]) -> Vec<Attempt> {
    let mut all = vec![Attempt { needed: own.to_vec() }, with(own, &[])];
    all.extend(ADDRESSES.iter().map(|address| with(own, &[address])));
    all.dedup();
    all
}

/// An environment with everything in it.
pub(super) fn everything(own: &[(String, String)]) -> Attempt {
    with(own, &ADDRESSES)
}

fn with(own: &[(String, String)], addresses: &[&str]) -> Attempt {
    let mut needed = own.to_vec();
    let address = addresses.iter().map(|name| ((*name).to_owned(), "{stub}/v1".to_owned()));
    let key = (KEY.to_owned(), "{token}".to_owned());
    for (name, value) in address.chain([key]) {
        if !needed.iter().any(|(known, _)| *known == name) {
            needed.push((name, value));
        }
    }
    Attempt { needed }
}

impl Attempt {
    /// The variables of the trial.
    pub(super) fn env(&self) -> Vec<(String, String)> {
        let mut env = self.needed.clone();
        for name in ADDRESSES {
            if !env.iter().any(|(known, _)| known == name) {
                env.push((name.to_owned(), NOWHERE.to_owned()));
            }
        }
        env
    }

    /// Those that the server needs.
    pub(super) fn needed(self) -> Vec<(String, String)> {
        self.needed
    }

    /// What is tried, in a few words.
    pub(super) fn told(&self) -> String {
        let names: Vec<&str> = self.needed.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { "told by CODEX_HOME alone".to_owned() } else { format!("with {}", names.join(" and ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), "x".to_owned())]
    }

    #[test]
    fn one_variable_after_the_other_is_tried_and_none_leads_out() {
        let all = attempts(&[]);
        let told: Vec<String> = all.iter().map(Attempt::told).collect();
        let expected = [
            "told by CODEX_HOME alone",
            "with OPENAI_API_KEY",
            "with OPENAI_BASE_URL and OPENAI_API_KEY",
            "with OPENAI_API_BASE and OPENAI_API_KEY",
        ];
        assert_eq!(told, expected);
        for attempt in all.iter().chain([&everything(&[])]) {
            let env = attempt.env();
            for name in ADDRESSES {
                let values: Vec<_> = env.iter().filter(|(known, _)| known == name).map(|(_, v)| v.as_str()).collect();
                assert!(values == ["{stub}/v1"] || values == [NOWHERE], "{env:?}");
            }
        }
    }

    #[test]
    fn what_the_user_sets_stays_as_it_is() {
        for attempt in attempts(&own("OPENAI_BASE_URL")) {
            assert_eq!(attempt.env().first(), own("OPENAI_BASE_URL").first());
            assert_eq!(attempt.env().iter().filter(|(name, _)| name == "OPENAI_BASE_URL").count(), 1);
        }
    }
}
