//! The contract between a parser and its test, for people (`--explain`) and for programs (a JSON Schema).

use serde_json::Value;

/// The contract, as `rehydra parser --explain` prints it and `docs/parser.md` shows it.
pub const CONTRACT: &str = include_str!("contract.txt");

/// The JSON Schema of an answer; `docs/parser.schema.json` is the same.
pub fn schema() -> Value {
    // The text is ours and a test parses it.
    serde_json::from_str(include_str!("answer.schema.json")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Answer;
    use super::*;

    #[test]
    fn the_example_of_the_contract_is_an_answer() {
        let from = CONTRACT.find("  {").unwrap();
        let to = from + CONTRACT[from..].find("  }\n").unwrap() + 4;
        let answer = Answer::parse(&CONTRACT.as_bytes()[from..to]).unwrap();
        assert_eq!(answer.turns.len(), 1);
    }

    #[test]
    fn the_schema_knows_the_keys_of_an_answer_and_no_other() {
        let schema = schema();
        let keys = |of: &Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&schema), super::super::answer::KEYS);
        assert_eq!(keys(&schema["$defs"]["turn"]), super::super::answer::TURN_KEYS);
        assert_eq!(schema["additionalProperties"], Value::Bool(false));
    }
}
