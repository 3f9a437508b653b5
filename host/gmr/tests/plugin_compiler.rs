//! Plugins that are compiled in a child: by this program itself, of which the reporter's process notices nothing. Its `main` is
//! what it is about, so that it has no harness.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gmr::plugin::Compile;
use gmr::report::{Report, Section};
use gmr::{Builder, Guard, Settings};
use gmr_test_support::{guests, wait_for_compiler};
use rustix::process::{WaitOptions, wait};

/// A case runs in a process of its own, this program with the case's name.
const CASES: &[(&str, fn())] = &[
    ("a_child_compiles_and_nothing_is_noticed", a_child_compiles_and_nothing_is_noticed),
    ("a_compiler_that_takes_too_long_is_ended", a_compiler_that_takes_too_long_is_ended),
    ("a_compiler_that_takes_too_much_memory_is_ended", a_compiler_that_takes_too_much_memory_is_ended),
    ("what_is_no_component_is_refused_by_the_child_in_the_same_words", what_is_no_component_is_refused),
    ("a_command_that_others_may_write_is_not_run", a_command_that_others_may_write_is_not_run),
    ("a_program_that_does_not_compile_is_told", a_program_that_does_not_compile_is_told),
    ("what_is_never_compiled_comes_from_the_cache", what_is_never_compiled_comes_from_the_cache),
    ("dropping_the_guard_ends_the_compiler", dropping_the_guard_ends_the_compiler),
];

const CASE: &str = "GMR_TEST_CASE";

fn main() -> ExitCode {
    gmr::plugin::compile_if_asked();
    if let Ok(name) = std::env::var(CASE) {
        let (_, case) = CASES.iter().find(|(known, _)| *known == name).unwrap();
        case();
        return ExitCode::SUCCESS;
    }
    // What `cargo test` passes on: a part of a name, or a question what there is.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        CASES.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut failed = 0;
    for (name, _) in CASES.iter().filter(|(name, _)| wanted.is_none_or(|part| name.contains(part.as_str()))) {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let status = command.env(CASE, name).env("GMR_TEST_SECRET", "hunter2").status().unwrap();
        println!("test {name} ... {}", if status.success() { "ok" } else { "FAILED" });
        failed += usize::from(!status.success());
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Service {
    folder: tempfile::TempDir,
    guard: Guard,
}

impl Service {
    fn with(change: impl FnOnce(&mut Settings, &Path)) -> Service {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("plugins")).unwrap();
        let mut settings = Settings::default();
        settings.plugin_dir = vec![folder.path().join("plugins")];
        settings.compile = Compile::Child;
        change(&mut settings, folder.path());
        let guard = Builder::new(gmr::package!()).settings(settings).install().unwrap();
        Service { folder, guard }
    }

    fn install(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let part = self.folder.path().join("part");
        std::fs::write(&part, bytes).unwrap();
        let file = self.folder.path().join("plugins").join(format!("{name}.wasm"));
        std::fs::rename(part, &file).unwrap();
        file
    }

    /// A report in which nothing is compiled any more.
    fn settled(&self) -> Report {
        wait_for_compiler(|| {
            let report = self.guard.report().unwrap();
            let remarks = &plugins(&report).remarks;
            if remarks.iter().any(|remark| remark.contains("still being compiled")) {
                return Err(format!("{remarks:?}"));
            }
            Ok(report)
        })
    }

    /// The one remark about plugins.
    #[track_caller]
    fn remark(&self) -> String {
        let report = self.settled();
        let [remark] = &plugins(&report).remarks[..] else { panic!("{:?}", plugins(&report).remarks) };
        remark.clone()
    }
}

fn plugins(report: &Report) -> &Section {
    report.section("plugins").unwrap()
}

static CHILD_SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// The processes that compile for this one.
fn compilers() -> Vec<PathBuf> {
    gmr_test_support::compilers_of(std::process::id())
}

fn a_child_compiles_and_nothing_is_noticed() {
    let seen = signal_hook::iterator::Signals::new([signal_hook::consts::SIGCHLD]).unwrap();
    let handle = seen.handle();
    let counting = std::thread::spawn(move || {
        let mut seen = seen;
        for _ in seen.forever() {
            CHILD_SIGNALS.fetch_add(1, Ordering::Relaxed);
        }
    });
    let service = Service::with(|_, _| ());
    service.settled();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    service.install("p", &guests::laborious(200, 200));
    let mut watched = 0;
    let report = wait_for_compiler(|| {
        assert_eq!(wait(WaitOptions::NOHANG).unwrap_err(), rustix::io::Errno::CHILD);
        for compiler in compilers() {
            watched += 1;
            // It may end meanwhile, and before it is executed it is this process by another number.
            let environment = std::fs::read(compiler.join("environ")).unwrap_or_default();
            assert_eq!(environment, b"", "it has no environment");
        }
        let report = service.guard.report().unwrap();
        report.section("p").is_some().then_some(report).ok_or("no section")
    });
    assert!(watched > 0, "it was seen at work");
    assert_eq!(plugins(&report).remarks, Vec::<String>::new());
    // The file of the compiled code is mapped.
    assert!(descriptors() <= before + 1, "{before} descriptors before, {} now", descriptors());
    assert_eq!(CHILD_SIGNALS.load(Ordering::Relaxed), 0);
    handle.close();
    counting.join().unwrap();
}

fn a_compiler_that_takes_too_long_is_ended() {
    let service = Service::with(|settings, _| settings.compile_time = Duration::from_secs(1));
    service.install("p", &guests::laborious(500, 400));
    let remark = service.remark();
    let reason =
        "p.wasm does not load: the compiler needed more than 1 s of processor time, its limit `compile_time`";
    assert_eq!(remark, reason);
}

fn a_compiler_that_takes_too_much_memory_is_ended() {
    let service = Service::with(|settings, _| settings.compile_memory = 256 << 20);
    service.install("p", &guests::laborious(1, 100_000));
    let remark = service.remark();
    let reason =
        "p.wasm does not load: the compiler needed more than 256.0 MiB of memory, its limit `compile_memory`";
    assert_eq!(remark, reason);
}

fn what_is_no_component_is_refused() {
    let refused = |compile| {
        let service = Service::with(|settings, _| settings.compile = compile);
        let mut bad = guests::component("hello");
        // An import that the type section does not have.
        let at = bad.windows(4).position(|bytes| bytes == b"\x60\x04\x7f\x7f").unwrap();
        bad[at + 1] = 3;
        service.install("p", &bad);
        let remark = service.remark();
        drop(service);
        remark
    };
    let (child, process) = (refused(Compile::Child), refused(Compile::Process));
    assert!(child.starts_with("p.wasm does not load: it is"), "{child}");
    assert_eq!(child, process);
}

fn a_command_that_others_may_write_is_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let service = Service::with(|settings, folder| {
        let command = folder.join("gmr");
        std::fs::copy(std::env::current_exe().unwrap(), &command).unwrap();
        std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o775)).unwrap();
        settings.compiler = Some(command);
    });
    service.install("p", &guests::component("hello"));
    let remark = service.remark();
    assert!(remark.contains("p.wasm does not load: no child can compile it: the compiler /"), "{remark}");
    assert!(remark.ends_with("/gmr is not run: others than its owner may write it"), "{remark}");
    let command = service.folder.path().join("gmr");
    std::fs::set_permissions(command, std::fs::Permissions::from_mode(0o755)).unwrap();
    // It is tried again at each look.
    let report = wait_for_compiler(|| {
        let report = service.guard.report().unwrap();
        report.section("p").is_some().then_some(report).ok_or("no section")
    });
    assert_eq!(plugins(&report).remarks, Vec::<String>::new());
}

fn a_program_that_does_not_compile_is_told() {
    let service = Service::with(|settings, _| settings.compiler = Some("/bin/true".into()));
    service.install("p", &guests::component("hello"));
    let remark = service.remark();
    assert!(remark.contains("no child can compile it: /bin/true: it ends without an answer"), "{remark}");
    drop(service);
    // Where a child is not asked for by name, this process does it, and says so.
    let service = Service::with(|settings, _| {
        settings.compile = Compile::Auto;
        settings.compiler = Some("/bin/true".into());
    });
    service.install("p", &guests::component("hello"));
    let report = service.settled();
    assert!(report.section("p").is_some());
    let section = plugins(&report);
    assert_eq!(section.remarks, Vec::<String>::new());
    let text = gmr::report::format::text::section(section);
    assert!(text.contains("in this process, under the limits of files alone: /bin/true"), "{text}");
}

fn what_is_never_compiled_comes_from_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let directory = cache.path().join("cache");
    let service = |compile| {
        Service::with(|settings, _| {
            settings.compile = compile;
            settings.cache_dir = Some(directory.clone());
        })
    };
    let never = service(Compile::Never);
    let file = never.install("p", &guests::component("hello"));
    let remark = never.remark();
    let command = format!("gmr plugin compile {} --cache-dir {}", file.display(), directory.display());
    assert!(remark.contains("it is not in the cache, and `compile` is \"never\""), "{remark}");
    assert!(remark.contains(&command), "{remark}");
    let compiled = gmr::plugin::compile(&file, &directory, &gmr::plugin::CompileOptions::default()).unwrap();
    assert_eq!(compiled.name, "p");
    assert!(compiled.cached_bytes > 1000, "{compiled:?}");
    let report = wait_for_compiler(|| {
        let report = never.guard.report().unwrap();
        report.section("p").is_some().then_some(report).ok_or("no section")
    });
    assert_eq!(plugins(&report).remarks, Vec::<String>::new());
}

fn dropping_the_guard_ends_the_compiler() {
    let service = Service::with(|_, _| ());
    service.install("p", &guests::laborious(500, 400));
    wait_for_compiler(|| if compilers().is_empty() { Err("no compiler") } else { Ok(()) });
    drop(service);
    gmr_test_support::wait_for(|| if compilers().is_empty() { Ok(()) } else { Err("it goes on") });
}
