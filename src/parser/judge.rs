//! What a parser said, held against what is right.
//!
//! Only what was told is judged. Text is looked for by its markers: each prompt in what the user said, each reply in what
//! the model said, tool calls and reasoning where the parser tells them at all. A summary is looked for in a live history
//! only, because a transcript for people need not have it. What a compaction or a rollback took away is right in a
//! transcript and wrong in a live history; a parser that does not say which of them it gives is allowed both.

use std::collections::HashMap;

use super::answer::{Answer, Form, Said, Turn};
use super::cases::Expected;
use super::command::Ran;
use crate::marker::{Carrier, Marker};

/// Most markers that a finding names.
const NAMED: usize = 3;

/// What became of one file. Later ones are worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that was told is right, and nothing is missing.
    Pass,
    /// Something that could be read is missing from a damaged file, and the parser says that there is damage.
    ToldLoss,
    /// Something that is told is wrong: a text, its place, the id, the cwd, or that there is damage.
    Wrong,
    /// Something that could be read is missing, and the parser says nothing of it.
    SilentLoss,
    /// The answer is none.
    NoAnswer,
    /// It printed more than the limit.
    Flood,
    /// It did not end in time.
    Hang,
    /// It ended by a signal, or with an exit code and no answer.
    Crash,
}

impl Outcome {
    /// All of them, in the order of the table.
    pub const ALL: [Outcome; 8] = [
        Outcome::Pass,
        Outcome::ToldLoss,
        Outcome::SilentLoss,
        Outcome::Wrong,
        Outcome::NoAnswer,
        Outcome::Flood,
        Outcome::Hang,
        Outcome::Crash,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::ToldLoss => "told-loss",
            Outcome::SilentLoss => "silent-loss",
            Outcome::Wrong => "wrong",
            Outcome::NoAnswer => "no-answer",
            Outcome::Flood => "flood",
            Outcome::Hang => "hang",
            Outcome::Crash => "crash",
        }
    }

    /// A parser that does so is to be mended.
    pub fn is_failure(self) -> bool {
        !matches!(self, Outcome::Pass | Outcome::ToldLoss)
    }
}

/// One thing that is not right.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// A sentence about it.
    pub text: String,
}

/// See [`Finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A text that can be read is not there.
    Missing,
    /// The parser says that nothing is damaged, and something is gone.
    Unadmitted,
    /// A text that is not in the file.
    Invented,
    /// A text of the file that is not in the live history.
    NotLive,
    /// A text more often than it was said.
    Doubled,
    /// Texts in another order.
    Order,
    /// A text in the mouth of another.
    Role,
    /// A turn that is two, or half a one.
    Turns,
    /// Another id.
    Id,
    /// Another directory.
    Cwd,
    /// Damage in a file that has none.
    FalseAlarm,
    /// No more than an error for a file that has no damage.
    Refused,
    /// The file is not what it was.
    Changed,
    /// No answer at all; the outcome says more.
    Broken,
}

/// What a contract has room for, and a parser need not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The thread's id.
    Id,
    /// The thread's directory.
    Cwd,
    /// Whether there is damage.
    Damaged,
    /// Tool calls, in a file that has some.
    Tools,
    /// Which form its turns have.
    Form,
}

/// A verdict on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The worst of it.
    pub outcome: Outcome,
    /// Why it is no pass.
    pub findings: Vec<Finding>,
    /// What was not told, and so not judged.
    pub not_told: Vec<Fact>,
}

/// Judges what came of running a parser on a file; `changed` if the file is not what it was.
pub fn judge(expected: &Expected, ran: &Ran, changed: bool) -> Judgement {
    let mut found = Found { expected, findings: Vec::new() };
    if changed {
        found.tell(FindingKind::Changed, "the parser changed its file".to_owned());
    }
    let broken = match ran {
        Ran::Answered(answer) => {
            found.answer(answer);
            return found.judgement(answer);
        }
        Ran::NoAnswer(why) => (Outcome::NoAnswer, why),
        Ran::Flooded(why) => (Outcome::Flood, why),
        Ran::Hung(why) => (Outcome::Hang, why),
        Ran::Crashed(why) => (Outcome::Crash, why),
    };
    found.tell(FindingKind::Broken, broken.1.clone());
    Judgement { outcome: broken.0, findings: found.findings, not_told: Vec::new() }
}

struct Found<'a> {
    expected: &'a Expected,
    findings: Vec<Finding>,
}

impl Found<'_> {
    fn tell(&mut self, kind: FindingKind, text: String) {
        self.findings.push(Finding { kind, text });
    }

    fn tell_markers(&mut self, kind: FindingKind, markers: &[&Marker], what: &str) {
        let Some(first) = markers.first() else { return };
        let named: Vec<&str> = markers.iter().take(NAMED).map(|marker| marker.as_str()).collect();
        let more = match markers.len().saturating_sub(NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        self.tell(kind, format!("{} {}{more} {what}", carried(first), named.join(", ")));
    }

    fn judgement(self, answer: &Answer) -> Judgement {
        let missing = |finding: &Finding| matches!(finding.kind, FindingKind::Missing | FindingKind::Unadmitted);
        let outcome = if self.findings.is_empty() {
            Outcome::Pass
        } else if self.findings.iter().any(missing) && !answer.owns_up() {
            Outcome::SilentLoss
        } else if self.findings.iter().all(missing) {
            Outcome::ToldLoss
        } else {
            Outcome::Wrong
        };
        let calls = |marker: &Marker| matches!(marker.carrier(), Some(Carrier::Call | Carrier::Output));
        let facts = [
            (Fact::Id, answer.id.is_none()),
            (Fact::Cwd, answer.cwd.is_none()),
            (Fact::Damaged, answer.damaged.is_none() && answer.error.is_none()),
            (Fact::Tools, self.expected.must.iter().any(calls) && !answer.tells(Said::Tools)),
            (Fact::Form, answer.form.is_none()),
        ];
        let not_told = facts.into_iter().filter(|(_, not)| *not).map(|(fact, _)| fact).collect();
        Judgement { outcome, findings: self.findings, not_told }
    }

    fn answer(&mut self, answer: &Answer) {
        let expected = self.expected;
        self.named("id", FindingKind::Id, answer.id.as_deref(), &expected.ids);
        self.named("cwd", FindingKind::Cwd, answer.cwd.as_deref(), expected.cwd.as_slice());
        self.alarm(answer);
        // What a correct reader gives up on is nobody's to show, and nobody's to miss.
        if !expected.refused {
            self.missing(answer);
            self.order(answer);
            self.turns(answer);
        }
        self.foreign(answer);
        self.roles(answer);
    }

    fn named(&mut self, what: &str, kind: FindingKind, told: Option<&str>, right: &[String]) {
        if let (Some(told), Some(first)) = (told, right.first())
            && !right.iter().any(|right| right == told)
        {
            self.tell(kind, format!("the {what} is `{}`, not `{first}`", crate::neutral::line(told, 80)));
        }
    }

    fn alarm(&mut self, answer: &Answer) {
        let Expected { damaged, lossy, refused, .. } = *self.expected;
        match (&answer.error, answer.damaged) {
            (Some(error), _) if !damaged => {
                let error = crate::neutral::line(error, 120);
                self.tell(FindingKind::Refused, format!("it gives up on a file without damage: {error}"));
            }
            (None, Some(true)) if !damaged => {
                self.tell(FindingKind::FalseAlarm, "it tells damage in a file that has none".to_owned());
            }
            (None, Some(false)) if lossy && !refused => {
                self.tell(FindingKind::Unadmitted, "something is gone, and it says that nothing is damaged".to_owned());
            }
            _ => {}
        }
    }

    /// Whether the parser tells things of that kind, so that one that is not there is missing.
    fn is_looked_for(answer: &Answer, marker: &Marker) -> bool {
        match marker.carrier() {
            Some(Carrier::Prompt | Carrier::Reply) => true,
            Some(Carrier::Call | Carrier::Output) => answer.tells(Said::Tools),
            Some(Carrier::Reasoning) => answer.tells(Said::Reasoning),
            Some(Carrier::Summary) => answer.form == Some(Form::Live),
            _ => false,
        }
    }

    fn missing(&mut self, answer: &Answer) {
        let told: Vec<&Marker> = answer.turns.iter().flat_map(|turn| &turn.said).flat_map(|(_, said)| said).collect();
        let is_missing = |marker: &&Marker| Self::is_looked_for(answer, marker) && !told.contains(marker);
        let missing: Vec<&Marker> = self.expected.must.iter().filter(is_missing).collect();
        self.tell_markers(FindingKind::Missing, &missing, "can be read and is not there");
    }

    /// What is in no file, what does not count any more, and what is there too often.
    fn foreign(&mut self, answer: &Answer) {
        let Expected { must, may, in_file, refused, .. } = self.expected;
        let mut counts: HashMap<(&Marker, Said), usize> = HashMap::new();
        let (mut invented, mut dead, mut doubled) = (Vec::new(), Vec::new(), Vec::new());
        for (said, marker) in
            answer.turns.iter().flat_map(|turn| &turn.said).flat_map(|(said, all)| all.iter().map(move |m| (*said, m)))
        {
            if !in_file.contains(marker) {
                invented.push(marker);
            } else if answer.form == Some(Form::Live) && !refused && !must.contains(marker) && !may.contains(marker) {
                dead.push(marker);
            }
            let count = counts.entry((marker, said)).or_default();
            *count += 1;
            let allowed = |of: &[Marker]| of.iter().filter(|other| *other == marker).count();
            // A tool's name and its output are often shown together.
            if said != Said::Tools && *count > allowed(must).max(allowed(may)).max(1) {
                doubled.push(marker);
            }
        }
        self.tell_markers(FindingKind::Invented, &invented, "is not in the file");
        self.tell_markers(FindingKind::NotLive, &dead, "does not count any more and is shown as if it did");
        self.tell_markers(FindingKind::Doubled, &doubled, "is there more often than it was said");
    }

    /// The prompts, and the replies, each in the order in which they were said.
    fn order(&mut self, answer: &Answer) {
        for (who, carrier) in [(Said::User, Carrier::Prompt), (Said::Assistant, Carrier::Reply)] {
            let must = &self.expected.must;
            let once = |marker: &&Marker| must.iter().filter(|other| other == marker).count() == 1;
            let right = must.iter().filter(|marker| marker.carrier() == Some(carrier)).filter(once);
            let place: HashMap<&Marker, usize> = right.enumerate().map(|(n, marker)| (marker, n)).collect();
            let told = answer.turns.iter().flat_map(|turn| &turn.said).filter(|(said, _)| *said == who);
            let placed: Vec<(usize, &Marker)> =
                told.flat_map(|(_, all)| all).filter_map(|marker| Some((*place.get(marker)?, marker))).collect();
            let late: Vec<&Marker> = placed
                .windows(2)
                .filter(|two| matches!(two, [(a, _), (b, _)] if a > b))
                .filter_map(|two| Some(two.last()?.1))
                .collect();
            self.tell_markers(FindingKind::Order, &late, "comes later than what was said after it");
        }
    }

    fn turns(&mut self, answer: &Answer) {
        let holds = |turn: &Turn, marker: &Marker| turn.said.iter().any(|(_, said)| said.contains(marker));
        // A prompt that stands twice in a file may be shown twice, and its reply is in one of the two turns.
        let apart = |(prompt, reply): &&(Marker, Marker)| {
            let both = |turn: &Turn| holds(turn, prompt) && holds(turn, reply);
            let told = |marker: &Marker| answer.turns.iter().any(|turn| holds(turn, marker));
            told(prompt) && told(reply) && !answer.turns.iter().any(both)
        };
        let apart: Vec<&Marker> = self.expected.pairs.iter().filter(apart).map(|(_, reply)| reply).collect();
        self.tell_markers(FindingKind::Turns, &apart, "is in another turn than its prompt");
        let mut merged = Vec::new();
        for turn in &answer.turns {
            let user = turn.said.iter().filter(|(said, _)| *said == Said::User).flat_map(|(_, all)| all);
            let prompts =
                user.filter(|marker| marker.carrier() == Some(Carrier::Prompt) && self.expected.must.contains(marker));
            merged.extend(prompts.skip(1));
        }
        self.tell_markers(FindingKind::Turns, &merged, "is in one turn with another prompt");
    }

    fn roles(&mut self, answer: &Answer) {
        for (said, carrier, what) in [
            (Said::User, Carrier::Reply, "is put into the user's mouth"),
            (Said::Assistant, Carrier::Prompt, "is put into the model's mouth"),
        ] {
            let here = answer.turns.iter().flat_map(|turn| &turn.said).filter(|(who, _)| *who == said);
            let wrong: Vec<&Marker> =
                here.flat_map(|(_, all)| all).filter(|marker| marker.carrier() == Some(carrier)).collect();
            self.tell_markers(FindingKind::Role, &wrong, what);
        }
    }
}

fn carried(marker: &Marker) -> &'static str {
    match marker.carrier() {
        Some(Carrier::Prompt) => "the prompt",
        Some(Carrier::Reply) => "the reply",
        Some(Carrier::Call) => "the tool call",
        Some(Carrier::Output) => "the tool's output",
        Some(Carrier::Reasoning) => "the reasoning",
        Some(Carrier::Summary) => "the summary",
        None => "the text",
    }
}
