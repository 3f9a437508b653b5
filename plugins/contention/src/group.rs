//! Groups of threads or tasks that wait for the same thing.

use std::collections::BTreeMap;

use gmr_plugin::{Member, Trace, Value};

use crate::classify::{self, Place, Wait};

/// What waits.
#[derive(Clone, Copy)]
pub enum Kind {
    Thread,
    Task,
}

impl Kind {
    /// The report's section that lists them.
    pub fn section(self) -> &'static str {
        match self {
            Kind::Thread => "threads",
            Kind::Task => "green_threads",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::Thread => "Threads",
            Kind::Task => "Tasks",
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Kind::Thread => "thread",
            Kind::Task => "task",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Kind::Thread => "threads",
            Kind::Task => "tasks",
        }
    }
}

/// What one group has in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// The address of the lock or semaphore.
    At(u64),
    /// The place, where no address is known.
    Place(Wait, String),
}

/// The threads or tasks that wait for one thing.
pub struct Group {
    pub wait: Wait,
    /// The address of the lock or semaphore, if it is known.
    pub address: Option<u64>,
    pub count: u64,
    /// For how many nanoseconds the longest has waited, where that is known.
    pub longest: Option<u64>,
    places: BTreeMap<String, u64>,
}

impl Group {
    /// What they wait for, in words.
    pub fn subject(&self) -> String {
        match (&self.address, self.wait) {
            (Some(address), Wait::Lock) => format!("the lock at {address:#x}"),
            (Some(address), Wait::Semaphore) => format!("the semaphore at {address:#x}"),
            _ => match self.wait.words() {
                words if self.wait.is_contended() => {
                    let place = self.places().first().map(|(place, _)| format!(" in {place}"));
                    format!("{words}{}", place.unwrap_or_default())
                }
                words => words.to_owned(),
            },
        }
    }

    /// Where they wait, with how many there, most first.
    pub fn places(&self) -> Vec<(&str, u64)> {
        let mut places: Vec<_> = self.places.iter().map(|(place, count)| (place.as_str(), *count)).collect();
        places.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        places
    }
}

/// All groups of one kind.
#[derive(Default)]
pub struct Groups(BTreeMap<Key, Group>);

impl Groups {
    /// Adds everything that stands in a trace. With the same stack each may wait for a lock of its own.
    pub fn add(&mut self, trace: &Trace) {
        let place = Place::of(trace);
        let name = place.name();
        for member in trace.members.iter().filter(|member| !classify::is_reporter(member)) {
            let wait = place.wait(member);
            let address = match wait {
                Wait::Lock | Wait::Semaphore => {
                    // A condition's futex is the waiters' own or the queue's: only that of a lock is the same for all that wait.
                    let futex = classify::futex(member).filter(|_| wait == Wait::Lock && !place.parks());
                    futex.or_else(|| classify::semaphore(member))
                }
                _ => None,
            };
            let key = match address {
                Some(address) => Key::At(address),
                None => Key::Place(wait, name.clone()),
            };
            let empty = || Group { wait, address, count: 0, longest: None, places: BTreeMap::new() };
            let group = self.0.entry(key).or_insert_with(empty);
            group.count += 1;
            group.longest = group.longest.max(waited(member));
            *group.places.entry(name.clone()).or_default() += 1;
        }
    }

    /// The groups, largest first; running threads are no group that waits and come last.
    pub fn into_sorted(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by_key(|group| (group.wait == Wait::Running, std::cmp::Reverse(group.count)));
        groups
    }
}

/// How long a task has waited. Of threads the kernel does not tell.
fn waited(member: &Member) -> Option<u64> {
    member.fields.iter().find_map(|field| match field.value {
        Value::Duration(duration) if field.key == "idle" => Some(duration),
        _ => None,
    })
}
