//! What fails since the process has no descriptors or threads left is tried again, and is not remembered.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::future::pending;
use std::time::Duration;

use gmr_inspect::proc_self;
use gmr_inspect::tasks::{Chain, DebugInformationFault, Inspector, Options, Reason, Rung, Snapshot, Task};
use gmr_test_support::{skip, succeeds_in_child};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

async fn first_kind() {
    pending::<()>().await;
}

async fn second_kind() {
    pending::<()>().await;
}

fn look(inspector: &Inspector) -> Snapshot {
    inspector.look(&Options::default().with_deadline(Duration::from_secs(60)))
}

fn runtime() -> (Runtime, Inspector) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let inspector = Inspector::new([runtime.handle().clone()]);
    (runtime, inspector)
}

fn spawn(runtime: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
    runtime.spawn(future);
    runtime.block_on(tokio::task::yield_now());
}

/// Opens files until there are no descriptors left.
fn exhaust() -> Vec<File> {
    let limit = Some(100);
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn is_shortage(reason: &Reason) -> bool {
    let Reason::DebugInformation(DebugInformationFault::NotOpened { error, .. }) = reason else {
        return false;
    };
    reason.is_passing() && error.errno == Some(libc::EMFILE)
}

fn awaits(task: &Task) -> &str {
    let Chain::Known(awaits) = &task.chain else { panic!("{task:?}") };
    &awaits[0].future
}

#[test]
fn debug_information_that_could_not_be_opened_is_opened_by_a_later_look() {
    succeeds_in_child("debug_information_that_could_not_be_opened_is_opened_by_a_later_look", || {
        let (runtime, inspector) = runtime();
        spawn(&runtime, first_kind());
        let files = exhaust();
        inspector.prepare();
        let Rung::Registered(reason) = look(&inspector).rung else { panic!() };
        assert!(is_shortage(&reason), "{reason:?}");
        drop(files);
        let snapshot = look(&inspector);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        assert!(awaits(&snapshot.tasks[0]).ends_with("first_kind"));
    });
}

#[test]
fn a_kind_of_task_that_was_met_without_descriptors_is_known_afterwards() {
    succeeds_in_child("a_kind_of_task_that_was_met_without_descriptors_is_known_afterwards", || {
        let (runtime, inspector) = runtime();
        spawn(&runtime, first_kind());
        assert!(awaits(&look(&inspector).tasks[0]).ends_with("first_kind"));
        let files = exhaust();
        spawn(&runtime, second_kind());
        let tasks = look(&inspector).tasks;
        assert!(awaits(&tasks[0]).ends_with("first_kind"), "what was known is known still");
        let Chain::Unknown(reason) = &tasks[1].chain else { panic!("{tasks:?}") };
        assert!(is_shortage(reason), "{reason:?}");
        drop(files);
        assert!(awaits(&look(&inspector).tasks[1]).ends_with("second_kind"));
    });
}

#[test]
fn with_spare_descriptors_nothing_is_missing() {
    succeeds_in_child("with_spare_descriptors_nothing_is_missing", || {
        let limit = Some(100);
        setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
        let _hold = proc_self::hold();
        let (runtime, inspector) = runtime();
        spawn(&runtime, first_kind());
        let files = exhaust();
        assert!(awaits(&look(&inspector).tasks[0]).ends_with("first_kind"));
        spawn(&runtime, second_kind());
        assert!(awaits(&look(&inspector).tasks[1]).ends_with("second_kind"));
        assert!(File::open("/dev/null").is_err(), "what is spare is taken back");
        drop(files);
    });
}

#[test]
fn where_no_thread_can_be_started_the_look_reads_the_debug_information_itself() {
    succeeds_in_child("where_no_thread_can_be_started_the_look_reads_the_debug_information_itself", || {
        let (runtime, inspector) = runtime();
        spawn(&runtime, first_kind());
        let limit = Some(0);
        setrlimit(Resource::Nproc, Rlimit { current: limit, maximum: limit }).unwrap();
        // The limit does not hold for root.
        // SAFETY: takes integers.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        if std::thread::Builder::new().spawn(|| ()).is_ok() {
            return skip("the number of threads cannot be limited here");
        }
        inspector.prepare();
        let snapshot = look(&inspector);
        assert_eq!(snapshot.rung, Rung::DebugInformation);
        assert!(awaits(&snapshot.tasks[0]).ends_with("first_kind"));
    });
}

#[test]
fn a_look_that_waits_is_not_robbed_by_an_inspector_that_stops() {
    succeeds_in_child("a_look_that_waits_is_not_robbed_by_an_inspector_that_stops", || {
        let (runtime, inspector) = runtime();
        spawn(&runtime, first_kind());
        let other = inspector.clone();
        inspector.prepare();
        let looking = std::thread::spawn(move || look(&other));
        while !looking.is_finished() {
            inspector.stop_preparing();
            std::thread::yield_now();
        }
        assert_eq!(looking.join().unwrap().rung, Rung::DebugInformation);
    });
}
