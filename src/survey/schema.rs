//! The tools of a server as their input schemas describe them: every argument, however deep it stands, by its place.
//!
//! Schemas are a stranger's: of any shape, depth and size. What is not understood is passed over, references are followed
//! within the schema and not endlessly, and there is a limit on everything that grows.

use serde_json::{Map, Value};

use super::names::words;
use crate::limits::{SURVEY_ARGUMENTS, SURVEY_NESTING, SURVEY_TOOLS};

/// A tool, as far as a conversation needs it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tool {
    /// Its name.
    pub name: String,
    /// Its arguments, in the order of the schema, each after what it is part of.
    pub arguments: Vec<Argument>,
}

/// One argument of a tool.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    /// JSON pointer into the arguments of a call.
    pub place: String,
    /// The words of its name in lower case: `session`, `id` of `sessionId`.
    pub words: Vec<String>,
    /// What it takes.
    pub takes: Takes,
    /// Every call must have it.
    pub required: bool,
    /// What it is part of must have it, wherever that is there at all.
    pub needed: bool,
    /// The texts that it takes, where it takes only a few.
    pub choices: Vec<String>,
    /// What its author says about it, in lower case.
    pub about: String,
    /// The value that its schema proposes for calls that have nothing better.
    pub proposed: Option<Value>,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Any text.
    Text,
    /// One of a few values.
    Choice,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A table or a list, whose parts have places of their own.
    Parts,
    /// Something else.
    Other,
}

/// The tools in results of `tools/list`.
pub(super) fn tools(pages: &[Value]) -> Vec<Tool> {
    let lists = pages.iter().filter_map(|page| page.get("tools")?.as_array()).flatten();
    lists.take(SURVEY_TOOLS).filter_map(tool).collect()
}

fn tool(tool: &Value) -> Option<Tool> {
    let name = tool.get("name")?.as_str()?.to_owned();
    let mut reader = Reader { root: tool.get("inputSchema").unwrap_or(&Value::Null), arguments: Vec::new() };
    reader.table(reader.root, "", true, 0);
    Some(Tool { name, arguments: reader.arguments })
}

/// The entry of a list that stands for all of them, in a place.
pub(super) const ENTRY: &str = "0";

/// What is known of an argument before its schema is read.
struct Named {
    place: String,
    words: Vec<String>,
    required: bool,
    needed: bool,
}

struct Reader<'a> {
    root: &'a Value,
    arguments: Vec<Argument>,
}

impl<'a> Reader<'a> {
    fn table(&mut self, schema: &'a Value, above: &str, always: bool, depth: usize) {
        let Some(properties) = self.meant(schema).get("properties").and_then(Value::as_object) else { return };
        let required = self.meant(schema).get("required").and_then(Value::as_array);
        for (name, schema) in properties {
            let needed = required.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(name)));
            let place = format!("{above}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.argument(schema, Named { place, words: words(name), required: always && needed, needed }, depth);
        }
    }

    fn argument(&mut self, outer: &'a Value, named: Named, depth: usize) {
        if self.arguments.len() >= SURVEY_ARGUMENTS || depth > SURVEY_NESTING {
            return;
        }
        let schema = self.meant(outer);
        let text = |key: &str| [outer, schema].iter().find_map(|s| s.get(key)?.as_str()).map(str::to_lowercase);
        let Named { place, words, required, needed } = named;
        let takes = takes(schema);
        self.arguments.push(Argument {
            place: place.clone(),
            words: words.clone(),
            takes,
            required,
            needed,
            choices: self.choices(outer),
            about: text("description").or_else(|| text("title")).unwrap_or_default(),
            proposed: proposed(outer, schema, &words),
        });
        match schema.get("items") {
            _ if takes != Takes::Parts => {}
            // The first entry stands for a list.
            Some(items) => {
                let entry = Named { place: format!("{place}/{ENTRY}"), words, required: false, needed: true };
                self.argument(items, entry, depth + 1);
            }
            None => self.table(schema, &place, required, depth + 1),
        }
    }

    /// The texts in `enum` and `const` of a schema, and of the schemas that it is a choice between.
    fn choices(&self, schema: &'a Value) -> Vec<String> {
        let mut texts = Vec::new();
        let mut waiting = vec![schema];
        // A schema may lead back to itself, so what ends this is the count.
        for _ in 0..SURVEY_ARGUMENTS {
            let Some(schema) = waiting.pop() else { break };
            let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            let values = listed.chain(schema.get("const")).filter_map(Value::as_str);
            texts.extend(values.map(str::to_owned).take(SURVEY_ARGUMENTS));
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
            waiting.extend(reference.and_then(|at| self.root.pointer(at)));
            let among = ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
            waiting.extend(among.take(SURVEY_ARGUMENTS));
        }
        texts
    }

    /// The schema that is meant: behind references, and behind the choice between it and nothing.
    fn meant(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..SURVEY_NESTING {
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
            let choice = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema.get(*key)?.as_array());
            let one =
                |list: &'a Vec<Value>| list.iter().find(|s| s.get("type").and_then(Value::as_str) != Some("null"));
            schema = match (reference, choice.and_then(one)) {
                (Some(at), _) => match self.root.pointer(at) {
                    Some(found) => found,
                    None => return schema,
                },
                (None, Some(one)) => one,
                (None, None) => return schema,
            };
        }
        schema
    }
}

fn takes(schema: &Value) -> Takes {
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return Takes::Choice;
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ if schema.get("properties").is_some() => Some("object"),
        _ => None,
    };
    match kind {
        Some("string") => Takes::Text,
        Some("number" | "integer") => Takes::Number,
        Some("boolean") => Takes::Flag,
        Some("object" | "array") => Takes::Parts,
        _ => Takes::Other,
    }
}

/// What the schema itself proposes; of a choice that of a person who speaks, else the first.
fn proposed(outer: &Value, schema: &Value, words: &[String]) -> Option<Value> {
    for key in ["default", "const"] {
        if let Some(value) = [outer, schema].iter().find_map(|s| s.get(key)).filter(|value| !value.is_null()) {
            return Some(value.clone());
        }
    }
    let choices = schema.get("enum").and_then(Value::as_array);
    if let Some(choices) = choices {
        return choices.iter().find(|choice| *choice == "user").or(choices.first()).cloned();
    }
    if let Some(example) = schema.get("examples").and_then(Value::as_array).and_then(|all| all.first()) {
        return Some(example.clone());
    }
    match takes(schema) {
        Takes::Text if words == ["role"] => Some("user".into()),
        Takes::Text => Some("rehydra".into()),
        Takes::Number => Some(schema.get("minimum").filter(|n| n.is_number()).cloned().unwrap_or_else(|| 1.into())),
        Takes::Flag => Some(false.into()),
        Takes::Parts if schema.get("items").is_some() => Some(Value::Array(Vec::new())),
        Takes::Parts => Some(Value::Object(Map::new())),
        Takes::Choice | Takes::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(schema: Value) -> Vec<Argument> {
        let mut found = tools(&[json!({"tools": [{"name": "t", "inputSchema": schema}]})]);
        found.pop().map(|tool| tool.arguments).unwrap_or_default()
    }

    fn places(schema: Value) -> Vec<(String, Takes, bool)> {
        one(schema).into_iter().map(|a| (a.place, a.takes, a.required)).collect()
    }

    #[test]
    fn arguments_are_found_at_every_depth() {
        let schema = json!({
            "properties": {
                "input": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
                "options": {"properties": {"a/b": {"type": ["string", "null"]}}, "required": ["a/b"]},
                "messages": {"type": "array", "items": {"$ref": "#/$defs/message"}},
                "n": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            },
            "required": ["input", "messages"],
            "$defs": {"message": {"type": "object", "properties": {"role": {"enum": ["system", "user"]}}, "required": ["role"]}},
        });
        let expected = [
            ("/input", Takes::Parts, true),
            ("/input/text", Takes::Text, true),
            ("/options", Takes::Parts, false),
            ("/options/a~1b", Takes::Text, false),
            ("/messages", Takes::Parts, true),
            ("/messages/0", Takes::Parts, false),
            ("/messages/0/role", Takes::Choice, false),
            ("/n", Takes::Number, false),
        ];
        let expected = expected.map(|(place, takes, required)| (place.to_owned(), takes, required));
        assert_eq!(places(schema), expected);
    }

    #[test]
    fn a_schema_proposes_values() {
        let proposed =
            |schema: Value| one(json!({"properties": {"x": schema}})).pop().and_then(|argument| argument.proposed);
        assert_eq!(proposed(json!({"type": "string", "default": "d"})), Some(json!("d")));
        assert_eq!(proposed(json!({"enum": ["system", "user"]})), Some(json!("user")));
        assert_eq!(proposed(json!({"enum": ["fast", "slow"]})), Some(json!("fast")));
        assert_eq!(proposed(json!({"type": "integer", "minimum": 4})), Some(json!(4)));
        assert_eq!(proposed(json!({"type": "boolean"})), Some(json!(false)));
        assert_eq!(proposed(json!({})), None);
    }

    #[test]
    fn choices_are_found_behind_references_too() {
        let mode = json!({"oneOf": [{"const": "read-only"}, {"enum": ["danger-full-access", 7]}]});
        let schema = json!({"properties": {"sandbox": {"$ref": "#/$defs/mode"}}, "$defs": {"mode": mode}});
        let mut choices = one(schema).pop().map(|argument| argument.choices).unwrap_or_default();
        choices.sort();
        assert_eq!(choices, ["danger-full-access", "read-only"]);
    }

    #[test]
    fn no_schema_is_read_without_an_end() {
        let circle = json!({"properties": {"a": {"$ref": "#"}}});
        assert!(one(circle).len() <= SURVEY_NESTING + 2);
        let wide: Map<String, Value> = (0..5_000).map(|n| (format!("a{n}"), json!({"type": "string"}))).collect();
        assert_eq!(one(json!({"properties": wide})).len(), SURVEY_ARGUMENTS);
        for odd in [json!(null), json!([]), json!({"properties": 5}), json!({"properties": {"a": 5, "b": {"type": 7}}})]
        {
            let _ = one(odd);
        }
        let itself = json!({"$ref": "#", "properties": {"a": {"$ref": "#/properties/a"}}});
        let _ = one(itself);
    }
}
