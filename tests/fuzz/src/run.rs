//! The run of a target: so many inputs, or inputs for so long.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// The environment variable with the number of seconds that each target is given new inputs for.
pub const SECONDS: &str = "GMR_FUZZ_SECONDS";

/// How many inputs a target gets at once in a long run.
const BATCH: u32 = 1000;

/// Gives `case` inputs, and fails with the smallest one that was found to fail.
#[track_caller]
pub fn run<S>(target: &str, inputs: u32, strategy: &S, case: impl Fn(&S::Value))
where
    S: Strategy<Value: Debug>,
{
    let Some(seconds) = std::env::var_os(SECONDS) else {
        return batch(target, inputs, seed(target, 0), strategy, &case);
    };
    let seconds = seconds.to_str().and_then(|seconds| seconds.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.expect("a whole number of seconds"));
    let first = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos() as u64);
    for batch_number in (first..).take_while(|_| Instant::now() < end) {
        batch(target, BATCH, seed(target, batch_number), strategy, &case);
    }
}

/// A number that starts the choices: the same for the same target and batch.
fn seed(target: &str, batch: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&batch.to_le_bytes());
    for (at, byte) in target.bytes().enumerate() {
        seed[8 + at % 24] ^= byte;
    }
    seed
}

#[track_caller]
fn batch<S>(target: &str, inputs: u32, seed: [u8; 32], strategy: &S, case: &impl Fn(&S::Value))
where
    S: Strategy<Value: Debug>,
{
    // Ten seconds to make a failing input smaller: half of one is as good, and nobody waits for the rest.
    let config =
        Config { cases: inputs, failure_persistence: None, max_shrink_time: 10_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let outcome = runner.run(strategy, |input| {
        case(&input);
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, input)) => panic!("{target} fails: {reason}\nwith the input {input:?}"),
        Err(TestError::Abort(reason)) => panic!("{target} cannot be run: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_target_gets_the_same_inputs_in_each_run() {
        let inputs = |target: &str| {
            let seen = RefCell::new(Vec::new());
            batch(target, 20, seed(target, 0), &(0..u64::MAX), &|input: &u64| seen.borrow_mut().push(*input));
            seen.into_inner()
        };
        assert_eq!(inputs("a").len(), 20);
        assert_eq!(inputs("a"), inputs("a"));
        assert_ne!(inputs("a"), inputs("b"));
    }

    #[test]
    fn a_failure_tells_the_smallest_input() {
        let failing = || batch("a", 200, seed("a", 0), &(0..100_u32), &|input: &u32| assert!(*input < 7));
        let message = catch_unwind(AssertUnwindSafe(failing)).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.ends_with("with the input 7"), "{message}");
    }
}
