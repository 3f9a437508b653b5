//! Shows how near the process is to what it may use: resource limits, its control group, pressure.
//!
//! Remarks on what is near its edge. Memory that is only page cache is no such thing: the kernel takes it back.

mod edge;
mod group;

use gmr_plugin::process;
use gmr_plugin::{Description, Failure, Plugin, Request, Section, Setting, settings};

use edge::Edge;

/// From which share of a limit on there is a remark, in percent: late enough to be rare, early enough to act.
const WARN_PERCENT: f64 = 80.0;
/// From which share of stalled time on there is a remark, in percent of the last 10 seconds.
const STALL_PERCENT: f64 = 20.0;

/// From where on something is remarked.
struct Thresholds {
    warn_percent: f64,
    stall_percent: f64,
}

struct Limits;

impl Plugin for Limits {
    fn describe() -> Description {
        Description::new("Limits", "How near the process is to what it may use")
            .wants("process")
            .order(-5)
            .settings([
                Setting::number("warn_percent", "from which share of a limit on there is a remark")
                    .within(1.0..=100.0)
                    .default(WARN_PERCENT),
                Setting::number(
                    "stall_percent",
                    "from which share of the last 10 seconds stalled on there is a remark",
                )
                .within(0.1..=100.0)
                .default(STALL_PERCENT),
            ])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let thresholds = Thresholds {
            warn_percent: settings::number("warn_percent")?.unwrap_or(WARN_PERCENT),
            stall_percent: settings::number("stall_percent")?.unwrap_or(STALL_PERCENT),
        };
        let mut edges: Vec<Edge> = process::limits()?.into_iter().filter_map(Edge::of_limit).collect();
        let mut section = Section::new();
        match process::cgroup()? {
            None => edge::show(&mut section, edges, &thresholds),
            Some(figures) => {
                edges.extend(group::edges(&figures, &process::memory()?));
                edge::show(&mut section, edges, &thresholds);
                group::show(&mut section, figures, &thresholds);
            }
        }
        if section.is_empty() {
            return Err(Failure::unavailable("nothing that is limited here tells how much is used"));
        }
        Ok(section)
    }
}

gmr_plugin::export!(Limits);
