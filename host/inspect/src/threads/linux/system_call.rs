//! The system call that a thread waits in: its name, and the lock, descriptor or time that it waits for. The
//! thread's memory is read only where an argument is a pointer to a time or to a descriptor.

use crate::memory;
use crate::proc_self;
use crate::threads::{Resource, Wait};
use std::path::Path;
use std::time::Duration;
use syscalls::Sysno;

/// The wait of a thread that is in this system call with these arguments.
pub(super) fn wait(number: u64, arguments: &[u64; 6]) -> Wait {
    let name = name(number);
    Wait { number, name, resource: name.and_then(|name| resource(name, arguments)) }
}

/// The name of the system call of this number.
pub(crate) fn name(number: u64) -> Option<&'static str> {
    usize::try_from(number).ok().and_then(Sysno::new).map(|call| call.name())
}

fn resource(name: &str, arguments: &[u64; 6]) -> Option<Resource> {
    Some(match awaited(name, arguments)? {
        Awaited::Futex(address) => Resource::Futex(address),
        Awaited::Time(time) => Resource::Time(time),
        Awaited::Descriptor(number) => {
            let target = proc_self::read_link(Path::new(&format!("/proc/self/fd/{number}"))).ok();
            Resource::Descriptor { number, target: target.map(|path| path.to_string_lossy().into_owned()) }
        }
    })
}

/// What a system call waits on, as its arguments have it: to be had without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    Futex(u64),
    Descriptor(i32),
    Time(Duration),
}

/// What the system call of this name waits on with these arguments.
pub(crate) fn awaited(name: &str, arguments: &[u64; 6]) -> Option<Awaited> {
    let [first, second, third, ..] = *arguments;
    match name {
        "futex" | "futex_wait" => Some(Awaited::Futex(first)),
        // A list of addresses: a lock or condition is in the first. Its elements are value and address.
        "futex_waitv" => word(first.checked_add(8)?).map(Awaited::Futex),
        "read" | "write" | "readv" | "writev" | "pread64" | "pwrite64" | "preadv" | "pwritev" | "preadv2"
        | "pwritev2" | "recvfrom" | "recvmsg" | "recvmmsg" | "sendto" | "sendmsg" | "sendmmsg" | "accept"
        | "accept4" | "connect" | "epoll_wait" | "epoll_pwait" | "epoll_pwait2" | "fsync" | "fdatasync"
        | "sync_file_range" | "syncfs" | "flock" | "fcntl" | "ioctl" | "fallocate" | "ftruncate"
        | "io_uring_enter" | "getdents64" | "vmsplice" | "splice" | "tee" | "mq_timedsend"
        | "mq_timedreceive" => descriptor(first),
        // To the first, from the second.
        "sendfile" | "copy_file_range" => descriptor(first),
        "poll" | "ppoll" => match second {
            0 if name == "poll" => milliseconds(third),
            0 => time(third),
            1 => descriptor(word(first)? & 0xffff_ffff),
            _ => None,
        },
        "nanosleep" => time(first),
        // With TIMER_ABSTIME (1) the argument is a moment, not a time to pass.
        "clock_nanosleep" if second & 1 == 0 => time(third),
        _ => None,
    }
}

fn descriptor(argument: u64) -> Option<Awaited> {
    // Descriptors are C's `int`: the upper half of the register means nothing.
    Some(Awaited::Descriptor((argument as u32).cast_signed()))
}

fn milliseconds(argument: u64) -> Option<Awaited> {
    // A negative time means for ever.
    let time = u32::try_from((argument as u32).cast_signed()).ok()?;
    Some(Awaited::Time(Duration::from_millis(u64::from(time))))
}

/// A `struct timespec` at an address.
fn time(address: u64) -> Option<Awaited> {
    let (seconds, nanoseconds) = (word(address)?, word(address.checked_add(8)?)?);
    let nanoseconds = u32::try_from(nanoseconds).ok().filter(|n| *n < 1_000_000_000)?;
    // A negative number of seconds is refused by the kernel.
    i64::try_from(seconds).ok()?;
    Some(Awaited::Time(Duration::new(seconds, nanoseconds)))
}

fn word(address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    memory::read(address, &mut bytes).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_this_machine() {
        for (number, expected) in [
            (libc::SYS_read, "read"),
            (libc::SYS_futex, "futex"),
            (libc::SYS_epoll_pwait2, "epoll_pwait2"),
            (libc::SYS_process_vm_readv, "process_vm_readv"),
        ] {
            assert_eq!(wait(number as u64, &[0; 6]).name, Some(expected));
        }
        assert_eq!(wait(9999, &[0; 6]).name, None);
    }

    #[test]
    fn resources() {
        let check = |name, arguments, expected| assert_eq!(resource(name, &arguments), expected, "{name}");
        let time = [3_u64, 500_000_000];
        let half = Some(Resource::Time(Duration::from_millis(3500)));
        check("futex", [0x5000, 0, 0, 0, 0, 0], Some(Resource::Futex(0x5000)));
        check("nanosleep", [time.as_ptr() as u64, 0, 0, 0, 0, 0], half.clone());
        check("clock_nanosleep", [1, 0, time.as_ptr() as u64, 0, 0, 0], half);
        check("clock_nanosleep", [1, 1, time.as_ptr() as u64, 0, 0, 0], None);
        check("nanosleep", [8, 0, 0, 0, 0, 0], None);
        check("poll", [0, 0, 250, 0, 0, 0], Some(Resource::Time(Duration::from_millis(250))));
        check("poll", [0, 0, u64::MAX, 0, 0, 0], None);
        check("wait4", [1, 0, 0, 0, 0, 0], None);
        check("read", [u64::MAX, 0, 0, 0, 0, 0], Some(Resource::Descriptor { number: -1, target: None }));
    }
}

#[cfg(test)]
mod fuzz {
    //! Fuzz test: any system call with any arguments.

    use super::*;

    #[test]
    fn system_calls() {
        let own = [0_u64; 4];
        gmr_test_fuzz::bytes("system_calls", 2000, &[[0_u8; 56]], |bytes| {
            let mut words = bytes.chunks(8).map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_ne_bytes(word)
            });
            let number = words.next().unwrap_or(0) % 500;
            // An address that can be read, some that run out of it, and numbers.
            let argument =
                |word: u64| if word.is_multiple_of(4) { own.as_ptr() as u64 + word % 64 } else { word };
            let arguments = std::array::from_fn(|_| argument(words.next().unwrap_or(u64::MAX)));
            gmr_test_fuzz::within(16 << 10, || wait(number, &arguments));
        });
    }
}
