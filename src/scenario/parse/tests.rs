//! What is sound is taken as it stands, and no text makes the parser panic. What authors see of unsound files stands in
//! `tests/bad_input.rs`.

use proptest::prelude::*;
use serde_json::json;

use crate::fault::plan::{Action, Edge, Fault, Signal, Trigger, Whom};
use crate::model::script::{Failure, Output, Usage};
use crate::scenario::*;

const HEAD: &str = "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\n";

/// Steps after a thread `main` was begun, one TOML line each.
fn after_a_start(steps: &[&str]) -> Result<Scenario, Diagnostics> {
    let mut source = format!("{HEAD}[[step]]\ncodex = {{ prompt = \"p\", model = {{ text = \"t\", chunks = 4 }} }}\n");
    for step in steps {
        source.push_str(&format!("[[step]]\n{step}\n"));
    }
    Scenario::parse("t", None, &source)
}

fn sound(steps: &[&str]) -> Scenario {
    after_a_start(steps).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn a_call_is_read_with_all_its_keys_and_defaults() {
    let source = [
        "reply.prompt = \"p\"",
        "reply.id = \"urn:uuid:{current}\"",
        "reply.model = [{ reasoning = \"r\", tools = [{ name = \"shell\", arguments = { a = [1, 1.5] } }], text = \"t\", chunks = 2 }, \
         { usage = { input = 3, output = 4 }, fail = { http = 503, body = \"x\" } }]",
        "reply.fault = { at = { model-chunk = 2, edge = \"before\" }, kill = {} }",
        "reply.expect = { outcome = \"error\", text = \"^a\" }",
        "reply.limit_ms = 7",
    ];
    let scenario = sound(&[&source.join("\n")]);
    let [first, second] = scenario.steps.as_slice() else { panic!("two steps") };
    assert_eq!((first.line, second.line), (4, 6));
    let StepKind::Reply(call) = &second.what else { panic!("a reply") };
    assert_eq!((call.thread.as_str(), call.limit_ms), ("main", Some(7)));
    assert_eq!(call.id, Id::Literal("urn:uuid:{current}".to_owned()));
    assert_eq!(call.expect, Expect { outcome: Expected::Error, text: Some("^a".to_owned()) });
    let kill = Action::Kill { signal: Signal::Kill, whom: Whom::Server };
    assert_eq!(call.fault, Some(Fault::new(Trigger::ModelChunk { n: 2, edge: Edge::Before }, kill)));
    let [one, two] = call.model.as_slice() else { panic!("two responses") };
    let outputs = [
        Output::Reasoning { summary: "r".to_owned() },
        Output::Text { text: "t".to_owned(), chunks: 2 },
        Output::Call { name: "shell".to_owned(), arguments: json!({ "a": [1, 1.5] }) },
    ];
    assert_eq!(one.output, outputs);
    assert_eq!(two.usage, Some(Usage { input: 3, output: 4 }));
    assert_eq!(two.failure, Some(Failure::Http { status: 503, body: "x".to_owned() }));
}

#[test]
fn what_is_uncertain_is_no_finding() {
    for steps in [
        // Stdin closed by a fault: whether a life is running then is up to the target.
        &["reply = { prompt = \"p\", fault = { at = { sent = \"call\" }, eof = {} } }", "kill = {}", "restart = {}"][..],
        // An id of nobody's needs no thread.
        &["reply = { thread = \"nobody\", id = \"no-such-id\", prompt = \"p\" }"],
        // The chunk at which a stream is closed has a before.
        &[
            "reply.prompt = \"p\"\nreply.model = { text = \"t\", chunks = 4, fail = { close-after = 2 } }\nreply.fault = { at = { model-chunk = 3, edge = \"before\" }, stop = {} }",
        ],
        // Chunks are counted over all responses of the call.
        &[
            "reply.prompt = \"p\"\nreply.model = [{ text = \"a\", chunks = 2 }, { text = \"b\", chunks = 2 }]\nreply.fault = { at = { model-chunk = 4, edge = \"after\" }, stop = {} }",
        ],
        // The sibling of a faulted call may be cut off with it.
        &[
            "together = [{ reply = { prompt = \"a\", expect = \"interrupted\" } }, { reply = { prompt = \"b\", fault = { at = { sent = \"call\" }, kill = {} } } }]",
        ],
        // Both calls of one moment rehydrate the thread.
        &[
            "restart = {}",
            "together = [{ reply = { prompt = \"a\" } }, { reply = { prompt = \"b\", fault = { at = { rehydration = \"call\" }, kill = {} } } }]",
        ],
        // A death at the end is something to prove.
        &["kill = {}"],
    ] {
        sound(steps);
    }
}

#[test]
fn a_step_that_cannot_be_made_out_brings_no_findings_after_it() {
    let wrong = after_a_start(&[
        "codx = { thread = \"two\" }",
        "damage = { thread = \"two\", torn-tail = { keep = 1 } }",
        "reply = { thread = \"two\", prompt = \"p\", id = \"previous\" }",
    ]);
    let wrong = wrong.expect_err("one step is misspelt");
    assert_eq!(wrong.entries().len(), 1, "{wrong}");
}

#[test]
fn a_life_ended_by_a_fault_needs_a_restart() {
    let fault = "reply = { prompt = \"p\", fault = { at = { sent = \"call\" }, kill = {} } }";
    let wrong = after_a_start(&[fault, "reply = { prompt = \"p\" }"]).expect_err("nobody is there");
    assert!(wrong.to_string().contains("no life is running"), "{wrong}");
    sound(&[fault, "restart = {}", "reply = { prompt = \"p\" }"]);
}

#[test]
fn the_origin_is_the_path_of_a_file_and_the_name_of_a_built_in() {
    let path = std::path::Path::new("dir/x.toml");
    assert!(Scenario::parse("x", Some(path), "").expect_err("empty").to_string().contains("dir/x.toml:1:1"));
    assert!(Scenario::parse("a/x", None, "").expect_err("empty").to_string().contains("a/x.toml:1:1"));
}

#[test]
fn nesting_without_end_is_refused_and_is_no_overflow() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
    for value in [deep("[", "]"), deep("{a=", "}")] {
        assert!(after_a_start(&[&format!("codex = {value}")]).is_err());
    }
    let arguments = format!("{}1{}", "{a=".repeat(100), "}".repeat(100));
    let call =
        format!("reply = {{ prompt = \"p\", model = {{ tools = [{{ name = \"n\", arguments = {arguments} }}] }} }}");
    let wrong = after_a_start(&[&call]).expect_err("too deep");
    assert!(wrong.to_string().contains("nested too deeply"), "{wrong}");
    assert!(after_a_start(&[&format!("{} = 1", vec!["a"; 100_000].join("."))]).is_err());
}

/// Words of which TOML, and scenarios, are made.
fn toml_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "[[step]]\n",
            "[step]\n",
            "[[model]]\n",
            "rehydra",
            "title",
            "proves",
            "codex",
            "reply",
            "together",
            "model",
            "fault",
            "at",
            "kill",
            "damage",
            "torn-tail",
            "keep",
            "rollout",
            "thread",
            "prompt",
            "expect",
            "chunks",
            "tools",
            "arguments",
            "fail",
            "=",
            ".",
            ",",
            "{",
            "}",
            "[",
            "]",
            "\"",
            "'",
            "\"\"\"",
            "\n",
            "\r\n",
            "#",
            " ",
            "1",
            "-1",
            "1.5",
            "true",
            "inf",
            "1979-05-27",
            "\\u0041",
            "\u{0}",
            "\u{feff}",
            "\u{202e}",
            "🙂",
            "\"a\"",
            "{}",
            "= 1\n",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// A built-in scenario with pieces taken out, doubled and put elsewhere.
fn spoilt() -> impl Strategy<Value = String> {
    let cuts =
        proptest::collection::vec((any::<prop::sample::Index>(), 0..40_usize, any::<prop::sample::Index>()), 1..6);
    (any::<prop::sample::Index>(), cuts).prop_map(|(which, cuts)| {
        let all = builtin();
        let mut text: Vec<char> = all[which.index(all.len())].1.chars().collect();
        for (from, len, to) in cuts {
            let from = from.index(text.len());
            let piece: Vec<char> = text.drain(from..(from + len).min(text.len())).collect();
            let to = to.index(text.len() + 1);
            text.splice(to..to, if len % 2 == 0 { piece } else { Vec::new() });
            text.push('\n');
        }
        text.into_iter().collect()
    })
}

#[test]
fn a_repeat_is_its_rounds() {
    let source = format!(
        "{HEAD}[[step]]\ncodex = {{ prompt = \"a\" }}\n\n[[step]]\nrepeat.times = 3\nrepeat.steps = [\n    {{ restart = {{}} }},\n    \
         {{ reply = {{ prompt = \"b\" }} }},\n]\n"
    );
    let scenario = Scenario::parse("t", None, &source).unwrap_or_else(|wrong| panic!("{wrong}"));
    let keys: Vec<&str> = scenario.steps.iter().map(|step| step.what.key()).collect();
    assert_eq!(keys, ["codex", "restart", "reply", "restart", "reply", "restart", "reply"]);
    let lines: Vec<u32> = scenario.steps.iter().map(|step| step.line - scenario.steps[0].line).collect();
    assert_eq!(lines, [0, 6, 7, 6, 7, 6, 7], "each step stands where it is written");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(source in prop_oneof![toml_like(), spoilt(), "(?s).{0,100}"]) {
        for text in [source.clone(), format!("{HEAD}{source}")] {
            let wrong = [Scenario::parse("t", None, &text).err(), Baseline::parse("b", &text).err()];
            for wrong in wrong.into_iter().flatten() {
                prop_assert!(!wrong.is_empty());
                let rendered = wrong.render(false);
                prop_assert!(!rendered.chars().any(|c| c.is_control() && c != '\n'), "{:?}", rendered);
                prop_assert!(!rendered.lines().any(|line| line.trim_start().starts_with("::")), "{}", rendered);
            }
        }
    }
}
