//! The time limit of a plugin's call, and how it is enforced, in three ways.
//!
//! Instructions are cut by epochs: compiled code asks for the time at each one, and [`run`](super::parallel::run) advances
//! them while plugins run. Waits in WASI, for a sleep or a poll, are futures that a timer ends. A wait in
//! the kernel cannot be ended: its thread is left behind, a moment after the deadline.

use std::time::{Duration, Instant};

use gmr_report::words::duration;
use wasmtime::{Store, UpdateDeadline};

/// How often epochs advance while a plugin runs: how far a loop may overrun its deadline.
pub const TICK: Duration = Duration::from_millis(10);

/// What a call that was stopped may still take to say where it stood.
const LAST_WORD: Duration = Duration::from_millis(100);

/// One call alone, outside of a report, has its own deadline; this is for its thread, which may be long in starting on a
/// loaded machine.
const START: Duration = Duration::from_secs(10);

/// However little time is left, a call gets this much: ten ticks.
const LEAST: Duration = Duration::from_millis(100);

/// Until when a call may go on that begins `now`: for as long as it asks for, or for its share of the report's time if
/// that is less. `turns` is how many calls, this one included, are to follow each other until `deadline`.
pub fn of_turn(now: Instant, deadline: Instant, patience: Duration, turns: usize) -> Instant {
    let turns = u32::try_from(turns).unwrap_or(u32::MAX).max(1);
    let share = (deadline.saturating_duration_since(now) / turns).max(LEAST);
    (now + patience.min(share)).min(deadline)
}

/// The end of the time in which one call alone begins and ends.
pub fn alone(patience: Duration) -> Instant {
    Instant::now() + patience + START
}

/// When the last call that ran to its deadline has said where it stood: what has not come back by then does not.
pub fn last_word(deadline: Instant) -> Instant {
    deadline + TICK + LAST_WORD
}

/// Interrupts the store's code at the first epoch after the deadline.
pub fn interrupt<T>(store: &mut Store<T>, deadline: Instant) {
    // The first epoch may already be over when the call begins, so each one only asks for the time.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        Ok(if Instant::now() < deadline { UpdateDeadline::Continue(1) } else { UpdateDeadline::Interrupt })
    });
}

/// Runs a call on this thread only, until the deadline; `None` if it waited in WASI when that passed. The runtime has no
/// thread of its own and watches no descriptors.
///
/// # Errors
///
/// If the system refuses the runtime.
pub fn block_on<T>(deadline: Instant, call: impl Future<Output = T>) -> std::io::Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let ended = runtime.block_on(async { tokio::time::timeout_at(deadline.into(), call).await.ok() });
    runtime.shutdown_background();
    Ok(ended)
}

/// That the deadline passed, in words: the plugin's own, or the part of it that it had in this report.
pub fn passed(own: Duration, began: Instant, deadline: Instant) -> String {
    let given = deadline.saturating_duration_since(began);
    // Less than all of it, since on a loaded machine the call begins some time after its deadline is set.
    if given * 4 >= own * 3 {
        format!("its deadline of {} passed", duration(own))
    } else {
        format!("it had {} of this report's time, and they passed", duration(given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(left: Duration, patience: Duration, turns: usize, expected: Duration) {
        let now = Instant::now();
        assert_eq!(of_turn(now, now + left, patience, turns) - now, expected);
    }

    #[test]
    fn a_call_has_what_it_asks_for_or_its_share_but_never_more_than_is_left() {
        let seconds = Duration::from_secs;
        check(seconds(100), seconds(1), 10, seconds(1));
        check(seconds(100), seconds(60), 10, seconds(10));
        check(seconds(100), seconds(60), 0, seconds(60));
        check(seconds(1), seconds(60), 1000, LEAST);
        check(Duration::ZERO, seconds(60), 1, Duration::ZERO);
    }
}
