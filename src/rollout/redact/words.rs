//! What may stay: the words that Codex itself writes into rollouts.
//!
//! A word that is not here is replaced, so a list that lags behind a new Codex costs readability and never a secret. The
//! lists are of Codex 0.20 to 0.169.

use std::collections::HashSet;
use std::sync::OnceLock;

/// Keys of records, items, events and settings.
static KEYS: Words = words(
    "\
    timestamp ordinal type payload metadata record_type id instructions git session_id cwd originator cli_version source \
    thread_source model_provider base_instructions provenance text forked_from_id forked_from_ordinal_exclusive \
    history_base history_mode history_sequence client_authored retained_source fallback_token_limit_override \
    context_window window_id window_number thread_id end_ordinal_exclusive end_byte_offset multi_agent_version \
    runtime_workspace_roots account_scoped parent_thread_id agent_nickname agent_role agent_type agent_path dynamic_tools \
    selected_capability_roots memory_mode subagent_history_start_ordinal subagent approval_policy sandbox_policy \
    model effort summary user_instructions developer_instructions truncation_policy personality collaboration_mode turn_id \
    current_date timezone realtime_active permission_profile file_system_sandbox_policy workspace_roots approvals_reviewer \
    root_turn_id disabled_plugin_ids mode settings limit network_access writable_roots exclude_tmpdir_env_var \
    exclude_slash_tmp file_system entries access network enabled reasoning_effort final_output_json_schema role content \
    phase image_url detail call_id name namespace arguments input output status action command commands timeout_ms \
    working_directory workdir env user with_escalated_permissions justification success result \
    encrypted_content internal_chat_message_metadata_passthrough create_time query queries message images local_images \
    text_elements last_agent_message model_context_window turn_count num_turns reason info rate_limits primary secondary \
    used_percent window_minutes resets_at resets_in_seconds credits plan_type total_token_usage last_token_usage \
    input_tokens cached_input_tokens output_tokens reasoning_output_tokens total_tokens started_at completed_at \
    started_at_ms completed_at_ms duration_ms time_to_first_token_ms item item_id replacement_history full state \
    environments local shell ghost_commit parent preexisting_untracked_files preexisting_untracked_dirs codex_error_info \
    commit_hash branch repository_url stdout stderr exit_code aggregated_output formatted_output changes invocation \
    server tool v from to at reason thread_name thread_settings",
);

/// Words of closed lists: kinds of records, items and events, roles, policies, states.
static WORDS: Words = words(
    "\
    session_meta response_item inter_agent_communication inter_agent_communication_metadata compacted turn_context \
    token_usage_record world_state retained_context security_risk_score event_msg realtime_item rollout_reference state \
    message reasoning local_shell_call function_call function_call_output custom_tool_call custom_tool_call_output \
    tool_search_call tool_search_output web_search_call image_generation_call compaction compaction_summary \
    context_compaction agent_message additional_tools ghost_snapshot other compaction_trigger \
    user_message agent_reasoning agent_reasoning_raw_content agent_reasoning_section_break token_count task_started \
    task_complete turn_started turn_complete turn_aborted thread_rolled_back context_compacted thread_settings_applied \
    item_completed item_started entered_review_mode exited_review_mode patch_apply_end mcp_tool_call_end web_search_end \
    exec_command_end image_generation_end thread_goal_updated sub_agent_activity thread_name_updated undo_completed error \
    stream_error warning UserMessage AgentMessage Reasoning CommandExecution FileChange McpToolCall WebSearch Text \
    user assistant developer system tool input_text output_text input_image text summary_text reasoning_text \
    legacy paginated exec cli mcp vscode unknown codex_exec codex_cli_rs codex_vscode codex-mcp-client rehydra auto \
    concise detailed none minimal low medium high xhigh friendly pragmatic default plan code read-only workspace-write \
    danger-full-access untrusted on-request on-failure never disabled managed external read write completed in_progress \
    incomplete failed interrupted replaced review_ended commentary final_answer final tokens bytes restricted enabled \
    openai stub rehydra-stub gpt-5 gpt-5-codex gpt-5.1 gpt-5.1-codex gpt-5.1-codex-max gpt-5.2 gpt-5.2-codex gpt-5.3-codex \
    o3 o4-mini bash zsh sh fish powershell exec_command write_stdin apply_patch update_plan view_image shell \
    shell_command container.exec local_shell web_search request_user_input spawn_agent send_input wait_agent close_agent \
    tool_search image_generation list_mcp_resources read_mcp_resource",
);

/// Keys whose values are words of such lists.
static OF_WORDS: Words = words(
    "\
    type role record_type history_mode source thread_source originator model_provider model effort reasoning_effort \
    summary personality mode approval_policy sandbox_policy status phase reason access network name shell memory_mode \
    detail approvals_reviewer",
);

/// Keys whose values name something else in the home or in the file.
static OF_IDS: Words = words(
    "\
    id session_id thread_id turn_id root_turn_id call_id item_id window_id forked_from_id parent_thread_id \
    ghost_commit from to",
);

/// Keys of numbers by which records, segments and rollbacks are ordered.
static OF_NUMBERS: Words = words(
    "\
    ordinal end_ordinal_exclusive end_byte_offset forked_from_ordinal_exclusive subagent_history_start_ordinal num_turns \
    window_number history_sequence v",
);

/// Keys of times.
static OF_TIMES: Words = words("timestamp at current_date started_at completed_at");

/// Tags by which Codex knows its own messages, without their brackets.
static TAGS: Words = words(
    "\
    environment_context cwd approval_policy sandbox_mode network_access shell writable_roots root current_date timezone \
    user_instructions INSTRUCTIONS turn_aborted user_shell_command subagent_notification skill hook_prompt collaboration_mode \
    personality_spec model_switch permissions command result",
);

/// Beginnings of ids that say what the id is of.
pub(super) const ID_PREFIXES: [&str; 15] = [
    "call_", "msg_", "rs_", "fc_", "fco_", "ctc_", "cto_", "ws_", "ig_", "lsh_", "resp_", "item_", "exec-", "turn-",
    "cmp_",
];

/// A list of words, made into a set when it is first asked.
struct Words {
    list: &'static str,
    set: OnceLock<HashSet<&'static [u8]>>,
}

const fn words(list: &'static str) -> Words {
    Words { list, set: OnceLock::new() }
}

impl Words {
    fn set(&self) -> &HashSet<&'static [u8]> {
        self.set.get_or_init(|| self.list.split_ascii_whitespace().map(str::as_bytes).collect())
    }

    fn has(&self, word: &[u8]) -> bool {
        self.set().contains(word)
    }

    fn begins_with(&self, head: &[u8]) -> bool {
        self.set().iter().any(|word| word.starts_with(head))
    }
}

/// A key that Codex writes.
pub(super) fn is_key(key: &[u8]) -> bool {
    KEYS.has(key)
}

/// The beginning of one, where a line was torn.
pub(super) fn begins_key(key: &[u8]) -> bool {
    KEYS.begins_with(key)
}

/// A word of a closed list.
pub(super) fn is_word(word: &[u8]) -> bool {
    WORDS.has(word)
}

/// The beginning of one, where a line was torn.
pub(super) fn begins_word(word: &[u8]) -> bool {
    WORDS.begins_with(word)
}

/// Whether the key's value is of a closed list.
pub(super) fn is_of_words(key: &[u8]) -> bool {
    OF_WORDS.has(key)
}

/// Whether the key's value is an id.
pub(super) fn is_of_ids(key: &[u8]) -> bool {
    OF_IDS.has(key)
}

/// Whether the key's number is one that records are ordered by.
pub(super) fn is_of_numbers(key: &[u8]) -> bool {
    OF_NUMBERS.has(key)
}

/// Whether `text` is the value of a key of times and has the shape of one: a date, or a time as RFC 3339 writes it.
pub(super) fn is_time(key: &[u8], text: &[u8]) -> bool {
    OF_TIMES.has(key) && time_shaped(text)
}

fn time_shaped(text: &[u8]) -> bool {
    let fits = |pattern: &[u8], text: &[u8]| {
        pattern.len() == text.len()
            && pattern.iter().zip(text).all(|(p, b)| if *p == b'0' { b.is_ascii_digit() } else { p == b })
    };
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    if !fits(b"0000-00-00", date) {
        return false;
    }
    let Some((time, rest)) = rest.split_at_checked(9) else { return rest.is_empty() };
    let fraction = rest.strip_suffix(b"Z").unwrap_or(rest);
    let digits = fraction.strip_prefix(b".").unwrap_or(fraction);
    fits(b"T00:00:00", time)
        && (rest == b"Z" || fraction.len() == digits.len() + 1 && digits.len() <= 9)
        && digits.iter().all(u8::is_ascii_digit)
}

/// Whether `text` is the value of `cli_version` and has the shape of a release: `0.153.4`, `0.170.0-alpha.3`.
pub(super) fn is_version(key: &[u8], text: &[u8]) -> bool {
    let number = |part: &[u8]| (1..=4).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let mut sides = text.splitn(2, |byte| *byte == b'-');
    let release = sides.next().unwrap_or_default();
    let pre = sides.next().is_none_or(|pre| {
        let mut parts = pre.splitn(2, |byte| *byte == b'.');
        let (word, n) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        matches!(word, b"alpha" | b"beta" | b"rc") && number(n)
    });
    key == b"cli_version"
        && pre
        && release.split(|byte| *byte == b'.').filter(|part| number(part)).count() == 3
        && release.iter().filter(|byte| **byte == b'.').count() == 2
}

/// The tag that `text` begins with, brackets included, if Codex writes it: its length.
pub(super) fn tag(text: &[u8]) -> Option<usize> {
    let inner = text.strip_prefix(b"<")?;
    let name = inner.strip_prefix(b"/").unwrap_or(inner);
    let end = name.iter().take(32).position(|byte| *byte == b'>')?;
    let whole = name.get(..end)?;
    let plain = whole.strip_suffix(b" instructions").unwrap_or(whole);
    TAGS.has(plain).then_some(text.len() - name.len() + end + 1)
}
