//! A harness that is killed leaves no process, not even one that its target forked.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use libtest_mimic::{Failed, Trial};
use rehydra::proc::{Order, Signal, Tag, spawn};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open};
use tokio::io::AsyncBufReadExt;

use crate::rig::this_binary;

/// The target: forks a sleeper, names itself and it, and sleeps too, without the tag. So the first can only be reached by
/// the parent-death signal, and the second only by the warden.
const TARGET: &str = "sleep 1000 & echo $$ $!; exec env -i /bin/sleep 1000";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("kill_9_of_the_harness_leaves_no_process", || killed(Signal::KILL)),
        Trial::test("ctrl_c_of_the_harness_leaves_no_process", || killed(Signal::INT)),
        Trial::test("a_command_ignores_no_signal_that_its_harness_was_made_to_ignore", ignoring),
    ]
}

/// The harness that gets killed: starts the target, passes on what it says, and waits.
pub(crate) fn harness(args: &[&str]) -> ExitCode {
    let [launcher] = args else { return ExitCode::from(2) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let order = Order {
            launcher: PathBuf::from(launcher),
            argv: ["sh", "-c", TARGET].map(str::to_owned).to_vec(),
            cwd: "/".into(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            tag: Tag::harness().of("orphans"),
            gift: None,
        };
        let spawned = spawn(order).await.expect("it starts");
        let mut said = String::new();
        tokio::io::BufReader::new(spawned.stdout).read_line(&mut said).await.expect("it speaks");
        print!("{said}");
        std::io::stdout().flush().expect("the test listens");
        spawned.child.wait().await.expect("it waits");
    });
    ExitCode::SUCCESS
}

fn ignoring() -> Result<(), Failed> {
    let script = r#"trap '' INT QUIT HUP USR1; exec "$0" __exec --parent $PPID -- grep SigIgn: /proc/self/status"#;
    let output = Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_rehydra")]).output()?;
    let said = String::from_utf8(output.stdout)?;
    let ignored = u32::from_str_radix(said.trim_end().get(said.len().saturating_sub(9)..).ok_or("no mask")?, 16)?;
    // The two beyond these are the C library's own, and nobody's to set.
    assert_eq!(ignored & 0x7fff_ffff, 0, "{said}");
    Ok(())
}

fn killed(signal: Signal) -> Result<(), Failed> {
    let launcher = env!("CARGO_BIN_EXE_rehydra");
    // Whoever runs this may ignore `SIGINT`, as a shell lets do what it puts into the background.
    let mut env = Command::new("env");
    env.arg("--default-signal=INT").arg(this_binary()).args(["harness", launcher]);
    let mut harness = env.stdout(Stdio::piped()).spawn()?;
    let mut said = String::new();
    BufReader::new(harness.stdout.take().ok_or("no stdout")?).read_line(&mut said)?;
    let pid = |text: &str| text.parse().ok().and_then(Pid::from_raw).ok_or("no pid");
    let pids: Vec<Pid> = said.split_whitespace().map(pid).collect::<Result<_, _>>()?;
    assert_eq!(pids.len(), 2, "{said}");
    let open = |pid: &Pid| pidfd_open(*pid, PidfdFlags::empty());
    let sleepers: Vec<OwnedFd> = pids.iter().map(open).collect::<Result<_, _>>()?;

    kill_process(pid(&harness.id().to_string())?, signal)?;
    harness.wait()?;
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    for (pid, sleeper) in pids.iter().zip(&sleepers) {
        let ended = poll(&mut [PollFd::new(sleeper, PollFlags::IN)], Some(&limit))?;
        assert_eq!(ended, 1, "process {pid:?} is still there");
    }
    Ok(())
}
