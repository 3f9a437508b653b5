//! Tables of sightings and of what they are joined to; and a property: whatever is joined, rings are rings.

use std::collections::HashSet;

use super::*;
use crate::holds::{Certainty, Cycle};

const LOCK: u64 = 0x1000;

fn thread(id: u32) -> Party {
    Party::Thread(id)
}

fn task(id: u64) -> Party {
    Party::Task(id)
}

fn mutex(number: u64) -> Object {
    Object::new(Library::Tokio, Kind::Mutex, LOCK * number, 0x40)
}

fn semaphore(number: u64) -> Object {
    Object { kind: Kind::Semaphore, ..mutex(number) }
}

fn probably(hold: Hold) -> Hold {
    Hold { certainty: Certainty::Probable, ..hold }
}

fn held(by: Party, number: u64) -> Hold {
    Hold::new(by, mutex(number), Role::Exclusive)
}

fn wanted(by: Party, number: u64) -> Wait {
    Wait::new(by, mutex(number), Want::Exclusive)
}

fn joined(waits: Vec<Wait>, holds: Vec<Hold>) -> Graph {
    joined_in(waits, holds, &Circumstances::default())
}

fn joined_in(waits: Vec<Wait>, holds: Vec<Hold>, circumstances: &Circumstances) -> Graph {
    join([Sightings { waits, holds, not_reached: 0 }], circumstances)
}

/// The members' parties of each ring, from the smallest on.
fn rings(graph: &Graph) -> Vec<(Vec<Party>, Certainty)> {
    let ring = |cycle: &Cycle| {
        let party = |member: &crate::holds::Member| graph.nodes[member.node].waits[member.wait].by;
        let mut parties: Vec<Party> = cycle.members.iter().map(party).collect();
        let least = parties.iter().enumerate().min_by_key(|(_, party)| **party).map_or(0, |(at, _)| at);
        parties.rotate_left(least);
        (parties, cycle.certainty)
    };
    graph.cycles.iter().map(ring).collect()
}

#[test]
fn what_overlaps_is_one_thing() {
    // The semaphore of a Mutex, a Mutex, and another one beside it.
    let part = Object { kind: Kind::Semaphore, ..Object::new(Library::Tokio, Kind::Mutex, LOCK + 8, 8) };
    let beside = Object::new(Library::Tokio, Kind::Mutex, LOCK + 0x40, 8);
    let of_std = Object::new(Library::Std, Kind::Mutex, LOCK, 4);
    let waits = vec![
        Wait::new(task(1), part, Want::Permits(1)),
        Wait::new(task(2), part, Want::Permits(1)),
        Wait::new(task(3), beside, Want::Exclusive),
        Wait::new(thread(4), of_std, Want::Exclusive),
    ];
    let graph = joined(waits, vec![held(task(9), 1)]);
    let told: Vec<_> =
        graph.nodes.iter().map(|node| (node.object.kind, node.waits.len(), node.holds.len())).collect();
    assert_eq!(told, [(Kind::Mutex, 2, 1), (Kind::Mutex, 1, 0), (Kind::Mutex, 1, 0)]);
    assert_eq!(graph.nodes[0].object.start, LOCK + 8);
}

#[test]
fn what_lies_nowhere_is_a_node_for_each() {
    let nowhere = Object { start: 0, end: 1, ..mutex(1) };
    let waits =
        vec![Wait::new(task(1), nowhere, Want::Exclusive), Wait::new(task(2), nowhere, Want::Exclusive)];
    let graph = joined(waits, vec![Hold::new(task(3), nowhere, Role::Exclusive)]);
    assert!(graph.nodes.iter().all(|node| node.waits.len() == 1 && node.holds.is_empty()));
    assert_eq!(graph.nodes.len(), 2);
}

#[test]
fn how_sure_an_edge_is_depends_on_the_others() {
    use Certainty::{Certain, OneOf, Probable};
    #[track_caller]
    fn check(holds: Vec<Hold>, expected: &[(Party, Certainty)]) {
        let graph = joined(vec![wanted(task(1), 1)], holds);
        let edges: Vec<_> = graph.nodes[0].holds.iter().map(|hold| (hold.by, hold.certainty)).collect();
        assert_eq!(edges, expected);
    }
    let reads = |id| Hold::new(task(id), mutex(1), Role::Shared);
    check(vec![held(task(2), 1)], &[(task(2), Certain)]);
    check(vec![probably(held(task(2), 1))], &[(task(2), Probable)]);
    check(
        vec![probably(held(task(2), 1)), probably(held(task(3), 1))],
        &[(task(2), OneOf), (task(3), OneOf)],
    );
    check(vec![held(task(2), 1), probably(held(task(3), 1))], &[(task(2), Probable)]);
    check(vec![held(task(2), 1), held(task(3), 1)], &[(task(2), OneOf), (task(3), OneOf)]);
    check(vec![reads(2), reads(3)], &[(task(2), Certain), (task(3), Certain)]);
    check(vec![reads(2), probably(reads(3))], &[(task(2), Certain), (task(3), Probable)]);
    check(vec![reads(2), probably(held(task(3), 1))], &[(task(2), Certain)]);
    check(vec![reads(2), held(task(3), 1)], &[(task(2), OneOf), (task(3), OneOf)]);
    // The same one twice is one, and the surer counts.
    check(vec![probably(held(task(2), 1)), held(task(2), 1)], &[(task(2), Certain)]);
}

#[test]
fn permits_of_one_party_are_added_up() {
    let permits = |variable: &str, count| {
        let hold = Hold::new(task(2), semaphore(1), Role::Permits(count));
        Hold { variable: Some(variable.into()), ..hold }
    };
    let waits = vec![Wait::new(task(1), semaphore(1), Want::Permits(1))];
    let graph = joined(waits, vec![permits("a", 1), permits("b", 2), permits("b", 2)]);
    assert_eq!(graph.nodes[0].holds[0].role, Role::Permits(3));
}

#[test]
fn who_was_given_a_lock_holds_it() {
    let mut given = wanted(task(2), 1);
    given.progress = Progress::Granted;
    let graph = joined(vec![wanted(task(1), 1), given], vec![]);
    let node = &graph.nodes[0];
    assert_eq!(node.waiters().map(|wait| wait.by).collect::<Vec<_>>(), [task(1)]);
    assert_eq!((node.holds[0].by, node.holds[0].certainty), (task(2), Certainty::Certain));
}

#[test]
fn waiters_stand_in_the_order_of_the_queue() {
    let at = |id, place| Wait { progress: Progress::Queued(place), ..wanted(task(id), 1) };
    let graph = joined(vec![at(1, None), at(2, Some(1)), at(3, Some(0))], vec![]);
    let order: Vec<Party> = graph.nodes[0].waits.iter().map(|wait| wait.by).collect();
    assert_eq!(order, [task(3), task(2), task(1)]);
}

#[test]
fn rings_of_two_of_three_and_of_one() {
    use Certainty::{Certain, Probable};
    let two = joined(vec![wanted(task(1), 2), wanted(task(2), 1)], vec![held(task(1), 1), held(task(2), 2)]);
    assert_eq!(rings(&two), [(vec![task(1), task(2)], Certain)]);
    let waits = vec![wanted(task(1), 2), wanted(task(2), 3), wanted(task(3), 1), wanted(task(4), 1)];
    let three = joined(waits, vec![held(task(1), 1), held(task(2), 2), probably(held(task(3), 3))]);
    assert_eq!(rings(&three), [(vec![task(1), task(2), task(3)], Probable)]);
    let one = joined(vec![wanted(thread(1), 1)], vec![held(thread(1), 1)]);
    assert_eq!(rings(&one), [(vec![thread(1)], Certain)]);
    let none = joined(vec![wanted(task(1), 2), wanted(task(2), 3)], vec![held(task(1), 1), held(task(2), 2)]);
    assert_eq!(rings(&none), []);
}

#[test]
fn a_time_out_is_told() {
    let gives_up = Wait { timed: true, ..wanted(task(1), 2) };
    let graph = joined(vec![gives_up, wanted(task(2), 1)], vec![held(task(1), 1), held(task(2), 2)]);
    assert!(graph.cycles[0].timed);
}

#[test]
fn who_awaits_several_things_makes_no_certain_ring() {
    let circumstances = Circumstances { several: HashSet::from([task(1)]), ..Circumstances::default() };
    let waits = vec![wanted(task(1), 2), wanted(task(2), 1)];
    let graph = joined_in(waits, vec![held(task(1), 1), held(task(2), 2)], &circumstances);
    assert_eq!(rings(&graph), [(vec![task(1), task(2)], Certainty::Probable)]);
}

#[test]
fn a_task_waits_where_the_thread_that_polls_it_waits() {
    let lock = Object::new(Library::Std, Kind::Mutex, LOCK * 5, 4);
    let waits = vec![Wait::new(thread(7), lock, Want::Exclusive), wanted(task(2), 1)];
    let holds = vec![held(task(1), 1), Hold::new(task(2), lock, Role::Exclusive)];
    let circumstances = Circumstances { polling: vec![Polling::new(7, 1)], ..Circumstances::default() };
    let graph = joined_in(waits.clone(), holds.clone(), &circumstances);
    assert_eq!(rings(&graph), [(vec![thread(7), task(2)], Certainty::Certain)]);
    assert_eq!(rings(&joined(waits, holds)), []);
}

#[test]
fn what_block_on_runs_waits_for_its_thread() {
    let lock = Object::new(Library::Std, Kind::Mutex, LOCK * 5, 4);
    let waits = vec![wanted(Party::BlockOn(7), 1), Wait::new(thread(8), lock, Want::Exclusive)];
    let holds = vec![Hold::new(thread(7), lock, Role::Exclusive), held(thread(8), 1)];
    assert_eq!(rings(&joined(waits, holds)), [(vec![thread(8), Party::BlockOn(7)], Certainty::Certain)]);
}

#[test]
fn joined_tasks_and_threads_wait_for_each_other() {
    let end = |kind, id| Object::new(Library::Tokio, kind, id, 1);
    let waits = vec![
        Wait::new(task(1), end(Kind::TaskEnd, 2), Want::End),
        Wait::new(task(2), end(Kind::TaskEnd, 1), Want::End),
        // What `spawn_blocking` runs as number 9 on thread 30.
        Wait::new(task(3), end(Kind::TaskEnd, 9), Want::End),
        Wait::new(thread(31), end(Kind::ThreadEnd, 30), Want::End),
        Wait::new(thread(30), end(Kind::ThreadEnd, 31), Want::End),
    ];
    let circumstances = Circumstances {
        polling: vec![Polling::new(30, 9)],
        tasks: HashSet::from([1, 2, 3]),
        ..Circumstances::default()
    };
    let graph = joined_in(waits, vec![], &circumstances);
    let expected = [vec![thread(30), thread(31)], vec![task(1), task(2)]];
    assert_eq!(
        rings(&graph).into_iter().map(|(ring, _)| ring).collect::<HashSet<_>>(),
        HashSet::from(expected)
    );
    let blocking = graph.nodes.iter().find(|node| node.object.start == 9).unwrap();
    assert_eq!(blocking.holds[0].by, thread(30));
}

#[test]
fn permits_of_which_another_one_may_come_make_no_ring() {
    let permit = |id, number| Hold::new(task(id), semaphore(number), Role::Permits(1));
    let wants = |id, number| Wait::new(task(id), semaphore(number), Want::Permits(1));
    let waits = vec![wants(1, 2), wants(2, 1)];
    let graph = joined(waits.clone(), vec![permit(1, 1), permit(2, 2)]);
    assert_eq!(
        rings(&graph),
        [(vec![task(1), task(2)], Certainty::Probable)],
        "others may not have been found"
    );
    let graph = joined(waits, vec![permit(1, 1), permit(2, 2), permit(3, 2)]);
    assert_eq!(rings(&graph), [], "task 3 waits for nobody and will give its permit back");
}

#[test]
fn idle_actors_that_can_send_to_each_other_are_no_ring() {
    let channel = |number| Object { kind: Kind::Channel, ..mutex(number) };
    let receives = |id, number| Wait::new(task(id), channel(number), Want::Receive);
    let sends = |id, number| Wait::new(task(id), channel(number), Want::Send);
    let end = |id, number, role| Hold::new(task(id), channel(number), role);
    let senders = vec![end(1, 2, Role::Sender), end(2, 1, Role::Sender)];
    assert_eq!(rings(&joined(vec![receives(1, 1), receives(2, 2)], senders)), []);
    let receivers = vec![end(1, 1, Role::Receiver), end(2, 2, Role::Receiver)];
    let full = joined(vec![sends(1, 2), sends(2, 1)], receivers);
    assert_eq!(rings(&full), [(vec![task(1), task(2)], Certainty::Certain)]);
}

#[test]
fn a_reader_behind_a_writer_waits_for_the_readers() {
    let reads = Wait::new(task(1), mutex(1), Want::Shared);
    let holds = || vec![Hold::new(task(1), mutex(1), Role::Shared)];
    assert_eq!(rings(&joined(vec![reads.clone()], holds())), []);
    let graph = joined(vec![reads, wanted(task(2), 1)], holds());
    assert_eq!(rings(&graph), [(vec![task(1)], Certainty::Certain)]);
}

#[test]
fn ten_thousand_waits_in_knots_are_joined() {
    // Five thousand pairs, of which as many rings are told as anybody reads; and a crowd before each of a hundred holders.
    let pairs = (0..5_000_u64).flat_map(|pair| {
        let (a, b) = (2 * pair + 1, 2 * pair + 2);
        [(a, b), (b, a)]
    });
    let (waits, holds) = pairs.map(|(a, b)| (wanted(task(a), b), held(task(a), a))).unzip();
    let graph = joined(waits, holds);
    assert_eq!(graph.nodes.len(), 10_000);
    assert!(graph.cycles.iter().all(|cycle| cycle.members.len() == 2));
    assert_eq!(graph.cycles.len(), 32);
}

mod property {
    use proptest::prelude::*;

    use super::*;

    const PARTIES: u64 = 12;

    fn party() -> impl Strategy<Value = Party> {
        prop_oneof![
            (1..PARTIES).prop_map(Party::Task),
            (1..PARTIES as u32).prop_map(Party::Thread),
            (1..PARTIES as u32).prop_map(Party::BlockOn),
        ]
    }

    fn object() -> impl Strategy<Value = Object> {
        let kind = prop::sample::select(vec![
            Kind::Mutex,
            Kind::RwLock,
            Kind::Semaphore,
            Kind::Channel,
            Kind::Oneshot,
            Kind::ThreadEnd,
            Kind::TaskEnd,
        ]);
        let library = prop::sample::select(vec![Library::Std, Library::Tokio, Library::Crossbeam]);
        (library, kind, prop_oneof![0..16_u64, Just(u64::MAX)], 0..6_u64)
            .prop_map(|(library, kind, start, size)| Object::new(library, kind, start, size))
    }

    fn wait() -> impl Strategy<Value = Wait> {
        let want = prop::sample::select(vec![
            Want::Exclusive,
            Want::Shared,
            Want::Permits(2),
            Want::Send,
            Want::Receive,
            Want::End,
        ]);
        let progress =
            prop::sample::select(vec![Progress::Queued(None), Progress::Queued(Some(3)), Progress::Granted]);
        (party(), object(), want, progress, any::<bool>()).prop_map(
            |(by, object, want, progress, awaited)| Wait { progress, awaited, ..Wait::new(by, object, want) },
        )
    }

    fn hold() -> impl Strategy<Value = Hold> {
        let role = prop::sample::select(vec![
            Role::Exclusive,
            Role::Shared,
            Role::Permits(1),
            Role::Sender,
            Role::Receiver,
            Role::Runs,
        ]);
        let certainty = prop::sample::select(vec![Certainty::Certain, Certainty::Probable]);
        (party(), object(), role, certainty)
            .prop_map(|(by, object, role, certainty)| Hold { certainty, ..Hold::new(by, object, role) })
    }

    proptest! {
        #[test]
        fn whatever_is_joined_rings_are_rings(
            waits in prop::collection::vec(wait(), 0..40),
            holds in prop::collection::vec(hold(), 0..40),
            polling in prop::collection::vec((1..PARTIES as u32, 1..PARTIES), 0..4),
            several in prop::collection::hash_set(party(), 0..4),
        ) {
            let polling = polling.into_iter().map(|(thread, task)| Polling::new(thread, task)).collect();
            let circumstances = Circumstances { polling, several, tasks: (1..6).collect() };
            let one = Parties::new(&circumstances);
            let graph = joined_in(waits, holds, &circumstances);
            for cycle in &graph.cycles {
                prop_assert!(!cycle.members.is_empty());
                let mut certainty = Certainty::Certain;
                for (at, member) in cycle.members.iter().enumerate() {
                    let next = &cycle.members[(at + 1) % cycle.members.len()];
                    let hold = &graph.nodes[member.node].holds[member.hold];
                    let (wait, after) =
                        (&graph.nodes[member.node].waits[member.wait], &graph.nodes[next.node].waits[next.wait]);
                    prop_assert!(wait.stands());
                    prop_assert_eq!(one.of(hold.by), one.of(after.by));
                    prop_assert!(hold.role.blocks(wait.want) || wait.want == Want::Shared);
                    certainty = certainty.min(hold.certainty);
                }
                prop_assert!(cycle.certainty <= certainty);
            }
        }
    }
}
