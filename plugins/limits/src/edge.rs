//! Amounts beside what they may grow to, and by how much they have grown since the last report.

use std::time::Duration;

use gmr_plugin::process::Limit;
use gmr_plugin::{Section, Table, Value, diagnostics, state, words};

use crate::Thresholds;

/// What something is measured in.
#[derive(Clone, Copy)]
pub enum Unit {
    Bytes,
    Nanoseconds,
    Count,
}

/// An amount in use, and where it ends.
pub struct Edge {
    pub name: String,
    pub unit: Unit,
    pub used: u64,
    pub limit: u64,
    /// Whether being near the limit is worth a remark.
    pub hard: bool,
}

impl Edge {
    /// Of a resource limit that is enforced and whose use is known.
    pub fn of_limit(limit: Limit) -> Option<Edge> {
        let (unit, factor) = match limit.unit.as_str() {
            "bytes" => (Unit::Bytes, 1),
            "seconds" => (Unit::Nanoseconds, 1_000_000_000),
            "microseconds" => (Unit::Nanoseconds, 1_000),
            _ => (Unit::Count, 1),
        };
        let (used, limit, name) = (limit.used?, limit.soft?, limit.name);
        Some(Edge {
            // Of these `descriptors` remarks, which knows what they are and how fast they grow: once is enough.
            hard: name != "open files",
            name,
            unit,
            used: used.saturating_mul(factor),
            limit: limit.saturating_mul(factor),
        })
    }

    fn percent(&self) -> f64 {
        match (self.used, self.limit) {
            (0, 0) => 0.0,
            (used, limit) => 100.0 * used as f64 / limit as f64,
        }
    }
}

/// What is remembered from report to report is how much was used, by the edge's name.
impl Edge {
    /// How much was used at the last report, and how long ago that was.
    fn before(&self) -> Option<(u64, Duration)> {
        let entry = state::get(&self.name)?;
        match entry.value {
            Value::Bytes(used) => Some((used, entry.age())),
            _ => None,
        }
    }

    fn remember(&self) {
        // Not always bytes, but of this type, which holds all of them.
        if let Err(excess) = state::set(&self.name, Value::Bytes(self.used)) {
            diagnostics::print(&excess.advice);
        }
    }
}

impl Unit {
    /// The difference; one downwards is told in words, since no amount is negative.
    fn growth(self, before: u64, now: u64) -> Value {
        match now.checked_sub(before) {
            Some(grown) => self.value(grown),
            None => format!("-{}", self.words(before - now)).into(),
        }
    }

    fn value(self, amount: u64) -> Value {
        match self {
            Unit::Bytes => Value::Bytes(amount),
            Unit::Nanoseconds => Value::Duration(amount),
            Unit::Count => amount.into(),
        }
    }

    fn words(self, amount: u64) -> String {
        match self {
            Unit::Bytes => words::bytes(amount),
            Unit::Nanoseconds => words::duration(Duration::from_nanos(amount)),
            Unit::Count => words::grouped(amount),
        }
    }
}

/// Shows amounts with their limits, the nearest to its edge first.
pub fn show(section: &mut Section, mut edges: Vec<Edge>, thresholds: &Thresholds) {
    edges.sort_by(|one, other| other.percent().total_cmp(&one.percent()));
    let before: Vec<Option<(u64, Duration)>> = edges.iter().map(Edge::before).collect();
    let last = before.iter().flatten().map(|(_, ago)| *ago).min();
    let mut columns = vec!["limited", "used", "limit", "percent"];
    columns.extend(last.map(|_| "grown by"));
    let mut table = Table::new(columns);
    for (edge, before) in edges.iter().zip(before) {
        let percent = edge.percent();
        let mut row = vec![
            edge.name.as_str().into(),
            edge.unit.value(edge.used),
            edge.unit.value(edge.limit),
            tenth(percent).into(),
        ];
        if last.is_some() {
            row.push(before.map_or(Value::None, |(before, _)| edge.unit.growth(before, edge.used)));
        }
        table.row(row);
        if edge.hard && percent >= thresholds.warn_percent {
            let (used, limit) = (edge.unit.words(edge.used), edge.unit.words(edge.limit));
            section.remark(format!("{}: {used} of {limit} ({percent:.0} %)", edge.name));
        }
    }
    if !edges.is_empty() {
        section.table(table);
    }
    section.field_if("last report, ago", last);
    edges.iter().for_each(Edge::remember);
}

/// A percentage to one digit after the point; a limit of 0 that is used all the same gives no number.
pub fn tenth(percent: f64) -> Option<f64> {
    percent.is_finite().then(|| (percent * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use gmr_plugin::testing::Host;

    use super::*;
    use crate::Limits;

    fn limit(name: &str, unit: &str, used: Option<u64>, soft: Option<u64>) -> Limit {
        Limit { name: name.into(), unit: unit.into(), soft, hard: None, used }
    }

    fn shown(limits: Vec<Limit>) -> String {
        let mut section = Section::new();
        let thresholds = Thresholds { warn_percent: 80.0, stall_percent: 20.0 };
        show(&mut section, limits.into_iter().filter_map(Edge::of_limit).collect(), &thresholds);
        section.to_string()
    }

    #[test]
    fn nearest_to_its_edge_comes_first_and_is_remarked() {
        let expected = "\
look at: processes: 820 of 1,024 (80 %)
limited       used    limit  percent
processes      820     1024     80.1
stack      1.0 MiB  8.0 MiB     12.5
cpu time      30 s    5m 0s       10
";
        let limits = vec![
            limit("cpu time", "seconds", Some(30), Some(300)),
            limit("stack", "bytes", Some(1 << 20), Some(8 << 20)),
            limit("processes", "processes", Some(820), Some(1024)),
        ];
        assert_eq!(shown(limits), expected);
    }

    #[test]
    fn what_is_used_is_compared_with_the_last_report() {
        let first = Host::new().limits(vec![
            limit("stack", "bytes", Some(2 << 20), Some(8 << 20)),
            limit("processes", "processes", Some(100), Some(1024)),
        ]);
        assert!(!first.render::<Limits>().unwrap().to_string().contains("grown by"));
        let later = first.after_report::<Limits>(Duration::from_secs(40));
        let figures = vec![
            limit("stack", "bytes", Some(1 << 20), Some(8 << 20)),
            limit("processes", "processes", Some(312), Some(1024)),
            limit("locks", "locks", Some(1), Some(1000)),
        ];
        let expected = "\
limited       used    limit  percent  grown by
processes      312     1024     30.5       212
stack      1.0 MiB  8.0 MiB     12.5  -1.0 MiB
locks            1     1000      0.1      none
last report, ago = 40 s
";
        assert_eq!(later.limits(figures).render::<Limits>().unwrap().to_string(), expected);
    }

    #[test]
    fn just_below_the_threshold_nothing_is_remarked() {
        assert!(!shown(vec![limit("processes", "processes", Some(799), Some(1000))]).contains("look at"));
        assert!(shown(vec![limit("processes", "processes", Some(800), Some(1000))]).contains("look at"));
    }

    #[test]
    fn open_files_are_shown_and_left_to_the_other_plugin_to_remark_on() {
        let shown = shown(vec![limit("open files", "files", Some(1000), Some(1000))]);
        assert!(shown.contains("open files  1000") && !shown.contains("look at"), "{shown}");
    }

    #[test]
    fn unlimited_or_unmeasured_is_not_shown() {
        assert_eq!(shown(vec![limit("a", "", Some(1), None), limit("b", "", None, Some(1))]), "");
    }

    #[test]
    fn limit_of_zero_has_no_share() {
        assert!(shown(vec![limit("core file", "bytes", Some(0), Some(0))]).contains(" 0 B    0 B        0"));
        assert!(shown(vec![limit("locked", "bytes", Some(1), Some(0))]).contains("look at: locked"));
    }
}
