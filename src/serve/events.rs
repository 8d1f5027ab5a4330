//! What a turn tells while it runs: the messages of Codex's `codex/event` notifications.
//!
//! Only those are made that clients are known to read: `session_configured`, the earliest moment at which the thread's
//! id and its rollout's path are known, and the landmarks of a turn. Their fields and the order of their keys are those
//! of Codex 0.153.4; `session_configured` also carries `sandbox_policy`, which 0.105 and 0.130 had in place of
//! `permission_profile`, so that readers of either find what they look for.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::rollout::ThreadId;
use crate::rollout::settings::{Approval, Sandbox};

/// One notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The thread that it belongs to.
    pub thread: ThreadId,
    /// The turn that it belongs to; empty before the first.
    pub turn: String,
    /// What happened.
    pub msg: EventMsg,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum EventMsg {
    /// A thread is there: it was begun, or brought back from disk.
    SessionConfigured(Box<SessionConfigured>),
    /// A turn begins.
    TaskStarted {
        /// Unix time in seconds.
        started_at: i64,
    },
    /// The prompt, as it went into the history.
    UserMessage {
        /// Its text.
        message: String,
    },
    /// A piece of an answer that is still being made.
    AgentMessageDelta {
        /// The item that it will be part of.
        item_id: String,
        /// The piece.
        delta: String,
    },
    /// A whole assistant message.
    AgentMessage {
        /// Its text.
        message: String,
    },
    /// The turn broke off.
    Error {
        /// Why.
        message: String,
    },
    /// The turn is over.
    TaskComplete {
        /// The last assistant message, if there was one.
        last_agent_message: Option<String>,
    },
}

/// See [`EventMsg::SessionConfigured`].
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfigured {
    /// The model's name.
    pub model: String,
    /// The provider's key in `config.toml`.
    pub model_provider_id: String,
    /// The thread's approval policy.
    pub approval: Approval,
    /// The thread's sandbox.
    pub sandbox: Sandbox,
    /// The thread's cwd.
    pub cwd: PathBuf,
    /// The thread's own rollout.
    pub rollout_path: PathBuf,
}

impl Event {
    /// The `msg` member of the notification.
    pub fn msg_json(&self) -> Value {
        let turn = &self.turn;
        match &self.msg {
            EventMsg::SessionConfigured(configured) => configured.to_json(self.thread),
            EventMsg::TaskStarted { started_at } => json!({
                "type": "task_started", "turn_id": turn, "started_at": started_at, "collaboration_mode_kind": "default"
            }),
            EventMsg::UserMessage { message } => json!({
                "type": "user_message", "message": message, "images": [], "local_images": [], "text_elements": []
            }),
            EventMsg::AgentMessageDelta { item_id, delta } => json!({
                "type": "agent_message_content_delta", "thread_id": self.thread.to_string(), "turn_id": turn,
                "item_id": item_id, "delta": delta
            }),
            EventMsg::AgentMessage { message } => json!({"type": "agent_message", "message": message, "phase": null}),
            EventMsg::Error { message } => json!({
                "type": "error", "message": message, "codex_error_info": "other"
            }),
            EventMsg::TaskComplete { last_agent_message } => json!({
                "type": "task_complete", "turn_id": turn, "last_agent_message": last_agent_message
            }),
        }
    }
}

impl SessionConfigured {
    fn to_json(&self, thread: ThreadId) -> Value {
        json!({
            "type": "session_configured",
            "session_id": thread.to_string(),
            "thread_id": thread.to_string(),
            "model": self.model,
            "model_provider_id": self.model_provider_id,
            "approval_policy": self.approval.to_value(),
            "approvals_reviewer": "user",
            "sandbox_policy": self.sandbox.to_value(),
            "permission_profile": self.permission_profile(),
            "cwd": self.cwd.to_string_lossy(),
            "rollout_path": self.rollout_path.to_string_lossy()
        })
    }

    /// What 0.153.4 shows for each sandbox. Temporary directories are never among the writable ones, as the policy
    /// written to the rollout excludes them.
    fn permission_profile(&self) -> Value {
        let mut entries = vec![json!({"path": {"type": "special", "value": {"kind": "root"}}, "access": "read"})];
        let mut network = "restricted";
        match &self.sandbox {
            Sandbox::ReadOnly => {}
            Sandbox::WorkspaceWrite { roots, network: enabled } => {
                let cwd = self.cwd.to_string_lossy().into_owned();
                for root in std::iter::once(&cwd).chain(roots) {
                    entries.push(json!({"path": {"type": "path", "path": root}, "access": "write"}));
                }
                if *enabled {
                    network = "enabled";
                }
            }
            Sandbox::DangerFullAccess | Sandbox::Unknown(_) => return json!({"type": "disabled"}),
        }
        json!({"type": "managed", "file_system": {"type": "restricted", "entries": entries}, "network": network})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(sandbox: Sandbox) -> Value {
        let thread = ThreadId::parse("01a2019e-7c9d-7000-8000-000000000001").unwrap();
        let msg = EventMsg::SessionConfigured(Box::new(SessionConfigured {
            model: "m".to_owned(),
            model_provider_id: "p".to_owned(),
            approval: Approval::Never,
            sandbox,
            cwd: "/w".into(),
            rollout_path: "/h/r.jsonl".into(),
        }));
        Event { thread, turn: String::new(), msg }.msg_json()
    }

    #[test]
    fn a_read_only_thread_shows_the_profile_that_codex_shows() {
        assert_eq!(
            configured(Sandbox::ReadOnly)["permission_profile"],
            json!({"type": "managed", "file_system": {"type": "restricted", "entries": [
                {"path": {"type": "special", "value": {"kind": "root"}}, "access": "read"}]}, "network": "restricted"})
        );
    }

    #[test]
    fn a_writing_thread_shows_its_cwd_and_roots() {
        let shown = configured(Sandbox::WorkspaceWrite { roots: vec!["/r".to_owned()], network: true });
        let entries = shown["permission_profile"]["file_system"]["entries"].as_array().unwrap();
        let writable: Vec<_> = entries.iter().filter(|entry| entry["access"] == "write").collect();
        assert_eq!((&writable[0]["path"]["path"], &writable[1]["path"]["path"]), (&json!("/w"), &json!("/r")));
        assert_eq!(shown["permission_profile"]["network"], "enabled");
    }

    #[test]
    fn no_sandbox_shows_as_disabled() {
        let shown = configured(Sandbox::DangerFullAccess);
        assert_eq!(shown["permission_profile"], json!({"type": "disabled"}));
        assert_eq!(shown["thread_id"], shown["session_id"]);
    }
}
