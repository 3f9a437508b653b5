//! Where reports go: standard error that is closed, full, slow or gone, directories that are full, missing or shared.

use std::fs::{self, File};
use std::io::{PipeReader, Read as _, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;

use gmr_test_support::subject::names;
use gmr_test_support::{wait_for, wait_until};
use rustix::process::Signal;

use crate::launch::Launch;
use crate::line::{Line, Told};
use crate::report::{Stacks, in_folder};
use crate::stage::{Stage, python, require, run};
use crate::subject::Subject;

/// Standard error is a terminal whose other side is gone.
const HANG_UP: &str = "
import os, pty, sys
terminal, own = pty.openpty()
os.dup2(own, 2)
os.close(own)
os.close(terminal)
os.execvp(sys.argv[1], sys.argv[1:])
";

pub static LINES: &[Line] = &[
    Line {
        name: "stderr-closed",
        source: "oslo",
        condition: "standard error is closed at the start",
        run: |stage| asked_in_vain(hasty(stage).after("exec 2>&-").start()),
    },
    Line {
        name: "stderr-full",
        source: "oslo",
        condition: "standard error is a pipe that nobody reads",
        run: |stage| {
            let (_reader, writer) = pipe().expect("a pipe");
            asked_in_vain(hasty(stage).stderr(OwnedFd::from(writer)).start())
        },
    },
    Line {
        name: "stderr-slow",
        source: "oslo",
        condition: "standard error is a pipe that is read byte by byte",
        run: |stage| {
            let (reader, writer) = pipe().expect("a pipe");
            let subject = hasty(stage).stderr(OwnedFd::from(writer)).start();
            thread::spawn(move || read_slowly(reader));
            asked_in_vain(subject)
        },
    },
    Line {
        name: "stderr-gone",
        source: "oslo",
        condition: "the reader of standard error is gone",
        run: |stage| {
            let (reader, writer) = pipe().expect("a pipe");
            let subject = hasty(stage).stderr(OwnedFd::from(writer)).start();
            drop(reader);
            asked_in_vain(subject)
        },
    },
    Line {
        name: "stderr-full-device",
        source: "issue",
        condition: "standard error is /dev/full",
        run: |stage| {
            let full = File::options().write(true).open("/dev/full").expect("Linux has it");
            asked_in_vain(hasty(stage).stderr(full).start())
        },
    },
    Line {
        name: "terminal-gone",
        source: "issue",
        condition: "standard error is a terminal that has hung up",
        run: |stage| asked_in_vain(hasty(stage).under([python(), "-c", HANG_UP]).start()),
    },
    Line {
        name: "stderr-socket",
        source: "issue",
        condition: "standard error is a socket, as of inetd and systemd",
        run: |stage| {
            let (ours, its) = UnixStream::pair().expect("a pair of sockets");
            let subject = hasty(stage).stderr(OwnedFd::from(its)).start();
            subject.read_errors_from(ours);
            let report = subject.report().whole();
            subject.finish(report)
        },
    },
    Line {
        name: "half-a-line",
        source: "trouble 37",
        condition: "the program has written half a line to standard error",
        run: |stage| {
            let mut subject = stage.launch().set("GMR_FORMAT", "text").start();
            subject.ask("half-line");
            subject.signal(Signal::USR2);
            let text = subject.wait_for_error("====");
            assert!(text.starts_with("half a line\n"), "the report is glued to it: {text:.80}");
            subject.finish("begins on a line of its own")
        },
    },
    Line {
        name: "file-size-limit",
        source: "trouble 33",
        condition: "RLIMIT_FSIZE of 1000 bytes",
        run: |stage| {
            let folder = stage.folder("reports");
            let launch = stage.launch().under(["prlimit", "--fsize=1000"]).set("GMR_LOG_DIR", &folder);
            falls_back(launch.start(), &folder)
        },
    },
    Line {
        name: "file-size-limit-on-stderr",
        source: "trouble 33",
        condition: "RLIMIT_FSIZE of 1000 bytes, and standard error is a file",
        run: |stage| {
            let errors = File::create(stage.path("errors")).expect("it is writable");
            asked_in_vain(hasty(stage).under(["prlimit", "--fsize=1000"]).stderr(errors).start())
        },
    },
    Line {
        name: "log-dir-missing",
        source: "oslo",
        condition: "the directory for reports is not there",
        run: |stage| {
            let folder = stage.path("missing");
            let subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            let report = subject.report().whole();
            assert!(subject.errors().contains("gmr: no report could be written"), "{}", subject.errors());
            subject.finish(format!("{report}; on standard error, with the reason"))
        },
    },
    Line {
        name: "log-dir-made-anew",
        source: "trouble 33",
        condition: "the directory for reports is removed and made anew after a report",
        run: |stage| {
            let folder = stage.folder("reports");
            let subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            subject.signal(Signal::USR2);
            in_folder(&folder, 1);
            fs::remove_dir_all(&folder).expect("it is ours");
            fs::create_dir(&folder).expect("it is ours");
            subject.signal(Signal::USR2);
            let report = in_folder(&folder, 1)[0].whole();
            subject.finish(report)
        },
    },
    Line {
        name: "disk-full",
        source: "trouble 33",
        condition: "no space is left in the directory for reports",
        run: |stage| on_tmpfs(stage, "size=8k", "head -c 8192 /dev/zero > $F/full || true"),
    },
    Line {
        name: "quota",
        source: "issue",
        condition: "no other file may be made in the directory for reports",
        run: |stage| on_tmpfs(stage, "nr_inodes=2", "touch $F/one || true"),
    },
    Line {
        name: "read-only",
        source: "issue",
        condition: "the directory for reports is read-only",
        run: |stage| on_tmpfs(stage, "size=1m", "mount -o remount,ro $F"),
    },
    Line {
        name: "privileges-dropped-log-dir",
        source: "issue",
        condition: "after install the process gives up the privilege to write into the directory for reports",
        run: |stage| {
            let folder = stage.path("reports");
            fs::create_dir(&folder).expect("it is writable");
            let mut subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            subject.ask("become-user 23453");
            falls_back(subject, &folder)
        },
    },
    Line {
        name: "odd-service-names",
        source: "trouble 33",
        condition: "the service is called shop/api, .., a b, ünï, or by three hundred letters",
        run: |stage| {
            let folder = stage.folder("reports");
            let long = "x".repeat(300);
            let mut told = None;
            for service in ["shop/api", "..", "a b", "ünï", &long] {
                let before = names(&folder).len();
                let launch = stage.launch().set("GMR_LOG_DIR", &folder).set("GMR_SERVICE", service);
                let mut subject = launch.start();
                subject.signal(Signal::USR2);
                // A name that no file can have is told of on standard error, where the report follows.
                wait_until("no report", || {
                    let files = names(&folder);
                    let is_whole = files.iter().all(|name| name.ends_with(".json"));
                    is_whole && files.len() > before
                        || subject.all_errors().contains("no report could be written")
                });
                told = Some((subject.lives(), subject.ends()));
            }
            assert!(names(&folder).len() >= 4, "only {:?}", names(&folder));
            assert_eq!(names(stage.path("").as_path()), ["reports"], "something was written elsewhere");
            let (lives, ends) = told.expect("there are names");
            Told {
                report: "a file in that directory each, or on standard error with the reason".to_owned(),
                application: format!("{lives}, {ends}"),
            }
        },
    },
    Line {
        name: "fifty-processes",
        source: "issue",
        condition: "fifty processes write into one directory at once, and keep five hundred",
        run: |stage| {
            let folder = stage.folder("reports");
            let launch =
                || stage.launch().without_runtime().set("GMR_LOG_DIR", &folder).set("GMR_KEEP", "500");
            let mut subjects: Vec<Subject> = (0..50).map(|_| launch().start()).collect();
            subjects.iter().for_each(|subject| subject.signal(Signal::USR2));
            in_folder(&folder, 50)
                .iter()
                .for_each(|seen| drop((seen.threads(Stacks::Addresses), seen.configuration())));
            let ends = subjects.iter_mut().map(Subject::ends).collect::<Vec<_>>();
            Told {
                report: "fifty files, each whole".to_owned(),
                application: format!("{} times {}", ends.len(), ends[0]),
            }
        },
    },
    Line {
        name: "same-second",
        source: "oslo",
        condition: "three reports in one second, under a umask that hides nothing",
        run: |stage| {
            let folder = stage.folder("reports");
            let launch = stage.launch().after("umask 0").without_load();
            let subject = launch.set("GMR_LOG_DIR", &folder).start();
            for count in 1..=3 {
                subject.signal(Signal::USR2);
                in_folder(&folder, count);
            }
            for name in names(&folder) {
                let mode = fs::metadata(folder.join(&name)).expect("it is there").permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "others may read {name}");
            }
            subject.finish("three files, for their owner only")
        },
    },
    Line {
        name: "keep-and-a-clock-that-ran-ahead",
        source: "trouble 7",
        condition: "reports from the future lie in the directory, of which two are kept",
        run: |stage| {
            let folder = stage.folder("reports");
            for number in 1..=2 {
                let name = format!("fault-subject_gurumeditation_20910101T00000{number}Z_7_{number}.json");
                fs::write(folder.join(name), "{}").expect("it is writable");
            }
            let subject = stage.launch().set("GMR_LOG_DIR", &folder).set("GMR_KEEP", "2").start();
            for _ in 0..2 {
                subject.signal(Signal::USR2);
                subject.let_requests_pass(100);
            }
            let own = format!("_{}_", subject.id());
            let is_own = |name: &&String| name.contains(&own);
            let newest = wait_for(|| {
                names(&folder).iter().filter(is_own).max().cloned().ok_or("the report was removed")
            });
            assert!(fs::metadata(folder.join(&newest)).expect("it is there").len() > 1000, "{newest}");
            subject.finish("the newest one stays")
        },
    },
    Line {
        name: "planted-link",
        source: "oslo",
        condition: "somebody has planted links to a file under names that reports have",
        run: |stage| {
            let (folder, victim) = (stage.folder("reports"), stage.file("victim", "precious"));
            let subject = stage.launch().set("GMR_LOG_DIR", &folder).start();
            let now =
                String::from_utf8(Command::new("date").arg("-u").arg("+%s").output().expect("date").stdout);
            let now: u64 = now.expect("UTF-8").trim().parse().expect("a number");
            for second in now..now + 20 {
                let stamp = Command::new("date")
                    .args(["-u", "-d", &format!("@{second}"), "+%Y%m%dT%H%M%SZ"])
                    .output();
                let stamp = String::from_utf8(stamp.expect("date").stdout).expect("UTF-8");
                let name = format!("fault-subject_gurumeditation_{}_{}_1.json", stamp.trim(), subject.id());
                std::os::unix::fs::symlink(&victim, folder.join(name)).expect("it is writable");
            }
            subject.signal(Signal::USR2);
            subject.let_requests_pass(100);
            assert_eq!(fs::read_to_string(&victim).expect("it is there"), "precious", "a link was followed");
            subject.finish("no link is followed")
        },
    },
];

/// Reports that wait for a reader give up soon.
fn hasty(stage: &Stage) -> Launch {
    stage.launch().set("GMR_DEADLINE", "2")
}

/// Reports are asked for that nobody can read; the application goes on.
fn asked_in_vain(subject: Subject) -> Told {
    for _ in 0..3 {
        subject.signal(Signal::USR2);
        subject.let_requests_pass(30);
    }
    subject.finish("nobody can read it")
}

fn read_slowly(mut reader: PipeReader) {
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        thread::sleep(std::time::Duration::from_micros(300));
    }
}

/// The report that cannot be a file comes on standard error, and no half file stays.
fn falls_back(subject: Subject, folder: &Path) -> Told {
    let report = subject.report().whole();
    let left: Vec<String> =
        names(folder).into_iter().filter(|name| name.contains("gurumeditation")).collect();
    assert!(left.is_empty(), "half files: {left:?}");
    subject.finish(format!("{report}; on standard error"))
}

/// The directory for reports is a file system of its own, `$F` in the commands that spoil it.
fn on_tmpfs(stage: &Stage, options: &str, spoil: &str) -> Told {
    require("mounts", "unshare -m true");
    let folder = stage.folder("reports");
    let script = format!("F={0}; mount -t tmpfs -o {options} none {0}\n{spoil}", folder.display());
    let launch: Launch = stage.launch().set("GMR_LOG_DIR", &folder);
    let subject = launch.under(["unshare", "-m"]).after(&script).start();
    let report = subject.report().whole();
    let count = format!("test -z \"$(ls -A {0} | grep gurumeditation)\"", folder.display());
    run(Command::new("nsenter").arg(format!("--target={}", subject.id())).args(["-m", "sh", "-c", &count]));
    subject.finish(format!("{report}; on standard error"))
}
