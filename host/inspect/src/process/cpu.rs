//! Processor time and what the process waited for, from `getrusage`, `/proc/self/io` and `/proc/loadavg`.

use std::time::Duration;

use super::file;
use crate::proc::{keys, loadavg};

/// Processor time, and what the process waited for.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Cpu {
    /// Time in the process's own code, all threads together, those that ended included.
    pub user: Option<Duration>,
    /// Time in the kernel for it.
    pub system: Option<Duration>,
    /// Processors that it may run on, by affinity and control group.
    pub processors: Option<u32>,
    /// Switches because it waited.
    pub voluntary_switches: Option<u64>,
    /// Switches because its time was up.
    pub involuntary_switches: Option<u64>,
    /// Page faults that were served from memory.
    pub minor_faults: Option<u64>,
    /// Page faults that waited for a device.
    pub major_faults: Option<u64>,
    /// Bytes read from devices.
    pub read_from_devices: Option<u64>,
    /// Bytes written to devices.
    pub written_to_devices: Option<u64>,
    /// The system's load over 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
}

pub(super) fn take() -> Cpu {
    let io = file::read("/proc/self/io").unwrap_or_default();
    Cpu {
        processors: std::thread::available_parallelism()
            .ok()
            .and_then(|count| u32::try_from(count.get()).ok()),
        read_from_devices: keys::number_after(&io, "read_bytes"),
        written_to_devices: keys::number_after(&io, "write_bytes"),
        load: file::read("/proc/loadavg").and_then(|text| loadavg::parse(&text)),
        ..usage()
    }
}

#[cfg(target_os = "linux")]
fn usage() -> Cpu {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes one `rusage` to the exclusively borrowed place.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0;
    if failed {
        return Cpu::default();
    }
    // SAFETY: `rusage` is plain integers, for which zeros are valid, and the kernel has filled it in.
    let usage = unsafe { usage.assume_init() };
    Cpu {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        voluntary_switches: u64::try_from(usage.ru_nvcsw).ok(),
        involuntary_switches: u64::try_from(usage.ru_nivcsw).ok(),
        minor_faults: u64::try_from(usage.ru_minflt).ok(),
        major_faults: u64::try_from(usage.ru_majflt).ok(),
        ..Cpu::default()
    }
}

#[cfg(target_os = "linux")]
fn duration(time: libc::timeval) -> Option<Duration> {
    let microseconds = u32::try_from(time.tv_usec).ok()?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, microseconds.checked_mul(1000)?))
}

#[cfg(not(target_os = "linux"))]
fn usage() -> Cpu {
    Cpu::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = take().user.unwrap();
        let mut spins = 0_u64;
        while take().user.unwrap() == before {
            spins = std::hint::black_box(spins + 1);
            assert!(spins < 100_000_000, "the time does not advance");
        }
        assert!(take().processors >= Some(1));
    }
}
