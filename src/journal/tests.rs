//! What is written is what is read back, whatever it is.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::testing::header;
use super::*;
use crate::limits::INLINE_BODY_BYTES;
use crate::marker::{Carrier, Marker};

/// What a target, a scenario or a person may have put into an event.
#[derive(Clone, Debug)]
struct Drawn {
    text: String,
    other: Option<String>,
    bytes: Vec<u8>,
    number: u64,
    float: f64,
    code: Option<i32>,
    flag: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let text = || any::<Vec<char>>().prop_map(|chars| chars.into_iter().collect::<String>());
    let float = any::<f64>().prop_filter("JSON has no infinity", |f| f.is_finite());
    (text(), proptest::option::of(text()), any::<Vec<u8>>(), any::<u64>(), float, any::<Option<i32>>(), any::<bool>())
        .prop_map(|(text, other, bytes, number, float, code, flag)| Drawn {
            text,
            other,
            bytes,
            number,
            float,
            code,
            flag,
        })
}

/// One event of every kind, with what was drawn in each of its places.
fn kinds(drawn: &Drawn, body: &Body) -> Vec<Kind> {
    let Drawn { text, other, number, float, code, flag, .. } = drawn.clone();
    let (bytes, n) = (body.clone(), number as u32);
    let t = || text.clone();
    let marker = Marker::new(Carrier::Reply, number, number);
    let markers = vec![marker.clone()];
    let raw = match code {
        None => None,
        Some(code) if code % 2 == 0 => Some(Value::Null),
        Some(_) => Some(json!({t(): [float, number, other, flag, null, {"nested": t()}]})),
    };
    let file = FileState { len: number, sha256: t() };
    let from = vec![number];
    let item = Item {
        role: other.clone(),
        kind: t(),
        markers: markers.clone(),
        call_id: other.clone(),
        context: other.clone(),
        preview: t(),
    };
    vec![
        Kind::Frame(Frame { direction: Direction::In, bytes: bytes.clone(), partial: flag }),
        Kind::Stderr(Stderr { bytes: bytes.clone() }),
        Kind::Spawn(Spawn {
            pid: n,
            argv: vec![t()],
            cwd: t(),
            env: vec![(t(), t())],
            target: None,
            watched: Watched::Reads,
        }),
        Kind::Exit(Exit { code, signal: code }),
        Kind::ModelBytes(ModelBytes { connection: n, direction: Direction::Out, bytes: bytes.clone() }),
        Kind::Step(Step { n, what: t(), line: n }),
        Kind::Life(Life {
            from: from.clone(),
            process_cwd: t(),
            home: Some(t()),
            credentials: None,
            target: Some(t()),
        }),
        Kind::Death(Death { from: from.clone(), asked: other.clone() }),
        Kind::Placed(Placed {
            thread: t(),
            id: t(),
            path: t(),
            markers: markers.clone(),
            unacknowledged: markers.clone(),
            cwd: other.clone(),
            sandbox: other.clone(),
            approval: other.clone(),
            complete: flag,
            beside: Vec::new(),
        }),
        Kind::Planted(Planted {
            call: n,
            markers: markers.clone(),
            effects: vec![PlannedEffect { name: t(), of_turn: n, least: n, most: n }],
        }),
        Kind::Call(Call {
            from: from.clone(),
            call: n,
            step: n,
            client: Some(t()),
            thread: t(),
            kind: CallKind::Reply,
            id_sent: other.clone(),
            id_is: Some(IdChoice::Literal),
            marker,
            cwd: other.clone(),
            sandbox: other.clone(),
            approval: other.clone(),
            faulted: flag,
            limit_ms: number,
        }),
        Kind::Answer(Answer {
            from: from.clone(),
            call: n,
            outcome: AnswerOutcome::ToolError,
            id_returned: other.clone(),
            text: t(),
            notes: vec![Note { kind: t(), text: t() }],
            error_kind: other.clone(),
            raw,
        }),
        Kind::Unexpected(Unexpected { call: n, expected: t(), got: t() }),
        Kind::Settings(Settings {
            from: from.clone(),
            call: n,
            cwd: other.clone(),
            sandbox: other.clone(),
            approval: other.clone(),
            source: SettingsSource::TurnContext,
        }),
        Kind::ModelRequest(ModelRequest {
            from,
            n,
            call: Some(n),
            of_turn: n,
            items: vec![item],
            cwd_told: other.clone(),
            credential_digest: other.clone(),
            refused: Some(Refusal { kind: RefusalKind::Unpaired, text: t() }),
            body: bytes.clone(),
        }),
        Kind::Fault(FaultFired { name: t(), at: t(), call: Some(n), fired: flag }),
        Kind::Write(WriteSeen {
            order: number,
            op: FileOp::Rename,
            path: t(),
            to: other.clone(),
            offset: number,
            len: number,
            landed: number,
            errno: other.as_ref().map(|_| 28),
            record_kind: other.clone(),
            body: Some(bytes.clone()),
        }),
        Kind::Missed(Missed { text: t() }),
        Kind::Damage(DamageDone {
            path: t(),
            thread: other.clone(),
            mutator: t(),
            before: file.clone(),
            after: file,
            destroyed: markers,
            refused: true,
        }),
        Kind::Snapshot(Snapshot {
            when: SnapshotWhen::Birth,
            files: vec![SnapshotFile { path: t(), len: number, sha256: t(), mode: n, blob: other }],
        }),
        Kind::Launched(Launched { program: t(), version: t(), args: vec![t()] }),
        Kind::Egress(Egress { host: Some(t()) }),
        Kind::Effect(Effect { name: t() }),
        Kind::Leftover(Leftover { pids: vec![n], waited_ms: number }),
        Kind::Unopened(Unopened { text: t() }),
        Kind::Broken(Broken { step: Some(n), text: t() }),
    ]
}

fn journal(dir: &std::path::Path, header: &Header) -> Journal {
    Journal::create(dir, header, Redactor::default(), || 7).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_event_is_read_back_as_it_was_written(drawn in drawn()) {
        let dir = tempfile::tempdir().unwrap();
        let header = header(&drawn.text, drawn.number);
        let journal = journal(dir.path(), &header);
        let body = journal.body(&drawn.bytes);
        for kind in kinds(&drawn, &body) {
            journal.append(Lane::Model, kind);
        }
        prop_assert_eq!(journal.failure(), None);
        let run = Run::read(dir.path()).unwrap();
        prop_assert_eq!(&run.header, &header);
        prop_assert_eq!(&run.events, &journal.events());
        prop_assert_eq!(run.blobs.bytes(&body).unwrap(), drawn.bytes);
        prop_assert!(!run.cut_short);
    }

    /// A harness that is killed while it writes costs the line that it was writing, and no other.
    #[test]
    fn a_journal_that_is_cut_anywhere_gives_every_whole_line(drawn in drawn(), cut in 0.0..1.0f64) {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path(), &header("t", 1));
        for kind in kinds(&drawn, &Body::Text(String::new())) {
            journal.append(Lane::Player, kind);
        }
        let path = dir.path().join("journal.jsonl");
        let bytes = std::fs::read(&path).unwrap();
        let head = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
        let len = head + ((bytes.len() - head) as f64 * cut) as usize;
        std::fs::write(&path, &bytes[..len]).unwrap();
        let run = Run::read(dir.path()).unwrap();
        let whole = bytes[head..len].iter().filter(|b| **b == b'\n').count();
        // The last line may be whole but for its newline.
        prop_assert!((whole..=whole + 1).contains(&run.events.len()));
        prop_assert_eq!(&run.events[..], &journal.events()[..run.events.len()]);
        prop_assert!(run.incomplete().is_some());
    }
}

#[test]
fn a_long_body_stands_in_a_blob_and_secrets_in_none() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = Redactor::new(["s3cret-token".to_owned()]);
    let journal = Journal::create(dir.path(), &header("t", 1), secrets, || 0).unwrap();
    let long = "s3cret-token ".repeat(INLINE_BODY_BYTES / 8);
    let body = journal.body(long.as_bytes());
    let Body::Blob { sha256, .. } = &body else { panic!("it is long: {body:?}") };
    let kept = BlobStore::new(dir.path()).get(sha256).unwrap();
    assert_eq!(String::from_utf8(kept).unwrap(), long.replace("s3cret-token", "«redacted»"));
}

#[test]
fn a_digest_is_the_same_whether_the_bytes_are_held_or_streamed() {
    for len in [0, 1, 64 << 10, (64 << 10) + 1, 200_000] {
        let bytes = vec![b'x'; len];
        assert_eq!(len_and_sha256(&bytes[..]).unwrap(), (len as u64, sha256_hex(&bytes)));
    }
}
