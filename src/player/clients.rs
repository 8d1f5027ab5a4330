//! The clients of a story, and the lives of their servers.
//!
//! Each client has a server of its own on the one home. `main` is there from the start and begins its first life with its
//! first call; any other begins one when a step says so. Lives are numbered through the run whoever begins them, and each
//! has a process cwd of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::story::{Stop, Story, make_dir};
use crate::fault::client::{Opening, Rung};
use crate::fault::plan::{Action, Signal, Whom};
use crate::journal::{Kind, Lane, SnapshotWhen, Unopened};
use crate::scenario::{ClientAct, ClientStep, Ending, MAIN_CLIENT, Restart};
use crate::target::home::{HOME_VAR, TOKEN_VAR, USER_VAR};
use crate::target::{Differs, End, LifePlan, Server, Target, Whose};

/// The client whose process [`Opening::Twice`] throws away. No name of a scenario has a line break.
const THROWN: &str = "\n";

/// The clients other than `main`, and who has a life.
pub(super) struct Clients<T> {
    others: BTreeMap<String, T>,
    /// Whose life has begun and is not buried yet, in that order.
    open: Vec<String>,
    /// `main` has begun its first life.
    main_began: bool,
}

impl<T> Default for Clients<T> {
    fn default() -> Clients<T> {
        Clients { others: BTreeMap::new(), open: Vec::new(), main_began: false }
    }
}

impl<T> Clients<T> {
    fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|open| open == name)
    }
}

impl<T: Target> Story<T> {
    /// The server of a client.
    pub(super) fn server(&self, client: &str) -> &T {
        self.clients.others.get(client).unwrap_or(&self.target)
    }

    pub(super) async fn restart(&mut self, restart: &Restart) -> Result<(), Stop> {
        self.end_life(MAIN_CLIENT, Some(end(restart.end, &restart.then))).await?;
        let server = restart.target.as_deref().map(|name| self.other(name)).transpose()?;
        self.differ(Differs { server, ..restart.into() })?;
        self.begin_life(MAIN_CLIENT, restart.opening).await
    }

    /// Another server of the story, which was found before anything was played.
    fn other(&self, name: &str) -> Result<Arc<Server>, Stop> {
        let found = self.servers.get(name).cloned();
        found.ok_or_else(|| Stop(format!("the server `{name}` was not looked for before the story was played")))
    }

    /// What is different from now on: in the next life, and in those of other clients that begin beside it. The model
    /// takes the credential that goes with it and no other.
    fn differ(&mut self, mut differs: Differs) -> Result<(), Stop> {
        self.home = match &differs.home {
            Some(name) => {
                let made = self.homes.named(name);
                made.map_err(|error| Stop(format!("failed to make the home `{name}`: {error}")))?
            }
            None => self.homes.usual(),
        };
        let configured = self.homes.configure(&self.home, differs.server.as_deref(), differs.retries);
        configured.map_err(|error| Stop(format!("failed to configure {}: {error}", self.home.display())))?;
        if let Some(name) = &differs.home {
            differs.env.push((HOME_VAR.to_owned(), self.home.display().to_string()));
            differs.env.push((USER_VAR.to_owned(), self.homes.user(name).display().to_string()));
        }
        let token = self.homes.token(differs.credentials.as_deref());
        self.stub.accept(token.clone());
        if differs.credentials.is_some() {
            differs.env.push((TOKEN_VAR.to_owned(), token));
        }
        self.differs = differs;
        Ok(())
    }

    pub(super) async fn client(&mut self, step: &ClientStep) -> Result<(), Stop> {
        match &step.act {
            ClientAct::Open(opening) => self.begin_life(&step.name, *opening).await,
            ClientAct::End { end: first, then } => self.end_life(&step.name, Some(end(*first, then))).await,
            ClientAct::Send(line) => {
                self.server(&step.name).write(line.as_bytes(), true).await;
                Ok(())
            }
            ClientAct::SendBytes(bytes) => {
                self.server(&step.name).write(bytes, true).await;
                Ok(())
            }
            ClientAct::CancelLast => {
                self.server(&step.name).cancel_last().await;
                Ok(())
            }
            ClientAct::SendHalf(line) => {
                self.server(&step.name).write(line.as_bytes(), false).await;
                self.end_life(&step.name, Some(End::Eof)).await
            }
        }
    }

    /// A client is about to call: `main` begins its first life by that, another has begun it before.
    pub(super) async fn is_calling(&mut self, client: &str) -> Result<(), Stop> {
        if client != MAIN_CLIENT || self.clients.main_began {
            return Ok(());
        }
        self.begin_life(client, Opening::Plain).await
    }

    /// Ends the life of a client, if there is one, and takes the snapshot of what its death left.
    pub(super) async fn end_life(&mut self, client: &str, end: Option<End>) -> Result<(), Stop> {
        if !self.clients.is_open(client) {
            return Ok(());
        }
        let buried = self.server(client).bury(end).await;
        // Only now: a run that reaches its limit while this waits still has a life to end.
        self.clients.open.retain(|open| open != client);
        buried?;
        self.count_effects()?;
        self.snapshot(SnapshotWhen::Death);
        Ok(())
    }

    /// Buries the lives that are over.
    pub(super) async fn bury_the_dead(&mut self) -> Result<(), Stop> {
        for client in self.clients.open.clone() {
            if !self.server(&client).is_alive() {
                self.end_life(&client, None).await?;
            }
        }
        Ok(())
    }

    /// Ends every life at once, as far as that can be done: the machine stops.
    pub(super) async fn stop_all(&mut self) -> Result<(), Stop> {
        for client in &self.clients.open {
            self.server(client).act(Action::Kill { signal: Signal::Kill, whom: Whom::Group });
        }
        for client in self.clients.open.clone() {
            self.end_life(&client, Some(End::Signal(Signal::Kill, Whom::Group))).await?;
        }
        Ok(())
    }

    /// Ends every life that is left; all of them are ended, whatever becomes of one.
    pub(super) async fn end_all(&mut self) -> Vec<Stop> {
        let mut failed = Vec::new();
        for client in self.clients.open.clone() {
            failed.extend(self.end_life(&client, Some(End::Eof)).await.err());
        }
        failed
    }

    /// Begins the next life of a client.
    async fn begin_life(&mut self, client: &str, opening: Opening) -> Result<(), Stop> {
        if client != MAIN_CLIENT && !self.clients.others.contains_key(client) {
            let another = self.target.another();
            self.clients.others.insert(client.to_owned(), another);
        }
        self.decoy()?;
        self.keep_sqlite()?;
        self.snapshot(SnapshotWhen::Birth);
        if opening == Opening::Twice {
            let another = self.target.another();
            self.clients.others.entry(THROWN.to_owned()).or_insert(another);
            self.spawn(THROWN, None).await?;
        }
        self.spawn(client, Some(opening)).await?;
        self.end_life(THROWN, Some(End::Signal(Signal::Kill, Whom::Group))).await
    }

    /// Begins a life in a process cwd of its own. A server whose first life does not open cannot be used. One that had
    /// opened before and does not any more has failed at what is tested: its story goes on without a life.
    async fn spawn(&mut self, client: &str, opening: Option<Opening>) -> Result<(), Stop> {
        self.lives += 1;
        let incarnation = self.lives;
        let process_cwd = self.dir.join(format!("life-{incarnation}"));
        make_dir(&process_cwd)?;
        self.clients.main_began |= client == MAIN_CLIENT;
        self.clients.open.push(client.to_owned());
        let plan = LifePlan { incarnation, process_cwd, opening, differs: self.differs.clone() };
        let opened = self.server(client).open(plan).await;
        let Err(error) = opened else { return Ok(()) };
        if error.whose == Whose::Server {
            // What was begun is buried already.
            self.clients.open.retain(|open| open != client);
            self.journal.append(Lane::Target, Kind::Unopened(Unopened { text: error.text.clone() }));
            if incarnation > 1 {
                self.snapshot(SnapshotWhen::Death);
                return Ok(());
            }
        }
        Err(error.into())
    }
}

impl From<&Restart> for Differs {
    fn from(restart: &Restart) -> Differs {
        let Restart { home, credentials, retries, tz, env, .. } = restart.clone();
        let zone = tz.map(|tz| ("TZ".to_owned(), tz));
        // Which server it is, only the story can tell.
        Differs { home, credentials, server: None, retries, env: env.into_iter().chain(zone).collect() }
    }
}

fn end(first: Ending, then: &[Rung]) -> End {
    match (first, then) {
        (Ending::Signal { signal, whom }, []) => End::Signal(signal, whom),
        (Ending::Eof, []) => End::Eof,
        (first, then) => {
            let first = Rung { after_ms: 0, end: Action::from(first) };
            End::Ladder(std::iter::once(first).chain(then.iter().copied()).collect())
        }
    }
}
