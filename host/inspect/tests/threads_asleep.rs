//! Threads that sleep in every common way are listed with a complete stack, and do not notice.
#![cfg(target_os = "linux")]

use gmr_inspect::threads::{Method, Options, Resource, Stack, capture};
use gmr_test_support::workload::{self, SLEEPING, Waits, judge, method_asleep, start, wait_until_asleep};

#[test]
fn every_way_of_blocking_shows_its_functions_down_to_the_start() {
    let waits = Waits::new();
    let started: Vec<_> = SLEEPING.iter().map(|(name, leaf)| (start(&waits, name, *leaf), *name)).collect();
    started.iter().for_each(|(id, _)| wait_until_asleep(*id));
    let found = capture(&Options::default());
    let wrong: Vec<_> =
        started.iter().filter_map(|(id, name)| judge(&found, *id, name, method_asleep(name)).err()).collect();
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), started.len(), wrong.join("\n"));
    // Nobody was woken.
    for (id, _) in started {
        wait_until_asleep(id);
    }
}

#[test]
fn waits_name_the_call_and_what_it_waits_on() {
    let waits = Waits::new();
    let of = |name: &str| SLEEPING.iter().find(|way| way.0 == name).unwrap().1;
    let ids = ["mutex", "mutex", "pipe", "epoll", "sleep"].map(|name| start(&waits, name, of(name)));
    ids.iter().for_each(|id| wait_until_asleep(*id));
    let found = capture(&Options::default());
    let [lock, same_lock, pipe, epoll, sleep] = ids.map(|id| {
        let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
        assert_eq!(thread.on_cpu, Some(false));
        thread.wait.clone().unwrap()
    });
    assert_eq!(lock.name, Some("futex"));
    assert!(matches!(lock.resource, Some(Resource::Futex(address)) if address != 0));
    assert_eq!(lock.resource, same_lock.resource);
    assert_eq!(pipe.name, Some("read"));
    assert!(
        matches!(&pipe.resource, Some(Resource::Descriptor { target: Some(target), .. }) if target.starts_with("pipe:"))
    );
    assert!(epoll.name.unwrap().starts_with("epoll_"));
    assert!(
        matches!(&epoll.resource, Some(Resource::Descriptor { target: Some(target), .. }) if target.contains("eventpoll"))
    );
    assert!(sleep.name.unwrap().contains("nanosleep"), "{sleep:?}");
}

#[test]
fn the_calling_thread_sees_itself() {
    let found = capture(&Options::default());
    let own = found.threads.iter().find(|thread| thread.id == workload::gettid()).unwrap();
    let Stack::Captured { frames, method: Method::Own, .. } = &own.stack else {
        panic!("{}", workload::print(own))
    };
    let names: Vec<_> =
        frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| &symbol.function).collect();
    assert!(names.iter().any(|name| name.contains("the_calling_thread_sees_itself")), "{names:#?}");
    assert_eq!(own.on_cpu, Some(true));
}

#[test]
fn without_symbols_each_frame_still_tells_where_to_look_it_up() {
    let waits = Waits::new();
    let id = start(&waits, "plain", SLEEPING[0].1);
    wait_until_asleep(id);
    let found = capture(&Options::default().with_symbols(false));
    let thread = found.threads.iter().find(|thread| thread.id == id).unwrap();
    let Stack::Captured { frames, .. } = &thread.stack else { panic!("{}", workload::print(thread)) };
    assert!(frames.len() > workload::LEVELS);
    assert!(frames.iter().all(|frame| frame.symbols.is_empty() && frame.offset.is_some()));
    assert!(frames.iter().all(|frame| frame.module.as_ref().is_some_and(|module| module.build_id.is_some())));
}

#[test]
fn no_system_call_is_interrupted() {
    let waits = Waits::new();
    let sensitive = ["epoll", "poll", "futex", "semaphore", "condvar_timed", "sleep"];
    let ids: Vec<u32> = SLEEPING
        .iter()
        .filter(|way| sensitive.contains(&way.0) && method_asleep(way.0) == Method::Sleeping)
        .map(|(name, leaf)| start(&waits, name, *leaf))
        .collect();
    ids.iter().for_each(|id| wait_until_asleep(*id));
    let runs = |id: &u32| std::fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).unwrap();
    let before: Vec<String> = ids.iter().map(runs).collect();
    for _ in 0..20 {
        capture(&Options::default().with_symbols(false));
    }
    // Not one of them has had a processor since.
    assert_eq!(ids.iter().map(runs).collect::<Vec<_>>(), before);
}
