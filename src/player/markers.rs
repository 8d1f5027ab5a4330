//! Planting markers: one in every prompt, one in every text, summary and tool call that the stub will say.

use serde_json::Value;

use crate::marker::{Carrier, Marker, find};
use crate::model::script::{Output, Response};

/// Hands out the markers of one run; the same seed gives the same ones in the same order.
#[derive(Clone, Debug)]
pub(super) struct Planter {
    seed: u64,
    next: u64,
}

impl Planter {
    pub(super) fn new(seed: u64) -> Planter {
        Planter { seed, next: 1 }
    }

    pub(super) fn marker(&mut self, carrier: Carrier) -> Marker {
        let marker = Marker::new(carrier, self.seed, self.next);
        self.next += 1;
        marker
    }

    /// The prompt with its marker.
    pub(super) fn prompt(&mut self, prompt: &str) -> (String, Marker) {
        let marker = self.marker(Carrier::Prompt);
        (format!("{prompt} {marker}"), marker)
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
            Output::Call { name, arguments } => {
                let marker = self.marker(Carrier::Call);
                Output::Call { name: name.clone(), arguments: fill(arguments, &marker) }
            }
        }
    }
}

/// The markers in scripts, in the order in which they are said.
pub(super) fn planted(responses: &[Response]) -> Vec<Marker> {
    let said = |output: &Output| match output {
        Output::Text { text, .. } => find(text),
        Output::Reasoning { summary } => find(summary),
        Output::Call { arguments, .. } => find(&arguments.to_string()),
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

    #[test]
    fn every_text_gets_a_marker_of_its_own() {
        let script = Response {
            output: vec![
                Output::Reasoning { summary: "Thinking.".into() },
                Output::Text { text: "Noted.".into(), chunks: 2 },
                Output::Call { name: "shell".into(), arguments: serde_json::json!({"command": ["echo", "{marker}"]}) },
            ],
            ..Response::default()
        };
        let planted = Planter::new(5).responses(&[script]);
        let carriers: Vec<_> = super::planted(&planted).iter().map(Marker::carrier).collect();
        assert_eq!(carriers, [Some(Carrier::Reasoning), Some(Carrier::Reply), Some(Carrier::Call)]);
    }
}
