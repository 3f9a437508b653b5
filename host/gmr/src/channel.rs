//! Channels whose receiver waits with a deadline, and without a thread-local variable.
//!
//! The standard library's have one, whose destructor is registered where a thread first waits; that takes the dynamic
//! loader's lock, which a thread that hangs in a library's initialiser holds for ever.

use std::collections::VecDeque;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Sends values, which wait without a limit of their number.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// Receives values, in the order in which they were sent.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    values: VecDeque<T>,
    senders: usize,
}

/// The two ends of a channel.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(State { values: VecDeque::new(), senders: 1 });
    let shared = Arc::new(Shared { state, changed: Condvar::new() });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Sends, whether or not anybody still receives.
    pub(crate) fn send(&self, value: T) {
        self.0.lock().values.push_back(value);
        self.0.changed.notify_one();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.changed.notify_one();
    }
}

impl<T> Receiver<T> {
    /// The next value.
    ///
    /// # Errors
    ///
    /// That there is none by then, or that nobody is left who could send one.
    pub(crate) fn receive(&self, until: Instant) -> Result<T, RecvTimeoutError> {
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.values.pop_front() {
                return Ok(value);
            }
            if state.senders == 0 {
                return Err(RecvTimeoutError::Disconnected);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(RecvTimeoutError::Timeout);
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn values_come_in_order_until_nobody_can_send_any_more() {
        let soon = Instant::now() + Duration::from_secs(60);
        let (sender, receiver) = channel();
        let other = sender.clone();
        let thread = std::thread::spawn(move || other.send(1));
        assert_eq!(receiver.receive(soon), Ok(1));
        thread.join().unwrap();
        sender.send(2);
        sender.send(3);
        drop(sender);
        assert_eq!(receiver.receive(Instant::now()), Ok(2));
        assert_eq!(receiver.receive(soon), Ok(3));
        assert_eq!(receiver.receive(soon), Err(RecvTimeoutError::Disconnected));
    }

    #[test]
    fn what_does_not_come_is_not_waited_for() {
        let (sender, receiver) = channel::<()>();
        assert_eq!(receiver.receive(Instant::now()), Err(RecvTimeoutError::Timeout));
        drop(receiver);
        sender.send(());
    }
}
