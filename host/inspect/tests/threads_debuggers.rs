//! Beside debuggers: the stacks that gdb sees are the same, and a thread that one has stopped holds nothing up.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use gmr_inspect::threads::{Missing, Stack, State, capture};
use gmr_test_support::workload::{
    self, RUNNING, SLEEPING, Waits, patient, start, start_running, wait_until_asleep,
};
use gmr_test_support::{skip, succeeds_in_child};
use std::collections::HashMap;
use std::process::Command;

/// Each thread's program counters as gdb unwinds them, innermost first; the reason if there are none.
fn seen_by_gdb() -> Result<HashMap<u32, Vec<u64>>, String> {
    let process = std::process::id().to_string();
    // Yama lets only ancestors attach, unless a process allows others; without Yama the call fails.
    // SAFETY: takes integers.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", "thread apply all frame apply all -q printf \"pc %lx\\n\", $pc", "-p"])
        .arg(process)
        .env_remove("DEBUGINFOD_URLS")
        .output()
        .map_err(|error| format!("gdb cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut threads: HashMap<u32, Vec<u64>> = HashMap::new();
    let mut current = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("Thread ") {
            let id = rest.split_once("LWP ").and_then(|(_, id)| id.split(')').next()?.parse().ok());
            current = id.unwrap_or(0);
        } else if let Some(counter) = line.trim().strip_prefix("pc ") {
            let counter = u64::from_str_radix(counter, 16).map_err(|error| error.to_string())?;
            let counters = threads.entry(current).or_default();
            // Inlined calls have their caller's; recursion has each one its own place in the stack, but the same
            // counter, so both lists are compared without repetitions.
            if counters.last() != Some(&counter) {
                counters.push(counter);
            }
        }
    }
    if threads.is_empty() {
        return Err(format!("gdb shows nothing: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(threads)
}

/// Whether the instruction before this address is a jump, which no return address follows.
fn is_after_jump(address: u64) -> bool {
    let mut code = [0_u8; 5];
    let read = gmr_inspect::memory::read_some(address - 5, &mut code);
    read == 5 && (code[0] == 0xe9 || code[3] == 0xeb)
}

#[test]
fn gdb_sees_the_same_stacks_of_sleeping_threads() {
    succeeds_in_child("gdb_sees_the_same_stacks_of_sleeping_threads", || {
        let waits = Waits::new();
        let started: Vec<_> =
            SLEEPING.iter().map(|(name, leaf)| (start(&waits, name, *leaf), *name)).collect();
        started.iter().for_each(|(id, _)| wait_until_asleep(*id));
        let found = capture(&patient());
        let theirs = match seen_by_gdb() {
            Ok(theirs) => theirs,
            Err(reason) => return skip(reason),
        };
        let mut wrong = Vec::new();
        for (id, name) in &started {
            let thread = found.threads.iter().find(|thread| thread.id == *id).unwrap();
            let Stack::Captured { frames, .. } = &thread.stack else { panic!("{}", workload::print(thread)) };
            let mut ours: Vec<u64> = frames.iter().map(|frame| frame.address.value()).collect();
            ours.dedup();
            let mut seen = theirs.get(id).cloned().unwrap_or_default();
            // gdb adds the functions that left their frame to the one they called last. They are in no stack.
            seen.retain(|address| ours.contains(address) || !is_after_jump(*address));
            if seen != ours {
                wrong.push(format!("{name}: gdb {seen:x?}\nours {}", workload::print(thread)));
            }
        }
        eprintln!("gdb agrees on {} of {} stacks", started.len() - wrong.len(), started.len());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Lets a process of its own stop the threads as a debugger does; it ends with this one. The kernel's error
/// number if it may not.
fn stop_as_a_debugger(threads: &[u32]) -> Result<(), i32> {
    let mut ends = [0; 2];
    // SAFETY: room for both descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the child makes nothing but system calls.
    let child = unsafe { libc::fork() };
    // SAFETY: takes integers.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
    if child == 0 {
        let mut failed = 0_i32;
        // SAFETY: takes integers: it dies with the thread that started it.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        for thread in threads {
            let thread = thread.cast_signed();
            // SAFETY: attaching takes no memory.
            if unsafe { libc::ptrace(libc::PTRACE_ATTACH, thread, 0, 0) } != 0 {
                // SAFETY: returns the address of the calling thread's own errno.
                let errno = unsafe { libc::__errno_location() };
                // SAFETY: see above.
                failed = unsafe { *errno };
                break;
            }
            // SAFETY: no status is asked for.
            unsafe { libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL) };
        }
        // SAFETY: the number's own four bytes.
        unsafe { libc::write(ends[1], (&raw const failed).cast(), 4) };
        loop {
            // SAFETY: takes nothing.
            unsafe { libc::pause() };
        }
    }
    let mut failed = 0_i32;
    // SAFETY: room for four bytes.
    assert_eq!(unsafe { libc::read(ends[0], (&raw mut failed).cast(), 4) }, 4);
    if failed == 0 { Ok(()) } else { Err(failed) }
}

#[test]
fn threads_stopped_by_a_debugger_are_listed_and_hold_nothing_up() {
    succeeds_in_child("threads_stopped_by_a_debugger_are_listed_and_hold_nothing_up", || {
        let waits = Waits::new();
        let asleep = start(&waits, "pipe", SLEEPING.iter().find(|way| way.0 == "pipe").unwrap().1);
        wait_until_asleep(asleep);
        let running = start_running(&waits, "spin", RUNNING[0].1);
        if let Err(errno) = stop_as_a_debugger(&[asleep, running]) {
            let error = std::io::Error::from_raw_os_error(errno);
            return skip(format_args!("no process may stop another one's threads here: {error}"));
        }
        let found = capture(&patient());
        for id in [asleep, running] {
            let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
            assert_eq!(thread.state, State::Stopped, "{}", workload::print(thread));
            // What can be read from outside is; nobody is signalled, since nobody could answer.
            match &thread.stack {
                Stack::Captured { frames, .. } => assert!(frames.len() > workload::LEVELS),
                Stack::Missing(reason) => assert_eq!(*reason, Missing::Stopped),
            }
            eprintln!("{}", workload::print(thread).lines().take(2).collect::<Vec<_>>().join(" "));
        }
    });
}
