//! The injector on programs of our own: what it was told to do is exactly what has happened, to the byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod exactly;
mod rig;
mod users;

use std::fs;
use std::time::Duration;

use rehydra::fault::write::{Attempt, Decision, Op, Then};
use rig::{Rig, block_on, has_cc, lock, pass};

fn cut(order: u64, bytes: u64, then: Then) -> impl FnMut(&Attempt<'_>) -> Decision + Send + 'static {
    move |attempt| if attempt.order == order { Decision::Cut { bytes, then } } else { Decision::Pass }
}

#[test]
fn what_passes_is_what_would_have_happened() {
    if !has_cc() {
        return;
    }
    let program = "open:F/f:c write:5 writev:7 pwrite:3:1 pwritev2:2 ftruncate:9 fsync fdatasync seek:1 write:1 close";
    for (is_static, exact) in [(true, true), (false, true), (true, false)] {
        let rig = Rig { is_static, exact, ..Rig::new() };
        let done = rig.run(program, pass);
        assert_eq!(done.ended.code, Some(0));
        assert!(!done.said.contains('-'), "{}", done.said);
        let ops: Vec<(Op, u64, u64)> = done.heard.iter().map(|h| (h.op, h.offset, h.landed)).collect();
        let write = |offset, len| (Op::Write, offset, len);
        let wanted = [
            (Op::Create, 0, 0),
            write(0, 5),
            write(5, 7),
            write(1, 3),
            write(12, 2),
            (Op::Truncate { len: 9 }, 0, 0),
            (Op::Sync, 0, 0),
            (Op::Sync, 0, 0),
            write(1, 1),
        ];
        assert_eq!(ops, wanted, "static {is_static}, exact {exact}");
        assert_eq!(rig.text("f"), "aaaaaaaaa");
        assert_eq!(done.troubles, [""; 0]);
        assert_eq!(done.heard.iter().map(|h| h.order).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_covered_is_not_looked_at() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let done = rig.run("open:U/beside:ca write:5 rename:U/beside:U/other mkdir:U/d", pass);
    assert_eq!(done.heard, []);
    assert_eq!(done.said, "open 0 0\nwrite 5 0\nrename 0 0\nmkdir 0 0\n");
}

#[test]
fn a_short_count_leaves_the_position_behind_what_has_landed() {
    if !has_cc() {
        return;
    }
    for mode in ["c", "ca"] {
        let rig = Rig::new();
        let done = rig.run(&format!("open:F/f:{mode} write:5 threads:1 write:5 write:5"), cut(3, 2, Then::Short));
        assert_eq!(rig.text("f").len(), 12);
        assert!(done.said.contains("write 2 0"), "{}", done.said);
        assert_eq!(done.heard.last().unwrap().offset, 7);
        assert_eq!(done.model()["f"], rig.text("f").as_bytes());
    }
}

#[test]
fn each_errno_reaches_the_program_once_or_from_then_on() {
    if !has_cc() {
        return;
    }
    for errno in [libc_errno::ENOSPC, libc_errno::EIO, libc_errno::EROFS, libc_errno::EDQUOT, libc_errno::EMFILE] {
        let rig = Rig::new();
        let done = rig.run("open:F/f:ca write:3 write:3 write:3", cut(3, 1, Then::Errno(errno)));
        assert_eq!(done.said, format!("open 0 0\nwrite 3 0\nwrite -1 {errno}\nwrite 3 0\n"));
        assert_eq!(rig.text("f"), "aaaaaaa");
        assert_eq!(done.heard[2].errno, Some(errno));
        assert_eq!(done.heard[2].landed, 1);

        let rig = Rig::new();
        let from_then_on = move |attempt: &Attempt<'_>| match attempt.order {
            0..3 => Decision::Pass,
            _ => Decision::Cut { bytes: 0, then: Then::Errno(errno) },
        };
        let done = rig.run("open:F/f:ca write:3 write:3 fsync rename:F/f:F/g", from_then_on);
        let no = |name: &str| format!("{name} -1 {errno}\n");
        assert_eq!(done.said, format!("open 0 0\nwrite 3 0\n{}{}{}", no("write"), no("fsync"), no("rename")));
        assert_eq!(rig.text("f"), "aaa");
    }
}

/// The numbers that both architectures share.
mod libc_errno {
    pub(crate) const EIO: i32 = 5;
    pub(crate) const EXDEV: i32 = 18;
    pub(crate) const EINVAL: i32 = 22;
    pub(crate) const EMFILE: i32 = 24;
    pub(crate) const ENOSPC: i32 = 28;
    pub(crate) const EROFS: i32 = 30;
    pub(crate) const ENOSYS: i32 = 38;
    pub(crate) const EDQUOT: i32 = 122;
}

#[test]
fn a_kill_leaves_the_file_at_the_byte() {
    if !has_cc() {
        return;
    }
    for exact in [true, false] {
        let rig = Rig { exact, ..Rig::new() };
        let done = rig.run("open:F/f:c write:5 write:5 write:5", cut(3, 2, Then::NoReturn));
        assert_eq!(done.ended.signal, Some(9));
        assert_eq!(done.said, "open 0 0\nwrite 5 0\n");
        assert_eq!(rig.text("f"), "aaaaaaa");
        assert_eq!(done.heard.len(), 3);
        assert_eq!(done.troubles, [""; 0]);
    }
}

#[test]
fn names_are_told_with_what_becomes_of_them() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let program = "mkdir:F/d mkdir:F/d open:F/d/f:c write:3 open:F/d/f:ct open:F/d/f:ct write:2 open:F/d/f:cx link:F/d/f:F/l \
                   rename:F/d/f:F/g rename:F/none:F/g truncate:F/g:1 unlink:F/g unlink:F/g rmdir:F/d chdir:F/ mkdir:r/";
    let done = rig.run(program, pass);
    let seen: Vec<String> = done
        .heard
        .iter()
        .map(|h| {
            let to = h.to.as_ref().map(|to| format!(" {to}")).unwrap_or_default();
            let errno = h.errno.map(|errno| format!(" !{errno}")).unwrap_or_default();
            format!("{:?} {}{to}{errno}", h.op, h.name)
        })
        .collect();
    let wanted = [
        "Mkdir d",
        "Mkdir d !17",
        "Create d/f",
        "Write d/f",
        "Truncate { len: 0 } d/f",
        "Write d/f",
        "Create l d/f",
        "Rename d/f g",
        "Rename none g !2",
        "Truncate { len: 1 } g",
        "Unlink g",
        "Unlink g !2",
        "Unlink d",
        "Mkdir r",
    ];
    assert_eq!(seen, wanted, "{}", done.said);
    let failed: Vec<&str> = done.said.lines().filter(|line| line.contains("-1")).collect();
    assert_eq!(failed, ["mkdir -1 17", "open -1 17", "rename -1 2", "unlink -1 2"]);
    assert!(rig.path("r").is_dir() && rig.path("l").is_file());
}

#[test]
fn a_name_can_be_refused_or_left_as_it_is() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    fs::write(rig.path("f"), "kept").unwrap();
    let refuse = |attempt: &Attempt<'_>| match attempt.op {
        Op::Truncate { .. } | Op::Create => Decision::Cut { bytes: 0, then: Then::Errno(libc_errno::EMFILE) },
        Op::Rename | Op::Sync => Decision::Cut { bytes: 0, then: Then::Short },
        _ => Decision::Pass,
    };
    let done = rig.run("open:F/f:t open:F/new:c rename:F/f:F/g open:F/f:a fsync", refuse);
    assert_eq!(done.said, "open -1 24\nopen -1 24\nrename 0 0\nopen 0 0\nfsync 0 0\n");
    assert_eq!(rig.text("f"), "kept");
    assert!(!rig.path("new").exists());
}

#[test]
fn a_delayed_call_lets_others_by_and_lands_late() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let limit = Duration::from_secs(1);
    let delay = move |attempt: &Attempt<'_>| match attempt.data {
        b"aaaa" => Decision::Delay(limit),
        _ => Decision::Pass,
    };
    let begun = tokio::time::Instant::now();
    let done = rig.run("open:F/f:ca threads:3 write:4", delay);
    assert!(begun.elapsed() >= limit);
    assert_eq!(done.said, "open 0 0\nwrite 4 0\nwrite 4 0\nwrite 4 0\n");
    assert_eq!(&rig.text("f")[8..], "aaaa");
    assert_eq!(done.heard.last().unwrap().offset, 8);
}

#[test]
fn a_held_call_waits_until_it_is_released_and_stops_nobody_else() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let hold = |attempt: &Attempt<'_>| if attempt.data == b"aaaa" { Decision::Hold } else { Decision::Pass };
    let done = block_on(async {
        let mut running = rig.start("open:F/f:ca threads:3 write:4", hold).await;
        // The two with other letters.
        assert_eq!(running.lines(3).await, "open 0 0\nwrite 4 0\nwrite 4 0\n");
        running.until(|book| lock(&book.asked).len() == 4).await;
        assert_eq!(lock(&running.book.heard).len(), 3);
        assert_eq!(rig.text("f").len(), 8);
        running.supervisor.release();
        running.end().await
    });
    assert_eq!(rig.text("f").len(), 12);
    assert_eq!(&rig.text("f")[8..], "aaaa");
    // It was asked about when it came, and landed where the end was when it landed.
    assert_eq!(done.heard.last().unwrap().offset, 8);
    assert_eq!(done.model()["f"], rig.text("f").as_bytes());
}

#[test]
fn a_program_that_dies_meanwhile_writes_nothing_more() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let done = block_on(async {
        let running = rig.start("open:F/f:ca threads:3 write:4", |attempt| match attempt.op {
            Op::Write => Decision::Hold,
            _ => Decision::Pass,
        });
        let running = running.await;
        running.until(|book| lock(&book.asked).len() == 4).await;
        running.kill();
        running.supervisor.release();
        running.end().await
    });
    assert_eq!(done.ended.signal, Some(9));
    // A release that comes before the threads have died may still find one of them waiting.
    assert_eq!(done.model().remove("f").unwrap_or_default(), rig.text("f").as_bytes());
}

#[test]
fn a_supervisor_that_is_dropped_ends_what_waits_for_it() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let said = block_on(async {
        let hold = |attempt: &Attempt<'_>| if attempt.op == Op::Write { Decision::Hold } else { Decision::Pass };
        let mut running = rig.start("open:F/f:ca write:4", hold).await;
        running.until(|book| lock(&book.asked).len() == 2).await;
        assert_eq!(running.lines(1).await, "open 0 0\n");
        running.abandon().await
    });
    // What it would have said of that is itself a write that nobody answers.
    assert_eq!(said, "");
    assert_eq!(rig.text("f"), "");
}

#[test]
fn reads_are_seen_where_they_are_asked_for() {
    if !has_cc() {
        return;
    }
    for (reads, exact) in [(true, true), (true, false), (false, true)] {
        let rig = Rig { reads, exact, ..Rig::new() };
        fs::write(rig.path("f"), "abcdef").unwrap();
        let fail_third = |attempt: &Attempt<'_>| match attempt.offset {
            5 => Decision::Cut { bytes: 0, then: Then::Errno(libc_errno::EIO) },
            _ => Decision::Pass,
        };
        let done = rig.run("open:F/f:r read:2 pread:1:3 pread:1:5 read:9", fail_third);
        if reads {
            let seen: Vec<(Op, u64)> = done.heard.iter().map(|h| (h.op, h.offset)).collect();
            assert_eq!(seen, [(Op::Read, 0), (Op::Read, 3), (Op::Read, 5), (Op::Read, 2)]);
            assert_eq!(done.said, "open 0 0\nread 2 0\npread 1 0\npread -1 5\nread 4 0\n");
        } else {
            assert_eq!(done.heard, []);
        }
    }
}

#[test]
fn what_would_write_past_the_filter_is_refused_and_told() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    fs::write(rig.dir.path().join("source"), "x".repeat(200)).unwrap();
    let program = "uring open:F/f:c copy:U/source sendfile:U/source splice fallocate:5 null write:1";
    let done = rig.run(program, pass);
    let (no_uring, no_copy) = (libc_errno::ENOSYS, libc_errno::EXDEV);
    let said = format!(
        "uring -1 {no_uring}\nopen 0 0\ncopy -1 {no_copy}\nsendfile -1 {e}\nsplice -1 {e}\nfallocate 0 0\nnull -1 14\nwrite 1 0\n",
        e = libc_errno::EINVAL
    );
    assert_eq!(done.said, said);
    let troubles = done.troubles.join("\n");
    for what in ["copy_file_range", "sendfile", "splice", "fallocate"] {
        assert!(troubles.contains(what), "{troubles}");
    }
    assert_eq!(done.troubles.len(), 4);
}

#[test]
fn a_program_that_hides_itself_is_seen_all_the_same() {
    if !has_cc() {
        return;
    }
    let rig = Rig::new();
    let done = rig.run("hide open:F/f:c write:5", pass);
    assert_eq!(done.said, "hide 0 0\nopen 0 0\nwrite 5 0\n");
    assert_eq!(done.heard.len(), 2);
    assert_eq!(done.troubles, [""; 0]);
}

#[test]
fn without_descriptors_a_short_count_at_the_position_is_told() {
    if !has_cc() {
        return;
    }
    let rig = Rig { exact: false, ..Rig::new() };
    let done = rig.run("open:F/f:c write:5 write:5", cut(2, 2, Then::Short));
    assert_eq!(done.troubles.len(), 1);
    assert!(done.troubles[0].contains("position"), "{:?}", done.troubles);
    let rig = Rig { exact: false, ..Rig::new() };
    let done = rig.run("open:F/f:ca write:5 write:5", cut(2, 2, Then::Short));
    assert_eq!(done.troubles, [""; 0]);
    assert_eq!(rig.text("f").len(), 7);
}

#[test]
fn a_command_that_cannot_be_started_says_so_and_ends_the_supervisor() {
    let rig = Rig::new();
    let (ended, complaint) = block_on(async {
        let running = rig.start_any(vec!["/nonexistent".into()], vec![], pass).await;
        running.end_with_complaint().await
    });
    assert_eq!(ended.code, Some(127));
    assert!(complaint.starts_with("rehydra launcher: failed to start `/nonexistent`"), "{complaint}");
}
