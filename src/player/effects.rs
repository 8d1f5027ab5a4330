//! What tools leave behind: one line in a file of the run for each time that a command ran.
//!
//! A scripted command with an effect first appends a line to a file that is named after the effect, below `effects/` in
//! the run's directory, and then does what it is told. A line of a few bytes is appended at once or not at all, so a
//! command that is killed has left one line if it had begun. The player reads the files at each death and at the end;
//! each line that is new becomes an event. Nobody else's word is taken for what a tool did.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::story::{Stop, Story, make_dir};
use crate::journal::{CallId, Effect, Kind, Lane, PlannedEffect, Planted};
use crate::limits::EFFECT_FILE_BYTES;
use crate::model::script::{Output, Response};
use crate::target::Target;

/// The directory of the counted files, below the run's.
const DIR: &str = "effects";

/// Where the counted files lie.
#[derive(Clone, Debug)]
pub(super) struct Counted(PathBuf);

impl Counted {
    pub(super) fn below(run: &Path) -> Counted {
        Counted(run.join(DIR))
    }

    /// What a command begins with so that it leaves a line. The name is a plain one, and the path is quoted; one that
    /// no shell can be given leaves nothing, and is missed.
    pub(super) fn leaves(&self, name: &str) -> String {
        let path = self.0.join(name).display().to_string();
        match shlex::try_quote(&path) {
            Ok(quoted) => format!("echo {name} >> {quoted}; "),
            Err(_) => String::new(),
        }
    }
}

/// How many lines of each file are told already.
pub(super) type Told = BTreeMap<String, usize>;

impl<T: Target> Story<T> {
    /// What a call's scripts will plant, told; the directory is there before a command can run.
    pub(super) fn planting(&self, call: CallId, responses: &[Response]) -> Result<Planted, Stop> {
        let effects = planned(responses);
        if !effects.is_empty() {
            make_dir(&self.dir.join(DIR))?;
        }
        Ok(Planted { call, markers: super::markers::planted(responses), effects })
    }

    /// Tells of each effect that was left since the last time.
    pub(super) fn count_effects(&mut self) -> Result<(), Stop> {
        let dir = self.dir.join(DIR);
        let failed = |error: io::Error| Stop(format!("failed to count what tools left in {}: {error}", dir.display()));
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        for name in names {
            let lines = lines(&dir.join(&name)).map_err(failed)?;
            let told = self.effects.entry(name.clone()).or_default();
            for _ in *told..lines {
                self.journal.append(Lane::Target, Kind::Effect(Effect { name: name.clone() }));
            }
            *told = lines.max(*told);
        }
        Ok(())
    }
}

/// The effects of scripts, each with the number of its response in the turn.
fn planned(responses: &[Response]) -> Vec<PlannedEffect> {
    let of = |(place, response): (usize, &Response)| {
        let of_turn = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let effects = response.output.iter().filter_map(|output| match output {
            Output::Run { effect, .. } => effect.clone(),
            _ => None,
        });
        effects.map(|e| PlannedEffect { name: e.name, of_turn, least: e.times.0, most: e.times.1 }).collect::<Vec<_>>()
    };
    responses.iter().enumerate().flat_map(of).collect()
}

/// Whole lines of a file, at most so many that they are counted at once.
fn lines(path: &Path) -> io::Result<usize> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(EFFECT_FILE_BYTES).read_to_end(&mut text)?;
    Ok(text.iter().filter(|byte| **byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn each_run_of_a_counted_command_is_one_line_wherever_the_run_lies() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("it's a \"run\" $HOME; `x`");
        fs::create_dir_all(run.join(DIR)).unwrap();
        let command = format!("{}false # rhc-00000000", Counted::below(&run).leaves("wrote"));
        for n in 1..=3 {
            let status = Command::new("sh").args(["-c", &command]).status().unwrap();
            assert_eq!(status.code(), Some(1), "what the command says is its own");
            assert_eq!(lines(&run.join(DIR).join("wrote")).unwrap(), n);
        }
    }

    #[test]
    fn an_effect_is_planned_for_the_response_that_has_it() {
        let effect = |name: &str| Some(crate::model::script::Effect { name: name.into(), times: (1, 2) });
        let run = |effect| Response {
            output: vec![Output::Run { command: "true".into(), escalate: false, effect }],
            ..Response::default()
        };
        let planned = planned(&[run(None), run(effect("a")), run(effect("b"))]);
        let told: Vec<_> = planned.iter().map(|e| (e.name.as_str(), e.of_turn, e.least, e.most)).collect();
        assert_eq!(told, [("a", 2, 1, 2), ("b", 3, 1, 2)]);
    }
}
