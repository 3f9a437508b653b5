//! The plugin interface's types, `wit/document.wit`, to the model's and back, once for both sides of the sandbox.
//!
//! Host and guest generate the types by different means, in the same shape. [`wit_conversions!`](crate::wit_conversions)
//! writes the conversions for either. One long file, since it is one macro, and a small one for what a plugin says of its
//! settings, `wit/settings.wit`.

#[doc(hidden)]
pub use jiff::Timestamp;

use crate::model::{Block, Value};

/// What a block of the interface gives: a section's remarks stand among its blocks there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "one lives at a time, until it is taken apart")]
pub enum Part {
    /// A piece of the section's body.
    Block(Block),
    /// What deserves a look first, in one line.
    Remark(String),
}

/// The value of so many seconds and nanoseconds since 1970. A moment that no calendar has becomes words.
#[doc(hidden)]
pub fn moment(seconds: i64, nanoseconds: u32) -> Value {
    let fraction = i32::try_from(nanoseconds).ok().filter(|nanoseconds| *nanoseconds < 1_000_000_000);
    match fraction.and_then(|fraction| Timestamp::new(seconds, fraction).ok()) {
        Some(moment) => Value::Moment(moment),
        None => format!("no moment: {seconds} s and {nanoseconds} ns since 1970").into(),
    }
}

/// Seconds and nanoseconds since 1970. The nanoseconds are counted forward, also before 1970.
#[doc(hidden)]
pub fn since_1970(moment: Timestamp) -> (i64, u32) {
    let (seconds, nanoseconds) = (moment.as_second(), moment.subsec_nanosecond());
    match u32::try_from(nanoseconds) {
        Ok(nanoseconds) => (seconds, nanoseconds),
        Err(_) => (seconds - 1, nanoseconds.wrapping_add(1_000_000_000).unsigned_abs()),
    }
}

/// Writes the conversions between the interface's types and the model's, for the module `$wit` of generated types.
///
/// To the interface from a reference, to the model from the generated value; a block becomes a [`Part`](crate::wit::Part).
/// What is known to this version comes back as it went. Reasons cross as their text, kinds that this version does not
/// know as words.
#[macro_export]
macro_rules! wit_conversions {
    ($wit:ident) => {
        impl From<&$crate::Block> for $wit::Block {
            fn from(block: &$crate::Block) -> $wit::Block {
                match block {
                    $crate::Block::Heading { level, text, .. } => {
                        $wit::Block::Heading($wit::Heading { level: *level, text: text.clone() })
                    }
                    $crate::Block::Paragraph { text, .. } => $wit::Block::Paragraph(text.clone()),
                    $crate::Block::Fields { fields, .. } => {
                        $wit::Block::Fields(fields.iter().map(Into::into).collect())
                    }
                    $crate::Block::Table { columns, rows, .. } => $wit::Block::Table($wit::Table {
                        columns: columns.clone(),
                        rows: rows.iter().map(|row| row.iter().map(Into::into).collect()).collect(),
                    }),
                    $crate::Block::Trace(trace) => $wit::Block::Trace(trace.into()),
                    $crate::Block::Graph(graph) => $wit::Block::Graph(graph.into()),
                    $crate::Block::Preformatted { text, .. } => $wit::Block::Preformatted(text.clone()),
                    $crate::Block::Notes { notes, .. } => {
                        let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
                        $wit::Block::Paragraph(notes.join("\n"))
                    }
                    $crate::Block::Unknown(unknown) => $wit::Block::Paragraph(unknown.to_string()),
                    _ => $wit::Block::Paragraph(String::new()),
                }
            }
        }

        impl From<$wit::Block> for $crate::wit::Part {
            fn from(block: $wit::Block) -> $crate::wit::Part {
                $crate::wit::Part::Block(match block {
                    $wit::Block::Heading(heading) => $crate::Block::heading(heading.level, heading.text),
                    $wit::Block::Paragraph(text) => $crate::Block::paragraph(text),
                    $wit::Block::Fields(fields) => $crate::Block::fields(fields.into_iter().map(Into::into)),
                    $wit::Block::Table(table) => $crate::Block::table(
                        table.columns,
                        table.rows.into_iter().map(|row| row.into_iter().map(Into::into).collect()),
                    ),
                    $wit::Block::Trace(trace) => $crate::Block::Trace(trace.into()),
                    $wit::Block::Graph(graph) => $crate::Block::Graph(graph.into()),
                    $wit::Block::Preformatted(text) => $crate::Block::preformatted(text),
                    $wit::Block::Remark(line) => return $crate::wit::Part::Remark(line),
                })
            }
        }

        impl From<&$crate::Trace> for $wit::Trace {
            fn from(trace: &$crate::Trace) -> $wit::Trace {
                $wit::Trace {
                    kind: match trace.kind {
                        $crate::TraceKind::Await => $wit::TraceKind::AwaitChain,
                        _ => $wit::TraceKind::Stack,
                    },
                    title: trace.title.clone(),
                    summary: trace.summary.clone(),
                    idle: trace.idle.clone(),
                    members: trace.members.iter().map(Into::into).collect(),
                    frames: trace.frames.iter().map(Into::into).collect(),
                    doubt: trace.doubt.as_ref().map(ToString::to_string),
                }
            }
        }

        impl From<$wit::Trace> for $crate::Trace {
            fn from(from: $wit::Trace) -> $crate::Trace {
                let kind = match from.kind {
                    $wit::TraceKind::Stack => $crate::TraceKind::Stack,
                    $wit::TraceKind::AwaitChain => $crate::TraceKind::Await,
                };
                let mut trace = $crate::Trace::new(kind, from.title);
                trace.summary = from.summary;
                trace.idle = from.idle;
                trace.members = from.members.into_iter().map(Into::into).collect();
                trace.frames = from.frames.into_iter().map(Into::into).collect();
                trace.doubt = from.doubt.map($crate::Reason::Text);
                trace
            }
        }

        impl From<&$crate::Member> for $wit::Member {
            fn from(member: &$crate::Member) -> $wit::Member {
                $wit::Member {
                    id: member.id,
                    name: member.name.clone(),
                    fields: member.fields.iter().map(Into::into).collect(),
                }
            }
        }

        impl From<$wit::Member> for $crate::Member {
            fn from(from: $wit::Member) -> $crate::Member {
                let mut member = $crate::Member::new(from.id);
                member.name = from.name;
                member.fields = from.fields.into_iter().map(Into::into).collect();
                member
            }
        }

        impl From<&$crate::Frame> for $wit::Frame {
            fn from(frame: &$crate::Frame) -> $wit::Frame {
                let detail = |detail: &$crate::Detail| (&$crate::Field::from(detail)).into();
                $wit::Frame {
                    depth: frame.depth,
                    branch: frame.branch.clone(),
                    calls: frame.calls.iter().map(Into::into).collect(),
                    address: frame.address,
                    module: frame.module.clone(),
                    offset: frame.offset,
                    interrupted: frame.interrupted,
                    unverified: frame.unverified,
                    folded: frame.folded,
                    details: frame.details.iter().map(detail).collect(),
                }
            }
        }

        impl From<$wit::Frame> for $crate::Frame {
            fn from(from: $wit::Frame) -> $crate::Frame {
                let mut frame = $crate::Frame::default();
                frame.depth = from.depth;
                frame.branch = from.branch;
                frame.calls = from.calls.into_iter().map(Into::into).collect();
                frame.address = from.address;
                frame.module = from.module;
                frame.offset = from.offset;
                frame.interrupted = from.interrupted;
                frame.unverified = from.unverified;
                frame.folded = from.folded;
                let fields = from.details.into_iter().map($crate::Field::from);
                frame.details = fields.map(|field| $crate::Detail::from_field(&field)).collect();
                frame
            }
        }

        impl From<&$crate::Call> for $wit::Call {
            fn from(call: &$crate::Call) -> $wit::Call {
                $wit::Call {
                    function: call.function.clone(),
                    file: call.file.clone(),
                    line: call.line,
                    column: call.column,
                    folded: call.folded,
                }
            }
        }

        impl From<$wit::Call> for $crate::Call {
            fn from(from: $wit::Call) -> $crate::Call {
                let mut call = $crate::Call::of(from.function);
                call.file = from.file;
                call.line = from.line;
                call.column = from.column;
                call.folded = from.folded;
                call
            }
        }

        $crate::wit_conversions!(@graph $wit);

        impl From<&$crate::Field> for $wit::Field {
            fn from(field: &$crate::Field) -> $wit::Field {
                $wit::Field { key: field.key.to_string(), value: (&field.value).into() }
            }
        }

        impl From<$wit::Field> for $crate::Field {
            fn from(field: $wit::Field) -> $crate::Field {
                $crate::Field::new(field.key, $crate::Value::from(field.value))
            }
        }

        $crate::wit_conversions!(@values $wit:
            Text(text: text.to_string()) (text: $crate::Value::from(text)),
            Integer(number: *number) (number: $crate::Value::Integer(number)),
            Number(number: *number) (number: $crate::Value::from(number)),
            Bytes(bytes: *bytes) (bytes: $crate::Value::Bytes(bytes)),
            Duration(time: u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
                (time: $crate::Value::Duration(std::time::Duration::from_nanos(time))),
            Moment(moment: (*moment).into())
                (moment: $crate::wit::moment(moment.seconds, moment.nanoseconds)),
            Address(address: *address) (address: $crate::Value::Address(address)),
            Flag(flag: *flag) (flag: $crate::Value::Flag(flag)),
        );

        impl From<$crate::wit::Timestamp> for $wit::Moment {
            fn from(moment: $crate::wit::Timestamp) -> $wit::Moment {
                let (seconds, nanoseconds) = $crate::wit::since_1970(moment);
                $wit::Moment { seconds, nanoseconds }
            }
        }
    };
    // The wait-for graph. What is one of a few words in the model is that word there.
    (@graph $wit:ident) => {
        impl From<&$crate::graph::Graph> for $wit::Graph {
            fn from(graph: &$crate::graph::Graph) -> $wit::Graph {
                $wit::Graph {
                    nodes: graph.nodes.iter().map(Into::into).collect(),
                    cycles: graph.cycles.iter().map(Into::into).collect(),
                    not_examined: u32::try_from(graph.not_examined).unwrap_or(u32::MAX),
                }
            }
        }

        impl From<$wit::Graph> for $crate::graph::Graph {
            fn from(from: $wit::Graph) -> $crate::graph::Graph {
                let mut graph = $crate::graph::Graph::new(from.nodes.into_iter().map(Into::into));
                graph.cycles = from.cycles.into_iter().map(Into::into).collect();
                graph.not_examined = from.not_examined.into();
                graph
            }
        }

        impl From<&$crate::graph::Node> for $wit::Node {
            fn from(node: &$crate::graph::Node) -> $wit::Node {
                $wit::Node {
                    library: node.library.word().to_owned(),
                    kind: node.kind.word().to_owned(),
                    address: node.address,
                    party: node.party.as_ref().map(Into::into),
                    permits: node.permits,
                    waits: node.waits.iter().map(Into::into).collect(),
                    holds: node.holds.iter().map(Into::into).collect(),
                }
            }
        }

        impl From<$wit::Node> for $crate::graph::Node {
            fn from(from: $wit::Node) -> $crate::graph::Node {
                let mut node = $crate::graph::Node::new(from.library.into(), from.kind.into());
                node.address = from.address;
                node.party = from.party.map(Into::into);
                node.permits = from.permits;
                node.waits = from.waits.into_iter().map(Into::into).collect();
                node.holds = from.holds.into_iter().map(Into::into).collect();
                node
            }
        }

        impl From<&$crate::graph::Party> for $wit::Party {
            fn from(party: &$crate::graph::Party) -> $wit::Party {
                $wit::Party {
                    kind: party.kind.word().to_owned(),
                    id: party.id,
                    name: party.name.clone(),
                }
            }
        }

        impl From<$wit::Party> for $crate::graph::Party {
            fn from(from: $wit::Party) -> $crate::graph::Party {
                let mut party = $crate::graph::Party::new(from.kind.into(), from.id);
                party.name = from.name;
                party
            }
        }

        impl From<&$crate::graph::Wait> for $wit::Wait {
            fn from(wait: &$crate::graph::Wait) -> $wit::Wait {
                let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                $wit::Wait {
                    party: (&wait.party).into(),
                    want: wait.want.word().to_owned(),
                    permits: wait.permits,
                    progress: wait.progress.word().to_owned(),
                    queue_position: wait.queue_position,
                    timed: wait.timed,
                    awaited: wait.awaited,
                    place: wait.place.as_ref().map(Into::into),
                    waited: wait.waited.map(nanoseconds),
                }
            }
        }

        impl From<$wit::Wait> for $crate::graph::Wait {
            fn from(from: $wit::Wait) -> $crate::graph::Wait {
                let mut wait = $crate::graph::Wait::new(from.party.into(), from.want.into());
                wait.permits = from.permits;
                wait.progress = from.progress.into();
                wait.queue_position = from.queue_position;
                wait.timed = from.timed;
                wait.awaited = from.awaited;
                wait.place = from.place.map(Into::into);
                wait.waited = from.waited.map(std::time::Duration::from_nanos);
                wait
            }
        }

        impl From<&$crate::graph::Hold> for $wit::Hold {
            fn from(hold: &$crate::graph::Hold) -> $wit::Hold {
                $wit::Hold {
                    party: (&hold.party).into(),
                    role: hold.role.word().to_owned(),
                    permits: hold.permits,
                    certainty: hold.certainty.word().to_owned(),
                    variable: hold.variable.clone(),
                    function: hold.function.clone(),
                    doing: hold.doing.clone(),
                    place: hold.place.as_ref().map(Into::into),
                }
            }
        }

        impl From<$wit::Hold> for $crate::graph::Hold {
            fn from(from: $wit::Hold) -> $crate::graph::Hold {
                let mut hold = $crate::graph::Hold::new(from.party.into(), from.role.into());
                hold.permits = from.permits;
                hold.certainty = from.certainty.into();
                hold.variable = from.variable;
                hold.function = from.function;
                hold.doing = from.doing;
                hold.place = from.place.map(Into::into);
                hold
            }
        }

        impl From<&$crate::graph::Cycle> for $wit::Cycle {
            fn from(cycle: &$crate::graph::Cycle) -> $wit::Cycle {
                let member = |member: &$crate::graph::CycleMember| $wit::CycleMember {
                    node: member.node,
                    wait: member.wait,
                    hold: member.hold,
                };
                $wit::Cycle {
                    members: cycle.members.iter().map(member).collect(),
                    certainty: cycle.certainty.word().to_owned(),
                    timed: cycle.timed,
                }
            }
        }

        impl From<$wit::Cycle> for $crate::graph::Cycle {
            fn from(from: $wit::Cycle) -> $crate::graph::Cycle {
                let member =
                    |member: $wit::CycleMember| $crate::graph::CycleMember::new(member.node, member.wait, member.hold);
                let members = from.members.into_iter().map(member);
                let mut cycle = $crate::graph::Cycle::new(members, from.certainty.into());
                cycle.timed = from.timed;
                cycle
            }
        }
    };
    // The cases that have content, of which a value and a scalar have the same.
    (@values $wit:ident: $($case:ident($to:ident: $there:expr) ($from:ident: $back:expr),)*) => {
        impl From<&$crate::Value> for $wit::Scalar {
            fn from(value: &$crate::Value) -> $wit::Scalar {
                match value {
                    $($crate::Value::$case($to) => $wit::Scalar::$case($there),)*
                    $crate::Value::Redacted => $wit::Scalar::Redacted,
                    $crate::Value::None => $wit::Scalar::None,
                    // A list within a list, which the model does not have, or a kind that this version does not know.
                    value => $wit::Scalar::Text($crate::words::value(value)),
                }
            }
        }

        impl From<&$crate::Value> for $wit::Value {
            fn from(value: &$crate::Value) -> $wit::Value {
                match value {
                    $crate::Value::List(list) => $wit::Value::List(list.iter().map(Into::into).collect()),
                    value => $wit::Scalar::from(value).into(),
                }
            }
        }

        impl From<$wit::Scalar> for $wit::Value {
            fn from(scalar: $wit::Scalar) -> $wit::Value {
                match scalar {
                    $($wit::Scalar::$case(content) => $wit::Value::$case(content),)*
                    $wit::Scalar::Redacted => $wit::Value::Redacted,
                    $wit::Scalar::None => $wit::Value::None,
                }
            }
        }

        impl From<$wit::Scalar> for $crate::Value {
            fn from(scalar: $wit::Scalar) -> $crate::Value {
                match scalar {
                    $($wit::Scalar::$case($from) => $back,)*
                    $wit::Scalar::Redacted => $crate::Value::Redacted,
                    $wit::Scalar::None => $crate::Value::None,
                }
            }
        }

        impl From<$wit::Value> for $crate::Value {
            fn from(value: $wit::Value) -> $crate::Value {
                match value {
                    $($wit::Value::$case($from) => $back,)*
                    $wit::Value::Redacted => $crate::Value::Redacted,
                    $wit::Value::None => $crate::Value::None,
                    $wit::Value::List(list) => $crate::Value::List(list.into_iter().map(Into::into).collect()),
                }
            }
        }
    };
}

/// Writes the conversion of a described setting, for the module `$wit` of the generated types of `settings`, where
/// [`wit_conversions!`] has written that of values.
#[macro_export]
macro_rules! wit_setting_conversion {
    ($wit:ident) => {
        impl From<$wit::Setting> for $crate::schema::Setting {
            fn from(from: $wit::Setting) -> $crate::schema::Setting {
                let kind = match from.kind {
                    $wit::SettingKind::Flag => $crate::schema::SettingKind::Flag,
                    $wit::SettingKind::Integer => $crate::schema::SettingKind::Integer,
                    $wit::SettingKind::Number => $crate::schema::SettingKind::Number,
                    $wit::SettingKind::Text => $crate::schema::SettingKind::Text,
                    $wit::SettingKind::Table => $crate::schema::SettingKind::Table,
                };
                let mut setting = $crate::schema::Setting::new(from.key, kind, from.summary);
                (setting.repeated, setting.required) = (from.repeated, from.required);
                setting.default = from.default.map(Into::into);
                (setting.least, setting.most, setting.choices) = (from.least, from.most, from.choices);
                setting
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_no_calendar_has_becomes_words() {
        assert!(matches!(moment(0, 999_999_999), Value::Moment(_)));
        assert!(matches!(moment(0, 1_000_000_000), Value::Text(_)));
        assert!(matches!(moment(i64::MAX, 0), Value::Text(_)));
    }

    #[test]
    fn nanoseconds_are_counted_forward_before_1970_too() {
        for text in ["1969-12-31T23:59:59.25Z", "1970-01-01T00:00:00Z", "2026-11-22T14:03:07.412Z"] {
            let time: Timestamp = text.parse().unwrap();
            let (seconds, nanoseconds) = since_1970(time);
            assert_eq!(moment(seconds, nanoseconds), Value::Moment(time));
        }
        assert_eq!(since_1970("1969-12-31T23:59:59.25Z".parse().unwrap()), (-1, 250_000_000));
    }
}
