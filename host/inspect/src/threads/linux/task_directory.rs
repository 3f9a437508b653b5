//! The directory `/proc/self/task`: all threads, and what the kernel shows of each. Plain reads: they stop no
//! thread and need no privilege, but for `syscall`, which a process that is not dumpable shows to root alone.

use crate::proc::schedstat::{self, Schedstat};
use crate::proc::stat::{self, Stat};
use crate::proc::status;
use crate::proc_self::{self, ProcFile};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// The directory, kept open so that each look-up starts there.
pub(super) struct TaskDirectory {
    directory: ProcFile,
}

/// A file of one thread, perhaps to be read more than once.
pub(super) struct TaskFile(ProcFile);

impl TaskFile {
    /// The content as it is now, at most as long as `into`.
    pub fn read<'b>(&self, into: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let length = rustix::io::pread(&self.0, &mut *into, 0)?;
        into.get(..length).ok_or(Errno::IO)
    }
}

impl TaskDirectory {
    pub fn open() -> Result<TaskDirectory, Errno> {
        Ok(TaskDirectory { directory: proc_self::open_proc(Path::new("/proc/self/task"))? })
    }

    /// The ids of all threads that are alive, in ascending order.
    pub fn ids(&self) -> Result<Vec<u32>, Errno> {
        proc_self::numbers(&self.directory)
    }

    pub fn file(&self, id: u32, name: &str) -> Result<TaskFile, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        // Ten digits at the most, and the longest name has nine letters.
        let mut path = [0; 32];
        write!(&mut path[..], "{id}/{name}\0").map_err(|_| Errno::NAMETOOLONG)?;
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
        let open = || rustix::fs::openat(&self.directory, path, flags, Mode::empty());
        proc_self::open_with_spares(open).map(TaskFile)
    }

    pub fn stat(&self, id: u32) -> Result<Stat, Errno> {
        let mut bytes = [0; 1024];
        stat::parse(self.file(id, "stat")?.read(&mut bytes)?).ok_or(Errno::INVAL)
    }

    /// The signals that the thread's mask blocks, bit 0 for signal 1.
    pub fn blocked_signals(&self, id: u32) -> Result<u64, Errno> {
        let mut bytes = [0; 4096];
        status::blocked_signals(self.file(id, "status")?.read(&mut bytes)?).ok_or(Errno::INVAL)
    }

    /// How often the thread has got a processor, on kernels that count it.
    pub fn runs(&self, id: u32) -> Option<u64> {
        self.schedstat(id).map(|figures| figures.runs)
    }

    /// For how long the thread has had a processor, on kernels that measure it.
    pub fn time_on_processors(&self, id: u32) -> Option<Duration> {
        self.schedstat(id).map(|figures| figures.on_processor)
    }

    fn schedstat(&self, id: u32) -> Option<Schedstat> {
        let mut bytes = [0; 128];
        schedstat::parse(self.file(id, "schedstat").ok()?.read(&mut bytes).ok()?)
    }

    /// Where in the kernel the thread sleeps, if the kernel tells.
    pub fn kernel_function(&self, id: u32) -> Option<String> {
        let mut bytes = [0; 256];
        let name = self.file(id, "wchan").ok()?;
        let name = std::str::from_utf8(name.read(&mut bytes).ok()?).ok()?;
        // "0" stands for a place that the kernel does not show to this process.
        (!name.is_empty() && name != "0").then(|| name.to_owned())
    }
}
