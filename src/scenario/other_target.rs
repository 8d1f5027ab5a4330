//! Names of the servers that a story itself may begin lives of.
//!
//! A scenario file means the same on every machine, so it names what means the same there: our own server, its control,
//! and releases of Codex. What a project calls its servers, and what somebody has on PATH, is for the command line.

use crate::codex::through;

const OURS: [&str; 2] = ["builtin", "builtin:no-rehydrate"];

/// The name at its shortest; the error says what is wrong with it, and what to do.
pub(super) fn shortest(name: &str) -> Result<String, (String, String)> {
    if OURS.contains(&name) {
        return Ok(name.to_owned());
    }
    match through::named(name) {
        Some(Ok((version, through))) => Ok(through.name(version)),
        Some(Err(wrong)) => {
            let (message, help) = wrong.rsplit_once("; ").unwrap_or((&wrong, "name one that there is"));
            Err((message.to_owned(), help.to_owned()))
        }
        None => {
            let help = "use `builtin`, `builtin:no-rehydrate`, or `codex@VERSION` with or without `/mcp`, \
                        `/app-server` or `/app-server:fork`";
            Err((format!("a story cannot begin a life of `{name}`"), help.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_at_its_shortest() {
        for (name, short) in [
            ("builtin", "builtin"),
            ("codex@0.153.4/mcp", "codex@0.153.4"),
            ("codex@0.169.0/app-server:fork", "codex@0.169.0"),
            ("codex@0.169.0/app-server", "codex@0.169.0/app-server"),
        ] {
            assert_eq!(shortest(name).as_deref(), Ok(short));
        }
    }

    #[test]
    fn what_is_no_name_everywhere_is_refused_with_a_remedy() {
        for name in ["codex", "mine", "builtin:bug=x", "codex@new", "codex@0.169.0/mcp", "codex@0.169.0/acp"] {
            let (message, help) = shortest(name).expect_err(name);
            assert!(!message.is_empty() && !help.is_empty(), "{name}");
        }
    }
}
