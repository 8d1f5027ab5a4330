//! The parser's process: started, given a file, read, and ended.
//!
//! It is a stranger's program. It leads a group of its own, dies with us, sees a clean environment and an empty directory,
//! and is killed when it takes too long or prints too much; what it leaves behind is found by its tag and killed too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::Answer;
use crate::limits::{PARSER_STDERR_BYTES, PARSER_STDOUT_BYTES};
use crate::neutral;
use crate::proc::{self, Child, Ended, LAUNCH_FAILED, Order, Scope, SpawnError, Tag};

/// What stands for the file in a command.
const FILE: &str = "{file}";
/// What stands for the home in a command.
const HOME: &str = "{home}";
/// How long a process that was killed may still be there.
const GONE: Duration = Duration::from_secs(2);
/// How long stderr may stay open after the process's end.
const DRAIN: Duration = Duration::from_millis(500);

/// A parser's command line and where it runs.
#[derive(Clone, Debug)]
pub struct Command {
    /// The `rehydra` binary: see [`proc::launcher_path`].
    pub launcher: PathBuf,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the clean environment.
    pub env: Vec<(String, String)>,
    /// How long it may take for one file.
    pub limit: Duration,
    /// Whether it is started for each file.
    pub mode: Mode,
}

/// How a parser is given its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is started for each file.
    Single,
    /// It reads paths from its standard input.
    Batch,
}

/// A command line that cannot be one of a parser.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// There is none.
    #[error("no command is given; put it after `--`: `rehydra parser -- python3 mine.py {FILE}`")]
    Empty,
    /// It would never see a file.
    #[error(
        "the command has no `{FILE}`; put it where the file's path belongs, or give --batch and read paths from standard input"
    )]
    NoFile,
    /// It would see a file that is not there.
    #[error(
        "the command has `{FILE}` or `{HOME}`, and with --batch the paths come on standard input; take one of both away"
    )]
    Both,
}

/// The command could not be run at all: nothing is known of the parser.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The launcher could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The launcher could not become the command.
    #[error("{0}")]
    Launch(String),
}

/// What came of running a parser on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It answered.
    Answered(Answer),
    /// What it printed is no answer; why.
    NoAnswer(String),
    /// It printed too much.
    Flooded(String),
    /// It took too long.
    Hung(String),
    /// It died.
    Crashed(String),
}

impl Command {
    /// Whether the command line fits its mode; names of files here become absolute, because it runs elsewhere.
    pub fn checked(mut self, here: &Path) -> Result<Command, CommandError> {
        let has = |what: &str| self.argv.iter().any(|arg| arg.contains(what));
        match (self.argv.first(), self.mode) {
            (None, _) => return Err(CommandError::Empty),
            (_, Mode::Single) if !has(FILE) => return Err(CommandError::NoFile),
            (_, Mode::Batch) if has(FILE) || has(HOME) => return Err(CommandError::Both),
            _ => {}
        }
        for (n, arg) in self.argv.iter_mut().enumerate() {
            let path = here.join(&*arg);
            // A program without `/` is looked for on the PATH.
            if (n > 0 || arg.contains('/')) && Path::new(arg).is_relative() && path.exists() {
                *arg = path.to_string_lossy().into_owned();
            }
        }
        Ok(self)
    }

    /// Starts it in `room`; `file` lies in `home`, both absolute.
    async fn start(&self, room: &Path, given: Option<(&Path, &Path)>, tag: &Tag) -> Result<Life, StartError> {
        let (work, user) = (room.join("work"), room.join("user"));
        let mut env = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".to_owned(), user.to_string_lossy().into_owned()),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ];
        let mut argv = self.argv.clone();
        if let Some((file, home)) = given {
            let (file, home) = (file.to_string_lossy(), home.to_string_lossy());
            argv.iter_mut().for_each(|arg| *arg = arg.replace(FILE, &file).replace(HOME, &home));
            env.push(("CODEX_HOME".to_owned(), home.into_owned()));
        }
        env.retain(|(name, _)| !self.env.iter().any(|(other, _)| other == name));
        env.extend(self.env.iter().cloned());
        let order = Order { launcher: self.launcher.clone(), argv, cwd: work, env, tag: tag.clone(), gift: None };
        let spawned = proc::spawn(order).await?;
        let scope = Scope::new(tag.clone(), Some(spawned.child.pid()));
        let complaints = tokio::spawn(tail(spawned.stderr));
        Ok(Life {
            child: spawned.child,
            scope,
            complaints,
            stdin: Some(spawned.stdin),
            stdout: BufReader::new(spawned.stdout),
        })
    }

    /// Runs it once for the file.
    pub(super) async fn once(&self, room: &Path, file: &Path, home: &Path, tag: &Tag) -> Result<Ran, StartError> {
        let mut life = self.start(room, Some((file, home)), tag).await?;
        drop(life.stdin.take());
        let deadline = Instant::now() + self.limit;
        let mut text = Vec::new();
        let read = timeout_at(deadline, read_up_to(&mut life.stdout, &mut text)).await;
        if let Ok(true) = read {
            life.end().await;
            return Ok(flooded());
        }
        let ended = match read {
            Ok(_) => timeout_at(deadline, life.child.wait()).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        let complaint = life.end().await;
        let Some(ended) = ended else { return Ok(hung(self.limit)) };
        match Answer::parse(&text) {
            Ok(answer) => Ok(Ran::Answered(answer)),
            Err(_) if ended.code != Some(0) => dead(ended, complaint),
            Err(why) => Ok(Ran::NoAnswer(why)),
        }
    }
}

/// A parser that is given one path after the other.
pub(super) struct Batch {
    life: Option<Life>,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { life: None }
    }

    /// Gives it the file; starts it if it is not there.
    pub(super) async fn give(
        &mut self,
        command: &Command,
        room: &Path,
        file: &Path,
        tag: &Tag,
    ) -> Result<Ran, StartError> {
        let mut life = match self.life.take() {
            Some(life) => life,
            None => command.start(room, None, tag).await?,
        };
        let deadline = Instant::now() + command.limit;
        let mut path = file.to_string_lossy().into_owned().into_bytes();
        path.push(b'\n');
        let mut line = Vec::new();
        let asked = async {
            // A parser that has ended does not read any more; its silence below says why.
            if let Some(stdin) = &mut life.stdin {
                let _ = stdin.write_all(&path).await;
                let _ = stdin.flush().await;
            }
            (&mut life.stdout).take(PARSER_STDOUT_BYTES + 1).read_until(b'\n', &mut line).await
        };
        let read = timeout_at(deadline, asked).await;
        match read {
            Err(_) => {
                life.end().await;
                Ok(hung(command.limit))
            }
            Ok(_) if line.len() as u64 > PARSER_STDOUT_BYTES => {
                life.end().await;
                Ok(flooded())
            }
            Ok(_) if line.ends_with(b"\n") => {
                self.life = Some(life);
                Ok(Answer::parse(&line).map_or_else(Ran::NoAnswer, Ran::Answered))
            }
            Ok(_) => {
                let ended = timeout_at(deadline, life.child.wait()).await.ok().and_then(Result::ok);
                let complaint = life.end().await;
                match (ended, Answer::parse(&line)) {
                    (_, Ok(answer)) => Ok(Ran::Answered(answer)),
                    (Some(ended), Err(_)) => dead(ended, complaint),
                    (None, Err(_)) => Ok(Ran::Hung("closed its standard output and did not end".to_owned())),
                }
            }
        }
    }

    /// Ends it.
    pub(super) async fn end(&mut self) {
        if let Some(life) = self.life.take() {
            life.end().await;
        }
    }
}

/// One process.
struct Life {
    child: Child,
    scope: Scope,
    complaints: JoinHandle<Vec<u8>>,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Life {
    /// Ends all of it; gives the end of what it complained about.
    async fn end(self) -> String {
        self.child.signal_group(proc::Signal::KILL);
        let _ = timeout(GONE, self.child.wait()).await;
        proc::clear(&self.scope, GONE).await;
        let said = timeout(DRAIN, self.complaints).await.ok().and_then(Result::ok).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        neutral::line(last, 400)
    }
}

/// Whether there was more than the limit.
async fn read_up_to(from: &mut (impl AsyncRead + Unpin), text: &mut Vec<u8>) -> bool {
    let _ = from.take(PARSER_STDOUT_BYTES + 1).read_to_end(text).await;
    text.len() as u64 > PARSER_STDOUT_BYTES
}

/// The end of what is said, to the end of it.
async fn tail(mut from: ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = vec![0; 8 << 10];
    while let Ok(n) = from.read(&mut chunk).await {
        if n == 0 {
            break;
        }
        kept.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let over = kept.len().saturating_sub(PARSER_STDERR_BYTES);
        kept.drain(..over);
    }
    kept
}

fn flooded() -> Ran {
    Ran::Flooded(format!("printed more than {} MiB", PARSER_STDOUT_BYTES >> 20))
}

fn hung(limit: Duration) -> Ran {
    Ran::Hung(format!("did not answer within {} ms", limit.as_millis()))
}

/// A process that died without an answer: the command, or the launcher that could not become it.
fn dead(ended: Ended, complaint: String) -> Result<Ran, StartError> {
    if complaint.starts_with(LAUNCH_FAILED) {
        return Err(StartError::Launch(complaint));
    }
    let how = match (ended.code, ended.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (_, Some(signal)) => format!("killed by signal {signal}"),
        _ => "its end was not seen".to_owned(),
    };
    Ok(Ran::Crashed(if complaint.is_empty() { how } else { format!("{how}: {complaint}") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str], mode: Mode) -> Result<Command, CommandError> {
        let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
        let limit = Duration::from_secs(1);
        Command { launcher: PathBuf::new(), argv, env: Vec::new(), limit, mode }
            .checked(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn a_command_without_a_place_for_its_file_is_refused() {
        assert!(matches!(command(&[], Mode::Single), Err(CommandError::Empty)));
        assert!(matches!(command(&["cat"], Mode::Single), Err(CommandError::NoFile)));
        assert!(matches!(command(&["cat", "x={file}"], Mode::Batch), Err(CommandError::Both)));
        assert!(command(&["cat"], Mode::Batch).is_ok() && command(&["cat", "--f={file}"], Mode::Single).is_ok());
    }

    #[test]
    fn files_here_are_named_by_their_place_and_programs_of_the_path_are_not() {
        let command = command(&["src", "Cargo.toml", "no-such-file", "{file}"], Mode::Single).unwrap();
        let place = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).to_string_lossy().into_owned();
        assert_eq!(command.argv, ["src".to_owned(), place("Cargo.toml"), "no-such-file".into(), "{file}".into()]);
    }
}
