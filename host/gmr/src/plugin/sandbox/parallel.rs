//! Calls of several plugins at once, each with a deadline, what came of each as soon as it is there. It returns in time whatever the
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
    /// What to run.
    pub work: Box<dyn FnOnce(Turn) -> T + Send>,
}

impl<T> Job<T> {
    pub fn new(patience: Duration, caller: &Caller, work: impl FnOnce(Turn) -> T + Send + 'static) -> Job<T> {
        Job { patience, caller: caller.clone(), work: Box::new(work) }
    }
}

/// What a call is told of its turn.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    pub until: Instant,
    /// It may have little memory only: all places are held by calls that overran their time, as by filling theirs.
    pub is_small: bool,
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

/// A call that has ended, or will not.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended<T> {
    /// Which of the jobs it was.
    pub index: usize,
    pub result: Result<T, Lost>,
    /// It took longer than it was given.
    pub overran: bool,
}

/// How many calls may go on at once.
#[derive(Clone, Copy, Debug)]
pub struct Width {
    /// Of those that have time left.
    pub at_once: usize,
    /// With those that have overrun their time and cannot be interrupted, as while they fill memory in one instruction. A
    /// few of them do not keep the others from their turns.
    pub in_all: usize,
}

impl Width {
    pub const ONE: Width = Width { at_once: 1, in_all: 1 };
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
    let job = Job::new(patience, &Caller::default(), |turn: Turn| work(turn.until));
    let mut outcome = Err(Lost::NoTurn);
    let engines = std::slice::from_ref(engine);
    run(engines, vec![job], Width::ONE, deadline::alone(patience), |ended| outcome = ended.result);
    outcome
}

/// Makes the calls, several at a time, until `deadline`, and hands over what came of each as soon as it has ended.
/// `engines` are those that run the plugins: their epochs advance meanwhile.
pub fn run<T: Send + 'static>(
    engines: &[Engine],
    jobs: Vec<Job<T>>,
    width: Width,
    deadline: Instant,
    mut each: impl FnMut(Ended<T>),
) {
    let count = jobs.len();
    let mut queue: VecDeque<Job<T>> = jobs.into();
    let (sender, results) = channel();
    let mut under_way = UnderWay { width, until: BTreeMap::new() };
    let mut ticked = Instant::now();
    let last = deadline::last_word(deadline);
    loop {
        while let Some(is_small) = under_way.room(Instant::now(), deadline) {
            let left = queue.len();
            let Some(Job { patience, caller, work }) = queue.pop_front() else { break };
            let turns = left.div_ceil(width.at_once);
            let until = deadline::of_turn(Instant::now(), deadline, patience, turns);
            let index = count - left;
            let sender = sender.clone();
            let call = move |result| sender.send((index, result));
            match caller.start("gmr-plugin", move || work(Turn { until, is_small }), call) {
                Ok(()) => drop(under_way.until.insert(index, until)),
                Err(failure) => each(Ended { index, result: Err(Lost::Failed(failure)), overran: false }),
            }
        }
        let now = Instant::now();
        if now >= last || under_way.until.is_empty() && (queue.is_empty() || now >= deadline) {
            break;
        }
        if let Ok((index, result)) = results.receive(last.min(now + TICK)) {
            let overran = under_way.until.remove(&index).is_some_and(|until| Instant::now() > until);
            each(Ended { index, result: result.map_err(Lost::Failed), overran });
        }
        if ticked.elapsed() >= TICK {
            engines.iter().for_each(Engine::increment_epoch);
            ticked = Instant::now();
        }
    }
    for index in under_way.until.into_keys() {
        each(Ended { index, result: Err(Lost::Failed(Failure::Late)), overran: true });
    }
    for index in count - queue.len()..count {
        each(Ended { index, result: Err(Lost::NoTurn), overran: false });
    }
    // What was left behind stops at the next epoch, unless it waits in the kernel.
    engines.iter().for_each(Engine::increment_epoch);
}

/// The calls that go on, by their index, and until when they may.
struct UnderWay {
    width: Width,
    until: BTreeMap<usize, Instant>,
}

impl UnderWay {
    /// Whether another call may begin, and if so, whether with little memory. One that was to end a while ago does not count
    /// among those that have time left.
    fn room(&self, now: Instant, deadline: Instant) -> Option<bool> {
        let Width { at_once, in_all } = self.width;
        let in_time = self.until.values().filter(|until| now < **until + 2 * TICK).count();
        if in_time >= at_once || now >= deadline {
            return None;
        }
        match self.until.len() {
            few if few < in_all => Some(false),
            more if more < in_all + at_once => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    fn job<T>(caller: &Caller, work: impl FnOnce(Turn) -> T + Send + 'static) -> Job<T> {
        Job::new(Duration::from_secs(60), caller, work)
    }

    /// What came of the jobs, in their order.
    fn results<T: Send + 'static>(
        jobs: Vec<Job<T>>,
        width: Width,
        deadline: Instant,
    ) -> Vec<Result<T, Lost>> {
        let mut results = BTreeMap::new();
        let count = jobs.len();
        run(&[], jobs, width, deadline, |ended| {
            assert!(results.insert(ended.index, ended.result).is_none(), "{} has ended twice", ended.index);
        });
        assert_eq!(results.len(), count, "each ends");
        results.into_values().collect()
    }

    const TWO: Width = Width { at_once: 2, in_all: 2 };

    #[test]
    fn what_ends_first_is_handed_over_first() {
        let (sender, second_is_there) = channel::<()>();
        let first = job(&Caller::default(), move |_| second_is_there.recv().is_err());
        let second = job(&Caller::default(), |_| true);
        let (mut sender, mut order) = (Some(sender), Vec::new());
        run(&[], vec![first, second], TWO, soon(), |ended| {
            order.push(ended.index);
            drop(sender.take());
        });
        assert_eq!(order, [1, 0]);
    }

    #[test]
    fn a_call_that_overruns_and_cannot_be_interrupted_does_not_keep_others_from_their_turn() {
        let (sender, go_on) = channel::<()>();
        let stuck = Job::new(Duration::from_millis(1), &Caller::default(), move |_| go_on.recv().is_err());
        let honest = job(&Caller::default(), |_| true);
        let (mut sender, mut ended) = (Some(sender), Vec::new());
        run(&[], vec![stuck, honest], Width { at_once: 1, in_all: 2 }, soon(), |one| {
            ended.push((one.index, one.overran));
            drop(sender.take());
        });
        assert_eq!(ended, [(1, false), (0, true)]);
    }

    #[test]
    fn where_all_places_are_held_the_others_have_their_turns_with_little_memory() {
        let (sender, go_on) = channel::<()>();
        let stuck = Job::new(Duration::from_millis(1), &Caller::default(), move |_| go_on.recv().is_err());
        let small = |expected| job(&Caller::default(), move |turn: Turn| turn.is_small == expected);
        let (mut sender, mut ended) = (Some(sender), Vec::new());
        run(&[], vec![stuck, small(true), small(true)], Width::ONE, soon(), |one| {
            ended.push((one.index, one.result.unwrap()));
            if one.index == 2 {
                drop(sender.take());
            }
        });
        assert_eq!(ended, [(1, true), (2, true), (0, true)]);
    }

    #[test]
    fn a_panic_costs_one_result_and_no_later_call() {
        let caller = Caller::default();
        let broken = results(vec![job(&caller, |_| panic!("no"))], Width::ONE, soon());
        assert_eq!(broken, [Err::<(), _>(Lost::Failed(Failure::Panicked("no".to_owned())))]);
        assert_eq!(results(vec![job(&caller, |_| 1)], Width::ONE, soon()), [Ok(1)]);
    }

    #[test]
    fn a_call_that_does_not_come_back_is_left_behind_and_not_made_again() {
        let caller = Caller::default();
        let (sender, never) = channel::<Sender<()>>();
        let stuck = job(&caller, move |_| drop(never.recv()));
        let late = results(vec![stuck], Width::ONE, Instant::now() + Duration::from_millis(1));
        assert_eq!(late, [Err(Lost::Failed(Failure::Late))]);
        let again = results(vec![job(&caller, |_| ()), job(&Caller::default(), |_| ())], Width::ONE, soon());
        assert_eq!(again, [Err(Lost::Failed(Failure::Busy)), Ok(())]);
        drop(sender);
    }

    #[test]
    fn without_time_no_call_begins() {
        let jobs = vec![job(&Caller::default(), |_| ()), job(&Caller::default(), |_| ())];
        assert_eq!(results(jobs, TWO, Instant::now()), [Err(Lost::NoTurn), Err(Lost::NoTurn)]);
    }
}
