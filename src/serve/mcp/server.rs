//! One connection, from its first line to its end.

use std::sync::Arc;

use rmcp::service::{QuitReason, serve_directly};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{handler, transport};
use crate::serve::engine::Engine;

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
#[non_exhaustive]
pub enum ServeError {
    /// The task that serves is gone.
    #[error("the serving task ended abnormally: {0}; this is a defect of rehydra, please report it")]
    Task(#[source] tokio::task::JoinError),
}
