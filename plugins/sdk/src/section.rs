//! Building a section, block by block.

use crate::bindings::gmr::plugin::document::Heading;
use crate::graph::Graph;
use crate::{Block, Field, Table, Trace, Value};

/// A section's body: blocks in the order in which they are shown.
///
/// ```
/// use gmr_plugin::{Section, Table, Value};
///
/// let mut table = Table::new(["queue", "jobs", "memory"]);
/// table.row(["mail".into(), 3.into(), Value::Bytes(4096)]);
///
/// let mut section = Section::new();
/// section.field("workers", 8).field("paused", false).table(table);
/// section.remark("mail has not moved for 12 min");
///
/// assert_eq!(
///     section.to_string(),
///     "look at: mail has not moved for 12 min\n\
///      workers = 8\n\
///      paused = false\n\
///      queue  jobs   memory\n\
///      mail      3  4.0 KiB\n",
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    blocks: Vec<Block>,
}

impl Section {
    /// An empty section.
    pub fn new() -> Section {
        Section::default()
    }

    /// Adds a heading. Levels go from 1, the widest, to 3; the host brings others into that range.
    pub fn heading(&mut self, level: u8, text: impl Into<String>) -> &mut Section {
        self.block(Block::Heading(Heading { level, text: text.into() }))
    }

    /// Adds running text; line breaks are kept.
    pub fn paragraph(&mut self, text: impl Into<String>) -> &mut Section {
        self.block(Block::Paragraph(text.into()))
    }

    /// Adds one named value, to the fields before it if there are any.
    pub fn field(&mut self, key: impl Into<String>, value: impl Into<Value>) -> &mut Section {
        self.fields([Field::new(key, value)])
    }

    /// Adds one named value if there is one.
    pub fn field_if(&mut self, key: impl Into<String>, value: Option<impl Into<Value>>) -> &mut Section {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Adds named values, to the fields before them if there are any.
    pub fn fields(&mut self, fields: impl IntoIterator<Item = impl Into<Field>>) -> &mut Section {
        let mut fields = fields.into_iter().map(Into::into).peekable();
        match self.blocks.last_mut() {
            Some(Block::Fields(before)) => before.extend(fields),
            _ if fields.peek().is_some() => self.blocks.push(Block::Fields(fields.collect())),
            _ => {}
        }
        self
    }

    /// Adds rows under column titles.
    pub fn table(&mut self, table: Table) -> &mut Section {
        self.block(Block::Table(table))
    }

    /// Adds a stack or a chain of awaits, with everything that stands in it.
    pub fn trace(&mut self, trace: Trace) -> &mut Section {
        self.block(Block::Trace(trace))
    }

    /// Adds who waits for what, and who holds it.
    pub fn graph(&mut self, graph: Graph) -> &mut Section {
        self.block(Block::Graph(graph))
    }

    /// Adds text whose layout is kept.
    pub fn preformatted(&mut self, text: impl Into<String>) -> &mut Section {
        self.block(Block::Preformatted(text.into()))
    }

    /// Says in one line what deserves a look first; further lines of the text stand below it. It is shown at the top of the report, under the section's title.
    /// A reader is woken by these at night: say only what needs a person.
    pub fn remark(&mut self, line: impl Into<String>) -> &mut Section {
        self.block(Block::Remark(line.into()))
    }

    /// Adds any block.
    pub fn block(&mut self, block: Block) -> &mut Section {
        self.blocks.push(block);
        self
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Its blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Its remarks.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Remark(line) => Some(line.as_str()),
            _ => None,
        })
    }
}

impl From<Section> for Vec<Block> {
    fn from(section: Section) -> Vec<Block> {
        section.blocks
    }
}

impl Extend<Block> for Section {
    fn extend<I: IntoIterator<Item = Block>>(&mut self, blocks: I) {
        self.blocks.extend(blocks);
    }
}
