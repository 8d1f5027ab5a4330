//! A home, the stub model with gates that tests hold, and servers that speak over their own pipes.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehydra::journal::{self, CallId, Journal, Kind, ModelRequest};
use rehydra::limits::Limits;
use rehydra::marker::{Carrier, Marker};
use rehydra::model::Stub;
use rehydra::model::gate::{Gate, Point};
use rehydra::model::script::{Failure, Output, Response};
use rehydra::target::profile;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

/// A test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const TOKEN_VAR: &str = "STUB_TOKEN";
const TOKEN: &str = "a token of this test";

/// Awaits, but not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("what the test waits for happens")
}

/// One home and one model, for any number of servers.
pub(crate) struct Rig {
    dir: tempfile::TempDir,
    journal: Journal,
    stub: Stub,
    gates: Arc<Gates>,
    calls: Mutex<CallId>,
}

impl Rig {
    /// A home whose `config.toml` names the stub and no policy.
    pub(crate) fn new() -> Rig {
        Rig::with_config("")
    }

    /// The same, with these lines at the top of its `config.toml`.
    pub(crate) fn with_config(top: &str) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let header = journal::Header {
            format: journal::FORMAT,
            rehydra: env!("CARGO_PKG_VERSION").to_owned(),
            started: String::new(),
            seed: 1,
            scenario: journal::ScenarioHeader {
                name: "serve".to_owned(),
                title: String::new(),
                source: String::new(),
                proves: Vec::new(),
            },
            target: profile::builtin(binary()),
            limits: Limits::default(),
        };
        let journal = Journal::create(dir.path(), &header, journal::Redactor::default(), || 0).unwrap();
        let gates = Arc::new(Gates::default());
        let stub = Stub::start(journal.clone(), gates.clone(), TOKEN.to_owned()).unwrap();
        let rig = Rig { dir, journal, stub, gates, calls: Mutex::new(0) };
        for made in [rig.home(), rig.project(), rig.process_cwd()] {
            fs::create_dir(&made).unwrap();
            fs::set_permissions(&made, fs::Permissions::from_mode(0o700)).unwrap();
        }
        rig.configure(top);
        rig
    }

    /// Writes `config.toml` anew.
    pub(crate) fn configure(&self, top: &str) {
        let port = self.stub.port();
        let text = format!(
            "{top}\nmodel = \"mock-model\"\nmodel_provider = \"stub\"\n\n[model_providers.stub]\nname = \"stub\"\n\
             base_url = \"http://127.0.0.1:{port}/v1\"\nwire_api = \"responses\"\nenv_key = \"{TOKEN_VAR}\"\n\
             request_max_retries = 0\n"
        );
        fs::write(self.home().join("config.toml"), text).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Where threads work; it is never a server's own cwd.
    pub(crate) fn project(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn process_cwd(&self) -> PathBuf {
        self.dir.path().join("process-cwd")
    }

    /// Scripts one turn.
    pub(crate) fn turn(&self) -> Turn {
        self.scripted(None)
    }

    /// A turn whose response stops for good after its first half.
    pub(crate) fn stalling_turn(&self) -> Turn {
        self.scripted(Some(Failure::Stall { after: 1 }))
    }

    /// A turn that the model refuses with status 500.
    pub(crate) fn refused_turn(&self) -> Turn {
        self.scripted(Some(Failure::Http { status: 500, body: String::new() }))
    }

    fn scripted(&self, failure: Option<Failure>) -> Turn {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        let n = u64::from(*calls);
        let [asked, told] = [Carrier::Prompt, Carrier::Reply].map(|carrier| Marker::new(carrier, 1, n));
        let text = format!("Understood {told}.");
        let output = vec![Output::Text { text: text.clone(), chunks: 2 }];
        self.stub.expect(*calls, asked.clone(), vec![Response { output, failure, ..Response::default() }]);
        Turn { call: *calls, prompt: format!("Remember {asked}."), text, markers: [asked, told] }
    }

    /// The stub holds the turn at its first request until it is let go.
    pub(crate) fn hold(&self, turn: &Turn) -> Hold {
        self.gates.hold(turn.call, Point::Request { n: 1 })
    }

    /// The stub holds the turn's end, when its text is sent and its response is not yet complete.
    pub(crate) fn hold_end(&self, turn: &Turn) -> Hold {
        self.gates.hold(turn.call, Point::End)
    }

    /// All requests that the model received.
    pub(crate) fn requests(&self) -> Vec<ModelRequest> {
        let request = |kind| if let Kind::ModelRequest(request) = kind { Some(request) } else { None };
        self.journal.events().into_iter().filter_map(|event| request(event.kind)).collect()
    }

    /// The markers that the model received for `turn`, in order.
    pub(crate) fn received(&self, turn: &Turn) -> Vec<Marker> {
        let request = self.requests().into_iter().rfind(|request| request.call == Some(turn.call)).unwrap();
        request.items.into_iter().flat_map(|item| item.markers).collect()
    }

    pub(crate) fn server(&self) -> Server {
        self.server_with(&[])
    }

    /// A server with these flags.
    pub(crate) fn server_with(&self, flags: &[&str]) -> Server {
        let mut command = self.command();
        Server::of(command.args(flags).stderr(Stdio::inherit()))
    }

    /// `rehydra serve` on this home, with an environment from nothing, and heeding `SIGINT`, whoever runs these tests.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("/usr/bin/env");
        command
            .arg("--default-signal=INT")
            .arg(binary())
            .arg("serve")
            .env_clear()
            .env("CODEX_HOME", self.home())
            .env(TOKEN_VAR, TOKEN);
        command.current_dir(self.process_cwd());
        command
    }

    /// Everything in the home but `config.toml`: its path, and length and mode.
    pub(crate) fn listing(&self) -> BTreeMap<PathBuf, (u64, u32)> {
        let mut all = BTreeMap::new();
        list(&self.home(), &mut all);
        all.remove(&self.home().join("config.toml"));
        all
    }

    /// The rollout of a thread; there is exactly one.
    pub(crate) fn rollout(&self, id: &str) -> PathBuf {
        let files = self.listing().into_keys().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            path.is_file() && name.starts_with("rollout-") && name.ends_with(&format!("{id}.jsonl"))
        });
        let [path] = <[PathBuf; 1]>::try_from(files.collect::<Vec<_>>()).expect("one rollout");
        path
    }

    /// `session_meta` of a thread's rollout.
    pub(crate) fn meta(&self, id: &str) -> Value {
        let text = fs::read_to_string(self.rollout(id)).unwrap();
        let record: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(record["type"], "session_meta");
        record["payload"].clone()
    }

    /// The aliases of the home, `(from, to)`.
    pub(crate) fn aliases(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(self.home().join("rehydra/aliases.jsonl")).unwrap_or_default();
        let alias = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["from"].as_str().unwrap().to_owned(), line["to"].as_str().unwrap().to_owned())
        };
        text.lines().map(alias).collect()
    }

    /// A thread with one turn, made by a server that was killed afterwards: its id and the turn.
    pub(crate) async fn thread_of_a_dead_server(&self) -> (String, Turn) {
        let mut server = self.server();
        let turn = self.turn();
        let id = server.start(&turn, json!({"cwd": self.project()})).await;
        server.kill(Signal::KILL).await;
        (id, turn)
    }
}

fn list(dir: &Path, all: &mut BTreeMap<PathBuf, (u64, u32)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        // The length of a directory is its file system's affair.
        let len = if meta.is_dir() { 0 } else { meta.len() };
        all.insert(entry.path(), (len, meta.permissions().mode() & 0o777));
        if meta.is_dir() {
            list(&entry.path(), all);
        }
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_rehydra"))
}

/// A scripted turn.
pub(crate) struct Turn {
    call: CallId,
    /// To be sent.
    pub(crate) prompt: String,
    /// The model's answer.
    pub(crate) text: String,
    /// Of the prompt and of the answer.
    pub(crate) markers: [Marker; 2],
}

/// The markers that a model receives which knows `history` and is now asked `turn`.
pub(crate) fn after(history: &[&Turn], turn: &Turn) -> Vec<Marker> {
    let said = history.iter().flat_map(|turn| turn.markers.clone());
    said.chain([turn.markers[0].clone()]).collect()
}

/// Points at which the stub waits for a test.
#[derive(Default)]
struct Gates(Mutex<Vec<Held>>);

struct Held {
    call: CallId,
    point: Point,
    reached: oneshot::Sender<()>,
    release: oneshot::Receiver<()>,
}

/// One such point.
pub(crate) struct Hold {
    reached: Option<oneshot::Receiver<()>>,
    // Dropping it lets the exchange go on.
    _release: oneshot::Sender<()>,
}

impl Gates {
    fn hold(&self, call: CallId, point: Point) -> Hold {
        let (reached, is_reached) = oneshot::channel();
        let (release, is_released) = oneshot::channel();
        self.0.lock().unwrap().push(Held { call, point, reached, release: is_released });
        Hold { reached: Some(is_reached), _release: release }
    }
}

impl Gate for Gates {
    fn reach(&self, call: CallId, point: Point) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut all = self.0.lock().unwrap();
        let held = all.iter().position(|held| (held.call, held.point) == (call, point)).map(|at| all.remove(at));
        Box::pin(async move {
            if let Some(held) = held {
                let _ = held.reached.send(());
                let _ = held.release.await;
            }
        })
    }
}

impl Hold {
    /// Ready when the stub has come there.
    pub(crate) async fn reached(&mut self) {
        let reached = self.reached.take().expect("asked once");
        soon(reached).await.expect("the stub lives");
    }
}

/// One life of a server.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    /// Frames that were read, answers not yet asked for among them.
    frames: Vec<Value>,
    next_id: u64,
}

impl Server {
    pub(crate) fn of(command: &mut Command) -> Server {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Server { input: child.stdin.take(), child, output, frames: Vec::new(), next_id: 0 }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &str) {
        soon(self.input.as_mut().expect("open").write_all(bytes.as_bytes())).await.unwrap();
    }

    /// A request's frame, and its id: they count from 0 in each life.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> (u64, String) {
        let id = self.next_id;
        self.next_id += 1;
        (id, format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})))
    }

    /// Sends a request.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> u64 {
        let (id, frame) = self.request(method, params);
        self.send(&frame).await;
        id
    }

    /// Sends a call of `codex-reply`.
    pub(crate) async fn begin_reply(&mut self, thread: &str, turn: &Turn) -> u64 {
        let arguments = json!({"threadId": thread, "prompt": turn.prompt});
        self.ask("tools/call", json!({"name": "codex-reply", "arguments": arguments})).await
    }

    /// A whole call of `codex-reply`: its result.
    pub(crate) async fn reply(&mut self, thread: &str, turn: &Turn) -> Value {
        let id = self.begin_reply(thread, turn).await;
        self.result(id).await
    }

    /// Sends a call of `codex`.
    pub(crate) async fn begin_start(&mut self, turn: &Turn, mut arguments: Value) -> u64 {
        arguments["prompt"] = json!(turn.prompt);
        self.ask("tools/call", json!({"name": "codex", "arguments": arguments})).await
    }

    /// A whole call of `codex`: the new thread's id.
    pub(crate) async fn start(&mut self, turn: &Turn, arguments: Value) -> String {
        let id = self.begin_start(turn, arguments).await;
        let result = self.result(id).await;
        assert_eq!(result.get("isError"), None, "{result}");
        thread_of(&result)
    }

    async fn next(&mut self) -> Option<Value> {
        let line = soon(self.output.next_line()).await.unwrap()?;
        let frame: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(frame["jsonrpc"], "2.0", "{frame}");
        self.frames.push(frame.clone());
        Some(frame)
    }

    /// The answer to a request, whenever it comes.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        let is_answer = |frame: &Value| frame["id"] == json!(id);
        if let Some(frame) = self.frames.iter().find(|frame| is_answer(frame)) {
            return frame.clone();
        }
        loop {
            let frame = self.next().await.expect("the server lives");
            if is_answer(&frame) {
                return frame;
            }
        }
    }

    pub(crate) async fn result(&mut self, id: u64) -> Value {
        self.answer(id).await["result"].clone()
    }

    /// The first event of that type that belongs to the request.
    pub(crate) async fn event(&mut self, id: u64, kind: &str) -> Value {
        let wanted = |frame: &Value| {
            frame["params"]["_meta"]["requestId"] == json!(id) && frame["params"]["msg"]["type"] == json!(kind)
        };
        if let Some(frame) = self.frames.iter().find(|frame| wanted(frame)) {
            return frame["params"]["msg"].clone();
        }
        loop {
            let frame = self.next().await.expect("the server lives");
            if wanted(&frame) {
                return frame["params"]["msg"].clone();
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).expect("it runs");
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        soon(self.child.wait()).await.unwrap()
    }

    /// Sends a signal and waits for the end.
    pub(crate) async fn kill(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended().await
    }

    /// Closes the input.
    pub(crate) fn close(&mut self) {
        self.input = None;
    }

    /// Closes the input and waits for the end: every frame of this life.
    pub(crate) async fn finish(mut self) -> Vec<Value> {
        self.close();
        while self.next().await.is_some() {}
        assert!(self.ended().await.success());
        self.frames
    }

    /// What a server says that does not start.
    pub(crate) async fn refuses_to_start(command: &mut Command) -> (Option<i32>, String) {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        soon(child.stderr.take().unwrap().read_to_string(&mut said)).await.unwrap();
        (soon(child.wait()).await.unwrap().code(), said)
    }
}

/// The id that a result names.
pub(crate) fn thread_of(result: &Value) -> String {
    result["structuredContent"]["threadId"].as_str().expect("a thread id").to_owned()
}

/// Codex's result for a turn that went well.
pub(crate) fn said(thread: &str, turn: &Turn) -> Value {
    json!({
        "content": [{"type": "text", "text": turn.text}],
        "structuredContent": {"threadId": thread, "content": turn.text}
    })
}

/// `_meta["rehydra/rehydration"]`.
pub(crate) fn rehydration(result: &Value) -> &Value {
    &result["_meta"]["rehydra/rehydration"]
}

/// The kinds of a result's notes.
pub(crate) fn kinds(result: &Value) -> Vec<&str> {
    let notes = rehydration(result)["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    notes.iter().filter_map(|note| note["kind"].as_str()).collect()
}
