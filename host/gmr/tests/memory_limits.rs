//! Reports of processes that are near a limit of their memory: whatever is left out for want of it, the report comes and
//! the process goes on.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use gmr::report::{Block, Reason, Report, SymbolLimit, ThreadsNote};
use gmr_test_support::{succeeds_in_child, wait_for};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A size in `/proc/self/status`, in bytes.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// From now on the process may take so many MiB more than it has.
fn leave(resource: Resource, mib: u64) {
    let used = status(if resource == Resource::As { "VmSize" } else { "VmData" });
    set(resource, Some(used + (mib << 20)));
}

fn set(resource: Resource, current: Option<u64>) {
    setrlimit(resource, Rlimit { current, maximum: getrlimit(resource).maximum }).unwrap();
}

fn blocks(report: &Report) -> impl Iterator<Item = &Block> {
    report.sections.iter().flat_map(|section| &section.blocks)
}

/// Whether a frame of the test's own has its line.
fn has_lines(report: &Report) -> bool {
    blocks(report).any(|block| match block {
        Block::Trace(trace) => trace
            .frames
            .iter()
            .flat_map(|frame| &frame.calls)
            .any(|call| call.function.contains("stands_here") && call.line.is_some()),
        _ => false,
    })
}

/// Whether it says that lines are missing for want of memory.
fn says_why(report: &Report) -> bool {
    blocks(report).any(|block| match block {
        Block::Notes { notes, .. } => notes.iter().any(|note| {
            matches!(note, Reason::Threads(ThreadsNote::Symbols { limit: SymbolLimit::NoMemory(_), .. }))
        }),
        _ => false,
    })
}

#[inline(never)]
fn stands_here() {
    std::thread::park();
}

async fn waits() {
    std::future::pending::<()>().await;
}

/// A process that may take so many MiB more installs a reporter and makes reports, which list all threads and have their
/// lines or say why not; and when it may take more again, there are lines.
fn reports_with(resource: Resource, mib: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for _ in 0..10 {
        runtime.spawn(waits());
    }
    let (begins, has_begun) = std::sync::mpsc::channel();
    let sleeper = move || {
        begins.send(Box::new(())).unwrap();
        stands_here();
    };
    std::thread::Builder::new().name("sleeper".to_owned()).spawn(sleeper).unwrap();
    // Both threads have taken what the allocator reserves for each: the limit is set after that.
    has_begun.recv().unwrap();
    runtime.block_on(runtime.spawn(async { drop(Box::new(0_u64)) })).unwrap();
    let before = getrlimit(resource).current;
    leave(resource, mib);
    let builder = gmr::Builder::new(gmr::package!()).runtime(runtime.handle().clone());
    let guard = builder.install().unwrap();
    for _ in 0..3 {
        let report = guard.report().unwrap();
        let text = gmr::report::format::text::report(&report);
        assert!(text.contains("sleeper"), "{text}");
        assert!(has_lines(&report) || says_why(&report), "{text}");
        assert!(mib > TIGHT_MIB || says_why(&report), "{text}");
    }
    set(resource, before);
    wait_for(|| {
        let report = guard.report().unwrap();
        if has_lines(&report) { Ok(()) } else { Err(gmr::report::format::text::report(&report)) }
    });
}

#[test]
fn with_4_mib_of_address_space_left_nothing_is_installed_until_there_is_more() {
    succeeds_in_child("with_4_mib_of_address_space_left_nothing_is_installed_until_there_is_more", || {
        let before = getrlimit(Resource::As).current;
        leave(Resource::As, 4);
        let refused = gmr::Builder::new(gmr::package!()).install().err().unwrap();
        assert!(refused.is_system());
        let words = refused.to_string();
        assert!(words.contains("no memory for a reporter"), "{words}");
        set(Resource::As, before);
        gmr::Builder::new(gmr::package!()).install().unwrap().report().unwrap();
    });
}

/// With so little this test's own debug information is not read, whatever it has of it.
const TIGHT_MIB: u64 = 8;

macro_rules! limits {
    ($($name:ident: $resource:ident, $mib:literal;)*) => {
        $(
            #[test]
            fn $name() {
                succeeds_in_child(stringify!($name), || reports_with(Resource::$resource, $mib));
            }
        )*
    };
}

limits! {
    with_8_mib_of_address_space_left: As, 8;
    with_16_mib_of_address_space_left: As, 16;
    with_32_mib_of_address_space_left: As, 32;
    with_64_mib_of_address_space_left: As, 64;
    with_128_mib_of_address_space_left: As, 128;
    with_256_mib_of_address_space_left: As, 256;
    with_512_mib_of_address_space_left: As, 512;
    with_4_mib_of_data_left: Data, 4;
    with_8_mib_of_data_left: Data, 8;
    with_16_mib_of_data_left: Data, 16;
    with_32_mib_of_data_left: Data, 32;
    with_128_mib_of_data_left: Data, 128;
}
