//! The control group: memory, processors, tasks and pressure.

use gmr_plugin::process::{CgroupFigures, MemoryFigures, Pressure, Stall};
use gmr_plugin::{Section, Table, Value, words};

use crate::Thresholds;
use crate::edge::{Edge, Unit, tenth};

/// Above which share of periods being held back is remarked, in percent. Now and then it happens to every service
/// that has a quota; in a quarter of all periods requests wait for it.
const THROTTLED_PERCENT: f64 = 25.0;

/// The group's amounts that have a limit.
pub fn edges(figures: &CgroupFigures, own: &MemoryFigures) -> Vec<Edge> {
    let edge = |name: &str, unit, used: Option<u64>, limit: Option<u64>, hard| {
        Some(Edge { name: name.into(), unit, used: used?, limit: limit?, hard })
    };
    let squeezed = pressure(figures, "memory").is_some_and(|stall| stall.average_10 > 0.0);
    let all = [
        // Of the group's memory a part may be page cache; it is at its edge only when someone waits for it.
        edge("cgroup memory", Unit::Bytes, figures.memory, figures.max_memory, squeezed),
        edge("cgroup memory, slowed", Unit::Bytes, figures.memory, figures.high_memory, squeezed),
        edge("cgroup memory, of this process alone", Unit::Bytes, own.anonymous, figures.max_memory, true),
        edge("cgroup swap", Unit::Bytes, figures.swap, figures.max_swap.filter(|max| *max > 0), true),
        edge("cgroup tasks", Unit::Count, figures.tasks, figures.max_tasks, true),
    ];
    all.into_iter().flatten().collect()
}

/// How long someone of the group stalled for want of this resource.
fn pressure<'a>(figures: &'a CgroupFigures, resource: &str) -> Option<&'a Stall> {
    let mut pressures = figures.pressures.iter();
    pressures.find(|one| one.resource == resource && one.scope == "cgroup")?.some.as_ref()
}

/// Shows what of the group has no limit to be compared with.
pub fn show(section: &mut Section, figures: CgroupFigures, thresholds: &Thresholds) {
    remark(section, &figures, thresholds);
    let held_back = figures.throttled_periods.zip(figures.periods).and_then(|(held, all)| percent(held, all));
    section
        .heading(2, "Control group")
        .field_if("path", figures.path)
        .field("version", figures.version)
        .field_if("peak memory", figures.peak_memory.map(Value::Bytes))
        .field_if("killed for memory", figures.out_of_memory_kills)
        .field_if("processors", figures.processors)
        .field_if("periods held back, percent", held_back)
        .field_if("held back for", figures.throttled.map(Value::Duration))
        .fields(figures.more);
    if !figures.pressures.is_empty() {
        section.heading(2, "Pressure").table(table(&figures.pressures));
    }
}

fn remark(section: &mut Section, figures: &CgroupFigures, thresholds: &Thresholds) {
    if let Some(kills @ 1..) = figures.out_of_memory_kills {
        section.remark(format!("{} for want of memory in this control group", words::count(kills, "kill")));
    }
    if let (Some(held), Some(all)) = (figures.throttled_periods, figures.periods)
        && let Some(share) = percent(held, all).filter(|share| *share >= THROTTLED_PERCENT)
    {
        section.remark(format!("CPU quota used up in {share:.0} % of its periods"));
    }
    for resource in ["cpu", "memory", "io"] {
        if let Some(stall) = pressure(figures, resource)
            && stall.average_10 >= thresholds.stall_percent
        {
            section
                .remark(format!("stalled for want of {resource} {:.0} % of the last 10 s", stall.average_10));
        }
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    tenth(100.0 * part as f64 / whole as f64)
}

fn table(pressures: &[Pressure]) -> Table {
    let mut table = Table::new(["percent stalled", "of", "10 s", "60 s", "300 s", "in all"]);
    for pressure in pressures {
        for (share, stall) in [("some", &pressure.some), ("all", &pressure.full)] {
            if let Some(stall) = stall {
                table.row([
                    format!("{}, {share}", pressure.resource).into(),
                    pressure.scope.as_str().into(),
                    stall.average_10.into(),
                    stall.average_60.into(),
                    stall.average_300.into(),
                    Value::Duration(stall.total),
                ]);
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use gmr_plugin::Failure;
    use gmr_plugin::testing::Host;
    use serde_json::json;

    use super::*;
    use crate::Limits;

    const GIB: u64 = 1 << 30;

    fn stalled(resource: &str, scope: &str, average_10: f64) -> Pressure {
        let some = Some(Stall { average_10, total: 5_000_000, ..Default::default() });
        Pressure { resource: resource.into(), scope: scope.into(), some, full: None }
    }

    fn remarks(host: &Host) -> Vec<String> {
        host.render::<Limits>().unwrap().remarks().map(str::to_owned).collect()
    }

    #[test]
    fn group_is_shown_with_its_pressure() {
        let host = Host::new().cgroup(CgroupFigures {
            path: Some("/api".into()),
            version: 2,
            memory: Some(GIB),
            max_memory: Some(2 * GIB),
            periods: Some(1000),
            throttled_periods: Some(15),
            pressures: vec![stalled("io", "cgroup", 0.5)],
            ..Default::default()
        });
        let expected = "\
limited           used    limit  percent
cgroup memory  1.0 GiB  2.0 GiB       50

  Control group:
    path = /api
    version = 2
    periods held back, percent = 1.5

  Pressure:
    percent stalled  of      10 s  60 s  300 s  in all
    io, some         cgroup   0.5     0      0    5 ms
";
        assert_eq!(host.render::<Limits>().unwrap().to_string(), expected);
    }

    #[test]
    fn full_memory_is_remarked_only_when_it_is_not_page_cache() {
        let full = |pressures| CgroupFigures {
            memory: Some(19 * GIB),
            max_memory: Some(20 * GIB),
            pressures,
            ..Default::default()
        };
        let host = Host::new().cgroup(full(vec![]));
        assert!(remarks(&host).is_empty());
        assert_eq!(
            remarks(&Host::new().cgroup(full(vec![stalled("memory", "cgroup", 0.1)]))),
            ["cgroup memory: 19.0 GiB of 20.0 GiB (95 %)"],
        );
        let own = MemoryFigures { anonymous: Some(17 * GIB), ..Default::default() };
        assert_eq!(
            remarks(&host.memory(own)),
            ["cgroup memory, of this process alone: 17.0 GiB of 20.0 GiB (85 %)"],
        );
    }

    #[test]
    fn kills_quota_and_stalls_are_remarked_from_their_thresholds_on() {
        let group = |kills, held_back, stall| {
            Host::new().cgroup(CgroupFigures {
                out_of_memory_kills: Some(kills),
                periods: Some(100),
                throttled_periods: Some(held_back),
                // The whole system's pressure is other people's too.
                pressures: vec![stalled("io", "system", 99.0), stalled("cpu", "cgroup", stall)],
                ..Default::default()
            })
        };
        assert!(remarks(&group(0, 24, 19.9)).is_empty());
        assert_eq!(
            remarks(&group(1, 25, 20.0)),
            [
                "1 kill for want of memory in this control group",
                "CPU quota used up in 25 % of its periods",
                "stalled for want of cpu 20 % of the last 10 s",
            ],
        );
        assert_eq!(remarks(&group(0, 0, 6.0).settings(json!({"stall_percent": 5}))).len(), 1);
    }

    #[test]
    fn wrong_settings_are_refused() {
        let check = |settings, expected: &str| match Host::new().settings(settings).render::<Limits>() {
            Err(Failure::Settings(reason)) => assert!(reason.contains(expected), "{reason}"),
            other => panic!("{other:?}"),
        };
        check(json!({"warn_percent": 0}), "warn_percent` must be a number from 1 to 100, not 0");
        check(json!({"warn_percent": "80"}), "not a string");
        check(json!({"warn": 80}), "settings.warn`; known are stall_percent, warn_percent");
    }

    #[test]
    fn without_figures_there_is_no_section() {
        assert!(matches!(Host::new().render::<Limits>(), Err(Failure::Unavailable(_))));
    }
}
