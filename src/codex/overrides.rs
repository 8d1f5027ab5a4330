//! A configuration as command-line overrides, for a Codex that somebody else starts.
//!
//! A server that wraps Codex may let it ignore its `config.toml` (`exec --ignore-user-config`, 0.130.0 to 0.169.0) or give
//! it a model provider of its own by `-c`. Seen with 0.105.0, 0.130.0, 0.153.4 and 0.169.0: an override counts whatever is
//! ignored, of two for one key the later counts, one behind a subcommand counts as later than one before it, and each
//! subcommand that speaks to the model takes overrides behind its other arguments, prompts included.
//!
//! So what a run only proposes (the model, its description, how much Codex says of itself) goes first, where everything
//! that the server says counts more; and what keeps a run to itself (the provider, no telemetry, no update check) goes
//! last. What a client of an app-server or of `codex mcp-server` asks for in a call counts more than either.

use toml::{Table, Value};

/// Keys that a run insists on; tables stand for all that is in them.
const INSISTED: [&str; 5] =
    ["model_provider", "model_providers.", "analytics.", "otel.", "check_for_update_on_startup"];
/// Keys that are the server's own choice: without a word of it Codex's default is what the server gets.
const LEFT: [&str; 2] = ["sandbox_mode", "approval_policy"];
/// Subcommands whose further arguments are the command line of another program, or that speak to no model.
const NOT_BEHIND: [&str; 3] = ["sandbox", "debug", "execpolicy"];
/// Options of `codex` itself that take a value.
const WITH_VALUE: [&str; 21] = [
    "-c",
    "--config",
    "-m",
    "--model",
    "-p",
    "--profile",
    "-s",
    "--sandbox",
    "-a",
    "--ask-for-approval",
    "-C",
    "--cd",
    "-i",
    "--image",
    "--enable",
    "--disable",
    "--add-dir",
    "--local-provider",
    "--remote",
    "--remote-auth-token-env",
    "--color",
];

/// Overrides in two groups; each entry is one `key=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overrides {
    /// What the server's own words count more than.
    pub proposed: Vec<String>,
    /// What counts more than the server's own words.
    pub insisted: Vec<String>,
}

impl Overrides {
    /// Of the text of a `config.toml`; none of a text that is no TOML.
    pub fn of(config: &str) -> Overrides {
        let mut leaves = Vec::new();
        flatten("", &config.parse::<Table>().unwrap_or_default(), &mut leaves);
        leaves.retain(|(key, _)| !LEFT.contains(&key.as_str()));
        let insists = |key: &str| INSISTED.iter().any(|own| key == *own || own.ends_with('.') && key.starts_with(own));
        let (insisted, proposed): (Vec<_>, Vec<_>) = leaves.into_iter().partition(|(key, _)| insists(key));
        let text =
            |leaves: Vec<(String, String)>| leaves.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        Overrides { proposed: text(proposed), insisted: text(insisted) }
    }

    /// The arguments of `codex` with the overrides among them.
    pub fn among(&self, args: &[String]) -> Vec<String> {
        let flags = |overrides: &[String]| -> Vec<String> {
            overrides.iter().flat_map(|text| ["-c".to_owned(), text.clone()]).collect()
        };
        let (proposed, insisted) = (flags(&self.proposed), flags(&self.insisted));
        if subcommand(args).is_some_and(|sub| NOT_BEHIND.contains(&sub)) {
            return [proposed, insisted, args.to_vec()].concat();
        }
        let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
        let (before, after) = args.split_at(end);
        [&proposed, before, &insisted, after].concat()
    }
}

/// The first word that is no option and no option's value.
fn subcommand(args: &[String]) -> Option<&str> {
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--" => return None,
            option if WITH_VALUE.contains(&option) => drop(args.next()),
            option if option.starts_with('-') => {}
            word => return Some(word),
        }
    }
    None
}

/// Every value that is no table, under its dotted key. The generated configuration has plain keys only.
fn flatten(above: &str, table: &Table, into: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let key = format!("{above}{key}");
        match value {
            Value::Table(inner) => flatten(&format!("{key}."), inner, into),
            value => into.push((key, value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn overrides() -> Overrides {
        Overrides { proposed: vec!["model=\"m\"".into()], insisted: vec!["model_provider=\"stub\"".into()] }
    }

    #[test]
    fn a_configuration_is_told_key_by_key() {
        let config = "model = \"m\"\nsandbox_mode = \"read-only\"\nmodel_provider = \"stub\"\n[model_providers.stub]\n\
                      base_url = \"http://127.0.0.1:9/v1\"\n[[skills.config]]\npath = \"a\"\nenabled = false\n";
        let Overrides { proposed, insisted } = Overrides::of(config);
        assert_eq!(proposed, ["model=\"m\"", "skills.config=[{ enabled = false, path = \"a\" }]"]);
        assert_eq!(insisted, ["model_provider=\"stub\"", "model_providers.stub.base_url=\"http://127.0.0.1:9/v1\""]);
        assert_eq!(Overrides::of("="), Overrides::default());
    }

    #[test]
    fn what_is_insisted_on_comes_last_and_stays_an_option() {
        let among = |text: &str| overrides().among(&words(text)).join(" ");
        let (first, last) = ("-c model=\"m\"", "-c model_provider=\"stub\"");
        assert_eq!(among("exec -c model_provider=mine hi"), format!("{first} exec -c model_provider=mine hi {last}"));
        assert_eq!(among("exec -- -c"), format!("{first} exec {last} -- -c"));
        assert_eq!(among("-m sandbox app-server"), format!("{first} -m sandbox app-server {last}"));
    }

    #[test]
    fn a_command_that_codex_runs_for_others_gets_nothing_behind_it() {
        let among = |text: &str| overrides().among(&words(text)).join(" ");
        assert!(among("sandbox linux ls").ends_with(" sandbox linux ls"));
        assert!(among("-c a=b --search sandbox linux ls").ends_with(" sandbox linux ls"));
    }
}
