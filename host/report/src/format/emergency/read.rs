//! Reading an emergency report that was written as text, perhaps amidst the lines of a log.
//!
//! What stands between its lines from elsewhere is passed over, as far as it cannot be taken for them. A text that ends
//! before the report does is read as far as it goes, and the report says so.

use std::fmt;
use std::time::Duration;

use super::text::{INTERRUPTED, MODULES, NO_BUILD_ID, SAME_AS, UNVERIFIED};
use super::words::EMERGENCY;
use crate::model::{
    Block, Frame, Header, Member, NativeSection, Reason, Report, Section, Trace, Trigger, TriggerKind, Value,
};

/// Whether there is an emergency report in this text.
pub fn is_emergency_report(text: &str) -> bool {
    beginning(text).is_some()
}

/// Reads the last emergency report in a text.
///
/// # Errors
///
/// If there is none, or one without its head.
pub fn read(text: &str) -> Result<Report, ReadError> {
    let text = &text[beginning(text).ok_or(ReadError { missing: "an emergency report" })?..];
    let mut lines = text.lines();
    let header = header(&mut lines)?;
    let mut reading =
        Reading { place: Place::Reporter, why: String::new(), threads: Vec::new(), rest: Vec::new() };
    let mut report = Report::new(header);
    let mut whole = false;
    for line in lines {
        if line.trim_matches('=') == " end of the report " {
            whole = true;
            break;
        }
        if let Some(took) = line.strip_prefix("took = ") {
            report.header.took = duration(took);
        } else {
            reading.line(line);
        }
    }
    let mut reporter = Section::native(NativeSection::Reporter);
    reporter.blocks.push(Block::paragraph(reading.why.as_str()));
    reporter.remarks.push(reading.why);
    if !whole {
        reporter.remarks.push("the text ends before the report does".to_owned());
    }
    let threads =
        Section::native(NativeSection::Threads).with_blocks(reading.threads).with_blocks(reading.rest);
    report.sections.extend([reporter, threads]);
    Ok(report)
}

/// Why a text is no emergency report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    missing: &'static str,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an emergency report: {} is missing", self.missing)
    }
}

impl std::error::Error for ReadError {}

/// Where the head of the last report begins.
fn beginning(text: &str) -> Option<usize> {
    let why = text.rfind(&format!("  Reporter: {EMERGENCY}"))?;
    text[..why].rfind("\nservice = ").map(|at| at + 1)
}

fn header<'t>(lines: &mut impl Iterator<Item = &'t str>) -> Result<Header, ReadError> {
    let (mut service, mut host, mut process, mut time) = (None, None, None, None);
    for line in lines.take_while(|line| *line != "look at") {
        match line.split_once(" = ") {
            Some(("service", name)) => service = Some(name),
            Some(("host", name)) => host = Some(name),
            Some(("process", id)) => process = id.parse().ok(),
            Some(("time", moment)) => time = moment.parse().ok(),
            _ => {}
        }
    }
    let missing = |missing| ReadError { missing };
    let (service, version) =
        service.and_then(|name| name.rsplit_once(' ')).ok_or(missing("its line `service = `"))?;
    let time = time.ok_or(missing("its line `time = `"))?;
    let trigger = Trigger::new(TriggerKind::from("watchdog".to_owned()), "");
    let mut header = Header::new(service, time, trigger);
    header.version = version.to_owned();
    header.host = host.unwrap_or_default().to_owned();
    header.process = process.ok_or(missing("its line `process = `"))?;
    Ok(header)
}

/// What the next line may belong to.
enum Place {
    Reporter,
    Modules,
    /// Of a trace, above its frames.
    Title,
    Frames,
    Summary,
}

struct Reading {
    place: Place,
    why: String,
    threads: Vec<Block>,
    rest: Vec<Block>,
}

impl Reading {
    fn line(&mut self, line: &str) {
        if let Some(title) = banner(line) {
            if title == "Summary" {
                self.place = Place::Summary;
            }
            return;
        }
        if line == MODULES {
            self.place = Place::Modules;
            self.threads.push(Block::table(["module", "build id"], Vec::new()));
            return;
        }
        if let Some(trace) = trace(line) {
            self.place = Place::Title;
            self.threads.push(Block::Trace(trace));
            return;
        }
        match (&self.place, self.threads.last_mut()) {
            (Place::Reporter, _) if line.starts_with(EMERGENCY) => self.why = line.to_owned(),
            (Place::Modules, Some(Block::Table { rows, .. })) => rows.extend(module(line)),
            (Place::Title, Some(Block::Trace(trace))) => match line {
                "" => self.place = Place::Frames,
                state if trace.summary.is_empty() => trace.summary.push(state.to_owned()),
                doubt if trace.doubt.is_none() => trace.doubt = Some(Reason::Text(doubt.to_owned())),
                _ => {}
            },
            (Place::Frames, Some(Block::Trace(trace))) => match line.strip_prefix(SAME_AS) {
                Some(id) => self.same_as(id),
                None => trace.frames.extend(frame(line)),
            },
            (Place::Summary, _) if !line.is_empty() => self.rest.push(Block::paragraph(line)),
            _ => {}
        }
    }

    /// The frames of the thread that was written before.
    fn same_as(&mut self, id: &str) {
        let is_it = |trace: &&Trace| trace.members.iter().any(|member| member.id.to_string() == id);
        let traces = self.threads.iter().filter_map(|block| match block {
            Block::Trace(trace) => Some(trace),
            _ => None,
        });
        let frames = traces.rev().find(is_it).map(|trace| trace.frames.clone());
        if let (Some(Block::Trace(trace)), Some(frames)) = (self.threads.last_mut(), frames) {
            trace.frames = frames;
        }
    }
}

/// The title in a banner; empty for the lines above and below it.
fn banner(line: &str) -> Option<&str> {
    Some(line.strip_prefix("====")?.strip_suffix("====")?.trim_matches('=').trim())
}

/// `------  14008  "worker-2"  ------`.
fn trace(line: &str) -> Option<Trace> {
    let title = line.strip_prefix("------")?.strip_suffix("------")?.trim();
    let (id, name) = title.split_once("  ")?;
    let mut member = Member::new(id.parse().ok()?);
    member.name = Some(name.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let mut trace = Trace::stack(title);
    trace.members.push(member);
    Some(trace)
}

/// `  c0ffee  /srv/shop`.
fn module(line: &str) -> Option<Vec<Value>> {
    let (build_id, path) = line.strip_prefix("  ")?.split_once("  ")?;
    let build_id = if build_id == NO_BUILD_ID { Value::None } else { Value::from(build_id) };
    Some(vec![Value::from(path), build_id])
}

/// `  0  /srv/shop+0x3456  0x55123456 (unverified)`.
fn frame(line: &str) -> Option<Frame> {
    let (number, rest) = line.trim_start().split_once("  ")?;
    number.parse::<u32>().ok()?;
    let mut frame = Frame::default();
    let (rest, unverified) = without(rest, UNVERIFIED);
    let (rest, interrupted) = without(rest, INTERRUPTED);
    (frame.unverified, frame.interrupted) = (unverified, interrupted);
    let (place, address) = rest.rsplit_once("  ").unwrap_or(("", rest));
    frame.address = Some(hexadecimal(address)?);
    if let Some((module, offset)) = place.rsplit_once('+') {
        (frame.module, frame.offset) = (Some(module.to_owned()), Some(hexadecimal(offset)?));
    }
    Some(frame)
}

fn without<'l>(line: &'l str, mark: &str) -> (&'l str, bool) {
    line.strip_suffix(mark).map_or((line, false), |line| (line, true))
}

fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits.strip_prefix("0x")?, 16).ok()
}

/// A length of time as [`crate::words::duration`] says it, as exactly as that is.
fn duration(words: &str) -> Option<Duration> {
    if let Some((number, unit)) = words.split_once(' ')
        && let Ok(number) = number.parse::<f64>()
    {
        let length = match unit {
            "ns" => 1e-9,
            "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            _ => return None,
        };
        return Duration::try_from_secs_f64(number * length).ok();
    }
    let seconds = words.split(' ').map(|part| {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let length = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(length)
    });
    seconds.sum::<Option<u64>>().map(Duration::from_secs)
}
