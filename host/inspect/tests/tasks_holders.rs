//! What tasks wait for and who holds it, in tasks with known answers: who is named must be right, whatever stale, moved
//! and borrowed guards lie about.

#![cfg(target_os = "linux")]

mod holders;

use std::collections::BTreeSet;
use std::time::Duration;

use gmr_inspect::holds::{Certainty, Hold, Party, Progress, Sightings, Wait, Want};
use gmr_inspect::tasks::{Inspector, Options, Rung, Snapshot, TaskState};
use gmr_test_support::wait_for;
use tokio::runtime::{Builder, Runtime};

use self::holders::{Scene, Waits};

fn look(inspector: &Inspector) -> Snapshot {
    let options = Options::default().with_deadline(Duration::from_secs(60)).with_holders(true);
    let snapshot = inspector.look(&options);
    assert_eq!(snapshot.rung, Rung::DebugInformation);
    snapshot
}

/// Plays the scene, act after act, until nothing moves any more, and looks at it.
fn settled(runtime: &Runtime, play: impl FnOnce(&mut Scene)) -> (Scene, Snapshot) {
    let mut scene = Scene::new(runtime.handle().clone());
    play(&mut scene);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let mut last = None;
    for act in 0..holders::ACTS {
        scene.raise(act);
        last = Some(wait_for(|| at_rest(&inspector)));
    }
    (scene, last.unwrap())
}

/// What two looks have seen alike, when every task slept.
fn at_rest(inspector: &Inspector) -> Result<Snapshot, String> {
    let places = |snapshot: &Snapshot| -> Vec<_> {
        snapshot.tasks.iter().map(|task| (task.id, task.state, task.chain.clone())).collect()
    };
    let (first, second) = (look(inspector), look(inspector));
    let asleep = second.tasks.iter().all(|task| task.state == TaskState::Idle);
    if asleep && places(&first) == places(&second) { Ok(second) } else { Err(format!("{second:#?}")) }
}

fn workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Who has what that wait is for.
fn holders<'s>(sightings: &'s Sightings, wait: &Wait) -> Vec<(Party, Certainty, Option<&'s Hold>)> {
    let holds =
        sightings.holds.iter().filter(|hold| hold.object.meets(&wait.object) && hold.role.blocks(wait.want));
    let granted = sightings.waits.iter().filter(|other| {
        other.progress == Progress::Granted && other.object.meets(&wait.object) && other.want != Want::End
    });
    let holds = holds.map(|hold| (hold.by, hold.certainty, Some(hold)));
    holds.chain(granted.map(|other| (other.by, Certainty::Certain, None))).collect()
}

fn names(scene: &Scene, parties: impl Iterator<Item = Party>) -> BTreeSet<&'static str> {
    parties.map(|party| scene.name(party)).collect()
}

/// Which waits of a scene were decided, and how.
#[derive(Debug, Default, PartialEq)]
struct Count {
    /// All that hold it were found, each for certain, and nobody else.
    certain: usize,
    /// They were found, with others or not for certain.
    among: usize,
    missed: usize,
}

/// Compares what was found with what is known. Somebody who is named for certain must be a holder.
fn compare(scene: &Scene, snapshot: &Snapshot) -> (Count, Vec<String>) {
    let sightings = &snapshot.sightings;
    let (mut count, mut log) = (Count::default(), Vec::new());
    for Waits { waiter, holders: truth } in scene.waits() {
        let party = scene.party(waiter);
        let own: Vec<&Wait> =
            sightings.waits.iter().filter(|wait| wait.by == party && wait.awaited).collect();
        if own.is_empty() {
            log.push(format!("{waiter}: not seen to wait"));
            count.missed += 1;
            continue;
        }
        let found: Vec<(Party, Certainty, Option<&Hold>)> =
            own.iter().flat_map(|wait| holders(sightings, wait)).filter(|(by, ..)| *by != party).collect();
        let sure = names(
            scene,
            found.iter().filter(|(_, certainty, _)| *certainty == Certainty::Certain).map(|(by, ..)| *by),
        );
        let all = names(scene, found.iter().map(|(by, ..)| *by));
        if let Some(wrong) = sure.iter().find(|name| !truth.contains(*name)) {
            log.push(format!("WRONG {waiter}: {wrong} is said to hold for certain; {found:#?}"));
        }
        if sure == *truth && all == sure {
            count.certain += 1;
        } else if truth.is_subset(&all) {
            count.among += 1;
            log.push(format!("{waiter}: among {all:?}, sure {sure:?}, truth {truth:?}"));
        } else {
            count.missed += 1;
            log.push(format!("{waiter}: {all:?} instead of {truth:?}"));
        }
    }
    (count, log)
}

#[test]
fn holders_are_named_and_nobody_else() {
    let runtime = workers();
    let (scene, snapshot) = settled(&runtime, holders::all);
    let (count, log) = compare(&scene, &snapshot);
    eprintln!("{count:?}\n{}", log.join("\n"));
    assert!(!log.iter().any(|line| line.starts_with("WRONG")), "{log:#?}");
    runtime.shutdown_background();
}
