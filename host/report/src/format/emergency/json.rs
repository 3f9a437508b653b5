//! An emergency report as JSON: the document of any other report, written piece by piece. The header comes last, since
//! only then it is known how long the report took.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use super::words::{Call, Hexadecimal, Lossy, State, Title, Why};
use super::{Frame, Head, Limit, Module, Resource, Thread};
use crate::Reason;
use crate::format::json::{SCHEMA, SCHEMA_VERSION};

pub(super) fn begin(out: &mut dyn Write, head: &Head<'_>) -> io::Result<()> {
    let why = Shown(Why(head));
    writeln!(out, "{{\"schema\":\"{SCHEMA}\",\"schema_version\":{SCHEMA_VERSION},\"sections\":[")?;
    let blocks = [Paragraph { r#type: "paragraph", text: &why }];
    let (name, title, origin) = ("reporter", "Reporter", "native");
    value(out, &Section { name, title, origin, remarks: [&why], blocks })?;
    // The blocks of the next section follow.
    writeln!(out, ",\n{{\"name\":\"threads\",\"title\":\"Threads\",\"origin\":\"native\",\"blocks\":[")
}

pub(super) fn modules<'a>(out: &mut dyn Write, modules: impl Iterator<Item = Module<'a>>) -> io::Result<()> {
    write!(out, "{{\"type\":\"table\",\"columns\":[\"module\",\"build id\"],\"rows\":[")?;
    for (at, Module { path, build_id }) in modules.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        writeln!(out, "{comma}")?;
        let build_id = Hexadecimal(build_id);
        let build_id = if build_id.0.is_empty() { Value::None } else { Value::Text(Shown(&build_id)) };
        value(out, &[Value::Text(Shown(&Lossy(path))), build_id])?;
    }
    write!(out, "]}}")
}

pub(super) fn thread<'a, F>(out: &mut dyn Write, thread: &Thread<'a, F>) -> io::Result<()>
where
    F: Iterator<Item = Frame<'a>> + Clone,
{
    let cpu = thread.cpu_user.saturating_add(thread.cpu_system);
    let state = State { state: thread.state, wait: thread.wait.as_ref(), cpu };
    let trace = Trace {
        r#type: "trace",
        kind: "stack",
        title: Shown(Title(thread.id, thread.name)),
        summary: [Shown(state)],
        members: [Member { id: thread.id, name: Shown(Lossy(thread.name)), fields: Fields(thread) }],
        frames: Frames(thread.frames.clone()),
        doubt: thread.doubt,
    };
    // There are the modules before the first one.
    writeln!(out, ",")?;
    value(out, &trace)
}

pub(super) fn end(out: &mut dyn Write, head: &Head<'_>, took: Duration, limits: &[Limit]) -> io::Result<()> {
    for limit in limits.iter().filter(|limit| !limit.is_none()) {
        writeln!(out, ",")?;
        value(out, &Paragraph { r#type: "paragraph", text: &Shown(limit) })?;
    }
    write!(out, "\n]}}\n],\n\"header\":")?;
    let trigger = Trigger { kind: "watchdog", detail: "", count: 1 };
    let Head { service, version, host, process, time, .. } = *head;
    let took = nanoseconds(took);
    value(
        out,
        &Header { service, version, host: Shown(Lossy(host)), process, time: Shown(time), trigger, took },
    )?;
    writeln!(out, "}}")
}

fn value(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, ControlCharacters);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Escapes U+007F to U+009F too, which JSON allows and terminals obey.
struct ControlCharacters;

impl Formatter for ControlCharacters {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| matches!(c, '\u{7f}'..='\u{9f}')) {
            writer.write_all(&rest.as_bytes()[..at])?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A text that is written where it goes, and stands nowhere before.
#[derive(Clone, Copy)]
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

struct Address(u64);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:#x}", self.0))
    }
}

#[derive(Serialize)]
struct Header<'a> {
    service: &'a str,
    version: &'a str,
    host: Shown<Lossy<'a>>,
    process: u32,
    time: Shown<jiff::Timestamp>,
    trigger: Trigger,
    took: u64,
}

#[derive(Serialize)]
struct Trigger {
    kind: &'static str,
    detail: &'static str,
    count: u32,
}

#[derive(Serialize)]
struct Section<'a, T> {
    name: &'static str,
    title: &'static str,
    origin: &'static str,
    remarks: [&'a T; 1],
    blocks: [Paragraph<'a, T>; 1],
}

#[derive(Serialize)]
struct Paragraph<'a, T> {
    r#type: &'static str,
    text: &'a T,
}

#[derive(Serialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
enum Value<'a> {
    Text(Shown<&'a dyn Display>),
    Integer(i64),
    Duration(u64),
    Address(Address),
    None,
}

#[derive(Serialize)]
struct Trace<'a, M, F> {
    r#type: &'static str,
    kind: &'static str,
    title: Shown<Title<'a>>,
    summary: [Shown<State<'a>>; 1],
    members: [M; 1],
    frames: F,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<&'a Reason>,
}

#[derive(Serialize)]
struct Member<'a, F> {
    id: u32,
    name: Shown<Lossy<'a>>,
    fields: F,
}

struct Fields<'a, 't, F>(&'t Thread<'a, F>);

#[derive(Serialize)]
struct Field<'a> {
    key: &'static str,
    value: Value<'a>,
}

impl<F> Serialize for Fields<'_, '_, F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let thread = self.0;
        let mut fields = to.serialize_seq(None)?;
        add(&mut fields, "state", Value::Text(Shown(&thread.state)))?;
        add(&mut fields, "cpu_user", Value::Duration(nanoseconds(thread.cpu_user)))?;
        add(&mut fields, "cpu_system", Value::Duration(nanoseconds(thread.cpu_system)))?;
        if let Some(wait) = &thread.wait {
            add(&mut fields, "system_call", Value::Text(Shown(&Call(wait))))?;
            match wait.resource {
                Some(Resource::Futex(address)) => {
                    add(&mut fields, "futex", Value::Address(Address(address)))?;
                }
                Some(Resource::Descriptor(number, target)) => {
                    add(&mut fields, "descriptor", Value::Integer(number.into()))?;
                    if let Some(target) = target {
                        add(&mut fields, "target", Value::Text(Shown(&Lossy(target))))?;
                    }
                }
                Some(Resource::Time(time)) => add(&mut fields, "for", Value::Duration(nanoseconds(time)))?,
                None => {}
            }
        }
        fields.end()
    }
}

fn add<S: SerializeSeq>(fields: &mut S, key: &'static str, value: Value<'_>) -> Result<(), S::Error> {
    fields.serialize_element(&Field { key, value })
}

struct Frames<F>(F);

impl<'a, F: Iterator<Item = Frame<'a>> + Clone> Serialize for Frames<F> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            address: Address,
            #[serde(skip_serializing_if = "Option::is_none")]
            module: Option<Shown<Lossy<'a>>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            offset: Option<Address>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            interrupted: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            unverified: bool,
        }
        to.collect_seq(self.0.clone().map(|frame| Document {
            address: Address(frame.address),
            module: frame.module.map(|module| Shown(Lossy(module))),
            offset: frame.offset.map(Address),
            interrupted: frame.interrupted,
            unverified: frame.unverified,
        }))
    }
}
