//! Secrets in a section: every text of every kind of block, with what field names, column titles and headings say.
//!
//! This is the last step before a section becomes part of a report. What it does not know how to look into is turned into
//! words and looked at as a text, so that nothing passes for being of a new kind.

use std::borrow::Cow;

use super::json::{join, list};
use super::keys::{self, Judgement};
use super::path::Standing;
use super::seen::Seen;
use super::text::{tells_nothing, text};
use super::{MASK, Secrets, pairs};
use crate::model::graph::{Graph, Party};
use crate::model::{
    Block, Detail, Field, Frame, Header, Member, NativeSection, Origin, Reason, Section, Trace, Value,
};

impl Secrets {
    /// Replaces the secrets in a section: in its names, its remarks and all that its blocks say. A field has the path
    /// `section.field`.
    ///
    /// Not looked at are names of functions, files and modules in the frames of [`Origin::Native`] sections, since those
    /// are the program's own and many, and the blocks of the native section `configuration`, whose values were masked by
    /// [`Secrets::json`] when their paths were known.
    ///
    /// ```
    /// use gmr_report::mask::Secrets;
    /// use gmr_report::{Block, Field, Origin, Section, Value};
    ///
    /// let field = Field::new("dsn", "postgres://shop:hunter2@db/shop");
    /// let mut section = Section::new("pool", "Pool", Origin::Application).with_blocks([Block::fields([field])]);
    /// Secrets::default().section(&mut section);
    /// let Block::Fields { fields, .. } = &section.blocks[0] else { unreachable!() };
    /// assert_eq!(fields[0].value, Value::from("postgres://shop:***@db/shop"));
    /// ```
    pub fn section(&self, section: &mut Section) {
        mask(&mut section.name);
        mask(&mut section.title);
        section.failure.iter_mut().chain(&mut section.remarks).for_each(mask);
        let is_native = section.origin == Origin::Native;
        if is_native && section.name == NativeSection::Configuration.name() {
            return;
        }
        let (section_name, clean, standings) = (section.name.clone(), Seen::default(), Seen::default());
        let mut place = Place { secrets: self, section: section_name, is_native, clean, standings };
        let mut is_below_secret = false;
        for block in &mut section.blocks {
            if let Block::Heading { text, .. } = block {
                is_below_secret = !is_native && place.is_secret_heading(text);
                place.mask(text);
            } else if is_below_secret && let Block::Fields { fields } = block {
                // The names are what a secret's table is looked up by.
                *block = Block::fields([Field::new(MASK, format!("{} hidden", fields.len()))]);
            } else {
                place.block(block);
            }
        }
    }

    /// Replaces the secrets in a report's head: in the service's name and version, the host's name, and what is told of
    /// the trigger.
    pub fn header(&self, header: &mut Header) {
        let texts = [&mut header.service, &mut header.version, &mut header.host, &mut header.trigger.detail];
        texts.into_iter().for_each(mask);
    }
}

fn mask(shown: &mut String) {
    if let Cow::Owned(masked) = text(shown) {
        *shown = masked;
    }
}

/// The section that a block stands in.
struct Place<'s> {
    secrets: &'s Secrets,
    section: String,
    /// The reporter's own names say nothing of secrets.
    is_native: bool,
    /// Texts without a secret.
    clean: Seen<()>,
    /// What fields' keys say.
    standings: Seen<Standing>,
}

impl Place<'_> {
    /// The text without the secrets in it.
    fn text<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if self.clean.get(text).is_some() {
            return Cow::Borrowed(text);
        }
        let masked = self::text(text);
        if matches!(masked, Cow::Borrowed(_)) {
            self.clean.keep(text, ());
        }
        masked
    }

    fn mask(&mut self, shown: &mut String) {
        if let Cow::Owned(masked) = self.text(shown) {
            *shown = masked;
        }
    }

    /// A reason that says a secret becomes its words without it.
    fn reason(&mut self, reason: &mut Reason) {
        if let Cow::Owned(masked) = self.text(&reason.to_string()) {
            *reason = Reason::Text(masked);
        }
    }

    /// What the key of a field says of its value.
    fn standing(&mut self, key: &str) -> Standing {
        self.standings.get(key).unwrap_or_else(|| {
            let standing = self.secrets.standing(&join(&self.section, key));
            self.standings.keep(key, standing);
            standing
        })
    }

    fn is_secret_heading(&self, heading: &str) -> bool {
        let is_key = !heading.contains(char::is_whitespace);
        is_key
            && self.secrets.standing(&join(&self.section, heading.trim_end_matches(':')))
                == Standing::Judged(Judgement::Secret)
    }

    fn block(&mut self, block: &mut Block) {
        match block {
            Block::Heading { text, .. } | Block::Paragraph { text } | Block::Preformatted { text } => {
                self.mask(text);
            }
            Block::Fields { fields } => self.fields(fields),
            Block::Table { columns, rows } => self.table(columns, rows),
            Block::Trace(trace) => self.trace(trace),
            Block::Graph(graph) => self.graph(graph),
            Block::Notes { notes } => notes.iter_mut().for_each(|note| self.reason(note)),
            Block::Unknown(unknown) => {
                if let Cow::Owned(masked) = self.text(&unknown.to_string()) {
                    *block = Block::paragraph(masked);
                }
            }
        }
    }

    /// Whether this is the reporter's own name of a field.
    fn is_own(&self, field: &Field) -> bool {
        self.is_native && matches!(field.key, Cow::Borrowed(_))
    }

    fn fields(&mut self, fields: &mut [Field]) {
        let names_secret = |field: &Field| {
            pairs::is_name(&field.key) && matches!(&field.value, Value::Text(name) if keys::is_secret(name))
        };
        let may_be_value = |field: &Field| !self.is_own(field) && pairs::is_value(&field.key);
        let has_secret_value = fields.iter().any(may_be_value) && fields.iter().any(names_secret);
        for field in fields {
            self.field(field, has_secret_value);
        }
    }

    fn field(&mut self, field: &mut Field, has_secret_value: bool) {
        if self.is_own(field) {
            return self.value(&mut field.value);
        }
        match self.standing(&field.key) {
            Standing::Shown => return,
            Standing::Judged(_) if has_secret_value && pairs::is_value(&field.key) => {
                self.hide(&mut field.value, Judgement::Secret);
            }
            Standing::Judged(judgement) => self.hide(&mut field.value, judgement),
        }
        if let Some(key) = below_secret(&field.key) {
            field.key = key.into();
        } else if let Cow::Owned(masked) = self.text(&field.key) {
            field.key = masked.into();
        }
    }

    fn table(&mut self, columns: &mut [String], rows: &mut [Vec<Value>]) {
        let standings = columns.iter().map(|column| self.secrets.standing(&join(&self.section, column)));
        let standings: Vec<Standing> = standings.collect();
        let name = columns.iter().position(|column| pairs::is_name(column));
        let of_a_pair = |at: usize| Some(at) != name && (columns.len() == 2 || pairs::is_value(&columns[at]));
        for row in rows {
            let is_secret = name
                .and_then(|at| row.get(at))
                .is_some_and(|name| matches!(name, Value::Text(name) if keys::is_secret(name)));
            for (at, cell) in row.iter_mut().enumerate() {
                match standings.get(at) {
                    Some(Standing::Shown) => {}
                    _ if is_secret && at < columns.len() && of_a_pair(at) && !self.is_native => {
                        self.hide(cell, Judgement::Secret);
                    }
                    Some(Standing::Judged(judgement)) if !self.is_native => self.hide(cell, *judgement),
                    _ => self.value(cell),
                }
            }
        }
        columns.iter_mut().for_each(|column| self.mask(column));
    }

    fn trace(&mut self, trace: &mut Trace) {
        self.mask(&mut trace.title);
        trace.summary.iter_mut().chain(&mut trace.idle).for_each(|line| self.mask(line));
        trace.members.iter_mut().for_each(|member| self.member(member));
        trace.frames.iter_mut().for_each(|frame| self.frame(frame));
        trace.doubt.iter_mut().for_each(|doubt| self.reason(doubt));
    }

    fn graph(&mut self, graph: &mut Graph) {
        for node in &mut graph.nodes {
            node.party.iter_mut().for_each(|party| self.party(party));
            node.waits.iter_mut().for_each(|wait| self.party(&mut wait.party));
            for hold in &mut node.holds {
                self.party(&mut hold.party);
                hold.doing.iter_mut().for_each(|doing| self.mask(doing));
                if !self.is_native {
                    hold.variable.iter_mut().chain(&mut hold.function).for_each(|name| self.mask(name));
                }
            }
        }
        graph.places_mut().for_each(|place| self.frame(place));
    }

    fn party(&mut self, party: &mut Party) {
        party.name.iter_mut().for_each(|name| self.mask(name));
    }

    fn member(&mut self, member: &mut Member) {
        member.name.iter_mut().for_each(|name| self.mask(name));
        self.fields(&mut member.fields);
    }

    fn frame(&mut self, frame: &mut Frame) {
        for detail in &mut frame.details {
            match detail {
                Detail::Name(name) | Detail::Text(name) => self.mask(name),
                Detail::Unknown(unknown) => {
                    if let Cow::Owned(masked) = self.text(&unknown.to_string()) {
                        *detail = Detail::Text(masked);
                    }
                }
                _ => {}
            }
        }
        if self.is_native {
            return;
        }
        frame.branch.iter_mut().chain(&mut frame.module).for_each(|name| self.mask(name));
        for call in &mut frame.calls {
            self.mask(&mut call.function);
            call.file.iter_mut().for_each(|file| self.mask(file));
        }
    }

    /// Hides a value as far as its key says. Yes, no and nothing are never secrets.
    fn hide(&mut self, shown: &mut Value, judgement: Judgement) {
        let is_open = match (&*shown, judgement) {
            (_, Judgement::Open) | (Value::Flag(_) | Value::None | Value::Redacted, _) => true,
            (Value::List(values), _) if values.is_empty() => true,
            (Value::Text(text), _) if tells_nothing(text) => true,
            (Value::Text(text), _) => match judgement.hides(text) {
                Some(0) => false,
                Some(from) => {
                    *shown = format!("{}{MASK}", self.text(&text[..from])).into();
                    return;
                }
                None => true,
            },
            (_, Judgement::Doubtful | Judgement::Hook | Judgement::Measure) => true,
            _ => false,
        };
        if is_open { self.value(shown) } else { *shown = Value::Redacted }
    }

    /// Replaces the secrets that a value says by itself.
    fn value(&mut self, shown: &mut Value) {
        match shown {
            Value::Text(words) => {
                if let Cow::Owned(masked) = self.text(words) {
                    *shown = if masked == MASK { Value::Redacted } else { masked.into() };
                }
            }
            Value::List(values) => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(&**text),
                    _ => None,
                });
                let hidden = list(&texts.collect::<Vec<_>>());
                for (value, hidden) in values.iter_mut().zip(hidden) {
                    match hidden {
                        Some(masked) if masked == MASK => *value = Value::Redacted,
                        Some(masked) => *value = masked.into(),
                        None => self.value(value),
                    }
                }
            }
            Value::Unknown(unknown) => {
                if let Cow::Owned(masked) = self.text(&unknown.to_string()) {
                    *shown = masked.into();
                }
            }
            _ => {}
        }
    }
}

/// A key that goes on below a secret's, with what it goes on by replaced.
fn below_secret(key: &str) -> Option<String> {
    let (mut start, mut owner) = (0, "");
    for part in key.split('.') {
        let end = start + part.len();
        if end < key.len() && keys::judge(owner, part) == Judgement::Secret {
            return Some(format!("{}.{MASK}", &key[..end]));
        }
        (start, owner) = (end + 1, part);
    }
    None
}
