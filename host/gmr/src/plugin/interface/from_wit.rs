//! From a plugin's blocks to the report's, within limits. Nothing a plugin says is trusted to be short, finite or in
//! range: what is too much is left out, and the section says so.

use std::time::Duration;

use jiff::Timestamp;

use crate::plugin::Limits;
use crate::plugin::interface::bindings::wit::document as wit;
use crate::plugin::sandbox::limits::size;
use crate::report::{Block, Call, Detail, Field, Frame, Member, Reason, Trace, TraceKind, Value};

/// What was taken in of one section.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    pub blocks: Vec<Block>,
    pub remarks: Vec<String>,
    /// Why some of it is missing.
    pub failure: Option<String>,
}

/// The most remarks a plugin may put at the top of a report, where they compete with all others.
const MAX_REMARKS: usize = 8;

/// Takes blocks in until a limit is reached.
pub fn take(blocks: Vec<wit::Block>, limits: &Limits) -> Taken {
    let mut intake = Intake { limits, text_bytes: 0, items: 0, cut_texts: 0, bad_rows: 0 };
    let mut taken = Taken::default();
    let count = blocks.len();
    for (index, block) in blocks.into_iter().enumerate() {
        if index == limits.blocks as usize {
            taken.failure = Some(format!("it returned {count} blocks and may return {}", limits.blocks));
            break;
        }
        match block {
            wit::Block::Remark(text) if taken.remarks.len() < MAX_REMARKS => {
                taken.remarks.push(intake.text(text))
            }
            wit::Block::Remark(_) => taken.failure = Some(format!("it made more than {MAX_REMARKS} remarks")),
            block => taken.blocks.extend(intake.block(block)),
        }
        if let Some(excess) = intake.excess() {
            // What went beyond the limit is dropped whole: half a table misleads.
            taken.blocks.pop();
            taken.failure = Some(excess);
            break;
        }
    }
    taken.failure = taken.failure.or_else(|| intake.complaint());
    taken
}

/// Cuts one text, such as a title, to the limit of a single text.
pub fn cut(mut text: String, limit: u64) -> String {
    if text.len() as u64 > limit {
        let mut end = limit as usize;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

struct Intake<'a> {
    limits: &'a Limits,
    text_bytes: u64,
    items: u64,
    cut_texts: u64,
    bad_rows: u64,
}

impl Intake<'_> {
    fn excess(&self) -> Option<String> {
        if self.text_bytes > self.limits.output_bytes {
            return Some(format!(
                "its text is longer than {}; the rest is left out",
                size(self.limits.output_bytes)
            ));
        }
        if self.items > u64::from(self.limits.items) {
            let items = self.limits.items;
            return Some(format!("it returned more than {items} rows, fields, members and frames"));
        }
        None
    }

    fn complaint(&self) -> Option<String> {
        match (self.bad_rows, self.cut_texts) {
            (0, 0) => None,
            (0, cut) => {
                Some(format!("{cut} texts were longer than {} and are cut", size(self.limits.text_bytes)))
            }
            (rows, _) => Some(format!("{rows} table rows had more cells than columns and are left out")),
        }
    }

    fn text(&mut self, text: String) -> String {
        if text.len() as u64 > self.limits.text_bytes {
            self.cut_texts += 1;
        }
        let text = cut(text, self.limits.text_bytes);
        self.text_bytes += text.len() as u64;
        text
    }

    fn optional(&mut self, text: Option<String>) -> Option<String> {
        text.map(|text| self.text(text))
    }

    fn texts(&mut self, texts: Vec<String>) -> Vec<String> {
        self.items += texts.len() as u64;
        texts.into_iter().map(|text| self.text(text)).collect()
    }

    fn block(&mut self, block: wit::Block) -> Option<Block> {
        Some(match block {
            wit::Block::Heading(heading) => Block::heading(heading.level, self.text(heading.text)),
            wit::Block::Paragraph(text) => Block::paragraph(self.text(text)),
            wit::Block::Preformatted(text) => Block::preformatted(self.text(text)),
            wit::Block::Fields(fields) => Block::fields(self.fields(fields)),
            wit::Block::Table(table) => self.table(table),
            wit::Block::Trace(trace) => Block::Trace(self.trace(trace)),
            wit::Block::Remark(_) => return None,
        })
    }

    fn fields(&mut self, fields: Vec<wit::Field>) -> Vec<Field> {
        self.items += fields.len() as u64;
        fields.into_iter().map(|field| Field::new(self.text(field.key), self.value(field.value))).collect()
    }

    fn table(&mut self, table: wit::Table) -> Block {
        let columns = self.texts(table.columns);
        let mut rows = Vec::new();
        self.items += table.rows.len() as u64;
        for row in table.rows {
            match row.len() <= columns.len() {
                true => rows.push(row.into_iter().map(|cell| self.value(cell)).collect()),
                false => self.bad_rows += 1,
            }
        }
        Block::table(columns, rows)
    }

    fn trace(&mut self, trace: wit::Trace) -> Trace {
        self.items += (trace.members.len() + trace.frames.len()) as u64;
        let kind = match trace.kind {
            wit::TraceKind::Stack => TraceKind::Stack,
            wit::TraceKind::AwaitChain => TraceKind::Await,
        };
        let mut taken = Trace::new(kind, self.text(trace.title));
        taken.summary = self.texts(trace.summary);
        taken.members = trace.members.into_iter().map(|member| self.member(member)).collect();
        taken.frames = trace.frames.into_iter().map(|frame| self.frame(frame)).collect();
        taken.doubt = self.optional(trace.doubt).map(Reason::Text);
        taken
    }

    fn member(&mut self, member: wit::Member) -> Member {
        let mut taken = Member::new(member.id);
        taken.name = self.optional(member.name);
        taken.fields = self.fields(member.fields);
        taken
    }

    fn frame(&mut self, frame: wit::Frame) -> Frame {
        let mut taken = Frame::default();
        taken.depth = frame.depth;
        taken.branch = self.optional(frame.branch);
        taken.calls.extend(frame.function.map(|function| {
            let mut call = Call::of(self.text(function));
            call.file = self.optional(frame.file);
            (call.line, call.column) = (frame.line, frame.column);
            call
        }));
        taken.address = frame.address;
        taken.module = self.optional(frame.module);
        taken.offset = frame.offset;
        taken.unverified = frame.unverified;
        taken.folded = frame.folded;
        taken.details.extend(self.optional(frame.detail).map(Detail::Text));
        taken
    }

    fn value(&mut self, value: wit::Value) -> Value {
        match value {
            wit::Value::Text(text) => self.text(text).into(),
            wit::Value::Integer(number) => Value::Integer(number),
            wit::Value::Number(number) => Value::from(number),
            wit::Value::Bytes(bytes) => Value::Bytes(bytes),
            wit::Value::Duration(nanoseconds) => Value::Duration(Duration::from_nanos(nanoseconds)),
            wit::Value::Moment(moment) => self::moment(moment),
            wit::Value::Address(address) => Value::Address(address),
            wit::Value::Flag(flag) => Value::Flag(flag),
            wit::Value::Redacted => Value::Redacted,
            wit::Value::None => Value::None,
            wit::Value::List(list) => {
                self.items += list.len() as u64;
                Value::List(list.into_iter().map(|scalar| self.scalar(scalar)).collect())
            }
        }
    }

    fn scalar(&mut self, scalar: wit::Scalar) -> Value {
        match scalar {
            wit::Scalar::Text(text) => self.text(text).into(),
            wit::Scalar::Integer(number) => Value::Integer(number),
            wit::Scalar::Number(number) => Value::from(number),
            wit::Scalar::Bytes(bytes) => Value::Bytes(bytes),
            wit::Scalar::Duration(nanoseconds) => Value::Duration(Duration::from_nanos(nanoseconds)),
            wit::Scalar::Moment(moment) => self::moment(moment),
            wit::Scalar::Address(address) => Value::Address(address),
            wit::Scalar::Flag(flag) => Value::Flag(flag),
            wit::Scalar::Redacted => Value::Redacted,
            wit::Scalar::None => Value::None,
        }
    }
}

/// A moment that no calendar has becomes words.
fn moment(moment: wit::Moment) -> Value {
    let nanoseconds =
        i32::try_from(moment.nanoseconds).ok().filter(|nanoseconds| *nanoseconds < 1_000_000_000);
    match nanoseconds.and_then(|nanoseconds| Timestamp::new(moment.seconds, nanoseconds).ok()) {
        Some(moment) => Value::Moment(moment),
        None => format!("no moment: {} s and {} ns since 1970", moment.seconds, moment.nanoseconds).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: &str) -> wit::Block {
        wit::Block::Paragraph(text.to_owned())
    }

    fn taken(blocks: Vec<wit::Block>, limits: Limits) -> (usize, Option<String>) {
        let taken = take(blocks, &limits);
        (taken.blocks.len(), taken.failure)
    }

    #[test]
    fn blocks_are_taken_up_to_the_limit() {
        let limits = || Limits { blocks: 2, ..Limits::default() };
        assert_eq!(taken(vec![paragraph("a"); 2], limits()), (2, None));
        let failure = "it returned 3 blocks and may return 2".to_owned();
        assert_eq!(taken(vec![paragraph("a"); 3], limits()), (2, Some(failure)));
    }

    #[test]
    fn text_is_taken_up_to_the_limit() {
        let limits = || Limits { output_bytes: 4, ..Limits::default() };
        assert_eq!(taken(vec![paragraph("ab"), paragraph("cd")], limits()), (2, None));
        let failure = "its text is longer than 4 bytes; the rest is left out".to_owned();
        assert_eq!(taken(vec![paragraph("ab"), paragraph("cde")], limits()), (1, Some(failure)));
    }

    #[test]
    fn items_are_counted_wherever_they_stand() {
        let limits = || Limits { items: 3, ..Limits::default() };
        let list = |length| wit::Value::List(vec![wit::Scalar::None; length]);
        let fields = |length| wit::Block::Fields(vec![wit::Field { key: "k".into(), value: list(length) }]);
        assert_eq!(taken(vec![fields(2)], limits()), (1, None));
        let failure = "it returned more than 3 rows, fields, members and frames".to_owned();
        assert_eq!(taken(vec![fields(3)], limits()), (0, Some(failure)));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("añb".into(), 4), "añb");
        assert_eq!(cut("añb".into(), 3), "añ…");
        assert_eq!(cut("añb".into(), 2), "a…");
        let limits = Limits { text_bytes: 1, ..Limits::default() };
        let taken = take(vec![paragraph("ab")], &limits);
        assert_eq!(taken.blocks, [Block::paragraph("a…")]);
        assert_eq!(taken.failure.as_deref(), Some("1 texts were longer than 1 bytes and are cut"));
    }

    #[test]
    fn values_out_of_range_become_words_or_are_brought_in() {
        let moment = |seconds, nanoseconds| super::moment(wit::Moment { seconds, nanoseconds });
        assert!(matches!(moment(0, 999_999_999), Value::Moment(_)));
        assert!(matches!(moment(0, 1_000_000_000), Value::Text(_)));
        assert!(matches!(moment(i64::MAX, 0), Value::Text(_)));
        let heading = |level| wit::Block::Heading(wit::Heading { level, text: String::new() });
        let taken = take(vec![heading(0), heading(3), heading(255)], &Limits::default());
        let levels = taken.blocks.iter().map(|block| match block {
            Block::Heading { level, .. } => *level,
            _ => 0,
        });
        assert_eq!(levels.collect::<Vec<_>>(), [1, 3, 3]);
        let fields = vec![wit::Field { key: "n".into(), value: wit::Value::Number(f64::NAN) }];
        let taken = take(vec![wit::Block::Fields(fields)], &Limits::default());
        assert_eq!(taken.blocks, [Block::fields([Field::new("n", "NaN")])]);
    }

    #[test]
    fn a_row_that_is_too_wide_is_refused_and_a_short_one_is_not() {
        let row = |cells| vec![wit::Value::None; cells];
        let table = wit::Table { columns: vec!["a".into()], rows: vec![row(0), row(1), row(2)] };
        let taken = take(vec![wit::Block::Table(table)], &Limits::default());
        assert!(matches!(&taken.blocks[..], [Block::Table { rows, .. }] if rows.len() == 2));
        assert_eq!(
            taken.failure.as_deref(),
            Some("1 table rows had more cells than columns and are left out")
        );
    }

    #[test]
    fn remarks_go_to_the_top_and_are_few() {
        let remark = |text: &str| wit::Block::Remark(text.to_owned());
        let taken = take(vec![remark("look"), paragraph("a")], &Limits::default());
        assert_eq!((taken.remarks, taken.blocks.len(), taken.failure), (vec!["look".to_owned()], 1, None));
        let taken = take(vec![remark("look"); MAX_REMARKS + 1], &Limits::default());
        assert_eq!(taken.remarks.len(), MAX_REMARKS);
        assert_eq!(taken.failure.as_deref(), Some("it made more than 8 remarks"));
    }
}
