//! The coarse monotonic clock: the kernel's last tick, cheap enough to be read twice a poll.
//!
//! It steps by one tick of the kernel (1 to 10 ms, 4 ms as most are built) and costs a few nanoseconds, where the exact
//! clock costs 20 and more. A sum of many short intervals taken with it is right on average, one short interval is not.

#[cfg(target_os = "linux")]
pub(crate) fn coarse_nanoseconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.wrapping_mul(1_000_000_000).wrapping_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn coarse_nanoseconds() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;

    static FIRST: OnceLock<Instant> = OnceLock::new();
    // One, so that zero can stand for "never" in a slot.
    u64::try_from(FIRST.get_or_init(Instant::now).elapsed().as_nanos()).map_or(u64::MAX, |since| since + 1)
}
