//! What is asked when names are looked up, and where the answers go.

use std::convert::Infallible;

use gmr_report::resolve::CodeOffset::{self, Instruction, Return};
use gmr_report::resolve::{resolve, wanted};
use gmr_report::{
    Call, Frame, Header, NativeSection, Report, Section, Trace, TraceKind, Trigger, TriggerKind,
};

fn frame(module: &str, offset: u64) -> Frame {
    let mut frame = Frame::default();
    frame.address = Some(0x1000 + offset);
    frame.module = Some(module.to_owned());
    frame.offset = Some(offset);
    frame
}

fn interrupted(mut frame: Frame) -> Frame {
    frame.interrupted = true;
    frame
}

fn named(function: &str, mut frame: Frame) -> Frame {
    frame.calls.push(Call::of(function));
    frame
}

fn report(stacks: Vec<Vec<Frame>>) -> Report {
    let trigger = Trigger::new(TriggerKind::Call, "");
    let mut report = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
    let traces = stacks.into_iter().map(|frames| {
        let mut trace = Trace::new(TraceKind::Stack, "");
        trace.frames = frames;
        trace.into()
    });
    report.sections.push(Section::native(NativeSection::Threads).with_blocks(traces));
    report
}

/// The functions of each frame, after a look-up that names every offset, and how many were named.
fn resolved(report: &mut Report, all: bool) -> (usize, Vec<Vec<String>>) {
    let name = |offset: &CodeOffset| vec![Call::of("inner"), Call::of(format!("{offset:?}"))];
    let answers = |offsets: &[CodeOffset]| Ok::<_, Infallible>(offsets.iter().map(name).collect());
    let Ok(count) = resolve(report, "shop", all, answers);
    let frames = report.sections[0].blocks.iter().flat_map(|block| match block {
        gmr_report::Block::Trace(trace) => trace.frames.clone(),
        _ => Vec::new(),
    });
    (count, frames.map(|frame| frame.calls.into_iter().map(|call| call.function).collect()).collect())
}

/// What is asked of these stacks.
#[track_caller]
fn check(stacks: Vec<Vec<Frame>>, expected: &[CodeOffset]) {
    let mut report = report(stacks);
    let mut asked = Vec::new();
    let Ok(named) = resolve(&mut report, "shop", false, |offsets| {
        asked.extend_from_slice(offsets);
        Ok::<_, Infallible>(Vec::new())
    });
    assert_eq!((asked.as_slice(), named), (expected, 0));
}

#[test]
fn the_innermost_frame_stands_at_its_instruction_and_a_caller_behind_its_call() {
    check(
        vec![vec![frame("shop", 8), frame("shop", 9), frame("shop", 9)], vec![frame("shop", 10)]],
        &[Instruction(8), Return(9), Return(9), Instruction(10)],
    );
}

#[test]
fn a_frame_that_a_signal_interrupted_stands_at_its_instruction() {
    check(
        vec![vec![frame("shop", 7), frame("shop", 8), interrupted(frame("shop", 9)), frame("shop", 10)]],
        &[Instruction(7), Return(8), Instruction(9), Return(10)],
    );
}

#[test]
fn other_modules_frames_without_an_offset_and_those_with_names_are_not_asked_for() {
    let mut nowhere = frame("shop", 5);
    nowhere.offset = None;
    let stack =
        || vec![frame("libc", 4), nowhere.clone(), named("given", frame("shop", 6)), frame("shop", 7)];
    check(vec![stack()], &[Return(7)]);
    assert_eq!(wanted(&report(vec![stack()]), false), 2, "libc's could be looked up, too");
    assert_eq!(wanted(&report(vec![stack()]), true), 3);
}

#[test]
fn answers_go_to_the_frames_that_were_asked_for() {
    let stack = vec![frame("libc", 4), frame("shop", 5), named("given", frame("shop", 6)), frame("shop", 7)];
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut some = report(vec![stack.clone()]);
    assert_eq!(
        resolved(&mut some, false),
        (2, vec![vec![], names(&["inner", "Return(5)"]), names(&["given"]), names(&["inner", "Return(7)"])])
    );
    let mut all = report(vec![stack]);
    let (count, named) = resolved(&mut all, true);
    assert_eq!((count, &named[2]), (3, &names(&["inner", "Return(6)"])));
}

#[test]
fn a_frame_keeps_its_place_and_its_marks() {
    let mut folded = frame("shop", 8);
    (folded.folded, folded.unverified) = (true, true);
    let mut report = report(vec![vec![folded.clone()]]);
    resolved(&mut report, false);
    let gmr_report::Block::Trace(trace) = &report.sections[0].blocks[0] else { panic!("{report:?}") };
    folded.calls = trace.frames[0].calls.clone();
    assert_eq!(trace.frames, [folded]);
}

#[test]
fn an_error_leaves_the_report_as_it_was() {
    let before = report(vec![vec![frame("shop", 8)]]);
    let mut after = before.clone();
    assert_eq!(resolve(&mut after, "shop", false, |_| Err("no such file")), Err("no such file"));
    assert_eq!(after, before);
}
