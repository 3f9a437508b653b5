//! A bell: what one thread sleeps on, and what any other thread or a signal handler wakes it by.
//!
//! On Linux it is a futex, a word of memory. A pipe would be two descriptors of the process: a program that closes every
//! descriptor it does not know, as daemons do, would take them away, and its next file might have their numbers.

#[cfg(target_os = "linux")]
mod futex;
#[cfg(not(target_os = "linux"))]
mod pipe;

#[cfg(target_os = "linux")]
pub use futex::Bell;
#[cfg(not(target_os = "linux"))]
pub use pipe::Bell;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_before_the_wait_is_not_lost_and_counts_once() {
        let bell = std::sync::Arc::new(Bell::new().unwrap());
        bell.ring();
        bell.ring();
        bell.wait();
        let (waiting, is_waiting) = std::sync::mpsc::channel();
        let sleeper = bell.clone();
        let thread = std::thread::spawn(move || {
            waiting.send(()).unwrap();
            sleeper.wait();
        });
        is_waiting.recv().unwrap();
        bell.ring();
        thread.join().unwrap();
    }
}
