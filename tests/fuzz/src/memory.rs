//! The memory that an input costs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs it, and fails if at any moment it holds more than `limit` bytes of memory, or if over all it takes more than
/// 64 times as much, which stands for the time that it takes: what loops allocates, nearly always.
///
/// Counted is what the calling thread takes from the allocator, and not what is mapped.
#[track_caller]
pub fn within<T>(limit: u64, run: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    // The count must be ended also if this panics.
    let taken = allocation_counter::measure(|| outcome = Some(catch_unwind(AssertUnwindSafe(run))));
    let value = match outcome {
        Some(Ok(value)) => value,
        Some(Err(panic)) => resume_unwind(panic),
        None => unreachable!("it was run"),
    };
    let (most, all) = (taken.bytes_max, taken.bytes_total);
    assert!(most <= limit, "{most} bytes were held at once, more than {limit}");
    assert!(all <= limit.saturating_mul(64), "{all} bytes were taken over all, more than 64 times {limit}");
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_and_what_is_taken_are_limited() {
        assert_eq!(within(4096, || vec![1_u8; 4096].len()), 4096);
        assert!(catch_unwind(|| within(4095, || vec![1_u8; 4096].len())).is_err());
        let again = |times: usize| within(4096, || (0..times).map(|_| vec![1_u8; 4096].len()).sum::<usize>());
        assert_eq!(again(64), 64 * 4096);
        assert!(catch_unwind(|| again(65)).is_err());
    }
}
