//! What `/proc/self/task` says of each thread. Plain reads: they stop nobody and need no privilege, but for
//! `syscall`, which a process that is not dumpable shows to root alone.

use crate::threads::State;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io::Write as _;
use std::time::Duration;

/// The directory, kept open so that each look-up starts there.
pub(super) struct TaskFiles {
    directory: OwnedFd,
}

/// What `stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub name: String,
    pub state: State,
    pub cpu_user: Duration,
    pub cpu_system: Duration,
    /// Since the machine was started.
    pub started: Duration,
}

/// What `syscall` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// On a processor, or waiting for one.
    Running,
    /// In a system call.
    InCall { number: u64, arguments: [u64; 6], stack_pointer: u64, program_counter: u64 },
    /// Not running, yet in no system call: in a page fault, or stopped.
    Outside { stack_pointer: u64, program_counter: u64 },
}

/// A file of one thread, perhaps to be read more than once.
pub(super) struct TaskFile(OwnedFd);

impl TaskFile {
    /// The content as it is now, at most as long as `into`.
    pub fn read<'b>(&self, into: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let length = rustix::io::pread(&self.0, &mut *into, 0)?;
        into.get(..length).ok_or(Errno::IO)
    }
}

impl TaskFiles {
    pub fn open() -> Result<TaskFiles, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(TaskFiles { directory: rustix::fs::open("/proc/self/task", flags, Mode::empty())? })
    }

    /// The ids of all threads that are alive, in ascending order.
    pub fn ids(&self) -> Result<Vec<u32>, Errno> {
        let mut ids: Vec<u32> = rustix::fs::Dir::read_from(&self.directory)?
            .filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse().ok())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    pub fn file(&self, id: u32, name: &str) -> Result<TaskFile, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        // Ten digits at the most, and the longest name has nine letters.
        let mut path = [0; 32];
        write!(&mut path[..], "{id}/{name}\0").map_err(|_| Errno::NAMETOOLONG)?;
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
        rustix::fs::openat(&self.directory, path, flags, Mode::empty()).map(TaskFile)
    }

    pub fn stat(&self, id: u32) -> Result<Stat, Errno> {
        let mut bytes = [0; 1024];
        parse_stat(self.file(id, "stat")?.read(&mut bytes)?).ok_or(Errno::INVAL)
    }

    /// The signals that the thread's mask blocks, bit 0 for signal 1.
    pub fn blocked_signals(&self, id: u32) -> Result<u64, Errno> {
        let mut bytes = [0; 4096];
        parse_mask(self.file(id, "status")?.read(&mut bytes)?).ok_or(Errno::INVAL)
    }

    /// How often the thread has got a processor, on kernels that count it.
    pub fn runs(&self, id: u32) -> Option<u64> {
        self.scheduler_figures(id).map(|[_, _, runs]| runs)
    }

    /// For how long the thread has had a processor, on kernels that measure it.
    pub fn time_on_processors(&self, id: u32) -> Option<Duration> {
        self.scheduler_figures(id).map(|[time, _, _]| Duration::from_nanos(time))
    }

    /// `schedstat`: nanoseconds on processors, nanoseconds waiting for one, how often it got one.
    fn scheduler_figures(&self, id: u32) -> Option<[u64; 3]> {
        let mut bytes = [0; 128];
        let file = self.file(id, "schedstat").ok()?;
        let text = std::str::from_utf8(file.read(&mut bytes).ok()?).ok()?;
        let figures: Vec<u64> =
            text.split_ascii_whitespace().map_while(|figure| figure.parse().ok()).collect();
        // All zero on kernels that keep none: a thread that exists has run.
        figures.try_into().ok().filter(|figures| *figures != [0; 3])
    }

    /// Where in the kernel the thread sleeps, if the kernel tells.
    pub fn kernel_function(&self, id: u32) -> Option<String> {
        let mut bytes = [0; 256];
        let name = self.file(id, "wchan").ok()?;
        let name = std::str::from_utf8(name.read(&mut bytes).ok()?).ok()?;
        // "0" is what those get who may not know.
        (!name.is_empty() && name != "0").then(|| name.to_owned())
    }
}

/// See proc_pid_stat(5). The name stands in parentheses and may contain anything, also parentheses.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(bytes.get(open.checked_add(1)?..close)?).into_owned();
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
        Some(from_ticks(field.parse().ok()?))
    };
    Some(Stat { name, state, cpu_user: ticks(14)?, cpu_system: ticks(15)?, started: ticks(22)? })
}

fn from_ticks(ticks: u64) -> Duration {
    let each = clock_ticks_per_second();
    Duration::from_secs(ticks / each) + Duration::from_nanos(ticks % each * (1_000_000_000 / each))
}

/// By the C library, which got the number from the kernel when the program started. rustix reads it from
/// `/proc` on kernels before 6.4, and panics in a process that is not dumpable.
fn clock_ticks_per_second() -> u64 {
    // SAFETY: takes an integer.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).unwrap_or_default().max(1)
}

fn parse_mask(status: &[u8]) -> Option<u64> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"SigBlk:"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()
}

/// See proc_pid_syscall(5).
pub(super) fn parse_activity(bytes: &[u8]) -> Option<Activity> {
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
    if text == "running" {
        return Some(Activity::Running);
    }
    let mut fields = text.split(' ');
    let number: i64 = fields.next()?.parse().ok()?;
    let mut value = || u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok();
    let activity = match u64::try_from(number) {
        Err(_) => Activity::Outside { stack_pointer: value()?, program_counter: value()? },
        Ok(number) => Activity::InCall {
            number,
            arguments: [value()?, value()?, value()?, value()?, value()?, value()?],
            stack_pointer: value()?,
            program_counter: value()?,
        },
    };
    fields.next().is_none().then_some(activity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let text = b"77 (a) R (b\n) S 1 77 77 0 -1 4194368 1 0 0 0 250 3 0 0 20 0 4 0 1234 0 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(stat.name, "a) R (b\n");
        assert_eq!(stat.state, State::Sleeping);
        let ticks = clock_ticks_per_second();
        assert_eq!(stat.cpu_user, Duration::from_nanos(250 * 1_000_000_000 / ticks));
        assert_eq!(stat.cpu_system, Duration::from_nanos(3 * 1_000_000_000 / ticks));
        assert_eq!(stat.started, Duration::from_nanos(1234 * 1_000_000_000 / ticks));
    }

    #[test]
    fn activities() {
        let check = |text: &str, expected| assert_eq!(parse_activity(text.as_bytes()), expected, "{text}");
        check("running\n", Some(Activity::Running));
        check(
            "202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd 0x55aa\n",
            Some(Activity::InCall {
                number: 202,
                arguments: [1, 2, 3, 4, 5, 6],
                stack_pointer: 0x7ffd,
                program_counter: 0x55aa,
            }),
        );
        check(
            "-1 0x7ffd 0x55aa\n",
            Some(Activity::Outside { stack_pointer: 0x7ffd, program_counter: 0x55aa }),
        );
        for nonsense in
            ["", "202", "202 0x1 0x2", "-1 0x1", "-1 0x1 0x2 0x3", "202 1 2 3 4 5 6 7 8", "x 0x1 0x2"]
        {
            check(nonsense, None);
        }
    }

    #[test]
    fn every_cut_of_a_stat_line_is_survived() {
        let text = b"77 (a) S 1 77 77 0 -1 4194368 1 0 0 0 250 3 0 0 20 0 4 0 1234";
        for length in 0..text.len() - 4 {
            assert_eq!(parse_stat(&text[..length]), None);
        }
    }

    #[test]
    fn masks() {
        assert_eq!(parse_mask(b"Name:\tx\nSigBlk:\t0000000000400000\nSigIgn:\t0\n"), Some(1 << 22));
        assert_eq!(parse_mask(b"Name:\tx\n"), None);
    }
}
