//! Contextual messages: what Codex itself puts before or between the user's prompts.
//!
//! They come and go with version, settings, cwd and the way a thread is continued, so histories are compared without
//! them, and a turn is found by the last message that is *not* one. A message is recognised by how its text begins,
//! without regard to case and without skipping white space, as Codex 0.130.0, 0.153.4 and 0.169.0 recognise theirs.

use serde_json::Value;

use super::item;

/// How the text begins, and the name it has in a journal.
const TAGS: [(&str, &str); 26] = [
    ("<permissions instructions>", "permissions_instructions"),
    ("# agents.md instructions", "agents_md_instructions"),
    ("<codex_internal_context", "codex_internal_context"),
    ("<environment_context>", "environment_context"),
    ("<turn_aborted>", "turn_aborted"),
    ("<user_shell_command>", "user_shell_command"),
    ("<subagent_notification>", "subagent_notification"),
    ("<skill>", "skill"),
    ("<user_instructions>", "user_instructions"),
    ("<skills_instructions>", "skills_instructions"),
    ("<model_switch>", "model_switch"),
    ("<collaboration_mode>", "collaboration_mode"),
    ("<personality_spec>", "personality_spec"),
    ("<apps_instructions>", "apps_instructions"),
    ("<plugins_instructions>", "plugins_instructions"),
    ("<recommended_plugins>", "recommended_plugins"),
    ("<realtime_conversation>", "realtime_conversation"),
    ("<multi_agent_mode>", "multi_agent_mode"),
    ("<multi_agent_role>", "multi_agent_role"),
    ("<environments_instructions>", "environments_instructions"),
    ("<token_budget>", "token_budget"),
    ("<context_window>", "context_window"),
    ("<context_window_guidance>", "context_window_guidance"),
    ("<context_window_reminder>", "context_window_reminder"),
    ("<current_time_reminder>", "current_time_reminder"),
    ("<persistent_mode>", "persistent_mode"),
];

/// The name of a contextual message (`environment_context`, `turn_aborted` …); `None` for the words of a person or a
/// model, and for an item that is no message.
pub fn tag(message: &Value) -> Option<&'static str> {
    if item::kind(message) != "message" || item::role(message) == Some("assistant") {
        return None;
    }
    tag_of_text(&item::text(message))
}

/// The same for the text alone.
pub fn tag_of_text(text: &str) -> Option<&'static str> {
    let begins = |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    TAGS.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, name)| name)
}

/// Whether it is the synthetic output that a reader of a broken-off history gives to a call that has none.
pub fn is_synthetic_output(output: &Value) -> bool {
    item::is_output(output) && item::text(output) == "aborted"
}

/// The cwd that an environment context tells the model: the text of its first `<cwd>` element. `None` where it names
/// none: a context that tells only what has changed leaves out what has not. Codex 0.153.4 and 0.169.0 escape the path
/// as XML, 0.105.0 and 0.130.0 do not; entities are always resolved, because a path that spells one out is rarer than
/// one with an ampersand.
pub fn cwd_of_environment_context(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<cwd>")?;
    let (cwd, _) = rest.split_once("</cwd>")?;
    let cwd = ENTITIES.iter().fold(cwd.trim().to_owned(), |cwd, (entity, plain)| cwd.replace(entity, plain));
    Some(cwd).filter(|cwd| !cwd.is_empty())
}

/// The ampersand is last, so that an escaped entity is resolved once.
const ENTITIES: [(&str, &str); 5] = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];

/// The cwd that a request tells the model: that of the last environment context which names one.
pub fn cwd_told(items: &[Value]) -> Option<String> {
    let contexts = items.iter().rev().filter(|item| tag(item) == Some("environment_context"));
    contexts.map(item::text).find_map(|text| cwd_of_environment_context(&text))
}

/// The last message of the user that is not contextual: the prompt of the turn that a request belongs to.
pub fn last_prompt(items: &[Value]) -> Option<&Value> {
    items.iter().rev().find(|item| item::is_user_message(item) && tag(item).is_none())
}

/// The environment context of a thread that names its cwd, as Codex 0.153.4 writes it.
pub fn environment_context(cwd: &str) -> String {
    let escaped = cwd.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<environment_context>\n  <cwd>{escaped}</cwd>\n</environment_context>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn contextual_messages_are_known_by_how_they_begin() {
        assert_eq!(tag_of_text("<environment_context>\n…"), Some("environment_context"));
        assert_eq!(tag_of_text("# AGENTS.md instructions for /w"), Some("agents_md_instructions"));
        assert_eq!(tag_of_text("<permissions instructions>x"), Some("permissions_instructions"));
        assert_eq!(tag_of_text("<ENVIRONMENT_CONTEXT>"), Some("environment_context"));
        for words in [" <environment_context>", "<foo>", "environment_context", "", "ü<skill>", "<skil"] {
            assert_eq!(tag_of_text(words), None, "{words:?}");
        }
    }

    #[test]
    fn an_assistant_quoting_a_tag_says_its_own_words() {
        assert_eq!(tag(&item::assistant("m", "<turn_aborted>")), None);
        assert_eq!(tag(&item::developer("<model_switch> …")), Some("model_switch"));
    }

    #[test]
    fn the_last_context_that_names_a_cwd_counts() {
        let items = [
            item::user(&environment_context("/old")),
            item::user(&environment_context("/new dir")),
            item::user("<environment_context>\n  <shell>bash</shell>\n</environment_context>"),
            item::user("see <cwd>/not/this</cwd>"),
        ];
        assert_eq!(cwd_told(&items).as_deref(), Some("/new dir"));
        assert_eq!(cwd_told(&items[3..]), None);
        assert_eq!(cwd_of_environment_context("<environment_context><cwd>/cut"), None);
    }

    #[test]
    fn a_cwd_is_read_as_every_version_writes_it() {
        for cwd in ["/a & b <c>", "/&amp;", "/plain", "/\"q\""] {
            assert_eq!(cwd_of_environment_context(&environment_context(cwd)).as_deref(), Some(cwd));
        }
        let raw = "<environment_context>\n  <cwd>/a & b <c></cwd>\n  <shell>bash</shell>\n</environment_context>";
        assert_eq!(cwd_of_environment_context(raw).as_deref(), Some("/a & b <c>"));
    }

    #[test]
    fn the_prompt_is_the_last_message_that_is_not_contextual() {
        let items =
            [item::user("first"), item::user("second"), item::user("<turn_aborted>…"), item::assistant("m", "x")];
        assert_eq!(last_prompt(&items).map(item::text).as_deref(), Some("second"));
    }

    #[test]
    fn only_the_exact_word_is_a_synthetic_output() {
        assert!(is_synthetic_output(&item::function_call_output("c", "aborted")));
        assert!(!is_synthetic_output(&item::function_call_output("c", "aborted by user after 1.0s")));
        assert!(!is_synthetic_output(&json!({"role": "user", "content": "aborted"})));
    }
}
