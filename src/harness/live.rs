//! A story told step by step from a test.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Error;
use super::ask::{Ask, Reply};
use super::builder::Builder;
use super::job::{clear, judge, judge_again, quoted, record};
use crate::fault::plan::{Signal, Whom};
use crate::journal::{Answer, Event, Kind, Unexpected};
use crate::neutral;
use crate::player::Live;
use crate::report::Case;
use crate::scenario::{self, Baseline, Call, Ending, Restart, Scenario, Step, StepKind, TogetherCall};
use crate::target::others::Others;
use crate::target::resolve::TargetName;
use crate::world::{Clock, RealClock};

/// The file in a run's directory that holds the story so far, as a scenario.
const STORY: &str = "story.toml";
/// Longest quotation from a target in an error.
const QUOTE: usize = 500;

/// One run of one server, told step by step.
///
/// ```standalone_crate
/// use rehydra::Harness;
///
/// # fn main() -> std::process::ExitCode {
/// # // The example is its own `rehydra`, so that none needs to be installed for it.
/// # if let Some(code) = rehydra::testing::host() {
/// #     return code;
/// # }
/// # rehydra::harness::block_on(async {
/// let mut h = Harness::builder().target("builtin").start().await?;
/// let first = h.codex("Remember the colour blue.").answers("Noted.").await?;
///
/// h.restart().await?;
///
/// let reply = h.reply("Which colour?").answers("Blue.").await?;
/// assert_eq!(reply.text(), "Blue.");
/// assert_ne!(reply.thread_id(), first.thread_id());
///
/// h.finish().await.assert_fine();
/// # Ok::<(), rehydra::harness::Error>(())
/// # })
/// # .expect("the story is played");
/// # std::process::ExitCode::SUCCESS
/// # }
/// ```
///
/// The steps are those of a scenario and are played by the same player into the same journal; the prompts and replies get
/// their markers, the home its decoy, and every promise is judged at the [end](Harness::finish). The story so far
/// stands as a scenario in the run's directory, so that a test that fails leaves a file that `rehydra run` plays.
///
/// A harness that is dropped before its end, as by a test that panics, kills the server and keeps the run's directory.
pub struct Harness {
    live: Live,
    scenario: Scenario,
    target: TargetName,
    dir: PathBuf,
    keep: bool,
    rehydra: Option<PathBuf>,
    began: RealClock,
    heard: Arc<Mutex<Heard>>,
    /// Why no step can follow.
    over: Option<String>,
}

/// What the journal told of the calls of the step that is being played.
#[derive(Default)]
struct Heard {
    answers: Vec<Answer>,
    unexpected: Vec<Unexpected>,
}

impl Harness {
    /// Says on what, and how.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(super) fn new(
        live: Live,
        scenario: Scenario,
        target: TargetName,
        dir: PathBuf,
        rest: (bool, Option<PathBuf>),
    ) -> Harness {
        let (keep, rehydra) = rest;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listener = Arc::clone(&heard);
        live.journal().listen(move |event| {
            let mut heard = listener.lock().unwrap_or_else(PoisonError::into_inner);
            match &event.kind {
                Kind::Answer(answer) => heard.answers.push(answer.clone()),
                Kind::Unexpected(unexpected) => heard.unexpected.push(unexpected.clone()),
                _ => {}
            }
        });
        Harness { live, scenario, target, dir, keep, rehydra, began: RealClock::default(), heard, over: None }
    }

    /// Begins a thread, with `codex` or what the target has in its place. Sent when it is awaited.
    ///
    /// # Errors
    ///
    /// The call ended otherwise than it was to, or the run cannot go on.
    #[track_caller]
    pub fn codex(&mut self, prompt: impl Into<String>) -> Ask<&mut Harness> {
        Ask::new(self, true, prompt.into())
    }

    /// Continues a thread, with `codex-reply` or what the target has in its place. Sent when it is awaited.
    ///
    /// # Errors
    ///
    /// The call ended otherwise than it was to, or the run cannot go on.
    #[track_caller]
    pub fn reply(&mut self, prompt: impl Into<String>) -> Ask<&mut Harness> {
        Ask::new(self, false, prompt.into())
    }

    /// Sends calls one after the other without waiting between them; their ends, in that order, when all have ended.
    #[track_caller]
    pub fn together(
        &mut self,
        calls: impl IntoIterator<Item = Ask>,
    ) -> impl Future<Output = Result<Vec<Reply>, Error>> + Send {
        let line = Location::caller().line();
        let calls: Vec<_> = calls.into_iter().map(|Ask { start, call, .. }| TogetherCall { start, call }).collect();
        async move {
            let ended = self.play(StepKind::Together(calls), line).await?;
            Ok(ended.into_iter().map(Reply::new).collect())
        }
    }

    /// Kills the server, and it alone, with `SIGKILL`, and waits for its end. No new life begins.
    #[track_caller]
    pub fn kill(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        self.step(StepKind::Kill { signal: Signal::Kill, whom: Whom::Server })
    }

    /// Closes the server's stdin and waits for its end. No new life begins.
    #[track_caller]
    pub fn eof(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        self.step(StepKind::Eof)
    }

    /// Begins the next life, in another process cwd; kills the server before, as [`kill`](Harness::kill) does, if it is
    /// still there.
    #[track_caller]
    pub fn restart(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        self.restart_by(Ending::Signal { signal: Signal::Kill, whom: Whom::Server })
    }

    /// Begins the next life; ends the old one before, if it is still there, in that way.
    #[track_caller]
    pub fn restart_by(&mut self, end: Ending) -> impl Future<Output = Result<(), Error>> + Send {
        self.step(StepKind::Restart(Restart::by(end)))
    }

    /// Any other step of a scenario: a rollout to be placed or damaged, a file to be changed, a frame to be waited for.
    #[track_caller]
    pub fn step(&mut self, what: StepKind) -> impl Future<Output = Result<(), Error>> + Send {
        let line = Location::caller().line();
        async move { self.play(what, line).await.map(drop) }
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Everything that has happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.live.journal().events()
    }

    /// Ends the server's life and the run, and judges it. The directory of a run that needs no attention is removed.
    pub async fn finish(self) -> Case {
        let Harness { live, target, dir, keep, began, over, .. } = self;
        let failure = live.end().await.err().map(|error| error.to_string());
        let given_up = over.filter(|text| text == GIVEN_UP);
        let mut case = judge(&dir, &Baseline::default(), failure.or(given_up));
        case.target = target.text();
        case.again = again(&dir.join(STORY), &target);
        case.judge_again = judge_again(&dir);
        case.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        record(&case, &dir, &Baseline::default());
        if !keep {
            clear(&mut case);
        }
        case
    }

    pub(super) async fn call(&mut self, start: bool, call: Call, line: u32) -> Result<Reply, Error> {
        let what = if start { StepKind::Codex(call) } else { StepKind::Reply(call) };
        let ended = self.play(what, line).await?.into_iter().next();
        ended.map(Reply::new).ok_or_else(|| self.stopped("the call was never ended"))
    }

    /// Plays one step; the answers to its calls, in the order of the calls.
    async fn play(&mut self, what: StepKind, line: u32) -> Result<Vec<Answer>, Error> {
        if let Some(text) = &self.over {
            return Err(self.stopped(text));
        }
        if let StepKind::Restart(Restart { target: Some(name), .. }) = &what {
            self.know(name.clone()).await?;
        }
        self.scenario.steps.push(Step { line, what });
        // Without this file a failing run is told all the same.
        let _ = std::fs::write(self.dir.join(STORY), scenario::to_toml(&self.scenario));
        let Some(step) = self.scenario.steps.last() else { return Ok(Vec::new()) };
        *self.heard() = Heard::default();
        // Stands if whoever awaits this gives it up.
        self.over = Some(GIVEN_UP.to_owned());
        let outcome = self.live.step(step).await;
        self.over = outcome.err();
        if let Some(text) = &self.over {
            return Err(self.stopped(text));
        }
        let Heard { mut answers, unexpected } = std::mem::take(&mut *self.heard());
        if let Some(Unexpected { expected, got, .. }) = unexpected.into_iter().next() {
            let step = u32::try_from(self.scenario.steps.len()).unwrap_or(u32::MAX);
            return Err(Error::Unexpected { step, expected, got: neutral::line(&got, QUOTE), dir: self.dir.clone() });
        }
        answers.sort_by_key(|answer| answer.call);
        Ok(answers)
    }

    /// Finds or installs another server that a step names.
    async fn know(&mut self, name: String) -> Result<(), Error> {
        let rehydra = self.rehydra.clone();
        let finding = tokio::task::spawn_blocking(move || {
            let found = Others::default().find(&name, rehydra.as_deref());
            found.map(|found| (name, found)).map_err(|error| Error::Setup(error.to_string()))
        });
        let (name, found) = finding.await.map_err(|error| Error::Setup(error.to_string()))??;
        self.live.know(&name, &found);
        Ok(())
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self, text: &str) -> Error {
        Error::Stopped { text: text.to_owned(), dir: self.dir.clone() }
    }
}

const GIVEN_UP: &str = "a step was given up before its end, and nothing can follow it; await every step";

/// The command that plays the story again.
fn again(story: &Path, target: &TargetName) -> String {
    let [flag, target] = target.words();
    format!("rehydra run {} {flag} {} --keep", quoted(&story.display().to_string()), quoted(&target))
}
