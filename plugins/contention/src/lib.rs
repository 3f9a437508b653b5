//! Groups threads and tasks by what they wait for, across all the stacks that lead there.
//!
//! The report's own sections group identical stacks. Threads that wait for one lock seldom have identical stacks: they
//! came to it on different ways, and only together do they show the convoy. Works on nothing but the traces of the
//! report, so it judges by names of functions: a lock that has a name of its own is taken for an unknown wait.

mod classify;
mod group;

use std::time::Duration;

use gmr_plugin::report::{self, ReportError};
use gmr_plugin::{
    Block, Description, Failure, Plugin, Request, Section, Setting, Table, Value, settings, words,
};

use group::{Group, Groups, Kind};

/// How many groups are shown of threads, and how many of tasks.
const SHOWN: usize = 20;
/// How many ways to one wait are shown.
const PLACES: usize = 3;

struct Contention;

impl Plugin for Contention {
    fn describe() -> Description {
        let many = |key, what| {
            Setting::number(
                key,
                format!("from how many {what} at one lock or semaphore on there is a remark"),
            )
            .within(1.0..=1e9)
        };
        Description::new("Contention", "Threads and tasks by what they wait for")
            .wants("report")
            .settings([many("threads", "threads"), many("tasks", "tasks")])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        // The report's own diagnosis tells of queues, and who holds up whom: remarks are for those who ask for them.
        let threads = settings::number("threads")?;
        let tasks = settings::number("tasks")?;
        let mut section = Section::new();
        let of_threads = show(&mut section, Kind::Thread, threads)?;
        let of_tasks = show(&mut section, Kind::Task, tasks)?;
        if !of_threads && !of_tasks {
            return Err(Failure::unavailable("the report has no stack and no chain of awaits"));
        }
        Ok(section)
    }
}

gmr_plugin::export!(Contention);

/// Shows those of one kind, and returns whether there are any.
fn show(section: &mut Section, kind: Kind, threshold: Option<f64>) -> Result<bool, Failure> {
    let Some(groups) = collect(kind)? else { return Ok(false) };
    let is_long = |group: &&Group| threshold.is_some_and(|least| group.count as f64 >= least);
    for group in groups.iter().filter(|group| group.wait.is_contended()).filter(is_long) {
        section.remark(remark(group, kind));
    }
    let mut table = Table::new(["waits for", kind.plural(), "longest", "where"]);
    for group in groups.iter().take(SHOWN) {
        table.row([
            group.subject().into(),
            group.count.into(),
            group.longest.map(Value::Duration).into(),
            places(group).into(),
        ]);
    }
    section.heading(2, kind.title()).table(table);
    if groups.len() > SHOWN {
        section.paragraph(format!("and {}", words::count((groups.len() - SHOWN) as u64, "smaller group")));
    }
    Ok(true)
}

/// The groups of one kind, largest first; `None` if the report has none such.
fn collect(kind: Kind) -> Result<Option<Vec<Group>>, Failure> {
    let mut groups = Groups::default();
    for block in report::blocks(kind.section()) {
        match block {
            Ok(Block::Trace(trace)) => groups.add(&trace),
            Ok(_) => {}
            Err(ReportError::Unknown) => return Ok(None),
            Err(denied) => return Err(denied.into()),
        }
    }
    let groups = groups.into_sorted();
    Ok(Some(groups).filter(|groups| !groups.is_empty()))
}

fn remark(group: &Group, kind: Kind) -> String {
    let longest = group
        .longest
        .map(|longest| format!(", the longest for {}", words::duration(Duration::from_nanos(longest))));
    let (count, subject) = (words::count(group.count, kind.noun()), group.subject());
    let verb = if group.count == 1 { "waits" } else { "wait" };
    format!("{count} {verb} for {subject}{}", longest.unwrap_or_default())
}

/// Where they wait, most frequent first.
fn places(group: &Group) -> Vec<String> {
    let mut places: Vec<String> = group
        .places()
        .into_iter()
        .map(|(place, count)| {
            if count == group.count {
                place.to_owned()
            } else {
                format!("{place} ({})", words::grouped(count))
            }
        })
        .collect();
    let rest = places.len().saturating_sub(PLACES);
    if rest > 0 {
        places.truncate(PLACES);
        places.push(format!("and {rest} more"));
    }
    places
}

#[cfg(test)]
mod tests;
