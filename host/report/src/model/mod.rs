//! The one document model: what sections build, renderers print and the plugin interface mirrors.
//!
//! Values only. A report can be kept, compared, sent elsewhere and printed again; nothing in it refers to
//! the process that it speaks of. WebAssembly interfaces have no recursive types, so a section's body is a
//! flat list of [`Block`]s and that is also what crosses the sandbox. One file although it is long: whoever writes
//! a section or a renderer reads all of it.

mod thread_start;
mod written;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use thread_start::fold_start;

/// What a process was doing at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whose report it is, and why it was made.
    pub header: Header,
    /// The sections, in the order in which they are shown.
    pub sections: Vec<Section>,
}

/// Whose report it is, and why it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The service's name: the package's, unless the settings give another.
    pub service: String,
    /// The service's version.
    pub version: String,
    /// The host's name.
    pub host: String,
    /// The process id.
    pub process: u32,
    /// How long the process had been running, where that can be told.
    #[serde(with = "written::optional_nanoseconds", default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<Duration>,
    /// When the report was begun.
    pub time: Timestamp,
    /// What asked for it.
    pub trigger: Trigger,
    /// From the trigger's arrival at the reporter to the last section; `None` in a head that was printed
    /// before its sections were ready.
    #[serde(with = "written::optional_nanoseconds", default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Duration>,
}

/// What asked for a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Which of the ways.
    pub kind: TriggerKind,
    /// The signal with its sender, or the path; empty for a call.
    pub detail: String,
    /// How many triggers this report answers: those that arrived during the one before are joined.
    pub count: u32,
}

/// The ways to ask for a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// A signal.
    Signal,
    /// A change of the watched file.
    File,
    /// A call of the application's own.
    Call,
}

/// A titled part of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// What programs know it by, unique in the report: `threads`, or a plugin's name.
    pub name: String,
    /// What people read above it.
    pub title: String,
    /// Who made it.
    pub origin: Origin,
    /// Why there is no section, or not the whole of it. Blocks may follow all the same: what was there by
    /// then, a trap's frames, what a plugin wrote to its standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What deserves a look first, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Its body.
    pub blocks: Vec<Block>,
}

/// Who made a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This library.
    Native,
    /// A plugin.
    Plugin,
}

/// A piece of a section's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// A heading within the section.
    Heading {
        /// From 1, the widest, to 3.
        level: u8,
        /// Its words.
        text: String,
    },
    /// Running text.
    Paragraph {
        /// Its words; line breaks are kept.
        text: String,
    },
    /// Named values.
    Fields {
        /// In the order in which they are shown.
        fields: Vec<Field>,
    },
    /// Rows under column titles.
    Table {
        /// The column titles.
        columns: Vec<String>,
        /// The rows; a short one is filled with [`Value::None`].
        rows: Vec<Vec<Value>>,
    },
    /// A stack or a chain of awaits, with everything that stands in it.
    Trace(Trace),
    /// Text whose layout is kept.
    Preformatted {
        /// The text.
        text: String,
    },
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name; thousands of threads and tasks share the reporter's own names.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: Value,
}

impl Field {
    /// A field of this name and value.
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Field {
        Field { key: key.into(), value: value.into() }
    }
}

/// A value that each renderer prints its own way: for people in text, exactly in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Value {
    /// Words.
    Text(Cow<'static, str>),
    /// A whole number.
    Integer(i64),
    /// A finite number; build it with `Value::from`, which turns others into words.
    Number(f64),
    /// A size in bytes.
    Bytes(u64),
    /// A length of time, exact to the nanosecond, at most 584 years.
    Duration(#[serde(with = "written::nanoseconds")] Duration),
    /// A point in time.
    Moment(Timestamp),
    /// An address in memory.
    Address(#[serde(with = "written::hexadecimal")] u64),
    /// Yes or no.
    Flag(bool),
    /// Values in an order that matters; they are not lists themselves.
    List(Vec<Value>),
    /// A secret that was left out.
    Redacted,
    /// Nothing, known to be nothing.
    None,
}

/// A stack or a chain of awaits, and who stands in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Which of the two.
    pub kind: TraceKind,
    /// What distinguishes it: the count, the names, the time.
    pub title: String,
    /// A few lines that hold for all members together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary: Vec<String>,
    /// The threads or tasks that stand here, all of them; text shows their ids in ranges.
    pub members: Vec<Member>,
    /// The frames: a stack innermost first, a chain outermost first.
    pub frames: Vec<Frame>,
    /// Why there are no frames, or why they may be wrong or too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
}

/// What a trace is a trace of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceKind {
    /// Of calls: each frame was called by the next one.
    Stack,
    /// Of awaits: each frame awaits the ones that are one deeper and follow it.
    Await,
}

/// A thread or task that stands in a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The kernel's thread id, or the runtime's task id.
    pub id: u64,
    /// Its name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What else is known of it; text shows the summary instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// How deep in the tree of awaits, from 0; always 0 in a stack.
    #[serde(default, skip_serializing_if = "written::is_zero")]
    pub depth: u16,
    /// What the awaiting frame calls this one, where it awaits more than one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The function or future, demangled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The compiler put this function's code into its caller's.
    #[serde(default, skip_serializing_if = "written::is_false")]
    pub inlined: bool,
    /// The instruction's address.
    #[serde(with = "written::optional_hexadecimal", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// The loaded file that the address lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The address as that file counts it.
    #[serde(with = "written::optional_hexadecimal", default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// A signal interrupted the function here: the address is that instruction's own, as in the innermost
    /// frame of a stack, and not where a call returns to.
    #[serde(default, skip_serializing_if = "written::is_false")]
    pub interrupted: bool,
    /// It rests on a guess (a frame pointer) and may be wrong.
    #[serde(default, skip_serializing_if = "written::is_false")]
    pub unverified: bool,
    /// Part of every thread's start or of the machinery between two awaits: text counts it only.
    #[serde(default, skip_serializing_if = "written::is_false")]
    pub folded: bool,
    /// What else is known: when a timer fires, how many permits are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Frame {
    /// A frame that knows nothing but its function.
    pub fn of(function: impl Into<String>) -> Frame {
        Frame {
            depth: 0,
            branch: None,
            function: Some(function.into()),
            file: None,
            line: None,
            column: None,
            inlined: false,
            address: None,
            module: None,
            offset: None,
            interrupted: false,
            unverified: false,
            folded: false,
            detail: None,
        }
    }
}

impl Report {
    /// Where to look first, as pairs of a section's title and a line: sections that failed, and what
    /// sections remarked themselves. Empty when there is nothing to say.
    pub fn look_at(&self) -> impl Iterator<Item = (&str, String)> {
        self.sections.iter().flat_map(Section::look_at)
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl Section {
    /// An empty native section.
    pub fn native(name: impl Into<String>, title: impl Into<String>) -> Section {
        Section {
            name: name.into(),
            title: title.into(),
            origin: Origin::Native,
            failure: None,
            remarks: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// The same section, failed for this reason.
    #[must_use]
    pub fn failed(mut self, reason: impl Into<String>) -> Section {
        self.failure = Some(reason.into());
        self
    }

    /// What this section contributes to the report's [`Report::look_at`].
    pub fn look_at(&self) -> impl Iterator<Item = (&str, String)> {
        let failure = self.failure.iter().map(|reason| match self.blocks.is_empty() {
            true => format!("no section: {reason}"),
            false => reason.clone(),
        });
        failure.chain(self.remarks.iter().cloned()).map(|line| (self.title.as_str(), line))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

/// Words that are the program's own need no copy.
impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Value {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Integer(number.into())
    }
}

/// Beyond `i64::MAX` the digits become words, so that no renderer has to round them.
impl From<u64> for Value {
    fn from(number: u64) -> Value {
        i64::try_from(number).map_or_else(|_| Value::Text(number.to_string().into()), Value::Integer)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::from(number as u64)
    }
}

/// JSON has no infinities and no "not a number": they become words.
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        match number.is_finite() {
            true => Value::Number(number),
            false => Value::Text(number.to_string().into()),
        }
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Value {
        Value::Duration(duration)
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Value {
        Value::Moment(moment)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}
