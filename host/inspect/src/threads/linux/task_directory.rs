//! The directory `/proc/self/task`: all threads, and what the kernel shows of each. Plain reads: they stop no
//! thread and need no privilege, but for `syscall`, which a process that is not dumpable shows to root alone.
//!
//! Ids are those of the process's own namespace, whichever one the mounted `/proc` belongs to.

use crate::proc::keys;
use crate::proc::schedstat::{self, Schedstat};
use crate::proc::stat::{self, Stat, State};
use crate::proc::status;
use crate::proc_self::{self, ProcFile};
use crate::threads::Listing;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// The directory, kept open so that each look-up starts there.
pub(super) struct TaskDirectory {
    directory: ProcFile,
    /// What `/proc` calls each thread: where `/proc` belongs to a namespace around the process's own, it has other numbers.
    listing: Listing,
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
    /// The directory, for the threads of that list.
    pub fn open(listing: &Listing) -> Result<TaskDirectory, Errno> {
        let directory = proc_self::open_proc(Path::new("/proc/self/task"))?;
        Ok(TaskDirectory { directory, listing: listing.clone() })
    }

    /// The threads that are alive.
    pub fn list() -> Result<Listing, Errno> {
        let directory = TaskDirectory::open(&Listing::default())?;
        let mut ids = directory.listed()?;
        let mut outer = HashMap::new();
        if directory.namespace_ids(c"../status").is_some_and(|(outer, own)| outer != own) {
            outer = directory.translate(&ids);
            ids = outer.keys().copied().collect();
            ids.sort_unstable();
        }
        Ok(Listing::of(ids, outer))
    }

    /// The ids as `/proc` has them. The kernel ends the list early where the thread that it has come to ends in that moment,
    /// so a list that is shorter than the kernel's count is read again.
    fn listed(&self) -> Result<Vec<u32>, Errno> {
        const ATTEMPTS: usize = 4;
        let mut ids = proc_self::numbers(&self.directory)?;
        for _ in 1..ATTEMPTS {
            if self.count().is_none_or(|count| ids.len() as u64 >= count) {
                break;
            }
            // What was listed before and has ended since is seen to have.
            ids.extend(proc_self::numbers(&self.directory)?);
            ids.sort_unstable();
            ids.dedup();
        }
        Ok(ids)
    }

    /// How many threads the process has, by the kernel's count.
    fn count(&self) -> Option<u64> {
        let mut bytes = [0; 4096];
        keys::number_after(self.open_file(c"../status").ok()?.read(&mut bytes).ok()?, "Threads")
    }

    /// What `/proc` calls each of these threads that it lists, by their own ids, as far as they live.
    fn translate(&self, listed: &[u32]) -> HashMap<u32, u32> {
        let own = |listed: &u32| {
            let path = CString::new(format!("{listed}/status")).ok()?;
            self.namespace_ids(&path).map(|(outer, own)| (own, outer))
        };
        listed.iter().filter_map(own).collect()
    }

    fn namespace_ids(&self, status: &CStr) -> Option<(u32, u32)> {
        let mut bytes = [0; 4096];
        status::namespace_ids(self.open_file(status).ok()?.read(&mut bytes).ok()?)
    }

    /// Whether the thread has ended: not merely that nothing can be read of it.
    pub fn has_ended(&self, id: u32) -> bool {
        match self.stat(id) {
            Ok(stat) => stat.state == State::Dead,
            Err(errno) => matches!(errno, Errno::NOENT | Errno::SRCH),
        }
    }

    pub fn file(&self, id: u32, name: &str) -> Result<TaskFile, Errno> {
        let id = self.listing.outer(id);
        // Ten digits at the most, and the longest name has nine letters.
        let mut path = [0; 32];
        write!(&mut path[..], "{id}/{name}\0").map_err(|_| Errno::NAMETOOLONG)?;
        let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::NAMETOOLONG)?;
        self.open_file(path)
    }

    fn open_file(&self, path: &CStr) -> Result<TaskFile, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_the_threads_that_it_lists() {
        let directory = TaskDirectory::open(&Listing::default()).unwrap();
        let (waits, until_the_end) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || until_the_end.recv());
        assert!(directory.count().is_some_and(|count| count >= 2));
        assert!(TaskDirectory::list().unwrap().ids().contains(&super::super::current_thread::id()));
        drop(waits);
        thread.join().unwrap().unwrap_err();
    }
}
