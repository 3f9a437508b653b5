//! The list of this process's threads, made once for all that looks at them.
//!
//! The kernel takes a microsecond a thread for it, and as much for where each keeps its thread-local variables. Neither
//! changes while a thread lives; whether one that was listed still does is asked of those few of which something was found.

#[cfg(target_os = "linux")]
use crate::thread_locals::robust_list;
use std::collections::HashMap;
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::OnceLock;

/// The threads of this process at one moment. A clone is the same list.
///
/// It is made by [`list`](super::list), and does for all looks of about one moment: who polls which task before stacks are
/// taken ([`Inspector::polling_of`](crate::tasks::Inspector::polling_of)), the capture
/// ([`capture_listed`](super::capture_listed)), and who polls afterwards.
#[derive(Clone, Debug, Default)]
pub struct Listing(Arc<Listed>);

#[cfg_attr(not(stacks), allow(dead_code, reason = "there is no capture that would read files of threads"))]
#[derive(Debug, Default)]
struct Listed {
    ids: Vec<u32>,
    /// What `/proc` calls each of them, where that is another number.
    outer: HashMap<u32, u32>,
    fault: Option<i32>,
    #[cfg(target_os = "linux")]
    robust_lists: OnceLock<Vec<(u32, u64)>>,
}

impl Listing {
    #[cfg(target_os = "linux")]
    pub(super) fn of(ids: Vec<u32>, outer: HashMap<u32, u32>) -> Listing {
        Listing(Arc::new(Listed { ids, outer, ..Listed::default() }))
    }

    /// There is no list, by this error number.
    #[cfg(target_os = "linux")]
    pub(super) fn failed(errno: i32) -> Listing {
        Listing(Arc::new(Listed { fault: Some(errno), ..Listed::default() }))
    }

    /// The kernel's ids of the threads, in ascending order; empty where they could not be listed.
    pub fn ids(&self) -> &[u32] {
        &self.0.ids
    }

    /// The error number for which there is no list.
    #[cfg(stacks)]
    pub(super) fn fault(&self) -> Option<i32> {
        self.0.fault
    }

    /// What `/proc` calls a thread.
    #[cfg(stacks)]
    pub(super) fn outer(&self, id: u32) -> u32 {
        self.0.outer.get(&id).copied().unwrap_or(id)
    }

    /// Where the C library keeps the list of robust locks of each thread that it has started, by thread id: that lies at
    /// one distance from the thread's thread-local variables in all of them.
    #[cfg(target_os = "linux")]
    pub(crate) fn robust_lists(&self) -> &[(u32, u64)] {
        self.0.robust_lists.get_or_init(|| {
            let place = |id: &u32| Some((*id, robust_list(*id).ok()?));
            self.ids().iter().filter_map(place).collect()
        })
    }

    /// Whether the thread that was listed still lives: another one may have its id, and another one its memory.
    #[cfg(target_os = "linux")]
    pub(crate) fn lives(&self, id: u32) -> bool {
        let listed = self.robust_lists();
        let at = listed.binary_search_by_key(&id, |(id, _)| *id);
        at.is_ok_and(|at| robust_list(id).is_ok_and(|now| now == listed[at].1))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_has_ended_lives_no_longer() {
        let own = || rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        let (say, hear) = channel();
        let (keep, wait) = channel::<()>();
        let thread = std::thread::spawn(move || {
            say.send(own()).unwrap();
            let _ = wait.recv();
        });
        let other = hear.recv().unwrap();
        let listing = super::super::list();
        assert!(listing.ids().contains(&other));
        assert!(listing.lives(own()) && listing.lives(other));
        drop(keep);
        thread.join().unwrap();
        // The kernel takes a moment to forget it.
        while listing.lives(other) {
            std::thread::yield_now();
        }
        assert!(listing.lives(own()) && !listing.lives(u32::MAX));
    }
}
