//! Shows everything that is known of the process: its ids and names, its memory, processor time and descriptors.
//!
//! Refuses to judge: what is near a limit is the `limits` plugin's to say.

use gmr_plugin::process::{self, CpuFigures, IdentityFigures, MemoryFigures};
use gmr_plugin::{Description, Failure, Plugin, Request, Section, Table, Value};

struct Process;

impl Plugin for Process {
    fn describe() -> Description {
        Description::new("Process", "Who the process is, and what it uses")
            .wants("process")
            .order(-10)
            .settings([])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let mut section = Section::new();
        identity(&mut section, process::identity()?);
        memory(&mut section, process::memory()?);
        processor(&mut section, process::cpu()?);
        descriptors(&mut section)?;
        limits(&mut section)?;
        Ok(section)
    }
}

gmr_plugin::export!(Process);

fn identity(section: &mut Section, figures: IdentityFigures) {
    section
        .field("pid", figures.id)
        .field_if("parent", figures.parent.map(|id| named(id, figures.parent_name)))
        .field_if("user", figures.user.map(|id| named(id, figures.user_name)))
        .field_if("group", figures.group)
        .field_if("command", figures.name)
        .field_if("executable", figures.executable)
        .field_if("directory", figures.directory)
        .field_if("started", figures.started)
        .field_if("uptime", figures.uptime.map(Value::Duration))
        .field_if("threads", figures.threads)
        .fields(figures.more);
}

/// A number with the name that people know it by.
fn named(id: u32, name: Option<String>) -> String {
    name.map_or_else(|| id.to_string(), |name| format!("{id} ({name})"))
}

fn memory(section: &mut Section, figures: MemoryFigures) {
    section
        .heading(2, "Memory")
        .field_if("resident", figures.resident.map(Value::Bytes))
        .field_if("peak resident", figures.peak_resident.map(Value::Bytes))
        .field_if("proportional", figures.proportional.map(Value::Bytes))
        .field_if("anonymous", figures.anonymous.map(Value::Bytes))
        .field_if("of files", figures.file_backed.map(Value::Bytes))
        .field_if("shared", figures.shared.map(Value::Bytes))
        .field_if("swapped", figures.swapped.map(Value::Bytes))
        .field_if("locked", figures.locked.filter(|bytes| *bytes > 0).map(Value::Bytes))
        .field_if("page tables", figures.page_tables.map(Value::Bytes))
        .field_if("virtual", figures.virtual_size.map(Value::Bytes))
        .field_if("peak virtual", figures.peak_virtual_size.map(Value::Bytes))
        .fields(figures.more);
}

fn processor(section: &mut Section, figures: CpuFigures) {
    section
        .heading(2, "CPU")
        .field_if("user", figures.user.map(Value::Duration))
        .field_if("system", figures.system.map(Value::Duration))
        .field_if("processors", figures.processors)
        .field_if("voluntary switches", figures.voluntary_switches)
        .field_if("involuntary switches", figures.involuntary_switches)
        .field_if("minor faults", figures.minor_faults)
        .field_if("major faults", figures.major_faults)
        .field_if("read from devices", figures.read_from_devices.map(Value::Bytes))
        .field_if("written to devices", figures.written_to_devices.map(Value::Bytes))
        .field_if("system load", Some(figures.load).filter(|load| !load.is_empty()))
        .fields(figures.more);
}

fn descriptors(section: &mut Section) -> Result<(), Failure> {
    let figures = process::descriptors()?;
    section
        .heading(2, "Descriptors")
        .field_if("open", figures.open)
        .field_if("may be open", figures.limit)
        .fields(figures.kinds.into_iter().map(|kind| (kind.kind, kind.count)));
    Ok(())
}

fn limits(section: &mut Section) -> Result<(), Failure> {
    let limits = process::limits()?;
    if limits.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["limit", "used", "soft", "hard"]);
    for limit in limits {
        let amount = |amount: Option<u64>| amount.map(|amount| measured(amount, &limit.unit));
        let bound = |bound| amount(bound).unwrap_or_else(|| "unlimited".into());
        table.row([
            limit.name.as_str().into(),
            amount(limit.used).into(),
            bound(limit.soft),
            bound(limit.hard),
        ]);
    }
    section.heading(2, "Limits").table(table);
    Ok(())
}

/// An amount as the kind of value that its unit calls for; files, locks and the like are counted.
fn measured(amount: u64, unit: &str) -> Value {
    match unit {
        "bytes" => Value::Bytes(amount),
        "seconds" => Value::Duration(amount.saturating_mul(1_000_000_000)),
        "microseconds" => Value::Duration(amount.saturating_mul(1_000)),
        _ => amount.into(),
    }
}

#[cfg(test)]
mod tests {
    use gmr_plugin::process::{DescriptorCount, DescriptorFigures, Limit};
    use gmr_plugin::testing::Host;

    use super::*;

    fn limit(name: &str, unit: &str, used: Option<u64>, soft: Option<u64>) -> Limit {
        Limit { name: name.into(), unit: unit.into(), soft, hard: None, used }
    }

    #[test]
    fn everything_known_is_shown_and_nothing_else() {
        let identity = IdentityFigures {
            id: 8675,
            parent: Some(1),
            parent_name: Some("systemd".into()),
            user: Some(1000),
            uptime: Some(273_600_000_000_000),
            ..Default::default()
        };
        let host = Host::new()
            .identity(identity)
            .memory(MemoryFigures { resident: Some(1 << 30), locked: Some(0), ..Default::default() })
            .cpu(CpuFigures { user: Some(1_500_000_000), load: vec![0.5, 1.0, 2.0], ..Default::default() })
            .descriptors(DescriptorFigures {
                open: Some(12),
                kinds: vec![DescriptorCount { kind: "socket".into(), count: 9 }],
                ..Default::default()
            })
            .limits(vec![
                limit("open files", "files", Some(12), Some(1024)),
                limit("stack", "bytes", None, Some(8 << 20)),
                limit("cpu time", "seconds", None, None),
            ]);
        let expected = "\
pid = 8675
parent = 1 (systemd)
user = 1000
uptime = 3d 4h

  Memory:
    resident = 1.0 GiB

  CPU:
    user = 1.5 s
    system load = [0.5, 1, 2]

  Descriptors:
    open = 12
    socket = 9

  Limits:
    limit       used       soft  hard
    open files    12       1024  unlimited
    stack       none    8.0 MiB  unlimited
    cpu time    none  unlimited  unlimited
";
        assert_eq!(host.render::<Process>().unwrap().to_string(), expected);
    }

    #[test]
    fn without_its_grant_it_asks_for_it() {
        let failure = Host::new().deny("process").render::<Process>().unwrap_err();
        assert!(matches!(failure, Failure::Denied(denial) if denial.grant == "process"));
    }
}
