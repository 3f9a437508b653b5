//! Looking up functions, files and lines for the frames of a report after it was made: which files are wanted, which
//! offsets in them, and where the answers go. Files are opened elsewhere: a lookup takes offsets and gives calls.

mod modules;

use crate::model::graph::Graph;
use crate::model::{Block, Call, Frame, Report, Trace, TraceKind, fold_start};

pub use modules::{LoadedFile, LoadedFiles};

/// Where a frame stands in its module, as the module's own file counts it. There is no third case, so it can be matched
/// exhaustively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOffset {
    /// At this instruction: a thread was interrupted here, by a look at it or by a signal.
    Instruction(u64),
    /// Behind the call that this is the return address of.
    Return(u64),
}

/// How many frames could be looked up: those of stacks and of wait-for graphs that have a module and an offset, and no
/// name yet. With `all` also those that have one.
pub fn wanted(report: &Report, all: bool) -> usize {
    let blocks = || report.sections.iter().flat_map(|section| &section.blocks);
    let stacks = blocks().filter_map(|block| match block {
        Block::Trace(trace) if trace.kind == TraceKind::Stack => Some(&trace.frames),
        _ => None,
    });
    let graphs = blocks().filter_map(|block| match block {
        Block::Graph(graph) => Some(graph.places()),
        _ => None,
    });
    stacks
        .flatten()
        .chain(graphs.flatten())
        .filter(|frame| is_wanted(frame, all) && frame.module.is_some() && frame.offset.is_some())
        .count()
}

/// Looks the frames up that lie in a module, and returns how many got a name. `look_up` gives the calls at each of the
/// offsets, the innermost inlined one first; none for those that it does not know.
///
/// # Errors
///
/// That of `look_up`; the report is as it was then.
///
/// ```
/// use gmr_report::{Block, Call, Frame, Header, NativeSection, Report, Section, Trace, Trigger, TriggerKind};
/// use gmr_report::resolve::{CodeOffset, resolve};
///
/// let mut frame = Frame::default();
/// (frame.module, frame.offset) = (Some("/srv/shop".to_owned()), Some(0x1234));
/// let mut trace = Trace::stack("4711  \"main\"");
/// trace.frames.push(frame);
/// let trigger = Trigger::new(TriggerKind::Call, "");
/// let mut report = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
/// report.sections.push(Section::native(NativeSection::Threads).with_blocks([trace.into()]));
///
/// let named = resolve(&mut report, "/srv/shop", false, |offsets| {
///     assert_eq!(offsets, [CodeOffset::Instruction(0x1234)]);
///     Ok::<_, std::convert::Infallible>(vec![vec![Call::of("shop::serve")]])
/// });
/// assert_eq!(named, Ok(1));
/// ```
pub fn resolve<E>(
    report: &mut Report,
    module: &str,
    all: bool,
    look_up: impl FnOnce(&[CodeOffset]) -> Result<Vec<Vec<Call>>, E>,
) -> Result<usize, E> {
    let lies_within = |frame: &Frame| frame.module.as_deref() == Some(module) && is_wanted(frame, all);
    let mut offsets = Vec::new();
    for trace in stacks(report) {
        let frames = trace.frames.iter().enumerate().filter(|(_, frame)| lies_within(frame));
        offsets.extend(frames.filter_map(|(depth, frame)| offset(depth, frame)));
    }
    for graph in graphs(report) {
        let places = graph.places().filter(|place| lies_within(place));
        offsets.extend(places.filter_map(|place| offset(CALLER, place)));
    }
    // One answer for each question, and the questions come in the same order again.
    let mut answers = look_up(&offsets)?.into_iter();
    let mut named = 0;
    let mut name = |frame: &mut Frame| {
        if lies_within(frame)
            && frame.offset.is_some()
            && let Some(calls) = answers.next().filter(|calls| !calls.is_empty())
        {
            frame.calls = calls;
            named += 1;
        }
    };
    for trace in stacks(report) {
        trace.frames.iter_mut().for_each(&mut name);
        // Folded as a whole is what stands there because of the report itself.
        if !trace.frames.iter().all(|frame| frame.folded) {
            fold_start(&mut trace.frames);
        }
    }
    graphs(report).flat_map(Graph::places_mut).for_each(name);
    Ok(named)
}

/// The depth of a frame that called another one, as every place of a graph has: it stands in the application's function,
/// and the wait is below it. One that was interrupted there says so.
const CALLER: usize = 1;

fn is_wanted(frame: &Frame, all: bool) -> bool {
    all || frame.calls.is_empty()
}

fn offset(depth: usize, frame: &Frame) -> Option<CodeOffset> {
    let offset = frame.offset?;
    let is_exact = depth == 0 || frame.interrupted;
    Some(if is_exact { CodeOffset::Instruction(offset) } else { CodeOffset::Return(offset) })
}

/// Awaits have no addresses.
fn stacks(report: &mut Report) -> impl Iterator<Item = &mut Trace> {
    report.sections.iter_mut().flat_map(|section| &mut section.blocks).filter_map(|block| match block {
        Block::Trace(trace) if trace.kind == TraceKind::Stack => Some(trace),
        _ => None,
    })
}

fn graphs(report: &mut Report) -> impl Iterator<Item = &mut Graph> {
    report.sections.iter_mut().flat_map(|section| &mut section.blocks).filter_map(|block| match block {
        Block::Graph(graph) => Some(graph),
        _ => None,
    })
}
