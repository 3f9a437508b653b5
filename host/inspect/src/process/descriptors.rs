//! Open descriptors by kind, from the links in `/proc/self/fd`. They are read, not followed: no file behind
//! them is asked.

use super::file;
use crate::proc::keys;
use crate::proc_self;
use std::fmt;
use std::path::Path;

/// Open descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptors {
    /// How many are open.
    pub open: Option<u32>,
    /// How many of each kind, most frequent first.
    pub kinds: Vec<(Kind, u32)>,
    /// The descriptors by number, the first [`Descriptors::MOST`] of them.
    pub listed: Vec<Descriptor>,
}

impl Descriptors {
    /// No more descriptors are listed, all are counted.
    pub const MOST: usize = 4096;
}

/// An open descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// Its number.
    pub number: u32,
    /// What it refers to.
    pub kind: Kind,
    /// The path, or the kernel's name such as `socket:[4711]`.
    pub target: String,
}

/// What a descriptor refers to, as far as its link tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    File,
    DeletedFile,
    Directory,
    Socket,
    Pipe,
    Epoll,
    Event,
    Timer,
    Signal,
    Inotify,
    Memory,
    Device,
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::File => "file",
            Kind::DeletedFile => "deleted file",
            Kind::Directory => "directory",
            Kind::Socket => "socket",
            Kind::Pipe => "pipe",
            Kind::Epoll => "epoll",
            Kind::Event => "event",
            Kind::Timer => "timer",
            Kind::Signal => "signal",
            Kind::Inotify => "inotify",
            Kind::Memory => "memory",
            Kind::Device => "device",
            Kind::Other => "other",
        })
    }
}

pub(super) fn take() -> Descriptors {
    let Some(numbers) = numbers() else { return Descriptors::default() };
    // The descriptor of the list itself is closed by now, and has no target any more.
    let mut all: Vec<Descriptor> = numbers.into_iter().filter_map(descriptor).collect();
    let mut kinds: Vec<(Kind, u32)> = Vec::new();
    for descriptor in &all {
        match kinds.iter_mut().find(|(kind, _)| *kind == descriptor.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((descriptor.kind, 1)),
        }
    }
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let open = u32::try_from(all.len()).ok();
    all.truncate(Descriptors::MOST);
    Descriptors { open, kinds, listed: all }
}

#[cfg(target_os = "linux")]
fn numbers() -> Option<Vec<u32>> {
    proc_self::numbers(proc_self::open_proc(Path::new("/proc/self/fd")).ok()?).ok()
}

#[cfg(not(target_os = "linux"))]
fn numbers() -> Option<Vec<u32>> {
    None
}

fn descriptor(number: u32) -> Option<Descriptor> {
    let target = proc_self::read_link(Path::new(&format!("/proc/self/fd/{number}"))).ok()?;
    let target = target.to_string_lossy().into_owned();
    Some(Descriptor { number, kind: kind(&target, || is_directory(number)), target })
}

/// The names are the kernel's; the kind of a path follows from where it lies.
fn kind(target: &str, is_directory: impl FnOnce() -> bool) -> Kind {
    match target {
        target if target.starts_with("socket:") => Kind::Socket,
        target if target.starts_with("pipe:") => Kind::Pipe,
        "anon_inode:[eventpoll]" => Kind::Epoll,
        "anon_inode:[eventfd]" => Kind::Event,
        "anon_inode:[timerfd]" => Kind::Timer,
        "anon_inode:[signalfd]" => Kind::Signal,
        "anon_inode:inotify" => Kind::Inotify,
        target if target.starts_with("/memfd:") => Kind::Memory,
        target if target.starts_with("/dev/shm/") && !target.ends_with(" (deleted)") => Kind::File,
        target if target.starts_with("/dev/") => Kind::Device,
        target if target.ends_with(" (deleted)") => Kind::DeletedFile,
        target if !target.starts_with('/') => Kind::Other,
        _ if is_directory() => Kind::Directory,
        _ => Kind::File,
    }
}

/// From the descriptor's own flags: its file, perhaps on a server that is gone, is not asked.
fn is_directory(number: u32) -> bool {
    let info = file::read(format!("/proc/self/fdinfo/{number}"));
    let flags = info.as_deref().and_then(|info| std::str::from_utf8(keys::after(info, "flags")?).ok());
    let flags = flags.and_then(|flags| u32::from_str_radix(flags, 8).ok());
    flags.is_some_and(|flags| flags & rustix::fs::OFlags::DIRECTORY.bits() != 0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_descriptor_that_is_open_is_listed_under_its_kind() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/proc/self/status").unwrap();
        let all = take();
        let listed =
            |number: i32| all.listed.iter().find(|descriptor| descriptor.number == number as u32).unwrap();
        assert_eq!(listed(socket.as_raw_fd()).kind, Kind::Socket);
        assert_eq!(listed(file.as_raw_fd()).kind, Kind::File);
        assert!(listed(file.as_raw_fd()).target.ends_with("/status"));
        assert_eq!(all.open.unwrap(), all.kinds.iter().map(|(_, count)| count).sum::<u32>());
    }

    #[test]
    fn kinds_are_told_by_the_kernels_names() {
        let check =
            |target: &str, directory, expected| assert_eq!(kind(target, || directory), expected, "{target}");
        check("socket:[1]", false, Kind::Socket);
        check("pipe:[1]", false, Kind::Pipe);
        check("anon_inode:[eventpoll]", false, Kind::Epoll);
        check("anon_inode:[io_uring]", false, Kind::Other);
        check("/memfd:image (deleted)", false, Kind::Memory);
        check("/dev/null", false, Kind::Device);
        check("/dev/shm/queue", false, Kind::File);
        check("/var/log/a (deleted)", false, Kind::DeletedFile);
        check("/var/log", true, Kind::Directory);
        check("/var/log/a", false, Kind::File);
    }
}
