//! Limits of memory and of threads.

use gmr_test_support::wait_for;

use crate::launch::Launch;
use crate::line::{Line, Told};
use crate::report::Stacks;
use crate::stage::Stage;

pub static LINES: &[Line] = &[
    Line {
        name: "zstd-without-limits",
        source: "trouble 31",
        condition: "zstd debug information",
        run: |stage| whole_in_the_end(stage.launch().program(stage.compressed("zstd"))),
    },
    Line {
        name: "zlib-without-limits",
        source: "trouble 31",
        condition: "zlib debug information",
        run: |stage| whole_in_the_end(stage.launch().program(stage.compressed("zlib"))),
    },
    Line {
        name: "zstd-128-mib-nobody-asks",
        source: "trouble 1",
        condition: "zstd debug information, a control group of 128 MiB, and nobody asks for a report",
        run: |stage| nobody_asks(compressed(stage, "zstd", 128)),
    },
    Line {
        name: "zstd-64-mib-nobody-asks",
        source: "trouble 1",
        condition: "zstd debug information, a control group of 64 MiB, and nobody asks for a report",
        run: |stage| nobody_asks(compressed(stage, "zstd", 64)),
    },
    Line {
        name: "zstd-128-mib",
        source: "trouble 1",
        condition: "zstd debug information, a control group of 128 MiB",
        run: |stage| within(compressed(stage, "zstd", 128), &[]),
    },
    Line {
        name: "zlib-96-mib",
        source: "trouble 1",
        condition: "zlib debug information, a control group of 96 MiB",
        run: |stage| within(compressed(stage, "zlib", 96), &[]),
    },
    Line {
        name: "plain-64-mib",
        source: "trouble 1",
        condition: "a control group of 64 MiB",
        run: |stage| within(stage.launch().under(stage.memory_group(64)), &[]),
    },
    Line {
        name: "plain-32-mib",
        source: "trouble 1",
        condition: "a control group of 32 MiB",
        run: |stage| within(stage.launch().under(stage.memory_group(32)), &[]),
    },
    Line {
        name: "address-space-4-mib-left",
        source: "trouble 2",
        condition: "RLIMIT_AS leaves 4 MiB: not even a thread's stack and its guard",
        run: |stage| within_or_less(stage.launch(), &["limit-memory as 4"], Stacks::Innermost),
    },
    Line {
        name: "address-space-20-mib-left",
        source: "trouble 2",
        condition: "RLIMIT_AS leaves 20 MiB",
        run: |stage| within_or_less(stage.launch(), &["limit-memory as 20"], Stacks::Innermost),
    },
    Line {
        name: "address-space-80-mib-left",
        source: "trouble 2",
        condition: "RLIMIT_AS leaves 80 MiB",
        run: |stage| within(stage.launch(), &["limit-memory as 80"]),
    },
    Line {
        name: "address-space-from-the-start",
        source: "trouble 2",
        condition: "RLIMIT_AS of 600 MiB since before the start",
        run: |stage| within(stage.launch().under(["prlimit", "--as=629145600"]), &[]),
    },
    Line {
        name: "data-4-mib-left",
        source: "issue",
        condition: "RLIMIT_DATA leaves 4 MiB",
        run: |stage| within(stage.launch(), &["limit-memory data 4"]),
    },
    Line {
        name: "data-32-mib-left",
        source: "issue",
        condition: "RLIMIT_DATA leaves 32 MiB",
        run: |stage| within(stage.launch(), &["limit-memory data 32"]),
    },
    Line {
        name: "no-more-threads",
        source: "trouble 35",
        condition: "RLIMIT_NPROC allows no other thread",
        run: |stage| within(stage.launch_as(23_451), &["limit-threads"]),
    },
    Line {
        name: "small-stacks",
        source: "issue",
        condition: "ulimit -s 256",
        run: |stage| whole(stage.launch().after("ulimit -s 256")),
    },
];

fn compressed(stage: &Stage, how: &str, mebibytes: u64) -> Launch {
    let program = stage.compressed(how);
    stage.launch().under(stage.memory_group(mebibytes)).program(program)
}

/// Decompressing may take longer than the first report has.
fn whole_in_the_end(launch: Launch) -> Told {
    let subject = launch.start();
    let seen = wait_for(|| {
        let seen = subject.report();
        if seen.has_chains() { Ok(seen) } else { Err("no chains in any later report") }
    });
    let report = seen.whole();
    subject.finish(report)
}

fn whole(launch: Launch) -> Told {
    let subject = launch.start();
    let report = subject.report().whole();
    subject.finish(report)
}

fn nobody_asks(launch: Launch) -> Told {
    let subject = launch.start();
    // Debug information has been read, or not, when the reporter's threads come to rest.
    subject.rests();
    subject.finish("none was asked for")
}

/// Two reports come, and what they lack they lack for want of memory.
fn within(launch: Launch, limits: &[&str]) -> Told {
    within_or_less(launch, limits, Stacks::Addresses)
}

fn within_or_less(launch: Launch, limits: &[&str], stacks: Stacks) -> Told {
    let mut subject = launch.start();
    limits.iter().for_each(|limit| drop(subject.ask(limit)));
    subject.report();
    let seen = subject.report();
    let chains = seen.chains_or(&["memory", "MiB"]);
    let report = format!("{}, {chains}, {}", seen.threads(stacks), seen.configuration());
    subject.finish(report)
}
