//! Details of an await beside its place: when a timer fires, how many permits are free.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Field, Unknown, Value, encoding};

/// What is known of one await, or of another frame, beside its place.
///
/// In JSON it is exact; in words it is short. For plugins each has a form as a [`Field`].
///
/// ```
/// use std::time::Duration;
/// use gmr_report::{Detail, Field, Value};
///
/// let detail = Detail::FiresIn(Duration::from_millis(57_312));
/// assert_eq!(detail.to_string(), "fires in 57.3 s");
/// let field = Field::from(&detail);
/// assert_eq!((&*field.key, &field.value), ("fires_in", &Value::Duration(Duration::from_millis(57_312))));
/// assert_eq!(Detail::from_field(&field), detail);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Detail {
    /// A timer: how long until it fires.
    FiresIn(#[serde(with = "encoding::nanoseconds")] Duration),
    /// A timer that should have fired: how long ago.
    Overdue(#[serde(with = "encoding::nanoseconds")] Duration),
    /// How many permits of a semaphore are free.
    Permits(u64),
    /// The address of the semaphore that it waits for: waiters for one lock share it.
    Semaphore(#[serde(with = "encoding::hexadecimal")] u64),
    /// The id of the task that it waits for.
    Task(u64),
    /// The file descriptor that it waits for.
    Descriptor(i32),
    /// The other end of the socket that it waits for: address and port, or a path.
    Peer(String),
    /// How many futures it polls.
    Futures {
        /// How many were counted.
        count: u64,
        /// Whether there are more than that.
        more: bool,
    },
    /// It is one of several side by side: how many more stand in the same place, with all that they await, that are not
    /// listed.
    Alike(u64),
    /// How many tasks a set holds.
    Tasks(u64),
    /// The name that this part of the task was registered with.
    Name(String),
    /// The function that it was made for, being generic: the handler of a request whose arguments are being read.
    MadeFor(String),
    /// The name of the span that it runs in.
    Span(String),
    /// It was not polled yet.
    NotStarted,
    /// It is over.
    Finished,
    /// Its type is not in the debug information, so that what it awaits is not known.
    NotDescribed,
    /// The chain goes on beyond it and was too large to be read to its end.
    TooLarge,
    /// The chain goes on beyond it and was not read in time.
    OutOfTime,
    /// A frame of a deep stack: how many frames between it and the next one were left out.
    FramesOmitted(u64),
    /// What a plugin says of it.
    Text(String),
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

/// The key of [`Detail::Futures`] where there are more than were counted.
const MORE_FUTURES: &str = "more_futures_than";

/// The key of [`Detail::Unknown`]; the value is its JSON.
const UNKNOWN: &str = "unknown";

impl From<&Detail> for Field {
    fn from(detail: &Detail) -> Field {
        let yes = Value::Flag(true);
        match detail {
            Detail::FiresIn(time) => Field::new("fires_in", *time),
            Detail::Overdue(time) => Field::new("overdue", *time),
            Detail::Permits(count) => Field::new("permits", *count),
            Detail::Semaphore(address) => Field::new("semaphore", Value::Address(*address)),
            Detail::Task(id) => Field::new("task", *id),
            Detail::Descriptor(number) => Field::new("descriptor", i64::from(*number)),
            Detail::Peer(address) => Field::new("peer", address.as_str()),
            Detail::Futures { count, more: false } => Field::new("futures", *count),
            Detail::Futures { count, more: true } => Field::new(MORE_FUTURES, *count),
            Detail::Alike(count) => Field::new("alike", *count),
            Detail::Tasks(count) => Field::new("tasks", *count),
            Detail::Name(name) => Field::new("name", name.as_str()),
            Detail::MadeFor(function) => Field::new("made_for", function.as_str()),
            Detail::Span(name) => Field::new("span", name.as_str()),
            Detail::NotStarted => Field::new("not_started", yes),
            Detail::Finished => Field::new("finished", yes),
            Detail::NotDescribed => Field::new("not_described", yes),
            Detail::TooLarge => Field::new("too_large", yes),
            Detail::OutOfTime => Field::new("out_of_time", yes),
            Detail::FramesOmitted(count) => Field::new("frames_omitted", *count),
            Detail::Text(text) => Field::new("text", text.as_str()),
            Detail::Unknown(unknown) => {
                Field::new(UNKNOWN, serde_json::to_string(unknown).unwrap_or_default())
            }
        }
    }
}

impl Detail {
    /// The detail of which a field is the form; any other field becomes words.
    pub fn from_field(field: &Field) -> Detail {
        Detail::read(&field.key, &field.value)
            .unwrap_or_else(|| Detail::Text(format!("{} {}", field.key, crate::words::value(&field.value))))
    }

    fn read(key: &str, value: &Value) -> Option<Detail> {
        Some(match (key, value) {
            ("fires_in", Value::Duration(time)) => Detail::FiresIn(*time),
            ("overdue", Value::Duration(time)) => Detail::Overdue(*time),
            ("permits", value) => Detail::Permits(count(value)?),
            ("semaphore", Value::Address(address)) => Detail::Semaphore(*address),
            ("task", value) => Detail::Task(count(value)?),
            ("descriptor", Value::Integer(number)) => Detail::Descriptor(i32::try_from(*number).ok()?),
            ("peer", Value::Text(address)) => Detail::Peer(address.to_string()),
            ("futures", value) => Detail::Futures { count: count(value)?, more: false },
            (MORE_FUTURES, value) => Detail::Futures { count: count(value)?, more: true },
            ("alike", value) => Detail::Alike(count(value)?),
            ("tasks", value) => Detail::Tasks(count(value)?),
            ("name", Value::Text(name)) => Detail::Name(name.to_string()),
            ("made_for", Value::Text(function)) => Detail::MadeFor(function.to_string()),
            ("span", Value::Text(name)) => Detail::Span(name.to_string()),
            ("not_started", Value::Flag(true)) => Detail::NotStarted,
            ("finished", Value::Flag(true)) => Detail::Finished,
            ("not_described", Value::Flag(true)) => Detail::NotDescribed,
            ("too_large", Value::Flag(true)) => Detail::TooLarge,
            ("out_of_time", Value::Flag(true)) => Detail::OutOfTime,
            ("frames_omitted", value) => Detail::FramesOmitted(count(value)?),
            ("text", Value::Text(text)) => Detail::Text(text.to_string()),
            (UNKNOWN, Value::Text(json)) => Detail::Unknown(serde_json::from_str(json).ok()?),
            _ => return None,
        })
    }
}

/// The number that `Value::from` was given.
fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::Text(digits) => digits.parse().ok(),
        _ => None,
    }
}
