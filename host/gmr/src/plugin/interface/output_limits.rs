//! The limits of what a plugin hands over. Nothing that it says is trusted to be short or in shape: what is too much is
//! left out, and the section says so.

use gmr_report::wit::Part;
use gmr_report::words::bytes;

use super::bindings::wit::document::{
    Block, Field, Frame, Graph, Hold, Member, Node, Party, Scalar, Table, Trace, Value, Wait,
};
use crate::plugin::Limits;

/// What was taken of one section.
#[derive(Debug, Default, PartialEq)]
pub struct Taken {
    pub blocks: Vec<gmr_report::Block>,
    pub remarks: Vec<String>,
    /// Why some of it is missing.
    pub failure: Option<String>,
    /// What it has of what plugins share.
    pub bytes: u64,
}

/// What a section may have of what all plugins of a report share.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Bytes of text, and [`PART_BYTES`] for each part.
    pub bytes: u64,
    /// What they share of that.
    pub total: u64,
    pub remarks: usize,
}

impl Share {
    /// Of one plugin alone.
    pub const WHOLE: Share = Share { bytes: u64::MAX, total: u64::MAX, remarks: MAX_REMARKS };
}

/// What a block, an item or a cell of a table takes in a report, even without text.
const PART_BYTES: u64 = 16;

/// The most remarks a plugin may put at the top of a report, where they compete with all others.
const MAX_REMARKS: usize = 8;

/// Takes blocks until a limit is reached.
pub fn take(blocks: Vec<Block>, limits: &Limits, share: Share) -> Taken {
    let mut budget = Budget::new(limits, share);
    let mut taken = Taken::default();
    let (count, mut remarks) = (blocks.len(), 0);
    for (index, mut block) in blocks.into_iter().enumerate() {
        if index == limits.blocks as usize {
            taken.failure = Some(format!("it returned {count} blocks and may return {}", limits.blocks));
            break;
        }
        budget.block(&mut block);
        let bytes = budget.bytes(index + 1);
        if let Some(excess) = budget.excess(bytes) {
            // What goes beyond the limit is left out whole: half a table misleads.
            taken.failure = Some(excess);
            break;
        }
        taken.bytes = bytes;
        match block.into() {
            Part::Block(block) => taken.blocks.push(block),
            Part::Remark(line) => {
                remarks += 1;
                if taken.remarks.len() < share.remarks.min(MAX_REMARKS) {
                    taken.remarks.push(line);
                }
            }
            // The interface has no other parts.
            _ => {}
        }
    }
    if remarks > MAX_REMARKS {
        taken.failure = taken.failure.or_else(|| Some(format!("it made more than {MAX_REMARKS} remarks")));
    } else if remarks > taken.remarks.len() {
        // Others have remarks too; that is not its fault.
        taken.remarks.push(format!("and {} more remarks", remarks - taken.remarks.len()));
    }
    taken.failure = taken.failure.or_else(|| budget.complaint());
    taken
}

/// How much there is of what the limits are about.
#[derive(Debug, Default, PartialEq)]
pub struct Measured {
    pub text_bytes: u64,
    /// The longest single text.
    pub longest_bytes: u64,
    pub blocks: u64,
    pub items: u64,
}

/// Measures blocks as the plugin handed them over.
pub fn measure(blocks: &[Block]) -> Measured {
    let unlimited = Limits { text_bytes: u64::MAX, ..Limits::default() };
    let mut budget = Budget::new(&unlimited, Share::WHOLE);
    blocks.iter().for_each(|block| budget.block(&mut block.clone()));
    let Budget { text_bytes, longest_bytes, items, .. } = budget;
    Measured { text_bytes, longest_bytes, blocks: blocks.len() as u64, items }
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

/// What a section has used up of its limits.
struct Budget<'a> {
    limits: &'a Limits,
    share: Share,
    text_bytes: u64,
    longest_bytes: u64,
    items: u64,
    cells: u64,
    cut_texts: u64,
    bad_rows: u64,
}

impl<'a> Budget<'a> {
    fn new(limits: &'a Limits, share: Share) -> Budget<'a> {
        Budget {
            limits,
            share,
            text_bytes: 0,
            longest_bytes: 0,
            items: 0,
            cells: 0,
            cut_texts: 0,
            bad_rows: 0,
        }
    }

    /// What so many blocks have taken of the share.
    fn bytes(&self, blocks: usize) -> u64 {
        let parts = (blocks as u64).saturating_add(self.items).saturating_add(self.cells);
        self.text_bytes.saturating_add(parts.saturating_mul(PART_BYTES))
    }

    fn excess(&self, taken: u64) -> Option<String> {
        if self.text_bytes > self.limits.output_bytes {
            let limit = bytes(self.limits.output_bytes);
            return Some(format!("its text is longer than {limit}; the rest is left out"));
        }
        if self.items > u64::from(self.limits.items) {
            let items = self.limits.items;
            return Some(format!("it returned more than {items} rows, fields, members and frames"));
        }
        if taken > self.share.bytes {
            let Share { bytes: part, total, .. } = self.share;
            return Some(format!(
                "the rest is left out: plugins may hand over {} in all for one report, and {} of that were left for it",
                bytes(total),
                bytes(part)
            ));
        }
        None
    }

    fn complaint(&self) -> Option<String> {
        match (self.bad_rows, self.cut_texts) {
            (0, 0) => None,
            (0, cut) => {
                Some(format!("{cut} texts were longer than {} and are cut", bytes(self.limits.text_bytes)))
            }
            (rows, _) => Some(format!("{rows} table rows had more cells than columns and are left out")),
        }
    }

    fn text(&mut self, text: &mut String) {
        if text.len() as u64 > self.limits.text_bytes {
            self.cut_texts += 1;
            *text = cut(std::mem::take(text), self.limits.text_bytes);
        }
        self.text_bytes += text.len() as u64;
        self.longest_bytes = self.longest_bytes.max(text.len() as u64);
    }

    fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t mut String>) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    fn count(&mut self, items: usize) {
        self.items += items as u64;
    }

    fn block(&mut self, block: &mut Block) {
        match block {
            Block::Heading(heading) => self.text(&mut heading.text),
            Block::Paragraph(text) | Block::Preformatted(text) | Block::Remark(text) => self.text(text),
            Block::Fields(fields) => self.fields(fields),
            Block::Table(table) => self.table(table),
            Block::Trace(trace) => self.trace(trace),
            Block::Graph(graph) => self.graph(graph),
        }
    }

    fn fields(&mut self, fields: &mut [Field]) {
        self.count(fields.len());
        for Field { key, value } in fields {
            self.text(key);
            self.value(value);
        }
    }

    fn table(&mut self, table: &mut Table) {
        self.count(table.columns.len() + table.rows.len());
        self.texts(&mut table.columns);
        let (rows, columns) = (table.rows.len(), table.columns.len());
        table.rows.retain(|row| row.len() <= columns);
        self.bad_rows += (rows - table.rows.len()) as u64;
        self.cells += table.rows.iter().map(|row| row.len() as u64).sum::<u64>();
        table.rows.iter_mut().flatten().for_each(|cell| self.value(cell));
    }

    fn trace(&mut self, trace: &mut Trace) {
        self.text(&mut trace.title);
        self.count(trace.summary.len() + trace.members.len());
        self.texts(trace.summary.iter_mut().chain(&mut trace.idle));
        trace.members.iter_mut().for_each(|Member { name, fields, .. }| {
            self.texts(name);
            self.fields(fields);
        });
        trace.frames.iter_mut().for_each(|frame| self.frame(frame));
        self.texts(&mut trace.doubt);
    }

    fn graph(&mut self, graph: &mut Graph) {
        self.count(graph.nodes.len() + graph.cycles.len());
        for cycle in &mut graph.cycles {
            self.count(cycle.members.len());
            self.text(&mut cycle.certainty);
        }
        for Node { library, kind, party, waits, holds, .. } in &mut graph.nodes {
            self.count(waits.len() + holds.len());
            self.texts([library, kind]);
            party.iter_mut().for_each(|party| self.party(party));
            for Wait { party, want, progress, place, .. } in waits {
                self.party(party);
                self.texts([want, progress]);
                place.iter_mut().for_each(|place| self.frame(place));
            }
            for Hold { party, role, certainty, variable, function, doing, place, .. } in holds {
                self.party(party);
                self.texts([role, certainty]);
                self.texts(variable.iter_mut().chain(function).chain(doing));
                place.iter_mut().for_each(|place| self.frame(place));
            }
        }
    }

    fn party(&mut self, party: &mut Party) {
        self.text(&mut party.kind);
        self.texts(&mut party.name);
    }

    /// Each of its calls is a line of the report.
    fn frame(&mut self, frame: &mut Frame) {
        self.count(frame.calls.len().max(1));
        self.texts(&mut frame.branch);
        self.texts(&mut frame.module);
        for call in &mut frame.calls {
            self.text(&mut call.function);
            self.texts(&mut call.file);
        }
        self.fields(&mut frame.details);
    }

    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Text(text) => self.text(text),
            Value::List(list) => {
                self.count(list.len());
                for scalar in list {
                    if let Scalar::Text(text) = scalar {
                        self.text(text);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
