//! The section that a call's outcome gives. Every outcome gives one: a failure stands where the section would have
//! stood, with what its author needs to mend it.

use gmr_report::{Block, Origin, Section};

use crate::plugin::interface::bindings::section::Failure;
use crate::plugin::interface::bindings::wit::document::Block as WitBlock;
use crate::plugin::interface::output_limits::{self, Share};
use crate::plugin::interface::state::PluginState;
use crate::plugin::sandbox::call::Outcome;
use crate::plugin::sandbox::explanation::explanation;
use crate::plugin::sandbox::handle::PluginHandle;
use crate::plugin::sandbox::trap;
use crate::plugin::{Limits, PluginConfig};

/// What is known of a section before its plugin is called.
pub struct SectionHead<'a> {
    pub name: &'a str,
    pub title: &'a str,
    /// File, version and digest, as a failed section names them.
    pub source: &'a str,
    config: &'a PluginConfig,
    state: &'a PluginState,
}

/// Why there is no section, at the least of it.
const LEAST_REASON_BYTES: u64 = 1000;

impl SectionHead<'_> {
    pub fn of(plugin: &PluginHandle) -> SectionHead<'_> {
        SectionHead {
            name: plugin.name(),
            title: &plugin.description.title,
            source: &plugin.source,
            config: plugin.config(),
            state: &plugin.callee.state,
        }
    }

    fn empty(&self) -> Section {
        Section::new(self.name, self.title, Origin::Plugin)
    }

    /// The section that an ended call gives, and what it has of what plugins share. If there is one, what the plugin wants to
    /// remember counts.
    pub fn section(
        &self,
        limits: &Limits,
        share: Share,
        outcome: Outcome<Result<Vec<WitBlock>, Failure>>,
    ) -> (Section, u64) {
        let mut section = self.empty();
        let (mut evidence, mut told_first) = (Vec::new(), false);
        let mut bytes = 0;
        // Of what tells why there is no section, its share leaves some in any case.
        let cut = |text: String, taken: u64| {
            let left = share.bytes.saturating_sub(taken).max(LEAST_REASON_BYTES);
            output_limits::cut(text, limits.text_bytes.min(left))
        };
        match outcome.result {
            Ok(Ok(blocks)) => {
                self.state.commit(outcome.draft);
                let taken = output_limits::take(blocks, limits, share);
                bytes = taken.bytes;
                (section.blocks, section.remarks, section.failure) =
                    (taken.blocks, taken.remarks, taken.failure);
            }
            Ok(Err(failure)) => {
                section.failure = Some(cut(reason(failure), 0));
            }
            Err(broken) => {
                let explanation = explanation(&outcome.diagnostics);
                section.failure = Some(cut(broken.explained(explanation.as_ref()), 0));
                evidence.extend(trap::stood_at(broken.frames, explanation.as_ref()).map(Block::from));
                // What its language says of it comes before where that stood.
                told_first = explanation.is_some();
            }
        }
        if let Some(failure) = &mut section.failure {
            *failure = format!("{failure} ({})", self.source);
            bytes += failure.len() as u64;
            let diagnostics = cut(outcome.diagnostics, bytes);
            bytes += diagnostics.len() as u64;
            evidence.extend(wrote(diagnostics));
            if told_first {
                evidence.reverse();
            }
            section.blocks.extend(evidence);
        } else if self.config.show_diagnostics && !outcome.diagnostics.is_empty() {
            let diagnostics = cut(outcome.diagnostics, bytes);
            bytes += diagnostics.len() as u64;
            section.blocks.push(Block::heading(2, "Diagnostics"));
            section.blocks.extend(wrote(diagnostics));
        }
        if self.config.show_state {
            bytes += self.show_state(&mut section, share.bytes.saturating_sub(bytes));
        }
        (section, bytes)
    }

    /// Adds what the plugin remembers, if it has no more bytes than that. Returns how many.
    fn show_state(&self, section: &mut Section, left: u64) -> u64 {
        let (blocks, bytes) = self.state.shown();
        if bytes > left {
            section.blocks.push(Block::paragraph(
                "what it remembers is left out: there is no room for it in this report",
            ));
            return 0;
        }
        section.blocks.extend(blocks);
        bytes
    }

    /// The section of a plugin that was not called, or whose call is lost.
    pub fn failed(&self, reason: &str) -> Section {
        self.empty().failed(format!("{reason} ({})", self.source))
    }
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Denied(denial) => format!("it needs the grant `{}`: {}", denial.grant, denial.advice),
        Failure::Unavailable(reason) => reason,
        Failure::Settings(reason) => format!("its settings are not right: {reason}"),
        Failure::Other(reason) => reason,
    }
}

fn wrote(diagnostics: String) -> Option<Block> {
    (!diagnostics.is_empty()).then(|| Block::preformatted(diagnostics))
}
