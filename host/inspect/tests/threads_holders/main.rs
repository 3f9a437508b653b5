//! Who waits for which thread: known threads, and what is said of them.
#![cfg(target_os = "linux")]

mod cases;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cases::{Cases, Edge, Told};
use gmr_inspect::holds::{Certainty, Party, Sightings, Wait};
use gmr_inspect::tasks::Inspector;
use gmr_inspect::threads::{Capture, Options, Resource, Thread, capture};
use gmr_test_support::{succeeds_in_child, wait_for};

/// Who holds what this wait is for, and how sure that is.
fn holders(sightings: &Sightings, wait: &Wait) -> (Option<Certainty>, BTreeSet<u32>) {
    let holds =
        sightings.holds.iter().filter(|hold| hold.object.meets(&wait.object) && hold.role.blocks(wait.want));
    let (mut threads, mut least) = (BTreeSet::new(), None);
    for hold in holds {
        let Party::Thread(thread) = hold.by else { panic!("no task is there: {hold:?}") };
        threads.insert(thread);
        least = Some(least.map_or(hold.certainty, |least: Certainty| least.min(hold.certainty)));
    }
    let several = threads.len() > 1 && least < Some(Certainty::Certain);
    (if several { Some(Certainty::OneOf) } else { least }, threads)
}

/// A capture in which every thread has come where it stays.
fn settled(cases: &Cases) -> Capture {
    let waits = |thread: &Thread| {
        thread.wait.as_ref().is_some_and(|wait| matches!(wait.resource, Some(Resource::Futex(_))))
    };
    wait_for(|| {
        let found = capture(&Options::default().with_evidence(true));
        let threads = cases.threads.lock().unwrap();
        let is_there = |name: &str| {
            let thread =
                threads.get(name).and_then(|id| found.threads.iter().find(|thread| thread.id == *id));
            thread.is_some_and(waits)
        };
        let waiters = cases.edges.iter().map(|edge| edge.waiter);
        let mut all = waiters.chain(cases.late()).chain(threads.keys().copied());
        let lacking = all.find(|name| !is_there(name));
        lacking.map_or(Ok(()), |name| Err(format!("{name} has not come so far"))).map(|()| found)
    })
}

/// What is said of one wait, and whether that is what was to be expected.
fn judge(edge: &Edge, certainty: Option<Certainty>, named: &BTreeSet<&str>) -> bool {
    let truth: BTreeSet<&str> = edge.holders.iter().copied().collect();
    let exact = *named == truth;
    // Readers hold it together: that there are several is no doubt.
    let readers = exact && truth.len() > 1;
    match edge.told {
        Told::ForCertain => exact && certainty == Some(Certainty::Certain),
        Told::Probably => exact && (truth.is_empty() || readers || certainty >= Some(Certainty::Probable)),
        Told::Perhaps => exact || certainty != Some(Certainty::Certain),
    }
}

#[test]
fn known_threads_wait_for_known_threads() {
    succeeds_in_child("known_threads_wait_for_known_threads", || {
        let cases = Cases::start();
        let found = settled(&cases);
        let deadline = Instant::now() + Duration::from_secs(60);
        let inspector = Inspector::new([]);
        inspector.prepared(Duration::from_secs(60)).unwrap();
        let sightings = inspector.thread_sightings(&found, &[], deadline);
        let threads = cases.threads.lock().unwrap();
        let name = |id: &u32| threads.iter().find(|(_, other)| *other == id).map_or("?", |(name, _)| name);
        let mut wrong = 0;
        for edge in &cases.edges {
            let id = threads[edge.waiter];
            let wait = sightings.waits.iter().find(|wait| wait.by == Party::Thread(id));
            let (certainty, ids) = wait.map(|wait| holders(&sightings, wait)).unwrap_or_default();
            let named: BTreeSet<&str> = ids.iter().map(name).collect();
            let is_right = judge(edge, certainty, &named);
            wrong += u32::from(!is_right);
            let mark = if is_right { ' ' } else { '!' };
            let object = wait.map(|wait| (wait.object.library, wait.object.kind, wait.object.start != 0));
            eprintln!(
                "{mark} {:12} {object:?} {certainty:?} {named:?}, in truth {:?}",
                edge.waiter, edge.holders
            );
        }
        assert_eq!(wrong, 0, "of {}", cases.edges.len());
    });
}
