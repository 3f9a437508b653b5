//! Signals by name or number.

use std::fmt;
use std::str::FromStr;

use gmr_inspect::signals::{FAULTS, UNCATCHABLE, may_ask_threads, real_time};
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

/// The signals by their names. Real-time signals have none of their own.
const NAMES: [(&str, i32); 23] = [
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
    ("SIGKILL", number::SIGKILL),
    ("SIGSTOP", number::SIGSTOP),
    ("SIGSEGV", number::SIGSEGV),
    ("SIGBUS", number::SIGBUS),
    ("SIGFPE", number::SIGFPE),
    ("SIGILL", number::SIGILL),
    ("SIGSYS", number::SIGSYS),
    ("SIGABRT", number::SIGABRT),
    ("SIGTERM", number::SIGTERM),
    ("SIGINT", number::SIGINT),
    ("SIGCHLD", number::SIGCHLD),
];

/// Why this signal must not be used, as a clause that follows its name.
fn refusal(signal: i32) -> Option<&'static str> {
    match signal {
        number::SIGABRT => Some("ends the program"),
        number::SIGTERM | number::SIGINT => Some("asks the program to end"),
        number::SIGCHLD => Some("comes with every child that ends"),
        // As a trigger it is harmless: a debugger takes its own before a handler sees them.
        number::SIGTRAP => None,
        _ if UNCATCHABLE.contains(&signal) => Some("cannot be caught"),
        _ if FAULTS.contains(&signal) => Some(FAULT),
        _ => None,
    }
}

const FAULT: &str = "means a fault of the program";

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

    /// Why running threads cannot be asked for their stacks by it: what follows the name of the option.
    pub(super) fn unfit_for_threads(self) -> Option<String> {
        let unfit = self.0.is_some_and(|signal| !may_ask_threads(signal));
        unfit.then(|| format!("must not be {self}, which {FAULT}"))
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
        let known = NAMES.iter().find(|(known, number)| *known == name || Some(*number) == digits);
        if let Some((name, number)) = known {
            return match refusal(*number) {
                Some(reason) => Err(format!("must not be {name}, which {reason}")),
                None => Ok(Signal(Some(*number))),
            };
        }
        if let Some(number) = digits.filter(|number| real_time().contains(number)) {
            return Ok(Signal(Some(number)));
        }
        let usable = NAMES.iter().filter(|(_, number)| refusal(*number).is_none()).map(|(name, _)| *name);
        // No name is near a number.
        let near = digits.is_none().then(|| nearest(&name, &usable.collect::<Vec<_>>())).flatten();
        Err(match near {
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
