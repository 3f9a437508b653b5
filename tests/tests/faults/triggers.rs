//! Watched paths: one's own writing in them, mounts, links, folders that come and go, clocks.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::launch::Launch;
use crate::line::{Line, skip};
use crate::report::in_folder;
use crate::stage::{Stage, as_user, python, require, run};
use crate::subject::Subject;

/// Takes all inotify instances that its user may have, says so, and waits.
const TAKE_INSTANCES: &str = "
import ctypes, resource, sys
libc = ctypes.CDLL(None)
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
while libc.inotify_init() >= 0:
    pass
print('taken', flush=True)
sys.stdin.read()
";

pub static LINES: &[Line] = &[
    Line {
        name: "log-dir-is-watched",
        source: "trouble 4",
        condition: "reports are written into the watched directory, and something in it is touched once",
        run: |stage| {
            let folder = stage.folder("both");
            let launch = watching(stage, &folder).set("GMR_LOG_DIR", &folder);
            let subject = launch.start();
            fs::write(folder.join("go"), "").expect("it is writable");
            in_folder(&folder, 1);
            subject.let_requests_pass(200);
            let report = in_folder(&folder, 1)[0].whole();
            subject.finish(format!("{report}; one report"))
        },
    },
    Line {
        name: "log-dir-is-watched-and-kept-small",
        source: "trouble 4, 7",
        condition: "the same with keep, whose removals change the watched directory too",
        run: |stage| {
            let folder = stage.folder("both");
            let launch = watching(stage, &folder).set("GMR_LOG_DIR", &folder).set("GMR_KEEP", "1");
            let subject = launch.start();
            fs::write(folder.join("go"), "").expect("it is writable");
            let first = name_of_only_report(&folder);
            subject.let_requests_pass(200);
            assert_eq!(name_of_only_report(&folder), first, "another report followed by itself");
            let report = in_folder(&folder, 1)[0].whole();
            subject.finish(format!("{report}; one report"))
        },
    },
    Line {
        name: "standard-error-is-watched",
        source: "trouble 4",
        condition: "standard error is a file in the watched directory",
        run: |stage| {
            let folder = stage.folder("both");
            let errors = File::create(folder.join("stderr.log")).expect("it is writable");
            let subject = watching(stage, &folder).stderr(errors).start();
            fs::write(folder.join("go"), "").expect("it is writable");
            let reports = || {
                fs::read_to_string(folder.join("stderr.log")).expect("UTF-8").matches("\"sections\"").count()
            };
            gmr_test_support::wait_until("no report", || reports() > 0);
            subject.let_requests_pass(200);
            assert_eq!(reports(), 1, "reports follow each other");
            subject.finish("one report")
        },
    },
    Line {
        name: "mounted-file",
        source: "trouble 5",
        condition: "the watched path is a single mounted file (docker -v, subPath), touched by its path outside",
        run: |stage| {
            require("mounts", "unshare -m true");
            let (outside, inside) = (stage.file("outside", ""), stage.folder("inside").join("file"));
            fs::write(&inside, "").expect("it is writable");
            let mount = format!("mount --bind {} {}", outside.display(), inside.display());
            let launch = watching(stage, &inside).under(["unshare", "-m"]).after(&mount);
            touched(launch.start(), || touch(&outside, SystemTime::now()))
        },
    },
    Line {
        name: "later-mount",
        source: "trouble 26",
        condition: "a file system is mounted over the watched file's folder after the start",
        run: |stage| {
            require("mounts", "unshare -m true");
            let path = stage.folder("point").join("file");
            let subject = watching(stage, &path).under(["unshare", "-m"]).start();
            let enter = format!("--target={}", subject.id());
            run(Command::new("nsenter")
                .args([&enter, "-m", "mount", "-t", "tmpfs", "none"])
                .arg(path.parent().expect("a folder")));
            let path = path.display().to_string();
            touched(subject, || run(Command::new("nsenter").args([&enter, "-m", "touch", &path])))
        },
    },
    Line {
        name: "later-link",
        source: "trouble 26",
        condition: "the watched path becomes a link after the start, and what it leads to is touched",
        run: |stage| {
            let (path, target) = (stage.folder("links").join("link"), stage.folder("elsewhere").join("file"));
            fs::write(&target, "").expect("it is writable");
            let subject = watching(stage, &path).start();
            symlink(&target, &path).expect("it is writable");
            subject.next_report();
            touched(subject, || touch(&target, SystemTime::now()))
        },
    },
    Line {
        name: "swapped-link",
        source: "trouble 26",
        condition: "a folder of a ConfigMap is exchanged by its link, twice",
        run: |stage| {
            let folder = stage.folder("volume");
            for version in ["1", "2", "3"] {
                fs::create_dir(folder.join(version)).expect("it is writable");
                fs::write(folder.join(version).join("file"), version).expect("it is writable");
            }
            let point = |version: &str| {
                symlink(version, folder.join("..next")).expect("it is writable");
                fs::rename(folder.join("..next"), folder.join("..data")).expect("it is writable");
            };
            point("1");
            symlink("..data/file", folder.join("file")).expect("it is writable");
            let subject = watching(stage, &folder.join("file")).start();
            point("2");
            subject.next_report();
            touched(subject, || point("3"))
        },
    },
    Line {
        name: "removed-folder",
        source: "oslo",
        condition: "the watched file's folder is removed and made anew",
        run: |stage| {
            let folder = stage.folder("gone");
            let path = folder.join("file");
            let subject = watching(stage, &path).start();
            fs::remove_dir_all(&folder).expect("it is ours");
            fs::create_dir(&folder).expect("it is ours");
            touched(subject, || fs::write(&path, "").expect("it is writable"))
        },
    },
    Line {
        name: "missing-at-the-start",
        source: "oslo",
        condition: "neither the watched file nor its folder is there at the start",
        run: |stage| {
            let path = stage.path("later/file");
            let subject = watching(stage, &path).start();
            touched(subject, || {
                fs::create_dir(path.parent().expect("a folder")).expect("it is ours");
                fs::write(&path, "").expect("it is writable");
            })
        },
    },
    Line {
        name: "touched-in-the-future",
        source: "oslo",
        condition: "the watched file has a time in the future, and is touched then",
        run: |stage| {
            let path = stage.file("file", "");
            let subject = watching(stage, &path).start();
            touch(&path, SystemTime::now() + Duration::from_secs(86_400));
            subject.next_report();
            touched(subject, || touch(&path, SystemTime::now()))
        },
    },
    Line {
        name: "clock-set-back",
        source: "oslo",
        condition: "the clock is set back by years between two touches",
        run: |stage| {
            let path = stage.file("file", "");
            let subject = watching(stage, &path).start();
            touch(&path, SystemTime::now());
            subject.next_report();
            touched(subject, || touch(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(86_400)))
        },
    },
    Line {
        name: "signal-beside-a-file",
        source: "oslo",
        condition: "SIGUSR2 comes though a file is what asks for reports",
        run: |stage| {
            let path = stage.file("file", "");
            let subject = watching(stage, &path).start();
            subject.signal(Signal::USR2);
            subject.wait_for_error("gmr: SIGUSR2");
            touched(subject, || touch(&path, SystemTime::now()))
        },
    },
    Line {
        name: "no-inotify-instances",
        source: "trouble 32",
        condition: "the user's inotify instances are used up",
        run: |stage| {
            let path = stage.file("file", "");
            let most = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap_or_default();
            if most.trim().parse().is_ok_and(|most: u32| most > 4000) {
                skip("a user may have more inotify instances than descriptors");
            }
            let user = as_user(23_452);
            let mut taker = Command::new(&user[0]);
            taker.args(&user[1..]).args([python(), "-c", TAKE_INSTANCES]);
            let mut taker =
                taker.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("setpriv starts");
            let mut taken = [0; 6];
            let stdout = taker.stdout.as_mut().expect("piped");
            std::io::Read::read_exact(stdout, &mut taken).expect("Python starts");
            let launch = stage.launch_as(23_452).set("GMR_FILE_EVENT_HANDLER", &path);
            let launch = launch.set("GMR_FILE_EVENT_HANDLER_INTERVAL", "50ms");
            let told = touched(launch.start(), || touch(&path, SystemTime::now()));
            let _ = taker.kill();
            let _ = taker.wait();
            told
        },
    },
];

fn watching(stage: &Stage, path: &Path) -> Launch {
    stage.launch().set("GMR_FILE_EVENT_HANDLER", path)
}

fn touch(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).expect("it is there");
    file.set_modified(time).expect("it is ours");
}

/// A touch is answered by one whole report.
fn touched(subject: Subject, touch: impl FnOnce()) -> crate::line::Told {
    touch();
    let report = subject.next_report().whole();
    subject.let_requests_pass(50);
    assert_eq!(subject.reports_left(), 0, "more than one report");
    subject.finish(report)
}

fn name_of_only_report(folder: &Path) -> String {
    in_folder(folder, 1);
    let names = gmr_test_support::subject::names(folder);
    names.into_iter().find(|name| name.contains("_gurumeditation_")).expect("there is one")
}
