//! Names of threads that are longer than what the kernel keeps of them.
#![cfg(target_os = "linux")]

use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

use gmr_inspect::threads::{Options, capture};
use gmr_test_support::workload::gettid;

/// A thread of that name that has done `first` and stays until the sender is gone, and its id.
fn stay(name: Option<&str>, first: fn()) -> (u32, Sender<()>) {
    let ((tell, told), (stay, until)) = (channel(), channel::<()>());
    let builder = name.map_or_else(Builder::new, |name| Builder::new().name(name.to_owned()));
    let body = move || {
        first();
        tell.send(gettid()).unwrap();
        let _ = until.recv();
    };
    builder.spawn(body).unwrap();
    (told.recv().unwrap(), stay)
}

fn check(started: &(u32, Sender<()>), expected: &str) {
    let found = capture(&Options::default().with_symbols(false));
    let own = found.threads.iter().find(|thread| thread.id == started.0);
    assert_eq!(own.map(|thread| &*thread.name), Some(expected));
}

#[test]
fn a_thread_has_the_whole_name_that_std_gave_it() {
    let names = ["connections-to-the-left", "connections-to-the-right", "größer-größer-größer"];
    for (name, started) in names.map(|name| (name, stay(Some(name), || ()))) {
        check(&started, name);
    }
    let longest = "n".repeat(256);
    check(&stay(Some(&longest), || ()), &longest);
    check(&stay(Some(&"n".repeat(257)), || ()), &longest[..15]);
    check(&stay(Some("fifteen-letters"), || ()), "fifteen-letters");
}

#[test]
fn a_name_that_the_kernel_was_given_otherwise_is_the_kernels() {
    let rename = || rustix::thread::set_name(c"renamed-by-hand").unwrap();
    check(&stay(Some("connections-to-somewhere"), rename), "renamed-by-hand");
    // Without a name it has that of the thread that started it, of which std knows nothing.
    let parent = Builder::new().name("connections-of-a-parent".to_owned());
    let child = parent.spawn(|| stay(None, || ())).unwrap().join().unwrap();
    check(&child, "connections-of-");
}
