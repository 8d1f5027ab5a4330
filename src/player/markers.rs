//! Planting markers: one in every prompt, one in every text, summary and tool call that the stub will say.

use serde_json::Value;

use super::effects::Counted;
use crate::marker::{Carrier, Marker, find};
use crate::model::script::{Output, Response};

/// What fills a long prompt: words, so that nobody takes it for data.
const FILLER: &str = " and so on";

/// Hands out the markers of one run; the same seed gives the same ones in the same order.
#[derive(Clone, Debug)]
pub(super) struct Planter {
    seed: u64,
    next: u64,
    effects: Counted,
}

impl Planter {
    pub(super) fn new(seed: u64, effects: Counted) -> Planter {
        Planter { seed, next: 1, effects }
    }

    pub(super) fn marker(&mut self, carrier: Carrier) -> Marker {
        let marker = Marker::new(carrier, self.seed, self.next);
        self.next += 1;
        marker
    }

    /// The prompt, so many bytes of filler, and the marker: behind the filler, so that a prompt which is cut loses it.
    pub(super) fn prompt(&mut self, prompt: &str, fill: u32) -> (String, Marker) {
        let marker = self.marker(Carrier::Prompt);
        let filler: String = FILLER.chars().cycle().take(fill as usize).collect();
        (format!("{prompt}{filler} {marker}"), marker)
    }

    /// The scripts with a marker in each of their texts. In a tool call's arguments `{marker}` stands for one.
    pub(super) fn responses(&mut self, responses: &[Response]) -> Vec<Response> {
        let plant = |planter: &mut Planter, response: &Response| Response {
            output: response.output.iter().map(|output| planter.output(output)).collect(),
            ..response.clone()
        };
        responses.iter().map(|response| plant(self, response)).collect()
    }

    fn output(&mut self, output: &Output) -> Output {
        match output {
            Output::Text { text, chunks } => {
                let marker = self.marker(Carrier::Reply);
                Output::Text { text: format!("{text} {marker}"), chunks: *chunks }
            }
            Output::Reasoning { summary } => {
                let marker = self.marker(Carrier::Reasoning);
                Output::Reasoning { summary: format!("{summary} {marker}") }
            }
            Output::Sealed { summary } => {
                let marker = self.marker(Carrier::Reasoning);
                Output::Sealed { summary: format!("{summary} {marker}") }
            }
            Output::Call { name, arguments } => {
                let marker = self.marker(Carrier::Call);
                Output::Call { name: name.clone(), arguments: fill(arguments, &marker) }
            }
            Output::Run { command, escalate, effect } => {
                let marker = self.marker(Carrier::Call);
                let counted = effect.as_ref().map(|effect| self.effects.leaves(&effect.name)).unwrap_or_default();
                // To a shell a comment.
                let command = format!("{counted}{command} # {marker}");
                Output::Run { command, escalate: *escalate, effect: effect.clone() }
            }
        }
    }
}

/// The markers in scripts, in the order in which they are said.
pub(super) fn planted(responses: &[Response]) -> Vec<Marker> {
    let said = |output: &Output| match output {
        Output::Text { text, .. } => find(text),
        Output::Reasoning { summary } | Output::Sealed { summary } => find(summary),
        Output::Call { arguments, .. } => find(&arguments.to_string()),
        Output::Run { command, .. } => find(command),
    };
    responses.iter().flat_map(|response| &response.output).flat_map(said).collect()
}

fn fill(value: &Value, marker: &Marker) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{marker}", marker.as_str())),
        Value::Array(items) => items.iter().map(|item| fill(item, marker)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, item)| (key.clone(), fill(item, marker))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planter() -> Planter {
        Planter::new(5, Counted::below(std::path::Path::new("/run/a b")))
    }

    #[test]
    fn a_counted_command_leaves_its_line_before_it_runs() {
        let effect = Some(crate::model::script::Effect { name: "wrote".into(), times: (1, 1) });
        let run = Output::Run { command: "sleep 20".into(), escalate: false, effect };
        let planted = planter().responses(&[Response { output: vec![run], ..Response::default() }]);
        let Output::Run { command, .. } = &planted[0].output[0] else { panic!("{planted:?}") };
        assert!(command.starts_with("echo wrote >> '/run/a b/effects/wrote'; sleep 20 # rhc-"), "{command}");
    }

    #[test]
    fn every_text_gets_a_marker_of_its_own() {
        let script = Response {
            output: vec![
                Output::Reasoning { summary: "Thinking.".into() },
                Output::Text { text: "Noted.".into(), chunks: 2 },
                Output::Call { name: "shell".into(), arguments: serde_json::json!({"command": ["echo", "{marker}"]}) },
                Output::Run { command: "pwd".into(), escalate: false, effect: None },
            ],
            ..Response::default()
        };
        let planted = planter().responses(&[script]);
        let carriers: Vec<_> = super::planted(&planted).iter().map(Marker::carrier).collect();
        assert!(matches!(&planted[0].output[3], Output::Run { command, .. } if command.starts_with("pwd # rhc-")));
        assert_eq!(carriers, [Carrier::Reasoning, Carrier::Reply, Carrier::Call, Carrier::Call].map(Some));
    }

    #[test]
    fn filler_stands_between_a_prompt_and_its_marker() {
        let (prompt, marker) = planter().prompt("Read this:", 1_000);
        assert_eq!(prompt.len(), "Read this:".len() + 1_000 + 1 + marker.as_str().len());
        assert!(prompt.starts_with("Read this: and so on and so on") && prompt.ends_with(marker.as_str()));
    }
}
