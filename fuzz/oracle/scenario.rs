//! What holds of scenario files, whatever the text: what is taken can be written, and reads again as the same; what is
//! refused is refused with a diagnostic that can be shown.

use rehydra::scenario::{Baseline, Profiles, Scenario, to_toml};

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Scenario::parse("fuzz", None, text) {
        Ok(scenario) => {
            let written = to_toml(&scenario);
            let again = Scenario::parse("fuzz", None, &written);
            let again = again.unwrap_or_else(|wrong| panic!("{}\nwritten as\n{written}", wrong.render(false)));
            assert_eq!(to_toml(&again), written);
        }
        Err(wrong) => assert!(!wrong.render(false).trim().is_empty()),
    }
    if let Err(wrong) = Baseline::parse("fuzz", text) {
        assert!(!wrong.render(false).trim().is_empty());
    }
    if let Err(wrong) = Profiles::parse("fuzz", std::path::Path::new("/"), text) {
        assert!(!wrong.render(false).trim().is_empty());
    }
}
