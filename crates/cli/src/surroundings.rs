//! What the process finds around it: terminals, environment variables, the clock.
//!
//! Nothing else in this crate reads them or asks whether a stream is a terminal, so that `high.rs` is a
//! function of its arguments and its tests need no terminal.

use std::io::IsTerminal;

/// Where the process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Standard output is a terminal.
    pub(crate) stdout_is_terminal: bool,
    /// Standard error is a terminal.
    pub(crate) stderr_is_terminal: bool,
    /// The terminal, if there is one, understands colour and cursor control.
    pub(crate) terminal_is_capable: bool,
    /// `NO_COLOR` is set and not empty (no-color.org).
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set and neither empty nor `0` (bixense.com/clicolors).
    pub(crate) clicolor_force: bool,
}

impl Surroundings {
    /// Looks around.
    pub(crate) fn look() -> Self {
        Self {
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            terminal_is_capable: match variable("TERM") {
                Some(term) => term != "dumb",
                // The old Windows console sets none of these and would print the codes as text.
                None => {
                    !cfg!(windows)
                        || variable("WT_SESSION").is_some()
                        || variable("ConEmuANSI").is_some()
                }
            },
            no_color: variable("NO_COLOR").is_some_and(|value| !value.is_empty()),
            clicolor_force: variable("CLICOLOR_FORCE")
                .is_some_and(|value| !value.is_empty() && value != "0"),
        }
    }
}

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "this is the file that reads the clock")]
pub(crate) fn now() -> netreq::Timestamp {
    std::time::SystemTime::now().into()
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
