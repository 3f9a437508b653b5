//! Calls of several plugins at once, each with a deadline, their results in order. It returns in time whatever the
//! plugins do: a call that does not come back is left behind, and its plugin has no result.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use wasmtime::Engine;

use super::deadline::{self, TICK};
use crate::bounded_call::{Caller, Failure};
use crate::channel::channel;

/// A call to be made.
pub struct Job<T> {
    /// The time it asks for.
    pub patience: Duration,
    /// Whose call it is: a plugin that has not come back from an earlier one is not called.
    pub caller: Caller,
    /// What to run, which is told its deadline.
    pub work: Box<dyn FnOnce(Instant) -> T + Send>,
}

impl<T> Job<T> {
    pub fn new(
        patience: Duration,
        caller: &Caller,
        work: impl FnOnce(Instant) -> T + Send + 'static,
    ) -> Job<T> {
        Job { patience, caller: caller.clone(), work: Box::new(work) }
    }
}

/// Why a call has no result.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// It had no turn before the time was over.
    NoTurn,
    /// It was not made, does not come back, or panicked, which is a defect of ours.
    Failed(Failure),
}

impl Lost {
    pub fn reason(&self) -> String {
        match self {
            Lost::NoTurn => "the report's time was over before its turn".to_owned(),
            Lost::Failed(Failure::Busy) => "its call for an earlier report has not come back".to_owned(),
            Lost::Failed(Failure::Late) => {
                "its deadline passed, and it does not come back from the system".to_owned()
            }
            Lost::Failed(Failure::Panicked(_)) => "its host panicked, which is a defect of gmr".to_owned(),
            Lost::Failed(Failure::NoThread(reason)) => {
                format!("no thread could be started for it: {reason}")
            }
        }
    }
}

/// Makes one call outside of a report.
///
/// # Errors
///
/// Why it has no result.
pub fn run_alone<T: Send + 'static>(
    engine: &Engine,
    patience: Duration,
    work: impl FnOnce(Instant) -> T + Send + 'static,
) -> Result<T, Lost> {
    let job = Job::new(patience, &Caller::default(), work);
    let mut outcome = Err(Lost::NoTurn);
    run(std::slice::from_ref(engine), vec![job], 1, deadline::alone(patience), |_, result| outcome = result);
    outcome
}

/// Makes the calls, `at_once` of them at a time, until `deadline`, and hands over the index of each and its result, in
/// their order, as soon as it is there. `engines` are those that run the plugins: their epochs advance meanwhile.
pub fn run<T: Send + 'static>(
    engines: &[Engine],
    jobs: Vec<Job<T>>,
    at_once: usize,
    deadline: Instant,
    mut each: impl FnMut(usize, Result<T, Lost>),
) {
    let count = jobs.len();
    let at_once = at_once.clamp(1, count.max(1));
    let mut queue: VecDeque<Job<T>> = jobs.into();
    let mut ended = BTreeMap::new();
    let (sender, results) = channel();
    let (mut under_way, mut next, mut ticked) = (0, 0, Instant::now());
    let last = deadline::last_word(deadline);
    while next < count {
        while under_way < at_once && Instant::now() < deadline {
            let left = queue.len();
            let Some(Job { patience, caller, work }) = queue.pop_front() else { break };
            let until = deadline::of_turn(Instant::now(), deadline, patience, left.div_ceil(at_once));
            let index = count - left;
            let sender = sender.clone();
            let call = move |result| sender.send((index, result));
            match caller.start("gmr-plugin", move || work(until), call) {
                Ok(()) => under_way += 1,
                Err(failure) => drop(ended.insert(index, Err(failure))),
            }
        }
        while let Some(result) = ended.remove(&next) {
            each(next, result.map_err(Lost::Failed));
            next += 1;
        }
        let now = Instant::now();
        if now >= last || under_way == 0 && (queue.is_empty() || now >= deadline) {
            break;
        }
        if let Ok((index, result)) = results.receive(last.min(now + TICK)) {
            under_way -= 1;
            ended.insert(index, result);
        }
        if ticked.elapsed() >= TICK {
            engines.iter().for_each(Engine::increment_epoch);
            ticked = Instant::now();
        }
    }
    let begun = count - queue.len();
    for index in next..count {
        let lost = if index < begun { Lost::Failed(Failure::Late) } else { Lost::NoTurn };
        each(index, ended.remove(&index).map_or(Err(lost), |result| result.map_err(Lost::Failed)));
    }
    // What was left behind stops at the next epoch, unless it waits in the kernel.
    engines.iter().for_each(Engine::increment_epoch);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn job<T>(caller: &Caller, work: impl FnOnce(Instant) -> T + Send + 'static) -> Job<T> {
        Job::new(Duration::from_secs(60), caller, work)
    }

    fn results<T: Send + 'static>(
        jobs: Vec<Job<T>>,
        at_once: usize,
        deadline: Instant,
    ) -> Vec<Result<T, Lost>> {
        let mut results = Vec::new();
        run(&[], jobs, at_once, deadline, |index, result| {
            assert_eq!(index, results.len(), "in order");
            results.push(result);
        });
        results
    }

    #[test]
    fn results_come_in_the_order_of_the_calls_whichever_ends_first() {
        let (sender, second_ended) = channel::<()>();
        let first = job(&Caller::default(), move |_| second_ended.recv().is_err());
        let second = job(&Caller::default(), move |_| sender.send(()).is_err());
        assert_eq!(results(vec![first, second], 2, soon()), [Ok(false), Ok(false)]);
    }

    #[test]
    fn a_panic_costs_one_result_and_no_later_call() {
        let caller = Caller::default();
        let broken = results(vec![job(&caller, |_| panic!("no"))], 1, soon());
        assert_eq!(broken, [Err::<(), _>(Lost::Failed(Failure::Panicked("no".to_owned())))]);
        assert_eq!(results(vec![job(&caller, |_| 1)], 1, soon()), [Ok(1)]);
    }

    #[test]
    fn a_call_that_does_not_come_back_is_left_behind_and_not_made_again() {
        let caller = Caller::default();
        let (sender, never) = channel::<Sender<()>>();
        let stuck = job(&caller, move |_| drop(never.recv()));
        let late = results(vec![stuck], 1, Instant::now() + Duration::from_millis(1));
        assert_eq!(late, [Err(Lost::Failed(Failure::Late))]);
        let again = results(vec![job(&caller, |_| ()), job(&Caller::default(), |_| ())], 1, soon());
        assert_eq!(again, [Err(Lost::Failed(Failure::Busy)), Ok(())]);
        drop(sender);
    }

    #[test]
    fn without_time_no_call_begins() {
        let jobs = vec![job(&Caller::default(), |_| ()), job(&Caller::default(), |_| ())];
        assert_eq!(results(jobs, 2, Instant::now()), [Err(Lost::NoTurn), Err(Lost::NoTurn)]);
    }
}
