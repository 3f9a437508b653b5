//! Remarks on the tasks, for "look at": many have waited for long in one place.

use std::time::Duration;

use gmr_inspect::tasks::{Await, Chain};
use gmr_report::words::duration;

use super::grouping::Group;

/// Shorter waits are how a service works.
const LONG: Duration = Duration::from_secs(10);

/// Fewer are not a crowd.
const CROWD: usize = 10;

/// The largest of the groups that have waited for long, where ten or more wait in one place.
pub(super) fn largest_wait(groups: &[Group<'_>], total: usize) -> Option<String> {
    let long =
        |group: &&Group<'_>| group.longest().is_some_and(|idle| idle >= LONG) && group.tasks.len() >= CROWD;
    let group = groups.iter().filter(long).max_by_key(|group| group.tasks.len())?;
    let first = group.tasks[0];
    let place = match &first.chain {
        Chain::Known(chain) => innermost(chain).unwrap_or(&first.future),
        _ => &*first.future,
    };
    Some(format!(
        "{} of {total} tasks wait in {place}, the longest for {}",
        group.tasks.len(),
        duration(group.longest()?)
    ))
}

/// The innermost await that has a line of its own: what lies below it is machinery.
fn innermost(chain: &[Await]) -> Option<&str> {
    chain.iter().rev().find(|step| step.location.is_some()).map(|step| step.future.as_str())
}
