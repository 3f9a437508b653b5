//! Signals by name or number.

use std::fmt;
use std::str::FromStr;

use signal_hook::consts::signal as number;

use super::table::nearest;

/// A signal that is used for something, or none.
///
/// Reads `SIGUSR2`, `USR2`, a number, or `none`.
///
/// ```
/// let signal: gmr::Signal = "USR1".parse()?;
/// assert_eq!(signal.to_string(), "SIGUSR1");
/// assert!("SIGKILL".parse::<gmr::Signal>().unwrap_err().contains("cannot be caught"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(Option<i32>);

/// The signals that may be chosen: those that carry no meaning of a fault and do not end or stop.
const NAMES: [(&str, i32); 12] = [
    ("SIGUSR1", number::SIGUSR1),
    ("SIGUSR2", number::SIGUSR2),
    ("SIGHUP", number::SIGHUP),
    ("SIGQUIT", number::SIGQUIT),
    ("SIGURG", number::SIGURG),
    ("SIGIO", number::SIGIO),
    ("SIGPROF", number::SIGPROF),
    ("SIGVTALRM", number::SIGVTALRM),
    ("SIGALRM", number::SIGALRM),
    ("SIGWINCH", number::SIGWINCH),
    ("SIGCONT", number::SIGCONT),
    ("SIGTRAP", number::SIGTRAP),
];

/// Refused, each with its reason.
const REFUSED: [(&str, i32, &str); 10] = [
    ("SIGKILL", number::SIGKILL, "cannot be caught"),
    ("SIGSTOP", number::SIGSTOP, "cannot be caught"),
    ("SIGSEGV", number::SIGSEGV, "means a fault of the program"),
    ("SIGBUS", number::SIGBUS, "means a fault of the program"),
    ("SIGFPE", number::SIGFPE, "means a fault of the program"),
    ("SIGILL", number::SIGILL, "means a fault of the program"),
    ("SIGABRT", number::SIGABRT, "ends the program"),
    ("SIGTERM", number::SIGTERM, "asks the program to end"),
    ("SIGINT", number::SIGINT, "asks the program to end"),
    ("SIGCHLD", number::SIGCHLD, "comes with every child that ends"),
];

impl Signal {
    /// `SIGUSR2`, the default trigger.
    pub const USR2: Signal = Signal(Some(number::SIGUSR2));
    /// `SIGURG`, the default for asking running threads.
    pub const URG: Signal = Signal(Some(number::SIGURG));
    /// No signal.
    pub const NONE: Signal = Signal(None);

    /// The signal's number on this platform, if there is a signal.
    pub fn number(self) -> Option<i32> {
        self.0
    }
}

impl FromStr for Signal {
    type Err = String;

    fn from_str(text: &str) -> Result<Signal, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Signal::NONE);
        }
        let upper = text.trim().to_ascii_uppercase();
        let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        let digits = text.trim().parse::<i32>().ok();
        if let Some((name, _, reason)) =
            REFUSED.iter().find(|(known, number, _)| *known == name || Some(*number) == digits)
        {
            return Err(format!("must not be {name}, which {reason}"));
        }
        let found = NAMES.iter().find(|(known, number)| *known == name || Some(*number) == digits);
        if let Some((_, number)) = found {
            return Ok(Signal(Some(*number)));
        }
        // Real-time signals have no names of their own; glibc keeps 32 and 33 for itself.
        if let Some(number @ 34..=64) = digits {
            return Ok(Signal(Some(number)));
        }
        Err(match nearest(&name, &NAMES.map(|(name, _)| name)) {
            Some(near) => format!("`{text}` is no signal; did you mean `{near}`?"),
            None => format!("`{text}` is no signal; use a name such as `SIGUSR2`, a number, or `none`"),
        })
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.0 else { return f.write_str("none") };
        match NAMES.iter().find(|(_, known)| *known == number) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "signal {number}"),
        }
    }
}
