//! A process that ends while it is captured ends with its own status. Without the test harness, whose tests do not run on
//! the main thread.

#[cfg(target_os = "linux")]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(CHILD) => child(),
        _ => {
            let status =
                std::process::Command::new(std::env::current_exe().unwrap()).arg(CHILD).status().unwrap();
            assert_eq!(status.code(), Some(STATUS), "{status}");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
const CHILD: &str = "--as-child";
#[cfg(target_os = "linux")]
const STATUS: i32 = 7;

/// The main thread runs, a second one captures it again and again, and a third one calls `process::exit`, which takes
/// until there have been some captures more.
#[cfg(target_os = "linux")]
fn child() -> ! {
    use gmr_inspect::threads::{Method, Options, Stack, capture, prepare};
    use std::sync::atomic::{AtomicU32, Ordering};

    static CAPTURES: AtomicU32 = AtomicU32::new(0);
    const MORE: u32 = 3;
    fn wait_for(captures: u32) {
        while CAPTURES.load(Ordering::SeqCst) < captures {
            std::thread::yield_now();
        }
    }
    extern "C" fn at_exit() {
        wait_for(CAPTURES.load(Ordering::SeqCst) + MORE);
    }

    let options = Options::default().with_symbols(false).with_deadline(std::time::Duration::from_secs(30));
    std::mem::forget(prepare(&options).unwrap());
    // SAFETY: the function takes nothing, and stays as long as the process.
    unsafe { libc::atexit(at_exit) };
    std::thread::spawn(move || {
        loop {
            let found = capture(&options);
            let main = found.threads.iter().find(|thread| thread.id == std::process::id()).unwrap();
            if !matches!(main.stack, Stack::Captured { method: Method::Signal, .. }) {
                // A panic would end this thread alone.
                std::process::abort();
            }
            CAPTURES.fetch_add(1, Ordering::SeqCst);
        }
    });
    std::thread::spawn(|| {
        wait_for(1);
        std::process::exit(STATUS);
    });
    loop {
        std::hint::spin_loop();
    }
}
