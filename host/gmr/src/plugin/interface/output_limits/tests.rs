//! The limits of what a plugin hands over, each from both sides.

use super::super::bindings::wit::document::{Call, TraceKind};
use super::*;

fn paragraph(text: &str) -> Block {
    Block::Paragraph(text.to_owned())
}

fn taken(blocks: Vec<Block>, limits: Limits) -> (usize, Option<String>) {
    let taken = take(blocks, &limits, Share::WHOLE);
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
    let failure = "its text is longer than 4 B; the rest is left out".to_owned();
    assert_eq!(taken(vec![paragraph("ab"), paragraph("cde")], limits()), (1, Some(failure)));
}

#[test]
fn items_are_counted_wherever_they_stand() {
    let limits = || Limits { items: 3, ..Limits::default() };
    let list = |length| Value::List(vec![Scalar::None; length]);
    let fields = |length| Block::Fields(vec![Field { key: "k".into(), value: list(length) }]);
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
    let taken = take(vec![paragraph("ab")], &limits, Share::WHOLE);
    assert_eq!(taken.blocks, [gmr_report::Block::paragraph("a…")]);
    assert_eq!(taken.failure.as_deref(), Some("1 texts were longer than 1 B and are cut"));
}

#[test]
fn a_row_that_is_too_wide_is_refused_and_a_short_one_is_not() {
    let row = |cells| vec![Value::None; cells];
    let table = Table { columns: vec!["a".into()], rows: vec![row(0), row(1), row(2)] };
    let taken = take(vec![Block::Table(table)], &Limits::default(), Share::WHOLE);
    assert!(matches!(&taken.blocks[..], [gmr_report::Block::Table { rows, .. }] if rows.len() == 2));
    assert_eq!(taken.failure.as_deref(), Some("1 table rows had more cells than columns and are left out"));
}

#[test]
fn remarks_go_to_the_top_and_are_few() {
    let remark = |text: &str| Block::Remark(text.to_owned());
    let taken = take(vec![remark("look"), paragraph("a")], &Limits::default(), Share::WHOLE);
    assert_eq!((taken.remarks, taken.blocks.len(), taken.failure), (vec!["look".to_owned()], 1, None));
    let taken = take(vec![remark("look"); MAX_REMARKS + 1], &Limits::default(), Share::WHOLE);
    assert_eq!(taken.remarks.len(), MAX_REMARKS);
    assert_eq!(taken.failure.as_deref(), Some("it made more than 8 remarks"));
}

#[test]
fn a_section_has_its_share_of_what_plugins_hand_over_together() {
    let share = |bytes| Share { bytes, total: 1000, ..Share::WHOLE };
    let text = || vec![paragraph("ab"), paragraph("cd")];
    let whole = take(text(), &Limits::default(), share(2 * (2 + PART_BYTES)));
    assert_eq!((whole.blocks.len(), whole.bytes, whole.failure), (2, 36, None));
    let cut = take(text(), &Limits::default(), share(35));
    assert_eq!((cut.blocks.len(), cut.bytes), (1, 18));
    let failure = "the rest is left out: plugins may hand over 1000 B in all for one report, and 35 B of that were \
                   left for it";
    assert_eq!(cut.failure.as_deref(), Some(failure));
    // Cells without text count too.
    let table = Table { columns: vec!["a".into()], rows: vec![vec![Value::None]; 10] };
    let table = take(vec![Block::Table(table)], &Limits::default(), Share::WHOLE);
    assert_eq!(table.bytes, 1 + PART_BYTES * (1 + 1 + 10 + 10));
}

#[test]
fn remarks_beyond_the_share_are_counted() {
    let remarks = vec![Block::Remark("look".to_owned()); 5];
    let taken = take(remarks, &Limits::default(), Share { remarks: 2, ..Share::WHOLE });
    assert_eq!(
        (taken.remarks, taken.failure),
        (["look", "look", "and 3 more remarks"].map(str::to_owned).into(), None)
    );
}

#[test]
fn a_remark_beyond_the_limit_costs_no_block_before_it() {
    let limits = Limits { output_bytes: 4, ..Limits::default() };
    let taken = take(vec![paragraph("abcd"), Block::Remark("e".to_owned())], &limits, Share::WHOLE);
    assert_eq!((taken.blocks.len(), taken.remarks.len()), (1, 0));
    assert!(taken.failure.is_some());
}

#[test]
fn the_parts_of_a_graph_count_and_its_texts_too() {
    let party = || Party { kind: "task".to_owned(), id: 1, name: Some("n".repeat(40)) };
    let wait = || Wait {
        party: party(),
        want: String::new(),
        permits: None,
        progress: String::new(),
        queue_position: None,
        timed: false,
        awaited: true,
        place: None,
        waited: None,
    };
    let graph = |waits| {
        let node = Node {
            library: String::new(),
            kind: String::new(),
            address: None,
            party: None,
            permits: None,
            waits: (0..waits).map(|_| wait()).collect(),
            holds: Vec::new(),
        };
        Block::Graph(Graph { nodes: vec![node], cycles: Vec::new(), not_examined: 0 })
    };
    let items = || Limits { items: 3, ..Limits::default() };
    assert_eq!(taken(vec![graph(2)], items()), (1, None));
    assert_eq!(taken(vec![graph(3)], items()).0, 0);
    let text = || Limits { output_bytes: 2 * 44, ..Limits::default() };
    assert_eq!(taken(vec![graph(2)], text()), (1, None));
    assert_eq!(taken(vec![graph(3)], text()).0, 0);
}

#[test]
fn each_call_of_a_frame_counts() {
    let frame = |calls| Frame {
        depth: 0,
        branch: None,
        calls: vec![
            Call { function: "f".to_owned(), file: None, line: None, column: None, folded: false };
            calls
        ],
        address: None,
        module: None,
        offset: None,
        interrupted: false,
        unverified: false,
        folded: false,
        details: Vec::new(),
    };
    let trace = |calls| {
        let (title, summary, members) = (String::new(), Vec::new(), Vec::new());
        Block::Trace(Trace {
            kind: TraceKind::Stack,
            title,
            summary,
            idle: None,
            members,
            frames: vec![frame(calls), frame(0)],
            doubt: None,
        })
    };
    let limits = || Limits { items: 3, ..Limits::default() };
    assert_eq!(taken(vec![trace(2)], limits()), (1, None));
    assert_eq!(taken(vec![trace(3)], limits()).0, 0);
}
