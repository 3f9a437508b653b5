//! A section as plain text, for tests and logs. The report's own layout is the host's.

use std::fmt;

use crate::{Block, Frame, Member, Scalar, Section, Table, Trace, Value, words};

impl fmt::Display for Section {
    /// Remarks first, then one line for each field, row and frame.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remarks().try_for_each(|line| writeln!(to, "look at: {line}"))?;
        self.blocks().iter().try_for_each(|block| match block {
            Block::Heading(heading) => {
                writeln!(to, "{} {}", "#".repeat(heading.level.clamp(1, 3).into()), heading.text)
            }
            Block::Paragraph(text) | Block::Preformatted(text) => writeln!(to, "{text}"),
            Block::Fields(fields) => {
                fields.iter().try_for_each(|field| writeln!(to, "{} = {}", field.key, field.value))
            }
            Block::Table(rows) => table(to, rows),
            Block::Trace(frames) => trace(to, frames),
            Block::Remark(_) => Ok(()),
        })
    }
}

fn table(to: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    let cells = table.rows.iter().map(|row| row.iter().map(Value::to_string).collect());
    let lines: Vec<Vec<String>> = std::iter::once(table.columns.clone()).chain(cells).collect();
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    lines.iter().try_for_each(|line| {
        let padded: Vec<String> = line
            .iter()
            .enumerate()
            .map(|(at, cell)| format!("{cell:width$}", width = widths.get(at).copied().unwrap_or(0)))
            .collect();
        writeln!(to, "{}", padded.join("  ").trim_end())
    })
}

fn trace(to: &mut fmt::Formatter<'_>, trace: &Trace) -> fmt::Result {
    writeln!(to, "## {}", trace.title)?;
    trace.summary.iter().chain(&trace.doubt).try_for_each(|line| writeln!(to, "{line}"))?;
    let ids: Vec<String> = trace.members.iter().map(member).collect();
    writeln!(to, "{}", ids.join(" "))?;
    trace.frames.iter().try_for_each(|line| frame(to, line))
}

fn member(member: &Member) -> String {
    match &member.name {
        Some(name) => format!("{} \"{name}\"", member.id),
        None => member.id.to_string(),
    }
}

fn frame(to: &mut fmt::Formatter<'_>, frame: &Frame) -> fmt::Result {
    let function = frame.function.as_deref().unwrap_or("?");
    write!(to, "{:1$}{function}", "", 2 + 2 * usize::from(frame.depth))?;
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => writeln!(to, "  {file}:{line}"),
        (Some(file), None) => writeln!(to, "  {file}"),
        _ => writeln!(to),
    }
}

impl fmt::Display for Value {
    /// As [`words`] has them; a moment in seconds since 1970, an address in hexadecimal.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(to, "{text}"),
            Value::Integer(number) => write!(to, "{number}"),
            Value::Number(number) => write!(to, "{number}"),
            Value::Bytes(bytes) => write!(to, "{}", words::bytes(*bytes)),
            Value::Duration(duration) => write!(to, "{}", words::duration(*duration)),
            Value::Moment(moment) => write!(to, "{}.{:09} s", moment.seconds, moment.nanoseconds),
            Value::Address(address) => write!(to, "{address:#x}"),
            Value::Flag(flag) => write!(to, "{flag}"),
            Value::Redacted => write!(to, "***"),
            Value::None => write!(to, "-"),
            Value::List(values) => {
                let values: Vec<String> = values.iter().map(Scalar::to_string).collect();
                write!(to, "[{}]", values.join(", "))
            }
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", Value::from(self.clone()))
    }
}
