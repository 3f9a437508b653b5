//! The sentences of an emergency report, which both formats have, to be written without an allocation.

use std::fmt::{self, Write};

use super::{Head, Limit, Resource, Wait};
use crate::format::text::Escaped;
use crate::words::InWords;

/// Bytes of any kind as text: what is no UTF-8 stands as the replacement character.
#[derive(Clone, Copy)]
pub(super) struct Lossy<'a>(pub &'a [u8]);

impl fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.utf8_chunks().try_for_each(|chunk| {
            f.write_str(chunk.valid())?;
            if chunk.invalid().is_empty() { Ok(()) } else { f.write_char(char::REPLACEMENT_CHARACTER) }
        })
    }
}

/// A text that a terminal must not obey.
pub(super) struct Shown<T>(pub T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaped(f), "{}", self.0)
    }
}

/// A build id in hexadecimal.
pub(super) struct Hexadecimal<'a>(pub &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why the report was made. [`super::read`] knows an emergency report by its first words.
pub(super) struct Why<'a>(pub &'a Head<'a>);

/// How [`Why`] begins.
pub(super) const EMERGENCY: &str = "emergency report, written without memory allocation: ";

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { asked, after, reporter, .. } = self.0;
        write!(
            f,
            "{EMERGENCY}the report that was begun or asked for at {asked:.3} was not finished after {}; thread \
             {reporter} should have made it",
            InWords(*after)
        )
    }
}

/// The system call that a thread waits in: `futex on 0x55d0c8e8`.
pub(super) struct Waits<'a>(pub &'a Wait<'a>);

impl fmt::Display for Waits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Call(self.0).fmt(f)?;
        match self.0.resource {
            Some(Resource::Futex(address)) => write!(f, " on {address:#x}"),
            Some(Resource::Descriptor(number, None)) => write!(f, " on descriptor {number}"),
            Some(Resource::Descriptor(number, Some(target))) => {
                write!(f, " on descriptor {number}, {}", Lossy(target))
            }
            Some(Resource::Time(time)) => write!(f, " for {}", InWords(time)),
            None => Ok(()),
        }
    }
}

/// The name of a system call.
pub(super) struct Call<'a>(pub &'a Wait<'a>);

impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.name {
            Some(name) => f.write_str(name),
            None => write!(f, "system call {}", self.0.number),
        }
    }
}

/// A thread's state in one line: `asleep in futex on 0x55d0c8e8, 0.1 s of CPU time`.
pub(super) struct State<'a> {
    pub state: &'a str,
    pub wait: Option<&'a Wait<'a>>,
    pub cpu: std::time::Duration,
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state)?;
        if let Some(wait) = self.wait {
            write!(f, " in {}", Waits(wait))?;
        }
        write!(f, ", {} of CPU time", InWords(self.cpu))
    }
}

/// A thread's id and name: `14008  "worker-2"`.
pub(super) struct Title<'a>(pub u32, pub &'a [u8]);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  \"{}\"", self.0, Lossy(self.1))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Threads(count) => write!(f, "{count} more threads had no room in the list"),
            Limit::Time(count) => write!(f, "{count} more threads were not looked at: there was no time"),
            Limit::Size(count) => {
                write!(f, "the stacks of {count} threads are left out: the report has its largest size")
            }
            Limit::Modules(count) => write!(f, "{count} mappings of code had no room in the tables"),
        }
    }
}
