//! A configuration as command-line overrides, for a Codex that somebody else starts.
//!
//! A server that wraps Codex may let it ignore its `config.toml` (`exec --ignore-user-config`, 0.130.0 to 0.169.0) or give
//! it a model provider of its own by `-c`. Seen with 0.105.0, 0.130.0, 0.153.4 and 0.169.0: an override counts whatever is
//! ignored, of two for one key the later counts, and each subcommand that speaks to the model takes overrides behind its
//! other arguments, prompts included. Up to 0.153.4 those behind a subcommand make it forget all that stand before it.
//!
//! So the overrides of a run stand where the server's own last one does, right behind it, and where it has none at the
//! end. What keeps a run to itself (the provider, no telemetry, no update check) is always among them; what a run only
//! proposes (the model and its description, how much Codex says of itself) only where the server says nothing about it.
//! What a client of an app-server or of `codex mcp-server` asks for in a call counts more than any of them.

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
    /// For keys of which the server says nothing.
    pub proposed: Vec<String>,
    /// Whatever the server says.
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
        let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
        let (own, after_last) = own_overrides(args.get(..end).unwrap_or_default());
        let proposed = self.proposed.iter().filter(|text| !is_said(text, &own, args));
        let ours = proposed.chain(&self.insisted).flat_map(|text| ["-c".to_owned(), text.clone()]).collect();
        let behind = subcommand(args).is_none_or(|sub| !NOT_BEHIND.contains(&sub));
        let at = after_last.filter(|_| behind).unwrap_or(if behind { end } else { 0 });
        let (before, after) = args.split_at(at);
        [before.to_vec(), ours, after.to_vec()].concat()
    }
}

/// The server's own overrides, and where the last one ends.
fn own_overrides(args: &[String]) -> (Vec<&str>, Option<usize>) {
    let mut own = Vec::new();
    let mut after_last = None;
    let mut words = args.iter().map(String::as_str).enumerate();
    while let Some((at, word)) = words.next() {
        let attached =
            word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c")).filter(|text| !text.is_empty());
        let text = match word {
            "-c" | "--config" => words.next(),
            _ => attached.map(|text| (at, text)),
        };
        if let Some((at, text)) = text {
            own.push(text);
            after_last = Some(at + 1);
        }
    }
    (own, after_last)
}

/// Whether the server says something about the key of an override, or of a table that it is in or has in it.
fn is_said(text: &str, own: &[&str], args: &[String]) -> bool {
    let key = |text: &str| text.split('=').next().unwrap_or_default().trim().to_owned() + ".";
    let ours = key(text);
    let switched = |name: &str| {
        args.windows(2)
            .any(|pair| matches!(pair, [flag, of] if (flag == "--enable" || flag == "--disable") && of == name))
    };
    own.iter().map(|text| key(text)).any(|theirs| theirs.starts_with(&ours) || ours.starts_with(&theirs))
        || ours.strip_prefix("features.").is_some_and(|name| switched(name.trim_end_matches('.')))
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

    #[test]
    fn a_configuration_is_told_key_by_key() {
        let config = "model = \"m\"\nsandbox_mode = \"read-only\"\nmodel_provider = \"stub\"\n[model_providers.stub]\n\
                      base_url = \"http://127.0.0.1:9/v1\"\n[[skills.config]]\npath = \"a\"\nenabled = false\n";
        let Overrides { proposed, insisted } = Overrides::of(config);
        assert_eq!(proposed, ["model=\"m\"", "skills.config=[{ enabled = false, path = \"a\" }]"]);
        assert_eq!(insisted, ["model_provider=\"stub\"", "model_providers.stub.base_url=\"http://127.0.0.1:9/v1\""]);
        assert_eq!(Overrides::of("="), Overrides::default());
    }

    fn among(text: &str) -> String {
        let overrides = Overrides {
            proposed: vec!["model=m".into(), "features.apps=false".into()],
            insisted: vec!["model_provider=stub".into()],
        };
        overrides.among(&words(text)).join(" ")
    }

    const OURS: &str = "-c model=m -c features.apps=false -c model_provider=stub";

    #[test]
    fn the_run_s_overrides_come_last_and_stay_options() {
        assert_eq!(among("exec --json hi"), format!("exec --json hi {OURS}"));
        assert_eq!(among("exec -- -c x=1"), format!("exec {OURS} -- -c x=1"));
        assert_eq!(among("-m sandbox app-server"), format!("-m sandbox app-server {OURS}"));
    }

    #[test]
    fn they_stand_where_the_server_s_own_do() {
        assert_eq!(among("-c a=1 exec hi"), format!("-c a=1 {OURS} exec hi"));
        assert_eq!(
            among("exec -c model_provider=mine --config=b=2 hi"),
            format!("exec -c model_provider=mine --config=b=2 {OURS} hi")
        );
        assert_eq!(among("exec -ca=1 resume x hi"), format!("exec -ca=1 {OURS} resume x hi"));
    }

    #[test]
    fn what_the_server_says_itself_is_not_proposed() {
        assert_eq!(among("exec -c model=o"), "exec -c model=o -c features.apps=false -c model_provider=stub");
        assert_eq!(among("exec -c features={}"), "exec -c features={} -c model=m -c model_provider=stub");
        assert_eq!(among("--enable apps exec"), "--enable apps exec -c model=m -c model_provider=stub");
    }

    #[test]
    fn a_command_that_codex_runs_for_others_gets_nothing_behind_it() {
        assert_eq!(among("sandbox linux ls"), format!("{OURS} sandbox linux ls"));
        assert!(among("-c a=b --search sandbox linux -c x").ends_with(" sandbox linux -c x"));
    }
}
