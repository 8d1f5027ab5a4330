//! Programs made up by tests.

use std::path::Path;
use std::process::Command;

/// Makes an executable script. Another process writes it: a descriptor of ours, open for writing, could be inherited by
/// what a parallel test starts, and the script could not be run as long as that lives.
pub(super) fn script(file: &Path, text: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "printf %s \"$2\" > \"$1\" && chmod 755 \"$1\"", "sh"]).arg(file).arg(text);
    assert!(shell.status().unwrap().success());
}
