//! From a scripted response to the steps of its stream: a pure function, so that what a scenario asks for can be seen
//! without a socket.
//!
//! Ids are made from the call, the number of the request and the place in the output, and from nothing else: the same
//! scenario gives the same bytes in every run.

use crate::limits::MODEL_CHUNKS;
use crate::responses::event::{EventStream, StreamEvent, TokenUsage};
use crate::responses::item;

use super::script::{Break, Failure, Mangled, Output, Place, Response};
use super::shell::Shell;

/// One step of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Bytes without a gate.
    Send(Vec<u8>),
    /// A text delta, gated before and after.
    Chunk(Vec<u8>),
    /// All items are done.
    Done,
    /// What is left of bytes that come drop by drop.
    Rest(Vec<u8>),
    /// An output item is done.
    Item,
    /// Nothing more, for good.
    Stall,
    /// The connection is reset in the middle of the body.
    Reset,
    /// The connection closes in the middle of the body.
    Break,
}

/// The steps of `response`, named `label`; commands are run with `shell`. [`Failure::Http`] and [`Failure::Reset`] come before any stream, so they have
/// no part in it.
///
/// A failure `after` so many chunks comes right after that chunk, with 0 right after `response.created`; a response with
/// fewer chunks fails right after its last one.
pub(super) fn steps(label: &str, model: &str, response: &Response, shell: Shell) -> Vec<Step> {
    let mangled = match &response.failure {
        Some(Failure::Events(mangled)) => Some(*mangled),
        _ => None,
    };
    let stream = EventStream::new(&format!("resp_{label}"), model);
    let mut plan = Plan { stream, steps: Vec::new(), shell, mangled };
    let created = plan.stream.created();
    plan.send(created);
    for (place, output) in response.output.iter().enumerate() {
        plan.output(&format!("{label}_{}", place + 1), output);
        plan.steps.push(Step::Item);
    }
    plan.steps.push(Step::Done);
    match &response.failure {
        Some(Failure::Stall { after }) => plan.cut(*after, Step::Stall),
        Some(Failure::Close { after }) => plan.cut(*after, Step::Break),
        Some(Failure::Malformed { after }) => plan.cut(*after, Step::Send(MALFORMED.to_vec())),
        Some(Failure::Failed { message }) => {
            let failed = plan.stream.failed("server_error", message);
            plan.send(failed);
        }
        Some(Failure::At(place, how)) => plan.breaks(*place, *how),
        Some(Failure::NoCompleted) => {}
        Some(
            Failure::Http { .. }
            | Failure::Refused { .. }
            | Failure::EncryptedContent
            | Failure::Events(_)
            | Failure::ContentType { .. }
            | Failure::Reset,
        )
        | None => {
            let usage = response.usage.unwrap_or_default();
            let usage = TokenUsage { input: usage.input, output: usage.output, ..TokenUsage::default() };
            let completed = plan.stream.completed(usage);
            plan.send(completed);
        }
    }
    plan.steps
}

/// How often an event of that name is sent.
fn times(mangled: Option<Mangled>, event: &str) -> usize {
    match (mangled, event) {
        (Some(Mangled::CreatedMissing), "response.created")
        | (Some(Mangled::AddedMissing), "response.output_item.added")
        | (Some(Mangled::DoneMissing), "response.output_item.done") => 0,
        (Some(Mangled::CreatedTwice), "response.created")
        | (Some(Mangled::DoneTwice), "response.output_item.done")
        | (Some(Mangled::CompletedTwice), "response.completed") => 2,
        _ => 1,
    }
}

/// An event that nobody knows.
const UNKNOWN: &[u8] =
    b"event: response.weather.changed\ndata: {\"type\":\"response.weather.changed\",\"to\":\"rain\"}\n\n";

/// An event that nobody can read.
const MALFORMED: &[u8] = b"event: response.output_text.delta\ndata: {\"type\":\"response.output_text.del\n\n";

struct Plan {
    stream: EventStream,
    steps: Vec<Step>,
    shell: Shell,
    mangled: Option<Mangled>,
}

/// What is sent after the head where no event is to follow: to a reader of events a comment, to the kernel some bytes,
/// without which the head would wait for them.
const COMMENT: &[u8] = b": nothing follows\n\n";

impl Plan {
    fn send(&mut self, event: StreamEvent) {
        if self.mangled == Some(Mangled::Unknown) {
            self.steps.push(Step::Send(UNKNOWN.to_vec()));
        }
        for _ in 0..times(self.mangled, event.name) {
            self.steps.push(Step::Send(event.encode()));
        }
    }

    /// Breaks the stream at a place. What comes before any stream has no part in it.
    fn breaks(&mut self, place: Place, how: Break) {
        let step = match how {
            Break::Stall => Step::Stall,
            Break::Close => Step::Break,
            Break::Reset => Step::Reset,
        };
        match place {
            Place::Start => {}
            Place::Head => self.steps = vec![Step::Send(COMMENT.to_vec()), step],
            Place::Chunk(after) => self.cut(after, step),
            Place::Item(after) => {
                let items = self.steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Item));
                let end = items.map(|(at, _)| at).take(after as usize).last().unwrap_or(0);
                self.steps.truncate(end + 1);
                self.steps.push(step);
            }
        }
    }

    fn output(&mut self, label: &str, output: &Output) {
        match output {
            Output::Text { text, chunks } => self.text(label, text, *chunks),
            Output::Reasoning { summary } => {
                self.reasoning(item::reasoning(&format!("rs_{label}"), summary), summary);
            }
            Output::Sealed { summary } => {
                self.reasoning(item::sealed_reasoning(&format!("rs_{label}"), summary), summary);
            }
            Output::Call { name, arguments } => self.call(label, name, arguments),
            Output::Run { command, escalate, .. } => {
                let shell = self.shell;
                self.call(label, shell.name(), &shell.arguments(command, *escalate));
            }
        }
    }

    fn text(&mut self, label: &str, text: &str, chunks: u32) {
        let message = item::assistant(&format!("msg_{label}"), text);
        let stream = &mut self.stream;
        let begin = [stream.item_added(&message), stream.text_part_added()];
        begin.into_iter().for_each(|event| self.send(event));
        let stream = &mut self.stream;
        for part in split(text, chunks) {
            self.steps.push(Step::Chunk(stream.text_delta(part).encode()));
        }
        let end = [stream.text_done(text), stream.text_part_done(text), stream.item_done(message)];
        end.into_iter().for_each(|event| self.send(event));
    }

    fn reasoning(&mut self, reasoning: serde_json::Value, summary: &str) {
        let stream = &mut self.stream;
        let events = [
            stream.item_added(&reasoning),
            stream.summary_part_added(),
            stream.summary_delta(summary),
            stream.summary_done(summary),
            stream.summary_part_done(summary),
            stream.item_done(reasoning),
        ];
        events.into_iter().for_each(|event| self.send(event));
    }

    fn call(&mut self, label: &str, name: &str, arguments: &serde_json::Value) {
        let call = item::function_call(&format!("fc_{label}"), &format!("call_{label}"), name, arguments);
        let arguments = arguments.to_string();
        let stream = &mut self.stream;
        let events = [
            stream.item_added(&call),
            stream.arguments_delta(&arguments),
            stream.arguments_done(&arguments),
            stream.item_done(call),
        ];
        events.into_iter().for_each(|event| self.send(event));
    }

    /// Replaces what follows the `after`-th chunk by `step`.
    fn cut(&mut self, after: u32, step: Step) {
        let chunks = self.steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Chunk(_)));
        let end = chunks.map(|(at, _)| at).take(after as usize).last().unwrap_or(0);
        self.steps.truncate(end + 1);
        self.steps.push(step);
    }
}

/// `text` in exactly `chunks` parts of about equal length, at most [`MODEL_CHUNKS`]; a text with fewer characters gives
/// empty parts too, so that the chunk which a trigger names always comes.
fn split(text: &str, chunks: u32) -> impl Iterator<Item = &str> {
    let chunks = chunks.clamp(1, MODEL_CHUNKS) as usize;
    let mut starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    starts.push(text.len());
    let chars = starts.len() - 1;
    let cut = move |k: usize| starts.get(k * chars / chunks).copied().unwrap_or_default();
    (0..chunks).map(move |k| text.get(cut(k)..cut(k + 1)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responses::incoming::{self, Incoming};
    use crate::responses::sse::Decoder;
    use serde_json::json;

    fn text(text: &str, chunks: u32) -> Output {
        Output::Text { text: text.into(), chunks }
    }

    fn read(steps: &[Step]) -> Vec<Incoming> {
        let mut events = Vec::new();
        let mut decoder = Decoder::new(1 << 20);
        for step in steps {
            if let Step::Send(bytes) | Step::Chunk(bytes) = step {
                decoder.push(bytes, &mut events).unwrap();
            }
        }
        events.iter().map(|event| incoming::read(event).unwrap()).filter(|e| *e != Incoming::Other).collect()
    }

    fn chunks(steps: &[Step]) -> usize {
        steps.iter().filter(|step| matches!(step, Step::Chunk(_))).count()
    }

    #[test]
    fn a_text_comes_in_exactly_as_many_chunks_as_asked() {
        for (words, n) in [("four parts!", 4), ("äöü", 2), ("x", 3), ("", 1), ("no chunk", 0)] {
            let parts: Vec<&str> = split(words, n).collect();
            assert_eq!(parts.concat(), words);
            assert_eq!(parts.len(), n.max(1) as usize);
        }
        assert_eq!(split("abcdef", 3).collect::<Vec<_>>(), ["ab", "cd", "ef"]);
    }

    #[test]
    fn a_response_is_read_as_what_was_scripted() {
        let call = Output::Call { name: "shell".into(), arguments: json!({"cmd": "pwd"}) };
        let response = Response {
            output: vec![Output::Reasoning { summary: "why".into() }, text("hello", 2), call],
            usage: Some(super::super::script::Usage { input: 3, output: 4 }),
            failure: None,
            drip: None,
        };
        let done = |value| Incoming::ItemDone(value);
        let events = read(&steps("1_1", "mock", &response, Shell::default()));
        let usage = TokenUsage { input: 3, output: 4, ..TokenUsage::default() };
        assert_eq!(
            events,
            [
                Incoming::Created,
                done(item::reasoning("rs_1_1_1", "why")),
                Incoming::TextDelta("he".into()),
                Incoming::TextDelta("llo".into()),
                done(item::assistant("msg_1_1_2", "hello")),
                done(item::function_call("fc_1_1_3", "call_1_1_3", "shell", &json!({"cmd": "pwd"}))),
                Incoming::Completed { response_id: "resp_1_1".into(), usage: Some(usage) },
            ]
        );
    }

    #[test]
    fn the_same_script_gives_the_same_bytes() {
        let response = Response { output: vec![text("hello", 3)], ..Response::default() };
        assert_eq!(steps("7_2", "m", &response, Shell::default()), steps("7_2", "m", &response, Shell::default()));
        assert_ne!(steps("7_2", "m", &response, Shell::default()), steps("7_3", "m", &response, Shell::default()));
    }

    #[test]
    fn a_failure_comes_right_after_its_chunk() {
        let failing = |failure| Response {
            output: vec![text("abcd", 2), text("efgh", 2)],
            failure: Some(failure),
            usage: None,
            drip: None,
        };
        for (after, seen) in [(0, 0), (1, 1), (3, 3), (4, 4), (9, 4)] {
            for (failure, last) in [(Failure::Stall { after }, Step::Stall), (Failure::Close { after }, Step::Break)] {
                let steps = steps("1_1", "m", &failing(failure), Shell::default());
                assert_eq!((chunks(&steps), steps.last()), (seen, Some(&last)), "after {after}");
                let before = &steps[steps.len() - 2];
                assert_eq!(matches!(before, Step::Chunk(_)), after > 0);
            }
        }
    }

    #[test]
    fn a_response_without_text_fails_right_after_its_beginning() {
        let call = Output::Call { name: "shell".into(), arguments: json!({}) };
        let response =
            Response { output: vec![call], failure: Some(Failure::Close { after: 1 }), usage: None, drip: None };
        assert_eq!(read(&steps("1_1", "m", &response, Shell::default())), [Incoming::Created]);
    }

    #[test]
    fn without_its_completion_a_response_ends_with_its_items() {
        let response =
            Response { output: vec![text("abcd", 1)], failure: Some(Failure::NoCompleted), usage: None, drip: None };
        assert_eq!(steps("1_1", "m", &response, Shell::default()).last(), Some(&Step::Done));
    }

    #[test]
    fn a_response_may_fail_in_its_own_words_or_in_nobody_s() {
        let failing =
            |failure| Response { output: vec![text("abcd", 2)], failure: Some(failure), usage: None, drip: None };
        let failed = failing(Failure::Failed { message: "on fire".into() });
        let steps_of = |response: &Response| steps("1_1", "m", response, Shell::default());
        let last = |steps: Vec<Step>| match steps.into_iter().next_back() {
            Some(Step::Send(bytes)) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        let end = last(steps_of(&failed));
        assert!(end.starts_with("event: response.failed") && end.contains("on fire"), "{end}");
        let malformed = steps_of(&failing(Failure::Malformed { after: 1 }));
        assert_eq!(chunks(&malformed), 1);
        let data = last(malformed).lines().find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&data).is_err(), "{data}");
    }

    fn texts(n: usize) -> Vec<Output> {
        (0..n).map(|_| text("abcd", 2)).collect()
    }

    fn failing(output: Vec<Output>, failure: Failure) -> Vec<Step> {
        let response = Response { output, failure: Some(failure), ..Response::default() };
        steps("1_1", "m", &response, Shell::default())
    }

    #[test]
    fn a_stream_breaks_after_its_head_or_after_an_item() {
        let head = failing(texts(2), Failure::At(Place::Head, Break::Reset));
        assert_eq!(head, [Step::Send(COMMENT.to_vec()), Step::Reset]);
        assert!(read(&head).is_empty());
        for (after, done) in [(1, 1), (2, 2), (9, 2)] {
            let steps = failing(texts(2), Failure::At(Place::Item(after), Break::Stall));
            let items = read(&steps).into_iter().filter(|event| matches!(event, Incoming::ItemDone(_))).count();
            assert_eq!((items, steps.last()), (done, Some(&Step::Stall)), "after {after}");
        }
        let body = failing(texts(1), Failure::At(Place::Chunk(1), Break::Reset));
        assert_eq!((chunks(&body), body.last()), (1, Some(&Step::Reset)));
    }

    #[test]
    fn events_are_missing_doubled_or_strange_as_asked() {
        let count = |mangled: Mangled, name: &str| {
            let steps = failing(texts(1), Failure::Events(mangled));
            let named = format!("event: {name}\n");
            let sends = |step: &&Step| matches!(step, Step::Send(bytes) if bytes.starts_with(named.as_bytes()));
            steps.iter().filter(sends).count()
        };
        for (mangled, name, times) in [
            (Mangled::CreatedMissing, "response.created", 0),
            (Mangled::CreatedTwice, "response.created", 2),
            (Mangled::AddedMissing, "response.output_item.added", 0),
            (Mangled::DoneMissing, "response.output_item.done", 0),
            (Mangled::DoneTwice, "response.output_item.done", 2),
            (Mangled::CompletedTwice, "response.completed", 2),
            (Mangled::CompletedTwice, "response.created", 1),
        ] {
            assert_eq!(count(mangled, name), times, "{mangled:?}");
        }
        assert!(count(Mangled::Unknown, "response.weather.changed") > 3);
        assert_eq!(count(Mangled::Unknown, "response.completed"), 1);
    }

    #[test]
    fn a_command_is_a_call_of_the_tool_that_is_offered() {
        let run = Output::Run { command: "pwd".into(), escalate: false, effect: None };
        let response = Response { output: vec![run], ..Response::default() };
        let call = item::function_call("fc_1_1_1", "call_1_1_1", "shell", &json!({"command": ["bash", "-c", "pwd"]}));
        assert!(read(&steps("1_1", "m", &response, Shell::Words)).contains(&Incoming::ItemDone(call)));
    }
}
