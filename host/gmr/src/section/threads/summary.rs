//! Titles and summaries of the stacks: the counts of all, then the names and the state of each group.

use std::borrow::Cow;
use std::time::Duration;

use gmr_inspect::threads::{Capture, Method, Quality, Resource, Stack, State, Wait};
use gmr_report::words::{counted, duration};

use super::grouping::Group;

/// How many threads and stacks there are, and how they were read.
pub(super) fn headline(capture: &Capture, groups: &[Group<'_>]) -> String {
    let count =
        |test: fn(&Stack) -> bool| capture.threads.iter().filter(|thread| test(&thread.stack)).count() as u64;
    let stacks = count(|stack| matches!(stack, Stack::Captured { .. }));
    let different =
        groups.iter().filter(|group| !matches!(group.threads[0].stack, Stack::Missing(_))).count();
    let unsignalled =
        count(|stack| matches!(stack, Stack::Captured { method: Method::Sleeping | Method::Own, .. }));
    let mut text = format!(
        "{}: {}, {different} of them different; {unsignalled} read without a signal",
        counted(capture.threads.len() as u64, "thread"),
        counted(stacks, "stack"),
    );
    let doubtful = count(|stack| {
        matches!(stack, Stack::Captured { quality: Quality::Unverified | Quality::Incomplete(_), .. })
    });
    if doubtful > 0 {
        text.push_str(&format!("; {doubtful} unverified or incomplete"));
    }
    text
}

/// `12 threads, worker-0 to worker-11`, or `8692  "compactor"`.
pub(super) fn title(group: &Group<'_>) -> String {
    if let [thread] = group.threads[..] {
        let own = if group.is_own() { ", the reporter's own" } else { "" };
        return format!("{}  \"{}\"{own}", thread.id, thread.name);
    }
    let mut names: Vec<&str> = group.threads.iter().map(|thread| thread.name.as_str()).collect();
    names.sort_by_key(|name| (stem(name), number_at_end(name)));
    names.dedup();
    let names = match names[..] {
        [one] => format!("all named \"{one}\""),
        [one, other] => format!("\"{one}\" and \"{other}\""),
        _ if same_stem(&names) => format!("{} to {}", names[0], names[names.len() - 1]),
        _ => format!("\"{}\", \"{}\" and {} more names", names[0], names[1], names.len() - 2),
    };
    format!("{} threads, {names}", group.threads.len())
}

/// `asleep in futex on 0x55d0c8e8, 0.1 to 0.4 s of CPU time each`.
pub(super) fn state(group: &Group<'_>) -> String {
    let first = group.threads[0];
    let mut resources: Vec<String> =
        group.threads.iter().filter_map(|thread| thread.wait.as_ref().map(wait)).collect();
    resources.sort();
    resources.dedup();
    let waits = match &resources[..] {
        [] => String::new(),
        [one] => format!(" in {one}"),
        many => {
            let call = first.wait.as_ref().map_or("".into(), system_call);
            format!(" in {call} on {} different things", many.len())
        }
    };
    let cpu = group.threads.iter().map(|thread| thread.cpu_user + thread.cpu_system);
    let (least, most) =
        cpu.fold((Duration::MAX, Duration::ZERO), |(least, most), cpu| (least.min(cpu), most.max(cpu)));
    let cpu = match (group.threads.len(), duration(least), duration(most)) {
        (1, _, most) => format!("{most} of CPU time"),
        (_, least, most) if least == most => format!("{most} of CPU time each"),
        (_, least, most) => format!("{least} to {most} of CPU time each"),
    };
    format!("{}{waits}, {cpu}", state_of_thread(first.state))
}

/// What the scheduler says of a thread.
pub(crate) fn state_of_thread(state: State) -> Cow<'static, str> {
    let words = match state {
        State::Running => "running",
        State::Sleeping => "asleep",
        State::Uninterruptible => "asleep in the kernel and not interruptible",
        State::Stopped => "stopped",
        State::Dead => "ended",
        State::Other(letter) => return format!("in state {letter}").into(),
        _ => "in an unknown state",
    };
    words.into()
}

/// The name of the system call that a thread waits in.
pub(crate) fn system_call(wait: &Wait) -> Cow<'static, str> {
    match wait.name {
        Some(name) => name.into(),
        None => format!("system call {}", wait.number).into(),
    }
}

fn wait(wait: &Wait) -> String {
    let call = system_call(wait);
    match &wait.resource {
        Some(Resource::Futex(address)) => format!("{call} on {address:#x}"),
        Some(Resource::Descriptor { number, target: None }) => format!("{call} on descriptor {number}"),
        Some(Resource::Descriptor { number, target: Some(target) }) => {
            format!("{call} on descriptor {number}, {target}")
        }
        Some(Resource::Time(time)) => format!("{call} for {}", duration(*time)),
        _ => call.into_owned(),
    }
}

fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

fn number_at_end(name: &str) -> u64 {
    name[stem(name).len()..].parse().unwrap_or(0)
}

fn same_stem(names: &[&str]) -> bool {
    names.iter().all(|name| stem(name).len() < name.len() && stem(name) == stem(names[0]))
}
