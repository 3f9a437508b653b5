//! C++ code: exceptions thrown all the time while captures are made, and stacks through its frames.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use gmr_inspect::threads::{Method, Quality, Stack, capture};
use gmr_test_support::workload::{self, Known, patient};
use gmr_test_support::{skip, succeeds_in_child, wait_until};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

type Throw = extern "C" fn(i32) -> i32;
type Deeper = extern "C" fn(i32, extern "C" fn()) -> i32;

/// The library of C++ code, or `None` if it cannot be made here; the reason is printed then.
fn library(name: &str) -> Option<*mut libc::c_void> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/threads/src/exceptions.cc");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.so", std::process::id()));
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let output = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O2", "-fno-optimize-sibling-calls", "-o"])
        .arg(&made)
        .arg(source)
        .output();
    match output {
        Err(error) => {
            skip(format_args!("no C++ compiler ({}): {error}", compiler.display()));
            return None;
        }
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
    }
    let path = CString::new(made.as_os_str().as_bytes()).unwrap();
    // SAFETY: a library whose initialisers are those of the C++ runtime.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!library.is_null());
    Some(library)
}

fn symbol(library: *mut libc::c_void, name: &std::ffi::CStr) -> *mut libc::c_void {
    // SAFETY: an open library, and a name that ends with a zero.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!found.is_null());
    found
}

fn remove(name: &str) {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.so", std::process::id()));
    std::fs::remove_file(made).unwrap();
}

#[test]
fn exceptions() {
    succeeds_in_child("exceptions", || {
        static ROUNDS: AtomicU64 = AtomicU64::new(0);
        let Some(library) = library("exceptions") else { return };
        // SAFETY: the function has this type in the source.
        let throw: Throw = unsafe { std::mem::transmute(symbol(library, c"fixture_throw")) };
        for depth in [3, 30] {
            std::thread::spawn(move || {
                loop {
                    assert_eq!(throw(depth), 1);
                    ROUNDS.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let known = Known::start();
        let before = ROUNDS.load(Ordering::Relaxed);
        known.stay_right(40);
        wait_until("exceptions are thrown", || ROUNDS.load(Ordering::Relaxed) != before);
        remove("exceptions");
    });
}

#[test]
fn a_thread_asleep_below_cplusplus_frames_shows_them() {
    static ID: AtomicU32 = AtomicU32::new(0);
    extern "C" fn sleep() {
        ID.store(workload::gettid(), Ordering::SeqCst);
        loop {
            std::thread::park();
        }
    }
    succeeds_in_child("a_thread_asleep_below_cplusplus_frames_shows_them", || {
        let Some(library) = library("frames") else { return };
        // SAFETY: the function has this type in the source.
        let deeper: Deeper = unsafe { std::mem::transmute(symbol(library, c"fixture_deeper")) };
        std::thread::spawn(move || deeper(5, sleep));
        wait_until("the thread is there", || ID.load(Ordering::SeqCst) != 0);
        let id = ID.load(Ordering::SeqCst);
        workload::wait_until_asleep(id);
        let found = capture(&patient());
        let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
        let Stack::Captured { frames, method: Method::Sleeping, quality: Quality::Verified } = &thread.stack
        else {
            panic!("{}", workload::print(thread))
        };
        let names =
            frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| symbol.function.as_str());
        let ours = names.filter(|name| name.starts_with("fixture::deeper(")).count();
        // The compiler may fold some of the six calls into others.
        assert!(ours >= 2, "{}", workload::print(thread));
        remove("frames");
    });
}
