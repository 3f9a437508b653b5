//! The wait-for graph as a reader sees it, in JSON, masked, looked up and compared.

use std::convert::Infallible;
use std::time::Duration;

use gmr_report::format::{json, text};
use gmr_report::graph::{
    Certainty, Cycle, CycleMember, Graph, Hold, Kind, Library, Node, Party, Progress, Role, Wait, Want,
};
use gmr_report::mask::Secrets;
use gmr_report::resolve::{CodeOffset, resolve, wanted};
use gmr_report::{
    Block, Call, Frame, Header, NativeSection, Origin, Report, Section, Trigger, TriggerKind, diff, words,
};

const FOLDER: &str = "/home/me/shop/src/";

fn place(function: &str, file: &str, line: u32) -> Option<Frame> {
    Some(Call::of(function).at(format!("{FOLDER}{file}"), line).into())
}

fn waits(party: Party, want: Want) -> Wait {
    let mut wait = Wait::new(party, want);
    wait.place = place("bank::transfer", "bank.rs", 42);
    wait
}

fn holds(party: Party) -> Hold {
    let mut hold = Hold::new(party, Role::Exclusive);
    hold.variable = Some("from".to_owned());
    hold.function = Some("bank::transfer".to_owned());
    hold
}

/// Two tasks that wait for each other; a pool that is used up; a channel that a thread reads; a barrier.
fn graph() -> Graph {
    let lock = |address, waiter, holder| {
        let mut node = Node::at(Library::Tokio, Kind::Mutex, address);
        node.waits.push(waits(Party::task(waiter), Want::Exclusive));
        node.holds.push(holds(Party::task(holder)));
        node
    };
    let mut pool = Node::at(Library::Tokio, Kind::Semaphore, 0x55e1_0040);
    pool.permits = Some(0);
    for (position, id) in [4711, 4709, 4710].into_iter().enumerate() {
        let mut wait = Wait::new(Party::task(id), Want::Permits);
        wait.permits = Some(2);
        wait.queue_position = Some(position as u64);
        wait.place = place("db::pool::acquire", "db/pool.rs", 71);
        wait.waited = Some(Duration::from_millis(33_100 - position as u64));
        pool.waits.push(wait);
    }
    let mut late = Wait::new(Party::block_on(8675), Want::Permits);
    (late.timed, late.awaited, late.progress) = (true, false, Progress::NoWaker);
    pool.waits.push(late);
    let mut nightly = Hold::new(Party::task(4).named("nightly"), Role::Permits);
    nightly.permits = Some(8);
    nightly.doing = Some("sleeps".to_owned());
    nightly.place = place("report::nightly", "report.rs", 90);
    nightly.certainty = Certainty::Probable;
    pool.holds.push(nightly);
    let mut channel = Node::new(Library::Crossbeam, Kind::Channel);
    channel.waits.push(Wait::new(Party::thread(12).named("reader"), Want::Receive));
    channel.holds.push(Hold::new(Party::thread(13), Role::Sender));
    let mut barrier = Node::new(Library::Std, Kind::Barrier);
    barrier.waits.push(Wait::new(Party::thread(14), Want::End));
    let mut graph = Graph::new([pool, lock(0x10, 17, 18), lock(0x20, 18, 17), channel, barrier]);
    let members = [CycleMember::new(1, 0, 0), CycleMember::new(2, 0, 0)];
    graph.cycles.push(Cycle::new(members, Certainty::Certain));
    graph.not_examined = 7;
    graph
}

fn report(graph: Graph) -> Report {
    let trigger = Trigger::new(TriggerKind::Call, "");
    let mut report = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
    report.sections.push(Section::native(NativeSection::Diagnosis).with_blocks([graph.into()]));
    report
}

const TEXT: &str = r#"
wait-for graph: 5 things, for which 8 wait
7 waits more were only counted, to save time

deadlock: tasks 17 and 18 wait for each other
  task 17 bank::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that task 18 holds (`from`)
  task 18 bank::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that task 17 holds (`from`)

tokio Semaphore at 0x55e10040, 0 permits free: 4 wait for it
  probably 8 permits held by task 4 "nightly"
    sleeps in report::nightly (shop/src/report.rs:90)
  3 tasks wait for 2 permits each, the longest for at least 33.1 s
    in this order: 4711 4709 4710
    db::pool::acquire (shop/src/db/pool.rs:71)
  the future that thread 8675 blocks on waits, and nothing will wake it, by a future that it does not await now, until a time-out

tokio Mutex at 0x10: 1 waits for it
  held by task 18 (`from` in bank::transfer)
  task 17 waits
    bank::transfer (shop/src/bank.rs:42)

tokio Mutex at 0x20: 1 waits for it
  held by task 17 (`from` in bank::transfer)
  task 18 waits
    bank::transfer (shop/src/bank.rs:42)

crossbeam channel: 1 waits for it
  the sender is with thread 13
  thread 12 "reader" waits to receive

Barrier: 1 waits for it
  thread 14 waits
"#;

#[test]
fn text_shows_the_rings_first_and_then_each_thing() {
    assert_eq!(text::body(&[graph().into()]), TEXT.trim_start());
}

#[test]
fn json_is_exact_and_reads_back() {
    let report = report(graph());
    let document = json::report(&report);
    assert_eq!(json::read(&document).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&document).unwrap();
    let block = &value["sections"][0]["blocks"][0];
    assert_eq!(block["type"], "graph");
    assert_eq!(block["nodes"][0]["address"], "0x55e10040");
    assert_eq!(block["nodes"][0]["waits"][0]["waited"], 33_100_000_000_u64);
    assert_eq!(block["nodes"][0]["waits"][3]["awaited"], false);
    assert_eq!(
        block["nodes"][1]["waits"][0]["awaited"],
        serde_json::Value::Null,
        "what is usual is left out"
    );
    assert_eq!(block["cycles"][0]["members"][1], serde_json::json!({"node": 2, "wait": 0, "hold": 0}));
}

#[test]
fn words_of_a_newer_version_are_kept_and_shown() {
    let mut document: serde_json::Value = serde_json::from_str(&json::report(&report(graph()))).unwrap();
    let node = &mut document["sections"][0]["blocks"][0]["nodes"][1];
    node["library"] = "gpu".into();
    node["kind"] = "fence".into();
    node["waits"][0]["party"]["kind"] = "kernel".into();
    node["waits"][0]["want"] = "turn".into();
    node["holds"][0]["role"] = "lends".into();
    node["holds"][0]["certainty"] = "guessed".into();
    let report = json::read(&document.to_string()).unwrap();
    let written: serde_json::Value = serde_json::from_str(&json::report(&report)).unwrap();
    assert_eq!(written, document);
    let text = text::report(&report);
    for line in ["gpu fence at 0x10: 1 waits for it", "  possibly lends: task 18", "  kernel 17 waits (turn)"]
    {
        assert!(text.lines().any(|shown| shown.starts_with(line)), "`{line}` is no line of\n{text}");
    }
}

#[test]
fn a_ring_says_how_sure_it_is_and_whose_members_lead_nowhere() {
    let check = |change: fn(&mut Graph), expected: &[&str]| {
        let mut graph = graph();
        change(&mut graph);
        assert_eq!(words::deadlock(&graph, &graph.cycles[0]), expected);
    };
    check(
        |graph| {
            graph.cycles[0].certainty = Certainty::Probable;
            graph.cycles[0].timed = true;
            graph.cycles[0].members.pop();
            let node = &mut graph.nodes[1];
            node.holds[0] = Hold::new(node.waits[0].party.clone(), Role::Shared);
            node.holds[0].certainty = Certainty::Probable;
        },
        &[
            "probably a deadlock: task 17 waits for what it holds itself, until one gives up",
            "task 17 bank::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that it probably holds",
        ],
    );
    check(
        |graph| graph.cycles[0].members = vec![CycleMember::new(9, 0, 0), CycleMember::new(1, 9, 0)],
        &["deadlock", "and 2 more members"],
    );
    check(
        |graph| {
            graph.cycles[0].certainty = Certainty::OneOf;
            graph.nodes[1].holds[0].function = Some("bank::lend".to_owned());
            graph.nodes[1].waits[0].party = Party::thread(3).named("a");
            graph.nodes[2].holds[0] = Hold::new(Party::thread(3).named("a"), Role::Exclusive);
        },
        &[
            "possibly a deadlock: thread 3 \"a\" and task 18 wait for each other",
            "thread 3 \"a\" bank::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that task 18 holds (`from` in \
             bank::lend)",
            "task 18 bank::transfer (shop/src/bank.rs:42) waits for a tokio Mutex that thread 3 \"a\" holds",
        ],
    );
}

#[test]
fn a_ring_of_many_shows_eight_and_counts_the_rest() {
    let ring = 0..20_u32;
    let lock = |at: u32| {
        let mut node = Node::new(Library::Std, Kind::Mutex);
        node.waits.push(Wait::new(Party::thread(at), Want::Exclusive));
        node.holds.push(Hold::new(Party::thread((at + 1) % 20), Role::Exclusive));
        node
    };
    let mut graph = Graph::new(ring.clone().map(lock));
    graph.cycles.push(Cycle::new(ring.map(|at| CycleMember::new(at, 0, 0)), Certainty::Certain));
    let lines = words::deadlock(&graph, &graph.cycles[0]);
    assert_eq!(lines.len(), 10);
    assert_eq!(
        lines[0],
        "deadlock: threads 0, 1, 2, 3, 4, 5, 6, 7 and 12 more wait for each other in a ring"
    );
    assert_eq!(lines[8], "thread 7 waits for a Mutex that thread 8 holds");
    assert_eq!(lines[9], "and 12 more members");
}

#[test]
fn what_a_waiter_wants_is_said_of_each_kind() {
    let check = |kind, want, role, permits, expected: &str| {
        let mut node = Node::new(Library::Std, kind);
        let mut wait = Wait::new(Party::task(1), want);
        wait.permits = permits;
        node.waits.push(wait);
        let mut hold = Hold::new(Party::task(2), role);
        hold.permits = permits;
        node.holds.push(hold);
        let mut graph = Graph::new([node]);
        graph.cycles.push(Cycle::new([CycleMember::new(0, 0, 0)], Certainty::Certain));
        assert_eq!(words::deadlock(&graph, &graph.cycles[0])[1], format!("task 1 waits {expected}"));
    };
    check(Kind::RwLock, Want::Shared, Role::Exclusive, None, "to read an RwLock that task 2 holds");
    let (want, role) = (Want::Permits, Role::Permits);
    let permits = "for 3 permits of a Semaphore that task 2 holds 3 permits of";
    check(Kind::Semaphore, want, role, Some(3), permits);
    check(
        Kind::Channel,
        Want::Send,
        Role::Receiver,
        None,
        "for room in a channel that task 2 has the receiver of",
    );
    let answer = "for a message of an oneshot channel that task 2 has the sender of";
    check(Kind::Oneshot, Want::Receive, Role::Sender, None, answer);
    check(Kind::Once, Want::End, Role::Runs, None, "for an initialiser that task 2 runs");
    check(Kind::TaskEnd, Want::End, Role::Runs, None, "for the end of task 2");
    check(Kind::ScopeEnd, Want::End, Role::Runs, None, "for a scope that task 2 runs in");
    check(Kind::Work, Want::End, Role::Runs, None, "for work that task 2 does");
}

#[test]
fn many_things_and_places_are_counted() {
    let node = |at: u64| {
        let mut node = Node::at(Library::Std, Kind::Mutex, at);
        for line in 0..10 {
            let mut wait = Wait::new(Party::thread(line), Want::Exclusive);
            wait.place = place("shop::take", "lib.rs", line);
            node.waits.push(wait);
        }
        node.holds = (0..10).map(|id| Hold::new(Party::thread(id), Role::Exclusive)).collect();
        node
    };
    let text = text::body(&[Graph::new((1..=40).map(node)).into()]);
    assert_eq!(text.matches("  and 2 more holders\n").count(), 32);
    assert_eq!(text.matches("  and 2 more in 2 other places\n").count(), 32);
    assert!(text.ends_with("\nand 8 more things, for each of which at most 10 wait\n"), "{text}");
}

#[test]
fn a_lock_that_nobody_was_found_to_hold_says_so() {
    let shown = |kind, permits, progress| {
        let mut node = Node::new(Library::Tokio, kind);
        node.permits = permits;
        let mut wait = Wait::new(Party::task(1), Want::Exclusive);
        wait.progress = progress;
        node.waits.push(wait);
        text::body(&[Graph::new([node]).into()]).contains("nobody was found to hold it")
    };
    assert!(shown(Kind::Mutex, None, Progress::Queued));
    assert!(shown(Kind::Semaphore, Some(0), Progress::Queued));
    assert!(!shown(Kind::Semaphore, Some(1), Progress::Queued), "a permit is free: it is being handed over");
    assert!(!shown(Kind::Mutex, None, Progress::Granted), "the waiter itself has it");
    assert!(!shown(Kind::Notify, None, Progress::Queued), "of these there is no holder");
}

#[test]
fn nothing_in_a_graph_looks_like_a_banner_or_reaches_the_terminal() {
    let banner = format!("{}\u{1b}[2J", "=".repeat(72));
    let mut node = Node::new(banner.clone().into(), banner.clone().into());
    let mut wait = Wait::new(Party::new(banner.clone().into(), 1).named(&*banner), banner.clone().into());
    wait.progress = banner.clone().into();
    wait.place = Some(Frame::of(&*banner));
    node.waits.push(wait);
    let mut hold = Hold::new(Party::task(1).named(&*banner), banner.clone().into());
    (hold.variable, hold.function, hold.doing) = (Some(banner.clone()), Some(banner.clone()), Some(banner));
    node.holds.push(hold);
    let mut graph = Graph::new([node]);
    graph.cycles.push(Cycle::new([CycleMember::new(0, 0, 0)], Certainty::Certain));
    let shown = text::body(&[graph.into()]);
    assert!(!shown.lines().any(|line| line.starts_with('=')), "{shown}");
    assert!(shown.lines().all(|line| !line.contains(char::is_control)), "{shown}");
}

#[test]
fn secrets_in_names_are_masked_and_functions_of_the_program_are_not() {
    let secret = "postgres://shop:hunter2@db/shop";
    let masked = |origin| {
        let mut graph = graph();
        let node = &mut graph.nodes[1];
        node.waits[0].party = Party::task(1).named(secret);
        node.holds[0].party = Party::task(2).named(secret);
        node.holds[0].doing = Some(format!("reads {secret}"));
        node.holds[0].variable = Some(secret.to_owned());
        node.waits[0].place = Some(Frame::of(secret));
        let mut section = Section::new("diagnosis", "Diagnosis", origin).with_blocks([graph.into()]);
        Secrets::default().section(&mut section);
        json::section(&section).matches("hunter2").count()
    };
    assert_eq!(masked(Origin::Plugin), 0);
    assert_eq!(masked(Origin::Native), 2, "the variable and the function");
}

#[test]
fn places_of_a_stripped_program_are_looked_up() {
    let mut graph = graph();
    let at = |offset| {
        let mut frame = Frame::default();
        (frame.module, frame.offset) = (Some("/srv/shop".to_owned()), Some(offset));
        frame
    };
    let mut interrupted = at(0x20);
    interrupted.interrupted = true;
    graph.nodes[1].waits[0].place = Some(at(0x10));
    graph.nodes[1].holds[0].place = Some(interrupted);
    let mut report = report(graph);
    assert_eq!(wanted(&report, false), 2);
    let named = resolve(&mut report, "/srv/shop", false, |offsets| {
        assert_eq!(offsets, [CodeOffset::Return(0x10), CodeOffset::Instruction(0x20)]);
        Ok::<_, Infallible>(vec![vec![Call::of("shop::wait")], vec![Call::of("shop::burn")]])
    });
    assert_eq!(named, Ok(2));
    let Block::Graph(graph) = &report.sections[0].blocks[0] else { unreachable!() };
    let place = |frame: &Option<Frame>| words::place(frame.as_ref().unwrap());
    assert_eq!(place(&graph.nodes[1].waits[0].place), "shop::wait");
    assert_eq!(place(&graph.nodes[1].holds[0].place), "shop::burn");
}

/// What differs, below the two headlines.
fn compared(old: &Report, new: &Report) -> String {
    diff::text(old, new).split_once("\n\n").unwrap().1.to_owned()
}

#[test]
fn diff_counts_waits_by_place_and_rings_by_their_words() {
    let old = report(graph());
    let mut fewer = graph();
    fewer.nodes[0].waits.truncate(1);
    fewer.nodes[0].address = Some(0x77);
    fewer.cycles.clear();
    assert_eq!(
        compared(&old, &report(fewer)),
        "Diagnosis\n  \
         shrank: 3 -> 1 that wait for a tokio Semaphore in db::pool::acquire\n  \
         vanished: 1 -> 0 that wait for a tokio Semaphore\n  \
         - deadlock: tasks 17 and 18 wait for each other\n"
    );
    assert_eq!(compared(&old, &old), "no difference\n");
}

#[test]
fn diff_of_one_process_tells_who_has_not_moved() {
    let old = report(graph());
    let mut graph = graph();
    // One task waits for another pool of the kind, and one has ended.
    graph.nodes[0].waits.remove(2);
    let moved = graph.nodes[0].waits.remove(1);
    let mut other = graph.nodes[0].clone();
    other.address = Some(0x99);
    other.waits = vec![moved];
    graph.nodes = vec![graph.nodes[0].clone(), other];
    graph.cycles.clear();
    let mut new = report(graph);
    new.header.time = "2026-11-22T14:03:17Z".parse().unwrap();
    let unmoved = |old: &Report, new: &Report| {
        let text = compared(old, new);
        text.lines().filter(|line| line.contains("not moved")).map(str::trim).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        unmoved(&old, &new),
        "not moved: 1 wait for a tokio Semaphore\nnot moved: 1 wait for a tokio Semaphore in db::pool::acquire"
    );
    new.header.process = 9;
    assert_eq!(unmoved(&old, &new), "", "in another process the ids are others'");
}
