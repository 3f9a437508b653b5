//! From the report's values to a plugin's: what `report`, `settings` and `facts` hand out. It decides nothing about who
//! may see them.

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::plugin::interface::bindings::wit::document as wit;
use crate::report::{Block, Call, Field, Frame, Member, Trace, TraceKind, Value, words};

pub fn moment(moment: Timestamp) -> wit::Moment {
    // jiff counts nanoseconds backwards before 1970, the interface never does.
    let (seconds, nanoseconds) = (moment.as_second(), moment.subsec_nanosecond());
    match u32::try_from(nanoseconds) {
        Ok(nanoseconds) => wit::Moment { seconds, nanoseconds },
        Err(_) => wit::Moment { seconds: seconds - 1, nanoseconds: (nanoseconds + 1_000_000_000) as u32 },
    }
}

pub fn block(block: &Block) -> wit::Block {
    match block {
        Block::Heading { level, text, .. } => {
            wit::Block::Heading(wit::Heading { level: *level, text: text.clone() })
        }
        Block::Paragraph { text, .. } => wit::Block::Paragraph(text.clone()),
        Block::Preformatted { text, .. } => wit::Block::Preformatted(text.clone()),
        Block::Fields { fields, .. } => wit::Block::Fields(fields.iter().map(field).collect()),
        Block::Table { columns, rows, .. } => wit::Block::Table(wit::Table {
            columns: columns.clone(),
            rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(),
        }),
        Block::Trace(trace) => wit::Block::Trace(self::trace(trace)),
        Block::Notes { notes, .. } => {
            wit::Block::Paragraph(notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        }
        // The interface has no such kind; what it is can be said.
        Block::Unknown(unknown) => wit::Block::Paragraph(unknown.to_string()),
        _ => wit::Block::Paragraph(String::new()),
    }
}

fn trace(trace: &Trace) -> wit::Trace {
    wit::Trace {
        kind: match trace.kind {
            TraceKind::Stack => wit::TraceKind::Stack,
            _ => wit::TraceKind::AwaitChain,
        },
        title: trace.title.clone(),
        summary: trace.summary.clone(),
        members: trace.members.iter().map(member).collect(),
        frames: trace.frames.iter().flat_map(frames).collect(),
        doubt: trace.doubt.as_ref().map(ToString::to_string),
    }
}

fn member(member: &Member) -> wit::Member {
    wit::Member {
        id: member.id,
        name: member.name.clone(),
        fields: member.fields.iter().map(field).collect(),
    }
}

/// A line for each call of a frame.
fn frames(frame: &Frame) -> Vec<wit::Frame> {
    let details: Vec<String> = frame.details.iter().map(ToString::to_string).collect();
    let bare = wit::Frame {
        depth: frame.depth,
        branch: frame.branch.clone(),
        function: None,
        file: None,
        line: None,
        column: None,
        inlined: false,
        address: frame.address,
        module: frame.module.clone(),
        offset: frame.offset,
        unverified: frame.unverified,
        folded: frame.folded,
        detail: (!details.is_empty()).then(|| details.join(", ")),
    };
    let Some(last) = frame.calls.len().checked_sub(1) else { return vec![bare] };
    let line = |(at, call): (usize, &Call)| wit::Frame {
        function: Some(call.function.clone()),
        file: call.file.clone(),
        line: call.line,
        column: call.column,
        inlined: at < last,
        folded: frame.folded || call.folded,
        ..bare.clone()
    };
    frame.calls.iter().enumerate().map(line).collect()
}

fn field(field: &Field) -> wit::Field {
    wit::Field { key: field.key.to_string(), value: value(&field.value) }
}

fn value(value: &Value) -> wit::Value {
    match value {
        Value::List(list) => wit::Value::List(list.iter().map(scalar).collect()),
        value => widen(scalar(value)),
    }
}

fn scalar(value: &Value) -> wit::Scalar {
    match value {
        Value::Text(text) => wit::Scalar::Text(text.to_string()),
        Value::Integer(number) => wit::Scalar::Integer(*number),
        Value::Number(number) => wit::Scalar::Number(*number),
        Value::Bytes(bytes) => wit::Scalar::Bytes(*bytes),
        Value::Duration(duration) => {
            wit::Scalar::Duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
        }
        Value::Moment(moment) => wit::Scalar::Moment(self::moment(*moment)),
        Value::Address(address) => wit::Scalar::Address(*address),
        Value::Flag(flag) => wit::Scalar::Flag(*flag),
        Value::Redacted => wit::Scalar::Redacted,
        // The model forbids lists in lists.
        Value::None | Value::List(_) => wit::Scalar::None,
        other => wit::Scalar::Text(words::value(other)),
    }
}

fn widen(scalar: wit::Scalar) -> wit::Value {
    match scalar {
        wit::Scalar::Text(text) => wit::Value::Text(text),
        wit::Scalar::Integer(number) => wit::Value::Integer(number),
        wit::Scalar::Number(number) => wit::Value::Number(number),
        wit::Scalar::Bytes(bytes) => wit::Value::Bytes(bytes),
        wit::Scalar::Duration(nanoseconds) => wit::Value::Duration(nanoseconds),
        wit::Scalar::Moment(moment) => wit::Value::Moment(moment),
        wit::Scalar::Address(address) => wit::Value::Address(address),
        wit::Scalar::Flag(flag) => wit::Value::Flag(flag),
        wit::Scalar::Redacted => wit::Value::Redacted,
        wit::Scalar::None => wit::Value::None,
    }
}

/// JSON as named values: an object's leaves under their names joined by dots, an array of plain values as one list,
/// any other array by index. An empty object or array is `none`, so that it is not lost.
pub fn flatten(name: &str, json: &Json) -> Vec<wit::Field> {
    let mut fields = Vec::new();
    flatten_into(name.to_owned(), json, &mut fields);
    fields
}

fn flatten_into(name: String, json: &Json, fields: &mut Vec<wit::Field>) {
    let below = |key: &str| match name.is_empty() {
        true => key.to_owned(),
        false => format!("{name}.{key}"),
    };
    match json {
        Json::Object(object) if !object.is_empty() => {
            object.iter().for_each(|(key, value)| flatten_into(below(key), value, fields));
        }
        Json::Array(array) if array.iter().any(|value| value.is_object() || value.is_array()) => {
            array
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten_into(below(&index.to_string()), value, fields));
        }
        json if name.is_empty() && json.is_object() => {}
        json => fields.push(wit::Field { key: name, value: leaf(json).unwrap_or(wit::Value::None) }),
    }
}

/// A JSON value that holds no objects, as one value; `None` for tables and lists of lists.
pub fn leaf(json: &Json) -> Option<wit::Value> {
    match json {
        Json::Array(array) => array.iter().map(plain).collect::<Option<Vec<_>>>().map(wit::Value::List),
        json => plain(json).map(widen),
    }
}

fn plain(json: &Json) -> Option<wit::Scalar> {
    Some(match json {
        Json::Null => wit::Scalar::None,
        Json::Bool(flag) => wit::Scalar::Flag(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => wit::Scalar::Integer(number),
            // Whole numbers beyond the range stay exact as words.
            (None, Some(number_f64)) if number.is_f64() => wit::Scalar::Number(number_f64),
            _ => wit::Scalar::Text(number.to_string()),
        },
        Json::String(text) => wit::Scalar::Text(text.to_string()),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::plugin::Limits;
    use crate::plugin::interface::from_wit::take;
    use crate::report::Detail;

    #[test]
    fn what_goes_out_comes_back_the_same() {
        let every_value = vec![
            Value::from("text"),
            Value::from(-1_i64),
            Value::from(0.5),
            Value::Bytes(u64::MAX),
            Value::from(Duration::from_nanos(7)),
            Value::Moment("1969-12-31T23:59:59.25Z".parse().unwrap()),
            Value::Moment("2026-11-22T14:03:07.412Z".parse().unwrap()),
            Value::Address(u64::MAX),
            Value::from(true),
            Value::Redacted,
            Value::None,
        ];
        let mut fields: Vec<Field> = every_value.iter().map(|value| Field::new("k", value.clone())).collect();
        fields.push(Field::new("list", Value::List(every_value.clone())));
        let mut frame = Frame::of("f");
        (frame.depth, frame.offset) = (2, Some(16));
        frame.details.push(Detail::Text("d".into()));
        let mut member = Member::new(5);
        (member.name, member.fields) = (Some("n".into()), fields.clone());
        let mut trace = Trace::awaits("t");
        trace.summary.push("s".into());
        trace.members.push(member);
        trace.frames.push(frame);
        trace.doubt = Some("d".into());
        let blocks = vec![
            Block::heading(2, "h"),
            Block::paragraph("p"),
            Block::fields(fields),
            Block::table(["c"], [vec![Value::from(1_i64)]]),
            Block::Trace(trace),
            Block::preformatted("x"),
        ];
        let taken = take(blocks.iter().map(block).collect(), &Limits::default());
        assert_eq!((taken.blocks, taken.failure), (blocks, None));
    }

    #[track_caller]
    fn check(json: Json, expected: &str) {
        let fields = flatten("f", &json);
        let text: Vec<String> =
            fields.iter().map(|field| format!("{}={:?}", field.key, field.value)).collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn json_is_flattened_to_named_values() {
        check(json!(3), "f=Value::Integer(3)");
        check(json!({"a": {"b": true}, "c": null}), "f.a.b=Value::Flag(true) f.c=Value::None");
        check(json!([1, "x"]), "f=Value::List([Scalar::Integer(1), Scalar::Text(\"x\")])");
        check(json!([{"a": 1}, [2]]), "f.0.a=Value::Integer(1) f.1=Value::List([Scalar::Integer(2)])");
        check(json!({"a": {}, "b": []}), "f.a=Value::None f.b=Value::List([])");
        check(json!(u64::MAX), "f=Value::Text(\"18446744073709551615\")");
        check(json!(1.5), "f=Value::Number(1.5)");
        assert!(flatten("", &json!({})).is_empty());
    }
}
