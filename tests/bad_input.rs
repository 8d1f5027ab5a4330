//! What an author sees when a scenario, a baseline or a profile is wrong: one snapshot of the whole rendering for each mistake.
//!
//! Snapshots are accepted on purpose with `INSTA_UPDATE=always cargo test --test bad_input`; without that nothing is
//! written (`.config/insta.yaml`), so that a changed text fails here and is not taken over in silence.

use rehydra::scenario::{Baseline, Diagnostics, Profiles, Scenario};

const HEAD: &str = "rehydra = 1\ntitle = \"a bad one\"\nproves = [\"responsive\"]\n\n";
const BEGIN: &str = "[[step]]\ncodex = { prompt = \"Remember blue.\", model = { text = \"Noted.\" } }\n\n";

fn scenario(source: &str) -> Diagnostics {
    match Scenario::parse("bad", None, source) {
        Err(wrong) => wrong,
        Ok(taken) => panic!("it is taken for sound: {taken:?}"),
    }
}

fn check(name: &str, wrong: &Diagnostics) {
    for entry in wrong.entries() {
        assert!(!entry.help.is_empty(), "no remedy for: {entry}");
    }
    insta::assert_snapshot!(name, wrong.render(false));
}

/// Scenarios: all of the text, or the steps alone after a sound head.
macro_rules! wrong {
    ($($name:ident: $($part:expr),+;)*) => {$(
        #[test]
        fn $name() {
            check(stringify!($name), &scenario(&[$($part),+].concat()));
        }
    )*};
}

wrong! {
    a_misspelt_key: HEAD, "[[step]]\ncodex = { promt = \"Hello.\", modle = { text = \"Hi.\", chunk = 2 } }\n";
    a_misspelt_step: HEAD, BEGIN, "[[step]]\nrestrat = {}\n\n[[step]]\nreply = { thread = \"mian\", prompt = \"?\" }\n";
    a_key_of_the_other_call: HEAD, BEGIN, "[[step]]\nreply = { prompt = \"?\", cwd = \"project\", sandbox = \"read-only\" }\n",
        "[[step]]\ncodex = { thread = \"two\", id = \"first\", prompt = \"Hello.\" }\n";
    wrong_types: "rehydra = 1\ntitle = 7\nproves = \"durable\"\nrefs = [1]\n\n",
        "[step]\ncodex = { prompt = \"Hello.\" }\n";
    wrong_types_in_a_call: HEAD, "[[step]]\ncodex = { prompt = [\"Hello.\"], model = \"Hi.\", limit_ms = \"20\", expect = 1, fault = true }\n";
    nothing_to_prove: "rehydra = 1\ntitle = \"idle talk\"\nproves = []\n\n", BEGIN;
    unknown_invariants_and_needs: "rehydra = 1\ntitle = \"t\"\nproves = [\"durabel\", \"honest\", \"honest\", \"fast\"]\nneeds = [\"tool\", \"luck\"]\n\n", BEGIN;
    an_empty_file: "";
    another_version: "rehydra = 2\ntitle = 3\nchapters = []\n";
    a_missing_prompt: HEAD, "[[step]]\ncodex.model = { text = \"Hi.\" }\n\n[[step]]\nreply = { prompt = \"\" }\n";
    a_reply_to_nobody: HEAD, "[[step]]\nreply = { prompt = \"Are you there?\" }\n", BEGIN,
        "[[step]]\nreply = { thread = \"mine\", prompt = \"And you?\" }\n";
    a_thread_begun_twice: HEAD, BEGIN, "[[step]]\nrollout = { thread = \"main\", turns = 2, era = \"envelope\" }\n\n", BEGIN;
    triggers_that_cannot_come: HEAD, BEGIN,
        "[[step]]\nreply.prompt = \"1\"\nreply.model = { text = \"a\", chunks = 4 }\nreply.fault = { at = { model-chunk = 9, edge = \"after\" }, stop = {} }\n",
        "[[step]]\nreply.prompt = \"2\"\nreply.model = [{ text = \"a\" }, { text = \"b\" }]\nreply.fault = { at = { model-request = 3 }, stop = {} }\n",
        "[[step]]\nreply.prompt = \"3\"\nreply.fault = { at = { model-end = true }, stop = {} }\n",
        "[[step]]\nreply.prompt = \"4\"\nreply.model = { text = \"a\" }\nreply.fault = { at = { rehydration = \"model\" }, stop = {} }\n",
        "[[step]]\nreply.prompt = \"5\"\nreply.fault = { at = { frame = \"answer\", n = 2 }, stop = {} }\n",
        "[[step]]\nreply.prompt = \"6\"\nreply.model = { text = \"a\", chunks = 4, fail = { close-after = 2 } }\nreply.fault = { at = { model-chunk = 3, edge = \"after\" }, stop = {} }\n";
    triggers_of_the_injector: HEAD, "[[step]]\ncodex.prompt = \"1\"\ncodex.fault = { at = { write = { path = \"*\", n = 1 } }, kill = {} }\n",
        "[[step]]\ncodex.prompt = \"2\"\ncodex.thread = \"two\"\ncodex.fault = { at = { model-chunk = 1, sent = \"call\" } }\n";
    a_path_that_stands_for_nothing: HEAD, BEGIN,
        "[[step]]\nfile = { move = { from = \"{rolout}\", to = \"home/{name:mian}\" } }\n\n[[step]]\nfile = { chmod = { path = \"x\", mode = 9999 }, unlock = true }\n\n",
        "[[step]]\nreply = { prompt = \"Still there?\" }\n";
    a_power_loss_out_of_place: HEAD, "[[step]]\npower-loss = { data = \"half\", byte = 3 }\n\n", "[[step]]\nrestart = {}\n\n", BEGIN,
        "[[step]]\npower-loss = { names = \"gone\" }\n\n[[step]]\nreply = { prompt = \"Still there?\" }\n\n[[step]]\npower-loss = {}\n";
    two_keys_in_a_step: HEAD, "[[step]]\ncodex = { prompt = \"Hello.\" }\nrestart = {}\n\n[[step]]\n";
    numbers_out_of_range: HEAD, "[[step]]\ncodex = { prompt = \"Hello.\", model = { text = \"Hi.\", chunks = 0, fail = { http = 200 } }, limit_ms = -1 }\n\n",
        "[[step]]\nreply = { prompt = \"?\", model = { text = \"Hi.\", chunks = 2, fail = { stall-after = 3 } } }\n\n",
        "[[step]]\nrollout = { thread = \"old\", turns = 2, era = \"barre\", compaction = 5 }\n\n[[step]]\nreply = { thread = \"old\", prompt = \"?\" }\n";
    paths_that_lead_out: HEAD, "[[step]]\nfile = { write = \"../../etc/passwd\", text = \"root\" }\n\n[[step]]\nfile = { remove = \"/\" }\n\n",
        "[[step]]\ncodex = { prompt = \"Hello.\", cwd = \"a/../..\" }\n\n[[step]]\nfile = { write = \"a\" }\n";
    steps_without_a_life: HEAD, BEGIN, "[[step]]\ndamage = { thread = \"main\", torn-tail = { keep = \"hafl\" } }\n\n",
        "[[step]]\nkill = {}\n\n[[step]]\nsignal = \"STOP\"\n\n[[step]]\nreply = { prompt = \"?\" }\n";
    damage_while_a_life_runs: HEAD, BEGIN, "[[step]]\ndamage = { thread = \"main\", torn-tail = { keep = 10 } }\n\n[[step]]\nrestart = {}\n";
    promises_that_nothing_tests: "rehydra = 1\ntitle = \"t\"\nproves = [\"rehydrates\", \"reached\"]\n\n", BEGIN,
        "[[step]]\nreply = { prompt = \"?\", id = \"previous\", expect = \"interrupted\" }\n";
    patterns_that_cannot_be_read: HEAD, "[[model]]\nwhen = \"(\"\ntext = \"Hi.\"\n\n",
        "[[step]]\ncodex = { prompt = \"Hello.\", expect = { outcome = \"erorr\", text = \"[z-a]\" } }\n";
    calls_together_that_need_each_other: HEAD, "[[step]]\ntogether = [{ codex = { prompt = \"a\" } }, { reply = { prompt = \"b\" } }, { codex = { prompt = \"c\" } }]\n\n",
        "[[step]]\ntogether = [{ reply = { prompt = \"d\" } }]\n\n[[step]]\ntogether = [{ replay = {} }, { reply = { prompt = \"e\" } }]\n";
    clients_that_are_not_there: HEAD, BEGIN, "[[step]]\nreply = { client = \"second\", prompt = \"?\" }\n\n[[step]]\nclient = { name = \"third\", end = \"eof\", whom = \"group\" }\n\n",
        "[[step]]\nclient = { opening = \"plian\" }\n\n[[step]]\nclient = { opening = \"lazy\" }\n\n[[step]]\nclient = { opening = \"lazy\", end = \"eof\" }\n",
        "[[step]]\nclient = { cancel = {} }\n";
    ladders_that_nobody_climbs: HEAD, BEGIN, "[[step]]\nrestart = { end = \"KILL\", then = [{ after_ms = 100, end = \"TERM\" }] }\n\n",
        "[[step]]\nrestart = { then = [{ after_ms = 0, end = \"STOP\" }] }\n\n",
        "[[step]]\nreply = { prompt = \"?\", fault = { at = { sent = \"call\" }, stop = {}, then = [{ after_ms = 1, end = \"eof\" }] } }\n";
    frames_of_mcp_where_nobody_says_so: HEAD, "[[step]]\nclient = { send = '{}' }\n\n", BEGIN,
        "[[step]]\nreply = { prompt = \"?\", model = { text = \"Hi.\" }, fault = { at = { model-request = 1 }, cancel = {} } }\n";
    repeats_that_do_not_end: HEAD, BEGIN, "[[step]]\nrepeat.times = 600\nrepeat.steps = [{ restart = {} }, { reply = { prompt = \"?\" } }]\n\n",
        "[[step]]\nrepeat.times = 2\nrepeat.steps = [{ codex = { thread = \"new\", prompt = \"!\" } }, { reply = { thread = \"nwe\", prompt = \"?\" } }]\n\n",
        "[[step]]\nrepeat = { times = 2, steps = [{ repeat = { times = 2, steps = [{ restart = {} }] } }] }\n";
    lives_that_cannot_be_had: HEAD, BEGIN, "[[step]]\nrestart = { home = \"../b\", credentials = \"a b\" }\n\n",
        "[[step]]\nrestart = { home = \"b/c\", tz = \"\", env = { TZ = \"UTC\", CODEX_HOME = \"/\", \"A=B\" = \"c\", N = 1 } }\n";
    breaks_that_cannot_come: HEAD, "[[step]]\ncodex = { prompt = \"a\", model = { text = \"b\", fail = { reset-at = 2 } } }\n\n",
        "[[step]]\nreply = { prompt = \"c\", model = { text = \"d\", fail = { stall-at = \"middle\", reset-after = 1 } } }\n\n",
        "[[step]]\nreply = { prompt = \"e\", model = { encrypted = true, fail = { retry-after = 1 }, drip = { bytes = 0 } } }\n\n",
        "[[step]]\nreply = { prompt = \"f\", model = { text = \"g\", fail = { reset-after = 2 } }, fault = { at = { model-chunk = 1, edge = \"after\" }, stop = {} } }\n\n",
        "[[step]]\nreply = { prompt = \"h\", model = { text = \"i\", fail = { events = \"done-twise\" } } }\n";
    effects_that_nobody_can_count: HEAD, "[[step]]\ncodex.prompt = \"a\"\ncodex.model = { tools = [{ run = \"true\", effect = \"a b\" }, { run = \"true\", effect = \"e\", times = { least = 2, most = 1 } }] }\n\n",
        "[[step]]\nreply.prompt = \"b\"\nreply.model = { tools = [{ name = \"x\", effect = \"c\" }, { run = \"true\", times = 2 }, { run = \"true\", effect = \"../d\" }] }\n";
    bytes_that_are_none: "rehydra = 1\ntitle = \"t\"\nproves = [\"responsive\"]\nneeds = [\"mcp\"]\n\n", BEGIN,
        "[[step]]\nclient = { send-bytes = \"7b2\" }\n\n[[step]]\nclient = { send-bytes = \"zz\" }\n\n[[step]]\nclient = { cancel = \"all\" }\n";
    servers_that_are_none: HEAD, BEGIN, "[[step]]\nrestart = { target = \"codex@0.169.0/mcp\" }\n\n[[step]]\nrestart = { target = \"mine\" }\n\n",
        "[[step]]\nrestart = { target = \"codex@latest\" }\n\n[[step]]\nrestart = { target = \"codex@0.105.0/acp\" }\n\n[[step]]\nrestart = { target = 7 }\n";
    tools_that_are_two: HEAD, "[[step]]\ncodex = { prompt = \"Hello.\", fill = 0, approve = \"yes\", model = { tools = [{ name = \"shell\", run = \"pwd\" }, { run = \"pwd\", arguments = {} }, { name = \"a\", escalate = true }] } }\n";
    arguments_that_are_no_json: HEAD, "[[step]]\ncodex = { prompt = \"Hello.\", model = { tools = [{ name = \"shell\", arguments = { at = 2025-01-01, odds = inf } }] } }\n";
    a_recording_that_nobody_made: HEAD, "[[step]]\nplace = { thread = \"old\", file = \"fixture:exec-0.154.3\" }\n\n[[step]]\nreply = { thread = \"old\", prompt = \"?\" }\n";
    broken_toml: HEAD, "[[step]]\ncodex = { prompt = \"Hello. }\n\n[[step]]\nrestart = { end = KILL }\n\ntitle = \"again\"\n[[step]]\nreplyy = {}\n";
    text_that_would_command_the_terminal: "rehydra = 1\n\"::error::x\\u001b[31m\" = 1\n'::error file=a::\u{202e}' = \"##[error]\"\n";
}

#[test]
fn a_file_of_a_megabyte_is_refused_unread() {
    check("a_file_of_a_megabyte_is_refused_unread", &scenario(&"#".repeat((1 << 20) + 1)));
}

#[test]
fn a_baseline_without_reasons() {
    let source = "[[gap]]\nscenario = \"idle/*\"\ntarget = \"codex\"\ninvariants = [\"rehydrate\"]\nreason = \"\"\ntext = \"(\"\n\n[[gap]]\nscenaro = \"x\"\n";
    let wrong = Baseline::parse("baseline.toml", source).expect_err("the baseline is wrong");
    check("a_baseline_without_reasons", &wrong);
}

/// Profiles: all of the text, or what stands after a sound command.
macro_rules! wrong_profile {
    ($($name:ident: $source:expr;)*) => {$(
        #[test]
        fn $name() {
            let wrong = Profiles::parse("rehydra.toml", std::path::Path::new("/"), $source).expect_err("it is wrong");
            check(stringify!($name), &wrong);
        }
    )*};
}

wrong_profile! {
    a_profile_with_misspelt_keys: "[target.mine]\ncomand = [\"node\"]\nidin = { pointr = \"/x\" }\nlimits = { call-ms = 20, patience = 1 }\n\
        args = [\"x\"]\nstart = { tol = \"ask\", prompt = \"/q\", id = \"/s\" }\nreply = { tool = \"ask\", prompt = \"/q\", cwd = \"/d\" }\n";
    profiles_under_names_that_mean_something_else: "[target.builtin]\ncommand = [\"a\"]\n[target.\"codex@1.2.3\"]\ncommand = [\"a\"]\n\
        [target.\"\"]\ncommand = [\"\"]\n[targets.mine]\ncommand = [\"a\"]\n";
    a_profile_with_half_a_conversation: "[target.mine]\ncommand = []\nstart = { tool = \"ask\", prompt = \"question\" }\nlevel = \"cor\"\nidentity = \"stable\"\n";
    places_that_clash_or_lead_nowhere: "[target.mine]\ncommand = [\"a\"]\n\
        start = { tool = \"t\", prompt = \"/a\", cwd = \"/a/b\", sandbox = \"/m/x\", args = { m = \"text\" } }\n\
        reply = { tool = \"t\", prompt = \"/list/3\", id = \"/list/3\", args = { list = [1] } }\n\
        [target.two]\ncommand = [\"a\"]\nid-in = { pointer = \"/~2\" }\n";
    patterns_of_a_profile_that_cannot_be_read: "[target.mine]\ncommand = [\"a\"]\nnote = \"(\"\nunknown-id-error = \"[z-a]\"\n\
        id-in = { text = \"session: .*\" }\n\n[target.two]\ncommand = [\"a\"]\nid-in = { text = \"(a)(b)\", pointer = \"/x\" }\n";
    an_environment_that_is_not_the_profile_s: "[target.mine]\ncommand = [\"a\", \"{hom}\", \"{\\\"x\\\": 1}\"]\ncodex = \"0.153.4\"\n\
        env = { PATH = \"/x\", CODEX_HOME = \"y\", https_proxy = \"z\", \"A=B\" = \"1\", URL = \"{sub}/v1\" }\nlimits = { call_ms = 0 }\n";
    a_file_of_profiles_without_one: "# nothing yet\n";
}
