//! `report`: what the report has collected until now. Granted by `report`.

use gmr_report::{Report, Section};
use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::document::Block;
use crate::plugin::interface::bindings::wit::grants::Denial;
use crate::plugin::interface::bindings::wit::report::{Host, ReportError, SectionHead};
use crate::plugin::sandbox::store::State;

impl Host for State {
    fn sections(&mut self) -> Result<Result<Vec<SectionHead>, Denial>> {
        self.limiter.count_host_call()?;
        let allowed = self.identity.allow(Grant::Report);
        Ok(allowed.map(|()| self.subject.report.sections.iter().map(head).collect()))
    }

    fn blocks(&mut self, section: String, first: u32, count: u32) -> Result<Result<Vec<Block>, ReportError>> {
        self.limiter.count_host_call()?;
        if let Err(denial) = self.identity.allow(Grant::Report) {
            return Ok(Err(ReportError::Denied(denial)));
        }
        Ok(blocks(&self.subject.report, &section, first, count).ok_or(ReportError::Unknown))
    }
}

fn head(section: &Section) -> SectionHead {
    SectionHead {
        name: section.name.clone(),
        title: section.title.clone(),
        failure: section.failure.clone(),
        remarks: section.remarks.clone(),
        blocks: u32::try_from(section.blocks.len()).unwrap_or(u32::MAX),
    }
}

fn blocks(report: &Report, section: &str, first: u32, count: u32) -> Option<Vec<Block>> {
    let blocks = &report.section(section)?.blocks;
    Some(blocks.iter().skip(first as usize).take(count as usize).map(Block::from).collect())
}
