//! The same for a plain user, and where a process hides from one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::rig::{Rig, WRITERS_VAR, has_cc, launcher, pass, writers};

const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
#[allow(clippy::print_stderr, reason = "the reason has nowhere else to go")]
fn a_plain_user_can_do_all_of_it() {
    if !is_root() || !has_cc() {
        // Then all the other tests say so.
        return;
    }
    if Command::new("setpriv").arg("--version").output().is_err() {
        eprintln!("there is no `setpriv` on PATH: nothing is tested here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    open(dir.path());
    let own = std::env::current_exe().unwrap();
    for (from, name) in [
        (own.as_path(), "tests"),
        (&launcher(), "rehydra"),
        (&writers().join("static"), "static"),
        (&writers().join("dynamic"), "dynamic"),
    ] {
        fs::copy(from, dir.path().join(name)).unwrap();
        open(&dir.path().join(name));
    }
    let output = Command::new("setpriv")
        .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()])
        .arg(dir.path().join("tests"))
        .current_dir(dir.path())
        .env("REHYDRA_BIN", dir.path().join("rehydra"))
        .env(WRITERS_VAR, dir.path())
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("a_kill_leaves_the_file_at_the_byte ... ok"), "{said}");
}

#[test]
fn a_program_that_cannot_be_seen_is_told_and_not_stopped() {
    // A program that its user may run and not read is not dumpable, whatever it asks for. Root sees it all the same.
    if is_root() || !has_cc() {
        return;
    }
    let rig = Rig::new();
    let hidden = rig.dir.path().join("hidden");
    // By another process: a descriptor of ours, open for writing, could be inherited by what a parallel test starts.
    assert!(Command::new("cp").arg(writers().join("static")).arg(&hidden).status().unwrap().success());
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o100)).unwrap();
    let argv = [&hidden.display().to_string(), &format!("open:{}:c", rig.path("f").display()), "write:5"];
    let argv = argv.map(str::to_owned).to_vec();
    let done = crate::rig::block_on(async { rig.start_any(argv, vec![], pass).await.end().await });
    assert_eq!(done.said, "open 0 0\nwrite 5 0\n");
    assert_eq!(done.heard, []);
    assert!(done.troubles.iter().any(|text| text.contains("cannot be seen")), "{:?}", done.troubles);
}
