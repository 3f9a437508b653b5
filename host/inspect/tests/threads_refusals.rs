//! Where the kernel refuses one of the ways, the others still serve, and what is missing has its reason.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{Method, Missing, Note, Operation, Quality, Stack, capture, prepare};
use gmr_test_support::workload::{
    self, RUNNING, Waits, judge, patient, start, start_running, wait_until_asleep,
};
use gmr_test_support::{skip, succeeds_in_child, wait_for};
use std::sync::atomic::{AtomicU32, Ordering};

/// From now on the kernel answers these system calls, made by any thread, with EPERM.
fn refuse(calls: &[i64]) {
    filter(calls, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32);
}

/// From now on these system calls, made by any thread, come to this.
fn filter(calls: &[i64], outcome: u32) {
    let statement = |code: u32, jump_true: u8, jump_false: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt: jump_true,
        jf: jump_false,
        k,
    };
    let mut program = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for call in calls {
        program.push(statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, *call as u32));
        program.push(statement(libc::BPF_RET | libc::BPF_K, 0, 0, outcome));
    }
    program.push(statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes integers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let (mode, all_threads) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: the filter and its program outlive the call.
    assert_eq!(unsafe { libc::syscall(libc::SYS_seccomp, mode, all_threads, &raw const filter) }, 0);
}

/// A sleeping thread and a running one.
fn two_threads() -> (u32, u32) {
    let waits = Waits::new();
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    wait_until_asleep(asleep);
    (asleep, start_running(&waits, "spin", RUNNING[0].1))
}

/// From now on `process_vm_readv` fails so: every thread has its stack still, and a note names the refusal.
fn without_the_call_that_reads_memory(errno: i32) {
    let (asleep, running) = two_threads();
    filter(&[libc::SYS_process_vm_readv], libc::SECCOMP_RET_ERRNO | errno as u32);
    let found = capture(&patient());
    judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
    judge(&found, running, "spin", Method::Signal).unwrap();
    let own = found.threads.iter().find(|thread| thread.id == workload::gettid()).unwrap();
    assert!(matches!(own.stack, Stack::Captured { method: Method::Own, .. }), "{}", workload::print(own));
    assert_eq!(found.notes, [Note::MemoryCallRefused { errno }]);
}

#[test]
fn where_reading_memory_is_not_permitted_the_file_of_it_serves() {
    succeeds_in_child("where_reading_memory_is_not_permitted_the_file_of_it_serves", || {
        without_the_call_that_reads_memory(libc::EPERM);
    });
}

#[test]
fn where_reading_memory_is_not_known_the_file_of_it_serves() {
    succeeds_in_child("where_reading_memory_is_not_known_the_file_of_it_serves", || {
        without_the_call_that_reads_memory(libc::ENOSYS);
    });
}

#[test]
fn after_all_descriptors_were_closed_no_foreign_one_is_read() {
    succeeds_in_child("after_all_descriptors_were_closed_no_foreign_one_is_read", || {
        let _prepared = prepare(&patient()).unwrap();
        // As a program that becomes a daemon does, and its first files get the numbers then.
        // SAFETY: takes integers; nothing that is open here is used again.
        unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
        let _zeros: Vec<_> = (0..40).map(|_| std::fs::File::open("/dev/zero").unwrap()).collect();
        without_the_call_that_reads_memory(libc::EPERM);
    });
}

#[test]
fn calls_that_a_sandbox_traps_end_no_thread_of_ours() {
    static TRAPPED: AtomicU32 = AtomicU32::new(0);
    /// As sandboxes do that emulate calls: the call's result stays as it is, which is the call's number.
    extern "C" fn trapped(_: i32) {
        TRAPPED.fetch_add(1, Ordering::SeqCst);
    }
    succeeds_in_child("calls_that_a_sandbox_traps_end_no_thread_of_ours", || {
        // SAFETY: an all-zero action is valid: default handler, empty mask, no flags.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = trapped as *const () as usize;
        // SAFETY: the handler has the right type.
        assert_eq!(unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) }, 0);
        filter(&[libc::SYS_getppid, libc::SYS_process_vm_readv], libc::SECCOMP_RET_TRAP);
        std::thread::spawn(|| {
            gmr_inspect::signals::block_all_in_this_thread();
            // SAFETY: takes nothing.
            unsafe { libc::syscall(libc::SYS_getppid) };
        })
        .join()
        .unwrap();
        assert_eq!(TRAPPED.load(Ordering::SeqCst), 1);
        // In the handler of a running thread, too.
        let (_, running) = two_threads();
        let found = capture(&patient());
        assert!(TRAPPED.load(Ordering::SeqCst) > 1);
        assert!(found.threads.iter().any(|thread| thread.id == running));
    });
}

#[test]
fn without_any_way_to_read_memory_the_calling_threads_stack_has_its_names() {
    succeeds_in_child("without_any_way_to_read_memory_the_calling_threads_stack_has_its_names", || {
        let (asleep, _) = two_threads();
        // The file of memory belongs to root then.
        // SAFETY: takes integers.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        refuse(&[libc::SYS_process_vm_readv]);
        let found = capture(&patient());
        let thread = |id| found.threads.iter().find(|thread| thread.id == id).unwrap();
        let own = thread(workload::gettid());
        let Stack::Captured { frames, method: Method::Own, quality: Quality::Incomplete(_) } = &own.stack
        else {
            panic!("{}", workload::print(own))
        };
        let names = frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| &symbol.function);
        assert!(
            names.filter(|name| name.contains("succeeds_in_child")).count() > 0,
            "{}",
            workload::print(own)
        );
        let refused = Missing::Refused { operation: Operation::ReadMemory, errno: libc::EPERM };
        assert!(matches!(&thread(asleep).stack, Stack::Missing(why) if *why == refused), "{found:?}");
    });
}

#[test]
fn without_the_clocks_of_threads_their_switches_are_counted() {
    succeeds_in_child("without_the_clocks_of_threads_their_switches_are_counted", || {
        let (asleep, running) = two_threads();
        // The moments that deadlines are made of come from memory that the kernel shares, not by this call.
        refuse(&[libc::SYS_clock_gettime]);
        let found = capture(&patient());
        judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
        judge(&found, running, "spin", Method::Signal).unwrap();
    });
}

#[test]
fn without_marked_signals_plain_ones_serve() {
    succeeds_in_child("without_marked_signals_plain_ones_serve", || {
        let (asleep, running) = two_threads();
        refuse(&[libc::SYS_rt_tgsigqueueinfo]);
        let found = capture(&patient());
        judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
        judge(&found, running, "spin", Method::Signal).unwrap();
    });
}

#[test]
fn without_any_signal_sleeping_threads_have_stacks_still() {
    succeeds_in_child("without_any_signal_sleeping_threads_have_stacks_still", || {
        let (asleep, running) = two_threads();
        refuse(&[libc::SYS_rt_tgsigqueueinfo, libc::SYS_tgkill]);
        let found = capture(&patient());
        judge(&found, asleep, "pipe", Method::Sleeping).unwrap();
        let thread = found.threads.iter().find(|thread| thread.id == running).unwrap();
        assert!(
            matches!(
                thread.stack,
                Stack::Missing(Missing::Refused { operation: Operation::SendSignal, errno: libc::EPERM })
            ),
            "{}",
            workload::print(thread)
        );
    });
}

#[test]
fn a_process_that_is_not_dumpable_asks_everyone_by_signal() {
    succeeds_in_child("a_process_that_is_not_dumpable_asks_everyone_by_signal", || {
        let (asleep, running) = two_threads();
        // As root nothing would be hidden.
        // SAFETY: takes integers.
        unsafe { libc::setresgid(65534, 65534, 65534) };
        // SAFETY: takes integers.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        // SAFETY: takes integers.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
        let hidden = std::fs::read("/proc/self/task/1/syscall").is_err()
            && std::fs::read(format!("/proc/self/task/{asleep}/syscall")).is_err();
        assert!(hidden, "the kernel hides nothing: the test cannot tell");
        let found = capture(&patient());
        for id in [asleep, running] {
            let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
            let Stack::Captured { method, quality, frames } = &thread.stack else {
                panic!("{}", workload::print(thread))
            };
            assert_eq!(
                (method, quality),
                (&Method::Signal, &Quality::Verified),
                "{}",
                workload::print(thread)
            );
            assert!(frames.len() > workload::LEVELS);
        }
    });
}

/// Hides other users' processes in this thread's view of `/proc`; the kernel's error if it may not.
fn hide_processes() -> std::io::Result<()> {
    let done = |result: i32| if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) };
    let (root, proc) = (c"/".as_ptr(), c"/proc".as_ptr());
    // SAFETY: takes integers.
    done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the strings outlive the call; no type and no options are given.
    done(unsafe { libc::mount(std::ptr::null(), root, std::ptr::null(), private, std::ptr::null()) })?;
    let options = c"hidepid=2".as_ptr().cast();
    // SAFETY: the strings outlive the call.
    done(unsafe { libc::mount(c"proc".as_ptr(), proc, c"proc".as_ptr(), 0, options) })
}

#[test]
fn with_processes_hidden_the_own_threads_are_seen_still() {
    succeeds_in_child("with_processes_hidden_the_own_threads_are_seen_still", || {
        let (asleep, running) = two_threads();
        if let Err(error) = hide_processes() {
            return skip(format_args!("a file system can be mounted by root alone: {error}"));
        }
        // SAFETY: takes integers.
        unsafe { libc::setresgid(65534, 65534, 65534) };
        // SAFETY: takes integers.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        assert!(std::fs::read_dir("/proc/1").is_err(), "the kernel hides nothing: the test cannot tell");
        let found = capture(&patient());
        // A change of user makes the process not dumpable, so the sleeping one may be asked by signal.
        let method = |id| {
            let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
            let Stack::Captured { method, quality: Quality::Verified, frames } = &thread.stack else {
                panic!("{}", workload::print(thread))
            };
            assert!(frames.len() > workload::LEVELS);
            *method
        };
        assert!([Method::Sleeping, Method::Signal].contains(&method(asleep)));
        assert_eq!(method(running), Method::Signal);
    });
}

/// In a new namespace of processes, where `/proc` goes on to be that of the namespace around it.
#[test]
fn where_proc_belongs_to_another_namespace_threads_have_their_own_ids() {
    const NAME: &str = "where_proc_belongs_to_another_namespace_threads_have_their_own_ids";
    succeeds_in_child(NAME, || {
        if std::process::id() == 1 {
            return with_proc_of_another_namespace();
        }
        // SAFETY: takes an integer; from now on children of this process are in another namespace.
        if unsafe { libc::unshare(libc::CLONE_NEWPID) } != 0 {
            let error = std::io::Error::last_os_error();
            return skip(format_args!("a namespace can be made by root alone: {error}"));
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        let child = child.args(["--exact", NAME, "--nocapture", "--test-threads=1"]).status().unwrap();
        // As a body that has returned ends.
        assert!(!child.success() && child.code() != Some(101), "{child}");
    });
}

fn with_proc_of_another_namespace() {
    let waits = Waits::new();
    let asleep = start(&waits, "pipe", workload::leaf_pipe);
    let running = start_running(&waits, "spin", RUNNING[0].1);
    assert!(!std::path::Path::new(&format!("/proc/self/task/{running}")).exists());
    // It cannot be looked up whether it sleeps yet.
    wait_for(|| {
        let found = capture(&patient());
        judge(&found, asleep, "pipe", Method::Sleeping)?;
        judge(&found, running, "spin", Method::Signal)?;
        let own = found.threads.iter().find(|thread| thread.id == workload::gettid());
        let is_own = |stack: &Stack| matches!(stack, Stack::Captured { method: Method::Own, .. });
        if own.is_some_and(|own| is_own(&own.stack)) { Ok(()) } else { Err("the own thread".to_owned()) }
    });
}
