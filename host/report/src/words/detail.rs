//! Details of an await, in words.

use std::fmt;

use crate::model::Detail;
use crate::words::{counted, short_function};

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Detail::FiresIn(left) => write!(f, "fires in {:.1} s", left.as_secs_f64()),
            Detail::Overdue(since) => write!(f, "due {:.1} s ago", since.as_secs_f64()),
            Detail::Permits(free) => write!(f, "{free} permits"),
            Detail::Semaphore(address) => write!(f, "semaphore {address:#x}"),
            Detail::Task(id) => write!(f, "task {id}"),
            Detail::Descriptor(number) => write!(f, "descriptor {number}"),
            Detail::Peer(address) => write!(f, "peer {address}"),
            Detail::Futures { count, more: false } => write!(f, "{count} futures"),
            Detail::Futures { count, more: true } => write!(f, "more than {count} futures"),
            Detail::Alike(count) => write!(f, "{count} more like it"),
            Detail::Tasks(count) => write!(f, "{count} tasks"),
            Detail::Name(name) => write!(f, "\"{name}\""),
            Detail::MadeFor(function) => write!(f, "for {}", short_function(function)),
            Detail::Span(name) => write!(f, "span {name}"),
            Detail::NotStarted => f.write_str("not started"),
            Detail::Finished => f.write_str("finished"),
            Detail::NotDescribed => f.write_str("its type is not in the debug information"),
            Detail::TooLarge => f.write_str("too large to be read to its end"),
            Detail::OutOfTime => f.write_str("what it awaits was not read in time"),
            Detail::FramesOmitted(count) => {
                write!(f, "{} between it and the next left out", counted(*count, "frame"))
            }
            Detail::Text(text) => f.write_str(text),
            Detail::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn details_are_short() {
        for (detail, expected) in [
            (Detail::FiresIn(Duration::from_millis(57_312)), "fires in 57.3 s"),
            (Detail::Overdue(Duration::from_secs(90)), "due 90.0 s ago"),
            (Detail::Permits(0), "0 permits"),
            (Detail::Semaphore(0x5577_aabb), "semaphore 0x5577aabb"),
            (Detail::Task(7), "task 7"),
            (Detail::Descriptor(7), "descriptor 7"),
            (Detail::Peer("10.0.0.7:5432".to_owned()), "peer 10.0.0.7:5432"),
            (Detail::Futures { count: 2, more: false }, "2 futures"),
            (Detail::Futures { count: 3, more: true }, "more than 3 futures"),
            (Detail::Alike(936), "936 more like it"),
            (Detail::Tasks(4), "4 tasks"),
            (Detail::Name("gc".to_owned()), "\"gc\""),
            (Detail::MadeFor("shop::set_key".to_owned()), "for shop::set_key"),
            (Detail::Span("request".to_owned()), "span request"),
            (Detail::NotStarted, "not started"),
            (Detail::Finished, "finished"),
            (Detail::NotDescribed, "its type is not in the debug information"),
            (Detail::TooLarge, "too large to be read to its end"),
            (Detail::OutOfTime, "what it awaits was not read in time"),
            (Detail::FramesOmitted(3976), "3976 frames between it and the next left out"),
            (Detail::Text("as it is".to_owned()), "as it is"),
        ] {
            assert_eq!(detail.to_string(), expected);
        }
    }
}
