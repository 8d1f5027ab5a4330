//! MCP over stdio: a thin adapter between rmcp and the engine.
//!
//! rmcp has the protocol's types and runs one task a request; what it does differently from Codex's server is settled
//! around it, each in one small file:
//!
//! * [`lines`] cuts the input into lines of bounded length, blank lines and carriage returns as Codex takes them.
//! * [`gate`] decides about a line before rmcp sees it. Codex has no gate before `initialize`, ignores what is no
//!   request, and answers every method that it does not serve with -32601; rmcp ends the process at a notification that
//!   comes too early and answers `server/discover` by itself, after which clients speak a protocol in which no request
//!   goes from server to client.
//! * [`transport`] ties both to a writer, and hides the end of the input from rmcp until every call in flight is
//!   answered: rmcp would wait five seconds and no more, Codex waits for the turn.
//! * [`handler`] answers the four methods that remain; [`result`] makes tool results of outcomes.
//!
//! A cancelled call is answered by nothing, as the protocol wants. Signals are left to the kernel's default action, so
//! that SIGINT and SIGTERM end the process at once whatever is in flight, and with the exit status that Codex has;
//! everything that was acknowledged is on disk by then.

mod gate;
mod handler;
mod lines;
mod result;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;

use rmcp::service::{QuitReason, serve_directly};
use tokio::io::{AsyncRead, AsyncWrite};

use super::engine::Engine;

/// Serves `engine` until the input ends and everything in flight is answered.
pub async fn serve<R, W>(engine: Arc<dyn Engine>, input: R, output: W) -> Result<(), ServeError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let service = serve_directly(handler::Handler::new(engine), transport::Lines::new(input, output), None);
    match service.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(ServeError::Task(error)),
        Ok(_) => Ok(()),
    }
}

/// Why the server ended other than by the end of its input.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The task that serves is gone.
    #[error("the serving task ended abnormally: {0}; this is a defect of rehydra, please report it")]
    Task(#[source] tokio::task::JoinError),
}
