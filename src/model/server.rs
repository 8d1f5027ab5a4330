//! The stub's listener: accepts connections, serves each in a task of its own, ends them all when it stops.

use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::journal::{Broken, CallId, Journal, Kind, Lane};
use crate::limits::{MODEL_CONNECTIONS, MODEL_READ_MS, MODEL_REQUEST_BYTES};
use crate::marker::Marker;

use super::counting::{CountingIo, Wire};
use super::exchange::{Shared, answer};
use super::gate::Gate;
use super::script::Response;
use super::turns::{BadPattern, Turns};

/// A running stub model. It stops when it is dropped; [`Stub::stop`] waits until its connections have ended.
pub struct Stub {
    port: u16,
    shared: Arc<Shared>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Stub {
    /// Listens on a free loopback port. `token` is the bearer token that each request must carry. Must be called within
    /// a tokio runtime that has time and IO enabled.
    pub fn start(journal: Journal, gate: Arc<dyn Gate>, token: String) -> io::Result<Stub> {
        Stub::start_with_limit(journal, gate, token, MODEL_REQUEST_BYTES)
    }

    pub(super) fn start_with_limit(
        journal: Journal,
        gate: Arc<dyn Gate>,
        token: String,
        request_limit_bytes: usize,
    ) -> io::Result<Stub> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let listener = TcpListener::from_std(listener)?;
        let (turns, requests) = (Turns::default().into(), Default::default());
        let shared = Arc::new(Shared { journal, gate, token: token.into(), request_limit_bytes, turns, requests });
        let stub = Stub { port, shared, stopping: CancellationToken::new(), tasks: TaskTracker::new() };
        let accepting = accept(listener, Arc::clone(&stub.shared), stub.stopping.clone(), stub.tasks.clone());
        stub.tasks.spawn(accepting);
        Ok(stub)
    }

    /// The port on 127.0.0.1. The API's base URL is `http://127.0.0.1:PORT/v1`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on `token` is the one bearer token that a request may carry.
    pub fn accept(&self, token: String) {
        *self.shared.token() = token;
    }

    /// Registers a turn: requests whose last prompt holds `marker` are those of `call`, and the *n*-th of them gets the
    /// *n*-th of `responses`. To be called before the call is sent.
    pub fn expect(&self, call: CallId, marker: Marker, responses: Vec<Response>) {
        self.shared.turns().expect(call, marker, responses);
    }

    /// Registers an answer, given each time, to requests whose last prompt matches the regular expression and holds no
    /// registered marker. Patterns are tried in the order of registration.
    pub fn unprompted(&self, pattern: &str, response: Response) -> Result<(), BadPattern> {
        self.shared.turns().unprompted(pattern, response)
    }

    /// Stops listening, ends every connection, and returns when all of them are closed.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stopping: CancellationToken, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(MODEL_CONNECTIONS));
    let mut connection = 0;
    let accepting = async {
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => break error,
            };
            connection += 1;
            let serving = serve(stream, connection, Arc::clone(&shared));
            let stopping = stopping.clone();
            tasks.spawn(async move {
                let _place = place;
                stopping.run_until_cancelled(serving).await;
            });
        }
    };
    if let Some(error) = stopping.run_until_cancelled(accepting).await {
        let text = format!("the stub model can accept no more connections: {error}; raise the limit of open files");
        shared.journal.append(Lane::Model, Kind::Broken(Broken { step: None, text }));
    }
}

/// Serves the one exchange of a connection. hyper drops the exchange when it sees that the client is gone, whatever
/// the exchange is waiting for.
async fn serve(stream: TcpStream, connection: u32, shared: Arc<Shared>) {
    // Each chunk is to leave at once; without this the kernel may hold it back for the next one.
    let _ = stream.set_nodelay(true);
    let wire = Arc::new(Wire::new(connection, shared.journal.clone()));
    let io = CountingIo::new(stream, Arc::clone(&wire));
    let service = service_fn(move |request| Box::pin(answer(Arc::clone(&shared), Arc::clone(&wire), request)));
    let mut serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(MODEL_READ_MS))
        .keep_alive(false)
        .auto_date_header(false)
        .serve_connection(io, service);
    // An error here is the client's going away or a scripted break; both are in the journal already.
    let _ = std::future::poll_fn(|context| serving.poll_without_shutdown(context)).await;
    serving.into_parts().io.close();
}
