//! The records of each version, key by key.

use std::io;

use super::author::{Author, PIXEL};
use super::expected::Item;
use super::text::Text;
use super::{Era, MODEL, MODEL_PROVIDER};
use crate::marker::Marker;
use crate::rollout::draft::utc_millis;
use crate::rollout::settings::{Approval, Sandbox};

/// What a provider gives for its thoughts.
pub(super) const ENCRYPTED: &str = "gAAAAABmcmVoeWRyYS1tYWRlLXVwLXJlYXNvbmluZw==";
/// What Codex tells the model of an interruption (0.130.0, 0.153.4, 0.169.0).
pub(super) const ABORTED: &str = "<turn_aborted>\nThe user interrupted the previous turn on purpose.\n</turn_aborted>";

/// The text of a prompt.
pub(super) fn prompt_text(colour: &str, marker: &Marker) -> String {
    format!("Remember the colour {colour}. {marker}")
}

impl Author<'_> {
    /// Line 1. Keys came with versions, and stand in the order in which 0.169.0 writes them.
    pub(super) fn session_meta(&mut self) -> io::Result<()> {
        let (thread, minor, spec) = (self.thread, self.minor, self.spec);
        let id = thread.id.to_string();
        let at = utc_millis(thread.start);
        if spec.era == Era::Bare {
            self.bare(|text| {
                text.raw("{\"id\":").string(&id).field("timestamp", &at).key("instructions").raw("null}");
            })?;
            return self.bare(|text| {
                text.raw("{\"record_type\":\"state\"}");
            });
        }
        let lineage = &thread.lineage;
        self.record("session_meta", |text| {
            if minor >= 169 {
                text.raw("\"account_scoped\":false,");
            }
            if minor >= 142 {
                text.raw("\"session_id\":").string(&id).raw(",");
            }
            text.raw("\"id\":").string(&id).field("timestamp", &at).field("cwd", &thread.cwd);
            if let Some(parent) = lineage.forked_from {
                text.field("forked_from_id", &parent.to_string());
            }
            text.field("originator", "codex_exec").field("cli_version", spec.cli_version());
            if minor < 95 {
                text.key("instructions").raw("null");
            }
            if minor >= 55 {
                text.field("source", "exec").field("model_provider", MODEL_PROVIDER);
            }
            if minor >= 95 {
                text.key("base_instructions").raw("{\"text\":\"Answer briefly.\"}");
            }
            if minor >= 136 {
                text.field("thread_source", "user");
            }
            if let Some(base) = &lineage.base {
                if lineage.forked_from.is_some() && lineage.segment.is_none() {
                    text.key("forked_from_ordinal_exclusive").number(base.end_ordinal_exclusive);
                }
                text.key("history_base").raw("{\"thread_id\":").string(&base.rollout_id);
                text.key("end_ordinal_exclusive").number(base.end_ordinal_exclusive);
                text.key("end_byte_offset").number(base.end_byte_offset).raw("}");
            }
            if spec.era != Era::Envelope {
                text.field("history_mode", if spec.era == Era::Paginated { "paginated" } else { "legacy" });
                text.key("context_window").raw("{\"window_id\":").string(&format!("{id}-window")).raw("}");
            }
        })
    }

    /// A response item. Later versions write an id into it, and bookkeeping with a fraction of a second.
    pub(super) fn response_item(&mut self, kind: &str, fields: impl FnOnce(&mut Text)) -> io::Result<()> {
        let (era, minor) = (self.spec.era, self.minor);
        let id = format!("item_{}", self.records);
        let seconds = self.now().as_millisecond() as f64 / 1000.0 + 0.000_450_7;
        let sequence = self.records;
        let item = move |text: &mut Text| {
            text.raw("\"type\":").string(kind);
            if matches!(era, Era::WorldState | Era::Paginated) {
                text.field("id", &id);
            }
            fields(text);
            if era == Era::Paginated {
                text.key("internal_chat_message_metadata_passthrough");
                text.raw("{\"create_time\":").raw(&seconds.to_string()).raw("}");
            }
        };
        if era == Era::Bare {
            self.bare(|text| {
                text.raw("{");
                item(text);
                text.raw("}");
            })?;
            return self.bare(|text| {
                text.raw("{\"record_type\":\"state\"}");
            });
        }
        self.record("response_item", |text| {
            item(text);
            if minor >= 160 {
                // A fourth key of the envelope: the payload is closed here, and the key's object by the record.
                text.raw("},\"metadata\":{\"history_sequence\":").number(sequence);
                text.key("client_authored").raw("false");
            }
        })
    }

    pub(super) fn turn_context(&mut self, turn_id: &str) -> io::Result<()> {
        if self.spec.era == Era::Bare {
            return Ok(());
        }
        let spec = self.spec;
        let sandbox = Sandbox::from_name(&spec.sandbox)
            .map_or_else(|| serde_json::json!({ "type": spec.sandbox }), |known| known.to_value());
        let approval =
            Approval::from_name(&spec.approval).map_or_else(|| spec.approval.clone().into(), |known| known.to_value());
        let (cwd, minor) = (&self.thread.cwd, self.minor);
        self.record("turn_context", |text| {
            if minor >= 105 {
                text.raw("\"turn_id\":").string(turn_id).raw(",");
            }
            text.raw("\"cwd\":").string(cwd).key("approval_policy").raw(&approval.to_string());
            text.key("sandbox_policy").raw(&sandbox.to_string());
            text.field("model", MODEL).field("summary", "auto");
        })
    }

    pub(super) fn world_state(&mut self) -> io::Result<()> {
        let cwd = &self.thread.cwd;
        self.record("world_state", |text| {
            text.raw("\"full\":true,\"state\":{\"environments\":{\"environments\":{\"local\":{\"cwd\":");
            text.string(cwd).field("shell", "bash").raw("}}}}");
        })
    }

    /// From 0.105 on.
    pub(super) fn task_started(&mut self, turn_id: &str) -> io::Result<()> {
        if self.minor < 105 {
            return Ok(());
        }
        self.event("task_started", |text| {
            text.field("turn_id", turn_id).key("model_context_window").number(258_400);
        })
    }

    /// From 0.105 on.
    pub(super) fn task_complete(&mut self, turn_id: &str, last: Option<&str>) -> io::Result<()> {
        if self.minor < 105 {
            return Ok(());
        }
        self.event("task_complete", |text| {
            text.field("turn_id", turn_id).key("last_agent_message");
            match last {
                Some(last) => {
                    text.string(last);
                }
                None => {
                    text.raw("null");
                }
            }
        })
    }

    pub(super) fn turn_aborted(&mut self, turn_id: &str) -> io::Result<()> {
        self.event("turn_aborted", |text| {
            text.field("turn_id", turn_id).field("reason", "interrupted");
        })
    }

    /// What listings show of a prompt.
    pub(super) fn told_prompt(&mut self, turn_id: &str, prompt: &str) -> io::Result<()> {
        let images = self.spec.images;
        if self.spec.era == Era::Paginated {
            return self.item_completed(turn_id, "UserMessage", |text| {
                text.key("content").raw("[{\"type\":\"text\"").field("text", prompt).raw(",\"text_elements\":[]}");
                if images {
                    text.raw(",{\"type\":\"image\"").field("image_url", PIXEL).raw("}");
                }
                text.raw("]");
            });
        }
        self.event("user_message", |text| {
            text.field("message", prompt).key("images").raw("[");
            if images {
                text.string(PIXEL);
            }
            text.raw("],\"local_images\":[],\"text_elements\":[]");
        })
    }

    /// What listings show of a reply.
    pub(super) fn told_reply(&mut self, turn_id: &str, reply: &str) -> io::Result<()> {
        if self.spec.era == Era::Paginated {
            return self.item_completed(turn_id, "AgentMessage", |text| {
                text.key("content").raw("[{\"type\":\"Text\"").field("text", reply).raw("}]");
            });
        }
        self.event("agent_message", |text| {
            text.field("message", reply);
        })
    }

    /// What listings show of reasoning.
    pub(super) fn told_reasoning(&mut self, turn_id: &str, summary: &str) -> io::Result<()> {
        if self.spec.era == Era::Paginated {
            return self.item_completed(turn_id, "Reasoning", |text| {
                text.key("summary_text").raw("[").string(summary).raw("],\"raw_content\":[]");
            });
        }
        self.event("agent_reasoning", |text| {
            text.field("text", summary);
        })
    }

    fn item_completed(&mut self, turn_id: &str, kind: &str, fields: impl FnOnce(&mut Text)) -> io::Result<()> {
        let at = u64::try_from(self.now().as_millisecond()).unwrap_or(0);
        let thread = self.thread.id.to_string();
        let id = format!("ui_{}", self.records);
        self.event("item_completed", |text| {
            text.field("thread_id", &thread).field("turn_id", turn_id);
            text.key("item").raw("{\"type\":").string(kind).field("id", &id);
            fields(text);
            text.raw("}").key("started_at_ms").number(at).key("completed_at_ms").number(at);
        })
    }

    /// A compaction; with the history that replaces what was before, or a summary alone.
    pub(super) fn compacted(&mut self, summary: &str, history: Option<&[Item]>) -> io::Result<()> {
        let images = self.spec.images;
        self.record("compacted", |text| {
            text.raw("\"message\":").string(summary);
            let Some(history) = history else { return };
            text.key("replacement_history").raw("[");
            for item in history {
                let (Some(colour), Some(marker)) = (item.prompt, &item.marker) else { continue };
                text.raw("{\"type\":\"message\"");
                text.message("user", &prompt_text(colour, marker), Some(PIXEL).filter(|_| images)).raw("},");
            }
            text.raw("{\"type\":\"message\"").message("user", summary, None).raw("}]");
        })
    }
}
