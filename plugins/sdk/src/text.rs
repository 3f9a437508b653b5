//! Sections and values as text, as the host prints them.

use std::fmt;

use gmr_report::format::text;
use gmr_report::wit::Part;

use crate::{Scalar, Section, Value};

/// The remarks, which the host prints at the top of the report, then the body as it prints it below the title.
impl fmt::Display for Section {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.remarks().try_for_each(|line| writeln!(to, "look at: {line}"))?;
        let parts = self.blocks().iter().cloned().map(Part::from);
        let blocks: Vec<gmr_report::Block> = parts
            .filter_map(|part| match part {
                Part::Block(block) => Some(block),
                _ => None,
            })
            .collect();
        to.write_str(&text::body(&blocks))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&gmr_report::words::value(&self.clone().into()))
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&gmr_report::words::value(&self.clone().into()))
    }
}
