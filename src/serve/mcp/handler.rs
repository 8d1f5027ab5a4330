//! The four methods, as rmcp calls them.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CustomNotification, Implementation, InitializeRequestParams,
    InitializeResult, JsonObject, ListToolsResult, PaginatedRequestParams, ProtocolVersion, RequestId,
    ServerCapabilities, ServerConfig, ServerNotification,
};
use rmcp::service::{Peer, RequestContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::order::Place;
use super::result::tool_result;
use crate::serve::arguments::{self, Refusal};
use crate::serve::engine::{Call, Engine, EventSink, Outcome};
use crate::serve::events::Event;
use crate::serve::schema::{self, Tool};

/// Answers requests by an engine.
pub(super) struct Handler {
    engine: Arc<dyn Engine>,
    initialized: AtomicBool,
}

impl Handler {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Handler {
        Handler { engine, initialized: AtomicBool::new(false) }
    }

    async fn call(&self, request: CallToolRequestParams, call: Call<'_>) -> Outcome {
        match Tool::named(&request.name) {
            Some(Tool::Codex) => match arguments::start_request(request.arguments) {
                Ok(request) => self.engine.start(request, call).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            Some(Tool::CodexReply) => match arguments::reply_request(request.arguments, |id| self.engine.thread_id(id))
            {
                Ok(request) => self.engine.reply(request, call).await,
                Err(refusal) => Outcome::Refused(refusal),
            },
            None => Outcome::Refused(Refusal::UnknownTool(request.name.into_owned())),
        }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        let server = Implementation::new("rehydra", env!("CARGO_PKG_VERSION")).with_title("Rehydra");
        let mut info = ServerConfig::new(capabilities).with_server_info(server);
        info.protocol_version = ProtocolVersion::V_2025_11_25;
        info
    }

    /// Later versions have no `initialize` and no requests from server to client.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        if self.initialized.swap(true, Ordering::SeqCst) {
            return Err(ErrorData::invalid_request("initialize called more than once", None));
        }
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Tool::ALL.into_iter().map(listed).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let events = Notifications { peer: context.peer.clone(), request: context.id.clone() };
        let call = Call { events: &events, cancel: &context.ct };
        let place = Place::of(&context.extensions);
        // A defect must not leave the client without an answer, nor the end of the input waiting for one.
        match AssertUnwindSafe(place.run(self.call(request, call))).catch_unwind().await {
            Ok(outcome) => Ok(tool_result(outcome).into()),
            Err(_) => {
                Err(ErrorData::internal_error("a defect of rehydra ended this call; see its standard error", None))
            }
        }
    }
}

fn listed(tool: Tool) -> rmcp::model::Tool {
    rmcp::model::Tool::new(tool.name(), tool.description(), object(tool.input_schema()))
        .with_title(tool.title())
        .with_raw_output_schema(object(schema::output_schema()))
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(map) => Arc::new(map),
        _ => Arc::default(),
    }
}

/// Events of one call as `codex/event` notifications.
struct Notifications {
    peer: Peer<RoleServer>,
    request: RequestId,
}

impl EventSink for Notifications {
    fn emit(&self, event: Event) -> BoxFuture<'_, ()> {
        let params = json!({
            "_meta": {"requestId": self.request, "threadId": event.thread.to_string()},
            "msg": event.msg_json(),
            "id": event.turn
        });
        let notification = CustomNotification::new("codex/event", Some(params));
        async move {
            // A client that no longer reads gets no events; its turn goes on and is on disk in the end.
            let _ = self.peer.send_notification(ServerNotification::CustomNotification(notification)).await;
        }
        .boxed()
    }
}
