//! Shows what the process has open: descriptors and sockets by kind, and how far from the limit.
//!
//! Growth is told against the last report, whose counts are remembered, and where there was none it is read off the moment:
//! the kernel gives out the lowest free number, hence what leaks stands at the highest numbers.

mod before;
mod sockets;

use std::collections::BTreeMap;

use before::Before;
use gmr_plugin::process::{self, Descriptor, DescriptorFigures};
use gmr_plugin::{Description, Failure, Plugin, Request, Section, Setting, Table, Value, settings, words};

/// From which share of the limit on there is a remark, in percent.
const WARN_PERCENT: f64 = 80.0;
/// From which share of the limit on it is said when it will be reached, in percent. Below, the descriptors that every
/// process opens at its start would make a growth of their own.
const FORECAST_PERCENT: f64 = 50.0;
/// How many targets are shown that are open more than once, and how many of the highest numbers.
const SHOWN: usize = 10;

struct Descriptors;

impl Plugin for Descriptors {
    fn describe() -> Description {
        Description::new("Descriptors", "Open files and sockets by kind, and how far from the limit")
            .wants("process")
            .settings([
                Setting::number("warn_percent", "from which share of the limit on there is a remark")
                    .within(1.0..=100.0)
                    .default(WARN_PERCENT),
                Setting::number(
                    "close_wait",
                    "from how many connections on whose other end is closed there is a remark",
                )
                .within(1.0..=1e6)
                .default(sockets::CLOSE_WAIT),
            ])
    }

    fn render(request: &Request) -> Result<Section, Failure> {
        let warn_percent = settings::number("warn_percent")?.unwrap_or(WARN_PERCENT);
        let close_wait = settings::number("close_wait")?.unwrap_or(sockets::CLOSE_WAIT);
        let figures = process::descriptors()?;
        let Some(open) = figures.open else {
            return Err(Failure::unavailable("this system does not tell which descriptors are open"));
        };
        let mut section = Section::new();
        let before = Before::recall();
        growth(&mut section, open, &figures, request.uptime, &before);
        remark(&mut section, open, &figures, warn_percent);
        kinds(&mut section, &figures, &before);
        before::remember(open, &figures.kinds);
        repeated(&mut section, &figures.listed);
        highest(&mut section, &figures.listed);
        sockets::show(&mut section, process::sockets()?, close_wait);
        Ok(section)
    }
}

gmr_plugin::export!(Descriptors);

fn growth(
    section: &mut Section,
    open: u32,
    figures: &DescriptorFigures,
    uptime: Option<u64>,
    before: &Before,
) {
    section.field("open", open);
    if let Some((grown, ago)) = before.growth(before::ALL, open) {
        section.field("grown by", grown).field("since the last report, ago", ago);
    }
    section.field_if("highest number", figures.listed.iter().map(|one| one.number).max());
    let Some(limit) = figures.limit.filter(|limit| *limit > 0) else {
        section.field("may be open", "unlimited");
        return;
    };
    let percent = 100.0 * f64::from(open) / limit as f64;
    section.field("may be open", limit).field("percent", (percent * 10.0).round() / 10.0);
    let forecast = uptime
        .filter(|_| percent >= FORECAST_PERCENT)
        .map(|uptime| uptime as f64 * (limit as f64 / f64::from(open) - 1.0).max(0.0));
    // A number too large for the type becomes its largest, 584 years.
    section.field_if(
        "limit reached, at the rate since the start, in",
        forecast.map(|ns| Value::Duration(ns as u64)),
    );
    let left = limit.saturating_sub(u64::from(open)) as f64;
    let forecast =
        before.growth(before::ALL, open).filter(|(grown, _)| *grown > 0 && percent >= FORECAST_PERCENT);
    section.field_if(
        "limit reached, at the rate since the last report, in",
        forecast.map(|(grown, ago)| Value::Duration((ago.as_nanos() as f64 * left / grown as f64) as u64)),
    );
}

fn remark(section: &mut Section, open: u32, figures: &DescriptorFigures, warn_percent: f64) {
    let Some(limit) = figures.limit.filter(|limit| *limit > 0) else { return };
    let percent = 100.0 * f64::from(open) / limit as f64;
    if percent >= warn_percent {
        section.remark(format!(
            "{} of {} open ({percent:.0} % of the limit)",
            words::grouped(open.into()),
            words::count(limit, "descriptor"),
        ));
    }
}

fn kinds(section: &mut Section, figures: &DescriptorFigures, before: &Before) {
    if figures.kinds.is_empty() {
        return;
    }
    let mut table =
        Table::new(if before.is_known() { vec!["kind", "open", "grown by"] } else { vec!["kind", "open"] });
    for kind in &figures.kinds {
        let mut row: Vec<Value> = vec![kind.kind.as_str().into(), kind.count.into()];
        if before.is_known() {
            // A kind that was not there is new with all that it has.
            row.push(
                before.growth(&kind.kind, kind.count).map_or(kind.count.into(), |(grown, _)| grown.into()),
            );
        }
        table.row(row);
    }
    section.heading(2, "By kind").table(table);
}

/// Files and directories that are open more than once: a leak opens the same one again and again. Others have no name
/// of their own (`pipe:[1]`) or a name that all share (`anon_inode:[eventfd]`).
fn repeated(section: &mut Section, listed: &[Descriptor]) {
    let mut counts = BTreeMap::<&str, u32>::new();
    for descriptor in listed.iter().filter(|one| one.target.starts_with('/') && one.kind != "device") {
        *counts.entry(&descriptor.target).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    // Stable, so equal counts stay in the order of their paths.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if counts.is_empty() {
        return;
    }
    let mut table = Table::new(["open more than once", "times"]);
    for (target, count) in counts.iter().take(SHOWN) {
        table.row([(*target).into(), (*count).into()]);
    }
    section.heading(2, "Repeated").table(table);
    rest(section, counts.len());
}

fn highest(section: &mut Section, listed: &[Descriptor]) {
    // With few descriptors the kinds say it all.
    if listed.len() <= 2 * SHOWN {
        return;
    }
    let mut listed: Vec<&Descriptor> = listed.iter().collect();
    listed.sort_by_key(|descriptor| std::cmp::Reverse(descriptor.number));
    let mut table = Table::new(["number", "kind", "target"]);
    for descriptor in listed.into_iter().take(SHOWN) {
        let Descriptor { number, kind, target } = descriptor;
        table.row([(*number).into(), kind.as_str().into(), target.as_str().into()]);
    }
    section.heading(2, "Highest numbers").table(table);
}

fn rest(section: &mut Section, all: usize) {
    if all > SHOWN {
        section.paragraph(format!("and {} more", words::grouped((all - SHOWN) as u64)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gmr_plugin::process::{DescriptorCount, IdentityFigures};
    use gmr_plugin::testing::Host;

    use super::*;

    fn open(count: u32, limit: Option<u64>) -> DescriptorFigures {
        let listed =
            |number| Descriptor { number, kind: "file".into(), target: format!("/log/{}", number / 2) };
        DescriptorFigures {
            open: Some(count),
            limit,
            kinds: vec![DescriptorCount { kind: "file".into(), count }],
            listed: (0..count).map(listed).collect(),
        }
    }

    fn text(figures: DescriptorFigures) -> String {
        let hour = IdentityFigures { uptime: Some(3_600_000_000_000), ..Default::default() };
        Host::new().identity(hour).descriptors(figures).render::<Descriptors>().unwrap().to_string()
    }

    #[test]
    fn few_descriptors_far_from_the_limit_take_few_lines() {
        let expected = "\
open = 3
highest number = 2
may be open = 1024
percent = 0.3

  By kind:
    kind  open
    file     3

  Repeated:
    open more than once  times
    /log/0                   2
";
        assert_eq!(text(open(3, Some(1024))), expected);
    }

    #[test]
    fn growth_is_told_from_half_the_limit_and_remarked_from_the_threshold_on() {
        assert!(!text(open(49, Some(100))).contains("limit reached"));
        assert!(text(open(50, Some(100))).contains("at the rate since the start, in = 1h 0m\n"));
        assert!(!text(open(79, Some(100))).contains("look at"));
        assert!(
            text(open(80, Some(100))).starts_with("look at: 80 of 100 descriptors open (80 % of the limit)")
        );
        assert!(text(open(100, Some(100))).contains("in = 0 s"));
        assert!(text(open(50, None)).contains("may be open = unlimited"));
    }

    #[test]
    fn many_are_cut_with_a_count_and_the_highest_numbers_are_shown() {
        let text = text(open(40, None));
        assert!(text.contains("    /log/0                   2\n") && text.contains("and 10 more"), "{text}");
        assert!(text.contains("    number  kind  target\n        39  file  /log/19\n"), "{text}");
    }

    #[test]
    fn growth_since_the_last_report_is_told_by_kind() {
        let kinds = |counts: &[(&str, u32)]| DescriptorFigures {
            open: Some(counts.iter().map(|(_, count)| count).sum()),
            limit: Some(1000),
            kinds: counts
                .iter()
                .map(|(kind, count)| DescriptorCount { kind: (*kind).into(), count: *count })
                .collect(),
            listed: Vec::new(),
        };
        let first = Host::new().descriptors(kinds(&[("socket", 400), ("file", 40)]));
        let shown = first.render::<Descriptors>().unwrap().to_string();
        assert!(!shown.contains("grown by"), "there is nothing to compare with: {shown}");
        let later = first.after_report::<Descriptors>(Duration::from_secs(40));
        let expected = "\
open = 640
grown by = 200
since the last report, ago = 40 s
may be open = 1000
percent = 64
limit reached, at the rate since the last report, in = 1m 12s

  By kind:
    kind    open  grown by
    socket   612       212
    file      20       -20
    pipe       8         8
";
        let second = later.descriptors(kinds(&[("socket", 612), ("file", 20), ("pipe", 8)]));
        assert_eq!(second.render::<Descriptors>().unwrap().to_string(), expected);
        let third = second.after_report::<Descriptors>(Duration::from_secs(1));
        let shown = third.render::<Descriptors>().unwrap().to_string();
        assert!(shown.contains("grown by = 0\n") && !shown.contains("at the rate since the last"), "{shown}");
    }

    #[test]
    fn unknown_figures_and_missing_grants_are_told() {
        assert!(matches!(Host::new().render::<Descriptors>(), Err(Failure::Unavailable(_))));
        assert!(matches!(Host::new().deny("process").render::<Descriptors>(), Err(Failure::Denied(_))));
    }
}
