//! From options to a server that serves.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::embedded::http_model::{HttpModel, HttpSetupError};
use super::embedded::model::Credential;
use super::embedded::{EmbeddedEngine, Parts};
use super::engine::Engine;
use super::mcp;
use super::options::{EngineKind, Environment, ServeOptions};
use crate::codex::user_config::{ConfigError, Provider, UserConfig};

/// Why a server did not start, or ended other than by the end of its input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// `config.toml` cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model cannot be reached at all.
    #[error(transparent)]
    Http(#[from] HttpSetupError),
    /// No runtime.
    #[error("failed to start the server's threads: {0}; check the limits on processes and open files")]
    Runtime(#[source] io::Error),
    /// The server broke.
    #[error(transparent)]
    Serve(#[from] mcp::ServeError),
}

/// Serves MCP on standard input and output until the input ends and every call is answered. Blocks.
pub fn run(options: &ServeOptions) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(RunError::Runtime)?;
    let result = runtime.block_on(async {
        let (input, output) = rmcp::transport::stdio_pipes();
        serve(options, input, output).await
    });
    // A read of standard input that is still pending must not hold the process.
    runtime.shutdown_background();
    result
}

/// The same on any pair of streams.
pub async fn serve<R, W>(options: &ServeOptions, input: R, output: W) -> Result<(), RunError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let engine = engine(options)?;
    Ok(mcp::serve(engine, input, output).await?)
}

/// The engine that the options ask for.
pub fn engine(options: &ServeOptions) -> Result<Arc<dyn Engine>, RunError> {
    let config = UserConfig::read(&options.codex_home)?;
    let model = HttpModel::new(&config.provider.base_url, config.provider.request_max_retries)?;
    let parts = Parts {
        world: options.world.clone(),
        home: options.codex_home.clone(),
        process_cwd: options.process_cwd.clone(),
        model: Arc::new(model),
        credential: credential(&config.provider, &options.environment),
        ceiling: options.ceiling.clone(),
        rehydrate: options.rehydrate,
        config,
    };
    match options.engine {
        #[cfg(feature = "planted-bugs")]
        EngineKind::Embedded => Ok(Arc::new(EmbeddedEngine::with_bug(parts, options.bug))),
        #[cfg(not(feature = "planted-bugs"))]
        EngineKind::Embedded => Ok(Arc::new(EmbeddedEngine::new(parts))),
    }
}

fn credential(provider: &Provider, environment: &Environment) -> Credential {
    let Some(variable) = provider.env_key.clone() else { return Credential::None };
    // Codex takes an empty variable for a missing one.
    match environment(&variable).filter(|token| !token.trim().is_empty()) {
        Some(token) => Credential::Bearer(token),
        None => Credential::Missing { variable },
    }
}
