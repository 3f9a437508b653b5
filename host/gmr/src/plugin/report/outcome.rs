//! The section that a call's outcome gives. Every outcome gives one: a failure stands where the section would have
//! stood, with what its author needs to mend it.

use gmr_report::{Block, Frame, Origin, Section, Trace};

use crate::plugin::interface::bindings::section::Failure;
use crate::plugin::interface::bindings::wit::document::Block as WitBlock;
use crate::plugin::interface::output_limits;
use crate::plugin::interface::state::PluginState;
use crate::plugin::sandbox::call::Outcome;
use crate::plugin::sandbox::handle::PluginHandle;
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

    /// The section that a call gives that has ended in time. If there is one, what the plugin wants to remember counts.
    pub fn section(&self, limits: &Limits, outcome: Outcome<Result<Vec<WitBlock>, Failure>>) -> Section {
        let mut section = self.empty();
        let mut frames = Vec::new();
        match outcome.result {
            Ok(Ok(blocks)) => {
                self.state.commit(outcome.draft);
                let taken = output_limits::take(blocks, limits);
                (section.blocks, section.remarks, section.failure) =
                    (taken.blocks, taken.remarks, taken.failure);
            }
            Ok(Err(failure)) => {
                section.failure = Some(output_limits::cut(reason(failure), limits.text_bytes))
            }
            Err(broken) => {
                section.failure = Some(broken.reason);
                frames = broken.frames;
            }
        }
        if let Some(failure) = &mut section.failure {
            *failure = format!("{failure} ({})", self.source);
            section.blocks.extend(stood_at(frames));
            section.blocks.extend(wrote(outcome.diagnostics));
        } else if self.config.show_diagnostics && !outcome.diagnostics.is_empty() {
            section.blocks.push(Block::heading(2, "Diagnostics"));
            section.blocks.extend(wrote(outcome.diagnostics));
        }
        if self.config.show_state {
            section.blocks.extend(self.state.shown());
        }
        section
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

/// The frames of a trap, as a block.
fn stood_at(frames: Vec<Frame>) -> Option<Block> {
    (!frames.is_empty()).then(|| {
        let mut trace = Trace::stack("where it stood");
        trace.frames = frames;
        trace.into()
    })
}

fn wrote(diagnostics: String) -> Option<Block> {
    (!diagnostics.is_empty()).then(|| Block::preformatted(diagnostics))
}
