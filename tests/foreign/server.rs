//! Small servers that hold conversations and are not Codex: other tools, other ids, other places for their files.
//!
//! One program, several modes. All of them keep a conversation as the items that they send to the Responses API, and
//! none of them knows of rollouts, of Codex or of this harness. A call runs in a thread of its own; calls of one
//! conversation run one after another; at the end of the input what is in flight is finished.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::model::{self, Engine, Given};
use crate::shape::{self, Said};
use crate::store::Store;

/// What a server does, and what it looks like from outside ([`shape`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One tool, ids that stay, an own store: does everything right.
    Ask,
    /// The same tool without a store: every id is answered, after a restart with an empty history.
    Forgetful,
    /// As `Ask`, but the model is asked by a child process that outlives its server.
    Engine,
    /// Two tools of other names, listed on two pages; the id stands in the text alone and changes at a restart.
    Two,
    /// Arguments inside arguments, answers as JSON in a text, an error of the protocol for an id that it does not know.
    Nested,
}

impl Mode {
    fn of(name: &str) -> Option<Mode> {
        let modes = [
            ("ask", Mode::Ask),
            ("forgetful", Mode::Forgetful),
            ("engine", Mode::Engine),
            ("two", Mode::Two),
            ("nested", Mode::Nested),
        ];
        modes.into_iter().find_map(|(known, mode)| (known == name).then_some(mode))
    }
}

/// One conversation, as this process knows it. Its items are on disk where there is a store: another process may have
/// gone on with it.
#[derive(Default)]
struct Session {
    id: String,
    dir: Option<String>,
    items: Vec<Value>,
    engine: Option<Engine>,
}

struct Server {
    mode: Mode,
    store: Option<Store>,
    sessions: Mutex<HashMap<String, Arc<Mutex<Session>>>>,
    /// The calls under way by their ids, and how each is given up.
    calls: Mutex<HashMap<String, Arc<Given>>>,
}

/// Serves until the end of its input.
pub(crate) fn serve(mode: &str) -> ExitCode {
    let Some(mode) = Mode::of(mode) else {
        eprintln!("there is no mode `{mode}`");
        return ExitCode::from(2);
    };
    let store = (mode != Mode::Forgetful).then(Store::open);
    let server = Arc::new(Server { mode, store, sessions: Mutex::default(), calls: Mutex::default() });
    let mut calls = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let (id, params) = (message["id"].clone(), message["params"].clone());
        match message["method"].as_str() {
            // An answer, to what nobody asked.
            None => {}
            Some("notifications/cancelled") => server.give_up(&params["requestId"]),
            Some(_) if id.is_null() => {}
            Some("initialize") => respond(&id, Ok(shape::welcome(&params))),
            Some("ping") => respond(&id, Ok(json!({}))),
            Some("tools/list") => respond(&id, Ok(shape::tools(mode, params["cursor"].as_str()))),
            Some("tools/call") => {
                let Some(given) = server.take(&id) else { continue };
                let server = Arc::clone(&server);
                calls.push(std::thread::spawn(move || server.answer(&id, &params, &given)));
            }
            Some(_) => respond(&id, Err(json!({"code": -32601, "message": "method not found"}))),
        }
    }
    for call in calls {
        // A call that panicked has complained on stderr.
        let _ = call.join();
    }
    // Its conversations are over, and so are their engines.
    server.sessions.lock().expect("no call panics").clear();
    ExitCode::SUCCESS
}

fn respond(id: &Value, outcome: Result<Value, Value>) {
    let mut message = json!({"jsonrpc": "2.0", "id": id});
    match outcome {
        Ok(result) => message["result"] = result,
        Err(error) => message["error"] = error,
    }
    let mut out = std::io::stdout().lock();
    // A client that has gone is the end of the story.
    if out.write_all(format!("{message}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

impl Server {
    /// A call begins; `None` if one with that id is under way, which this one is a repetition of.
    fn take(&self, id: &Value) -> Option<Arc<Given>> {
        let mut calls = self.calls.lock().expect("no call panics");
        if calls.contains_key(&id.to_string()) {
            return None;
        }
        let given = Arc::new(Given::default());
        calls.insert(id.to_string(), Arc::clone(&given));
        Some(given)
    }

    /// The client does not want that answer any more.
    fn give_up(&self, id: &Value) {
        if let Some(given) = self.calls.lock().expect("no call panics").get(&id.to_string()) {
            given.up();
        }
    }

    fn answer(&self, id: &Value, params: &Value, given: &Given) {
        let outcome = self.call(params, given);
        self.calls.lock().expect("no call panics").remove(&id.to_string());
        // What was taken back is answered by nothing.
        if !given.is_up() {
            respond(id, outcome);
        }
    }

    fn call(&self, params: &Value, given: &Given) -> Result<Value, Value> {
        let said = match shape::read(self.mode, params) {
            Ok(said) => said,
            Err(other) => return other,
        };
        let session = match &said.id {
            None => self.begin(&said),
            Some(id) => match self.find(id) {
                Some(session) => session,
                None => return shape::unknown(self.mode, id),
            },
        };
        let mut session = session.lock().expect("no call panics");
        match self.turn(&mut session, &said.prompt, given) {
            Ok(text) => {
                let mut result = shape::answer(self.mode, &session.id, &text);
                if let Some(dir) = session.dir.as_deref().filter(|dir| !Path::new(dir).is_dir()) {
                    shape::add_note(self.mode, &mut result, &format!("the directory {dir} is not there any more"));
                }
                Ok(result)
            }
            Err(why) => Ok(shape::failed(self.mode, &session.id, &why)),
        }
    }

    fn begin(&self, said: &Said) -> Arc<Mutex<Session>> {
        let session = Session { id: shape::fresh(self.mode), dir: said.dir.clone(), ..Session::default() };
        if let Some(store) = &self.store {
            store.begin(&session.id, session.dir.as_deref(), &[]);
        }
        self.keep(session)
    }

    fn keep(&self, session: Session) -> Arc<Mutex<Session>> {
        let mut sessions = self.sessions.lock().expect("no call panics");
        let id = session.id.clone();
        Arc::clone(sessions.entry(id).or_insert_with(|| Arc::new(Mutex::new(session))))
    }

    /// In memory, else on disk, else nowhere.
    fn find(&self, id: &str) -> Option<Arc<Mutex<Session>>> {
        if let Some(session) = self.sessions.lock().expect("no call panics").get(id) {
            return Some(Arc::clone(session));
        }
        let Some(store) = &self.store else {
            return Some(self.keep(Session { id: id.to_owned(), ..Session::default() }));
        };
        let (dir, items) = store.read(id)?;
        if self.mode != Mode::Two {
            return Some(self.keep(Session { id: id.to_owned(), dir, items, engine: None }));
        }
        let fresh = shape::fresh(self.mode);
        store.begin(&fresh, dir.as_deref(), &items);
        let session = self.keep(Session { id: fresh, dir, items, engine: None });
        let mut sessions = self.sessions.lock().expect("no call panics");
        sessions.insert(id.to_owned(), Arc::clone(&session));
        Some(session)
    }

    /// One turn: asks the model until it calls no more tools, of which there are none here. What it says is on disk
    /// before anybody else hears of it; a turn that fails leaves nothing. Two processes take their turns one after the
    /// other.
    fn turn(&self, session: &mut Session, prompt: &str, given: &Given) -> Result<String, String> {
        let _held = self.store.as_ref().map(|store| store.hold(&session.id));
        if let Some((_, items)) = self.store.as_ref().and_then(|store| store.read(&session.id)) {
            session.items = items;
        }
        let mut turn = vec![model::user(prompt)];
        for _ in 0..8 {
            let place = session.dir.as_deref().map(model::place);
            let input: Vec<Value> = place.into_iter().chain(session.items.clone()).chain(turn.clone()).collect();
            let said = match self.mode {
                Mode::Engine => session.engine.get_or_insert_with(Engine::start).respond(&input)?,
                _ => model::respond(&input, given)?,
            };
            let calls: Vec<Value> = said.iter().filter_map(model::refuse_call).collect();
            turn.extend(said);
            if calls.is_empty() {
                if let Some(store) = &self.store {
                    store.append(&session.id, &turn);
                }
                let text = turn.iter().map(model::text).collect();
                session.items.append(&mut turn);
                return Ok(text);
            }
            turn.extend(calls);
        }
        Err("the model calls tools without end".to_owned())
    }
}
