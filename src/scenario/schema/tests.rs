//! Holds the schema against the parser: a small validator of the keywords that the schema uses, and files made at
//! random from the grammar, most of them with a mistake in them.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Map, Value, json};

use super::schema;
use crate::scenario::grammar::{Form, Presence, Shape, TableShape};
use crate::scenario::{builtin, conform, keys};

/// Whether `value` is valid. A keyword that it does not know is a failure of the test and not of the value.
fn valid(value: &Value, schema: &Value, root: &Value) -> bool {
    let schema = schema.as_object().expect("a schema is an object");
    schema.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "$defs" | "title" | "description" => true,
        "$ref" => {
            let pointer = rule.as_str().and_then(|r| r.strip_prefix('#')).expect("a reference into the schema");
            valid(value, root.pointer(pointer).expect("the reference leads somewhere"), root)
        }
        "type" => match rule.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("the validator does not know the type {other}"),
        },
        "const" => value == rule,
        "enum" => rule.as_array().expect("a list").contains(value),
        "minimum" => value.as_i64().is_none_or(|n| i128::from(n) >= i128::from(rule.as_u64().expect("a number"))),
        "maximum" => value.as_i64().is_none_or(|n| i128::from(n) <= i128::from(rule.as_u64().expect("a number"))),
        "minLength" | "maxLength" | "pattern" | "format" => {
            value.as_str().is_none_or(|text| string(text, keyword, rule))
        }
        "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= rule.as_u64().expect("a number")),
        "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= rule.as_u64().expect("a number")),
        "items" => value.as_array().is_none_or(|list| list.iter().all(|item| valid(item, rule, root))),
        "uniqueItems" => {
            value.as_array().is_none_or(|list| list.iter().enumerate().all(|(n, item)| !list[..n].contains(item)))
        }
        "not" => !valid(value, rule, root),
        "anyOf" => rule.as_array().expect("a list").iter().any(|rule| valid(value, rule, root)),
        "oneOf" => rule.as_array().expect("a list").iter().filter(|rule| valid(value, rule, root)).count() == 1,
        _ => value.as_object().is_none_or(|object| members(object, keyword, rule, schema, root)),
    })
}

fn string(text: &str, keyword: &str, rule: &Value) -> bool {
    match keyword {
        "minLength" => text.chars().count() as u64 >= rule.as_u64().expect("a number"),
        "maxLength" => text.chars().count() as u64 <= rule.as_u64().expect("a number"),
        "pattern" => regex_lite::Regex::new(rule.as_str().expect("text")).expect("a pattern").is_match(text),
        _ => regex_lite::Regex::new(text).is_ok(),
    }
}

fn members(
    object: &Map<String, Value>,
    keyword: &str,
    rule: &Value,
    schema: &Map<String, Value>,
    root: &Value,
) -> bool {
    let all = |names: &Value| {
        names.as_array().expect("a list").iter().all(|n| object.contains_key(n.as_str().expect("a name")))
    };
    match keyword {
        "properties" => object.iter().all(|(name, value)| rule.get(name).is_none_or(|rule| valid(value, rule, root))),
        "additionalProperties" => {
            let named = |name: &String| schema.get("properties").is_some_and(|known| known.get(name).is_some());
            object.iter().all(|(name, value)| named(name) || *rule != false && valid(value, rule, root))
        }
        "maxProperties" => object.len() as u64 <= rule.as_u64().expect("a number"),
        "required" => all(rule),
        "dependentRequired" => {
            rule.as_object().expect("an object").iter().all(|(name, names)| !object.contains_key(name) || all(names))
        }
        other => panic!("the validator does not know the keyword {other}"),
    }
}

/// Makes values of a shape, now and then a wrong one.
struct Maker {
    rng: TestRng,
    /// One choice in so many is a mistake.
    mistakes: u32,
}

impl Maker {
    fn below(&mut self, n: u32) -> u32 {
        self.rng.next_u32() % n.max(1)
    }

    fn mistake(&mut self) -> bool {
        self.below(self.mistakes) == 0
    }

    fn table(&mut self, shape: &TableShape) -> Value {
        let choices: Vec<&str> = shape.choices().collect();
        let chosen = self.below(choices.len() as u32) as usize;
        let mut made = Map::new();
        for key in shape.keys {
            let there = match key.presence {
                Presence::Required(_) => !self.mistake(),
                Presence::OneOf => (choices.get(chosen) == Some(&key.name)) != self.mistake(),
                Presence::Completes(partner, _) => made.contains_key(partner) != self.mistake(),
                Presence::Beside(partner) => made.contains_key(partner) && self.below(2) == 0 || self.mistake(),
                Presence::Optional => self.below(3) == 0,
            };
            if there {
                let name = if self.mistake() { format!("{}x", key.name) } else { key.name.to_owned() };
                made.insert(name, self.value(&key.shape));
            }
        }
        made.into()
    }

    fn value(&mut self, shape: &Shape) -> Value {
        if self.mistake() {
            let others = [
                json!(1),
                json!(-1),
                json!("x"),
                json!(""),
                json!(true),
                json!(false),
                json!([]),
                json!({}),
                json!(["x"]),
                json!(1.5),
            ];
            return others[self.below(others.len() as u32) as usize].clone();
        }
        match shape {
            Shape::Version(number) => json!(number),
            Shape::Text(text) => {
                let texts: &[&str] = match text.form {
                    Form::Plain => &["a", "two\nlines", "äöü"],
                    Form::Line => &["a", "two words", "two\nlines", "cr\r"],
                    Form::Path => &["a", "a/b.c", "..a/b..", "fixture:x", "/a", "a/../b", "..", "a/..", "a\\b", "a//b"],
                    Form::Pattern => &["a", "^a.*$", "(", "[z-a]", "\\d+"],
                    Form::Group => &["(a)", "^a.*$", "("],
                    Form::Pointer => &["/a", "/a~1b/0", "a", "/~", "/a~2"],
                };
                json!(texts[self.below(texts.len() as u32) as usize])
            }
            Shape::Word(words) => {
                let words = words();
                json!(words[self.below(words.len() as u32) as usize])
            }
            Shape::Int { min, max } => {
                let numbers = [
                    *min,
                    *max,
                    min.saturating_sub(1),
                    max.saturating_add(1).min(i64::MAX as u64),
                    (*min + 1).min(*max),
                ];
                json!(numbers[self.below(5) as usize])
            }
            Shape::Flag => json!(self.below(2) == 0),
            Shape::Yes => json!(true),
            Shape::Map { of, .. } => json!({ "a": self.value(of) }),
            Shape::Object => json!({ "a": [1, "b", { "c": 1.5 }], "d": true }),
            Shape::Table(inner) => self.table(inner),
            Shape::List { of, min, .. } => {
                let len = *min as u32 + self.below(3) - u32::from(self.mistake() && *min > 0);
                (0..len).map(|_| self.value(of)).collect::<Vec<_>>().into()
            }
            Shape::Either(shapes) => {
                let n = self.below(shapes.len() as u32) as usize;
                self.value(&shapes[n])
            }
        }
    }
}

/// Whether the parser takes the form of a file: its grammar alone, without the story.
fn takes(source: &str) -> bool {
    let arena = toml_spanner::Arena::new();
    let document = toml_spanner::parse(source, &arena).expect("it is TOML");
    let mut findings = conform::Findings::default();
    conform::table(document.table(), &keys::FILE, 0..0, &mut findings);
    findings.found.is_empty()
}

#[test]
fn the_parser_and_the_schema_take_the_same_files() {
    let schema = schema();
    let (mut taken, mut refused) = (0, 0);
    for n in 0..3_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let file = Maker { rng, mistakes: [20, 100, 2_000][n as usize % 3] }.table(&keys::FILE);
        let source = toml::to_string(&file).expect("it can be written as TOML");
        let wanted = valid(&file, &schema, &schema);
        assert_eq!(takes(&source), wanted, "the schema says {wanted} of\n{source}");
        *(if wanted { &mut taken } else { &mut refused }) += 1;
    }
    assert!(taken > 100 && refused > 100, "too one-sided to prove anything: {taken} taken, {refused} refused");
}

#[test]
fn every_key_is_known_to_both_and_its_misspelling_to_neither() {
    fn below(shape: &'static Shape, into: &mut Vec<&'static TableShape>) {
        match shape {
            Shape::Table(table) => into.push(table),
            Shape::List { of, .. } => below(of, into),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| below(shape, into)),
            _ => {}
        }
    }
    let schema = schema();
    let mut waiting = vec![&keys::FILE];
    let mut seen: Vec<&TableShape> = Vec::new();
    while let Some(shape) = waiting.pop() {
        if seen.iter().any(|other| std::ptr::eq(*other, shape)) {
            continue;
        }
        assert!(!seen.iter().any(|other| other.id == shape.id), "two tables are called {}", shape.id);
        seen.push(shape);
        let at = if std::ptr::eq(shape, &keys::FILE) { &schema } else { &schema["$defs"][shape.id] };
        let names: Vec<&str> = at["properties"].as_object().expect("its keys").keys().map(String::as_str).collect();
        assert_eq!(names, shape.keys.iter().map(|key| key.name).collect::<Vec<_>>());
        assert_eq!(at["additionalProperties"], false);
        shape.keys.iter().for_each(|key| below(&key.shape, &mut waiting));
    }
    assert!(seen.len() > 20);
}

#[test]
fn every_built_in_scenario_is_valid() {
    let schema = schema();
    for (name, source) in builtin() {
        let file: Value = toml::from_str(source).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(valid(&file, &schema, &schema), "{name} is not valid by the schema");
    }
}

#[test]
fn the_schema_in_the_documentation_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenario.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&schema()).expect("a schema is JSON"));
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &made).expect("the schema can be written");
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == made, "write it again: cargo run -- schema > docs/scenario.schema.json");
}
