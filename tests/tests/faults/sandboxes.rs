//! Sandboxes: what is not reachable any more, not allowed, or not of this namespace.

use std::path::PathBuf;
use std::process::Command;

use gmr_test_support::root;
use rustix::process::Signal;

use crate::launch::Launch;
use crate::line::{Line, Told};
use crate::report::{Stacks, has_call};
use crate::stage::{Stage, as_user, python, require, run};

/// System calls on x86-64 that profiles of runtimes deny.
const PROCESS_VM: &str = "310,311";
/// The rest of what containerd and Docker deny: ptrace, syslog, kexec, mount, bpf, keys, userfaultfd, perf, io_uring and so on.
const CONTAINERS: &str =
    "101,103,155,161,165,166,167,168,169,246,248,249,250,272,298,300,308,310,311,312,321,323,425,426,427";
/// What gVisor has not: beside those the newer ones, of which libraries ask first.
const GVISOR: &str = "298,310,311,321,323,324,334,425,426,427,435,436,437,439,441,448,449";
/// `SystemCallFilter=~@privileged @resources` of systemd: users, priorities, affinities, limits, mounts.
const SYSTEMD: &str = "90,92,105,106,113,114,117,119,141,142,144,160,161,203,238,251,256,279,302,314";
/// The same without prlimit64 and setpriority's neighbours that the program itself needs at its start.
const SYSTEMD_KILL: &str = "90,92,105,106,113,114,117,119,141,142,144,160,161,203,238,251,256,279,314";

pub static LINES: &[Line] = &[
    Line {
        name: "chroot",
        source: "trouble 22",
        condition: "chroot into an empty directory after install",
        run: |stage| {
            let empty = stage.folder("empty");
            let mut subject = stage.launch().start();
            subject.ask(&format!("chroot {}", empty.display()));
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "chroot-and-log-dir",
        source: "issue",
        condition: "chroot after install, with a directory for reports that is outside",
        run: |stage| {
            let (empty, folder) = (stage.folder("empty"), stage.folder("reports"));
            let mut subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            subject.ask(&format!("chroot {}", empty.display()));
            subject.signal(Signal::USR2);
            let report = crate::report::in_folder(&folder, 1)[0].whole();
            subject.finish(report)
        },
    },
    Line {
        name: "proc-unmounted",
        source: "issue",
        condition: "/proc is unmounted after install",
        run: |stage| {
            require("mounts", "unshare -m true");
            let subject = stage.launch().under(["unshare", "-m"]).start();
            run(Command::new("nsenter")
                .arg(format!("--target={}", subject.id()))
                .args(["-m", "umount", "-l", "/proc"]));
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "pivot-root",
        source: "issue",
        condition: "another root takes the place of the old one after install (pivot_root)",
        run: |stage| {
            require("mounts", "unshare -m true");
            let new = stage.folder("new");
            let subject = stage.launch().under(["unshare", "-m"]).start();
            // The root of every process of the namespace moves, as with a container that is set up late.
            let script =
                format!("mount -t tmpfs none {0} && mkdir {0}/old && pivot_root {0} {0}/old", new.display());
            let enter = format!("--target={}", subject.id());
            run(Command::new("nsenter").arg(enter).args(["-m", "sh", "-c", &script]));
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "no-proc-at-install",
        source: "issue",
        condition: "there is no /proc when the reporter is installed",
        run: |stage| {
            require("mounts", "unshare -m true");
            let launch = stage.launch().under(["unshare", "-m"]).after("mount -t tmpfs none /proc");
            let subject = launch.start();
            let seen = subject.report();
            seen.configuration();
            let reason = seen.says(&["/proc"]);
            subject.finish(format!("configuration, and that {reason} is missing"))
        },
    },
    Line {
        name: "setuid",
        source: "trouble 28",
        condition: "setuid after install",
        run: |stage| {
            let mut subject = stage.launch().start();
            subject.ask("become-user 23454");
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "no-privileges",
        source: "issue",
        condition: "no capabilities, no new privileges",
        run: |stage| {
            let drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"];
            whole(stage.launch_as(23_454).under(drop))
        },
    },
    Line {
        name: "not-dumpable",
        source: "trouble 28",
        condition: "the process is not dumpable",
        run: |stage| {
            let subject = stage.launch_as(23_455).order("not-dumpable").start();
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "hidepid",
        source: "trouble 28",
        condition: "/proc is mounted with hidepid=2 and subset=pid, for a user without privileges",
        run: |stage| {
            let mount = "mount -t proc -o hidepid=2,subset=pid proc /proc";
            require("such mounts of /proc", &format!("unshare -m sh -c '{mount}'"));
            let launch = stage.launch().program(stage.program_for_all());
            whole(launch.under(["unshare", "-m"]).after(mount).under(as_user(23_456)))
        },
    },
    Line {
        name: "low-process-id",
        source: "trouble 33",
        condition: "a process namespace of its own, where the program is process 1",
        run: |stage| whole(stage.launch().under(["unshare", "-pf", "--mount-proc", "--kill-child"])),
    },
    Line {
        name: "foreign-proc",
        source: "trouble 21",
        condition: "a process namespace of its own, with the /proc of the other one, and a thread that runs",
        run: |stage| {
            let launch = stage.launch().under(["unshare", "-pf", "--kill-child"]).order("spin");
            let subject = launch.start();
            let seen = subject.report();
            let report = seen.whole();
            assert!(
                has_call(seen.thread("spinner"), "spins_in_arithmetic"),
                "the running thread has no stack"
            );
            subject.finish(report)
        },
    },
    Line {
        name: "user-namespace",
        source: "issue",
        condition: "a user namespace of its own",
        run: |stage| whole(stage.launch().under(["unshare", "-Ur"])),
    },
    Line {
        name: "seccomp-eperm",
        source: "trouble 23",
        condition: "seccomp answers process_vm_readv with EPERM, and a thread runs",
        run: |stage| filtered(stage, "errno:1", PROCESS_VM),
    },
    Line {
        name: "seccomp-enosys",
        source: "trouble 23",
        condition: "seccomp answers process_vm_readv with ENOSYS, and a thread runs",
        run: |stage| filtered(stage, "errno:38", PROCESS_VM),
    },
    Line {
        name: "seccomp-containers",
        source: "issue",
        condition: "what the default profile of Docker and containerd denies, with EPERM",
        run: |stage| filtered(stage, "errno:1", CONTAINERS),
    },
    Line {
        name: "seccomp-gvisor",
        source: "issue",
        condition: "what gVisor does not have, with ENOSYS",
        run: |stage| filtered(stage, "errno:38", GVISOR),
    },
    Line {
        name: "seccomp-systemd",
        source: "issue",
        condition: "systemd's SystemCallFilter=~@privileged @resources with SystemCallErrorNumber=EPERM",
        run: |stage| filtered(stage, "errno:1", SYSTEMD),
    },
    Line {
        name: "seccomp-systemd-kills",
        source: "issue",
        condition: "systemd's SystemCallFilter=~@privileged @resources, which ends the process by SIGSYS",
        run: |stage| filtered(stage, "kill", SYSTEMD_KILL),
    },
];

fn whole(launch: Launch) -> Told {
    let subject = launch.start();
    let report = subject.report().whole();
    subject.finish(report)
}

/// The program under a seccomp filter that acts so on these system calls; a running thread's stack is there too.
fn filtered(stage: &Stage, action: &str, calls: &str) -> Told {
    require("seccomp filters", "grep -q '^Seccomp:' /proc/self/status && test $(uname -m) = x86_64");
    let launcher: PathBuf = root().join("tests/tests/faults/seccomp.py");
    let launch = stage.launch().under([python()]).under([launcher]).under([action, calls]).order("spin");
    let subject = launch.start();
    let seen = subject.report();
    let threads = seen.threads(Stacks::Named);
    assert!(
        has_call(seen.thread("spinner"), "spins_in_arithmetic"),
        "the running thread's stack is cut short"
    );
    let report = format!("{threads}, {}, {}", seen.chains(), seen.configuration());
    subject.finish(report)
}
