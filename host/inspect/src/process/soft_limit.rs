//! Soft limits of this process, by a call that may be refused: a sandbox that forbids programs to set limits forbids to ask
//! for them too, and rustix takes it for granted that nobody does.

/// A resource that a process has a limit of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource {
    /// `RLIMIT_AS`, in bytes.
    AddressSpace,
    /// `RLIMIT_DATA`, in bytes.
    Data,
    /// `RLIMIT_NOFILE`: one more than the highest descriptor.
    Descriptors,
}

/// The soft limit; `None` if there is none, or the system does not tell.
pub(crate) fn soft_limit(resource: Resource) -> Option<u64> {
    let resource = match resource {
        Resource::AddressSpace => libc::RLIMIT_AS,
        Resource::Data => libc::RLIMIT_DATA,
        Resource::Descriptors => libc::RLIMIT_NOFILE,
    };
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is an initialised value of the type that the call writes, and lives through it.
    let told = unsafe { libc::getrlimit(resource, &raw mut limit) };
    (told == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_the_kernel_lists() {
        let list = std::fs::read_to_string("/proc/self/limits").unwrap();
        let listed = |name: &str| {
            let line = list.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<u64>().ok()
        };
        assert_eq!(soft_limit(Resource::Descriptors), listed("Max open files"));
        assert_eq!(soft_limit(Resource::AddressSpace), listed("Max address space"));
        assert_eq!(soft_limit(Resource::Data), listed("Max data size"));
    }
}
