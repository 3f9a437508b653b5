//! `/proc/PID/stat` and `/proc/PID/task/TID/stat`: name, state, CPU time and start of a process or thread.

use std::time::Duration;

/// What `stat` says of a process or thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub name: String,
    pub state: State,
    pub cpu_user: Duration,
    pub cpu_system: Duration,
    /// When it was started, since the machine was.
    pub started: Duration,
}

/// A thread's state in the kernel's scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum State {
    /// On a processor or waiting for one (`R`).
    Running,
    /// Asleep until something happens or a signal comes (`S`).
    Sleeping,
    /// Asleep in the kernel and not interruptible, usually on input or output (`D`).
    Uninterruptible,
    /// Stopped by a signal or a debugger (`T`, `t`).
    Stopped,
    /// Ended, not yet collected (`Z`, `X`).
    Dead,
    /// Anything else, with the kernel's letter.
    Other(char),
    /// The kernel did not tell.
    Unknown,
}

impl Stat {
    /// How long ago it was started, if the machine was started as long ago as [`since_boot`] says.
    pub fn age(&self, since_boot: Duration) -> Option<Duration> {
        since_boot.checked_sub(self.started)
    }
}

/// How long ago the machine was started, by the clock that [`Stat::started`] is counted by: time asleep
/// counts.
#[cfg(target_os = "linux")]
pub(crate) fn since_boot() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Boottime)).unwrap_or_default()
}

/// The same, borrowed from what was read: to be had without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatLine<'b> {
    pub name: &'b [u8],
    pub state: State,
    pub cpu_user: Duration,
    pub cpu_system: Duration,
    pub started: Duration,
}

pub(crate) fn parse(bytes: &[u8]) -> Option<Stat> {
    let StatLine { name, state, cpu_user, cpu_system, started } = parse_line(bytes)?;
    Some(Stat { name: String::from_utf8_lossy(name).into_owned(), state, cpu_user, cpu_system, started })
}

/// See proc_pid_stat(5). The name stands in parentheses and may contain anything, also parentheses.
pub(crate) fn parse_line(bytes: &[u8]) -> Option<StatLine<'_>> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let name = bytes.get(open.checked_add(1)?..close)?;
    let rest = std::str::from_utf8(bytes.get(close.checked_add(1)?..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = match fields.next()?.chars().next()? {
        'R' => State::Running,
        'S' | 'I' => State::Sleeping,
        'D' => State::Uninterruptible,
        'T' | 't' => State::Stopped,
        'Z' | 'X' | 'x' => State::Dead,
        other => State::Other(other),
    };
    // The manual counts from 1; the state was number 3.
    let mut fields = (4..).zip(fields);
    let mut ticks = |wanted: usize| {
        let (_, field) = fields.find(|(number, _)| *number == wanted)?;
        from_ticks(field.parse().ok()?)
    };
    Some(StatLine { name, state, cpu_user: ticks(14)?, cpu_system: ticks(15)?, started: ticks(22)? })
}

/// The kernel's `USER_HZ`, part of its interface: 100 on x86-64, AArch64 and all others but Alpha and
/// Itanium.
const TICKS_PER_SECOND: u64 = 100;

fn from_ticks(ticks: u64) -> Option<Duration> {
    Some(Duration::from_millis(ticks.checked_mul(1000 / TICKS_PER_SECOND)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let text = b"77 (a) R (b\n) S 1 77 77 0 -1 4194368 1 0 0 0 250 3 0 0 20 0 4 0 1234 0 0";
        let stat = parse(text).unwrap();
        assert_eq!(stat.name, "a) R (b\n");
        assert_eq!(stat.state, State::Sleeping);
        assert_eq!(stat.cpu_user, Duration::from_millis(2500));
        assert_eq!(stat.cpu_system, Duration::from_millis(30));
        assert_eq!(stat.started, Duration::from_millis(12_340));
        assert_eq!(stat.age(Duration::from_secs(13)), Some(Duration::from_millis(660)));
        assert_eq!(stat.age(Duration::from_secs(12)), None);
    }

    #[test]
    fn every_cut_of_a_line_is_survived() {
        let text = b"77 (a) S 1 77 77 0 -1 4194368 1 0 0 0 250 3 0 0 20 0 4 0 1234";
        for length in 0..text.len() - 4 {
            assert_eq!(parse(&text[..length]), None);
        }
    }

    #[test]
    fn times_that_no_duration_holds_are_refused() {
        let text = format!("1 (a) S 1 1 1 0 -1 0 0 0 0 0 {} 3 0 0 20 0 4 0 1234", u64::MAX);
        assert_eq!(parse(text.as_bytes()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn ticks_are_those_of_the_c_library() {
        // SAFETY: takes an integer and returns one.
        let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        assert_eq!(u64::try_from(ticks), Ok(TICKS_PER_SECOND));
    }
}
