//! Threads that do not lie whole in one plain file.

use std::fs;

use rustix::process::Signal;
use serde_json::json;

use super::rig::{Rig, after, kinds, thread_of};

const FORK: &str = "01a203fe-4d2b-7bc2-9ce0-fdcc76d9015a";

#[tokio::test]
async fn a_compressed_thread_comes_back_and_its_file_stays_as_it_was() {
    let rig = Rig::new();
    let (old, one) = rig.thread_of_a_dead_server().await;
    let plain = rig.rollout(&old);
    let packed = plain.with_extension("jsonl.zst");
    let bytes = zstd::encode_all(fs::read(&plain).unwrap().as_slice(), 3).unwrap();
    fs::write(&packed, &bytes).unwrap();
    fs::remove_file(&plain).unwrap();
    let (mut server, two) = (rig.server(), rig.turn());
    let result = server.reply(&old, &two).await;
    assert_eq!((rig.received(&two), kinds(&result)), (after(&[&one], &two), vec![]));
    assert_eq!((fs::read(&packed).unwrap(), plain.exists()), (bytes, false));
}

#[tokio::test]
async fn a_fork_that_only_refers_to_its_parent_comes_back_with_what_the_parent_said_before_it() {
    let rig = Rig::new();
    let (parent, one) = rig.thread_of_a_dead_server().await;
    let file = rig.rollout(&parent);
    let end = fs::metadata(&file).unwrap().len();
    let base = json!({"thread_id": parent, "end_ordinal_exclusive": 9, "end_byte_offset": end});
    let meta = json!({
        "id": FORK, "timestamp": "2026-11-22T16:02:07.000Z", "cwd": rig.project(), "originator": "o",
        "cli_version": "0.169.0", "history_mode": "paginated", "forked_from_id": parent, "history_base": base,
    });
    let line = json!({"timestamp": "2026-11-22T16:02:07.000Z", "ordinal": 9, "type": "session_meta", "payload": meta});
    let fork = file.with_file_name(format!("rollout-2026-11-22T16-02-07-{FORK}.jsonl"));
    fs::write(&fork, format!("{line}\n")).unwrap();
    // What the parent says after the fork is not the fork's.
    let (mut server, late) = (rig.server(), rig.turn());
    let mut later = fs::read(&file).unwrap();
    later.extend(rehydra::rollout::draft::Draft::user_item("later").line(jiff::Timestamp::UNIX_EPOCH, None));
    fs::write(&file, later).unwrap();
    let result = server.reply(FORK, &late).await;
    assert_eq!((rig.received(&late), kinds(&result)), (after(&[&one], &late), vec![]));
    server.kill(Signal::KILL).await;

    // Without its parent it goes on with what is left of it, and says so.
    let other = "01a203fe-4f82-7021-8336-6f3d36f211b5";
    fs::write(
        fork.with_file_name(format!("rollout-2026-11-22T16-02-07-{other}.jsonl")),
        line.to_string().replace(FORK, other) + "\n",
    )
    .unwrap();
    fs::remove_file(&file).unwrap();
    let (mut server, alone) = (rig.server(), rig.turn());
    let result = server.reply(other, &alone).await;
    assert_eq!((rig.received(&alone), kinds(&result).contains(&"lost")), (after(&[], &alone), true));
    assert_ne!(thread_of(&result), other);
}
