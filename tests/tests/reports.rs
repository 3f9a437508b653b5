//! Reports: what they hold whatever happens, and where they go whatever is in the way.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use gmr::report::Report;
use gmr_test_support::subject::{Subject, names};
use rustix::process::Signal;

const SUBJECT: &str = env!("CARGO_BIN_EXE_subject");

fn failure<'r>(report: &'r Report, name: &str) -> &'r str {
    let section = report.section(name).unwrap_or_else(|| panic!("no section {name}"));
    section.failure.as_deref().unwrap_or_default()
}

#[test]
fn a_report_on_call_reads_back_equal_from_its_json() {
    let directory = tempfile::tempdir().unwrap();
    let verdict = directory.path().join("verdict");
    let mut subject = Subject::start(SUBJECT, "plain", &[]);
    assert_eq!(subject.order(&format!("report {}", verdict.display())), "done");
    assert_eq!(fs::read_to_string(verdict).unwrap(), "equal");
    let (_, text) = subject.end();
    assert_eq!(text, "", "a report on call is printed nowhere");
}

#[test]
fn sections_that_panic_cost_nobody_else_anything() {
    // The panics themselves are printed too, by the panic hook: the report is read from a file.
    let directory = tempfile::tempdir().unwrap();
    let mut subject =
        Subject::start(SUBJECT, "panics", &[("GMR_FORMAT", &"json"), ("GMR_LOG_DIR", &directory.path())]);
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.order("drop"), "done");
    let [name] = &names(directory.path())[..] else { panic!("not one report") };
    let report =
        gmr::report::format::json::read(&fs::read_to_string(directory.path().join(name)).unwrap()).unwrap();
    assert_eq!(
        failure(&report, "configuration"),
        "the closure that gives it panicked: no configuration today"
    );
    assert_eq!(failure(&report, "pool"), "the application's closure panicked: no pool today");
    assert_eq!(failure(&report, "queue"), "");
    assert_eq!(failure(&report, "package"), "");
    assert!(report.look_at().any(|(title, line)| title == "Pool" && line.contains("no pool today")));
}

#[test]
fn a_stuck_section_is_cut_and_the_native_ones_are_written_before() {
    let mut subject = Subject::start(SUBJECT, "stuck", &[]);
    subject.signal(Signal::USR2);
    assert_eq!(subject.order("drop"), "done");
    let (_, text) = subject.end();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part}: {text}"));
    let parts = [
        "took = not over yet",
        "Configuration",
        "no section: the application's closure did not answer in time",
        "Summary",
        "look at\n  Stuck: no section: the application's closure did not answer in time",
    ];
    assert!(parts.map(at).is_sorted(), "{text}");
}

#[test]
fn nothing_in_a_section_passes_for_a_banner_or_commands_the_terminal() {
    let mut subject = Subject::start(SUBJECT, "forgery", &[]);
    subject.signal(Signal::USR2);
    assert_eq!(subject.order("drop"), "done");
    let (_, text) = subject.end();
    let banner = format!("===={:^64}====", "Package");
    assert_eq!(text.lines().filter(|line| **line == *banner).count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn report_files_are_whole_private_and_unique() {
    let directory = tempfile::tempdir().unwrap();
    let mut subject =
        Subject::start(SUBJECT, "plain", &[("GMR_LOG_DIR", &directory.path()), ("GMR_KEEP", &"3")]);
    for _ in 0..5 {
        assert_eq!(subject.order("trigger"), "done");
        // A report on call comes after the one that was triggered: now that one is written.
        assert_eq!(subject.order("report /dev/null"), "done");
    }
    let id = subject.id();
    let (_, text) = subject.end();
    assert_eq!(text, "");
    let names = names(directory.path());
    assert_eq!(names.len(), 3);
    for (name, number) in names.iter().zip(3..) {
        assert!(name.starts_with("subject_gurumeditation_2"), "{name}");
        assert!(name.ends_with(&format!("_{id}_{number}.txt")), "{name}");
        let path = directory.path().join(name);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(path).unwrap().contains("Configuration"));
    }
}

#[test]
fn without_its_directory_the_report_goes_to_stderr_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_LOG_DIR", &missing)]);
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.order("drop"), "done");
    let (_, text) = subject.end();
    let reason = format!("\ngmr: no report could be written to {}: No such file", missing.display());
    assert!(text.starts_with(&reason), "{text}");
    assert!(text.contains("Configuration"), "{text}");
    assert!(!missing.exists(), "it writes where it was told to and makes no directories");
}

#[test]
fn a_closed_stderr_harms_nobody() {
    let mut subject = Subject::start(SUBJECT, "plain", &[]);
    drop(subject.stderr.take());
    subject.signal(Signal::USR2);
    assert_eq!(subject.order("report /dev/null"), "done");
    assert_eq!(subject.order("drop"), "done");
    let (status, _) = subject.end();
    assert!(status.success(), "{status}");
}

#[test]
fn a_stderr_that_nobody_reads_costs_the_rest_of_the_report_and_is_told_of_later() {
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_DEADLINE", &"10ms"), ("GMR_FORMAT", &"json")]);
    let fill = subject.fill_stderr();
    subject.signal(Signal::USR2);
    // Answered while the report before it is given up: the application and the reporter live on.
    assert_eq!(subject.order("report /dev/null"), "done");
    let mut spaces = vec![0; fill];
    subject.stderr.as_mut().unwrap().read_exact(&mut spaces).unwrap();
    assert_eq!(subject.order("trigger"), "done");
    let report = subject.report();
    let told = report.look_at().any(|(title, line)| title == "Reporter" && line.contains("were lost"));
    assert!(told, "{:?}", report.look_at().collect::<Vec<_>>());
}

#[test]
fn a_stderr_that_is_a_file_is_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let file = fs::File::options().create(true).append(true).open(&log).unwrap();
    let mut child =
        Command::new(SUBJECT).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file).spawn().unwrap();
    use std::io::Write;
    child.stdin.take().unwrap().write_all(b"trigger\ndrop\ninstall\ntrigger\ndrop\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = fs::read_to_string(log).unwrap();
    assert_eq!(text.matches("Guru Meditation").count(), 2, "{text}");
}

#[test]
fn wrong_settings_are_an_error_at_install() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.toml");
    fs::write(&path, "[gmr]\nlog_dri = '/tmp'\n").unwrap();
    let mut subject = Subject::unready(SUBJECT, "plain", &[("SUBJECT_SETTINGS", &path)]);
    let expected =
        format!("error {}:2: unknown option `gmr.log_dri`; did you mean `log_dir`?", path.display());
    assert_eq!(subject.answer(), expected);
    let mut subject = Subject::unready(SUBJECT, "plain", &[("GMR_SIGNAL", &"KILL")]);
    assert_eq!(
        subject.answer(),
        "error GMR_SIGNAL: `gmr.signal` must not be SIGKILL, which cannot be caught"
    );
}
