//! The section that a call's outcome gives. Every outcome gives one: a failure stands where the section would have
//! stood, with what its author needs to mend it.

use gmr_report::{Block, Frame, Origin, Section, Trace};

use crate::plugin::Limits;
use crate::plugin::interface::bindings::section::Failure;
use crate::plugin::interface::bindings::wit::document::Block as WitBlock;
use crate::plugin::interface::output_limits::{self, Share};
use crate::plugin::sandbox::call::Outcome;
use crate::plugin::sandbox::handle::PluginHandle;

/// What is known of a section before its plugin is called.
pub struct SectionHead<'a> {
    pub name: &'a str,
    pub title: &'a str,
    /// File, version and digest, as a failed section names them.
    pub source: &'a str,
}

/// Why there is no section, at the least of it.
const LEAST_REASON_BYTES: u64 = 1000;

/// Of a name in a trap's frames. Functions of Rust with all their generics have some hundred.
const NAME_BYTES: u64 = 1000;

impl SectionHead<'_> {
    pub fn of(plugin: &PluginHandle) -> SectionHead<'_> {
        SectionHead { name: plugin.name(), title: &plugin.description.title, source: &plugin.source }
    }

    fn empty(&self) -> Section {
        Section::new(self.name, self.title, Origin::Plugin)
    }

    /// The section that an ended call gives, and what it has of what plugins share.
    pub fn section(
        &self,
        limits: &Limits,
        share: Share,
        outcome: Outcome<Result<Vec<WitBlock>, Failure>>,
    ) -> (Section, u64) {
        let mut section = self.empty();
        let mut frames = Vec::new();
        let mut bytes = 0;
        // Of what tells why there is no section, its share leaves some in any case.
        let cut = |text: String, taken: u64| {
            let left = share.bytes.saturating_sub(taken).max(LEAST_REASON_BYTES);
            output_limits::cut(text, limits.text_bytes.min(left))
        };
        match outcome.result {
            Ok(Ok(blocks)) => {
                let taken = output_limits::take(blocks, limits, share);
                bytes = taken.bytes;
                (section.blocks, section.remarks, section.failure) =
                    (taken.blocks, taken.remarks, taken.failure);
            }
            Ok(Err(failure)) => {
                section.failure = Some(cut(reason(failure), 0));
            }
            Err(broken) => {
                section.failure = Some(cut(broken.reason, 0));
                frames = broken.frames;
            }
        }
        if let Some(failure) = &mut section.failure {
            *failure = format!("{failure} ({})", self.source);
            bytes += failure.len() as u64;
            section.blocks.extend(stood_at(frames));
            let diagnostics = cut(outcome.diagnostics, bytes);
            bytes += diagnostics.len() as u64;
            section.blocks.extend(wrote(diagnostics));
        }
        (section, bytes)
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

/// The frames of a trap, as a block. What stands in a file as a function's name may be of any length.
fn stood_at(mut frames: Vec<Frame>) -> Option<Block> {
    let shorten = |name: &mut String| *name = output_limits::cut(std::mem::take(name), NAME_BYTES);
    for frame in &mut frames {
        frame.module.iter_mut().for_each(shorten);
        for call in &mut frame.calls {
            shorten(&mut call.function);
            call.file.iter_mut().for_each(shorten);
        }
    }
    (!frames.is_empty()).then(|| {
        let mut trace = Trace::stack("where it stood");
        trace.frames = frames;
        trace.into()
    })
}

fn wrote(diagnostics: String) -> Option<Block> {
    (!diagnostics.is_empty()).then(|| Block::preformatted(diagnostics))
}
